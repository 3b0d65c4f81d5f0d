/*
 * The classes of learned reconstruction on two problems, MR of four times fewer lines (--problem mr, square magnitude slices of one size) and super-resolution ×3 (--problem sr,
 * photographs): of each class one small network, with as many steps; for MR also on fewer slices, and the slowest learner with four times the steps too. Generators, which are to know pictures rather than a problem, get more steps (`longer`). A run that was stopped goes on where it was. After npm run build:
 *   node scripts/train/classes.mjs OUT/ FOLDER|IMAGE.png… --problem mr|sr [--held N] [--steps N] [--batch N] [--threads N] [--seconds S] [--only NAME,…]
 * OUT/ gets NAME.safetensors and NAME.json for each; npm run bench -- classes OUT/ measures them. --held: the last N pictures (20 of MR, 0) are not learned from.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { readSafetensors, writeSafetensors } from "../../dist/io/index.js";
import { startEngine } from "../../dist/kernels/index.js";
import {
  decibels,
  generativeLoss,
  measuredSlice,
  sampledNormal,
  superResolutionData,
  superResolutionPair,
} from "../../dist/models/index.js";
import { parameterCount, pipeline, randomCrop, randomFlip, randomQuarterTurn, shuffled, train, weightsOf } from "../../dist/nn/index.js";
import { resizeOperator } from "../../dist/operators/index.js";
import { adamW, cosine } from "../../dist/optimisers/index.js";
import { randomNormal, Tensor } from "../../dist/tensor/index.js";
import { classAcceleration, classNetworks, classScale, classVariants } from "./classVariants.mjs";
import { luminance } from "./luminance.mjs";

const { values: o, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    problem: { type: "string" },
    held: { type: "string" },
    steps: { type: "string" },
    batch: { type: "string" },
    threads: { type: "string" },
    seconds: { type: "string", default: "Infinity" },
    seed: { type: "string", default: "1" },
    only: { type: "string" },
  },
});
const [out, ...places] = positionals;
const { problem } = o;
if (!out || places.length === 0 || !(problem in classVariants)) {
  console.error("usage: node scripts/train/classes.mjs OUT/ FOLDER|IMAGE.png… --problem mr|sr");
  process.exit(2);
}
const mr = problem === "mr";
const [held, usual, batch] = [o.held ?? (mr ? 20 : 0), o.steps ?? (mr ? 500 : 1800), o.batch ?? (mr ? 1 : 8)].map(Number);
const [seconds, seed] = [o.seconds, o.seed].map(Number);
const [patch, generatorBatch] = [16, 8]; // coarse samples; patches for a step of a generator
if (o.threads) startEngine({ threads: Number(o.threads) });
mkdirSync(out, { recursive: true });
const place = (name) => join(out, name);
function put(name, content) {
  writeFileSync(place(`${name}.new`), content);
  renameSync(place(`${name}.new`), place(name));
}
const began = performance.now();
const files = places.flatMap((p) =>
  statSync(p).isDirectory()
    ? readdirSync(p)
        .filter((f) => /\.(png|jpe?g)$/i.test(f))
        .sort()
        .map((f) => join(p, f))
    : [p],
);
const pictures = files.slice(0, files.length - held).map(luminance);

const view = pipeline(randomFlip(), randomQuarterTurn());
const tensorOf = ({ values, height, width }) => Tensor.from(values, [1, height, width]);
/** Values up to 1. */
const slices = mr ? pictures.map(tensorOf).map((t) => t.div(t.max().add(1e-6))) : [];
/** So many of them, from all over the list: of as many patients as can be. */
const some = (n) =>
  n >= slices.length ? slices : Array.from({ length: n }, (_, i) => slices[Math.floor(((i + 0.5) * slices.length) / n)]);
const pairs = mr ? [] : pictures.map((p) => superResolutionPair(p, classScale));

