/**
 * Draws docs/images/matches.svg from a phantom.
 *     npm run build && node scripts/pictureMatches.mjs
 * A poster of blobs and bars, the same seen at a slant, and the pairs that agree with the homography found.
 */
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { seeded } from "../dist/core/random.js";
import { image } from "../dist/image/index.js";

import { grayPicture, matchesSvg } from "../dist/report/index.js";
import { homography } from "../dist/vision/index.js";
import { invertHomography, project } from "../dist/vision/planar.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const [width, height] = [280, 210];
const random = seeded(4);
const spots = Array.from({ length: 90 }, () => ({
  x: width * random.uniform(),
  y: height * random.uniform(),
  s: 2 + 7 * random.uniform(),
  h: random.uniform() - 0.4,
  t: Math.PI * random.uniform(),
  e: 1 + 3 * random.uniform(),
}));
const poster = (x, y) => {
  if (x < 8 || y < 8 || x > width - 8 || y > height - 8) return 0.15;
  let v = 0.45;
  for (const p of spots) {
    const [dx, dy] = [x - p.x, y - p.y];
    const [u, w] = [Math.cos(p.t) * dx + Math.sin(p.t) * dy, -Math.sin(p.t) * dx + Math.cos(p.t) * dy];
    const r = Math.max(Math.abs(u), Math.abs(w) * p.e);
    v += (p.h * 0.5) / (1 + Math.exp(2 * (r - p.s)));
  }
  return v;
};
const draw = (f) =>
  image(
    Float32Array.from({ length: width * height }, (_, k) => f(k % width, Math.floor(k / width))),
    { size: [width, height] },
  );
const h = [0.72, 0.18, 30, -0.1, 0.8, 34, -0.0006, 0.0004, 1];
const back = invertHomography(h);
const a = draw(poster);
const b = draw((x, y) => {
  const [u, v] = project(back, x, y);
  return u < 0 || v < 0 || u > width || v > height ? 0.7 + 0.1 * Math.sin(x / 13) : 0.85 * poster(u, v) + 0.03 * random.normal();
});
const r = homography(a, b);
const shown = (im) => grayPicture({ width, height, values: Float32Array.from(im.values.data) }, { low: 0, high: 1 });
const place = (p, k) => [p[2 * k], p[2 * k + 1]];
const pairs = Array.from({ length: r.pairs.count }, (_, k) => ({
  a: place(r.pairs.a, k),
  b: place(r.pairs.b, k),
  inlier: r.weights[k] > 0,
}));
const outline = [
  [0, 0],
  [width - 1, 0],
  [width - 1, height - 1],
  [0, height - 1],
].map(([x, y]) => project(r.h, x, y).slice(0, 2));
writeFileSync(join(root, "docs/images/matches.svg"), matchesSvg(shown(a), shown(b), pairs, { outline, most: 150 }));
console.log(r.status, r.reason, Array.from(r.h));
