/**
 * Sixteen frames of a beating phantom, or of cardiac slices that are set in motion, measured in part with noise: magnitude PSNR and processor seconds of the dynamic methods.
 *     npm run build && node bench/inverse/series.mjs [--size 128] [--weights F]
 *     npm run build && node bench/inverse/series.mjs --cardiac [--slices 0,2,4] [--weights F] [--save]
 * --methods NAME,…: these only. weights: of `pullback train mr-series-cascade`, for "learned"; without them the package's, where it has some. --cardiac: whole slices of PULLBACK_DATA (default ../shared/data) of patients
 * that no training saw, contracting and drifting otherwise than the training has them do; there the package's cascade for single frames is measured beside.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { seeded } from "../../dist/core/index.js";
import { image } from "../../dist/image/index.js";
import { readNpy } from "../../dist/io/index.js";
import { startEngine } from "../../dist/kernels/index.js";
import { loadModel, models, networkReconstruction, networkSeries } from "../../dist/models/index.js";
import { fourierOperator, warpFieldOperator } from "../../dist/operators/index.js";
import { coilPhantom, dynamicMethods, reconstructDynamicMr, reconstructMr } from "../../dist/reconstruction/index.js";
import { register } from "../../dist/registration/index.js";
import { randomNormal, scope, stack, Tensor } from "../../dist/tensor/index.js";
import { heading, machine, root, table } from "../machine.mjs";

const { values: o } = parseArgs({
  options: {
    size: { type: "string", default: "128" },
    weights: { type: "string" },
    cardiac: { type: "boolean" },
    methods: { type: "string" },
    slices: { type: "string", default: "0,2,4" },
    save: { type: "boolean" },
  },
});
startEngine({ threads: 2 });
const known = o.weights !== undefined || models["mr-series-cascade"].weights !== undefined;
const network = known && networkSeries(await loadModel("mr-series-cascade", { weights: o.weights && readFileSync(o.weights) }));
if (!known) console.error("learned: no weights");
const single = networkReconstruction(await loadModel("mr-cascade"));
const t = 16;
const n = o.cardiac ? 256 : Number(o.size);

/** A slice in motion [t, n, n], complex: something near the middle contracts, quickly, and opens slowly; all drifts with the breath; a smooth phase. */
function beating(slice) {
  const [cy, cx, radius] = [0.5 * n, 0.47 * n, 0.1 * n];
  const still = Tensor.from(slice, [1, n, n]);
  const turn = Float32Array.from({ length: n * n }, (_, i) => 1.2 * Math.sin((i % n) / 60) + 0.8 * Math.cos(Math.floor(i / n) / 45));
  const phase = Tensor.from(
    Float32Array.from({ length: 2 * n * n }, (_, i) => (i % 2 ? Math.sin(turn[i >> 1]) : Math.cos(turn[i >> 1]))),
    [n, n],
    "c64",
  );
  return stack(
    Array.from({ length: t }, (_, k) => {
      const along = k / t;
      const squeeze = along < 0.35 ? Math.sin((0.5 * Math.PI * along) / 0.35) ** 2 : Math.cos((0.5 * Math.PI * (along - 0.35)) / 0.65) ** 2;
      const drift = 1.5 * Math.sin(2 * Math.PI * (along * 0.4 + 0.1));
      const u = new Float32Array(2 * n * n);
      for (let i = 0; i < n * n; i++) {
        const [dx, dy] = [(i % n) - cx, Math.floor(i / n) - cy];
        const bell = 0.35 * squeeze * Math.exp(-(((dx * dx + dy * dy) / (2 * radius * radius)) ** 2));
        u[i] = bell * dx;
        u[n * n + i] = bell * dy + drift;
      }
      return scope(() =>
        warpFieldOperator([n, n], Tensor.from(u, [2, n, n]), { border: "clamp", interpolation: "cubic" })
          .apply(still)
          .reshape(n, n)
          .mul(phase),
      );
    }),
  );
}
function cardiac() {
  const data = join(process.env.PULLBACK_DATA ?? "../shared/data", "inverse", "mr-cardiac", "eval_gt_complex.npy");
  const all = readNpy(readFileSync(data));
  return o.slices.split(",").map((s) => {
    const at = 2 * Number(s) * n * n;
    return beating(Float32Array.from({ length: n * n }, (_, i) => Math.hypot(all.data[at + 2 * i], all.data[at + 2 * i + 1])));
  });
}
const truths = o.cardiac
  ? cardiac()
  : [stack(Array.from({ length: t }, (_, k) => coilPhantom([n, n], 1, 0.15 * Math.sin((2 * Math.PI * k) / t)).image))];
