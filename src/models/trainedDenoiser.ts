import { FormatError } from "../core/errors.js";
import { seeded } from "../core/random.js";
import { readSafetensors } from "../io/index.js";
import { type Layer, withWeightsOf } from "../nn/index.js";
import type { Tensor } from "../tensor/index.js";
import { denoisingNetwork, type NoisyImages } from "./denoisingNetwork.js";

/**
 * A denoising network of one's own training, of whatever size it is: depth, features and channels are read off the weights.
 * @throws FormatError when the file is none, or of another network
 */
export function trainedDenoiser(weights: Uint8Array): Layer<NoisyImages, Tensor> {
  const file = readSafetensors(weights);
  const found = Object.entries(file.tensors).filter(([name]) => /(^|model\/)body\.\d+\.weight$/.test(name));
  const first = found.find(([name]) => name.endsWith("body.0.weight"))?.[1].shape;
  if (found.length < 2 || first?.length !== 4)
    throw new FormatError("denoiser: these are weights of another network; expected those that pullback train denoiser writes", {
      names: Object.keys(file.tensors).slice(0, 8),
    });
  const [features, inputs] = first;
  const model = denoisingNetwork({ random: seeded(1), features, depth: found.length, channels: inputs - 1 });
  return withWeightsOf(model, file);
}
