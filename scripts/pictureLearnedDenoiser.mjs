// docs/images/learnedDenoiser.png: noise off a phantom; a blurred one and one with a fifth of its pixels, brought back. Run after npm run build.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { encode } from "fast-png";
import { seeded } from "../dist/core/random.js";
import { learnedDenoiser } from "../dist/models/index.js";
import { blurOperator, maskOperator } from "../dist/operators/index.js";
import { plugAndPlay } from "../dist/priors/index.js";
import { restore } from "../dist/reconstruction/index.js";
import { randomNormal, randomUniform, Tensor } from "../dist/tensor/index.js";

const n = 144;
/** Rings, stripes and a disc. */
const sharp = Tensor.from(
  Float32Array.from({ length: n * n }, (_, k) => {
    const [y, x] = [Math.floor(k / n), k % n];
    const r = Math.hypot(x - 50, y - 52);
    if (r < 40) return 0.5 + 0.4 * Math.cos((r * r) / 110);
    if (x > 96) return (x + y) % 12 < 6 ? 0.85 : 0.2;
    return Math.hypot(x - 60, y - 118) < 18 ? 0.95 : 0.3;
  }),
  [n, n],
);
const f = await learnedDenoiser();
const prior = plugAndPlay(f);
const noisy = sharp.add(randomNormal([n, n], seeded(1)).mul(25 / 255));
const clean = f.denoise(noisy, 25 / 255);
const stroke = Tensor.from(
  Float32Array.from({ length: 121 }, (_, k) => (Math.abs(Math.floor(k / 11) - (k % 11)) < 1 ? 1 / 11 : 0)),
  [11, 11],
);
const operator = blurOperator([n, n], stroke);
const data = operator.apply(sharp).add(randomNormal([n, n], seeded(2)).mul(0.01));
const deblurred = (await restore({ operator, data, prior, lambda: "auto", noise: 0.01 })).image;
const mask = randomUniform([n, n], 0, 1, seeded(3)).less(0.2);
const few = sharp.mul(mask);
const filled = (await restore({ operator: maskOperator(mask), data: few, prior, lambda: "auto" })).image;
const rows = [
  [noisy, clean, sharp],
  [data, deblurred, few, filled],
];
const gap = 6;
const [width, height] = [4 * n + 3 * gap, 2 * n + gap];
const out = new Uint8Array(width * height).fill(255);
rows.forEach((row, r) => {
  row.forEach((picture, c) => {
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++)
        out[(r * (n + gap) + i) * width + c * (n + gap) + j] = 255 * Math.min(1, Math.max(0, picture.data[i * n + j]));
  });
});
writeFileSync(join(import.meta.dirname, "../docs/images/learnedDenoiser.png"), encode({ width, height, data: out, channels: 1 }));
process.exit(0);
