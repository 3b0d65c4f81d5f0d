/**
 * Draws docs/images/alignSteps.svg: what direct alignment leaves, step by step, by its five methods from one start.
 *     npm run build && node scripts/pictureAlign.mjs
 * A noisy template of 100 × 100 pixels out of a texture of waves, its corners some five pixels off; one level, no robust weights. Prints where each method
 * ends; the time of a step is in bench/results/vision-align.md.
 */
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { seeded } from "../dist/core/random.js";
import { image } from "../dist/image/index.js";
import { startEngine } from "../dist/kernels/index.js";
import { curvePlot } from "../dist/report/index.js";
import { align } from "../dist/vision/index.js";
import { project } from "../dist/vision/planar.js";

await startEngine({ threads: 1 });
const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const random = seeded(7);
const waves = Array.from({ length: 24 }, () => {
  const [turn, f] = [2 * Math.PI * random.uniform(), 0.08 + 0.5 * random.uniform()];
  return { a: f * Math.cos(turn), b: f * Math.sin(turn), p: 2 * Math.PI * random.uniform(), h: 0.3 };
});
const texture = (x, y) => waves.reduce((s, w) => s + w.h * Math.sin(w.a * x + w.b * y + w.p), 0);
const draw = (side, f) =>
  image(
    Float32Array.from({ length: side * side }, (_, k) => f(k % side, Math.floor(k / side))),
    { size: [side, side] },
  );
const truth = [1.03, 0.02, 58, -0.03, 0.98, 61, 1e-4, -1e-4, 1];
const a = draw(100, (x, y) => texture(...project(truth, x, y)) + 0.1 * random.normal());
const b = draw(220, texture);
const start = [1, 0, 57.5, 0, 1, 62, 0, 0, 1];
const options = { start, levels: 0, robust: "none", search: false, brightness: false };
const methods = ["ic", "fa", "fc", "esm", "ecc"];
const found = methods.map((method) => align(a, b, { ...options, method, iterations: 60, tolerance: 1e-6 }));
const series = methods.map((method, k) => {
  const corner = [0, 99].flatMap((y) => [0, 99].map((x) => [x, y]));
  const apart = corner.reduce((s, [x, y]) => {
    const [[u, v], [p, q]] = [project(found[k].h, x, y), project(found[1].h, x, y)];
    return s + Math.hypot(u - p, v - q) / 4;
  }, 0);
  const values = found[k].trace[0].values;
  console.log(`${method}: ${values.at(-1).toFixed(6)} of the range left, ${apart.toFixed(4)} px from fa`);
  return { name: method, values: Array.from({ length: 9 }, (_, i) => Math.log10(values[Math.min(i, values.length - 1)])) };
});
const svg = curvePlot(series, { xLabel: "step", yLabel: "log₁₀ of the root mean square left", title: "Steps of direct alignment" });
const style =
  "<style>polyline,path{fill:none;stroke-width:1.6}.axis,.grid-line{stroke:#999;stroke-width:.5}.label{font:11px sans-serif;fill:#777}</style>";
writeFileSync(join(root, "docs/images/alignSteps.svg"), svg.replace(/<svg([^>]*)>/, `<svg xmlns="http://www.w3.org/2000/svg"$1>${style}`));
