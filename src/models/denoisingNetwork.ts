import { ShapeError } from "../core/errors.js";
import type { Random } from "../core/random.js";
import { shapeText } from "../core/shape.js";
import {
  convolution,
  cutTo,
  type Layer,
  network,
  orthogonal,
  padToMultiple,
  pixelShuffle,
  pixelUnshuffle,
  relu,
  sequential,
  zeros,
} from "../nn/index.js";
import type { Denoiser } from "../priors/index.js";
import { stopGradient } from "../tensor/differentiate.js";
import { concat } from "../tensor/ops/shaping.js";
import { Tensor } from "../tensor/tensor.js";

/** Pictures [n, channels, y, x] of values about 0 to 1, and the standard deviation of the noise of each, [n]. */
export interface NoisyImages {
  readonly image: Tensor;
  readonly sigma: Tensor;
}

/**
 * x − f(x, σ) with one network f for all strengths of noise: blocks of 2 × 2 samples become channels, σ is one more channel of constant
 * value, and what follows are `depth` convolutions of 3 × 3 taps and `features` channels with rectifiers between. It begins as the identity.
 * @returns  a network of 58 thousand weights by default; its result is like its images
 * @see Zhang, Zuo & Zhang (2018), FFDNet: Toward a fast and flexible solution for CNN-based image denoising, IEEE TIP 27
 */
export function denoisingNetwork(o: {
  readonly random: Random;
  readonly channels?: number;
  readonly features?: number;
  readonly depth?: number;
}): Layer<NoisyImages, Tensor> {
  const { random, channels = 1, features = 32, depth = 8 } = o;
  const inner = Array.from({ length: depth - 1 }, (_, i) => [
    // √2 makes up for what a rectifier takes away.
    convolution({ inputs: i === 0 ? 4 * channels + 1 : features, outputs: features, random, initialise: orthogonal({ gain: Math.SQRT2 }) }),
    relu(),
  ]);
  const body = sequential(...inner.flat(), convolution({ inputs: features, outputs: 4 * channels, random, initialise: zeros }));
  return network({ body }, (parts, { image, sigma }: NoisyImages) => {
    if (image.rank !== 4 || image.shape[1] !== channels || sigma.size !== image.shape[0])
      throw new ShapeError(
        `denoisingNetwork: images ${shapeText(image.shape)} and noise ${shapeText(sigma.shape)}; expected [n, ${channels}, y, x] and [n]`,
        { image: image.shape, sigma: sigma.shape },
      );
    const blocks = pixelUnshuffle(padToMultiple(image, 2), 2);
    const [n, , h, w] = blocks.shape;
    const level = sigma.reshape(n, 1, 1, 1).broadcastTo([n, 1, h, w]);
    const noise = pixelShuffle(parts.body.forward(concat([blocks, level], 1)), 2);
    return image.sub(cutTo(noise, image.shape.slice(2)));
  });
}

/**
 * A denoising network of one channel as a `Denoiser`, for `plugAndPlay` and `red`: pictures [(…,) y, x], one by one along the axes before.
 * @param peak  the value of white (default 1): the network sees values divided by it
 */
export const networkDenoiser = (model: Layer<NoisyImages, Tensor>, { peak = 1 }: { readonly peak?: number } = {}): Denoiser => ({
  name: "network",
  denoise(image, sigma) {
    const [h, w] = image.shape.slice(-2);
    const n = image.size / (h * w);
    const level = Tensor.full([n], sigma / peak, image.dtype);
    return model
      .forward({ image: image.div(peak).reshape(n, 1, h, w), sigma: stopGradient(level) })
      .mul(peak)
      .reshape(...image.shape);
  },
});
