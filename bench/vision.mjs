// Pictures: alignment against ground truth. Each case is a module in bench/vision/ with `name`, `about` and `run(options) → rows`.
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startEngine } from "../dist/kernels/index.js";
import { dataFolder } from "./data.mjs";
import { heading, machine, root, table } from "./machine.mjs";

const help = `npm run bench -- vision [options]
  --cases LIST   names of files in bench/vision (default all)
  --reps N       times are medians of N (default 3)
  --threads N    default 1
  --no-save      print only, leave bench/results alone`;

export async function main(args) {
  const { values } = parseArgs({
    args,
    options: {
      cases: { type: "string" },
      reps: { type: "string", default: "3" },
      threads: { type: "string", default: "1" },
      "no-save": { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) return void console.log(help);
  if (!existsSync(join(dataFolder, "vision"))) {
    console.log(`no pictures under ${dataFolder}; set PULLBACK_DATA`);
    return 0;
  }
  await startEngine({ threads: Number(values.threads) });
  const here = join(root, "bench/vision");
  const all = readdirSync(here)
    .filter((f) => f.endsWith(".mjs"))
    .map((f) => f.slice(0, -4))
    .sort();
  const wanted = values.cases?.split(",") ?? all;
  const unknown = wanted.filter((w) => !all.includes(w));
  if (unknown.length > 0) throw new Error(`bench vision: there is no case ${unknown.join(", ")}; choose among ${all.join(", ")}`);
  for (const name of wanted) {
    const bench = await import(join(here, `${name}.mjs`));
    const command = `npm run bench -- vision --cases ${name}${values.threads === "1" ? "" : ` --threads ${values.threads}`}`;
    const m = machine(command);
    const { head, rows, notes = [] } = await bench.run({ reps: Number(values.reps), threads: Number(values.threads) });
    const text = [...heading(bench.about, m, [`threads: ${values.threads}`, ...notes]), ...table(head, rows), ""].join("\n");
    console.log(text);
    if (!values["no-save"]) writeFileSync(join(root, `bench/results/vision-${name}.md`), text);
  }
  return 0;
}
