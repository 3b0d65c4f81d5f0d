// docs/images/denoisers.png: a blurred phantom and what brings it back; a coarse one and what enlarges it. Run after npm run build.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { encode } from "fast-png";
import { seeded } from "../dist/core/random.js";
import { blurOperator, resizeOperator } from "../dist/operators/index.js";
import { bm3d, plugAndPlay, totalVariation } from "../dist/priors/index.js";
import { enlarge, restore } from "../dist/reconstruction/index.js";
import { randomNormal, Tensor } from "../dist/tensor/index.js";

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
const stroke = Tensor.from(
  Float32Array.from({ length: 121 }, (_, k) => (Math.abs(Math.floor(k / 11) - (k % 11)) < 1 ? 1 / 11 : 0)),
  [11, 11],
);
const operator = blurOperator([n, n], stroke);
const data = operator.apply(sharp).add(randomNormal([n, n], seeded(1)).mul(0.01));
const tv = (await restore({ operator, data, prior: totalVariation(), lambda: 6e-4 })).image;
const plugged = (await restore({ operator, data, prior: plugAndPlay(bm3d()), lambda: "auto" })).image;
const coarse = resizeOperator([n, n], { scale: 1 / 3 }).apply(sharp);
const cubic = resizeOperator(coarse.shape, { scale: 3 }).apply(coarse);
const fine = (await enlarge(coarse, { scale: 3 })).image;
const nearest = Tensor.from(
  Float32Array.from({ length: n * n }, (_, k) => coarse.data[Math.floor(Math.floor(k / n) / 3) * (n / 3) + Math.floor((k % n) / 3)]),
  [n, n],
);
const rows = [
  [data, tv, plugged],
  [nearest, cubic, fine],
];
const gap = 6;
const [width, height] = [3 * n + 2 * gap, 2 * n + gap];
const out = new Uint8Array(width * height).fill(255);
rows.forEach((row, r) => {
  row.forEach((picture, c) => {
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++)
        out[(r * (n + gap) + i) * width + c * (n + gap) + j] = 255 * Math.min(1, Math.max(0, picture.data[i * n + j]));
  });
});
writeFileSync(join(import.meta.dirname, "../docs/images/denoisers.png"), encode({ width, height, data: out, channels: 1 }));
