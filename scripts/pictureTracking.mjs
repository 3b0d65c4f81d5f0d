/**
 * Draws docs/images/tracking.png from a phantom.
 *     npm run build && node scripts/pictureTracking.mjs
 * A coloured disc with a pattern that passes behind a post: six frames, the tracked box in orange, dashed where the target is reported as lost.
 */
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { image } from "../dist/image/index.js";
import { png } from "../dist/report/index.js";
import { boxTracker } from "../dist/vision/index.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const [width, height] = [220, 120];
const n = width * height;
const count = 36;
/** Position of the disc at frame t: along an arc, growing by a third. */
const at = (t) => ({ x: 35 + 4.2 * t, y: 70 - 18 * Math.sin((t / count) * Math.PI), r: 14 * (1 + t / (3 * count)) });
function frame(t) {
  const { x, y, r } = at(t);
  const values = new Float32Array(3 * n);
  for (let k = 0; k < n; k++) {
    const [i, j] = [k % width, Math.floor(k / width)];
    const [u, v] = [(i - x) / r, (j - y) / r];
    const leaf = 0.5 + 0.2 * Math.sin(i / 5 + 2 * Math.sin(j / 9)) * Math.cos(j / 6 - Math.sin(i / 13));
    let colour = [0.5 * leaf, 0.8 * leaf, 0.45 * leaf];
    if (u * u + v * v < 1) {
      const eye =
        Math.hypot(u + 0.35, v + 0.25) < 0.2 || Math.hypot(u - 0.35, v + 0.25) < 0.2 || (v > 0.25 && v < 0.45 && Math.abs(u) < 0.5);
      colour = eye ? [0.15, 0.1, 0.2] : [0.95, 0.75 - 0.2 * v, 0.25];
    }
    if (Math.abs(i - 112) < 24) colour = [0.42 + 0.05 * Math.sin(j / 4), 0.36, 0.33];
    for (let c = 0; c < 3; c++) values[c * n + k] = colour[c];
  }
  return image(values, { size: [width, height] });
}
const shown = [0, 9, 16, 19, 26, 35];
const gap = 4;
const [wide, high] = [3 * width + 2 * gap, 2 * height + gap];
const data = new Uint8Array(3 * wide * high).fill(255);
const start = at(0);
let box = { x: start.x - 14, y: start.y - 14, width: 29, height: 29, lost: false };
let tracker;
for (let t = 0; t < count; t++) {
  const im = frame(t);
  if (tracker) box = tracker.next(im);
  else tracker = boxTracker(im, box);
  const place = shown.indexOf(t);
  if (place < 0) continue;
  const [ox, oy] = [(place % 3) * (width + gap), Math.floor(place / 3) * (height + gap)];
  const v = im.values.data;
  for (let k = 0; k < n; k++)
    for (let c = 0; c < 3; c++)
      data[3 * ((oy + Math.floor(k / width)) * wide + ox + (k % width)) + c] = Math.round(255 * Math.min(1, Math.max(0, v[c * n + k])));
  const dot = (x, y, s) => {
    const [i, j] = [Math.round(x), Math.round(y)];
    if (i >= 0 && j >= 0 && i < width && j < height && !(box.lost && s % 6 >= 3)) data.set([255, 120, 0], 3 * ((oy + j) * wide + ox + i));
  };
  for (let s = 0; s <= box.width; s++) for (const y of [box.y, box.y + 1, box.y + box.height - 1, box.y + box.height]) dot(box.x + s, y, s);
  for (let s = 0; s <= box.height; s++) for (const x of [box.x, box.x + 1, box.x + box.width - 1, box.x + box.width]) dot(x, box.y + s, s);
  console.log(t, box.lost, Math.hypot(box.x + (box.width - 1) / 2 - at(t).x, box.y + (box.height - 1) / 2 - at(t).y).toFixed(1));
}
writeFileSync(join(root, "docs/images/tracking.png"), png({ width: wide, height: high, channels: 3, data }));
