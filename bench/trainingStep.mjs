// A step of training the 8 × 32 denoiser (16 patches of 40 × 40, all samples): ours and PyTorch's, by turns.
import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { seeded } from "../dist/core/index.js";
import { startEngine } from "../dist/kernels/index.js";
import { denoisingNetwork } from "../dist/models/index.js";
import { squaredLoss, train } from "../dist/nn/index.js";
import { adamW } from "../dist/optimisers/index.js";
import { randomNormal, randomUniform } from "../dist/tensor/index.js";
import { heading, machine, median, root, table } from "./machine.mjs";

const help = `npm run bench -- trainingStep [options]
  --threads N   of both programs (default 1)
  --rounds N    turns of each (default 9)
  --steps N     steps in a turn (default 4)
  --python P    a Python that has torch (default /usr/bin/python3)
  --no-save     print only, leave bench/results alone`;

/** PyTorch in a process of its own that waits for its turns; undefined where there is none. */
async function peer(python, threads) {
  const child = spawn(python, [join(root, "bench/peers/trainingStep.py"), String(threads)], { stdio: ["pipe", "pipe", "ignore"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  child.on("error", () => {});
  const first = await Promise.race([lines.next(), new Promise((done) => child.on("error", () => done({ done: true })))]);
  if (first.done) return undefined;
  return {
    version: first.value.split(" ")[1],
    async turn(n) {
      child.stdin.write(`${n}\n`);
      return (await lines.next()).value.split(" ").map(Number);
    },
    end: () => child.kill(),
  };
}

export async function main(args) {
  const { values: o } = parseArgs({
    args,
    options: {
      threads: { type: "string", default: "1" },
      rounds: { type: "string", default: "9" },
      steps: { type: "string", default: "4" },
      python: { type: "string", default: "/usr/bin/python3" },
      "no-save": { type: "boolean" },
      help: { type: "boolean" },
    },
  });
  if (o.help) {
    console.log(help);
    return 0;
  }
  const [threads, rounds, steps] = [o.threads, o.rounds, o.steps].map(Number);
  startEngine({ threads });
  const [batch, side] = [16, 40];
  const data = (random) => {
    const clean = randomUniform([batch, 1, side, side], 0, 1, random);
    const sigma = randomUniform([batch], 0, 0.2, random);
    return { clean, sigma, image: clean.add(randomNormal(clean.shape, random).mul(sigma.reshape(batch, 1, 1, 1))) };
  };
  let model = denoisingNetwork({ random: seeded(1), dilations: new Array(8).fill(1) });
  const run = async (n) => {
    const times = [];
    let [cpu, wall] = [process.cpuUsage(), performance.now()];
    const r = await train({
      model,
      data: (random) => data(random),
      loss: (m, { image, sigma, clean }) => squaredLoss()(m.forward({ image, sigma }), clean),
      optimiser: adamW({ step: 1e-3 }),
      steps: n,
      seed: 1,
      onProgress() {
        const used = process.cpuUsage(cpu);
        times.push([(used.user + used.system) / 1e6, (performance.now() - wall) / 1e3]);
        [cpu, wall] = [process.cpuUsage(), performance.now()];
      },
    });
    model = r.model;
    const rest = times.slice(1); // the first holds the preparation
    return [0, 1].map((k) => rest.reduce((s, t) => s + t[k], 0) / rest.length);
  };
  const other = await peer(o.python, threads);
  if (!other) console.error("peer absent: no Python with torch; only our own times");
  await run(4);
  const [ours, theirs] = [[], []];
  for (let k = 0; k < rounds; k++) {
    ours.push(await run(steps + 1));
    if (other) theirs.push(await other.turn(steps));
  }
  other?.end();
  const ms = (all, k) => (1e3 * median(all.map((t) => t[k]))).toFixed(0);
  const ratio = (k) => median(ours.map((t, i) => t[k] / theirs[i][k])).toFixed(2);
  const lines = [
    ...heading("A step of training", machine(`npm run bench -- trainingStep ${args.join(" ")}`.trim()), [
      "8 convolutions of 32 channels on all samples, 16 patches of 40 × 40, forward, backward, AdamW",
      `medians of ${rounds} turns of ${steps} steps, by turns, ${threads} thread${threads > 1 ? "s" : ""} each`,
    ]),
    ...table(
      ["", "processor ms", "ms"],
      [
        ["pullback", ms(ours, 0), ms(ours, 1)],
        ...(other
          ? [
              [`PyTorch ${other.version}`, ms(theirs, 0), ms(theirs, 1)],
              ["ratio, median of the turns", ratio(0), ratio(1)],
            ]
          : []),
      ],
    ),
    "",
  ];
  console.log(lines.join("\n"));
  if (!o["no-save"]) {
    mkdirSync(join(root, "bench/results"), { recursive: true });
    writeFileSync(join(root, `bench/results/trainingStep-${threads}.md`), `${lines.join("\n")}\n`);
  }
  return 0;
}
