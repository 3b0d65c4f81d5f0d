/*
 * Trains a network that enlarges photographs 2, 3 or 4 times, from pictures and their antialiased cubic reductions. A run that was stopped goes on where it
 * was. After npm run build:
 *   node scripts/train/superResolution.mjs OUT/ IMAGE.png… [--scale 2] [--framework post] [--upsampling subPixel] [--features 32] [--depth 6]
 *     [--loss l1] [--steps 20000] [--batch 16] [--patch 24] [--held N] [--threads N] [--seconds S]
 * The last image (or the last N, --held) is kept for validation; --patch counts coarse samples. OUT/ gets checkpoint.safetensors, weights.safetensors (half
 * floats), card.json and loss.svg. --seconds ends this sitting, not the training.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { seeded } from "../../dist/core/index.js";
import { readSafetensors, writeSafetensors } from "../../dist/io/index.js";
import { readImageFile } from "../../dist/io/node.js";
import { startEngine } from "../../dist/kernels/index.js";
import { superResolutionNetwork } from "../../dist/models/index.js";
import { lossesByName, parameterCount, shuffled, supervised, train, weightsOf, withWeightsOf } from "../../dist/nn/index.js";
import { resizeOperator } from "../../dist/operators/index.js";
import { adamW, cosine } from "../../dist/optimisers/index.js";
import { lossPlot } from "../../dist/report/index.js";
import { scope, Tensor } from "../../dist/tensor/index.js";

const { values: o, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    scale: { type: "string", default: "2" },
    framework: { type: "string", default: "post" },
    upsampling: { type: "string" },
    features: { type: "string", default: "32" },
    depth: { type: "string" },
    loss: { type: "string", default: "l1" },
    steps: { type: "string", default: "20000" },
    batch: { type: "string", default: "16" },
    patch: { type: "string", default: "24" },
    held: { type: "string", default: "1" },
    rate: { type: "string", default: "1e-3" },
    threads: { type: "string" },
    seconds: { type: "string", default: "Infinity" },
    seed: { type: "string", default: "1" },
  },
});
const [out, ...files] = positionals;
if (!out || files.length < 2) {
  console.error(
    "usage: node scripts/train/superResolution.mjs OUT/ IMAGE.png IMAGE.png… ; at least two images, the last one is for validation",
  );
  process.exit(2);
}
const [scale, features, steps, batch, patch, held, rate, seconds, seed] = [
  o.scale,
  o.features,
  o.steps,
  o.batch,
  o.patch,
  o.held,
  o.rate,
  o.seconds,
  o.seed,
].map(Number);
if (o.threads) startEngine({ threads: Number(o.threads) });
mkdirSync(out, { recursive: true });

/** Studio-range luminance of ITU-R BT.601, 16/255 to 235/255, cut to a multiple of the scale; and its reduction, rounded to 8 bits as files are. */
function pair(file) {
  const { data, size, channels } = readImageFile(file);
  const n = size[0] * size[1];
  const weights = channels >= 3 ? [65.481, 128.553, 24.966] : [219];
  const values = Float32Array.from({ length: n }, (_, i) => (16 + weights.reduce((s, w, c) => s + (w * data[c * n + i]) / 255, 0)) / 255);
  const [h, w] = [size[1], size[0]].map((s) => s - (s % scale));
  return scope(() => {
    const fine = Tensor.from(values, [1, size[1], size[0]]).slice([0, 0, 0], [1, h, w]);
    const coarse = resizeOperator(fine.shape, { size: [h / scale, w / scale] }).apply(fine);
    return { fine, coarse: coarse.mul(255).add(0.5).floor().div(255) };
  });
}
const pairs = files.map(pair);
const kept = pairs.splice(pairs.length - held, held);

const data = shuffled({
  items: pairs.flatMap((p) => Array.from({ length: 64 }, () => p)), // a pass is 64 patches of each
  batch,
  seed,
  sample({ fine, coarse }, random) {
    const [, h, w] = coarse.shape;
    const [y, x] = [random.integer(h - patch + 1), random.integer(w - patch + 1)];
    const turns = random.integer(8); // the symmetries of the square
    const [input, target] = [
      [coarse, 1],
      [fine, scale],
    ].map(([t, s]) => {
      let v = t.slice([0, y * s, x * s], [1, (y + patch) * s, (x + patch) * s]);
      if (turns & 1) v = v.flip(1);
      if (turns & 2) v = v.flip(2);
      return turns & 4 ? v.transpose() : v;
    });
    return { input, target };
  },
});

/** PSNR in dB of the images kept, a border of `scale` samples left out. */
const psnr = (model) =>
  kept
    .map(({ fine, coarse }) =>
      scope(() => {
        const [, h, w] = fine.shape;
        const made = model.forward(coarse.reshape(1, ...coarse.shape)).reshape(1, h, w);
        const inner = (t) => t.slice([0, scale, scale], [1, h - scale, w - scale]);
        return -10 * Math.log10(inner(made).sub(inner(fine)).square().mean().item());
      }),
    )
    .reduce((s, v) => s + v, 0) / kept.length;

const place = (name) => join(out, name);
/** Written beside and moved, so that a power cut leaves the old file. */
function put(name, content) {
  writeFileSync(place(`${name}.new`), content);
  renameSync(place(`${name}.new`), place(name));
}
const file = place("checkpoint.safetensors");
const resume = existsSync(file) ? readSafetensors(readFileSync(file)) : undefined;
if (resume) console.log(`going on after ${resume.metadata.step} steps`);
const start = superResolutionNetwork({
  random: seeded(seed),
  scale,
  features,
  framework: o.framework,
  ...(o.upsampling && { upsampling: o.upsampling }),
  ...(o.depth && { depth: Number(o.depth) }),
});
console.log(`${parameterCount(start)} weights; cubic enlargement ${psnr(start).toFixed(3)} dB`);
const began = performance.now();
const stop = new AbortController();
let stopping = false;
const every = 250;
try {
  const {
    model,
    history,
    best,
    steps: done,
  } = await train({
    model: start,
    data,
    loss: supervised(lossesByName[o.loss]()),
    optimiser: adamW({ step: rate, decay: 1e-4 }),
    schedule: cosine({ steps, warmUp: Math.min(200, steps >> 1) }),
    steps,
    clip: 0.5,
    average: 0.999,
    seed,
    resume,
    signal: stop.signal,
    validation: { every, value: (m) => -psnr(m) },
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
  });
  const weights = writeSafetensors(weightsOf(model).tensors, {}, { floats: "f16" });
  put("weights.safetensors", weights);
  const card = {
    what: `superResolutionNetwork ×${scale}, ${o.framework}, luminance 0 to 1, reduced by antialiased cubic interpolation`,
    weights: parameterCount(model),
    trainedOn: files.slice(0, -held).map((f) => basename(f)),
    validatedOn: files.slice(-held).map((f) => basename(f)),
    psnr: Number(psnr(withWeightsOf(start, readSafetensors(weights))).toFixed(3)), // of the halved weights
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
