// How much of the machine a batch of many small registrations uses, and what the queue costs beside them.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { encode } from "fast-png";
import { heading, machine, root, table } from "./machine.mjs";

const help = `npm run bench -- batch [options]
  --tasks N        registrations (default 1000)
  --workers N      at a time (default: as many as cores)
  --no-save        print only, leave bench/results alone`;

/** A blob on a weave of 48 × 48 samples, moved a little by k. */
function picture(k) {
  const n = 48;
  const data = Uint8Array.from({ length: n * n }, (_, i) => {
    const [u, v] = [(i % n) - 22 - 0.7 * k, Math.floor(i / n) - 24 + 0.4 * k];
    return 40 + 160 * Math.exp(-((u * u) / 90 + (v * v) / 50)) + 20 * Math.sin(u / 3) * Math.cos(v / 4);
  });
  return encode({ width: n, height: n, data, channels: 1 });
}

export async function main(args) {
  const { values: o } = parseArgs({
    args,
    options: {
      help: { type: "boolean" },
      tasks: { type: "string", default: "1000" },
      workers: { type: "string", default: String(availableParallelism()) },
      "no-save": { type: "boolean" },
    },
  });
  if (o.help) {
    console.log(help);
    return 0;
  }
  const at = mkdtempSync(join(tmpdir(), "pullback-bench-"));
  try {
    for (let k = 0; k < 8; k++) writeFileSync(join(at, `p${k}.png`), picture(k));
    const lines = Array.from({ length: Number(o.tasks) }, (_, k) => `pair${k},p${k % 8}.png,p${(k + 1 + (k >> 3)) % 8}.png`);
    writeFileSync(join(at, "pairs.csv"), ["name,fixed,moving", ...lines, ""].join("\n"));
    const m = machine(`npm run bench -- batch ${args.join(" ")}`.trim());
    const began = performance.now();
    const batch = ["batch", join(at, "pairs.csv"), "-o", join(at, "out"), "--preset", "rigid", "--workers", o.workers, "--json"];
    const ran = spawnSync(process.execPath, [join(root, "dist/cli/main.js"), ...batch], { encoding: "utf8", maxBuffer: 2 ** 28 });
    const seconds = (performance.now() - began) / 1000;
    const { figures } = JSON.parse(ran.stdout);
    const done = join(at, "out/queue/done");
    const inTasks = readdirSync(done)
      .map((f) => JSON.parse(readFileSync(join(done, f), "utf8")).seconds)
      .reduce((s, v) => s + v, 0);
    // Claims and records alone: the same queue with tasks that do nothing.
    const { DirectoryQueue, drain, parsePlan } = await import("../dist/batch/index.js");
    const plan = parsePlan(readFileSync(join(at, "out/queue/plan.jsonl"), "utf8"));
    const empty = DirectoryQueue.create(join(at, "empty"), plan);
    const idle = { run: async () => ({ exit: 0, reason: "" }), close: async () => {} };
    const { seconds: queueing } = await drain(empty, { worker: "bench", slots: Number(o.workers), runner: () => idle });
    const rows = [
      ["registrations", figures.ok + figures.suspect],
      ["workers", o.workers],
      ["seconds in all, start included", seconds.toFixed(1)],
      ["share of the workers' time in tasks", `${((100 * inTasks) / (Number(o.workers) * seconds)).toFixed(1)} %`],
      ["the queue alone (claims, records), seconds", queueing.toFixed(2)],
      ["the queue beside the work", `${((100 * queueing) / inTasks).toFixed(2)} %`],
    ];
    const text = [...heading("Many small registrations in a batch", m), ...table(["", "measured"], rows), ""].join("\n");
    console.log(text);
    if (!o["no-save"]) writeFileSync(join(root, "bench/results/batch.md"), text);
    return 0;
  } finally {
    rmSync(at, { recursive: true, force: true });
  }
}
