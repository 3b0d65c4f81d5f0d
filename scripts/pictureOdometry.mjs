/**
 * Draws docs/images/odometry.png from a phantom.
 *     npm run build && node scripts/pictureOdometry.mjs
 * Left: the first and the last of sixteen frames of a drive round a bend in a tiled room. Right: from above, the blocks of the room (outlines of points found,
 * gray), the path that was driven (line of dots) and the one found (rings).
 */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { rawImage, writePng } from "../dist/io/index.js";
import { writeBytes } from "../dist/io/node.js";
import { odometry, scenePath, sceneView } from "../dist/vision/index.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const [w, h, focal] = [320, 200, 260];
const path = scenePath(16, 1.2, 0.35);
const frames = path.map((p, k) => sceneView(p, { focal, width: w, height: h, seed: k + 1 }));
const r = odometry(frames, { fx: focal, fy: focal, cx: (w - 1) / 2, cy: (h - 1) / 2 });
console.log(r.status, r.reason, r.points.length);
const gap = 8;
const size = 2 * h + gap;
const width = w + gap + size;
const out = new Uint8Array(width * size).fill(255);
for (const [k, f] of [frames[0], frames[15]].entries())
  for (let y = 0; y < h; y++)
    for (let x = 0; x < w; x++) out[(y + k * (h + gap)) * width + x] = Math.min(255, Math.round(255 * f.values.data[y * w + x]));
// The world of the first camera, in steps of 0.35 m; 9 m to both sides and 18 ahead.
const R = path[0].rotation;
const metres = (p) => p.map((v) => 0.35 * v);
const local = (p) => {
  const d = p.map((v, c) => v - path[0].position[c]);
  return [0, 1, 2].map((k) => R[3 * k] * d[0] + R[3 * k + 1] * d[1] + R[3 * k + 2] * d[2]);
};
const dot = ([x, , z], value, inner, outer) => {
  const [u, v] = [w + gap + ((x + 8) / 22) * size, size - 20 - (z / 22) * size];
  for (let j = -8; j <= 8; j++)
    for (let i = -8; i <= 8; i++) {
      const [px, py] = [Math.round(u) + i, Math.round(v) + j];
      const d = Math.hypot(px - u, py - v);
      if (d >= inner && d <= outer && px >= w + gap && px < width && py >= 0 && py < size) out[py * width + px] = value;
    }
};
for (const p of r.points) dot(metres(p.at), 165, 0, 0.8);
for (const p of r.poses) dot(metres(p.position), 0, 3.2, 4.6);
for (const p of path) dot(local(p.position), 0, 0, 1.5);
writeBytes(
  join(root, "docs/images/odometry.png"),
  writePng(rawImage("picture", { data: out, channels: 1, channelKind: "scalar", size: [width, size] }), { bits: 8 }),
);
