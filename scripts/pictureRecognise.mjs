/**
 * Draws docs/images/recognise.png from a phantom.
 *     npm run build && node scripts/pictureRecognise.mjs
 * Three covers of discs and bars; two of them lie on a rendered desk, which a camera sees at a slant. Above what is looked for, below what was found, each
 * with a cube drawn by the pose that its homography gives.
 */
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { seeded } from "../dist/core/random.js";
import { image } from "../dist/image/index.js";
import { grayPicture, labelColour, overlaid, png } from "../dist/report/index.js";
import { cubeOn, homographyOfPlane, poseFromHomography, recognise } from "../dist/vision/index.js";
import { invertHomography, multiply3, project } from "../dist/vision/planar.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const [width, height] = [160, 200];
const [wide, high] = [600, 420];

function cover(seed) {
  const random = seeded(seed);
  const shapes = Array.from({ length: 130 }, () => ({
    x: width * random.uniform(),
    y: height * random.uniform(),
    r: 2 + 13 * random.uniform() ** 2,
    v: random.uniform(),
    turn: Math.PI * random.uniform(),
    bar: random.uniform() < 0.4,
  }));
  return (x, y) => {
    let v = 0.55;
    for (const s of shapes) {
      const [dx, dy] = [x - s.x, y - s.y];
      const [p, q] = [Math.cos(s.turn) * dx + Math.sin(s.turn) * dy, Math.cos(s.turn) * dy - Math.sin(s.turn) * dx];
      const d = s.bar ? Math.max(Math.abs(p) - s.r, Math.abs(q) - s.r / 3) : Math.hypot(dx, dy) - s.r;
      if (d < 1) v += (s.v - v) * Math.min(1, 1 - d);
    }
    return x < 3 || y < 3 || x > width - 4 || y > height - 4 ? 0.95 : v;
  };
}
const draw = (w, h, f) =>
  image(
    Float32Array.from({ length: w * h }, (_, k) => f(k % w, Math.floor(k / w))),
    { size: [w, h] },
  );

// Everything lies on one desk, Z = 0, which the camera sees tilted by 50 degrees from the front.
const camera = [700, 0, wide / 2, 0, 700, high / 2, 0, 0, 1];
const [c, s] = [Math.cos(0.87), Math.sin(0.87)];
const desk = multiply3(camera, [1, 0, -10, 0, c, 15, 0, -s, 640]);
const lying = [
  { seed: 2, at: [-130, -120], turn: 0.35 },
  { seed: 3, at: [20, -40], turn: -0.5 },
].map(({ seed, at: [x, y], turn }) => {
  const [a, b] = [Math.cos(turn), Math.sin(turn)];
  return { show: cover(seed), back: invertHomography(multiply3(desk, [a, -b, x, b, a, y, 0, 0, 1])) };
});
const ground = invertHomography(desk);
const noise = seeded(5);
const scene = draw(wide, high, (x, y) => {
  let sum = 0;
  for (const [i, j] of [
    [-0.25, -0.25],
    [0.25, -0.25],
    [-0.25, 0.25],
    [0.25, 0.25],
  ]) {
    const [u, v] = project(ground, x + i, y + j);
    let value = 0.4 + 0.06 * Math.sin(v / 7 + 2 * Math.sin(u / 90)) + 0.03 * Math.sin(v / 2.3 + u / 60);
    for (const { show, back } of lying) {
      const [p, q] = project(back, x + i, y + j);
      if (p > 0 && q > 0 && p < width && q < height) value = 0.92 * show(p, q);
    }
    sum += value / 4;
  }
  return sum + 0.015 * noise.normal();
});
const objects = [1, 2, 3].map((k) => draw(width, height, cover(k)));
const found = recognise(objects, scene);
const shapes = [];
for (const r of found) {
  console.log(`cover ${r.reference + 1}: ${r.status}, ${r.reason}`);
  if (r.status !== "ok") continue;
  const colour = labelColour(r.reference + 1);
  const corners = [
    [0, 0],
    [width - 1, 0],
    [width - 1, height - 1],
    [0, height - 1],
  ];
  shapes.push({ points: corners.map(([x, y]) => project(r.h, x, y).slice(0, 2)), stroke: colour, width: 3 });
  const [pose] = poseFromHomography(homographyOfPlane(r.h, [width, height], [width, height]), camera, [width, height]);
  console.log(
    "  pose",
    Array.from(pose.rotation, (v) => v.toFixed(3)).join(" "),
    pose.translation.map((v) => v.toFixed(1)).join(" "),
    pose.error.toFixed(3),
  );
  for (const { points, shade } of cubeOn(pose, camera, [width, height]))
    shapes.push({ points, fill: [...colour.map((v) => v * shade), 0.85], stroke: [255, 255, 255], width: 1 });
}
const shown = (im) =>
  grayPicture({ width: im.grid.size[0], height: im.grid.size[1], values: Float32Array.from(im.values.data) }, { low: 0, high: 1 });
const below = overlaid(shown(scene), shapes);
// The covers in a column on the left, the scene on the right.
const [small, gap] = [0.66, 8];
const [w, h] = [Math.round(width * small), Math.round(height * small)];
const total = w + gap + wide;
const data = new Uint8Array(3 * total * high).fill(255);
for (const [k, im] of objects.entries()) {
  const pixels = overlaid(shown(im), [
    {
      points: [
        [1, 1],
        [width - 2, 1],
        [width - 2, height - 2],
        [1, height - 2],
      ],
      stroke: labelColour(k + 1),
      width: 6,
    },
  ]);
  const top = Math.round((k * (high - h)) / 2);
  for (let y = 0; y < h; y++)
    for (let x = 0; x < w; x++) {
      const from = 3 * (Math.floor(y / small) * width + Math.floor(x / small));
      data.set(pixels.data.subarray(from, from + 3), 3 * ((top + y) * total + x));
    }
}
for (let y = 0; y < high; y++) data.set(below.data.subarray(3 * y * wide, 3 * (y + 1) * wide), 3 * (y * total + w + gap));
writeFileSync(join(root, "docs/images/recognise.png"), png({ width: total, height: high, channels: 3, data }));
