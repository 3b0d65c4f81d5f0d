/**
 * Learned reconstructions from line integrals on slices that their networks never saw: PSNR and seconds.
 *     npm run build && node bench/inverse/ctLearned.mjs --model ct-primal-dual --weights fold/weights.safetensors --slices 0000,0010 [--cases v60,v30,lim120] [--json rows.json]
 * PULLBACK_DATA names the data folder (default ../shared/data). The sinograms were made on a grid twice as fine, so the axis lies at 127.75 of 256 samples,
 * in the picture and on the detector. PSNR: values clipped to [0, 4], peak 2, mean over all pixels with zeros outside the disc of radius √0.95 half widths.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { readNpy } from "../../dist/io/npy.js";
import { startEngine } from "../../dist/kernels/index.js";
import { loadModel, networkSlice } from "../../dist/models/index.js";
import { reconstructCt } from "../../dist/reconstruction/index.js";
import { Tensor } from "../../dist/tensor/index.js";

const { values: o } = parseArgs({
  options: {
    model: { type: "string", default: "ct-primal-dual" },
    weights: { type: "string" },
    cases: { type: "string", default: "v60,v30,lim120" },
    slices: { type: "string", default: "0000,0010" },
    threads: { type: "string", default: "2" },
    json: { type: "string" },
  },
});
const data = join(process.env.PULLBACK_DATA ?? "../shared/data", "inverse", "ct");
if (!existsSync(data)) {
  console.log(`no data at ${data}; set PULLBACK_DATA`);
  process.exit(0);
}
startEngine({ threads: Number(o.threads) });
const read = (name) => {
  const a = readNpy(readFileSync(join(data, `${name}.npy`)));
  return { values: Float32Array.from(a.data), shape: a.shape };
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
const network = networkSlice(await loadModel(o.model, { weights: o.weights && readFileSync(o.weights) }));
const rows = [];
for (const name of o.cases.split(","))
  for (const slice of o.slices.split(",")) {
    const [sinogram, truth, angles] = [read(`ID_${slice}_${name}_sino`), read(`ID_${slice}_gt`), read(`angles_${name}`)];
    const [wall, cpu] = [performance.now(), process.cpuUsage()];
    const r = await reconstructCt({
      sinogram: Tensor.from(sinogram.values, sinogram.shape),
      angles: angles.values,
      centre: 127.75,
      axis: [127.75, 127.75],
      network,
    });
    const used = process.cpuUsage(cpu);
    rows.push({
      model: o.model,
      case: name,
      slice,
      "PSNR, dB": Number(psnr(r.image.data, truth.values).toFixed(3)),
      seconds: Number(((performance.now() - wall) / 1e3).toFixed(2)),
      "CPU s": Number(((used.user + used.system) / 1e6).toFixed(2)),
    });
  }
console.table(rows);
if (o.json) writeFileSync(o.json, `${JSON.stringify(rows, null, 2)}\n`);
process.exit(0);
