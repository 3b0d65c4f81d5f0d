/**
 * Thick slices made thin, and orthogonal stacks of them joined with the motion between them: PSNR over the volume (peak 1), steps and processor seconds.
 *     npm run build && node bench/inverse/throughPlane.mjs [--only thick,stacks,orthogonal] [--weights2 F] [--weights3 F] [--no-classical] [--no-save]
 * PULLBACK_DATA names the data folder (default ../shared/data). "thick" is the head of the data folder, slices 5× thicker than wide (Gaussian profile, FWHM 5).
 * "stacks" are simulated from a block of 60³ of the same head: three stacks cut across z, y and x, every slice five voxels thick, the second and third moved by up to
 * 2 voxels and 4°, noise 0.01; the scores leave 5 voxels out at the block's faces. "orthogonal" are the whole head's stacks across one, two and three axes, at rest and without
 * noise; the first is that of "thick". They have a file of results of their own when they are alone. weights2, weights3: of `pullback train through-plane --stacks 2` and 3; without them those rows are left out.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { seeded } from "../../dist/core/index.js";
import { grid } from "../../dist/image/index.js";
import { readNpy, readSafetensors } from "../../dist/io/index.js";
import { agreeingWithStacks, loadModel, stackAxes, thickSlices, thinner, throughPlaneNetwork } from "../../dist/models/index.js";
import { withWeightsOf } from "../../dist/nn/index.js";
import { resizeOperator } from "../../dist/operators/index.js";
import { frameOf, knownMotion, superResolve } from "../../dist/reconstruction/index.js";
import { keep, scope, Tensor } from "../../dist/tensor/index.js";
import { AffineTransform, affineFromParameters } from "../../dist/transforms/index.js";
import { heading, machine, root, table } from "../machine.mjs";

const data = join(process.env.PULLBACK_DATA ?? "../shared/data", "inverse", "mr-throughplane");
if (!existsSync(data)) {
  console.log(`no data at ${data}; set PULLBACK_DATA`);
  process.exit(0);
}
const given = (name) => (process.argv.includes(name) ? process.argv[process.argv.indexOf(name) + 1] : undefined);
const only = given("--only")?.split(",") ?? ["thick", "stacks", "orthogonal"];
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
if (only.includes("orthogonal")) {
  const whole = array("spm152_hr.npy");
  const size = whole.shape.map((n) => n - (n % 5)).reverse();
  // The slices' axis of "thick" first.
  const truth = Tensor.from(
    Float32Array.from(whole.data, (v) => v / 255),
    whole.shape,
  )
    .permute(2, 1, 0)
    .slice([0, 0, 0], size);
  const want = truth.data.slice();
  const score = (x) =>
    psnrOf(
      x.data.reduce((s, v, i) => s + (clip(v) - want[i]) ** 2, 0),
      want.length,
    );
  const stacks = Object.fromEntries(
    stackAxes.map((axis) => {
      const t = scope(() => thickSlices(truth.reshape(1, ...size), axis));
      return [axis, t.reshape(...t.shape.slice(1))];
    }),
  );
  const single = await loadModel("through-plane");
  const several = (n) => {
    const file = given(`--weights${n}`);
    return file && withWeightsOf(throughPlaneNetwork({ random: seeded(1), stacks: n }), readSafetensors(readFileSync(file)));
  };
  /** One stack with its axis first, and back. */
  const alone = (f) => (axis) => {
    const order = { z: [0, 1, 2], y: [1, 0, 2], x: [2, 1, 0] }[axis];
    return f(stacks[axis].permute(...order)).permute(...order);
  };
  const cubic = alone((t) => resizeOperator(t.shape, { axes: [0], size: [5 * t.shape[0]] }).apply(t));
  const by = alone(thinner(single));
  const timed = (name, method, f) => {
    const cpu = process.cpuUsage();
    const psnr = scope(() => score(f()));
    const used = process.cpuUsage(cpu);
    tell(name, method, psnr, { cpu: ((used.user + used.system) / 1e6).toFixed(1) });
  };
  /** What was made of each stack, kept; its seconds count once. */
  const once = (f) => {
    const kept = {};
    return (axis) => {
      kept[axis] ??= keep(scope(() => f(axis)));
      return kept[axis];
    };
  };
  const [cubics, fine] = [once(cubic), once(by)];
  for (const n of [1, 2, 3]) {
    const axes = stackAxes.slice(0, n);
    const name = n === 1 ? "spm152 one stack 5×" : `spm152 ${n} orthogonal stacks 5×`;
    const meanOf = (f) =>
      axes
        .map(f)
        .reduce((a, b) => a.add(b))
        .div(n);
    timed(name, n === 1 ? "cubic" : "mean of cubic", () => meanOf(cubics));
    timed(name, n === 1 ? "network" : "mean of the network of one stack", () => meanOf(fine));
    const model = n > 1 && several(n);
    const agreed = (x) => agreeingWithStacks(x, Object.fromEntries(axes.map((axis) => [axis, stacks[axis]])));
    timed(name, `${n === 1 ? "cubic" : "mean of cubic"}, made to agree`, () => agreed(meanOf(cubics)));
    timed(name, `${n === 1 ? "network" : "mean of the network"}, made to agree`, () => agreed(meanOf(fine)));
    if (model) {
      timed(name, `network of ${n} stacks`, () => thinner(model, { agree: false })(stacks));
      timed(name, `network of ${n} stacks, made to agree`, () => thinner(model)(stacks));
    }
    if (n === 1 || process.argv.includes("--no-classical")) continue;
    const frames = axes.map((axis) => {
      const a = { z: 2, y: 1, x: 0 }[axis]; // of x, y, z
      const [d, h, w] = stacks[axis].shape;
      const g = grid({ size: [w, h, d], spacing: [1, 1, 1].with(a, 5), origin: [0, 0, 0].with(a, 2) });
      return { values: stacks[axis].reshape(1, d, h, w), grid: g };
    });
    const still = frames.map(() => new AffineTransform(affineFromParameters("rigid", [0, 0, 0, 0, 0, 0], [0, 0, 0])));
    await run(name, "slice profile, total variation", score2, undefined, {
      frames, // every stack has its own profile; the default, 0.35 of a slice, stands for all, as in "stacks"
      grid: grid({ size: [...size].reverse() }),
      motion: still,
    });
    function score2(data) {
      return score({ data });
    }
  }
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
  const file = only.join() === "orthogonal" ? "throughPlaneStacks" : "throughPlane";
  writeFileSync(join(root, `bench/results/${file}.md`), `${text}\n`);
}
process.exit(0);
