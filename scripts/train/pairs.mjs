/*
 * How far does a network for homographies come with so many pairs of patches? The same network, first weights, steps and batches for each number of distinct pairs, with the
 * corners' true moves and by brightness alone. A run that was stopped goes on where it was. After npm run build:
 *   node scripts/train/pairs.mjs OUT/ IMAGE.png… [--pairs 100,1000,0] [--kinds supervised,unsupervised] [--steps 500] [--batch 4] [--patch 64] [--features 32] [--held 2] [--threads N] [--seconds S]
 * 0: every pair is seen once. The last --held pictures are not trained on. OUT/ gets KIND-N.safetensors and KIND-N.json for each;
 * PULLBACK_WEIGHTS=OUT npm run bench -- vision --cases homographyPairs measures them.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { seeded } from "../../dist/core/index.js";
import { readSafetensors, writeSafetensors } from "../../dist/io/index.js";
import { startEngine } from "../../dist/kernels/index.js";
import { patchPair, planesOf, recipes } from "../../dist/models/index.js";
import { shuffled, train, weightsOf } from "../../dist/nn/index.js";
import { luminance } from "./luminance.mjs";

const { values: o, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    pairs: { type: "string", default: "100,1000,0" },
    kinds: { type: "string", default: "supervised,unsupervised" },
    steps: { type: "string", default: "500" },
    batch: { type: "string", default: "4" },
    patch: { type: "string", default: "64" },
    features: { type: "string", default: "32" },
    held: { type: "string", default: "2" },
    threads: { type: "string" },
    seconds: { type: "string", default: "Infinity" },
    seed: { type: "string", default: "1" },
  },
});
const [out, ...files] = positionals;
const [steps, batch, patch, features, held, seconds, seed] = [o.steps, o.batch, o.patch, o.features, o.held, o.seconds, o.seed].map(Number);
if (!out || files.length <= held) {
  console.error("usage: node scripts/train/pairs.mjs OUT/ IMAGE.png…");
  process.exit(2);
}
if (o.threads) startEngine({ threads: Number(o.threads) });
mkdirSync(out, { recursive: true });
const place = (name) => join(out, name);
function put(name, content) {
  writeFileSync(place(`${name}.new`), content);
  renameSync(place(`${name}.new`), place(name));
}
const began = performance.now();
const pictures = files.map(luminance);
const [learn, judge] = [pictures.slice(0, -held), pictures.slice(-held)];
const planes = learn.map((p) => planesOf(p, patch));
// Near ones and far ones, the same for both kinds: brightness alone sees no further than what is blurred.
const drawn = (random) => patchPair(planes[random.integer(planes.length)], patch, random, { reach: 0.25 * (0.1 + 0.9 * random.uniform()) });

for (const kind of o.kinds.split(","))
  for (const count of o.pairs.split(",").map(Number)) {
    const name = `${kind}-${count}`;
    if (existsSync(place(`${name}.json`))) continue;
    const plan = await recipes[kind === "supervised" ? "homography" : "homography-unsupervised"].plan(learn, judge, {
      batch,
      patch,
      features,
      seed,
    });
    const items = Array.from({ length: count || steps * batch }, (_, k) => k);
    const held = place(`${name}.checkpoint`);
    const resume = existsSync(held) ? readSafetensors(readFileSync(held)) : undefined;
    const cpu = process.cpuUsage();
    const r = await train({
      model: plan.model,
      data: shuffled({ items, batch, seed, sample: (k) => drawn(seeded(10_000 + k)) }),
      loss: plan.loss,
      optimiser: plan.optimiser,
      schedule: plan.schedule(steps),
      steps,
      clip: plan.clip,
      // The mean of weights over the last hundred steps or so: runs are short.
      average: 0.98,
      seed,
      resume,
      checkpoint: {
        every: 50,
        save(c) {
          put(`${name}.checkpoint`, writeSafetensors(c.tensors, c.metadata));
          console.log(`${name}: ${c.metadata.step} of ${steps} steps`);
          if ((performance.now() - began) / 1000 > seconds && Number(c.metadata.step) < steps) {
            console.log(`${name}: stopped at ${c.metadata.step} of ${steps} steps; the same command goes on`);
            process.exit(0);
          }
        },
      },
    });
    const used = process.cpuUsage(cpu);
    const each = (used.user + used.system) / 1e6 / (steps - Number(resume?.metadata.step ?? 0));
    const figures = plan.figures(r.model);
    put(`${name}.safetensors`, writeSafetensors(weightsOf(r.model).tensors, {}, { floats: "f16" }));
    put(
      `${name}.json`,
      `${JSON.stringify({ kind, pairs: count, steps, batch, patch, features, seed, secondsEach: each, figures, loss: r.history.loss })}\n`,
    );
    const mean = (v) => v.reduce((a, b) => a + b, 0) / v.length;
    const loss = r.history.loss;
    console.log(
      `${name}: ${each.toFixed(3)} s a step, loss ${mean(loss.slice(0, 50)).toFixed(2)} → ${mean(loss.slice(-50)).toFixed(2)}, held back ${JSON.stringify(figures)}`,
    );
  }
process.exit(0);
