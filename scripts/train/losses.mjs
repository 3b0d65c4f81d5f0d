/*
 * What should a network for super-resolution be trained by? One network ×3, the same first weights, steps and patches, and for each loss a training. A run that was stopped goes
 * on where it was. After npm run build:
 *   node scripts/train/losses.mjs OUT/ IMAGE.png… [--steps 2000] [--batch 8] [--patch 16] [--threads N] [--seconds S] [--only NAME,…] [--mobilenet FOLDER]
 * FOLDER: the unpacked npm package nsfwjs (4.x), whose MobileNet gives features; without it that row is left out.
 * OUT/ gets NAME.safetensors and NAME.json for each; npm run bench -- losses OUT/ measures them.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { seeded } from "../../dist/core/index.js";
import { readSafetensors, writeSafetensors } from "../../dist/io/index.js";
import { startEngine } from "../../dist/kernels/index.js";
import { denoiserFeatures, loadModel, superResolutionData, superResolutionPair } from "../../dist/models/index.js";
import {
  absoluteLoss,
  adversarial,
  duel,
  huberLoss,
  nonSaturating,
  perceptualLoss,
  squaredLoss,
  sumOfLosses,
  totalVariationLoss,
  train,
  upsample,
  weightsOf,
} from "../../dist/nn/index.js";
import { adamW, cosine } from "../../dist/optimisers/index.js";
import { scope } from "../../dist/tensor/index.js";
import { judge, lossNetwork, lossScale, lossVariants } from "./lossVariants.mjs";
import { luminance } from "./luminance.mjs";
import { mobileNetFeatures } from "./mobileNet.mjs";

const { values: o, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    steps: { type: "string", default: "2000" },
    batch: { type: "string", default: "8" },
    patch: { type: "string", default: "16" },
    threads: { type: "string" },
    seconds: { type: "string", default: "Infinity" },
    seed: { type: "string", default: "1" },
    only: { type: "string" },
    mobilenet: { type: "string" },
  },
});
const [out, ...files] = positionals;
if (!out || files.length === 0) {
  console.error("usage: node scripts/train/losses.mjs OUT/ IMAGE.png…");
  process.exit(2);
}
const [steps, batch, patch, seconds, seed] = [o.steps, o.batch, o.patch, o.seconds, o.seed].map(Number);
if (o.threads) startEngine({ threads: Number(o.threads) });
mkdirSync(out, { recursive: true });
const place = (name) => join(out, name);
function put(name, content) {
  writeFileSync(place(`${name}.new`), content);
  renameSync(place(`${name}.new`), place(name));
}
const began = performance.now();
const pairs = files.map((f) => superResolutionPair(luminance(f), lossScale));
const loader = superResolutionData({ pairs, scale: lossScale, batch, patch, seed });
const bases = { L1: absoluteLoss(), L2: squaredLoss(), Huber: huberLoss({ delta: 0.02 }) };
const mobilenet = o.mobilenet ? mobileNetFeatures(o.mobilenet) : undefined;
const added = {
  tv: totalVariationLoss(),
  perceptual: perceptualLoss({ features: denoiserFeatures(await loadModel("denoiser")) }),
  ...(mobilenet && { mobilenet: perceptualLoss({ features: mobilenet }) }),
};
/** The first 8 batches, enlarged by cubic interpolation: what losses are weighed by. */
const samples = Array.from({ length: 8 }, (_, k) => {
  const { input, target } = loader(seeded(1000 + k), k);
  return [upsample(input, lossScale, "cubic"), target];
});
const meanOf = (loss) => samples.reduce((s, [p, t]) => s + scope(() => loss(p, t).item()), 0) / samples.length;

for (const { name, base, terms = {} } of lossVariants) {
  if (o.only && !o.only.split(",").includes(name)) continue;
  if ("mobilenet" in terms && !mobilenet) {
    console.log(`${name}: peer absent`);
    continue;
  }
  if (existsSync(place(`${name}.json`))) continue;
  const size = meanOf(bases[base]);
  const weights = Object.fromEntries(
    // The generator's side of the game is log 2 while the judge knows nothing.
    Object.entries(terms).map(([term, share]) => [term, (share * size) / (term === "gan" ? Math.LN2 : meanOf(added[term]))]),
  );
  const content = sumOfLosses(
    [1, bases[base]],
    ...Object.keys(added)
      .filter((term) => term in terms)
      .map((term) => [weights[term], added[term]]),
  );
  const game = "gan" in terms ? adversarial(nonSaturating(), { content, weight: weights.gan }) : undefined;
  const held = place(`${name}.checkpoint`);
  const resume = existsSync(held) ? readSafetensors(readFileSync(held)) : undefined;
  const cpu = process.cpuUsage();
  const r = await train({
    model: game ? duel({ generator: lossNetwork(seed), discriminator: judge() }) : lossNetwork(seed),
    data: loader,
    loss: game
      ? (m, { input, target }, t) => game(m, { input, real: target }, t)
      : (m, { input, target }) => content(m.forward(input), target),
    optimiser: game ? adamW({ step: 5e-4, beta1: 0.5, decay: 1e-4 }) : adamW({ step: 1e-3, decay: 1e-4 }),
    schedule: cosine({ steps, warmUp: Math.min(100, steps >> 1) }),
    steps,
    clip: game ? 5 : 0.5,
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
  const trained = game ? r.model.generator : r.model;
  put(`${name}.safetensors`, writeSafetensors(weightsOf(trained).tensors, {}, { floats: "f16" }));
  put(
    `${name}.json`,
    `${JSON.stringify({ name, base, terms, weights, steps, batch, patch, seed, secondsEach: each, loss: r.history.loss })}\n`,
  );
  const mean = (v) => v.reduce((a, b) => a + b, 0) / v.length;
  console.log(
    `${name}: ${JSON.stringify(weights)}, ${each.toFixed(3)} s a step, loss ${mean(r.history.loss.slice(0, 50)).toExponential(3)} → ${mean(r.history.loss.slice(-50)).toExponential(3)}`,
  );
}
process.exit(0);
