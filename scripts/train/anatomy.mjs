/*
 * Does a prior of anatomy help super-resolution? A network for slices with one axis five times coarser, trained by squared differences alone and with `anatomicalLoss` added,
 * from the same first weights with the same batches. First the parts of the prior: cavities by threshold and roundness (cavities.mjs; no contours by hand), an auto-encoder of them,
 * a network that finds their codes in pictures, and, for bench/anatomy.mjs alone, one that finds cavities. A run that was stopped goes on where it was. After npm run build:
 *   node scripts/train/anatomy.mjs OUT/ FOLDER/ [--steps 600] [--batch 6] [--threads N] [--seconds S] [--only NAME,…]
 * FOLDER: short-axis slices as .png, PATIENT-IM-….png. OUT/ gets NAME.safetensors and NAME.json for each; npm run bench -- anatomy OUT/ measures them.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { seeded } from "../../dist/core/index.js";
import { readSafetensors, writeSafetensors } from "../../dist/io/index.js";
import { startEngine } from "../../dist/kernels/index.js";
import { anatomicalLoss } from "../../dist/models/index.js";
import { squaredLoss, sumOfLosses, train, weightsOf, withWeightsOf } from "../../dist/nn/index.js";
import { resizeOperator } from "../../dist/operators/index.js";
import { adamW, cosine } from "../../dist/optimisers/index.js";
import { scope, stack } from "../../dist/tensor/index.js";
import { coarse, field, judge, patients, predictor, shapes, side, thinner2d, variants } from "./anatomyParts.mjs";

const { values: o, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    steps: { type: "string", default: "600" },
    batch: { type: "string", default: "6" },
    threads: { type: "string" },
    seconds: { type: "string", default: "Infinity" },
    only: { type: "string" },
  },
});
const [out, folder] = positionals;
if (!folder) {
  console.error("usage: node scripts/train/anatomy.mjs OUT/ FOLDER/");
  process.exit(2);
}
const [steps, batch, seconds] = [o.steps, o.batch, o.seconds].map(Number);
if (o.threads) startEngine({ threads: Number(o.threads) });
mkdirSync(out, { recursive: true });
const place = (name) => join(out, name);
function put(name, content) {
  writeFileSync(place(`${name}.new`), content);
  renameSync(place(`${name}.new`), place(name));
}
const began = performance.now();
const all = patients(folder).flat();
const masked = all.filter((s) => s.mask);
console.log(`${all.length} slices, cavities found in ${masked.length}, ${((performance.now() - began) / 1000).toFixed(0)} s`);

const jitter = (random) => 12 * (random.uniform() - 0.5);
/** Pictures, and masks where wanted, [batch, 1, side, side]. */
const batchOf = (items, withMasks) => (random) => {
  const chosen = Array.from({ length: batch }, () => {
    const s = items[random.integer(items.length)];
    const at = [s.middle[0] + jitter(random), s.middle[1] + jitter(random)];
    return { picture: field(s.picture, at), ...(withMasks && { mask: field({ ...s.picture, values: s.mask }, at, false) }) };
  });
  return { picture: stack(chosen.map((c) => c.picture)), ...(withMasks && { mask: stack(chosen.map((c) => c.mask)) }) };
};
const squared = squaredLoss();

async function trained(name, model, { loss, data, steps, step = 1e-3, said = {} }) {
  if (o.only && !o.only.split(",").includes(name) && !existsSync(place(`${name}.safetensors`))) return model;
  if (existsSync(place(`${name}.json`))) return withWeightsOf(model, readSafetensors(readFileSync(place(`${name}.safetensors`))));
  const held = place(`${name}.checkpoint`);
  const resume = existsSync(held) ? readSafetensors(readFileSync(held)) : undefined;
  const cpu = process.cpuUsage();
  const r = await train({
    model,
    data,
    loss,
    optimiser: adamW({ step, decay: 1e-4 }),
    schedule: cosine({ steps, warmUp: Math.min(50, steps >> 1) }),
    steps,
    clip: 1,
    average: 0.99,
    seed: 1,
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
  const each = (used.user + used.system) / 1e6 / Math.max(1, steps - Number(resume?.metadata.step ?? 0));
  put(`${name}.safetensors`, writeSafetensors(weightsOf(r.model).tensors, {}, { floats: "f16" }));
  put(`${name}.json`, `${JSON.stringify({ name, steps, batch, secondsEach: each, ...said, loss: r.history.loss })}\n`);
  const mean = (v) => v.reduce((a, b) => a + b, 0) / v.length;
  const [first, last] = [r.history.loss.slice(0, 30), r.history.loss.slice(-30)].map((v) => mean(v).toExponential(2));
  console.log(`${name}: ${each.toFixed(3)} s a step, loss ${first} → ${last}`);
  return r.model;
}

const whole = batchOf(masked, true);
const ae = await trained("shapes", shapes(), { steps: 2 * steps, data: whole, loss: (m, { mask }) => squared(m.forward(mask), mask) });
const codes = await trained("codes", predictor(), {
  steps: 2 * steps,
  data: whole,
  loss: (m, { picture, mask }) => squared(m.forward(picture), ae.encoder.forward(mask)),
});
await trained("judge", judge(), { steps, data: whole, loss: (m, { picture, mask }) => squared(m.forward(picture), mask) });

const anatomical = anatomicalLoss({ code: (x) => codes.forward(x) });
const cubic = (rows) => resizeOperator(rows.shape, { axes: [2], size: [side] }).apply(rows);
const plain = batchOf(all, false);
const sizes = Array.from({ length: 4 }, (_, k) =>
  scope(() => {
    const { picture } = plain(seeded(1000 + k));
    const x = cubic(coarse(picture));
    return [squared(x, picture).item(), anatomical(x, picture).item()];
  }),
);
const [ofSamples, ofCodes] = [0, 1].map((i) => sizes.reduce((s, v) => s + v[i], 0));
for (const { name, share } of variants) {
  const weight = (share * ofSamples) / ofCodes;
  const loss = share === 0 ? squared : sumOfLosses([1, squared], [weight, anatomical]);
  const { model, of } = thinner2d();
  await trained(name, model, {
    steps,
    data: plain,
    loss: (m, { picture }) => loss(of(m, coarse(picture)), picture),
    said: { weight },
  });
}
process.exit(0);
