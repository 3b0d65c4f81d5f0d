import { ArgumentError, ShapeError } from "../core/errors.js";
import type { Random } from "../core/random.js";
import { shapeText } from "../core/shape.js";
import { maxPool } from "../tensor/ops/pooling.js";
import { concat } from "../tensor/ops/shaping.js";
import type { Tensor } from "../tensor/tensor.js";
import { relu } from "./activations.js";
import { sequential } from "./combine.js";
import { convolution, transposedConvolution } from "./convolution.js";
import { zeros } from "./initialise.js";
import { type Layer, network } from "./module.js";
import { cutTo, padToMultiple } from "./padding.js";
import { upsample } from "./upsample.js";

/** Depth, features and channels of a U-Net. */
export interface UnetOptions {
  /** Channels that come in. */
  readonly inputs: number;
  /** Channels that go out. */
  readonly outputs: number;
  /** Where random numbers come from. */
  readonly random: Random;
  /** 2 or 3 (also 1). */
  readonly axes?: number;
  /** Channels of each level, the finest first (default 16, 32, 64). */
  readonly features?: readonly number[];
  /** Convolutions of each level on each side (default 2). */
  readonly depth?: number;
  /** The nonlinearity between layers. */
  readonly activation?: () => Layer;
  /** For example channels => instanceNormalisation({ channels }); default none. */
  readonly normalisation?: (channels: number) => Layer;
  /** How the way up enlarges: learned (default) or by interpolation and a convolution. */
  readonly enlarge?: "transposed" | "linear";
  /** The network adds to its input, and starts as the identity (inputs = outputs). */
  readonly residual?: boolean;
}

/**
 * Convolutions on ever coarser grids and back, each level of the way back joined with that of the way down. Any size will do: it is padded
 * to a multiple of 2^(levels − 1) by its border and cut again.  x [n, inputs, (z,) y, x] → [n, outputs, (z,) y, x].
 * @see Ronneberger, Fischer & Brox (2015), U-Net, MICCAI; Çiçek et al. (2016), 3D U-Net, MICCAI
 */
export function unet(o: UnetOptions): Layer {
  const { inputs, outputs, random, axes = 2, features = [16, 32, 64], depth = 2, activation = relu, normalisation } = o;
  const { enlarge = "transposed", residual = false } = o;
  if (features.length < 1 || depth < 1)
    throw new ArgumentError("unet: give at least one level and one convolution for each", { features, depth });
  if (residual && inputs !== outputs)
    throw new ArgumentError(`unet: a residual network needs as many outputs as inputs, not ${outputs} and ${inputs}`, { inputs, outputs });
  const block = (from: number, to: number) =>
    sequential(
      ...Array.from({ length: depth }, (_, i) => [
        convolution({ inputs: i === 0 ? from : to, outputs: to, axes, random, bias: !normalisation }),
        ...(normalisation ? [normalisation(to)] : []),
        activation(),
      ]).flat(),
    );
  const parts: Record<string, Layer> = {};
  const last = features.length - 1;
  features.forEach((f, level) => {
    parts[`down${level}`] = block(level === 0 ? inputs : features[level - 1], f);
  });
  for (let level = last - 1; level >= 0; level--) {
    const [coarse, fine] = [features[level + 1], features[level]];
    parts[`enlarge${level}`] =
      enlarge === "transposed"
        ? transposedConvolution({ inputs: coarse, outputs: fine, axes, random })
        : convolution({ inputs: coarse, outputs: fine, axes, random });
    parts[`up${level}`] = block(2 * fine, fine);
  }
  parts.head = convolution({ inputs: features[0], outputs, axes, kernel: 1, random, ...(residual && { initialise: zeros }) });
  return network(parts, (p, x: Tensor, training) => {
    if (x.rank !== axes + 2 || x.shape[1] !== inputs)
      throw new ShapeError(`unet: x is ${shapeText(x.shape)}; expected [n, ${inputs}, and ${axes} spatial axes]`, { shape: x.shape });
    const kept: Tensor[] = [];
    let y = padToMultiple(x, 2 ** last);
    for (let level = 0; level <= last; level++) {
      if (level > 0) y = maxPool(y, { kernel: 2 });
      y = p[`down${level}`].forward(y, training);
      kept.push(y);
    }
    for (let level = last - 1; level >= 0; level--) {
      if (enlarge === "linear") y = upsample(y, 2);
      y = p[`up${level}`].forward(concat([kept[level], p[`enlarge${level}`].forward(y, training)], 1), training);
    }
    y = p.head.forward(y, training);
    y = cutTo(y, x.shape.slice(2));
    return residual ? x.add(y) : y;
  });
}
