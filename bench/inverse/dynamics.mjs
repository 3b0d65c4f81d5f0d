/**
 * Series whose brightness changes while they move, on the open cases: motion at the kidneys (px, relative to frame 0; goal 0.3), enhancement curves (RMS over
 * frames, % of the peak; goal 5) and the model's residual, for the models of brightness and for registration that ignores them.
 *     npm run build && node bench/inverse/dynamics.mjs [--models lowrank,free,gamma,none,ssd] [--methods alternate,joint] [--save]
 * --save writes bench/results/dynamics.md. PULLBACK_DATA names the data folder (default ../shared/data). Curves: over the ellipses' rings (cortex, normalised radius 0.6 to 1) and cores (medulla,
 * below 0.6), drawn as a label map on frame 0, by `regionCurves`: `value`, and beside it the plain mean over the region. The enhancement in the data has soft
 * borders (a Gaussian of about one pixel), so that the true motion itself leaves 6.4 / 3.1 % to plain means.
 */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { image } from "../../dist/image/index.js";
import { readImage } from "../../dist/io/index.js";
import { readBytes } from "../../dist/io/node.js";
import { ssd } from "../../dist/metrics/index.js";
import { alignDiffeo, constant, correctDynamics, dynamicsByName, regionCurves } from "../../dist/registration/index.js";
import { DisplacementTransform, warp } from "../../dist/transforms/index.js";
import { heading, machine, root, table } from "../machine.mjs";

const data = join(process.env.PULLBACK_DATA ?? "../shared/data", "registration");
if (!existsSync(data)) {
  console.log(`no data at ${data}; set PULLBACK_DATA`);
  process.exit(0);
}
const load = async (folder, count, digits) => {
  const frames = [];
  for (let t = 0; t < count; t++) {
    const name = `frame${String(t).padStart(digits, "0")}.png`;
    const { values, grid } = await readImage(readBytes(join(data, folder, name)), name);
    frames.push(image(Float32Array.from(values.data.subarray(0, grid.size[0] * grid.size[1])), grid));
  }
  return frames;
};
const asked = (flag, all) => (process.argv.includes(flag) ? process.argv[process.argv.indexOf(flag) + 1] : all).split(",");
const wanted = asked("--models", "lowrank,free,gamma,none,ssd");
const methods = asked("--methods", "alternate,joint");
const mean = (v) => v.reduce((a, b) => a + b, 0) / v.length;

/** What registration of every frame with frame 0 by squared differences makes of the series. */
async function frameToFrame(frames) {
  const scale = (im) => ({ values: im.values.mul(1 / 166), grid: im.grid });
  const { grid } = frames[0];
  const transforms = [];
  for (const f of frames) {
    const map = { matrix: [1, 0, 0, 1], offset: [0, 0] };
    const o = { updateVoxels: 3, totalVoxels: 1, shrinks: [4, 2, 1], iterations: [40, 40, 30] };
    const r = await alignDiffeo({ fixed: scale(frames[0]), moving: scale(f), map }, ssd(), o, { iterations: 0, level: 0, levels: 1 });
    transforms.push(new DisplacementTransform(r.forward, r.grid));
  }
  const corrected = frames.map((f, t) => warp(f, transforms[t], grid, { interpolation: "cubic", border: "clamp" }));
  return { transforms, corrected };
}
async function run(frames, name, method) {
  const used = process.cpuUsage();
  const start = performance.now();
  const times = frames.map((_, t) => t);
  const result =
    name === "ssd"
      ? await frameToFrame(frames)
      : await correctDynamics(
          frames,
          name === "none" ? { dynamics: constant(), start: "still" } : { dynamics: dynamicsByName[name](), times, method },
        );
  const { user, system } = process.cpuUsage(used);
  return { ...result, seconds: (performance.now() - start) / 1000, cpu: (user + system) / 1e6 };
}

const text = new TextDecoder().decode(readBytes(join(data, "kidney_dynamics_sim/truth.csv")));
const truth = text
  .trim()
  .split("\n")
  .slice(1)
  .map((line) => line.split(",").map(Number));
