import { ArgumentError, ShapeError } from "../core/errors.js";
import type { Random } from "../core/random.js";
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
import type { MrNetwork } from "../reconstruction/index.js";
import { complex } from "../tensor/ops/complex.js";
import { fft, fftShift, ifft, ifftShift } from "../tensor/ops/fft.js";
import { concat } from "../tensor/ops/shaping.js";
import { Tensor } from "../tensor/tensor.js";

/** What was measured, as y reaches the image: A*y of shape [n, 2, y, x] (real and imaginary parts), and x ↦ A*A x of such images. */
export interface MeasuredImages {
  /** The adjoint's image: what was not measured taken as 0. */
  readonly zeroFilled: Tensor;
  /** A*A of the measurement. */
  readonly normal: (x: Tensor) => Tensor;
}
/** How many rounds of network and data consistency, and how large the networks are. */
export interface CascadeOptions {
  /** Where random numbers come from. */
  readonly random: Random;
  /** Pairs of a network and a step towards the data (default 5). */
  readonly cascades?: number;
  /** Convolutions of each network (default 5). */
  readonly depth?: number;
  /** Channels inside (default 32). */
  readonly features?: number;
  /** Blocks of block × block samples become channels (default 2: four times fewer products, twice the reach; 1: none). */
  readonly block?: number;
  /** Where the networks look: at images (default) or at their spectra. */
  readonly domain?: "image" | "frequency";
}

/** Real and imaginary parts as two channels, [n, 2, …], and back. */
export const fromChannels = (x: Tensor): Tensor => {
  const [n, , ...size] = x.shape;
  const part = (c: number) => x.slice([0, c], [n, c + 1]).reshape(n, 1, ...size);
  return complex(part(0), part(1));
};
/** A complex tensor [n, c, …] as one of real numbers with twice the channels: real parts first. */
export const toChannels = (z: Tensor): Tensor => concat([z.real(), z.imag()], 1);

const orthonormal = { axes: [2, 3], normalisation: "ortho" } as const;

/**
 * A*A of sampled unitary Fourier transforms, F* m² F, for images [n, 2, y, x].
 * @param mask  real, [n, 1, y or 1, x or 1], frequency 0 first
 */
export function sampledNormal(mask: Tensor): (x: Tensor) => Tensor {
  const squares = mask.square();
  return (x) => toChannels(ifft(fft(fromChannels(x), orthonormal).mul(squares), orthonormal));
}

/**
 * An unrolled reconstruction, x₀ = A*y and for k = 1 … K
 *     z = x + f_k(x),   x = z + w_k (A*y − A*A z),
 * with convolutional networks f_k of their own. With a unitary A and w = 1/(1 + μ) the second is the minimiser of ½‖Ax − y‖² + ½ μ‖x − z‖²; the weights
 * w_k are learned and begin at 1, where samples are put back as they were measured. It begins as the zero-filled image. Multiplied data give multiplied
 * images as far as the networks' biases are small: hand in images whose largest magnitude is 1.
 * @see Schlemper, Caballero, Hajnal, Price & Rueckert (2018), A deep cascade of convolutional neural networks for dynamic MR image reconstruction,
 *      IEEE TMI 37
 */
export function reconstructionCascade(o: CascadeOptions): Layer<MeasuredImages, Tensor> {
  const { random, cascades = 5, depth = 5, features = 32, block = 2, domain = "image" } = o;
  if (!(cascades >= 1 && depth >= 2 && features >= 1 && block >= 1))
    throw new ArgumentError(
      `reconstructionCascade: ${cascades} cascades of ${depth} convolutions, ${features} features, blocks of ${block}`,
      {},
    );
  const channels = 2 * block * block;
  const body = () =>
    sequential(
      ...Array.from({ length: depth - 1 }, (_, i) => [
        convolution({ inputs: i === 0 ? channels : features, outputs: features, random, initialise: orthogonal({ gain: Math.SQRT2 }) }),
        relu(),
      ]).flat(),
      convolution({ inputs: features, outputs: channels, random, initialise: zeros }),
    );
  const step = (): Layer<{ readonly z: Tensor; readonly residual: Tensor }, Tensor> =>
    layer({ weight: Tensor.ones([]) }, ({ weight }, { z, residual }) => z.add(residual.mul(weight)));
  const bodies = Array.from({ length: cascades }, body);
  const steps = Array.from({ length: cascades }, step);
  const change = (f: Layer, x: Tensor) => {
    if (block === 1) return f.forward(x);
    return cutTo(pixelShuffle(f.forward(pixelUnshuffle(padToMultiple(x, block), block)), block), x.shape.slice(2));
  };
  // The middle of the spectrum lies in the middle, where neighbours are neighbours.
  const centred = (x: Tensor) => toChannels(fftShift(fft(fromChannels(x), orthonormal), orthonormal.axes));
  const back = (k: Tensor) => toChannels(ifft(ifftShift(fromChannels(k), orthonormal.axes), orthonormal));
  const spectral = (f: Layer, x: Tensor) => back(change(f, centred(x)));
  const parts = Object.fromEntries([...bodies.map((b, k) => [`net${k}`, b]), ...steps.map((s, k) => [`data${k}`, s])]) as Record<
    string,
    Layer<never, unknown>
  >;
  return network(parts, (p, { zeroFilled, normal }: MeasuredImages) => {
    if (zeroFilled.rank !== 4 || zeroFilled.shape[1] !== 2)
      throw new ShapeError(`reconstructionCascade: images ${shapeText(zeroFilled.shape)}; expected [n, 2, y, x]`, {
        shape: zeroFilled.shape,
      });
    let x = zeroFilled;
    for (let k = 0; k < cascades; k++) {
      const net = p[`net${k}`] as Layer;
      const z = x.add(domain === "image" ? change(net, x) : spectral(net, x));
      x = (p[`data${k}`] as ReturnType<typeof step>).forward({ z, residual: zeroFilled.sub(normal(z)) });
    }
    return x;
  });
}

/** A cascade as `network` of `reconstructMr`. */
export const networkReconstruction =
  (model: Layer<MeasuredImages, Tensor>): MrNetwork =>
  (zeroFilled, normal) => {
    const [h, w] = zeroFilled.shape;
    const lift = (z: Tensor) => toChannels(z.reshape(1, 1, h, w));
    const lower = (x: Tensor) => fromChannels(x).reshape(h, w);
    return lower(model.forward({ zeroFilled: lift(zeroFilled), normal: (x) => lift(normal(lower(x))) }));
  };
