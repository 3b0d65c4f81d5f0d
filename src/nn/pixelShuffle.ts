import { ShapeError } from "../core/errors.js";
import type { Random } from "../core/random.js";
import { shapeText } from "../core/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { convolution } from "./convolution.js";
import type { Initialiser } from "./initialise.js";
import { type Layer, network } from "./module.js";

/**
 * Channels become samples: y[n, c, s·p + r] = x[n, (c, r), p], with r in {0, …, s − 1}ᵈ in the order (z, y,) x.
 * x [n, c·sᵈ, (z, y,) x] → [n, c, (s z, s y,) s x].
 * @see Shi et al. (2016), Real-time single image and video super-resolution using an efficient sub-pixel convolutional neural network, CVPR
 */
export function pixelShuffle(x: Tensor, scale: number): Tensor {
  const d = x.rank - 2;
  const block = scale ** d;
  if (d < 1 || x.shape[1] % block !== 0)
    throw new ShapeError(`pixelShuffle: ${shapeText(x.shape)} has no multiple of ${block} channels; expected [n, c·${block}, …]`, {
      shape: x.shape,
    });
  const [n, channels, ...size] = x.shape;
  const c = channels / block;
  const split = x.reshape(n, c, ...size.map(() => scale), ...size); // n, c, r…, p…
  const order = [0, 1, ...size.flatMap((_, i) => [2 + d + i, 2 + i])];
  return split.permute(...order).reshape(n, c, ...size.map((s) => s * scale));
}

/** The inverse of `pixelShuffle`: [n, c, (s z, s y,) s x] → [n, c·sᵈ, (z, y,) x]. */
export function pixelUnshuffle(x: Tensor, scale: number): Tensor {
  const d = x.rank - 2;
  const [n, c, ...size] = x.shape;
  if (d < 1 || size.some((s) => s % scale !== 0))
    throw new ShapeError(`pixelUnshuffle: ${shapeText(x.shape)} cannot be cut into blocks of ${scale}; pad it to a multiple`, {
      shape: x.shape,
    });
  const split = x.reshape(n, c, ...size.flatMap((s) => [s / scale, scale])); // n, c, p, r, p, r…
  const order = [0, 1, ...size.map((_, i) => 3 + 2 * i), ...size.map((_, i) => 2 + 2 * i)];
  return split.permute(...order).reshape(n, c * scale ** d, ...size.map((s) => s / scale));
}

/** A convolution to outputs · sᵈ channels and `pixelShuffle`: learned enlargement at the price of the small grid. */
export function subPixel(o: {
  readonly inputs: number;
  readonly outputs: number;
  readonly scale: number;
  readonly random: Random;
  readonly axes?: number;
  readonly kernel?: number;
  readonly initialise?: Initialiser;
}): Layer {
  const { scale, axes = 2, outputs } = o;
  return network({ convolution: convolution({ ...o, axes, outputs: outputs * scale ** axes }) }, (parts, x: Tensor) =>
    pixelShuffle(parts.convolution.forward(x), scale),
  );
}