/** { model, data, loss, … } of a variant. */
function plan({ kind, items }) {
  const model = classNetworks[problem][kind]({ seed });
  const learning = {
    optimiser: adamW({ step: kind === "generator" ? 1e-3 : 2e-3, ...(kind === "generator" && { beta1: 0.5, decay: 0 }) }),
    clip: kind === "generator" ? undefined : mr ? 20 : 0.5,
  };
  const codes = (random) => ({ noise: randomNormal([model.latent], random), input: randomNormal([model.latent], random) });
  if (mr) {
    const slice = (whole, random) =>
      measuredSlice(view([whole], random)[0], { acceleration: classAcceleration, noise: 0.008 * random.uniform(), random });
    if (kind === "generator") {
      const crop = randomCrop([64, 64]);
      const data = shuffled({
        items: some(items),
        batch: generatorBatch,
        seed,
        sample: (whole, random) => ({ real: crop([slice(whole, random).truth], random)[0], ...codes(random) }),
      });
      return { model, data, loss: generativeLoss({ divergence: 0.003 }), batch: generatorBatch, ...learning };
    }
    const reads = {
      agnostic: (m, { data }) => m.forward(data),
      partly: (m, { zeroFilled }) => m.forward({ zeroFilled }),
      unrolled: (m, { zeroFilled, mask }) => m.forward({ zeroFilled, normal: sampledNormal(mask) }),
    }[kind];
    const data = shuffled({ items: some(items), batch, seed, sample: slice });
    return { model, data, loss: (m, s) => decibels(reads(m, s), s.truth), batch, ...learning };
  }
  const loader = superResolutionData({ pairs, scale: classScale, batch, patch, seed });
  if (kind === "generator") {
    const data = (random, k) => {
      const { target } = loader(random, k);
      return { real: target, noise: randomNormal([batch, model.latent], random), input: randomNormal([batch, model.latent], random) };
    };
    return { model, data, loss: generativeLoss({ divergence: 0.003 }), batch, ...learning };
  }
  const fine = patch * classScale;
  const operator = resizeOperator([batch, 1, fine, fine], { size: [patch, patch] });
  const sigma = Tensor.full([batch], 1e-3);
  const made =
    kind === "unrolled"
      ? (m, data) => m.forward({ operator, data, sigma, start: operator.adjoint(data).mul(classScale ** 2) })
      : (m, x) => m.forward(x);
  return { model, data: loader, loss: (m, { input, target }) => decibels(made(m, input), target), batch, ...learning };
}

for (const variant of classVariants[problem].filter((v) => !o.only || o.only.split(",").includes(v.name))) {
  const { name, items, longer = 1 } = variant;
  const steps = longer * usual;
  if (existsSync(place(`${name}.json`))) continue;
  const { model, batch: each, ...parts } = plan(variant);
  const file = place(`${name}.checkpoint`);
  const resume = existsSync(file) ? readSafetensors(readFileSync(file)) : undefined;
  const cpu = process.cpuUsage();
  const r = await train({
    ...parts,
    model,
    schedule: cosine({ steps, warmUp: Math.min(50, steps >> 1), floor: 0.02 }),
    steps,
    average: 0.99,
    seed,
    resume,
    checkpoint: {
      every: 50,
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
  const step = (used.user + used.system) / 1e6 / Math.max(1, steps - Number(resume?.metadata.step ?? 0));
  put(`${name}.safetensors`, writeSafetensors(weightsOf(r.model).tensors, {}, { floats: "f16" }));
  const said = {
    name,
    weights: parameterCount(model),
    steps,
    batch: each,
    seed,
    secondsEach: step,
    pictures: items ? Math.min(items, slices.length) : pictures.length,
  };
  put(`${name}.json`, `${JSON.stringify({ ...said, loss: r.history.loss })}\n`);
  const mean = (v) => v.reduce((a, b) => a + b, 0) / v.length;
  const ends = [r.history.loss.slice(0, 50), r.history.loss.slice(-100)].map((v) => mean(v).toFixed(3));
  console.log(`${name}: ${said.weights} weights, ${step.toFixed(3)} s a step, loss ${ends.join(" → ")}`);
}
process.exit(0);
