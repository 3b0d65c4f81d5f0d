// Our command line against elastix on data with ground truth; both run in turn, scored by the same independent code.
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { dataFolder, hasData } from "./data.mjs";
import { heading, machine, median, root, table } from "./machine.mjs";
import { elastix, identity, pullback } from "./methods.mjs";
import { findPeers } from "./peers.mjs";
import { mean } from "./score.mjs";

const help = `npm run bench -- registration [options]
  --cases a,b      only these cases (default: rigid3d_known, rigid2d_known, lung3d_knownfield, brain3d_oasis); all for every one
  --pairs TEXT     only pairs whose name contains TEXT
  --reps N         repetitions, the median time counts (default 1; with more than 1, one warm-up before)
  --threads N      threads for each program (default 2)
  --no-peers       our own results only
  --ours "FLAGS"   further options for our register
  --no-save        print only, leave bench/results alone
  --list           name the cases and stop`;

const usual = ["rigid3d_known", "rigid2d_known", "lung3d_knownfield", "brain3d_oasis"];

export async function allCases() {
  const folder = join(root, "bench/cases");
  return Promise.all(
    readdirSync(folder)
      .sort()
      .map(async (f) => (await import(join(folder, f))).default),
  );
}

/** Time a method on a pair `reps` times (and once more first when there are several), then score the last result. */
async function runAll(pair, runners, folder, reps, threads) {
  const state = runners.map((r) => ({ ...r, seconds: [], wall: [], cpu: [], rejected: undefined, result: undefined }));
  for (let rep = reps > 1 ? -1 : 0; rep < reps; rep++)
    for (const s of state) {
      if (s.rejected) continue;
      try {
        const place = join(folder, s.key);
        mkdirSync(place, { recursive: true });
        s.result = await s.method.run(pair, place, { threads });
        if (rep < 0) continue;
        s.seconds.push(s.result.seconds);
        s.wall.push(s.result.wall);
        s.cpu.push(s.result.cpu);
      } catch (error) {
        s.rejected = error.message;
      }
    }
  const out = {};
  for (const s of state) {
    if (!s.rejected)
      try {
        const score = await pair.score(s.result);
        out[s.key] = {
          ...score,
          status: s.result.status,
          reason: s.result.reason,
          seconds: median(s.seconds),
          wall: median(s.wall),
          cpu: median(s.cpu),
        };
      } catch (error) {
        s.rejected = `scoring: ${error.message}`;
      }
    if (s.rejected) out[s.key] = { error: s.rejected };
  }
  return out;
}

const number = (v, digits) => (v === undefined || Number.isNaN(v) ? "–" : v.toFixed(digits));
const accuracy = (r) => (!r ? "–" : r.error ? "failed" : number(r.value, r.value < 1 ? 4 : 3));
const seconds = (r) => (!r || r.error ? "–" : number(r.seconds, 2));

function goalText(goal, smaller) {
  return goal ? `${smaller ? "≤" : "≥"} ${goal.value}, ≤ ${goal.seconds} s` : "–";
}
function met(goal, r, smaller) {
  if (!goal || !r || r.error) return "–";
  const good = smaller ? r.value <= goal.value : r.value >= goal.value;
  return good && r.seconds <= goal.seconds ? "met" : good ? "slow" : r.seconds <= goal.seconds ? "inaccurate" : "missed";
}
/** The mean of value, seconds and the like over the pairs that did not fail. */
function average(results) {
  const good = results.filter((r) => r && !r.error);
  if (!good.length) return undefined;
  const keys = Object.keys(good[0]).filter((k) => typeof good[0][k] === "number");
  return { ...Object.fromEntries(keys.map((k) => [k, mean(good.map((r) => r[k]))])), failed: results.length - good.length };
}

