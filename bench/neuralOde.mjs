// Deformations as neural differential equations beside the classical ones: the hands of FAIR, seven landmarks, folds, several first weights.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { grid, image } from "../dist/image/index.js";
import { readPoints } from "../dist/io/index.js";
import { readBytes, readImageFile } from "../dist/io/node.js";
import { startEngine } from "../dist/kernels/index.js";
import { neuralOde, register } from "../dist/registration/index.js";
import { Tensor } from "../dist/tensor/index.js";
import { hasData, registrationData } from "./data.mjs";
import { heading, machine, root, table } from "./machine.mjs";
import { foldedPercent, mean } from "./score.mjs";

const help = `npm run bench -- neuralOde [options]
  --presets LIST  beside it (default affine,diffeo,svf,lddmm)
  --seeds LIST    first weights (default 1,2,3)
  --threads N     default 2
  --no-save       print only, leave bench/results alone`;

const gray = (file) => {
  const raw = readImageFile(file);
  return image(
    Float32Array.from(raw.data, (v) => v / 255),
    grid({ size: raw.size }),
  );
};
const cpu = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};
const rowOf = (name, [average, largest, folded, status, seconds]) => [
  name,
  average.toFixed(2),
  largest.toFixed(2),
  folded.toFixed(3),
  status,
  seconds.toFixed(1),
];

export async function main(args) {
  const { values: o } = parseArgs({
    args,
    options: {
      presets: { type: "string", default: "affine,diffeo,svf,lddmm" },
      seeds: { type: "string", default: "1,2,3" },
      threads: { type: "string", default: "2" },
      "no-save": { type: "boolean" },
      help: { type: "boolean" },
    },
  });
  if (o.help) {
    console.log(help);
    return 0;
  }
  if (!hasData()) {
    console.log("neuralOde: the data folder is missing (PULLBACK_DATA); nothing to do");
    return 0;
  }
  await startEngine({ threads: Number(o.threads) });
  const [fixed, moving] = ["hands-R.png", "hands-T.png"].map((name) => gray(registrationData("fair", name)));
  const csv = readBytes(registrationData("fair", "hands_landmarks.csv"));
  const [p, q] = ["fixed_", "moving_"].map((prefix) => readPoints(csv, { prefix }));
  const at = Tensor.from(Float64Array.from(p.points), [p.count, 2]);
  const judged = (transform) => {
    const y = transform.apply(at).data;
    const apart = Array.from({ length: p.count }, (_, i) => Math.hypot(y[2 * i] - q.points[2 * i], y[2 * i + 1] - q.points[2 * i + 1]));
    const u = transform.displacement(fixed.grid);
    return [mean(apart), Math.max(...apart), foldedPercent({ ...fixed.grid, values: u.data, components: 2 })];
  };
  const rows = [];
  const run = async (name, options) => {
    const start = cpu();
    const { transform, status } = await register(fixed, moving, options);
    const seconds = cpu() - start;
    const found = judged(transform);
    rows.push(rowOf(name, [...found, status, seconds]));
    console.log(rows.at(-1).join("  "));
    return found[0];
  };
  for (const preset of o.presets ? o.presets.split(",") : []) await run(preset, { preset });
  const seeds = o.seeds.split(",").map(Number);
  const means = [];
  for (const seed of seeds) means.push(await run(`neuralOde, seed ${seed}`, { transform: neuralOde({ seed }) }));
  const lines = table(["", "mean, px", "largest, px", "folded %", "status", "processor s"], rows);
  console.log(lines.join("\n"));
  if (!o["no-save"]) {
    const m = machine(`npm run bench -- neuralOde ${args.join(" ")}`.trim());
    const spread = `neuralOde over ${seeds.length} first weights: mean ${mean(means).toFixed(2)} px, ${Math.min(...means).toFixed(2)} to ${Math.max(...means).toFixed(2)}`;
    const folder = join(root, "bench/results");
    mkdirSync(folder, { recursive: true });
    const title = heading("Hands of FAIR, 128 × 128 pixels, seven landmarks", m, [spread]);
    writeFileSync(join(folder, "neuralOde.md"), [...title, ...lines, ""].join("\n"));
  }
  return 0;
}
