// docs/images/neuralOde.png: two drawn hands, brought together by a neural ordinary differential equation (npm run build first).
// From left to right: fixed; moving; moving pulled back onto fixed; the same with every eighth line of the fixed grid as it lies in moving.
import { writeFileSync } from "node:fs";
import { image } from "../dist/image/index.js";
import { register } from "../dist/registration/index.js";
import { png } from "../dist/report/index.js";
import { jacobianDeterminant, Tensor } from "../dist/tensor/index.js";
import { warp } from "../dist/transforms/index.js";

const n = 128;
/** Joints of a hand: each finger from the palm on, its angles in degrees and the lengths of its parts. */
function handOf({ turn, fingers }) {
  const rad = Math.PI / 180;
  const [c, s] = [Math.cos(turn * rad), Math.sin(turn * rad)];
  const wrist = [64, 118];
  const at = (x, y) => [wrist[0] + c * x - s * y, wrist[1] + s * x + c * y];
  const roots = [at(-20, -30), at(-15, -52), at(-4, -56), at(7, -54), at(17, -48)];
  const lengths = [16, 16, 18, 17, 13];
  const parts = [
    { a: at(-4, -8), b: at(0, -38), r: 21 },
    { a: at(0, 0), b: at(0, 12), r: 15 },
  ];
  fingers.forEach(([first, bend], k) => {
    const direction = (angle) => [Math.sin((angle + turn) * rad), -Math.cos((angle + turn) * rad)];
    const [d, e] = [direction(first), direction(first + bend)];
    const middle = [roots[k][0] + d[0] * lengths[k], roots[k][1] + d[1] * lengths[k]];
    const tip = [middle[0] + e[0] * lengths[k], middle[1] + e[1] * lengths[k]];
    parts.push({ a: roots[k], b: middle, r: 6.5, bone: true }, { a: middle, b: tip, r: 5.5, bone: true });
  });
  return parts;
}
/** Skin at the distance r from the lines, bones along them. */
function drawn(parts) {
  const toLine = ([ax, ay], [bx, by], x, y) => {
    const [vx, vy] = [bx - ax, by - ay];
    const t = Math.max(0, Math.min(1, ((x - ax) * vx + (y - ay) * vy) / (vx * vx + vy * vy)));
    return Math.hypot(x - ax - t * vx, y - ay - t * vy);
  };
  const edge = (d) => 1 / (1 + Math.exp(d / 0.7));
  return image(
    Float32Array.from({ length: n * n }, (_, k) => {
      const [x, y] = [k % n, Math.floor(k / n)];
      let [skin, bone] = [0, 0];
      for (const p of parts) {
        const d = toLine(p.a, p.b, x, y);
        skin = Math.max(skin, edge(d - p.r));
        if (p.bone) bone = Math.max(bone, edge(d - 2));
      }
      return 20 + 130 * skin + 80 * bone;
    }),
    { size: [n, n] },
  );
}
const fixed = drawn(
  handOf({
    turn: 0,
    fingers: [
      [-48, 18],
      [-14, 4],
      [-2, 2],
      [9, -2],
      [22, -6],
    ],
  }),
);
const moving = drawn(
  handOf({
    turn: 12,
    fingers: [
      [-62, 30],
      [-24, -8],
      [-5, -6],
      [12, 8],
      [34, 12],
    ],
  }),
);
const r = await register(fixed, moving, { transform: "neuralOde" });
const warped = warp(moving, r.transform, fixed.grid, { border: "clamp" });
const rms = (a) => Math.sqrt(a.values.sub(fixed.values).square().mean().item());
const determinants = jacobianDeterminant(r.transform.displacement(fixed.grid));
console.log(
  `${r.status}: ${r.reason}; differences ${rms(moving).toFixed(1)} before, ${rms(warped).toFixed(1)} after; det ∇y from ${determinants.min().item().toFixed(2)} to ${determinants.max().item().toFixed(2)}; the way back to ${r.inversion.largest.toFixed(3)} px`,
);

const zoom = 2;
const side = n * zoom;
const gap = 6;
const panels = [fixed, moving, warped, moving].map((im) => im.values.data.slice());
const width = 4 * side + 3 * gap;
const out = new Uint8Array(3 * width * side).fill(255);
panels.forEach((values, p) => {
  for (let y = 0; y < side; y++)
    for (let x = 0; x < side; x++) {
      const v = values[Math.floor(y / zoom) * n + Math.floor(x / zoom)];
      for (let c = 0; c < 3; c++) out[3 * (y * width + p * (side + gap) + x) + c] = v;
    }
});
/** Lines of the fixed grid where y takes them, over the last panel. */
const lines = [];
for (let k = 4; k < n; k += 8) for (let t = 0; t < n - 1; t += 0.2) lines.push([k, t], [t, k]);
const moved = r.transform.apply(Tensor.from(Float64Array.from(lines.flat()), [lines.length, 2])).data;
for (let k = 0; k < lines.length; k++) {
  const [x, y] = [Math.round((moved[2 * k] + 0.5) * zoom - 0.5), Math.round((moved[2 * k + 1] + 0.5) * zoom - 0.5)];
  if (x < 0 || y < 0 || x >= side || y >= side) continue;
  out.set([255, 176, 32], 3 * (y * width + 3 * (side + gap) + x));
}
writeFileSync(new URL("../docs/images/neuralOde.png", import.meta.url), png({ width, height: side, channels: 3, data: out }));
process.exit(0);
