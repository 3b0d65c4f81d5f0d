/**
 * Draws docs/images/mrDictionary.png: a phantom with woven parts, of which a quarter of the lines was measured by one coil; zero-filled, by total variation, by a learned dictionary, and
 * the dictionary.
 *     npm run build && node scripts/pictureDictionaryMr.mjs
 */
import { iterate, seeded } from "../dist/core/index.js";
import { rawImage, writePng } from "../dist/io/index.js";
import { writeBytes } from "../dist/io/node.js";
import { magneticResonanceOperator } from "../dist/operators/index.js";
import { coilPhantom, dictionaryMr, reconstructMr } from "../dist/reconstruction/index.js";
import { Tensor } from "../dist/tensor/index.js";

const n = 160;
const weave = Tensor.from(
  Float32Array.from({ length: n * n }, (_, k) => {
    const [x, y] = [k % n, Math.floor(k / n)];
    const inside = 1 / (1 + Math.exp(Math.hypot((x - 80) / 34, (y - 84) / 46) * 24 - 24));
    return 1 + 0.35 * inside * Math.sin(0.75 * x + 0.3 * y) * Math.sin(0.5 * y - 0.2 * x);
  }),
  [n, n],
).cast("c64");
const image = coilPhantom([n, n], 1).image.mul(weave);
const random = seeded(6);
const mask = Tensor.from(
  Float32Array.from({ length: n }, (_, i) => (Math.abs(i - n / 2) < 8 || random.uniform() < 0.36 - 0.5 * Math.abs(i / n - 0.5) ? 1 : 0)),
  [n, 1],
);
const operator = magneticResonanceOperator({ mask, shape: [n, n] });
const kspace = operator.apply(image);
const tv = await reconstructMr({ kspace, mask, prior: "tv" });
const learned = await reconstructMr({ kspace, mask, prior: "dictionary" });
const scale = learned.scale;
const problem = {
  normal: operator.normal,
  rhs: operator.adjoint(kspace).div(scale),
  size: 1,
  lipschitz: 1,
  normalInverse: operator.normalInverse,
};
const { state } = await iterate(dictionaryMr(learned.lambda, 40), problem, problem.rhs, {
  iterations: 40,
  keepState: true,
  keepBest: false,
});
const gray = (t) => Uint8Array.from(t.abs().data, (v) => Math.round(255 * Math.min(1, v / 1.2)));
// The atoms, 8 × 8 of 6 × 6 samples, each three times as large.
const atoms = new Uint8Array(n * n).fill(255);
const count = state.atoms.length / 36;
for (let a = 0; a < Math.min(64, count); a++) {
  const d = state.atoms.subarray(36 * a, 36 * a + 36);
  const most = d.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
  for (let y = 0; y < 18; y++)
    for (let x = 0; x < 18; x++)
      atoms[(1 + 20 * (a >> 3) + y) * n + 1 + 20 * (a & 7) + x] = 128 + (127 * d[6 * Math.floor(y / 3) + Math.floor(x / 3)]) / most;
}
const panels = [gray(image), gray(learned.zeroFilled), gray(tv.image), gray(learned.image), atoms];
const gap = 6;
const width = panels.length * (n + gap) - gap;
const out = new Uint8Array(width * n).fill(255);
panels.forEach((p, k) => {
  for (let y = 0; y < n; y++) for (let x = 0; x < n; x++) out[y * width + k * (n + gap) + x] = p[y * n + x];
});
writeBytes("docs/images/mrDictionary.png", writePng(rawImage("png", { data: out, channels: 1, channelKind: "other", size: [width, n] })));
const error = (x) => (x.sub(image).norm().item() / image.norm().item()).toFixed(3);
console.log(
  `sampled ${learned.sampled.toFixed(2)}; relative error ${error(learned.zeroFilled)} zero-filled, ${error(tv.image)} total variation, ${error(learned.image)} dictionary`,
);
process.exit(0);
