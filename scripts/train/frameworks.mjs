/*
 * Where should a network for super-resolution enlarge, and how? Trains one network for each answer, ×4, with as many weights, steps and patches, from one data loader.
 * A run that was stopped goes on where it was. After npm run build:
 *   node scripts/train/frameworks.mjs OUT/ IMAGE.png… [--steps 1500] [--batch 8] [--patch 12] [--weights 30000] [--threads N] [--seconds S] [--only NAME,…]
 * OUT/ gets NAME.safetensors and NAME.json for each; npm run bench -- frameworks OUT/ measures them.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { readSafetensors, writeSafetensors } from "../../dist/io/index.js";
import { startEngine } from "../../dist/kernels/index.js";
import { superResolutionData, superResolutionPair } from "../../dist/models/index.js";
import { absoluteLoss, supervised, train, upsample, weightsOf } from "../../dist/nn/index.js";
import { adamW, cosine } from "../../dist/optimisers/index.js";
import { frameworkVariants, sizedNetwork } from "./frameworkVariants.mjs";
import { luminance } from "./luminance.mjs";

const { values: o, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    steps: { type: "string", default: "1500" },
    batch: { type: "string", default: "8" },
    patch: { type: "string", default: "12" },
    weights: { type: "string", default: "30000" },
    threads: { type: "string" },
    seconds: { type: "string", default: "Infinity" },
    seed: { type: "string", default: "1" },
    only: { type: "string" },
  },
});
const [out, ...files] = positionals;
if (!out || files.length === 0) {
  console.error("usage: node scripts/train/frameworks.mjs OUT/ IMAGE.png…");
  process.exit(2);
}
const [steps, batch, patch, weights, seconds, seed] = [o.steps, o.batch, o.patch, o.weights, o.seconds, o.seed].map(Number);
if (o.threads) startEngine({ threads: Number(o.threads) });
mkdirSync(out, { recursive: true });
const place = (name) => join(out, name);
function put(name, content) {
  writeFileSync(place(`${name}.new`), content);
  renameSync(place(`${name}.new`), place(name));
}
const began = performance.now();
const pictures = files.map(luminance);
const loaders = new Map();
/** Patches that are as wide on the fine grid at any scale. */
function loader(scale) {
  if (!loaders.has(scale)) {
    const pairs = pictures.map((p) => superResolutionPair(p, scale));
    loaders.set(scale, superResolutionData({ pairs, scale, batch, patch: Math.round((4 * patch) / scale), seed }));
  }
  return loaders.get(scale);
}
for (const variant of frameworkVariants.filter((v) => !o.only || o.only.split(",").includes(v.name))) {
  const { name, scales = [4] } = variant;
  if (existsSync(place(`${name}.json`))) continue;
  const { model, features, count } = sizedNetwork(variant, weights, seed);
  scales.forEach(loader); // outside the scopes of the steps
  const data = (random, k) => {
    const scale = scales[k % scales.length];
    const { input, target } = loader(scale)(random, Math.floor(k / scales.length));
    return variant.refines ? { input: upsample(input, scale, "cubic"), target } : { input, target };
  };
  const held = place(`${name}.checkpoint`);
  const resume = existsSync(held) ? readSafetensors(readFileSync(held)) : undefined;
  const cpu = process.cpuUsage();
  const r = await train({
    model,
    data,
    loss: supervised(absoluteLoss()),
    optimiser: adamW({ step: 1e-3, decay: 1e-4 }),
    schedule: cosine({ steps, warmUp: Math.min(100, steps >> 1) }),
    steps,
    clip: 0.5,
    average: 0.995,
    seed,
    resume,
    checkpoint: {
      every: 100,
      save(c) {
        put(`${name}.checkpoint`, writeSafetensors(c.tensors, c.metadata));
        if ((performance.now() - began) / 1000 > seconds && Number(c.metadata.step) < steps) {
          console.log(`${name}: stopped at ${c.metadata.step} of ${steps} steps; the same command goes on`);
          process.exit(0);
        }
      },
    },
  });
  const used = process.cpuUsage(cpu);
  const each = (used.user + used.system) / 1e6 / (steps - Number(resume?.metadata.step ?? 0));
  put(`${name}.safetensors`, writeSafetensors(weightsOf(r.model).tensors, {}, { floats: "f16" }));
  put(
    `${name}.json`,
    `${JSON.stringify({ name, features, weights: count, steps, batch, patch, seed, secondsEach: each, loss: r.history.loss })}\n`,
  );
  const last = r.history.loss.slice(-100).reduce((a, b) => a + b, 0) / Math.min(100, steps);
  console.log(
    `${name}: ${features} features, ${count} weights, ${each.toFixed(3)} s a step, loss ${r.history.loss[0].toFixed(4)} → ${last.toFixed(4)}`,
  );
}
process.exit(0);
