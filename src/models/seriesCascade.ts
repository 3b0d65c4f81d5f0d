import { ArgumentError, ShapeError } from "../core/errors.js";
import type { Random } from "../core/random.js";
import { scope } from "../core/scope.js";
import { shapeText } from "../core/shape.js";
import {
  convolution,
  cutTo,
  type Layer,
  layer,
  network,
  orthogonal,
  padToMultiple,
  pixelShuffle,
  pixelUnshuffle,
  relu,
  sequential,
  zeros,
} from "../nn/index.js";
import type { MrSeriesNetwork } from "../reconstruction/index.js";
import { fft, ifft, ifftShift } from "../tensor/ops/fft.js";
import { concat } from "../tensor/ops/shaping.js";
import { Tensor } from "../tensor/tensor.js";
import { fromChannels, toChannels } from "./reconstructionCascade.js";

/** A series measured in part: A*y of shape [n, 2, t, y, x] (real and imaginary parts), and where frames were measured, [n, 1, t, y or 1, x or 1], frequency 0 first. */
export interface MeasuredSeries {
  /** The adjoint's image: what was not measured taken as 0. */
  readonly zeroFilled: Tensor;
  /** Where samples count, or were measured: positive values. */
  readonly mask: Tensor;
}
/** How many rounds of network and data consistency for a series of frames, and how large the networks are. */
export interface SeriesCascadeOptions {
  /** Where random numbers come from. */
  readonly random: Random;
  /** Pairs of a network and a step towards the data (default 4). */
  readonly cascades?: number;
  /** Convolutions of each network (default 4). */
  readonly depth?: number;
  /** Channels inside (default 24). */
  readonly features?: number;
  /** Blocks of block × block samples of a frame become channels (default 2; 1: none). */
  readonly block?: number;
  /** Half-widths, in frames, of the windows that lend samples to a frame (default 1 and 3). */
  readonly sharing?: readonly number[];
}

const orthonormal = { axes: [3, 4], normalisation: "ortho" } as const;
const spectrum = (x: Tensor) => fft(fromChannels(x), orthonormal);
const picture = (k: Tensor) => toChannels(ifft(k, orthonormal));

/** Σ over the frames s with |s − t| ≤ reach, for each frame t (axis 2). */
function around(x: Tensor, reach: number): Tensor {
  const frames = x.shape[2];
  const none = x.shape.map(() => 0);
  let sum = x;
  for (let d = 1; d <= Math.min(reach, frames - 1); d++) {
    const start = none.with(2, d);
    const later = x.slice(start, [...x.shape]).pad(none, start);
    const earlier = x.slice(none, x.shape.with(2, frames - d)).pad(start, none);
    sum = sum.add(later).add(earlier);
  }
  return sum;
}

/** A function of pictures [n, c, y, x] for each frame of [n, c, t, y, x]. */
function framewise(x: Tensor, f: (x: Tensor) => Tensor): Tensor {
  const [n, c, t, h, w] = x.shape;
  const y = f(x.permute(0, 2, 1, 3, 4).reshape(n * t, c, h, w));
  return y.reshape(n, t, ...y.shape.slice(1)).permute(0, 2, 1, 3, 4);
}

/**
 * An unrolled reconstruction of series, x₀ = A*y and for k = 1 … K
 *     z = x + f_k(x, S₁x, S₂x …),   x = z + w_k A*(y − A z),
 * with convolutional networks f_k over time and both axes. S_a shares data: samples of k-space that frame t lacks are the mean of those that frames
 * t − a … t + a were measured at, and stay as they are in x where none was. The w_k are learned and begin at 1, where samples are put back as they were
 * measured. It begins as the zero-filled series. Hand in series whose largest magnitude is 1.
 * @throws ArgumentError for sizes of nothing; ShapeError (when it runs) for arrays that do not belong together
 * @see Schlemper, Caballero, Hajnal, Price & Rueckert (2018), A deep cascade of convolutional neural networks for dynamic MR image reconstruction,
 *      IEEE TMI 37 (III-C, data sharing layer)
 */
