// The networks that scripts/train/frameworks.mjs trains and bench/frameworks.mjs measures.
import { seeded } from "../../dist/core/index.js";
import { refiningNetwork, superResolutionNetwork } from "../../dist/models/index.js";
import { parameterCount } from "../../dist/nn/index.js";

/** `refines`: sees pictures that cubic interpolation has enlarged; `scales`: those of its patches, by turns (default 4). */
export const frameworkVariants = [
  { name: "pre", framework: "pre", upsampling: "cubic" },
  { name: "pre-any", refines: true, scales: [2, 3, 4] },
  { name: "post", framework: "post", upsampling: "subPixel" },
  { name: "post-transposed", framework: "post", upsampling: "transposed" },
  { name: "post-nearest", framework: "post", upsampling: "nearest" },
  { name: "post-linear", framework: "post", upsampling: "linear" },
  { name: "progressive", framework: "progressive", upsampling: "subPixel" },
  { name: "up-down", framework: "upDown", upsampling: "transposed" },
];
export function variantNetwork({ framework, upsampling, refines }, features, seed = 1) {
  const random = seeded(seed);
  return refines ? refiningNetwork({ random, features }) : superResolutionNetwork({ random, scale: 4, framework, upsampling, features });
}
/** As many features as come nearest to so many weights. */
export function sizedNetwork(variant, weights, seed) {
  const far = (f) => Math.abs(parameterCount(variantNetwork(variant, f)) - weights);
  let features = 2;
  while (far(features + 1) < far(features)) features++;
  const model = variantNetwork(variant, features, seed);
  return { model, features, count: parameterCount(model) };
}
