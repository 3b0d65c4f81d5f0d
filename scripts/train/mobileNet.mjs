import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { importTensorFlowLayers } from "../../dist/io/index.js";
import { concat } from "../../dist/tensor/index.js";

/** What a UMD file of that package exports. */
function exported(file) {
  const module = { exports: {} };
  new Function("module", "exports", readFileSync(file, "utf8"))(module, module.exports);
  return module.exports.default ?? module.exports;
}
/** MobileNet v2 of the npm package nsfwjs (4.x, MIT), unpacked in that folder: a layers-model of TensorFlow.js with weights of 8 bits. */
export function mobileNet(folder) {
  const at = join(folder, "dist/models/mobilenet_v2");
  if (!existsSync(at)) return undefined;
  const weights = Buffer.from(exported(join(at, "group1-shard1of1.min.js")), "base64");
  return importTensorFlowLayers(exported(join(at, "model.min.js")), weights);
}
/** Gray pictures [n, 1, y, x] ↦ what it sees of them, on grids of half and a quarter. */
export function mobileNetFeatures(folder) {
  const network = mobileNet(folder);
  const features = network?.features(["Conv1_relu", "block_1_expand_relu", "block_3_expand_relu"]);
  return features && ((x) => features(concat([x, x, x], 1)));
}
