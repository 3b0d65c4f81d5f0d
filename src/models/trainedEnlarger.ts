import { FormatError } from "../core/errors.js";
import { seeded } from "../core/random.js";
import { readSafetensors } from "../io/index.js";
import { type Layer, withWeightsOf } from "../nn/index.js";
import { superResolutionNetwork } from "./superResolutionNetwork.js";

/**
 * A network for super-resolution of one's own training, of whatever size it is: scale, depth and features are read off the weights.
 * @param scale  what it is to be; asked for, so that weights of another scale are refused
 * @throws FormatError when the file is none, of another network, or of another scale
 */
export function trainedEnlarger(weights: Uint8Array, scale: number): Layer {
  const file = readSafetensors(weights);
  const shapes = Object.entries(file.tensors).map(([name, t]) => [name.replace(/^model\//, ""), t.shape] as const);
  const features = shapes.find(([name]) => name === "body.0.0.weight")?.[1][0];
  const depth = shapes.filter(([name]) => /^body\.\d+\.0\.weight$/.test(name)).length - 1;
  const last = shapes.find(([name]) => name === `body.${depth + 1}.convolution.weight`)?.[1];
  if (features === undefined || depth < 1 || last?.length !== 4)
    throw new FormatError(
      "super-resolution: these are weights of another network; expected those that pullback train super-resolution-x2 (x3, x4) writes",
      {
        names: shapes.slice(0, 8).map(([name]) => name),
      },
    );
  const found = Math.round(Math.sqrt(last[0]));
  if (found !== scale)
    throw new FormatError(`super-resolution: these weights enlarge ${found} times; ${scale} times were asked for`, { found, scale });
  return withWeightsOf(superResolutionNetwork({ random: seeded(1), scale, features, depth }), file);
}
