/**
 * Thick slices made thin, and orthogonal stacks of them joined with the motion between them: PSNR over the volume (peak 1), steps and processor seconds.
 *     npm run build && node bench/inverse/throughPlane.mjs [--only thick,stacks] [--no-save]
 * PULLBACK_DATA names the data folder (default ../shared/data). "thick" is the head of the data folder, slices 5× thicker than wide (Gaussian profile, FWHM 5).
 * "stacks" are simulated from a block of 60³ of the same head: three stacks cut across z, y and x, every slice five voxels thick, the second and third moved by up to
 * 2 voxels and 4°, noise 0.01; the scores leave 5 voxels out at the block's faces.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { seeded } from "../../dist/core/index.js";
import { grid } from "../../dist/image/index.js";
import { readNpy } from "../../dist/io/index.js";
import { resizeOperator } from "../../dist/operators/index.js";
import { frameOf, knownMotion, superResolve } from "../../dist/reconstruction/index.js";
import { Tensor } from "../../dist/tensor/index.js";
import { AffineTransform, affineFromParameters } from "../../dist/transforms/index.js";
import { heading, machine, root, table } from "../machine.mjs";

const data = join(process.env.PULLBACK_DATA ?? "../shared/data", "inverse", "mr-throughplane");
if (!existsSync(data)) {
  console.log(`no data at ${data}; set PULLBACK_DATA`);
  process.exit(0);
}
const only = process.argv.includes("--only") ? process.argv[process.argv.indexOf("--only") + 1].split(",") : ["thick", "stacks"];
const array = (name) => readNpy(readFileSync(join(data, name)));
const psnrOf = (square, count) => -10 * Math.log10(square / count);
const clip = (v) => Math.min(1, Math.max(0, v));
const rows = [];
const tell = (name, method, psnr, more = {}) => {
  rows.push([name, method, psnr.toFixed(2), more.off ?? "–", more.steps ?? "–", more.status ?? "–", more.cpu ?? "–"]);
  console.error(rows.at(-1).join("  "));
};
async function run(name, method, score, off, options) {
  const cpu = process.cpuUsage();
  const r = await superResolve(options);
  const used = process.cpuUsage(cpu);
  const more = { steps: r.motionSteps, status: r.status, cpu: ((used.user + used.system) / 1e6).toFixed(1) };
  tell(name, method, score(r.image.values.data), { ...more, ...(off && { off: off(r.transforms).toFixed(2) }) });
}

if (only.includes("stacks")) {
  const whole = array("spm152_hr.npy");
  const [, Y, X] = whole.shape;
  const n = 60;
  const from = [70, 100, 75];
  const truth = new Float32Array(n ** 3);
  for (let z = 0; z < n; z++)
    for (let y = 0; y < n; y++)
      for (let x = 0; x < n; x++) truth[(z * n + y) * n + x] = whole.data[((from[0] + z) * Y + from[1] + y) * X + from[2] + x] / 255;
  const fine = grid({ size: [n, n, n] });
  const random = seeded(6);
  const centre = [29.5, 29.5, 29.5];
  const motion = [
    [0, 0, 0, 0, 0, 0],
    [1.6, -1.2, 0.9, 0.04, -0.03, 0.05],
    [-1.1, 1.8, -0.7, -0.05, 0.02, -0.03],
  ].map((p) => new AffineTransform(affineFromParameters("rigid", p, centre)));
  const sensor = (axis) => ({ psf: [0, 1, 2].map((a) => (a === axis ? 5 / 2.3548 : 0)), pixel: "point" });
  const across = [2, 1, 0];
  const stackOf = (axis, y) => {
    const size = [n, n, n].map((m, a) => (a === axis ? m / 5 : m));
    const spacing = [1, 1, 1].map((s, a) => (a === axis ? 5 * s : s));
    const g = grid({ size, spacing, origin: [0, 1, 2].map((a) => (a === axis ? 2 : 0)) });
    const f = frameOf({ values: Tensor.zeros([1, ...[...size].reverse()]), grid: g }, fine, sensor(axis));
    const clean = f.sensor.apply(knownMotion(y, f.fine, fine).warp(Tensor.from(truth, [1, n, n, n])));
    const noisy = Float32Array.from(clean.data, (v) => v + 0.01 * random.normal());
    return { values: Tensor.from(noisy, clean.shape), grid: g };
  };
  const frames = across.map((axis, t) => stackOf(axis, motion[t]));
  const score = (x) => {
    let [s, count] = [0, 0];
    for (let z = 5; z < n - 5; z++)
      for (let y = 5; y < n - 5; y++)
        for (let i = 5; i < n - 5; i++) {
          const at = (z * n + y) * n + i;
          s += (clip(x[at]) - truth[at]) ** 2;
          count++;
        }
    return psnrOf(s, count);
  };
  const corners = Tensor.from(Float32Array.from([5, 5, 5, 54, 5, 5, 5, 54, 5, 5, 5, 54, 54, 54, 54]), [5, 3]);
  const off = (found) =>
    Math.max(
      ...found.map((y, t) => {
        const d = y.apply(corners).sub(motion[t].apply(corners)).data;
        return Math.max(...[0, 1, 2, 3, 4].map((k) => Math.hypot(d[3 * k], d[3 * k + 1], d[3 * k + 2])));
      }),
    );
  const still = motion.map(() => motion[0]);
  // Every stack has its own profile; the default, 0.35 of a slice, stands for all.
  const o = { grid: fine };
  const name = "three stacks 5×";
  const along = resizeOperator([n / 5, n, n], { size: [n], axes: [0], method: "cubic" });
  tell(name, "first stack, cubic", score(along.apply(frames[0].values.reshape(n / 5, n, n)).data));
  await run(name, "first stack, total variation", score, undefined, { ...o, frames: frames.slice(0, 1) });
  await run(name, "all, motion not looked for", score, off, { ...o, frames, motion: still });
  await run(name, "all, registered first", score, off, { ...o, frames, estimate: "none" });
  await run(name, "all, motion found together", score, off, { ...o, frames });
  await run(name, "all, motion known", score, off, { ...o, frames, motion });
}
if (only.includes("thick")) {
  const [hr, thick] = [array("spm152_hr.npy"), array("spm152_thick5.npy")];
  const [z, y, m] = thick.shape;
  const score = (x) => {
    let s = 0;
    for (let i = 0; i < hr.data.length; i++) s += (clip(x[i]) - hr.data[i] / 255) ** 2;
    return psnrOf(s, hr.data.length);
  };
  const values = Tensor.from(
    Float32Array.from(thick.data, (v) => v / 255),
    [1, z, y, m],
  );
  const name = "spm152 slices 5×";
  for (const method of ["cubic", "lanczos"])
    tell(name, method, score(resizeOperator([z, y, m], { size: [5 * m], axes: [2], method }).apply(values.reshape(z, y, m)).data));
  await run(name, "slice profile, total variation", score, undefined, {
    frames: [{ values, grid: grid({ size: [m, y, z], spacing: [5, 1, 1] }) }],
    scale: [5, 1, 1],
    psf: [5 / 2.3548, 0, 0],
    pixel: "point",
  });
}
const text = [
  ...heading("Through-plane super-resolution", machine(`node bench/inverse/throughPlane.mjs ${process.argv.slice(2).join(" ")}`.trim()), [
    "PSNR over the volume, peak 1; off: the largest distance of a stack's corners from where they truly are, voxels; processor seconds",
  ]),
  ...table(["case", "method", "PSNR, dB", "off", "steps", "status", "CPU s"], rows),
  "",
].join("\n");
console.log(text);
if (!process.argv.includes("--no-save")) {
  mkdirSync(join(root, "bench/results"), { recursive: true });
  writeFileSync(join(root, "bench/results/throughPlane.md"), `${text}\n`);
}
process.exit(0);