const kidneys = [
  { middle: [69, 120], radii: [15, 26] },
  { middle: [139, 102], radii: [15, 28] },
].map((k, i) => {
  const rows = truth.filter((r) => r[1] === i);
  return { ...k, moved: rows.map((r) => [r[4], r[5]]), cortex: rows.map((r) => r[6]), medulla: rows.map((r) => r[7]) };
});
/** Pixels of frame 0 whose normalised radius in a kidney is within bounds. */
const region = ({ middle, radii, moved }, [low, high], [w, h]) => {
  const found = [];
  for (let i = 0; i < w * h; i++) {
    const r = Math.hypot((i % w) - middle[0] + moved[0][0], 0) / radii[0];
    const s = (Math.floor(i / w) - middle[1] + moved[0][1]) / radii[1];
    const q = Math.hypot(r, s);
    if (q >= low && q < high) found.push(i);
  }
  return found;
};
const frames = await load("kidney_dynamics_sim", 20, 2);
const { grid } = frames[0];
const n = grid.size[0] * grid.size[1];
const rows = [];
const cases = wanted.flatMap((name) => (name === "none" || name === "ssd" ? [[name, "alternate"]] : methods.map((m) => [name, m])));
for (const [name, method] of cases) {
  const r = await run(frames, name, method);
  const off = [];
  for (const [t, y] of r.transforms.entries()) {
    if (t === 0) continue;
    const u = y.displacement(grid).data;
    for (const k of kidneys) {
      const middle = k.middle.map((v, i) => Math.round(v - k.moved[0][i]));
      const at = middle[0] + grid.size[0] * middle[1];
      const core = region(k, [0, 0.6], grid.size);
      const error = (x, y) => Math.hypot(x - k.moved[0][0] + k.moved[t][0], y - k.moved[0][1] + k.moved[t][1]);
      off.push([error(u[at], u[n + at]), error(mean(core.map((i) => u[i])), mean(core.map((i) => u[n + i])))]);
    }
  }
  const labels = new Float32Array(n);
  kidneys.forEach((k, i) => {
    for (const at of region(k, [0.6, 1], grid.size)) labels[at] = 2 * i + 1;
    for (const at of region(k, [0, 0.6], grid.size)) labels[at] = 2 * i + 2;
  });
  const states = regionCurves(r, image(labels, grid));
  const curve = (which, of) =>
    mean(
      kidneys.map((k, i) => {
        const label = 2 * i + (which === "cortex" ? 1 : 2);
        const values = states.filter((s) => s.label === label).map((s) => s[of]);
        const rest = mean(values.filter((_, t) => k[which][t] === 0).slice(0, 5));
        return (100 * Math.sqrt(mean(values.map((v, t) => (v - rest - k[which][t]) ** 2)))) / Math.max(...k[which]);
      }),
    );
  rows.push({
    model: name,
    estimate: name === "ssd" ? "–" : method,
    "motion at the centres, px": mean(off.map((e) => e[0])).toFixed(2),
    "over the cores": mean(off.map((e) => e[1])).toFixed(2),
    "cortex, %": curve("cortex", "value").toFixed(1),
    "plain mean": curve("cortex", "mean").toFixed(1),
    "medulla, %": curve("medulla", "value").toFixed(1),
    "plain mean ": curve("medulla", "mean").toFixed(1),
    residual: r.residual ? `${r.residual.before.toFixed(2)} → ${r.residual.after.toFixed(2)}` : "–",
    s: r.seconds.toFixed(1),
    "CPU s": r.cpu.toFixed(1),
  });
}
console.log("kidney_dynamics_sim");
console.table(rows);

const molli = await load("kidney_molli", 8, 1);
const told = [];
for (const [name, method] of cases.filter(([m]) => m === "lowrank" || m === "free" || m === "none")) {
  const r = await run(molli, name, method);
  told.push({
    model: name,
    estimate: method,
    "residual before": r.residual.before.toFixed(2),
    after: r.residual.after.toFixed(2),
    "CPU s": r.cpu.toFixed(1),
  });
}
console.log("kidney_molli");
console.table(told);
if (process.argv.includes("--save")) {
  const of = (list) => table(Object.keys(list[0]), list.map(Object.values));
  const lines = [
    ...heading("Series whose brightness changes", machine(`node bench/inverse/dynamics.mjs ${process.argv.slice(2).join(" ")}`), [
      "goals: motion 0.3 px, curves 5 % of the peak (RMS over frames); processor seconds, all threads",
    ]),
    "kidney_dynamics_sim",
    "",
    ...of(rows),
    "",
    "kidney_molli: the model's residual",
    "",
    ...of(told),
    "",
  ];
  writeFileSync(join(root, "bench/results/dynamics.md"), lines.join("\n"));
}
process.exit(0);