export function seriesCascade(o: SeriesCascadeOptions): Layer<MeasuredSeries, Tensor> {
  const { random, cascades = 4, depth = 4, features = 24, block = 2, sharing = [1, 3] } = o;
  if (!(cascades >= 1 && depth >= 2 && features >= 1 && block >= 1) || sharing.some((a) => !(Number.isInteger(a) && a >= 1)))
    throw new ArgumentError(
      `seriesCascade: ${cascades} cascades of ${depth} convolutions, ${features} features, blocks of ${block}, windows of ${sharing}; expected at least 1, 2, 1, 1 and whole numbers from 1`,
      {},
    );
  const outputs = 2 * block * block;
  const inputs = outputs * (1 + sharing.length);
  const body = () =>
    sequential(
      ...Array.from({ length: depth - 1 }, (_, i) => [
        convolution({
          axes: 3,
          inputs: i === 0 ? inputs : features,
          outputs: features,
          random,
          initialise: orthogonal({ gain: Math.SQRT2 }),
        }),
        relu(),
      ]).flat(),
      convolution({ axes: 3, inputs: features, outputs, random, initialise: zeros }),
    );
  const step = (): Layer<{ readonly z: Tensor; readonly missing: Tensor }, Tensor> =>
    layer({ weight: Tensor.ones([]) }, ({ weight }, { z, missing }) => z.add(missing.mul(weight)));
  const parts = Object.fromEntries(
    Array.from({ length: cascades }, (_, k) => [
      [`net${k}`, body()],
      [`data${k}`, step()],
    ]).flat(),
  ) as Record<string, Layer<never, unknown>>;
  return network(parts, (p, { zeroFilled, mask }: MeasuredSeries) => {
    const { shape } = zeroFilled;
    if (zeroFilled.rank !== 5 || shape[1] !== 2 || mask.rank !== 5 || mask.shape[0] !== shape[0] || mask.shape[2] !== shape[2])
      throw new ShapeError(
        `seriesCascade: series ${shapeText(shape)} and mask ${shapeText(mask.shape)}; expected [n, 2, t, y, x] and [n, 1, t, y or 1, x or 1]`,
        { shape, mask: mask.shape },
      );
    const y = spectrum(zeroFilled);
    const lent = sharing.map((reach) => {
      const count = around(mask, reach);
      const known = count.minimum(1);
      const own = mask.mul(-1).add(1); // 1 where the frame itself has nothing
      const mean = y.add(around(y, reach).mul(own.div(count.maximum(1))));
      return { mean, free: known.mul(-1).add(1) };
    });
    // Series are large: what a cascade makes on the way goes before the next one (but for training, which needs it).
    const cascade = (before: Tensor, k: number): Tensor => {
      const now = spectrum(before);
      const seen = concat([before, ...lent.map(({ mean, free }) => picture(mean.add(now.mul(free))))], 1);
      const packed = block === 1 ? seen : framewise(seen, (f) => pixelUnshuffle(padToMultiple(f, block), block));
      const change = (p[`net${k}`] as Layer).forward(packed);
      const z = before.add(block === 1 ? change : framewise(change, (f) => cutTo(pixelShuffle(f, block), shape.slice(3))));
      const missing = picture(y.sub(spectrum(z).mul(mask)));
      return (p[`data${k}`] as ReturnType<typeof step>).forward({ z, missing });
    };
    let x = zeroFilled;
    for (let k = 0; k < cascades; k++) {
      const before = x;
      x = scope(() => cascade(before, k));
    }
    return x;
  });
}

/** A cascade as `network` of `reconstructDynamicMr`. */
export const networkSeries =
  (model: Layer<MeasuredSeries, Tensor>): MrSeriesNetwork =>
  (zeroFilled, mask) => {
    const [t, h, w] = zeroFilled.shape;
    const where = ifftShift(mask.broadcastTo([t, h, w]), [1, 2]);
    return fromChannels(
      model.forward({ zeroFilled: toChannels(zeroFilled.reshape(1, 1, t, h, w)), mask: where.reshape(1, 1, t, h, w) }),
    ).reshape(t, h, w);
  };
