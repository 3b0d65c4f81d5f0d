/*
 * docs/images/losses.png: one part of a picture, three times coarser, brought back by networks that differ in what they were trained by: cubic interpolation, L1, L1 with features, L1 with a judge, L1 with both, the
 * truth. After npm run build and node scripts/train/losses.mjs OUT/ …:  node scripts/pictureLosses.mjs OUT/ [PICTURE]
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readSafetensors } from "../dist/io/index.js";
import { withWeightsOf } from "../dist/nn/index.js";
import { retinaPart, sideBySide } from "./sideBySide.mjs";
import { lossNetwork, lossScale } from "./train/lossVariants.mjs";

const [folder, file] = process.argv.slice(2);
const side = 144;
const { truth, coarse, cubic } = retinaPart(side, lossScale, file);
const made = ["L1", "perceptual", "GAN", "perceptual-GAN"]
  .filter((name) => existsSync(join(folder ?? "", `${name}.safetensors`)))
  .map((name) => {
    const model = withWeightsOf(lossNetwork(), readSafetensors(readFileSync(join(folder, `${name}.safetensors`))));
    return model.forward(coarse.reshape(1, 1, ...coarse.shape)).reshape(side, side);
  });
if (made.length === 0) {
  console.error("usage: node scripts/pictureLosses.mjs OUT/ [PICTURE]; OUT/ of scripts/train/losses.mjs");
  process.exit(2);
}
sideBySide("losses", [cubic, ...made, truth], 3);
process.exit(0);
