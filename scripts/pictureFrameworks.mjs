/*
 * docs/images/frameworks.png: one part of a picture, four times coarser, brought back by networks that enlarge in different places: cubic interpolation, before, after; on the way, up and down, the truth.
 * After npm run build and node scripts/train/frameworks.mjs OUT/ …:  node scripts/pictureFrameworks.mjs OUT/ [PICTURE]
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readSafetensors } from "../dist/io/index.js";
import { withWeightsOf } from "../dist/nn/index.js";
import { retinaPart, sideBySide } from "./sideBySide.mjs";
import { frameworkVariants, variantNetwork } from "./train/frameworkVariants.mjs";

const [folder, file] = process.argv.slice(2);
const side = 144;
const { truth, coarse, cubic } = retinaPart(side, 4, file);
const made = ["pre", "post", "progressive", "up-down"]
  .filter((name) => existsSync(join(folder ?? "", `${name}.json`)))
  .map((name) => {
    const { features } = JSON.parse(readFileSync(join(folder, `${name}.json`), "utf8"));
    const first = variantNetwork(
      frameworkVariants.find((v) => v.name === name),
      features,
    );
    const model = withWeightsOf(first, readSafetensors(readFileSync(join(folder, `${name}.safetensors`))));
    return model.forward(coarse.reshape(1, 1, ...coarse.shape)).reshape(side, side);
  });
if (made.length === 0) {
  console.error("usage: node scripts/pictureFrameworks.mjs OUT/ [PICTURE]; OUT/ of scripts/train/frameworks.mjs");
  process.exit(2);
}
sideBySide("frameworks", [cubic, ...made, truth], 3);
process.exit(0);
