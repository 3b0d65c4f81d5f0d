// Our kernels against native C++ (bench/native), both sides run in turn so that a busy machine slows both alike.
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { places } from "./kernels/data.mjs";
import { heading, machine, median, root, table } from "./machine.mjs";
import { nativeServers } from "./native.mjs";

const help = `npm run bench -- kernels [options]
  --rows a,b       only these rows (default: all)
  --reps N         timed repetitions after one warm-up (default 9)
  --threads 1,2    numbers of threads (default 1,2)
  --no-save        print only, leave bench/results alone
  --list           name the rows and stop`;

/** The order of the table; families not named here come last. */
const order = ["warp", "localNcc", "gaussian", "convolution", "gemm", "fft", "expChain", "mutualInformation"];

/** Every row of bench/kernels/*.mjs whose kernels this build of the library has. */
export async function allRows(engine) {
  const folder = join(root, "bench/kernels");
  const place = (file) => (order.indexOf(file.slice(0, -4)) + order.length + 1) % (order.length + 1);
  const rows = [];
  for (const file of readdirSync(folder).sort((a, b) => place(a) - place(b))) {
    const module = await import(join(folder, file));
    rows.push(...(module.rows ?? []));
  }
  return rows.filter((row) => row.kernels.every((k) => k in engine.exports));
}

/** One thread: processor time when it is less than wall time, because the machine may be shared. Several: wall time. */
const cost = (sample, threads) => (threads === 1 ? Math.min(sample.wall, sample.cpu) : sample.wall);

function timeOurs(prepared) {
  prepared.before?.();
  const cpu0 = process.cpuUsage();
  const t0 = performance.now();
  prepared.run();
  const wall = performance.now() - t0;
  const cpu = process.cpuUsage(cpu0);
  return { wall, cpu: (cpu.user + cpu.system) / 1000 };
}

/** Largest difference of the probes, relative to the largest probe; `where` leaves places out (borders treated differently). */
function difference(ours, native, where = () => true) {
  const at = places(ours.length);
  const kept = ours.values.map((v, k) => ({ place: at[k], ours: v, native: native[k] })).filter((p) => where(p.place));
  const scale = Math.max(...kept.map((p) => Math.abs(p.native)));
  const largest = Math.max(...kept.map((p) => Math.abs(p.ours - p.native))) / scale;
  return kept.length > 0 && !Number.isNaN(largest) ? largest : Number.POSITIVE_INFINITY;
}

async function measure(row, engines, servers, threadCounts, reps) {
  const sides = [
    ...servers.flatMap((server) => row.native.map((kernel) => ({ name: `${server.name} ${kernel}`, server, kernel }))),
    ...engines.map((engine) => ({ name: engine.build, engine, prepared: row.prepare(engine) })),
  ];
  for (const side of sides) side.samples = Object.fromEntries(threadCounts.map((t) => [t, []]));
  for (let rep = 0; rep <= reps; rep++)
    for (const threads of threadCounts)
      for (const side of sides) {
        let sample;
        if (side.server) {
          sample = side.absent ? undefined : await side.server.run(side.kernel, threads);
          if (!sample) {
            side.absent = true;
            continue;
          }
          side.probes = sample.probes;
        } else {
          side.engine.threads = threads;
          while (side.engine.workersReady < threads - 1) await new Promise((r) => setTimeout(r, 2));
          sample = timeOurs(side.prepared);
          side.probes = side.prepared.check();
        }
        if (rep > 0) side.samples[threads].push({ wall: sample.wall, cpu: sample.cpu });
      }
  const natives = sides.filter((s) => s.server && !s.absent);
  const ours = sides.filter((s) => s.engine);
  for (const side of ours) side.prepared.free();
  const ms = (side, threads) => median(side.samples[threads].map((s) => cost(s, threads)));
  // The speed-up takes the least of all repetitions: anything else that runs can only lengthen a run, and with all cores in use it always does.
  const least = (side, threads) => Math.min(...side.samples[threads].map((s) => s.wall));
  const times = {};
  for (const side of [...natives, ...ours]) times[side.name] = Object.fromEntries(threadCounts.map((t) => [t, round(ms(side, t))]));
  // The first native kernel of a row is the same algorithm; others (FFTW) are reported beside it.
  const main = natives.filter((s) => s.kernel === row.native[0]);
  const first = threadCounts[0];
  const best = main.length ? main.reduce((a, b) => (ms(b, first) < ms(a, first) ? b : a)) : undefined;
  const others = {};
  for (const kernel of row.native.slice(1)) {
    const sidesOf = natives.filter((s) => s.kernel === kernel);
    if (sidesOf.length) others[kernel] = Math.min(...sidesOf.map((s) => ms(s, first)));
  }
  const agreement = best ? Math.max(...ours.map((s) => difference(s.probes, best.probes, row.where))) : undefined;
  const result = { name: row.name, about: row.about, size: row.size, goal: row.goal, times, others, native: best?.name };
  result.ratio = {};
  result.speedUp = {};
  for (const side of ours) {
    result.ratio[side.name] = best && ms(side, first) / ms(best, first);
    for (const [kernel, t] of Object.entries(others)) result.ratio[`${side.name}/${kernel}`] = ms(side, first) / t;
  }
  const last = threadCounts.at(-1);
  if (last !== first)
    for (const side of [...ours, ...(best ? [best] : [])]) result.speedUp[side.name] = least(side, first) / least(side, last);
  result.speedUpGoal = row.speedUp;
  result.difference = agreement;
  result.agrees = agreement === undefined ? undefined : agreement <= row.tolerance;
  result.tolerance = row.tolerance;
  return result;
}

