/*
 * docs/images/losses.png: one part of a picture, three times coarser, brought back by networks that differ in what they were trained by: cubic interpolation, L1, L1 with features, L1 with a judge, L1 with both, the
 * truth. After npm run build and node scripts/train/losses.mjs OUT/ …:  node scripts/pictureLosses.mjs OUT/ [PICTURE]
 * The picture is scikit-image's retina (CC0), reduced to a third; apt-get install python3-skimage, or name another.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encode } from "fast-png";
import { readSafetensors } from "../dist/io/index.js";
import { readImageFile } from "../dist/io/node.js";
import { withWeightsOf } from "../dist/nn/index.js";
import { resizeOperator } from "../dist/operators/index.js";
import { Tensor } from "../dist/tensor/index.js";
import { lossNetwork, lossScale } from "./train/lossVariants.mjs";

const [folder, file = "/usr/lib/python3/dist-packages/skimage/data/retina.jpg"] = process.argv.slice(2);
const side = 144;
const { data, size } = readImageFile(file);
const [w, h] = size;
const green = Float32Array.from(data.subarray(w * h, 2 * w * h), (v) => v / 255);
const third = resizeOperator([h, w], { size: [Math.round(h / 3), Math.round(w / 3)] }).apply(Tensor.from(green, [h, w]));
const truth = third.slice([180, 60], [180 + side, 60 + side]);
const coarse = resizeOperator([side, side], { size: [side / lossScale, side / lossScale] })
  .apply(truth)
  .mul(255)
  .add(0.5)
  .floor()
  .div(255);
const made = ["L1", "perceptual", "GAN", "perceptual-GAN"]
  .filter((name) => existsSync(join(folder ?? "", `${name}.safetensors`)))
  .map((name) => {
    const model = withWeightsOf(lossNetwork(), readSafetensors(readFileSync(join(folder, `${name}.safetensors`))));
    console.log(name);
    return model.forward(coarse.reshape(1, 1, ...coarse.shape)).reshape(side, side);
  });
if (made.length === 0) {
  console.error("usage: node scripts/pictureLosses.mjs OUT/ [PICTURE]; OUT/ of scripts/train/losses.mjs");
  process.exit(2);
}
const all = [resizeOperator(coarse.shape, { size: [side, side] }).apply(coarse), ...made, truth];
const gap = 6;
const columns = 3;
const [width, height] = [columns * (side + gap) - gap, Math.ceil(all.length / columns) * (side + gap) - gap];
const out = new Uint8Array(width * height).fill(255);
all.forEach((picture, k) => {
  const [r, c] = [Math.floor(k / columns), k % columns];
  for (let y = 0; y < side; y++)
    for (let x = 0; x < side; x++)
      out[(r * (side + gap) + y) * width + c * (side + gap) + x] = 255 * Math.min(1, Math.max(0, picture.data[y * side + x]));
});
writeFileSync(join(import.meta.dirname, "../docs/images/losses.png"), encode({ width, height, data: out, channels: 1 }));
process.exit(0);
