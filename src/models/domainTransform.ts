import { ArgumentError, ShapeError } from "../core/errors.js";
import type { Random } from "../core/random.js";
import { shapeText } from "../core/shape.js";
import { convolution, dense, type Layer, network, orthogonal, pixelShuffle, pixelUnshuffle, relu, sequential, zeros } from "../nn/index.js";
import type { Tensor } from "../tensor/index.js";

/** Size of the data, and of the convolutions after the learned transform. */
export interface DomainTransformOptions {
  /** Where random numbers come from. */
  readonly random: Random;
  /** Rows and columns of data and images, of this network and no other: even numbers. */
  readonly size: readonly [number, number];
  /** Channels of the convolutions (default 24). */
  readonly features?: number;
  /** Convolutions on the image (default 5). */
  readonly depth?: number;
}

/**
 * A model-agnostic reconstruction: from raw data d [n, 2, rows, columns] (real and imaginary parts; 0 where nothing was measured) to images of that shape, nothing of A given.
 *     t = T₂ (T₁ d / s),   x = s (t + f(t)),   s² the mean of |d|²
 * T₁ mixes both parts of all rows of a column, the same for every column, and T₂ both parts of all columns of a row, each a dense layer of 2n × 2n numbers: together they
 * could be a Fourier transform along both axes, as they could be any transform that separates (a dense layer for all samples at once would have (2 · rows · columns)²
 * numbers). f are convolutions on blocks of 2 × 2 samples. Multiplied data give multiplied images. It begins as a random rotation: T₁ and T₂ are orthogonal, f is 0.
 * @throws ArgumentError for odd sizes, ShapeError for data of another size
 * @see Zhu, Liu, Cauley, Rosen & Rosen (2018), Image reconstruction by domain-transform manifold learning, Nature 555; Schlemper et al. (2019), dAUTOMAP: decomposing AUTOMAP to
 *      achieve scalability and enhance performance, ISMRM 27 (arXiv:1909.10995)
 */
export function domainTransform(o: DomainTransformOptions): Layer {
  const { random, size, features = 24, depth = 5 } = o;
  if (!(size.every((s) => Number.isInteger(s) && s >= 2 && s % 2 === 0) && depth >= 2 && features >= 1))
    throw new ArgumentError(`domainTransform: ${size.join("×")} samples, ${depth} convolutions of ${features} channels; give even sizes`, {
      size,
      depth,
      features,
    });
  const [h, w] = size;
  const along = (n: number) => dense({ inputs: 2 * n, outputs: 2 * n, random, initialise: orthogonal() });
  const body = sequential(
    ...Array.from({ length: depth - 1 }, (_, i) => [
      convolution({ inputs: i === 0 ? 8 : features, outputs: features, random, initialise: orthogonal({ gain: Math.SQRT2 }) }),
      relu(),
    ]).flat(),
    convolution({ inputs: features, outputs: 8, random, initialise: zeros }),
  );
  return network({ rows: along(h), columns: along(w), body }, (p, data: Tensor) => {
    if (data.rank !== 4 || data.shape[1] !== 2 || data.shape[2] !== h || data.shape[3] !== w)
      throw new ShapeError(`domainTransform: data ${shapeText(data.shape)}; expected [n, 2, ${h}, ${w}]: it knows one size`, {
        shape: data.shape,
      });
    const n = data.shape[0];
    // Two real numbers for each complex one.
    const s = data.square().mean([1, 2, 3]).mul(2).sqrt().add(1e-20).reshape(n, 1, 1, 1);
    // n, column, (part, row)
    const first = p.rows
      .forward(
        data
          .div(s)
          .permute(0, 3, 1, 2)
          .reshape(n, w, 2 * h),
      )
      .reshape(n, w, 2, h);
    // n, row, (part, column)
    const second = p.columns.forward(first.permute(0, 3, 2, 1).reshape(n, h, 2 * w)).reshape(n, h, 2, w);
    const t = second.permute(0, 2, 1, 3);
    return t.add(pixelShuffle(p.body.forward(pixelUnshuffle(t, 2)), 2)).mul(s);
  });
}
