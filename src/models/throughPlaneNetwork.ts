import { ArgumentError, ShapeError } from "../core/errors.js";
import type { Random } from "../core/random.js";
import { scope } from "../core/scope.js";
import { shapeText } from "../core/shape.js";
import { convolution, type Layer, network, orthogonal, relu, sequential, zeros } from "../nn/index.js";
import { resizeOperator } from "../operators/index.js";
import { concat } from "../tensor/ops/shaping.js";
import type { Tensor } from "../tensor/tensor.js";

/** Volumes [n, 1, z, y, x] of the same field with thick slices across one axis each: `z` has them across z. */
export interface ThickStacks {
  /** Slices across z. */
  readonly z: Tensor;
  /** Slices across y. */
  readonly y?: Tensor;
  /** Slices across x. */
  readonly x?: Tensor;
}
/** The axis across which slices are thick. */
export type StackAxis = keyof ThickStacks;
/** All axes across which slices may be thick. */
export const stackAxes: readonly StackAxis[] = ["z", "y", "x"];

/** How large the network is that makes thin slices of thick ones. */
export interface ThroughPlaneOptions {
  /** Where random numbers come from. */
  readonly random: Random;
  /** Samples of the result for each slice, along the slices' axis (default 5). */
  readonly scale?: number;
  /** Stacks that come in: 1 (across z, default), 2 (and y) or 3 (and x). */
  readonly stacks?: number;
  /** Channels inside (default 24), and convolutions that see each stack (default 6). */
  readonly features?: number;
  /** Layers of the network. */
  readonly depth?: number;
}

/** Axes of [n, c, z, y, x] with those of an axis first; the same order takes it back. */
const order = (axis: StackAxis): number[] => ({ z: [0, 1, 2, 3, 4], y: [0, 1, 3, 2, 4], x: [0, 1, 4, 3, 2] })[axis];
/** Channels (c, r) of slice k become channel c of sample scale·k + r along z. */
function interleaved(x: Tensor, scale: number): Tensor {
  const [n, channels, z, h, w] = x.shape;
  const c = channels / scale;
  return x
    .reshape(n, c, scale, z, h, w)
    .permute(0, 1, 3, 2, 4, 5)
    .reshape(n, c, z * scale, h, w);
}

/**
 * Thin slices from thick ones: cubic interpolation across the slices, and what a network of three-dimensional convolutions adds to it. Each stack is seen by
 * the same convolutions with its slices' axis turned first, on its own coarse lattice; their last channels become the samples between slices. Several stacks
 * are then fused by two convolutions on the fine lattice, which add to the mean of the interpolated ones. It begins as that mean.
 * Slice k lies where sample scale·k + (scale − 1)/2 does.
 * @returns  a network from stacks to volumes [n, 1, z, y, x] with as many samples between slices as within
 * @throws ArgumentError for sizes of nothing; ShapeError (when it runs) for stacks that do not show the same field
 * @see Oktay et al. (2016), Multi-input cardiac image super-resolution using convolutional neural networks, MICCAI
 */
export function throughPlaneNetwork(o: ThroughPlaneOptions): Layer<ThickStacks, Tensor> {
  const { random, scale = 5, stacks = 1, features = 24, depth = 6 } = o;
  if (!(Number.isInteger(scale) && scale >= 2 && features >= 1 && depth >= 2 && [1, 2, 3].includes(stacks)))
    throw new ArgumentError(
      `throughPlaneNetwork: scale ${scale}, ${stacks} stacks, ${depth} convolutions of ${features} channels; expected a whole scale from 2, 1 to 3 stacks, at least 2 and 1`,
      { scale, stacks, depth, features },
    );
  const handed = stacks === 1 ? 1 : 8; // channels of the fine lattice that a stack hands on
  const wide = (inputs: number, outputs: number, first = orthogonal({ gain: Math.SQRT2 })) =>
    convolution({ axes: 3, inputs, outputs, random, initialise: first });
  const see = sequential(
    ...Array.from({ length: depth - 1 }, (_, i) => [wide(i === 0 ? 1 : features, features), relu()]).flat(),
    stacks === 1 ? wide(features, scale, zeros) : wide(features, scale * handed),
  );
  const fuse = sequential(wide(stacks * (handed + 1), 16), relu(), wide(16, 1, zeros));
  const parts: Record<string, Layer> = stacks === 1 ? { see } : { see, fuse };
  return network(parts, (p, input: ThickStacks) => {
    const seen = stackAxes.slice(0, stacks).map((axis) => {
      const stack = input[axis];
      if (stack?.rank !== 5 || stack.shape[1] !== 1)
        throw new ShapeError(
          `throughPlaneNetwork: ${stack ? shapeText(stack.shape) : "nothing"} for the stack across ${axis}; expected [n, 1, z, y, x]`,
          { axis, shape: stack?.shape },
        );
      const first = stack.permute(...order(axis));
      const up = resizeOperator(first.shape, { axes: [2], size: [first.shape[2] * scale] }).apply(first);
      const more = interleaved(p.see.forward(first), scale);
      return [up, more].map((t) => t.permute(...order(axis)));
    });
    const [{ shape }] = seen[0];
    for (const [i, [up]] of seen.entries())
      if (up.shape.some((s, a) => s !== shape[a]))
        throw new ShapeError(
          `throughPlaneNetwork: the stack across ${stackAxes[i]} makes ${shapeText(up.shape)}, that across z ${shapeText(shape)}; they must show the same field`,
          { shape: up.shape },
        );
    const mean = seen
      .map(([up]) => up)
      .reduce((a, b) => a.add(b))
      .div(seen.length);
    return mean.add(stacks === 1 ? seen[0][1] : p.fuse.forward(concat(seen.flat(), 1)));
  });
}

/**
 * A volume [z, y, x] with thick slices, thin: a network of one stack as a function. Rows go through in slabs of at most `voxels` samples with `reach` rows more
 * on either side, as far as the network sees, so that memory stays bounded and the result is that of the whole.
 * @param o  reach: rows (default 8; `throughPlaneNetwork` by itself sees as many as it has convolutions, 6); voxels: default 400 000
 */
export const thinner =
  (model: Layer<ThickStacks, Tensor>, o: { readonly reach?: number; readonly voxels?: number } = {}) =>
  (thick: Tensor): Tensor => {
    const { reach = 8, voxels = 400_000 } = o;
    const [d, h, w] = thick.shape;
    const rows = Math.max(1, Math.floor(voxels / (d * w)) - 2 * reach);
    const slabs = Array.from({ length: Math.ceil(h / rows) }, (_, k) =>
      scope(() => {
        const [from, to] = [k * rows, Math.min(h, (k + 1) * rows)];
        const [low, high] = [Math.max(0, from - reach), Math.min(h, to + reach)];
        const fine = model.forward({ z: thick.slice([0, low, 0], [d, high, w]).reshape(1, 1, d, high - low, w) });
        return fine.slice([0, 0, 0, from - low, 0], [1, 1, fine.shape[2], to - low, w]);
      }),
    );
    const whole = slabs.length === 1 ? slabs[0] : concat(slabs, 3);
    return whole.reshape(...whole.shape.slice(2));
  };
