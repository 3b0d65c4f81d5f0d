import { ArgumentError, ShapeError } from "../core/errors.js";
import { shapeText } from "../core/shape.js";
import { stopGradient } from "../tensor/differentiate.js";
import { Tensor } from "../tensor/tensor.js";
import { type Layer, layer } from "./module.js";

/** Which axes are normalised together, and whether scale and shift are learned. */
export interface NormalisationOptions {
  /** How many there are. */
  readonly channels: number;
  /** Added to the variance (default 1e-5). */
  readonly epsilon?: number;
}
const perChannel = (p: Tensor, x: Tensor) => p.reshape(p.size, ...x.shape.slice(2).map(() => 1));
function checkChannels(x: Tensor, channels: number, who: string): void {
  if (x.rank < 2 || x.shape[1] !== channels)
    throw new ShapeError(`${who}: x is ${shapeText(x.shape)}; expected [n, ${channels}, …]`, { shape: x.shape });
}

/**
 * y = γ (x − μ) / √(σ² + ε) + β for each channel. In training μ and σ² are the mean and the variance of the batch, and the buffers `mean` and
 * `variance` follow them, r ← (1 − m) r + m μ; otherwise they are the buffers.
 * @see Ioffe & Szegedy (2015), Batch normalization, ICML, algorithm 1
 */
export function batchNormalisation(o: NormalisationOptions & { /** m (default 0.1). */ readonly momentum?: number }): Layer {
  const { channels, epsilon = 1e-5, momentum = 0.1 } = o;
  const parameters = {
    weight: Tensor.ones([channels]),
    bias: Tensor.zeros([channels]),
    mean: Tensor.zeros([channels]),
    variance: Tensor.ones([channels]),
  };
  return layer(
    parameters,
    (p, x: Tensor, training) => {
      checkChannels(x, channels, "batchNormalisation");
      const spatial = x.shape.slice(2).map((_, i) => i + 2);
      if (!training) {
        const factor = p.weight.div(p.variance.add(epsilon).sqrt());
        return x.mul(perChannel(factor, x)).add(perChannel(p.bias.sub(p.mean.mul(factor)), x));
      }
      const count = x.size / channels;
      const mean = x.mean([0, ...spatial], true);
      const centred = x.sub(mean);
      const variance = centred.square().mean([0, ...spatial], true);
      const follow = (buffer: Tensor, now: Tensor) =>
        training.update(buffer, stopGradient(buffer.mul(1 - momentum).add(now.reshape(channels).mul(momentum))));
      follow(p.mean, mean);
      follow(p.variance, variance.mul(count / Math.max(1, count - 1))); // the unbiased one, for it stands for the whole data
      return centred.div(variance.add(epsilon).sqrt()).mul(perChannel(p.weight, x)).add(perChannel(p.bias, x));
    },
    ["mean", "variance"],
  );
}

/**
 * y = γ (x − μ) / √(σ² + ε) + β with μ, σ² of each image over a group of channels and all places.
 * @see Wu & He (2018), Group normalization, ECCV, eqs. (1, 2, 7)
 */
export function groupNormalisation(o: NormalisationOptions & { readonly groups: number }): Layer {
  const { channels, groups, epsilon = 1e-5 } = o;
  if (!Number.isInteger(groups) || groups < 1 || channels % groups !== 0)
    throw new ArgumentError(`groupNormalisation: ${channels} channels cannot be cut into ${groups} groups`, { channels, groups });
  return layer({ weight: Tensor.ones([channels]), bias: Tensor.zeros([channels]) }, (p, x: Tensor) => {
    checkChannels(x, channels, "groupNormalisation");
    const rows = x.reshape(x.shape[0], groups, x.size / (x.shape[0] * groups));
    const centred = rows.sub(rows.mean(2, true));
    const y = centred.div(centred.square().mean(2, true).add(epsilon).sqrt()).reshape(...x.shape);
    return y.mul(perChannel(p.weight, x)).add(perChannel(p.bias, x));
  });
}

/**
 * The same with every channel its own group.
 * @see Ulyanov, Vedaldi & Lempitsky (2016), Instance normalization
 */
export const instanceNormalisation = (o: NormalisationOptions): Layer => groupNormalisation({ ...o, groups: o.channels });
