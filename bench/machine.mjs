// What a number needs beside it: processor, commit, command, date.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg } from "node:os";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));

const output = (file, args) => {
  try {
    return execFileSync(file, args, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return undefined;
  }
};

export function machine(command) {
  const flags = existsSync("/proc/cpuinfo") ? readFileSync("/proc/cpuinfo", "utf8") : "";
  const commit = output("git", ["rev-parse", "--short", "HEAD"]);
  // Results of this very run do not count as a change of the code.
  const changed = output("git", ["status", "--porcelain", "--untracked-files=no", "--", ".", ":!bench/results"]);
  return {
    date: new Date().toISOString().slice(0, 10),
    processor: cpus()[0]?.model ?? "unknown",
    cores: availableParallelism(),
    avx512: /\bavx512f\b/.test(flags),
    node: process.version,
    load: Number(loadavg()[0].toFixed(1)),
    commit: commit ? commit + (changed ? " with changes" : "") : "unknown",
    command,
  };
}

/** The lines above a table of results. */
export const heading = (title, m, more = []) => [
  `# ${title}`,
  "",
  `- ${m.date}, commit ${m.commit}, \`${m.command}\``,
  `- ${m.processor}, ${m.cores} cores, AVX-512: ${m.avx512 ? "yes" : "no"}, Node ${m.node}, load at the start ${m.load}`,
  ...more.map((line) => `- ${line}`),
  "",
];

export const median = (values) => {
  const a = [...values].sort((x, y) => x - y);
  const h = a.length >> 1;
  return a.length === 0 ? Number.NaN : a.length % 2 ? a[h] : (a[h - 1] + a[h]) / 2;
};

/** A Markdown table whose columns line up in the terminal too. */
export function table(head, rows) {
  const all = [head, ...rows].map((r) => r.map(String));
  const width = head.map((_, c) => Math.max(3, ...all.map((r) => r[c].length)));
  const line = (r) => `| ${r.map((v, c) => v.padEnd(width[c])).join(" | ")} |`;
  return [line(all[0]), `|${width.map((w) => "-".repeat(w + 2)).join("|")}|`, ...all.slice(1).map(line)];
}