const kspaces = truths.map((truth, i) => {
  const whole = fourierOperator([t, n, n], { axes: [1, 2] }).apply(truth);
  return whole.add(randomNormal(whole.shape, seeded(3 + i), "c64").mul(o.cardiac ? 0.005 : 0.01));
});
const sizes = truths.map((truth) => truth.abs().data.slice());
const psnr = (x, i) => {
  const found = x.abs().data;
  const peak = sizes[i].reduce((p, v) => Math.max(p, v), 0);
  const sum = sizes[i].reduce((s, v, k) => s + (v - found[k]) ** 2, 0);
  return 10 * Math.log10((peak * peak * sizes[i].length) / sum);
};
/** u with moving(p + u(p)) ≈ fixed(p). */
const motion = async (fixed, moving) => {
  const grid = { size: [n, n], spacing: [1, 1], origin: [0, 0], direction: [1, 0, 0, 1] };
  const of = (x) => image(Float32Array.from(x.data), grid);
  const f = of(fixed);
  const { transform } = await register(f, of(moving), { preset: "diffeo", metric: "ssd", init: "identity" });
  return transform.displacement(f.grid).cast("f32");
};
const rows = [];
const mean = (v) => v.reduce((a, b) => a + b, 0) / v.length;
/** Each frame by itself, by the cascade for slices. */
async function alone(kspace, mask) {
  const frames = [];
  for (let k = 0; k < t; k++) frames.push((await reconstructMr({ kspace: kspace.at(k), mask: mask.at(k), network: single })).image);
  return { frames: stack(frames), iterations: "–" };
}
const methods = dynamicMethods.filter(
  (method) => (method !== "learned" || network) && (!o.methods || o.methods.split(",").includes(method)),
);
for (const acceleration of o.cardiac ? [4, 8] : [4, 6, 8]) {
  const random = seeded(5);
  const half = 0.03 * n;
  const rest = (n / acceleration - 2 * half) / (n - 2 * half);
  const mask = Tensor.from(
    Float32Array.from({ length: t * n }, (_, i) => (Math.abs((i % n) - n / 2) < half || random.uniform() < rest ? 1 : 0)),
    [t, n, 1],
  );
  for (const method of [...methods, ...(o.cardiac ? ["slices, one by one"] : [])]) {
    const cpu = process.cpuUsage();
    const found = [];
    for (const [i, whole] of kspaces.entries()) {
      const kspace = whole.mul(mask);
      const r = methods.includes(method)
        ? await reconstructDynamicMr({ kspace, mask, method, register: motion, ...(method === "learned" && { network }) })
        : await alone(kspace, mask);
      found.push({ value: psnr(r.frames, i), zero: r.zeroFilled && psnr(r.zeroFilled, i), steps: r.iterations });
    }
    const used = process.cpuUsage(cpu);
    rows.push([
      `${acceleration}×`,
      method,
      mean(found.map((f) => f.value)).toFixed(2),
      found[0].zero === undefined ? "–" : mean(found.map((f) => f.zero)).toFixed(2),
      found[0].steps,
      ((used.user + used.system) / 1e6 / found.length).toFixed(1),
    ]);
    console.error(rows.at(-1).join("  "));
  }
}
const text = [
  ...heading(
    "Series from few lines of k-space in each frame",
    machine(`node bench/inverse/series.mjs ${process.argv.slice(2).join(" ")}`.trim()),
    [
      o.cardiac
        ? `${t} frames of ${truths.length} cardiac slices, 256², of patients that no training saw, set in motion; one coil, noise 0.005`
        : `${t} frames of the beating phantom, ${n}², one coil, noise 0.01`,
      "PSNR of magnitudes, peak: the largest of the truth; processor seconds of a series",
    ],
  ),
  ...table(["lines", "method", "PSNR, dB", "zero-filled", "steps", "CPU s"], rows),
  "",
].join("\n");
console.log(text);
if (o.save) writeFileSync(join(root, "bench/results/series.md"), `${text}\n`);
process.exit(0);
