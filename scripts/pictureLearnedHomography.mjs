/**
 * Draws docs/images/learnedHomography.png: two patches of a phantom, the second under other light and noise, and where the network sees the first one in the
 * second after each of its steps.
 *     npm run build && node scripts/pictureLearnedHomography.mjs [WEIGHTS.safetensors]
 * Left the first patch; middle the second one with the true outline (green), the first step (red), the last step (orange) and Lucas–Kanade after it
 * (white); right both in chequers, the second one brought back by the last step. Prints the errors of the corners.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { seeded } from "../dist/core/random.js";
import { image } from "../dist/image/index.js";
import { startEngine } from "../dist/kernels/index.js";
import { homographyByNetwork, loadModel } from "../dist/models/index.js";
import { png } from "../dist/report/index.js";
import { invertHomography, project, throughFour } from "../dist/vision/planar.js";

await startEngine({ threads: 1 });
const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const weights = process.argv[2];
const model = await loadModel("homography", weights ? { weights: readFileSync(weights) } : {});
const random = seeded(11);
const side = 128;
// Leaves: bent spots of all sizes on a slope of light.
const spots = Array.from({ length: 150 }, () => ({
  x: 240 * random.uniform() - 56,
  y: 240 * random.uniform() - 56,
  r: 3 + 12 * random.uniform() ** 2,
  e: 0.4 + 0.6 * random.uniform(),
  t: Math.PI * random.uniform(),
  v: random.uniform(),
}));
const scene = (x, y) => {
  let value = 0.45 + 0.001 * x;
  for (const s of spots) {
    const [c, d] = [Math.cos(s.t), Math.sin(s.t)];
    const r = Math.hypot((c * (x - s.x) + d * (y - s.y)) / s.r, (-d * (x - s.x) + c * (y - s.y)) / (s.e * s.r));
    if (r < 1.2) value += (s.v - value) / (1 + Math.exp(14 * (r - 1)));
  }
  return value;
};
const corners = [
  [0, 0],
  [side - 1, 0],
  [side - 1, side - 1],
  [0, side - 1],
];
const moves = [14, 20, -22, 6, -12, -24, 25, -9];
const truth = throughFour({ a: corners.flat(), b: corners.flat().map((v, k) => v + moves[k]) });
const draw = (f) =>
  image(
    Float32Array.from({ length: side * side }, (_, k) => f(k % side, Math.floor(k / side))),
    { size: [side, side] },
  );
const a = draw((x, y) => scene(...project(truth, x, y)));
const b = draw((x, y) => 0.1 + 0.7 * (0.6 + 0.004 * y) * scene(x, y) ** 1.3 + 0.03 * random.normal());
const r = homographyByNetwork(model, a, b);
const error = (h) =>
  corners.reduce((s, [x, y]) => {
    const [[u, v], [p, q]] = [project(truth, x, y), project(h, x, y)];
    return s + Math.hypot(u - p, v - q) / 4;
  }, 0);
console.log(
  `steps: ${r.steps.map((h) => error(h).toFixed(2)).join(", ")} px; then Lucas–Kanade: ${error(r.h).toFixed(3)} px (${r.reason})`,
);

const [by, gap] = [2, 6];
const [wide, high] = [3 * side * by + 2 * gap, side * by];
const data = new Uint8Array(3 * wide * high).fill(255);
const put = (panel, x, y, colour) => {
  if (x >= 0 && y >= 0 && x < side * by && y < high) data.set(colour, 3 * (y * wide + panel * (side * by + gap) + x));
};
const gray = (v) => new Array(3).fill(Math.round(255 * Math.min(1, Math.max(0, v))));
const last = r.steps.at(-1);
const back = invertHomography(last);
for (let y = 0; y < side * by; y++)
  for (let x = 0; x < side * by; x++) {
    const k = Math.floor(y / by) * side + Math.floor(x / by);
    put(0, x, y, gray(a.values.data[k]));
    put(1, x, y, gray(b.values.data[k]));
    // The second patch brought back by the last step, over the first in chequers.
    const [u, v] = project(last, x / by, y / by);
    const [i, j] = [Math.round(u), Math.round(v)];
    const seen = back && i >= 0 && j >= 0 && i < side && j < side;
    const other = seen ? 1.6 * (b.values.data[j * side + i] - 0.05) : 1;
    put(2, x, y, gray((Math.floor(x / 32) + Math.floor(y / 32)) % 2 === 0 ? a.values.data[k] : other));
  }
const outline = (h, colour) => {
  for (let c = 0; c < 4; c++)
    for (let s = 0; s <= 600; s++) {
      const [[x, y], [z, w]] = [corners[c], corners[(c + 1) % 4]];
      const [u, v] = project(h, x + ((z - x) * s) / 600, y + ((w - y) * s) / 600);
      for (const [i, j] of [
        [0, 0],
        [1, 0],
        [0, 1],
        [1, 1],
      ])
        put(1, Math.round(by * u) + i, Math.round(by * v) + j, colour);
    }
};
outline(r.steps[0], [214, 50, 40]);
outline(last, [255, 150, 0]);
outline(truth, [40, 170, 70]);
outline(r.h, [255, 255, 255]);
writeFileSync(join(root, "docs/images/learnedHomography.png"), png({ width: wide, height: high, channels: 3, data }));
