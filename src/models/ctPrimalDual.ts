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
import { concat } from "../tensor/ops/shaping.js";
import { Tensor } from "../tensor/tensor.js";
import type { MeasuredViews } from "./ctScanner.js";

/** How many pairs of networks, for sinogram and image, with how many channels. */
export interface CtPrimalDualOptions {
  /** Where random numbers come from. */
  readonly random: Random;
  /** Pairs of a network on the sinogram and one on the image (default 5). */
  readonly steps?: number;
  /** Channels inside the networks of the image (default 32); those of the sinogram have half as many. */
  readonly features?: number;
  /** Channels handed from step to step, at half the resolution (default 8). */
  readonly memory?: number;
}

/**
 * An unrolled reconstruction from line integrals: from x₀, filtered back-projection, for k = 1 … K
 *     r = y − Ax,   h = 2 s(a) r + b with (a, b) = D_k(r, y),   g = A*H h,   (x, m) ← (x + w_k g + P_k(x, g, m)₁, P_k(x, g, m)₂)
 * with networks D_k of three convolutions on the sinogram, which weigh its rays (s: the sigmoid), and P_k of three convolutions on the image in blocks of
 * 2 × 2 samples; H is the ramp, w_k a learned number and m a memory. It begins as K steps of half the way to the data. Nothing is learned of A: one
 * network serves several geometries.
 * @throws ArgumentError when there are no steps, ShapeError for what is no batch of one channel
 * @see Adler & Öktem (2018), Learned primal-dual reconstruction, IEEE TMI 37
 */
export function ctPrimalDual(o: CtPrimalDualOptions): Layer<MeasuredViews, Tensor> {
  const { random, steps = 5, features = 32, memory = 8 } = o;
  if (!(Number.isInteger(steps) && steps >= 1 && features >= 2 && memory >= 0))
    throw new ArgumentError(`ctPrimalDual: ${steps} steps, ${features} features, ${memory} channels of memory`, {
      steps,
      features,
      memory,
    });
  const body = (inputs: number, inside: number, outputs: number) =>
    sequential(
      convolution({ inputs, outputs: inside, random, initialise: orthogonal({ gain: Math.SQRT2 }) }),
      relu(),
      convolution({ inputs: inside, outputs: inside, random, initialise: orthogonal({ gain: Math.SQRT2 }) }),
      relu(),
      convolution({ inputs: inside, outputs, random, initialise: zeros }),
    );
  const block = 2;
  const samples = block * block;
  const parts: Record<string, Layer<never, unknown>> = {};
  for (let k = 0; k < steps; k++) {
    parts[`dual${k}`] = body(2, Math.max(1, features >> 1), 2);
    parts[`primal${k}`] = body(2 * samples + memory, features, samples + memory);
  }
  const weights: Layer<undefined, Tensor> = layer({ size: Tensor.full([steps], 0.5) }, (p) => p.size);
  parts.step = weights;
  return network(parts, (p, { data, start, apply, back }: MeasuredViews) => {
    if (data.rank !== 4 || data.shape[1] !== 1 || start.rank !== 4 || start.shape[1] !== 1)
      throw new ShapeError(
        `ctPrimalDual: sinograms ${shapeText(data.shape)} and images ${shapeText(start.shape)}; expected [n, 1, views, bins] and [n, 1, y, x]`,
        { data: data.shape, start: start.shape },
      );
    const [n, , views, bins] = data.shape;
    const size = (p.step as typeof weights).forward(undefined);
    const level = data.div(100); // line integrals of bodies are some hundred samples
    const blocks = (x: Tensor) => pixelUnshuffle(padToMultiple(x, block), block);
    let x = start;
    let kept: Tensor | undefined;
    for (let k = 0; k < steps; k++) {
      const residual = data.sub(apply(x));
      const seen = (p[`dual${k}`] as Layer).forward(concat([residual, level], 1));
      const gate = seen.slice([0, 0, 0, 0], [n, 1, views, bins]).sigmoid().mul(2);
      const g = back(residual.mul(gate).add(seen.slice([0, 1, 0, 0], [n, 2, views, bins])));
      const [xs, gs] = [blocks(x), blocks(g.mul(4))];
      const [, , h, w] = xs.shape;
      kept ??= Tensor.zeros([n, memory, h, w]);
      const change = (p[`primal${k}`] as Layer).forward(concat(memory > 0 ? [xs, gs, kept] : [xs, gs], 1));
      const correction = cutTo(pixelShuffle(change.slice([0, 0, 0, 0], [n, samples, h, w]), block), x.shape.slice(2));
      if (memory > 0) kept = change.slice([0, samples, 0, 0], [n, samples + memory, h, w]);
      x = x.add(g.mul(size.at(k))).add(correction);
    }
    return x;
  });
}
