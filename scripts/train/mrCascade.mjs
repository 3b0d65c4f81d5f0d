/*
 * Trains a cascade of networks and data consistency for cardiac slices of one coil, sampled by whole lines 4 to 12 times less than whole. A run that was
 * stopped goes on where it was. After npm run build:
 *   node scripts/train/mrCascade.mjs OUT/ FOLDER-OF-PNG [--steps 12000] [--batch 2] [--width 96] [--cascades 5] [--depth 5] [--features 32] [--block 2]
 *     [--domain image|frequency] [--held 21] [--threads N] [--seconds S]
 * The last pictures of the folder (--held; of other patients, as names go) are kept for validation. Pictures become complex by a smooth phase, and noise
 * is added to the samples. Lines are rows, so that a strip of --width columns of all rows shows the folding as a whole slice does.
 * OUT/ gets checkpoint.safetensors, weights.safetensors (half floats), card.json and loss.svg. --seconds ends this sitting, not the training.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { seeded } from "../../dist/core/index.js";
import { readSafetensors, writeSafetensors } from "../../dist/io/index.js";
import { readImageFile } from "../../dist/io/node.js";
import { startEngine } from "../../dist/kernels/index.js";
import { fromChannels, reconstructionCascade, sampledNormal, toChannels } from "../../dist/models/index.js";
import {
  parameterCount,
  pipeline,
  randomCrop,
  randomFlip,
  randomQuarterTurn,
  shuffled,
  train,
  weightsOf,
  withWeightsOf,
} from "../../dist/nn/index.js";
import { adamW, cosine } from "../../dist/optimisers/index.js";
import { lossPlot } from "../../dist/report/index.js";
import { complex, fft, ifft, randomNormal, scope, Tensor } from "../../dist/tensor/index.js";

const { values: o, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    steps: { type: "string", default: "12000" },
    batch: { type: "string", default: "2" },
    width: { type: "string", default: "96" },
    cascades: { type: "string", default: "5" },
    depth: { type: "string", default: "5" },
    features: { type: "string", default: "32" },
    block: { type: "string", default: "2" },
    domain: { type: "string", default: "image" },
    held: { type: "string", default: "21" },
    rate: { type: "string", default: "1e-3" },
    threads: { type: "string" },
    seconds: { type: "string", default: "Infinity" },
    seed: { type: "string", default: "1" },
  },
});
const [out, folder] = positionals;
if (!out || !folder) {
  console.error("usage: node scripts/train/mrCascade.mjs OUT/ FOLDER-OF-PNG");
  process.exit(2);
}
const [steps, batch, width, cascades, depth, features, block, held, rate, seconds, seed] = [
  o.steps,
  o.batch,
  o.width,
  o.cascades,
  o.depth,
  o.features,
  o.block,
  o.held,
  o.rate,
  o.seconds,
  o.seed,
].map(Number);
if (o.threads) startEngine({ threads: Number(o.threads) });
mkdirSync(out, { recursive: true });

const files = readdirSync(folder)
  .filter((f) => f.endsWith(".png"))
  .sort();
const slices = files.map((f) => {
  const { data, size } = readImageFile(join(folder, f));
  let peak = 0;
  for (const v of data) peak = Math.max(peak, v);
  return Tensor.from(
    Float32Array.from(data.subarray(0, size[0] * size[1]), (v) => v / peak),
    [1, size[1], size[0]],
  );
});
const kept = slices.splice(slices.length - held, held);

/** Rows of one slice: eight about frequency 0, the others by chance, less often the further out; frequency 0 first. */
function lines(n, acceleration, random) {
  const count = Math.round(n / acceleration);
  const chosen = new Set(Array.from({ length: 8 }, (_, i) => (i + n - 4) % n));
  const wide = n / (12 + 12 * random.uniform()); // of the bell that most of the lines follow
  while (chosen.size < count) {
    const f = random.uniform() < 0.15 ? random.integer(n) : Math.round(random.normal() * wide * 1.6);
    if (Math.abs(f) <= n / 2 || f >= 0) chosen.add(((f % n) + n) % n);
  }
  return Float32Array.from({ length: n }, (_, i) => (chosen.has(i) ? 1 : 0));
}

/** e^{iφ} with φ a polynomial of second degree: up to some turns over the field. */
function phase(h, w, random) {
  const c = Array.from({ length: 6 }, () => Math.PI * (2 * random.uniform() - 1));
  const values = new Float32Array(2 * h * w);
  for (let y = 0; y < h; y++)
    for (let x = 0; x < w; x++) {
      const [u, v] = [(2 * x) / w - 1, (2 * y) / h - 1];
      const phi = c[0] + c[1] * u + c[2] * v + 0.5 * (c[3] * u * u + c[4] * u * v + c[5] * v * v);
      values[2 * (y * w + x)] = Math.cos(phi);
      values[2 * (y * w + x) + 1] = Math.sin(phi);
    }
  return Tensor.from(values, [h, w], "c64");
}

