/**
 * Draws docs/images/points.png: two clouds of which a third has no partner, before and after `registerPoints`; the error that is left is printed.
 *     npm run build && node scripts/pointsPicture.mjs
 */
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { seeded } from "../dist/core/index.js";
import { rawImage, writePng } from "../dist/io/index.js";
import { writeBytes } from "../dist/io/node.js";
import { registerPoints } from "../dist/registration/index.js";
import { scatterPicture } from "../dist/report/index.js";
import { Tensor } from "../dist/tensor/index.js";

// Points along three closed curves that lie in each other, and the same bent; then strangers in both.
const random = seeded(2);
const shape = Array.from({ length: 330 }, (_, i) => {
  const [ring, t] = [1 + (i % 3), (2 * Math.PI * i) / 330];
  const r = 26 * ring + 5 * Math.sin(5 * t + ring) + 1.5 * random.normal();
  return [r * Math.cos(t) * 1.25, r * Math.sin(t)];
});
const bend = ([x, y]) => [x + 11 * Math.sin(y / 38) + 6, y + 9 * Math.cos(x / 45) - 4];
const strangers = (n) => Array.from({ length: n }, () => [210 * random.uniform() - 105, 170 * random.uniform() - 85]);
const fixed = [...shape, ...strangers(150)];
const moving = [...shape.map(bend), ...strangers(150)];

const { transform, reason } = registerPoints(fixed, moving);
const back = transform.inverse().apply(Tensor.from(Float64Array.from(moving.flat()), [moving.length, 2])).data;
const there = transform.apply(Tensor.from(Float64Array.from(shape.flat()), [shape.length, 2])).data;
const off = (points) =>
  shape.reduce((s, p, i) => s + Math.hypot(points[2 * i] - bend(p)[0], points[2 * i + 1] - bend(p)[1]), 0) / shape.length;
console.log(`${reason}; partners ${off(shape.flat()).toFixed(2)} apart before, ${off(there).toFixed(2)} after`);

const dots = (points, colour) => ({ points, dimension: 2, colour });
const blue = dots(fixed.flat(), [0, 114, 178]);
const [before, after] = [moving.flat(), back].map((p) => dots(p, [213, 94, 0]));
const covers = [blue, before, after];
const [a, b] = [before, after].map((orange) => scatterPicture([blue, orange], { covers, pixels: 460 }));
const gap = 16;
const width = a.width + gap + b.width;
const data = new Uint8Array(3 * width * a.height).fill(255);
for (const [p, x0] of [
  [a, 0],
  [b, a.width + gap],
])
  for (let y = 0; y < p.height; y++) data.set(p.data.subarray(3 * y * p.width, 3 * (y + 1) * p.width), 3 * (y * width + x0));
const planes = Uint8Array.from(data, (_, k) => data[3 * (k % (width * a.height)) + Math.floor(k / (width * a.height))]);
const target = join(dirname(fileURLToPath(import.meta.url)), "../docs/images/points.png");
mkdirSync(dirname(target), { recursive: true });
writeBytes(target, writePng(rawImage("picture", { data: planes, size: [width, a.height], channels: 3, channelKind: "rgb" }), { bits: 8 }));
console.log(target);
