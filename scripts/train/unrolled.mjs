/*
 * Trains eight steps of plug-and-play end to end, from the package's denoiser: for blurs (Gaussians and strokes of a hand, another at every step) or missing samples
 * (10 to 60 % known). A run that was stopped goes on where it was. After npm run build:
 *   node scripts/train/unrolled.mjs OUT/ IMAGE.png… [--problem blur|missing] [--own] [--steps 2000] [--batch 4] [--patch 64] [--threads N] [--seconds S]
 * The last image is kept for validation. OUT/ gets checkpoint.safetensors, weights.safetensors (half floats), card.json and loss.svg.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { seeded } from "../../dist/core/index.js";
import { readSafetensors, writeSafetensors } from "../../dist/io/index.js";
import { readImageFile } from "../../dist/io/node.js";
import { startEngine } from "../../dist/kernels/index.js";
import { loadModel, unrolledRestoration } from "../../dist/models/index.js";
import { parameterCount, pipeline, randomCrop, randomFlip, randomQuarterTurn, squaredLoss, train, weightsOf } from "../../dist/nn/index.js";
import { blurOperator, gaussianKernel, maskOperator } from "../../dist/operators/index.js";
import { adamW, cosine } from "../../dist/optimisers/index.js";
import { inpaintBiharmonic } from "../../dist/reconstruction/index.js";
import { lossPlot } from "../../dist/report/index.js";
import { randomNormal, randomUniform, scope, stack, Tensor } from "../../dist/tensor/index.js";

const { values: o, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    problem: { type: "string", default: "blur" },
    own: { type: "boolean", default: false },
    steps: { type: "string", default: "2000" },
    batch: { type: "string", default: "4" },
    patch: { type: "string", default: "64" },
    threads: { type: "string" },
    seconds: { type: "string", default: "Infinity" },
    seed: { type: "string", default: "1" },
  },
});
const [out, ...files] = positionals;
if (!out || files.length < 2 || !["blur", "missing"].includes(o.problem)) {
  console.error(
    "usage: node scripts/train/unrolled.mjs OUT/ IMAGE.png IMAGE.png… [--problem blur|missing]; the last image is for validation",
  );
  process.exit(2);
}
const [steps, batch, patch, seconds, seed] = [o.steps, o.batch, o.patch, o.seconds, o.seed].map(Number);
if (o.threads) startEngine({ threads: Number(o.threads) });
mkdirSync(out, { recursive: true });

function luminance(file) {
  const { data, size, channels } = readImageFile(file);
  const n = size[0] * size[1];
  const weights = channels >= 3 ? [0.299, 0.587, 0.114] : [1];
  const peak = data instanceof Uint16Array ? 65535 : 255;
  const values = Float32Array.from({ length: n }, (_, i) => weights.reduce((s, w, c) => s + w * data[c * n + i], 0) / peak);
  return Tensor.from(values, [1, size[1], size[0]]);
}
const images = files.map(luminance);
const kept = images.pop();

/** The path of a shaken hand: a walk whose direction turns slowly, on 19 × 19 samples. */
function stroke(random) {
  const side = 19;
  const weights = new Float32Array(side * side);
  let [y, x, angle] = [side / 2, side / 2, 2 * Math.PI * random.uniform()];
  for (let k = 0, n = 40 + random.integer(160); k < n; k++) {
    angle += 0.6 * (random.uniform() - 0.5);
    y += 0.12 * Math.sin(angle);
    x += 0.12 * Math.cos(angle);
    const [i, j] = [Math.floor(y), Math.floor(x)];
    if (i < 0 || j < 0 || i + 1 >= side || j + 1 >= side) break;
    for (const [di, dj] of [
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
    ])
      weights[(i + di) * side + j + dj] += Math.abs(1 - di - (y - i)) * Math.abs(1 - dj - (x - j));
  }
  const sum = weights.reduce((a, b) => a + b, 0);
  return Tensor.from(
    weights.map((w) => w / sum),
    [side, side],
  );
}
function measured(clean, random) {
  const shape = clean.shape;
  const strength = o.problem === "blur" ? (1 + 5 * random.uniform()) / 255 : 1e-3;
  const sigma = Tensor.full([shape[0]], strength);
  if (o.problem === "missing") {
    const known = randomUniform(shape, 0, 1, random).less(0.1 + 0.5 * random.uniform());
    const data = clean.mul(known);
    return { clean, operator: maskOperator(known), data, sigma, start: inpaintBiharmonic(data, known, { dimensions: 2 }).image };
  }
  const kernel = random.uniform() < 0.4 ? gaussianKernel(15, 0.6 + 1.8 * random.uniform()) : stroke(random);
  const operator = blurOperator(shape, kernel);
  return { clean, operator, data: operator.apply(clean).add(randomNormal(shape, random).mul(strength)), sigma };
}
const view = pipeline(randomCrop(patch), randomFlip(), randomQuarterTurn());
const data = (random) =>
  measured(
    stack(
      Array.from({ length: batch }, () => view([images[random.integer(images.length)]], random)[0]),
      0,
    ),
    random,
  );
/** Mean PSNR in dB of the middle of the image kept, over six ways to measure it. */
const psnr = (m) =>
  Array.from({ length: 6 }, (_, k) =>
    scope(() => {
      const [, h, w] = kept.shape;
      const [y, x] = [(h - 192) >> 1, (w - 192) >> 1];
      const { clean, ...rest } = measured(kept.slice([0, y, x], [1, y + 192, x + 192]).reshape(1, 1, 192, 192), seeded(1000 + k));
      return -10 * Math.log10(m.forward(rest).sub(clean).square().mean().item());
    }),
  ).reduce((sum, v) => sum + v / 6, 0);

const place = (name) => join(out, name);
function put(name, content) {
  writeFileSync(place(`${name}.new`), content);
  renameSync(place(`${name}.new`), place(name));
}
const file = place("checkpoint.safetensors");
const resume = existsSync(file) ? readSafetensors(readFileSync(file)) : undefined;
const start = unrolledRestoration({ random: seeded(seed), denoiser: await loadModel("denoiser"), own: o.own });
console.log(`${resume ? `going on after ${resume.metadata.step} steps` : `untrained: held ${psnr(start).toFixed(3)} dB`}`);
const began = performance.now();
const stop = new AbortController();
let stopping = false;
const every = 50;
try {
  const { model, history, best } = await train({
    model: start,
    data,
    loss: (m, { clean, ...y }) => squaredLoss()(m.forward(y), clean),
    optimiser: adamW({ step: 2e-4 }),
    schedule: cosine({ steps, warmUp: Math.min(50, steps >> 1) }),
    steps,
    clip: 0.1,
    average: 0.99,
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
      const s = (performance.now() - began) / 1000;
      if (validation !== undefined)
        console.log(`${step}/${steps}  loss ${loss.toExponential(3)}  held ${(-validation).toFixed(3)} dB  ${s.toFixed(0)} s`);
      stopping = s > seconds;
    },
  });
  put("weights.safetensors", writeSafetensors(weightsOf(model).tensors, {}, { floats: "f16" }));
  const card = {
    what: `unrolledRestoration, 8 steps, ${o.own ? "a denoiser each" : "one denoiser"}; A: ${o.problem === "blur" ? "periodic blurs, noise 1 to 6/255" : "10 to 60 % of the samples"}`,
    weights: parameterCount(model),
    trainedOn: files.slice(0, -1).map((f) => basename(f)),
    validatedOn: [basename(files[files.length - 1])],
    psnr: best && -best.value,
    bestAfter: best?.step,
    steps,
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
