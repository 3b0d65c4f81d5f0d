/**
 * Draws docs/images/flowStereo.png from two phantoms.
 *     npm run build && node scripts/pictureFlow.mjs
 * Above: a picture whose disc turns while the ground moves, the flow found and the true one. Below: a left picture, disparities found and true.
 */
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { seeded } from "../dist/core/random.js";
import { image } from "../dist/image/index.js";
import { colourMap, colourPicture, flowPicture, grayPicture, png, rgb } from "../dist/report/index.js";
import { opticalFlow, stereo } from "../dist/vision/index.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const [width, height] = [220, 150];
const random = seeded(6);
const noise = Float32Array.from({ length: 512 * 512 }, () => random.uniform());
/** Smooth noise of several sizes. */
const texture = (x, y) => {
  let v = 0;
  for (const [scale, weight] of [
    [3, 0.3],
    [7, 0.4],
    [19, 0.3],
  ]) {
    const [p, q] = [x / scale + 100, y / scale + 100];
    const [i, j] = [Math.floor(p), Math.floor(q)];
    const [s, t] = [p - i, q - j].map((r) => r * r * (3 - 2 * r));
    const at = (k, l) => noise[(l & 511) * 512 + (k & 511)];
    v += weight * ((1 - t) * ((1 - s) * at(i, j) + s * at(i + 1, j)) + t * ((1 - s) * at(i, j + 1) + s * at(i + 1, j + 1)));
  }
  return v;
};
const plane = (f) => Float32Array.from({ length: width * height }, (_, k) => f(k % width, Math.floor(k / width)));
const draw = (f) => image(plane(f), { size: [width, height] });
const gray = (im) => grayPicture({ width, height, values: Float32Array.from(im.values.data) }, { low: 0.15, high: 0.85 });

const [cx, cy, radius, angle] = [115, 75, 48, 0.09];
const turn = (x, y, a) => [cx + Math.cos(a) * (x - cx) - Math.sin(a) * (y - cy), cy + Math.sin(a) * (x - cx) + Math.cos(a) * (y - cy)];
const inside = (x, y) => Math.hypot(x - cx, y - cy) < radius;
const first = draw((x, y) => (inside(x, y) ? texture(x + 600, y) : texture(x, y)));
const second = draw((x, y) => {
  if (!inside(x, y)) return texture(x - 2.5, y);
  const [p, q] = turn(x, y, -angle);
  return texture(p + 600, q);
});
const truth = {
  ...{ width, height },
  u: plane((x, y) => (inside(x, y) ? turn(x, y, angle)[0] - x : 2.5)),
  v: plane((x, y) => (inside(x, y) ? turn(x, y, angle)[1] - y : 0)),
};
const flow = opticalFlow(first, second);
const error = truth.u.reduce((s, u, k) => s + Math.hypot(u - flow.u[k], truth.v[k] - flow.v[k]), 0) / truth.u.length;

// A slanted ground, a box and a ball: every pixel of the left lands in the right one, nearer ones on top.
const depth = (x, y) => {
  const ball = 1 - ((x - 75) ** 2 + (y - 70) ** 2) / 38 ** 2;
  if (ball > 0) return 14 + 7 * Math.sqrt(ball);
  if (x > 130 && x < 185 && y > 45 && y < 125) return 17;
  return 4 + (7 * y) / height;
};
const skin = (x, y, d) => texture(x + (d > 12 ? (d === 17 ? 900 : 1700) : 0), y);
const left = draw((x, y) => skin(x, y, depth(x, y)));
const nearest = new Float32Array(width * height);
const right = image(
  plane((x, y) => texture(x + 30, y + 300)),
  { size: [width, height] },
);
const values = Float32Array.from(right.values.data);
for (let y = 0; y < height; y++)
  for (let s = 0; s < 4 * width; s++) {
    const x = s / 4;
    const d = depth(x, y);
    const k = y * width + Math.round(x - d);
    if (x - d >= -0.5 && d >= nearest[k]) [nearest[k], values[k]] = [d, skin(Math.round(x - d) + d, y, d)];
  }
const found = stereo(left, image(values, { size: [width, height] }), { range: 32 });
const true_ = plane(depth);
const bad = true_.reduce((s, d, k) => s + (Math.abs(d - found.disparity[k]) > 1), 0) / true_.length;

const longest = 4.5;
const heat = (v) => colourPicture({ width, height, values: v }, { low: 2, high: 22 }, colourMap("heat"));
const rows = [
  [gray(first), flowPicture(flow, longest), flowPicture(truth, longest)],
  [gray(left), heat(found.disparity), heat(true_)],
];
const gap = 6;
const out = { width: 3 * width + 2 * gap, height: 2 * height + gap, channels: 3 };
out.data = new Uint8Array(3 * out.width * out.height).fill(255);
for (const [j, row] of rows.entries())
  for (const [i, picture] of row.entries()) {
    const { data } = rgb(picture);
    for (let y = 0; y < height; y++)
      out.data.set(data.subarray(3 * y * width, 3 * (y + 1) * width), 3 * ((j * (height + gap) + y) * out.width + i * (width + gap)));
  }
writeFileSync(join(root, "docs/images/flowStereo.png"), png(out));
console.log(`flow: mean error ${error.toFixed(3)} px; ${flow.reason}`);
console.log(`stereo: ${(100 * bad).toFixed(1)} % off by more than 1; ${found.reason}`);
