/**
 * Sparse and limited views: objectives against the listed ones, certified gaps, PSNR and seconds.
 *     npm run build && node bench/inverse/ct.mjs [--cases v60,v30,lim120] [--slices 0000,0010] [--auto] [--lambda 4,6] [--axis 127.75] [--photons 0.028]
 * PULLBACK_DATA names the data folder (default ../shared/data). λ is 10, as in the listed runs; --auto also lets the noise choose it. The listed runs take sample 128
 * for the axis; the data were made on a grid twice as fine, about sample 256 of 512, which is 127.75 (--axis). --photons weighs the
 * rays by the photons they brought, with this attenuation of water in a sample.
 * PSNR: values clipped to [0, 4], peak 2, mean over all pixels with zeros outside the disc of radius √0.95 half widths.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { readNpy } from "../../dist/io/npy.js";
import { startEngine } from "../../dist/kernels/index.js";
import { photonWeights, reconstructCt } from "../../dist/reconstruction/index.js";
import { Tensor } from "../../dist/tensor/index.js";

const { values: o } = parseArgs({
  options: {
    cases: { type: "string", default: "v60,v30,lim120" },
    slices: { type: "string", default: "0000,0010" },
    auto: { type: "boolean" },
    lambda: { type: "string", default: "10" },
    axis: { type: "string", default: "128" },
    photons: { type: "string" },
    tolerance: { type: "string", default: "1e-4" },
  },
});
const data = join(process.env.PULLBACK_DATA ?? "../shared/data", "inverse", "ct");
if (!existsSync(data)) {
  console.log(`no data at ${data}; set PULLBACK_DATA`);
  process.exit(0);
}
startEngine({ threads: 2 });
const read = (name) => {
  const a = readNpy(readFileSync(join(data, `${name}.npy`)));
  return { values: Float32Array.from(a.data), shape: a.shape };
};
/** Of the data's README: 600 primal-dual steps with λ = 10. */
const listed = {
  v60: { "0000": 24570.94697, "0010": 29783.14207 },
  v30: { "0000": 21250.51268, "0010": 22185.44482 },
  lim120: { "0000": 26750.34208, "0010": 45659.85337 },
};
function psnr(x, truth) {
  const n = 256;
  let sum = 0;
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) {
      const [u, v] = [(j - 127.5) / 128, (i - 127.5) / 128];
      if (u * u + v * v <= 0.95) sum += (Math.min(4, Math.max(0, x[i * n + j])) - truth[i * n + j]) ** 2;
    }
  return 10 * Math.log10((4 * n * n) / sum);
}
const rows = [];
for (const name of o.cases.split(","))
  for (const lambda of [...o.lambda.split(",").map(Number), ...(o.auto ? ["auto"] : [])])
    for (const slice of o.slices.split(",")) {
      const [sinogram, truth, angles] = [read(`ID_${slice}_${name}_sino`), read(`ID_${slice}_gt`), read(`angles_${name}`)];
      const [wall, cpu] = [performance.now(), process.cpuUsage()];
      const at = Number(o.axis);
      const measured = Tensor.from(sinogram.values, sinogram.shape);
      const r = await reconstructCt({
        sinogram: measured,
        weights: o.photons === undefined ? undefined : photonWeights(measured, Number(o.photons)),
        angles: angles.values,
        lambda,
        centre: at,
        axis: [at, at],
        tolerance: Number(o.tolerance),
      });
      const used = process.cpuUsage(cpu);
      const best = lambda === 10 && at === 128 && o.photons === undefined ? listed[name]?.[slice] : undefined;
      rows.push({
        case: name,
        slice,
        λ: r.lambda.toFixed(1),
        objective: r.objective.toFixed(2),
        "over the listed": best ? ((r.objective - best) / best).toExponential(1) : "–",
        gap: (r.gap / r.objective).toExponential(1),
        "PSNR, dB": psnr(r.image.data, truth.values).toFixed(2),
        steps: r.iterations,
        seconds: ((performance.now() - wall) / 1e3).toFixed(1),
        "CPU s": ((used.user + used.system) / 1e6).toFixed(1),
      });
      console.error(Object.values(rows.at(-1)).join("  "));
    }
console.table(rows);
process.exit(0);
