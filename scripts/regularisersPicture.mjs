/**
 * Draws docs/images/regularisers.png: a disc, the ellipse it became, and the ellipse pulled back under each regulariser with the grid that does it.
 *     npm run build && node scripts/regularisersPicture.mjs
 */
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { grid, image } from "../dist/image/index.js";
import { rawImage, writePng } from "../dist/io/index.js";
import { writeBytes } from "../dist/io/node.js";
import { bspline, register, regularisers } from "../dist/registration/index.js";
import { identityTransform, warp } from "../dist/transforms/index.js";

const n = 96;
const g = grid({ size: [n, n] });
const smooth = (t) => 1 / (1 + Math.exp(-1.2 * t));
const drawn = (f) =>
  image(
    Float32Array.from({ length: n * n }, (_, k) => f((k % n) - n / 2, Math.floor(k / n) - n / 2)),
    g,
  );
// Beside the disc a bar that has moved along by itself: neighbours that slide.
const scene = (rx, ry, bar) => (x, y) =>
  0.7 * smooth((1 - Math.hypot(x / rx, (y - 8) / ry)) * Math.min(rx, ry)) + smooth(4 - Math.abs(y + 28)) * smooth(14 - Math.abs(x - bar));
const [fixed, moving] = [drawn(scene(24, 24, -4)), drawn(scene(30, 19, 6))];

const scale = 2;
const side = scale * n;
const gap = 8;
/** An image with the lines of a grid that y has moved, as RGB. */
function panel(values, lines) {
  const out = new Uint8Array(3 * side * side);
  for (let y = 0; y < side; y++)
    for (let x = 0; x < side; x++) {
      const [i, j] = [Math.floor(x / scale), Math.floor(y / scale)];
      const v = Math.round(225 * Math.min(1, Math.max(0, values[j * n + i])));
      const red = lines?.[j * n + i] ?? 0;
      const at = 3 * (y * side + x);
      out[at] = v + red * (230 - v);
      out[at + 1] = v * (1 - red) + 120 * red;
      out[at + 2] = v * (1 - red) + 20 * red;
    }
  return out;
}
const ruled = drawn((x, y) => (Math.min((x + n) % 8, (y + n) % 8) < 1 ? 1 : 0));
const pictures = [panel(fixed.values.data), panel(moving.values.data, warp(ruled, identityTransform(2), g).values.data)];
const strength = { bendingEnergy: 1, curvature: 1, hyperelastic: 0.02, volume: 0.05, logJacobian: 0.05, localRigidity: 0.01 };
for (const name of regularisers) {
  const r = await register(fixed, moving, {
    transform: bspline({ spacingVoxels: 4 }),
    regulariser: name,
    alpha: strength[name] ?? 0.02,
    metric: "ssd",
    init: "identity",
  });
  const left = warp(moving, r.transform, g);
  console.log(name, r.before.toExponential(2), "→", r.after.toExponential(2));
  pictures.push(panel(left.values.data, warp(ruled, r.transform, g).values.data));
}
const columns = 4;
const rows = Math.ceil(pictures.length / columns);
const [width, height] = [columns * (side + gap) - gap, rows * (side + gap) - gap];
const planes = new Uint8Array(3 * width * height).fill(255);
pictures.forEach((p, k) => {
  const [x0, y0] = [(k % columns) * (side + gap), Math.floor(k / columns) * (side + gap)];
  for (let y = 0; y < side; y++)
    for (let x = 0; x < side; x++)
      for (let c = 0; c < 3; c++) planes[c * width * height + (y0 + y) * width + x0 + x] = p[3 * (y * side + x) + c];
});
const target = join(dirname(fileURLToPath(import.meta.url)), "../docs/images/regularisers.png");
mkdirSync(dirname(target), { recursive: true });
writeBytes(target, writePng(rawImage("picture", { data: planes, size: [width, height], channels: 3, channelKind: "rgb" }), { bits: 8 }));
console.log(target);
