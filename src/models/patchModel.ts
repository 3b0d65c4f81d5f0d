import { ArgumentError } from "../core/errors.js";
import type { Random } from "../core/random.js";
import { convolution, flatten, type Layer, leakyRelu, sequential, sigmoid, stateless, subPixel } from "../nn/index.js";
import type { Tensor } from "../tensor/index.js";
import { type GenerativeNetworks, generativeNetworks } from "./generativeModel.js";

/** Size of the pictures, how many numbers stand for a block of one, and of the networks between. */
export interface PatchModelOptions {
  /** Where random numbers come from. */
  readonly random: Random;
  /** Rows and columns of the pictures, multiples of 8; the weights are those of any other size. */
  readonly size: readonly [number, number];
  /** Numbers for each block of 8 × 8 samples (default 8). */
  readonly latent?: number;
  /** Channels of the pictures (default 1). */
  readonly channels?: number;
  /** Channels on the coarsest grid (default 32). */
  readonly features?: number;
  /** What the generator's last sums go through: `sigmoid` (default, values 0 to 1), `tanh`, … */
  readonly last?: Layer;
}

/**
 * A generator of patches that makes pictures of any size: all its layers are convolutions, and a picture's code is a picture itself, `latent` numbers for each block of 8 × 8
 * samples, as one row z [n, latent · h/8 · w/8]. Trained on patches (`generativeLoss`), its weights serve whole pictures:
 *     patchModel({ ...o, size: [256, 256] }).with(trained.parameters)
 * and, as `model` of `ganPrior`, any A on them. Its discriminator gives a logit for each region that it sees, [n, regions]; its encoder a code for every picture.
 * @returns  a generator of 67 thousand weights by default
 * @throws ArgumentError when a side is no multiple of 8
 * @see Bergmann, Jetchev & Vollgraf (2017), Learning texture manifolds with the periodic spatial GAN, ICML (codes that are pictures); Isola, Zhu, Zhou & Efros (2017),
 *      Image-to-image translation with conditional adversarial networks, CVPR (a judge of patches)
 */
export function patchModel(o: PatchModelOptions): GenerativeNetworks {
  const { random, size, latent = 8, channels = 1, features = 32, last = sigmoid() } = o;
  if (!size.every((s) => Number.isInteger(s) && s >= 8 && s % 8 === 0))
    throw new ArgumentError(`patchModel: pictures of ${size.join("×")} samples; give multiples of 8`, { size });
  const [h, w] = size.map((s) => s / 8);
  const half = Math.max(1, features >> 1);
  const rectifier = () => leakyRelu({ slope: 0.2 });
  const generator = sequential(
    stateless((z: Tensor) => z.reshape(z.shape[0], latent, h, w)),
    convolution({ inputs: latent, outputs: features, random }),
    rectifier(),
    subPixel({ inputs: features, outputs: features, scale: 2, random }),
    rectifier(),
    subPixel({ inputs: features, outputs: half, scale: 2, random }),
    rectifier(),
    convolution({ inputs: half, outputs: half, random }),
    rectifier(),
    subPixel({ inputs: half, outputs: channels, scale: 2, random }),
    last,
  );
  const seeing = (outputs: number) =>
    sequential(
      convolution({ inputs: channels, outputs: half, stride: 2, padding: 1, random }),
      rectifier(),
      convolution({ inputs: half, outputs: features, stride: 2, padding: 1, random }),
      rectifier(),
      convolution({ inputs: features, outputs: features, stride: 2, padding: 1, random }),
      rectifier(),
      convolution({ inputs: features, outputs, random }),
      flatten(),
    );
  const parts = { generator, discriminator: seeing(1), encoder: seeing(2 * latent) };
  return generativeNetworks(parts, latent * h * w, "patchModel");
}
