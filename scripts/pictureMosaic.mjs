/**
 * Draws docs/images/mosaic.png from a phantom.
 *     npm run build && node scripts/pictureMosaic.mjs
 * Above: four views of a tiled room, each with its own exposure and darker corners. Below: the mosaic made of them.
 */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { image } from "../dist/image/index.js";
import { rawImage, writePng } from "../dist/io/index.js";
import { writeBytes } from "../dist/io/node.js";
import { lookAlong, mosaic, sceneView } from "../dist/vision/index.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const [w, h, focal] = [240, 180, 260];
const looks = [
  [-0.5, 0.02, 0.05, 0.75],
  [-0.15, -0.08, -0.03, 1.15],
  [0.2, 0.07, 0.02, 0.9],
  [0.55, -0.02, -0.04, 1.1],
];
const views = looks.map(([yaw, pitch, roll, gain], k) => {
  const v = sceneView({ rotation: lookAlong(yaw, pitch, roll), position: [0, -0.5, -3] }, { focal, width: w, height: h, seed: k + 1 });
  const dim = (i) => Math.exp((-0.5 * (((i % w) - w / 2) ** 2 + (Math.floor(i / w) - h / 2) ** 2)) / (0.25 * (w * w + h * h)));
  return image(
    Float32Array.from(v.values.data, (x, i) => gain * x * dim(i)),
    { size: [w, h] },
  );
});
const r = mosaic(views, { projection: "cylindrical" });
console.log(r.status, r.reason);
const [W, H] = r.picture.grid.size;
const gap = 8;
const width = Math.max(W, 4 * w + 3 * gap);
const height = h + gap + H;
const out = new Uint8Array(width * height).fill(255);
const draw = (left, top, pw, ph, value) => {
  for (let y = 0; y < ph; y++)
    for (let x = 0; x < pw; x++) out[(y + top) * width + x + left] = Math.max(0, Math.min(255, Math.round(255 * value(y * pw + x))));
};
for (const [k, v] of views.entries()) draw(k * (w + gap), 0, w, h, (i) => v.values.data[i]);
const data = r.picture.values.data;
draw(Math.floor((width - W) / 2), h + gap, W, H, (i) => (r.covered[i] ? data[i] : 1));
writeBytes(
  join(root, "docs/images/mosaic.png"),
  writePng(rawImage("picture", { data: out, channels: 1, channelKind: "scalar", size: [width, height] }), { bits: 8 }),
);
