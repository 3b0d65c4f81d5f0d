// docs/images/initialisation.png: what a complete search over self-similarities finds between two contrasts, far from the start (npm run build first).
// From left to right: fixed; moving; both in a checkerboard where the headers put them; the same after mindSearch.
import { writeFileSync } from "node:fs";
import { seeded } from "../dist/core/index.js";
import { image } from "../dist/image/index.js";
import { mindSearch } from "../dist/registration/index.js";
import { png } from "../dist/report/index.js";
import { Tensor } from "../dist/tensor/index.js";
import { warp } from "../dist/transforms/index.js";

const n = 192;
const random = seeded(4);
const spots = Array.from({ length: 26 }, () => {
  const [r, a] = [52 * Math.sqrt(random.uniform()), 2 * Math.PI * random.uniform()];
  return { x: 96 + r * Math.cos(a), y: 96 + 1.15 * r * Math.sin(a), r: 4 + 7 * random.uniform(), kind: Math.floor(2 * random.uniform()) };
});
/** 0 air, 1 rim, 2 tissue, 3 and 4 what lies in it. */
function kindAt(x, y) {
  const radius = Math.hypot(x - 96, (y - 96) / 1.15);
  if (radius > 70) return 0;
  if (radius > 62) return 1;
  for (const s of spots) if (Math.hypot(x - s.x, y - s.y) < s.r) return 3 + s.kind;
  return 2;
}
const contrasts = { fixed: [8, 60, 150, 230, 90], moving: [20, 235, 70, 105, 165] };
/** Four samples a pixel and noise. */
const drawn = (values, where) =>
  image(
    Float32Array.from({ length: n * n }, (_, k) => {
      let s = 0;
      for (const [a, b] of [
        [-0.25, -0.25],
        [0.25, -0.25],
        [-0.25, 0.25],
        [0.25, 0.25],
      ])
        s += values[kindAt(...where((k % n) + a, Math.floor(k / n) + b))] / 4;
      return s + 4 * random.normal();
    }),
    { size: [n, n] },
  );
// y, fixed ↦ moving: a shift, a turn of 10° and a bend.
const [c, s] = [Math.cos(Math.PI / 18), Math.sin(Math.PI / 18)];
const y = (p, q) => {
  const [a, b] = [p - 96, q - 96];
  return [96 + c * a - s * b + 20 + 5 * Math.sin(b / 22), 96 + s * a + c * b - 14 + 5 * Math.cos(a / 25)];
};
const [shiftX, shiftY] = [-14, 10]; // so that both heads lie inside their pictures
const moving = drawn(contrasts.moving, (p, q) => [p + shiftX + 8, q + shiftY - 4]);
const fixed = drawn(contrasts.fixed, (p, q) => {
  const [a, b] = y(p, q);
  return [a + shiftX + 8, b + shiftY - 4];
});
const { transform, before, after } = mindSearch(fixed, moving);
const truth = [];
for (let q = 40; q < 150; q += 10) for (let p = 40; p < 150; p += 10) truth.push([p, q]);
const found = transform.apply(Tensor.from(truth.flat(), [truth.length, 2], "f64")).data;
const error = truth.reduce((e, [p, q], k) => e + Math.hypot(y(p, q)[0] - found[2 * k], y(p, q)[1] - found[2 * k + 1]), 0) / truth.length;
const start = truth.reduce((e, [p, q]) => e + Math.hypot(y(p, q)[0] - p, y(p, q)[1] - q), 0) / truth.length;
console.log(
  `mean error ${start.toFixed(1)} px before, ${error.toFixed(2)} px after; distance of descriptions ${before.toFixed(3)} → ${after.toFixed(3)}`,
);

const warped = warp(moving, transform, fixed.grid);
const board = (a, b) => Float32Array.from(a, (v, k) => ((Math.floor((k % n) / 24) + Math.floor(k / n / 24)) % 2 === 0 ? v : b[k]));
const panels = [
  fixed.values.data,
  moving.values.data,
  board(fixed.values.data, moving.values.data),
  board(fixed.values.data, warped.values.data),
];
const gap = 4;
const width = panels.length * (n + gap) - gap;
const data = new Uint8Array(3 * width * n).fill(255);
for (const [i, panel] of panels.entries())
  for (let k = 0; k < n * n; k++) {
    const at = 3 * (Math.floor(k / n) * width + i * (n + gap) + (k % n));
    data.fill(Math.max(0, Math.min(255, Math.round(panel[k]))), at, at + 3);
  }
writeFileSync(new URL("../docs/images/initialisation.png", import.meta.url), png({ width, height: n, channels: 3, data }));
process.exit(0);