const round = (v) => Number(v.toPrecision(4));
const number = (v, digits = 2) => (v === undefined || Number.isNaN(v) ? "–" : v.toFixed(digits));

export async function main(args) {
  const { values: o } = parseArgs({
    args,
    options: {
      rows: { type: "string" },
      reps: { type: "string", default: "9" },
      threads: { type: "string", default: "1,2" },
      "no-save": { type: "boolean", default: false },
      list: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (o.help) {
    console.log(help);
    return 0;
  }
  const reps = Number(o.reps);
  const threadCounts = o.threads.split(",").map(Number);
  if (!(reps >= 1) || threadCounts.some((t) => !Number.isInteger(t) || t < 1)) {
    console.error(`bench kernels: --reps ${o.reps} --threads ${o.threads}: give whole numbers of 1 or more`);
    return 2;
  }
  const { Engine } = await import("../dist/kernels/index.js");
  const relaxed = new Engine({ threads: 1 });
  const plain = new Engine({ threads: 1, deterministic: true });
  const engines = relaxed.build === "relaxed" ? [plain, relaxed] : [plain];
  const rows = await allRows(plain);
  if (o.list) {
    for (const row of rows) console.log(`${row.name.padEnd(24)}${row.about}, ${row.size}`);
    return 0;
  }
  const wanted = o.rows?.split(",");
  const unknown = wanted?.filter((w) => !rows.some((r) => r.name === w));
  if (unknown?.length) {
    console.error(`bench kernels: no row is called ${unknown.join(", ")}; there are ${rows.map((r) => r.name).join(", ")}`);
    return 2;
  }
  const info = machine(`npm run bench -- kernels ${args.join(" ")}`.trim());
  const { servers, notes } = await nativeServers();
  if (!servers.length) notes.push("no native build: ratios are missing, only our own times are shown");
  if (!info.avx512) notes.push("this processor has no AVX-512: ratios to native are not the ones the goals speak of");
  const busy = info.load > 1;
  if (busy) notes.push(`the machine was busy (load ${info.load} at the start): speed-up by threads is not shown`);
  if (engines.length === 1) notes.push("this Node has no relaxed SIMD: only the plain build is shown");
  for (const note of notes) console.error(note);

  const results = [];
  const failed = [];
  const [first, last] = [threadCounts[0], threadCounts.at(-1)];
  const head = ["row", "size", "native ms", "ours ms", "ratio", "ratio plain", "goal", "", `${first}→${last} threads`, "native", "agrees"];
  const shown = [];
  for (const row of rows.filter((r) => !wanted || wanted.includes(r.name))) {
    let r;
    try {
      r = await measure(row, engines, servers, threadCounts, reps);
    } catch (error) {
      failed.push(row.name);
      notes.push(`${row.name} failed: ${error.message}`);
      console.error(notes.at(-1));
      continue;
    }
    results.push(r);
    const best = engines.at(-1).build;
    const beside = Object.entries(r.others).map(([kernel]) => `; ${number(r.ratio[`${best}/${kernel}`])} of ${kernel}`);
    shown.push([
      r.about,
      r.size,
      r.native ? `${number(r.times[r.native][first], 1)} (${r.native.split(" ")[0]})` : "no native build",
      number(r.times[best][first], 1),
      number(r.ratio[best]) + beside.join(""),
      number(r.ratio.simd),
      `≤ ${r.goal}`,
      r.ratio[best] === undefined ? "–" : r.ratio[best] <= r.goal ? "met" : "missed",
      first === last || busy ? "–" : `${number(r.speedUp[best])}× (goal ${r.speedUpGoal})`,
      first === last || busy || !r.native ? "–" : `${number(r.speedUp[r.native])}×`,
      r.agrees === undefined ? "–" : r.agrees ? "yes" : `NO: differs by ${r.difference.toExponential(1)}`,
    ]);
    console.error(
      `${r.name}: ${Object.entries(r.ratio)
        .map(([k, v]) => `${k} ${number(v)}`)
        .join(", ")}`,
    );
  }
  const lines = table(head, shown);
  console.log(lines.join("\n"));
  if (!o["no-save"]) {
    const folder = join(root, "bench/results");
    mkdirSync(folder, { recursive: true });
    const peers = servers.map((s) => s.about);
    const report = { ...info, loadAtEnd: machine("").load, native: peers, notes, reps, results };
    writeFileSync(join(folder, `kernels-${info.date}.json`), `${JSON.stringify(report, null, 1)}\n`);
    const about = [
      `native: ${peers.join("; ") || "none"}; flags -O3 -march=native -ffast-math -fopenmp; the faster build of the two counts`,
      `medians of ${reps}, both sides in turn; ${first === 1 ? "one thread: the smaller of processor and wall time" : "wall time"}; ratio = ours / native, smaller is better`,
      ...notes,
    ];
    writeFileSync(join(folder, "kernels.md"), [...heading("Kernels against native C++", info, about), ...lines, ""].join("\n"));
  }
  for (const server of servers) server.close();
  for (const engine of [relaxed, plain]) engine.close();
  const wrong = results.filter((r) => r.agrees === false);
  if (wrong.length) console.error(`bench kernels: results differ from native in ${wrong.map((r) => r.name).join(", ")}`);
  return wrong.length || failed.length ? 1 : 0;
}
