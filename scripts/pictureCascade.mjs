/**
 * Draws docs/images/mrCascade.png: a cardiac slice (public domain, Sunnybrook Cardiac Data) measured 6 and 11 times less than whole; the truth, zero-filled, with wavelets or total variation
 * (the default), and by the package's cascade; below each how far off the magnitude is, five times brighter.
 *     npm run build && PULLBACK_DATA=… node scripts/pictureCascade.mjs [SLICE]
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { rawImage, readNpy, writePng } from "../dist/io/index.js";
import { writeBytes } from "../dist/io/node.js";
import { loadModel, networkReconstruction } from "../dist/models/index.js";
import { reconstructMr } from "../dist/reconstruction/index.js";
import { Tensor } from "../dist/tensor/index.js";

const data = join(process.env.PULLBACK_DATA ?? "../shared/data", "inverse", "mr-cardiac");
const read = (name) => readNpy(readFileSync(join(data, `${name}.npy`)));
const s = Number(process.argv[2] ?? 0);
const n = 256;
const slice = (a) => Tensor.from(Float32Array.from(a.data.slice(2 * s * n * n, 2 * (s + 1) * n * n)), [n, n], "c64");
const kspace = slice(read("eval_kspace"));
const truth = slice(read("eval_gt_complex")).abs().data.slice();
const peak = truth.reduce((p, v) => Math.max(p, v), 0);
const white = 0.6 * peak;
const network = networkReconstruction(await loadModel("mr-cascade"));
const [side, from] = [168, [56, 44]]; // the heart and what is about it
const cut = (f) => Uint8Array.from({ length: side * side }, (_, i) => f((from[0] + Math.floor(i / side)) * n + from[1] + (i % side)));
const bright = (v) => Math.round(255 * Math.min(1, Math.max(0, v)));
const rows = [];
for (const factor of [6, 11]) {
  const mask = Tensor.from(Float32Array.from(read(`eval_mask_x${factor}`).data.slice(s * n, (s + 1) * n)), [n, 1]);
  const y = kspace.mul(mask);
  const classical = await reconstructMr({ kspace: y, mask });
  const learned = await reconstructMr({ kspace: y, mask, network });
  const all = [truth, ...[classical.zeroFilled, classical.image, learned.image].map((x) => x.abs().data.slice())];
  const psnr = (x) => 10 * Math.log10((peak * peak * n * n) / x.reduce((e, v, i) => e + (v - truth[i]) ** 2, 0));
  console.log(`${factor}×: ${all.slice(1).map((x) => psnr(x).toFixed(2))} dB`);
  rows.push(all.map((x) => cut((i) => bright(x[i] / white))));
  rows.push(all.map((x) => cut((i) => bright((5 * Math.abs(x[i] - truth[i])) / white))));
}
const gap = 4;
const [width, height] = [rows[0].length, rows.length].map((k) => k * (side + gap) - gap);
const out = new Uint8Array(width * height).fill(255);
rows.forEach((panels, r) => {
  panels.forEach((p, k) => {
    for (let y = 0; y < side; y++) out.set(p.subarray(y * side, (y + 1) * side), (r * (side + gap) + y) * width + k * (side + gap));
  });
});
writeBytes("docs/images/mrCascade.png", writePng(rawImage("png", { data: out, channels: 1, channelKind: "other", size: [width, height] })));
process.exit(0);