export async function main(args) {
  const { values: o } = parseArgs({
    args,
    options: {
      cases: { type: "string", default: usual.join(",") },
      pairs: { type: "string" },
      reps: { type: "string", default: "1" },
      threads: { type: "string", default: "2" },
      "no-peers": { type: "boolean", default: false },
      ours: { type: "string", default: "" },
      "no-save": { type: "boolean", default: false },
      list: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (o.help) {
    console.log(help);
    return 0;
  }
  const cases = await allCases();
  if (o.list) {
    for (const c of cases) console.log(`${c.name.padEnd(24)}${c.about}; ${c.figure}`);
    return 0;
  }
  const reps = Number(o.reps);
  const threads = Number(o.threads);
  if (![reps, threads].every((n) => Number.isInteger(n) && n >= 1)) {
    console.error(`bench registration: --reps ${o.reps} --threads ${o.threads}: give whole numbers of 1 or more`);
    return 2;
  }
  const names = o.cases === "all" ? cases.map((c) => c.name) : o.cases.split(",");
  const unknown = names.filter((n) => !cases.some((c) => c.name === n));
  if (unknown.length) {
    console.error(`bench registration: no case is called ${unknown.join(", ")}; there are ${cases.map((c) => c.name).join(", ")}`);
    return 2;
  }
  if (!hasData()) {
    console.log(`bench registration: skipped, there is no data in ${dataFolder}; set PULLBACK_DATA to the folder that holds registration/`);
    return 0;
  }
  const info = machine(`npm run bench -- registration ${args.join(" ")}`.trim());
  const peers = findPeers();
  const notes = Object.entries(peers.absent).map(([name, install]) => `${name} is absent (${install})`);
  const withPeer = !o["no-peers"] && "elastix" in peers.present;
  const withUs = pullback([]).available();
  if (!withUs) notes.push("our command line is not built (dist/cli/main.js): only the start and the peer are shown");
  for (const note of notes) console.error(note);

  const extra = o.ours.split(/\s+/).filter(Boolean);
  const head = ["pair", "start", "method", "ours", "s", "elastix", "s ", "time ratio", "folded %", "goal", ""];
  const report = [];
  const text = [];
  let failures = 0;
  for (const name of names) {
    const c = cases.find((k) => k.name === name);
    const pairs = c.pairs().filter((p) => !o.pairs || p.name.includes(o.pairs));
    const results = [];
    for (const pair of pairs) {
      const folder = mkdtempSync(join(tmpdir(), "pullback-bench-"));
      const runners = [
        { key: "identity", method: identity },
        ...(withUs ? Object.entries(pair.ours).map(([key, flags]) => ({ key, method: pullback([...flags, ...extra]) })) : []),
        ...(withPeer && pair.elastix ? [{ key: "elastix", method: elastix(pair.elastix) }] : []),
      ];
      const r = await runAll(pair, runners, folder, reps, threads);
      rmSync(folder, { recursive: true, force: true });
      results.push({ pair: pair.name, ...r });
      for (const [key, v] of Object.entries(r)) {
        if (v.error) failures++;
        console.error(
          `${name} ${pair.name} ${key}: ${v.error ?? `${accuracy(v)} in ${seconds(v)} s${v.status === "ok" ? "" : ` (${v.status}: ${v.reason})`}`}`,
        );
      }
    }
    const methods = withUs ? [...new Set(pairs.flatMap((p) => Object.keys(p.ours)))] : [undefined];
    const line = (label, r, method, goal) => {
      const us = r[method];
      const ratio = us?.seconds && r.elastix?.seconds ? us.seconds / r.elastix.seconds : undefined;
      const folded = (us ?? r.elastix)?.folded;
      const cells = [label, accuracy(r.identity), method ?? "–", accuracy(us), seconds(us), accuracy(r.elastix), seconds(r.elastix)];
      return [...cells, number(ratio, 2), number(folded, 3), goalText(goal, c.smaller), met(goal, us, c.smaller)];
    };
    const rows = [];
    for (const [k, pair] of pairs.entries())
      for (const method of withUs ? Object.keys(pair.ours) : [undefined])
        rows.push(line(pair.name, results[k], method, pair.goals?.[method] ?? pair.goal));
    if (pairs.length > 1)
      for (const method of methods) {
        const done = results.filter((_, k) => !method || method in pairs[k].ours);
        const means = Object.fromEntries(
          ["identity", method, "elastix"].map((key) => [key, average(done.map((r) => r[key]).filter(Boolean))]),
        );
        rows.push(line("mean", means, method, o.pairs ? undefined : c.summary?.goal));
      }
    const lines = [
      `## ${name}: ${c.about}`,
      "",
      `${c.figure}; ${c.smaller ? "smaller" : "larger"} is better`,
      "",
      ...table(head, rows),
      "",
    ];
    text.push(...lines);
    console.log(lines.join("\n"));
    report.push({ case: name, figure: c.figure, smaller: c.smaller, results });
  }
  if (!o["no-save"]) {
    const folder = join(root, "bench/results");
    mkdirSync(folder, { recursive: true });
    const peer = peers.present.elastix?.version ?? "none";
    const about = [
      `peer: ${withPeer ? peer : "none"} with the parameter files of bench/peers/elastix, ${threads} threads for each program`,
      `seconds: ours \`seconds.total\` (first file read to last written), the peer's from start to exit; median of ${reps}; time ratio = ours / peer`,
      ...notes,
    ];
    writeFileSync(
      join(folder, `registration-${info.date}.json`),
      `${JSON.stringify({ ...info, peers: peers.present, notes, reps, threads, cases: report }, null, 1)}\n`,
    );
    writeFileSync(join(folder, "registration.md"), [...heading("Registration with ground truth", info, about), ...text].join("\n"));
  }
  return failures ? 1 : 0;
}
