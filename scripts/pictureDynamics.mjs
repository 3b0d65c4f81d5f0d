// docs/images/dynamics.png: an organ that breathes while it takes up contrast (npm run build first).
import { writeFileSync } from "node:fs";
import { seeded } from "../dist/core/index.js";
import { image } from "../dist/image/index.js";
import { correctDynamics, lowRank, regionCurves } from "../dist/registration/index.js";
import { png } from "../dist/report/index.js";

const [W, H, T] = [110, 90, 12];
const random = seeded(8);
const shifts = Array.from({ length: T }, (_, t) => 5 * Math.sin(1.3 * t + 0.3));
const rise = Array.from({ length: T }, (_, t) => (t < 3 ? 0 : 70 * Math.exp(-(t - 3) / 9)));
const slow = Array.from({ length: T }, (_, t) => (t < 4 ? 0 : 60 * (1 - Math.exp(-(t - 3) / 4))));
const radius = (x, y) => Math.hypot((x - 55) / 15, (y - 45) / 21);
const step = (r) => 1 / (1 + Math.exp(r / 0.05));
const frames = shifts.map((shift, t) =>
  image(
    Float32Array.from({ length: W * H }, (_, k) => {
      const [x, y] = [k % W, Math.floor(k / W)];
      const share = 1 / (1 + Math.exp((Math.hypot((x - 55) / 34, (y - 45) / 38) - 0.85) / 0.07));
      const v = y - share * shift;
      const body = Math.hypot((x - 55) / 52, (y - 45) / 42) < 1 ? 62 + 10 * Math.sin(x / 3.1) * Math.cos(v / 3.7) : 4;
      const r = radius(x, v);
      const [organ, core] = [step(r - 1), step(r - 0.55)];
      return (
        body +
        48 * organ * (1 + 0.25 * Math.sin(x / 2.1) * Math.sin(v / 2.4)) +
        rise[t] * (organ - core) +
        slow[t] * core +
        3 * random.normal()
      );
    }),
    { size: [W, H] },
  ),
);
const region = image(
  Float32Array.from({ length: W * H }, (_, k) => {
    const r = radius(k % W, Math.floor(k / W) - shifts[0]);
    return r < 0.55 ? 2 : r < 1 ? 1 : 0;
  }),
  { size: [W, H] },
);
const result = await correctDynamics(frames, { dynamics: lowRank() });
const before = regionCurves({ corrected: frames, transforms: result.transforms }, region);
const after = regionCurves(result, region);

const zoom = 2;
const shown = [0, 3, 5, 8];
const [cell, high] = [W * zoom, H * zoom];
const plot = 300;
const [width, height] = [cell * shown.length + plot, 2 * high];
const data = new Uint8Array(3 * width * height).fill(255);
const paint = (x, y, colour) => {
  if (x >= 0 && y >= 0 && x < width && y < height) data.set(colour, 3 * (Math.round(y) * width + Math.round(x)));
};
for (const [row, series] of [frames, result.corrected].entries())
  for (const [column, t] of shown.entries())
    for (let y = 0; y < high; y++)
      for (let x = 0; x < cell; x++) {
        const v = series[t].values.data[Math.floor(y / zoom) * W + Math.floor(x / zoom)];
        // A line at the organ's upper edge on the first frame shows who moves.
        const edge = y === Math.round((45 + shifts[0] - 21) * zoom) && x % 6 < 3;
        paint(column * cell + x, row * high + y, edge ? [255, 200, 60] : [0, 0, 0].map(() => Math.min(255, Math.max(0, 1.25 * v))));
      }
// Curves: truth thin and gray, ours in colour.
const [left, top, w, h] = [cell * shown.length + 14, 10, plot - 28, high - 20];
const line = (row, values, colour, thick) => {
  const at = (t) => [left + (t / (T - 1)) * w, row * high + top + h * (1 - (values[t] + 10) / 95)];
  for (let t = 0; t + 1 < T; t++) {
    const [a, b] = [at(t), at(t + 1)];
    for (let k = 0; k <= 400; k++)
      for (let i = 0; i < thick; i++)
        for (let j = 0; j < thick; j++) paint(a[0] + ((b[0] - a[0]) * k) / 400 + i, a[1] + ((b[1] - a[1]) * k) / 400 + j, colour);
  }
};
for (const [row, curves] of [before, after].entries())
  for (const [label, truth, colour] of [
    [1, rise, [200, 60, 40]],
    [2, slow, [40, 90, 190]],
  ]) {
    const mine = curves.filter((c) => c.label === label);
    line(row, truth, [170, 170, 170], 1);
    line(
      row,
      mine.map((c) => c.core - mine[0].core),
      colour,
      2,
    );
  }
writeFileSync(new URL("../docs/images/dynamics.png", import.meta.url), png({ width, height, channels: 3, data }));
const error = (curves, label, truth) => {
  const mine = curves.filter((c) => c.label === label);
  return Math.sqrt(mine.reduce((s, c, t) => s + (c.core - mine[0].core - truth[t]) ** 2, 0) / T) / Math.max(...truth);
};
console.log("rim", error(before, 1, rise), error(after, 1, rise), "core", error(before, 2, slow), error(after, 2, slow));
process.exit(0);
