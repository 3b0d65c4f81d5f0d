/*
 * Fine-tuning of a network for homographies on pairs of photographs, by brightness alone: no truth is read. Each pair is squeezed as `homographyByNetwork` sees it; windows of both,
 * the same in shares of their sides, are turned and mirrored alike, and the pictures may change places. A run that was stopped goes on where it was. After npm run build:
 *   node scripts/train/fineTune.mjs OUT.safetensors FROM.safetensors A.jpg B.jpg [A.jpg B.jpg …] [--steps 200] [--step 2e-4] [--batch 4] [--threads N] [--seed 1]
 */
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { readSafetensors, writeSafetensors } from "../../dist/io/index.js";
import { startEngine } from "../../dist/kernels/index.js";
import { recipes } from "../../dist/models/index.js";
import { shuffled, train, weightsOf, withWeightsOf } from "../../dist/nn/index.js";
import { resizeOperator } from "../../dist/operators/index.js";
import { adamW, cosine } from "../../dist/optimisers/index.js";
import { scope, Tensor } from "../../dist/tensor/index.js";
import { luminance } from "./luminance.mjs";

const { values: o, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    steps: { type: "string", default: "200" },
    step: { type: "string", default: "2e-4" },
    batch: { type: "string", default: "4" },
    threads: { type: "string" },
    seed: { type: "string", default: "1" },
  },
});
const [out, from, ...files] = positionals;
if (!out || !from || files.length < 2 || files.length % 2) {
  console.error("usage: node scripts/train/fineTune.mjs OUT.safetensors FROM.safetensors A.jpg B.jpg …");
  process.exit(2);
}
const [steps, step, batch, seed] = [o.steps, o.step, o.batch, o.seed].map(Number);
if (o.threads) startEngine({ threads: Number(o.threads) });
const [patch, side] = [128, 192];
/** Squeezed to a square, 0 to 1 by its own range. */
const squeezed = (file) => {
  const { height, width, values } = luminance(file);
  const small = scope(() =>
    Float32Array.from(resizeOperator([1, height, width], { size: [side, side] }).apply(Tensor.from(values, [1, height, width])).data),
  );
  const [low, high] = [small.reduce((a, b) => Math.min(a, b)), small.reduce((a, b) => Math.max(a, b))];
  return small.map((v) => (v - low) / (high - low || 1));
};
const pictures = files.map(squeezed);
const pairs = Array.from({ length: files.length / 2 }, (_, k) => [pictures[2 * k], pictures[2 * k + 1]]);

/** The window of s × s samples from (x0, y0), at 128 × 128 places; `symmetry`: one of the eight of the square. */
function view(values, { x0, y0, s, symmetry }) {
  const seen = new Float32Array(patch * patch);
  for (let y = 0, k = 0; y < patch; y++)
    for (let x = 0; x < patch; x++, k++) {
      const [a, b] = symmetry & 4 ? [y, x] : [x, y];
      const at = (v, first) => Math.min(side - 1.001, Math.max(first + ((v + 0.5) * s) / patch - 0.5, 0));
      const [u, v] = [at(symmetry & 1 ? patch - 1 - a : a, x0), at(symmetry & 2 ? patch - 1 - b : b, y0)];
      const [i, j] = [Math.floor(u), Math.floor(v)];
      const [p, q, n] = [u - i, v - j, j * side + i];
      seen[k] = (1 - q) * ((1 - p) * values[n] + p * values[n + 1]) + q * ((1 - p) * values[n + side] + p * values[n + side + 1]);
    }
  return Tensor.from(seen, [1, patch, patch]);
}
const blank = { name: "", width: 2 * patch, height: 2 * patch, values: new Float32Array(4 * patch * patch) };
const plan = await recipes["homography-unsupervised"].plan([blank], [blank], { batch, patch, seed });
const checkpoint = `${out}.checkpoint`;
const resume = existsSync(checkpoint) ? readSafetensors(readFileSync(checkpoint)) : undefined;
const r = await train({
  model: withWeightsOf(plan.model, readSafetensors(readFileSync(from))),
  data: shuffled({
    items: pairs,
    batch,
    seed,
    sample([a, b], random) {
      const s = side * (0.75 + 0.25 * random.uniform());
      const window = { s, x0: (side - s) * random.uniform(), y0: (side - s) * random.uniform(), symmetry: random.integer(8) };
      const [fixed, moving] = random.uniform() < 0.5 ? [a, b] : [b, a];
      return { fixed: view(fixed, window), moving: view(moving, window) };
    },
  }),
  loss: plan.loss,
  optimiser: adamW({ step, decay: 1e-4 }),
  schedule: cosine({ steps, warmUp: Math.min(20, steps >> 1) }),
  steps,
  clip: plan.clip,
  average: 0.95,
  seed,
  resume,
  checkpoint: {
    every: 50,
    save(c) {
      writeFileSync(`${checkpoint}.new`, writeSafetensors(c.tensors, c.metadata));
      renameSync(`${checkpoint}.new`, checkpoint);
    },
  },
});
const mean = (v) => (v.reduce((a, b) => a + b, 0) / v.length).toFixed(3);
const { loss } = r.history;
writeFileSync(out, writeSafetensors(weightsOf(r.model).tensors, {}, { floats: "f16" }));
rmSync(checkpoint, { force: true });
console.log(`${out}: ${pairs.length} pairs, ${steps} steps, loss ${mean(loss.slice(0, 20))} → ${mean(loss.slice(-20))}`);
process.exit(0);
