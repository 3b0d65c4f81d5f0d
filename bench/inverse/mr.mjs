/**
 * Magnetic resonance reconstruction of the open cases: magnitude PSNR against the goals, seconds of the verb (maps included), beside BART's figures.
 *     npm run build && node bench/inverse/mr.mjs [--all]
 * PULLBACK_DATA names the data folder (default ../shared/data). --all: all six cardiac slices in the mean (the goals are of slices 0, 2, 4).
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { readNpy } from "../../dist/io/index.js";
import { readBytes } from "../../dist/io/node.js";
import { espirit, reconstructMr } from "../../dist/reconstruction/index.js";
import { Tensor } from "../../dist/tensor/index.js";

const data = join(process.env.PULLBACK_DATA ?? "../shared/data", "inverse");
if (!existsSync(data)) {
  console.log(`no data at ${data}; set PULLBACK_DATA`);
  process.exit(0);
}
const read = (folder, name) => readNpy(readBytes(join(data, folder, `${name}.npy`)));
const complex = (a, shape = a.shape, from = 0) => {
  const n = 2 * shape.reduce((p, m) => p * m, 1);
  return Tensor.from(Float32Array.from(a.data.slice(from * n, (from + 1) * n)), shape, "c64");
};
const real = (a, shape, from = 0) => {
  const n = shape.reduce((p, m) => p * m, 1);
  return Tensor.from(Float32Array.from(a.data.slice(from * n, (from + 1) * n)), shape);
};
/** 10 log₁₀(peak² / mean (|x| − truth)²) over the pixels with `inside`. */
function psnr(image, truth, inside = () => true) {
  const x = image.abs().data;
  const peak = truth.reduce((p, v) => Math.max(p, v), 0);
  let sum = 0;
  let count = 0;
  truth.forEach((t, i) => {
    if (!inside(t, peak)) return;
    sum += (t - x[i]) ** 2;
    count++;
  });
  return 10 * Math.log10((peak * peak * count) / sum);
}
async function timed(work) {
  const [wall, cpu] = [performance.now(), process.cpuUsage()];
  const result = await work();
  const used = process.cpuUsage(cpu);
  return { result, seconds: (performance.now() - wall) / 1000, cpu: (used.user + used.system) / 1e6 };
}
const mean = (v) => v.reduce((a, b) => a + b, 0) / v.length;
const rows = [];
const add = (name, value, goal, bart, seconds, cpu) =>
  rows.push({ case: name, "PSNR, dB": value.toFixed(2), goal, BART: bart, seconds: seconds.toFixed(2), "CPU s": cpu.toFixed(2) });

const [k, truth] = [read("mr-cardiac", "eval_kspace"), read("mr-cardiac", "eval_gt_complex")];
const slices = process.argv.includes("--all") ? [0, 1, 2, 3, 4, 5] : [0, 2, 4];
const [h, w] = k.shape.slice(1);
await reconstructMr({ kspace: complex(k, [h, w], 0) }); // warm
for (const [factor, goal, bart] of [
  [4, 34.5, "34.51"],
  [6, 30.8, "30.80"],
  [11, 27.3, "27.34"],
]) {
  const masks = read("mr-cardiac", `eval_mask_x${factor}`);
  const each = [];
  for (const s of slices) {
    const { result, seconds, cpu } = await timed(() => reconstructMr({ kspace: complex(k, [h, w], s), mask: real(masks, [h, 1], s) }));
    each.push({ value: psnr(result.image, complex(truth, [h, w], s).abs().data.slice()), seconds, cpu });
  }
  add(`cardiac ${factor}×`, mean(each.map((e) => e.value)), goal, bart, mean(each.map((e) => e.seconds)), mean(each.map((e) => e.cpu)));
  // The classical rival of learned methods: patches of a dictionary.
  if (factor === 4) continue;
  const learned = [];
  for (const s of slices) {
    const { result, seconds, cpu } = await timed(() =>
      reconstructMr({ kspace: complex(k, [h, w], s), mask: real(masks, [h, 1], s), prior: "dictionary" }),
    );
    learned.push({ value: psnr(result.image, complex(truth, [h, w], s).abs().data.slice()), seconds, cpu });
  }
  const of = (name) => mean(learned.map((e) => e[name]));
  add(`cardiac ${factor}×, dictionary`, of("value"), "–", bart, of("seconds"), of("cpu"));
}

const brain = complex(read("mr-multicoil", "brain8_kspace"));
const reference = Float32Array.from(read("mr-multicoil", "brain8_ref").data);
const theirs = complex(read("mr-multicoil", "brain8_maps"));
for (const [factor, goal, bart] of [
  [4, 32.5, "32.51"],
  [6, 30.2, "30.23"],
  [8, 26.2, "26.23"],
]) {
  const mask = real(read("mr-multicoil", `brain8_mask1d_x${factor}`), [180]);
  const { result, seconds, cpu } = await timed(() => reconstructMr({ kspace: brain, mask }));
  add(
    `brain, 8 coils ${factor}×`,
    psnr(result.image, reference, (t, peak) => t > 0.1 * peak),
    goal,
    bart,
    seconds,
    cpu,
  );
}
console.table(rows);

const { maps } = espirit(brain);
const overlap = maps.conj().mul(theirs).sum(0).abs().data.slice();
const peak = reference.reduce((p, v) => Math.max(p, v), 0);
let [off, count] = [0, 0];
reference.forEach((t, i) => {
  if (t <= 0.1 * peak) return;
  off += Math.max(0, 2 - 2 * overlap[i]); // ‖a − e^{iφ} b‖² of unit vectors, φ the best
  count++;
});
console.log(`ESPIRiT maps against BART's, relative RMS over the foreground: ${Math.sqrt(off / count).toExponential(1)} (goal 1e-2)`);
process.exit(0);
