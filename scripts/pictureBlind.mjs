// docs/images/blind.png: a drawn picture that was shaken, what comes back with the kernel found with it, and with the true one. Run after npm run build.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { encode } from "fast-png";
import { seeded } from "../dist/core/random.js";
import { blurOperator } from "../dist/operators/index.js";
import { totalVariation } from "../dist/priors/index.js";
import { blindKernel, restore } from "../dist/reconstruction/index.js";
import { randomNormal, Tensor } from "../dist/tensor/index.js";

const n = 176;
const random = seeded(11);
/** Boxes and discs of all sizes, one over the other. */
const sharp = new Float32Array(n * n).fill(0.4);
for (let shape = 0; shape < 70; shape++) {
  const [cy, cx, r, v] = [random.uniform() * n, random.uniform() * n, 3 + 22 * random.uniform() ** 2, random.uniform()];
  const round = random.uniform() < 0.5;
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++)
      if (round ? Math.hypot(i - cy, j - cx) < r : Math.abs(i - cy) < r && Math.abs(j - cx) < 0.6 * r) sharp[i * n + j] = v;
}
/** A hand's path: down to the right, then right, then up. */
const size = 15;
const path = new Float32Array(size * size);
for (let t = 0; t <= 1; t += 0.01) {
  const [y, x] = [7 + 4.5 * Math.sin(4 * t) * (1 - 0.5 * t), 2 + 10 * t];
  const [i, j] = [Math.floor(y), Math.floor(x)];
  for (const [a, b] of [
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
  ])
    path[(i + a) * size + j + b] += (a ? y - i : 1 - y + i) * (b ? x - j : 1 - x + j);
}
const total = path.reduce((s, v) => s + v, 0);
const truth = Tensor.from(
  path.map((v) => v / total),
  [size, size],
);
const data = blurOperator([n, n], truth)
  .apply(Tensor.from(sharp, [n, n]))
  .add(randomNormal([n, n], seeded(3)).mul(0.005));
const { kernel } = await blindKernel(data, { size, periodic: true });
const back = async (k) =>
  (await restore({ operator: blurOperator([n, n], k), data, prior: totalVariation(), lambda: 6e-4, tolerance: 1e-4 })).image;
const pictures = [data, await back(kernel), await back(truth)];
const gap = 6;
const zoom = 4;
const [width, height] = [3 * n + 2 * gap, n];
const out = new Uint8Array(width * height).fill(255);
pictures.forEach((picture, c) => {
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) out[i * width + c * (n + gap) + j] = 255 * Math.min(1, Math.max(0, picture.data[i * n + j]));
  if (c === 0) return;
  const k = c === 1 ? kernel : truth;
  const top = k.max().item();
  for (let i = 0; i < zoom * size; i++)
    for (let j = 0; j < zoom * size; j++)
      out[i * width + c * (n + gap) + j] = 255 * Math.sqrt(k.data[Math.floor(i / zoom) * size + Math.floor(j / zoom)] / top);
});
writeFileSync(join(import.meta.dirname, "../docs/images/blind.png"), encode({ width, height, data: out, channels: 1 }));
process.exit(0);
