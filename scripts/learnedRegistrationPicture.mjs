// docs/images/learnedRegistration.png: two views of generated shapes, in gray values of their own, brought together by the registration network (npm run build first).
// From left to right: fixed; moving; moving as the network proposes; after ten steps; the fixed grid as it lies in moving. Edges of fixed in colour over the middle three.
import { readFileSync, writeFileSync } from "node:fs";
import { seeded } from "../dist/core/index.js";
import { image } from "../dist/image/index.js";
import { learnedDeformation } from "../dist/models/index.js";
import { shapesPair } from "../dist/models/registrationRecipe.js";
import { register } from "../dist/registration/index.js";
import { png } from "../dist/report/index.js";
import { jacobianDeterminant, Tensor } from "../dist/tensor/index.js";
import { warp } from "../dist/transforms/index.js";

const n = 160;
const weights = process.argv[2] && readFileSync(process.argv[2]);
const network = await learnedDeformation({ weights });
const pair = shapesPair(n, seeded(Number(process.argv[3] ?? 7)));
const [fixed, moving] = [pair.fixed, pair.moving].map((values) => image(values.data.slice(), { size: [n, n] }));
const labels = pair.labels.moving;
const dice = (a) => {
  const both = a.mul(pair.labels.fixed).sum([1, 2]).mul(2).data;
  const size = a.square().add(pair.labels.fixed.square()).sum([1, 2]).data;
  const all = Array.from(both, (b, i) => [b, size[i]]).filter(([, s]) => s > 1);
  return all.reduce((s, [b, t]) => s + b / t, 0) / all.length;
};
console.log(`as they come: Dice ${dice(labels).toFixed(3)}`);
const results = [];
for (const instanceSteps of [0, 10]) {
  const r = await register(fixed, moving, { preset: "learned", network, instanceSteps, init: "identity" });
  const carried = warp({ values: labels, grid: moving.grid }, r.transform, fixed.grid, { border: "clamp" });
  const least = jacobianDeterminant(r.transform.displacement(fixed.grid)).min().item();
  console.log(`${instanceSteps} steps: Dice ${dice(carried.values).toFixed(3)}, least det ∇y ${least.toFixed(2)}, ${r.status}`);
  results.push({ r, warped: warp(moving, r.transform, fixed.grid, { border: "clamp" }) });
}

const zoom = 2;
const side = n * zoom;
const gap = 6;
const panels = [fixed, moving, ...results.map(({ warped }) => warped), moving].map((im) => im.values.data);
const width = panels.length * side + (panels.length - 1) * gap;
const out = new Uint8Array(3 * width * side).fill(255);
panels.forEach((values, p) => {
  for (let y = 0; y < side; y++)
    for (let x = 0; x < side; x++) {
      const v = Math.max(0, Math.min(255, 235 * values[Math.floor(y / zoom) * n + Math.floor(x / zoom)]));
      out.fill(v, 3 * (y * width + p * (side + gap) + x), 3 * (y * width + p * (side + gap) + x) + 3);
    }
});
/** Where the largest label of fixed changes. */
const largest = (k) => {
  let best = 0;
  for (let l = 1; l < 10; l++) if (pair.labels.fixed.data[l * n * n + k] > pair.labels.fixed.data[best * n * n + k]) best = l;
  return best;
};
for (const p of [1, 2, 3])
  for (let y = 1; y < n; y++)
    for (let x = 1; x < n; x++) {
      const k = y * n + x;
      const [here, left, above] = [largest(k), largest(k - 1), largest(k - n)];
      for (let t = 0; t < zoom; t++) {
        if (here !== left) out.set([255, 176, 32], 3 * ((y * zoom + t) * width + p * (side + gap) + x * zoom));
        if (here !== above) out.set([255, 176, 32], 3 * (y * zoom * width + p * (side + gap) + x * zoom + t));
      }
    }
/** Lines of the fixed grid where y takes them, over the last panel. */
const lines = [];
for (let k = 4; k < n; k += 8) for (let t = 0; t < n - 1; t += 0.2) lines.push([k, t], [t, k]);
const moved = results[1].r.transform.apply(Tensor.from(Float64Array.from(lines.flat()), [lines.length, 2])).data;
for (let k = 0; k < lines.length; k++) {
  const [x, y] = [Math.round((moved[2 * k] + 0.5) * zoom - 0.5), Math.round((moved[2 * k + 1] + 0.5) * zoom - 0.5)];
  if (x < 0 || y < 0 || x >= side || y >= side) continue;
  out.set([255, 176, 32], 3 * (y * width + 4 * (side + gap) + x));
}
writeFileSync(new URL("../docs/images/learnedRegistration.png", import.meta.url), png({ width, height: side, channels: 3, data: out }));
process.exit(0);
