import { activationsOf, type Layer } from "../nn/index.js";
import { Tensor } from "../tensor/index.js";
import type { NoisyImages } from "./denoisingNetwork.js";

/**
 * Pictures [n, 1, y, x] ↦ what a denoising network makes of them inside, for `perceptualLoss`: to tell noise from structure it knows edges and textures.
 * @param sigma  the noise that it is told to expect (default 15/255)
 * `which`: its rectified layers, from 0 (default the second, the fourth and the sixth; of a shallower network the last)
 */
export function denoiserFeatures(
  model: Layer<NoisyImages, Tensor>,
  { sigma = 15 / 255, which }: { readonly sigma?: number; readonly which?: readonly number[] } = {},
): (image: Tensor) => Tensor[] {
  const layers = Object.keys(model.parameters).filter((name) => /^body\.\d+\.weight$/.test(name)).length - 1;
  const usual = [1, 3, 5].filter((i) => i < layers);
  return activationsOf((image) => model.forward({ image, sigma: Tensor.full([image.shape[0]], sigma, image.dtype) }), {
    which: which ?? (usual.length > 0 ? usual : [-1]),
  });
}
