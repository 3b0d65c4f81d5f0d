import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundle, entries } from "../bundle.mjs";
import { median } from "../machine.mjs";

export const about = "What a page loads for features and homographies, and how long the first result of a 640×480 pair takes";

/** In a process of its own: two pictures of waves, imported, aligned twice. */
const program = (options) => `
const [w, h] = [640, 480];
const texture = (x, y) => Math.sin(x / 5 + Math.sin(y / 9)) + Math.cos(y / 6 - Math.cos(x / 11)) * Math.sin((x + 2 * y) / 17);
const draw = (f) => Float32Array.from({ length: w * h }, (_, k) => f(k % w, Math.floor(k / w)));
const [c, s] = [Math.cos(0.2) / 0.9, Math.sin(0.2) / 0.9];
const pair = [draw(texture), draw((x, y) => texture(c * (x - 30) + s * (y - 20), c * (y - 20) - s * (x - 30)))];
const used = () => { const { user, system } = process.cpuUsage(); return (user + system) / 1000; };
const laps = [];
let [at, cpu] = [performance.now(), used()];
const lap = () => { laps.push([performance.now() - at, used() - cpu]); [at, cpu] = [performance.now(), used()]; };
const { homography, image } = await import("./bundle.mjs");
lap();
let r;
for (let turn = 0; turn < 2; turn++) {
  const [a, b] = pair.map((values) => image(values, { size: [w, h] }));
  r = homography(a, b, ${JSON.stringify(options)});
  lap();
}
console.log(JSON.stringify({ laps, status: r.status, inliers: r.inliers }));
`;

export async function run({ reps }) {
  const rows = [];
  for (const [name, code] of Object.entries(entries)) {
    const { bytes, gzip } = await bundle(code);
    rows.push([name, (bytes / 1000).toFixed(0), (gzip / 1000).toFixed(1), name.startsWith("all") ? "" : 150, "", "", "", ""]);
  }
  const folder = mkdtempSync(join(tmpdir(), "pullback-start-"));
  try {
    writeFileSync(join(folder, "bundle.mjs"), (await bundle(Object.values(entries)[0])).text);
    for (const [name, options] of [
      ["fast", { fast: true }],
      ["fast, 500 points", { fast: true, features: { limit: 500 } }],
      ["orb, 500 points", { detector: "orb", features: { limit: 500 } }],
      ["full", {}],
    ]) {
      writeFileSync(join(folder, "run.mjs"), program(options));
      const runs = Array.from({ length: Math.max(3, reps) }, () =>
        JSON.parse(execFileSync(process.execPath, [join(folder, "run.mjs")], { cwd: folder, encoding: "utf8" })),
      );
      const cell = (k) => [0, 1].map((what) => median(runs.map((r) => r.laps[k][what])).toFixed(0)).join(" / ");
      rows.push([`  ${name}: ${runs[0].status}`, "", "", "", cell(0), cell(1), 100, cell(2)]);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return {
    head: ["entry", "kB", "kB gzip", "goal", "import", "first result", "goal", "second"],
    rows,
    notes: ["bundles by vite; times in ms, elapsed / processor, medians of processes started anew, threads as the engine chooses them"],
  };
}
