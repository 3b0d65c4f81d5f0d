import type { Random } from "../core/random.js";
import { cutTo, type Layer, network, padToMultiple, pixelShuffle, pixelUnshuffle, unet } from "../nn/index.js";
import type { Tensor } from "../tensor/tensor.js";
import type { MeasuredViews } from "./ctScanner.js";

/**
 * Filtered back-projection x₀ and a U-Net that takes its streaks and noise off, x₀ + f(x₀), on blocks of 2 × 2 samples. It begins as filtered
 * back-projection, and sees the data through it alone.
 * @see Jin, McCann, Froustey & Unser (2017), Deep convolutional neural network for inverse problems in imaging, IEEE TIP 26
 */
export function ctPostFilter(o: { readonly random: Random; readonly features?: number }): Layer<MeasuredViews, Tensor> {
  const { random, features = 16 } = o;
  const block = 2;
  const samples = block * block;
  const body = unet({ inputs: samples, outputs: samples, random, features: [features, 2 * features, 4 * features], residual: true });
  return network({ body }, (p, { start }: MeasuredViews) => {
    const clean = pixelShuffle(p.body.forward(pixelUnshuffle(padToMultiple(start, block), block)), block);
    return cutTo(clean, start.shape.slice(2));
  });
}
