/**
 * Draws docs/images/rectify.png from two views of the phantom for cameras.
 *     npm run build && node scripts/pictureRectify.mjs
 * Above: the pair as taken. In the middle: rectified from what it shows. Below: disparities, and where left and right agree.
 */
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { colourMap, colourPicture, grayPicture, png, rgb } from "../dist/report/index.js";
import { drawRectified, lookAlong, rectifyPictures, sceneView, stereo } from "../dist/vision/index.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const [width, height] = [320, 200];
const view = { focal: 260, width, height };
const left = sceneView({ rotation: lookAlong(0), position: [-3, 0, -6] }, view);
const right = sceneView({ rotation: lookAlong(-0.06, 0.03, 0.05), position: [-2.6, 0.03, -5.95] }, { ...view, seed: 2 });
const { reason, rectification: r } = rectifyPictures(left, right);
const [a, b] = [drawRectified(left, r.left, r), drawRectified(right, r.right, r)];
const [least, greatest] = r.disparities;
const found = stereo(a.picture, b.picture, { first: Math.floor(least) - 6, range: Math.ceil(greatest - least) + 12 });
found.disparity.forEach((_, k) => {
  if (!a.covered[k]) found.disparity[k] = Number.NaN;
});
const gray = (im) => grayPicture({ width, height, values: Float32Array.from(im.values.data) }, { low: 0, high: 0.9 });
const lined = (picture) => {
  const out = rgb(picture);
  for (const y of [50, 100, 150]) for (let x = 0; x < width; x++) out.data.set([255, 120, 0], 3 * (y * width + x));
  return out;
};
const agreed = { width, height, channels: 1, data: found.agreed.map((v, k) => 255 * v * a.covered[k]) };
const rows = [
  [lined(gray(left)), lined(gray(right))],
  [lined(gray(a.picture)), lined(gray(b.picture))],
  [colourPicture({ width, height, values: found.disparity }, { low: least, high: greatest }, colourMap("heat")), agreed],
];
const gap = 6;
const out = { width: 2 * width + gap, height: 3 * height + 2 * gap, channels: 3 };
out.data = new Uint8Array(3 * out.width * out.height).fill(255);
for (const [j, row] of rows.entries())
  for (const [i, picture] of row.entries()) {
    const { data } = rgb(picture);
    for (let y = 0; y < height; y++)
      out.data.set(data.subarray(3 * y * width, 3 * (y + 1) * width), 3 * ((j * (height + gap) + y) * out.width + i * (width + gap)));
  }
writeFileSync(join(root, "docs/images/rectify.png"), png(out));
console.log(reason);
console.log(found.reason);