/** A slice [1, y, x] ↦ the complex truth and A*y in two channels, and the mask. The largest magnitude of A*y is 1. */
function measured(slice, acceleration, noise, random) {
  const [, h, w] = slice.shape;
  const image = complex(slice.reshape(h, w)).mul(phase(h, w, random));
  const mask = Tensor.from(lines(h, acceleration, random), [h, 1]);
  const k = fft(image, { normalisation: "ortho" }).add(
    complex(randomNormal([h, w], random).mul(noise), randomNormal([h, w], random).mul(noise)),
  );
  const folded = ifft(k.mul(mask), { normalisation: "ortho" });
  const scale = Math.max(folded.abs().max().item(), 1e-3);
  const channels = (z) => toChannels(z.div(scale).reshape(1, 1, h, w)).reshape(2, h, w);
  return { truth: channels(image), zeroFilled: channels(folded), mask: mask.reshape(1, h, 1), scale: Tensor.full([], scale) };
}
const view = pipeline(randomFlip(), randomQuarterTurn());
const strip = randomCrop([256, width]);
const data = shuffled({
  items: slices,
  batch,
  seed,
  sample(slice, random) {
    const [whole] = view([slice], random);
    // Columns with next to nothing in them teach nothing.
    let part = whole;
    for (let i = 0; i < 4; i++) {
      [part] = strip([whole], random);
      if (part.mean().item() > 0.5 * whole.mean().item()) break;
    }
    const acceleration = Math.exp(Math.log(3.5) + random.uniform() * Math.log(12 / 3.5));
    return measured(part, acceleration, 0.008 * random.uniform(), random);
  },
});

/** Mean over a batch of 10 log₁₀ of the mean squared error: what PSNR counts, each sample alike. */
const loss = (m, { zeroFilled, mask, truth }) => {
  const errors = m
    .forward({ zeroFilled, normal: sampledNormal(mask) })
    .sub(truth)
    .square();
  return errors
    .mean([1, 2, 3])
    .add(1e-7)
    .log()
    .mean()
    .mul(10 / Math.LN10);
};

const accelerations = [4, 6, 11];
/** PSNR in dB of magnitudes of the slices kept, for each acceleration; peak 1 as the slices have. */
const psnrs = (model, all = false) =>
  accelerations.map((a) => {
    const few = kept.filter((_, i) => all || i % 3 === 0);
    return (
      few
        .map((slice, i) =>
          scope(() => {
            const { truth, zeroFilled, mask, scale } = measured(slice, a, 0.005, seeded(1000 + i));
            const one = (t) => t.reshape(1, ...t.shape);
            const x = model.forward({ zeroFilled: one(zeroFilled), normal: sampledNormal(one(mask)) });
            const size = (t) => fromChannels(t).abs();
            const error = size(x)
              .sub(size(one(truth)))
              .mul(scale)
              .square()
              .mean()
              .item();
            return -10 * Math.log10(error);
          }),
        )
        .reduce((s, v) => s + v, 0) / few.length
    );
  });

const place = (name) => join(out, name);
/** Written beside and moved, so that a power cut leaves the old file. */
function put(name, content) {
  writeFileSync(place(`${name}.new`), content);
  renameSync(place(`${name}.new`), place(name));
}
const file = place("checkpoint.safetensors");
const resume = existsSync(file) ? readSafetensors(readFileSync(file)) : undefined;
if (resume) console.log(`going on after ${resume.metadata.step} steps`);
const start = reconstructionCascade({ random: seeded(seed), cascades, depth, features, block, domain: o.domain });
console.log(
  `${parameterCount(start)} weights; zero-filled ${psnrs(start)
    .map((v) => v.toFixed(2))
    .join(" / ")} dB`,
);
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
    loss,
    optimiser: adamW({ step: rate, decay: 1e-4 }),
    schedule: cosine({ steps, warmUp: Math.min(200, steps >> 1) }),
    steps,
    clip: 20,
    average: 0.999,
    seed,
    resume,
    signal: stop.signal,
    validation: { every, value: (m) => -psnrs(m).reduce((a, b) => a + b) / accelerations.length },
    checkpoint: {
      every,
      save(c) {
        put("checkpoint.safetensors", writeSafetensors(c.tensors, c.metadata));
        if (stopping) stop.abort();
      },
    },
    onProgress({ step, loss: value, validation }) {
      if (validation !== undefined)
        console.log(
          `${step}/${steps}  loss ${value.toFixed(2)}  held ${(-validation).toFixed(3)} dB  ${((performance.now() - began) / 1000).toFixed(0)} s`,
        );
      stopping = (performance.now() - began) / 1000 > seconds; // at the next checkpoint
    },
  });
  const weights = writeSafetensors(weightsOf(model).tensors, {}, { floats: "f16" });
  put("weights.safetensors", weights);
  const shipped = psnrs(withWeightsOf(start, readSafetensors(weights)), true); // of the halved weights
  const card = {
    what: `reconstructionCascade of ${cascades} × ${depth} convolutions, ${features} features, blocks of ${block}, ${o.domain} domain; one coil, whole lines`,
    weights: parameterCount(model),
    trainedOn: `${slices.length} slices`,
    validatedOn: `${kept.length} slices: ${files.at(-held)} to ${files.at(-1)}`,
    psnr: Object.fromEntries(accelerations.map((a, i) => [a, Number(shipped[i].toFixed(3))])),
    steps: done,
    bestAfter: best?.step,
    batch,
    width,
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
