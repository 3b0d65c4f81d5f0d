/**
 * Cascades for undersampled MR compared: networks on images and on spectra, five and three convolutions deep, trained alike; with the package's and zero-filling. Six cardiac slices.
 *     npm run build && node bench/inverse/cascades.mjs OUT/ [--no-save]
 * PULLBACK_DATA names the data folder (default ../shared/data). OUT/ has image-d5c5/, frequency-d5c5/, image-d3c5/, frequency-d3c5/, each by
 *     pullback train mr-cascade --data SLICES/ -o OUT/image-d5c5 --domain image --depth 5 --features 16 --batch 2 --patch 64 --steps 900 --every 300 --held 8
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { seeded } from "../../dist/core/index.js";
import { readNpy, readSafetensors } from "../../dist/io/index.js";
import { loadModel, networkReconstruction, reconstructionCascade } from "../../dist/models/index.js";
import { parameterCount, withWeightsOf } from "../../dist/nn/index.js";
import { reconstructMr } from "../../dist/reconstruction/index.js";
import { Tensor } from "../../dist/tensor/index.js";
import { heading, machine, root, table } from "../machine.mjs";

const data = join(process.env.PULLBACK_DATA ?? "../shared/data", "inverse", "mr-cardiac");
const [out] = process.argv.slice(2).filter((a) => !a.startsWith("--"));
if (!out || !existsSync(data)) {
  console.log(out ? `no data at ${data}; set PULLBACK_DATA` : "usage: node bench/inverse/cascades.mjs OUT/");
  process.exit(out ? 0 : 2);
}
const read = (name) => readNpy(readFileSync(join(data, `${name}.npy`)));
const [kspace, truth] = [read("eval_kspace"), read("eval_gt_complex")];
const [count, h, w] = kspace.shape;
const slice = (a, s) => Tensor.from(Float32Array.from(a.data.slice(2 * s * h * w, 2 * (s + 1) * h * w)), [h, w], "c64");
const factors = [4, 6, 11];
const masks = factors.map((f) => read(`eval_mask_x${f}`));
const lines = (f, s) => Tensor.from(Float32Array.from(masks[f].data.slice(s * h, (s + 1) * h)), [h, 1]);
const mean = (v) => v.reduce((a, b) => a + b, 0) / v.length;
function psnr(x, s) {
  const [made, want] = [x.abs().data, slice(truth, s).abs().data.slice()];
  const peak = want.reduce((p, v) => Math.max(p, v), 0);
  return 10 * Math.log10((peak * peak * want.length) / want.reduce((e, v, i) => e + (v - made[i]) ** 2, 0));
}
const rows = [];
async function row(name, weights, steps, f) {
  const cpu = process.cpuUsage();
  const found = [];
  for (const k of factors.keys()) {
    const each = [];
    for (let s = 0; s < count; s++) each.push(psnr(await f(slice(kspace, s).mul(lines(k, s)), lines(k, s)), s));
    found.push(`${mean(each).toFixed(2)} (${mean([0, 2, 4].map((s) => each[s])).toFixed(2)})`);
  }
  const used = process.cpuUsage(cpu);
  rows.push([name, weights, steps, ...found, ((used.user + used.system) / 1e6 / count / factors.length).toFixed(2)]);
  console.error(rows.at(-1).join("  "));
}
const by = (model) => async (y, mask) => (await reconstructMr({ kspace: y, mask, network: networkReconstruction(model) })).image;
await by(await loadModel("mr-cascade"))(slice(kspace, 0), lines(0, 0)); // warm

await row("zero-filled", "–", "–", async (y, mask) => {
  const { zeroFilled } = await reconstructMr({ kspace: y, mask, network: (x) => x });
  return zeroFilled;
});
for (const domain of ["image", "frequency"])
  for (const depth of [5, 3]) {
    const place = join(out, `${domain}-d${depth}c5`);
    if (!existsSync(join(place, "weights.safetensors"))) {
      console.error(`${place}: not trained`);
      continue;
    }
    const file = readSafetensors(readFileSync(join(place, "weights.safetensors")));
    const card = JSON.parse(readFileSync(join(place, "card.json"), "utf8"));
    const features = Object.entries(file.tensors).find(([name]) => name.endsWith("net0.0.weight"))[1].shape[0];
    const model = withWeightsOf(reconstructionCascade({ random: seeded(1), domain, depth, features }), file);
    await row(`${domain} domain, D${depth}C5, ${features} channels`, parameterCount(model), card.steps, by(model));
  }
const shipped = await loadModel("mr-cascade");
await row("the package's: image domain, D5C5, 32 channels", parameterCount(shipped), 12000, by(shipped));
const text = [
  ...heading(
    "Cascades for MR: images or spectra, three or five convolutions",
    machine(`node bench/inverse/cascades.mjs ${process.argv.slice(2).join(" ")}`),
    [
      `${count} slices of as many patients that no training saw, magnitudes, PSNR in dB, peak: the truth's largest; in brackets slices 0, 2 and 4`,
      "trained alike: 413 slices of 24 other patients, the same steps of two strips of 64 columns, the same first chance",
      "CPU s: processor seconds of a slice",
    ],
  ),
  ...table(["reconstruction", "weights", "steps", ...factors.map((f) => `${f}×`), "CPU s"], rows),
  "",
].join("\n");
console.log(text);
if (!process.argv.includes("--no-save")) writeFileSync(join(root, "bench/results/cascades.md"), `${text}\n`);
process.exit(0);
