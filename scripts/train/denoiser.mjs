/*
 * Trains the denoising network for noise of 0 to 55/255 on photographs. A run that was stopped goes on where it was. After npm run build:
 *   node scripts/train/denoiser.mjs OUT/ IMAGE.png… [--steps 20000] [--batch 16] [--patch 64] [--held N] [--threads N] [--seconds S]
 * The last image (or the last N, --held) is kept for validation. OUT/ gets checkpoint.safetensors, weights.safetensors (half floats), card.json and
 * loss.svg. --seconds ends this sitting, not the training.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { seeded } from "../../dist/core/index.js";
import { readSafetensors, writeSafetensors } from "../../dist/io/index.js";
import { readImageFile } from "../../dist/io/node.js";
import { startEngine } from "../../dist/kernels/index.js";
import { denoisingNetwork, networkDenoiser } from "../../dist/models/index.js";
import {
  parameterCount,
  pipeline,
  randomCrop,
  randomFlip,
  randomQuarterTurn,
  shuffled,
  squaredLoss,
  train,
  weightsOf,
  withWeightsOf,
} from "../../dist/nn/index.js";
import { adamW, cosine } from "../../dist/optimisers/index.js";
import { lossPlot } from "../../dist/report/index.js";
import { randomNormal, scope, Tensor } from "../../dist/tensor/index.js";

const { values: o, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    steps: { type: "string", default: "20000" },
    batch: { type: "string", default: "16" },
    patch: { type: "string", default: "64" },
    held: { type: "string", default: "1" },
    threads: { type: "string" },
    seconds: { type: "string", default: "Infinity" },
    seed: { type: "string", default: "1" },
    block: { type: "string" },
    dilations: { type: "string" },
  },
});
const [out, ...files] = positionals;
if (!out || files.length < 2) {
  console.error("usage: node scripts/train/denoiser.mjs OUT/ IMAGE.png IMAGE.png… ; at least two images, the last one is for validation");
  process.exit(2);
}
const [steps, batch, patch, held, seconds, seed] = [o.steps, o.batch, o.patch, o.held, o.seconds, o.seed].map(Number);
if (o.threads) startEngine({ threads: Number(o.threads) });
mkdirSync(out, { recursive: true });

/** Luminance, 0 to 1, as plain numbers: pictures of many trainings' sizes need not lie in the engine's memory. */
function luminance(file) {
  const { data, size, channels } = readImageFile(file);
  const n = size[0] * size[1];
  const weights = channels >= 3 ? [0.299, 0.587, 0.114] : [1];
  const peak = data instanceof Uint16Array ? 65535 : 255;
  const values = Float32Array.from({ length: n }, (_, i) => weights.reduce((s, w, c) => s + w * data[c * n + i], 0) / peak);
  return Tensor.from(values, [1, size[1], size[0]]);
}
const images = files.map(luminance);
const kept = images.splice(images.length - held, held);
const view = pipeline(randomCrop(patch), randomFlip(), randomQuarterTurn());
const data = shuffled({
  items: images.flatMap((image) => Array.from({ length: 64 }, () => image)), // a pass is 64 patches of each
  batch,
  seed,
  sample(image, random) {
    const [clean] = view([image], random);
    const sigma = (55 / 255) * random.uniform();
    return { clean, sigma: Tensor.full([], sigma), image: clean.add(randomNormal(clean.shape, random).mul(sigma)) };
  },
});

const strengths = [15, 25, 50];
/** PSNR in dB of the middles of the images kept, for each strength. */
function psnrs(model) {
  const denoiser = networkDenoiser(model);
  return strengths.map((s) => {
    const errors = kept.map((image, k) =>
      scope(() => {
        const [, h, w] = image.shape;
        const side = Math.min(256, h, w);
        const [y, x] = [(h - side) >> 1, (w - side) >> 1];
        const clean = image.slice([0, y, x], [1, y + side, x + side]);
        const noisy = clean.add(randomNormal(clean.shape, seeded(1000 + k)).mul(s / 255));
        return denoiser
          .denoise(noisy, s / 255)
          .sub(clean)
          .square()
          .mean()
          .item();
      }),
    );
    return errors.reduce((sum, e) => sum - 10 * Math.log10(e), 0) / errors.length;
  });
}

const place = (name) => join(out, name);
/** Written beside and moved, so that a power cut leaves the old file. */
function put(name, content) {
  writeFileSync(place(`${name}.new`), content);
  renameSync(place(`${name}.new`), place(name));
}
const file = place("checkpoint.safetensors");
const resume = existsSync(file) ? readSafetensors(readFileSync(file)) : undefined;
if (resume) console.log(`going on after ${resume.metadata.step} steps`);
const start = denoisingNetwork({
  random: seeded(seed),
  block: o.block && Number(o.block),
  dilations: o.dilations?.split(",").map(Number),
});
const began = performance.now();
const stop = new AbortController();
let stopping = false;
const every = 250;
const run = {
  model: start,
  data,
  loss: (m, { image, sigma, clean }) => squaredLoss()(m.forward({ image, sigma }), clean),
  optimiser: adamW({ step: 2e-3, decay: 1e-4 }),
  schedule: cosine({ steps, warmUp: Math.min(200, steps >> 1) }),
  steps,
  clip: 0.1,
  average: 0.999,
  seed,
  resume,
  signal: stop.signal,
  validation: { every, value: (m) => -psnrs(m).reduce((a, b) => a + b) / strengths.length },
  checkpoint: {
    every,
    save(c) {
      put("checkpoint.safetensors", writeSafetensors(c.tensors, c.metadata));
      if (stopping) stop.abort();
    },
  },
  onProgress({ step, loss, validation }) {
    if (validation !== undefined)
      console.log(
        `${step}/${steps}  loss ${loss.toExponential(3)}  held ${(-validation).toFixed(3)} dB  ${((performance.now() - began) / 1000).toFixed(0)} s`,
      );
    stopping = (performance.now() - began) / 1000 > seconds; // at the next checkpoint
  },
};
try {
  const { model, history, best, steps: done } = await train(run);
  const weights = writeSafetensors(weightsOf(model).tensors, {}, { floats: "f16" });
  put("weights.safetensors", weights);
  const shipped = psnrs(withWeightsOf(start, readSafetensors(weights))); // of the halved weights
  const card = {
    what: "denoisingNetwork, grey, white noise of standard deviation 0 to 55/255, values 0 to 1",
    weights: parameterCount(model),
    trainedOn: files.slice(0, -held).map((f) => basename(f)),
    validatedOn: files.slice(-held).map((f) => basename(f)),
    psnr: Object.fromEntries(strengths.map((s, i) => [s, Number(shipped[i].toFixed(3))])),
    steps: done,
    bestAfter: best?.step,
    batch,
    patch,
    seed,
  };
  put("card.json", `${JSON.stringify(card, null, 2)}\n`);
  put("loss.svg", lossPlot({ loss: history.loss }, { standalone: true }));
  console.log(card);
} catch (error) {
  if (!stop.signal.aborted) throw error;
  console.log("stopped at a checkpoint; the same command goes on");
}
process.exit(0);
