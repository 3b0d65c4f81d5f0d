/**
 * A cine of sixteen frames of a beating phantom, measured in part with noise: magnitude PSNR and processor seconds of the dynamic methods.
 *     npm run build && node bench/inverse/series.mjs [--size 128]
 */
import { parseArgs } from "node:util";
import { seeded } from "../../dist/core/index.js";
import { image } from "../../dist/image/index.js";
import { startEngine } from "../../dist/kernels/index.js";
import { fourierOperator } from "../../dist/operators/index.js";
import { coilPhantom, dynamicMethods, reconstructDynamicMr } from "../../dist/reconstruction/index.js";
import { register } from "../../dist/registration/index.js";
import { randomNormal, stack, Tensor } from "../../dist/tensor/index.js";

const { values: o } = parseArgs({ options: { size: { type: "string", default: "128" } } });
startEngine({ threads: 2 });
const [t, n] = [16, Number(o.size)];
const truth = stack(Array.from({ length: t }, (_, k) => coilPhantom([n, n], 1, 0.15 * Math.sin((2 * Math.PI * k) / t)).image));
const whole = fourierOperator([t, n, n], { axes: [1, 2] }).apply(truth);
const kspace = whole.add(randomNormal(whole.shape, seeded(3), "c64").mul(0.01));
const sizes = truth.abs().data.slice();
const peak = sizes.reduce((p, v) => Math.max(p, v), 0);
const psnr = (x) => {
  const found = x.abs().data;
  const sum = sizes.reduce((s, v, i) => s + (v - found[i]) ** 2, 0);
  return 10 * Math.log10((peak * peak * sizes.length) / sum);
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
for (const acceleration of [4, 6, 8]) {
  const random = seeded(5);
  const half = 0.03 * n;
  const rest = (n / acceleration - 2 * half) / (n - 2 * half);
  const mask = Tensor.from(
    Float32Array.from({ length: t * n }, (_, i) => (Math.abs((i % n) - n / 2) < half || random.uniform() < rest ? 1 : 0)),
    [t, n, 1],
  );
  for (const method of dynamicMethods) {
    const cpu = process.cpuUsage();
    const r = await reconstructDynamicMr({ kspace: kspace.mul(mask), mask, method, register: motion });
    const used = process.cpuUsage(cpu);
    rows.push({
      acceleration: `${acceleration}×`,
      method,
      "PSNR, dB": psnr(r.frames).toFixed(2),
      "zero-filled": psnr(r.zeroFilled).toFixed(2),
      steps: r.iterations,
      "CPU s": ((used.user + used.system) / 1e6).toFixed(1),
    });
    console.error(Object.values(rows.at(-1)).join("  "));
  }
}
console.table(rows);
process.exit(0);
