import { ArgumentError, ShapeError } from "../core/errors.js";
import type { Parameters } from "../core/interfaces.js";
import type { Random } from "../core/random.js";
import { scope } from "../core/scope.js";
import { shapeText } from "../core/shape.js";
import { convolution, type Layer, network, orthogonal, relu, sequential, zeros } from "../nn/index.js";
import { resizeOperator } from "../operators/index.js";
import { concat } from "../tensor/ops/shaping.js";
import { Tensor } from "../tensor/tensor.js";
import { agreeingWithStacks } from "./stackAgreement.js";

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
/** A network from stacks to volumes [n, 1, z, y, x]; its two halves let long volumes go through in parts. */
export interface ThroughPlaneNetwork extends Layer<ThickStacks, Tensor> {
  /** Samples of the result for each slice, along the slices' axis. */
  readonly scale: number;
  /** Stacks that come in. */
  readonly stacks: number;
  /** A stack across `axis` ↦ what it hands on, on the fine lattice: [n, 1 + c, z, y, x], its cubic interpolation first. */
  see(stack: Tensor, axis: StackAxis): Tensor;
  /** What all stacks handed on ↦ [n, 1, z, y, x]; sees two samples to every side. */
  fuse(seen: readonly Tensor[]): Tensor;
  /** The same with other parameters. */
  with(parameters: Parameters): ThroughPlaneNetwork;
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
export function throughPlaneNetwork(o: ThroughPlaneOptions): ThroughPlaneNetwork {
  const { random, scale = 5, stacks = 1, features = 24, depth = 6 } = o;
  if (!(Number.isInteger(scale) && scale >= 2 && features >= 1 && depth >= 2 && [1, 2, 3].includes(stacks)))
    throw new ArgumentError(
      `throughPlaneNetwork: scale ${scale}, ${stacks} stacks, ${depth} convolutions of ${features} channels; expected a whole scale from 2, 1 to 3 stacks, at least 2 and 1`,
      { scale, stacks, depth, features },
    );
  const wide = (inputs: number, outputs: number, first = orthogonal({ gain: Math.SQRT2 })) =>
    convolution({ axes: 3, inputs, outputs, random, initialise: first });
  const see = sequential(
    ...Array.from({ length: depth - 1 }, (_, i) => [wide(i === 0 ? 1 : features, features), relu()]).flat(),
    stacks === 1 ? wide(features, scale, zeros) : wide(features, scale * handed),
  );
  const fuse = sequential(wide(stacks * (handed + 1), inner), relu(), wide(inner, 1, zeros));
  return joined(stacks === 1 ? { see } : { see, fuse }, scale, stacks);
}
/** Of several stacks: channels of the fine lattice that each hands on, and those between the convolutions that fuse them. */
const handed = 4;
const inner = 16;

function joined(parts: Readonly<Record<string, Layer>>, scale: number, stacks: number): ThroughPlaneNetwork {
  const see = (stack: Tensor, axis: StackAxis): Tensor => {
    const first = stack.permute(...order(axis));
    const up = resizeOperator(first.shape, { axes: [2], size: [first.shape[2] * scale] }).apply(first);
    return concat([up, interleaved(parts.see.forward(first), scale)], 1).permute(...order(axis));
  };
  const cubic = (seen: Tensor) => seen.slice([0, 0], [seen.shape[0], 1]);
  const fuse = (seen: readonly Tensor[]): Tensor => {
    if (stacks === 1) return seen[0].sum([1], true);
    const mean = seen
      .map(cubic)
      .reduce((a, b) => a.add(b))
      .div(seen.length);
    return mean.add(parts.fuse.forward(concat([...seen], 1)));
  };
  const whole = network<typeof parts, ThickStacks, Tensor>(parts, (_, input) => {
    const seen = stackAxes.slice(0, stacks).map((axis) => {
      const stack = input[axis];
      if (stack?.rank !== 5 || stack.shape[1] !== 1)
        throw new ShapeError(
          `throughPlaneNetwork: ${stack ? shapeText(stack.shape) : "nothing"} for the stack across ${axis}; expected [n, 1, z, y, x]`,
          { axis, shape: stack?.shape },
        );
      return see(stack, axis);
    });
    const [{ shape }] = seen;
    for (const [i, up] of seen.entries())
      if (up.shape.some((s, a) => s !== shape[a]))
        throw new ShapeError(
          `throughPlaneNetwork: the stack across ${stackAxes[i]} makes ${shapeText(cubic(up).shape)}, that across z ${shapeText(cubic(seen[0]).shape)}; they must show the same field`,
          { shape: up.shape },
        );
    return fuse(seen);
  });
  return {
    ...whole,
    scale,
    stacks,
    see,
    fuse,
    with(given) {
      const { parameters } = whole.with(given); // names and shapes are right
      const of = (part: string) =>
        parts[part].with(
          Object.fromEntries(
            Object.entries(parameters)
              .filter(([name]) => name.startsWith(`${part}.`))
              .map(([name, p]) => [name.slice(part.length + 1), p]),
          ),
        );
      return joined(Object.fromEntries(Object.keys(parts).map((part) => [part, of(part)])), scale, stacks);
    },
  };
}

/**
 * A network of several stacks that begins as the mean of what a trained network of one makes of each: its convolutions, the first channel handed on is its own change
 * of cubic interpolation, and two of those that fuse pass the mean of them on, what is above and what is below 0.
 * @throws ArgumentError when `single` is a network of several stacks
 */
export function throughPlaneStacks(single: ThroughPlaneNetwork, { stacks, random }: { readonly stacks: number; readonly random: Random }) {
  if (single.stacks !== 1)
    throw new ArgumentError(`throughPlaneStacks: a network of ${single.stacks} stacks came; give one of one stack`, {});
  const names = Object.keys(single.parameters);
  const depth = names.filter((name) => name.endsWith(".weight")).length;
  const [features] = single.parameters[names[0]].shape;
  const { scale } = single;
  const model = throughPlaneNetwork({ random, scale, stacks, features, depth });
  const last = `see.${2 * (depth - 1)}.`;
  const begun = Object.entries(model.parameters).map(([name, p]): [string, Tensor] => {
    const data = Float32Array.from(p.data);
    const own = single.parameters[name]?.data;
    if (name.startsWith(last) && own)
      data.set(own); // the first channel's samples between slices
    else if (own) return [name, single.parameters[name]];
    const one = p.size / p.shape[0]; // numbers of an output's channel
    const middle = 13; // of 27
    if (name === "fuse.0.weight")
      for (const [k, sign] of [1, -1].entries()) {
        data.fill(0, k * one, (k + 1) * one);
        for (let s = 0; s < stacks; s++) data[k * one + (s * (handed + 1) + 1) * 27 + middle] = sign / stacks;
      }
    if (name === "fuse.2.weight") [data[middle], data[27 + middle]] = [1, -1];
    return [name, Tensor.from(data, p.shape)];
  });
  return model.with(Object.fromEntries(begun));
}

/** Parts of a long axis, each with `reach` more on either side where there is more. */
const parts = (length: number, step: number, reach: number) =>
  Array.from({ length: Math.ceil(length / step) }, (_, k) => {
    const [from, to] = [k * step, Math.min(length, (k + 1) * step)];
    return { from, to, low: Math.max(0, from - reach), high: Math.min(length, to + reach) };
  });
/** Along an axis of x, from–to. */
const cut = (x: Tensor, axis: number, from: number, to: number): Tensor =>
  x.slice(
    x.shape.map((_, a) => (a === axis ? from : 0)),
    x.shape.with(axis, to),
  );

/**
 * A volume [z, y, x] with thick slices, thin; or one volume from stacks [z, y, x] of it. Stacks go through in slabs of at most `voxels` samples with `reach` more
 * on either side, as far as the network sees, so that memory stays bounded and the result is that of the whole.
 * The result of several stacks is made to agree with them (`agreeingWithStacks`): it is for slices of that profile.
 * @param o  reach: rows (default 8; `throughPlaneNetwork` by itself sees as many as it has convolutions, 6); voxels: default 400 000; agree: false leaves the network's
 *           result alone, true makes that of one stack agree as well (0.1 dB better without noise, worse with a hundredth of it)
 */
export const thinner =
  (model: ThroughPlaneNetwork, o: { readonly reach?: number; readonly voxels?: number; readonly agree?: boolean } = {}) =>
  (given: Tensor | ThickStacks): Tensor => {
    const { reach = 8, voxels = 400_000, agree = model.stacks > 1 } = o;
    const stacks: ThickStacks = given instanceof Tensor ? { z: given } : given;
    const lifted = (t: Tensor) => t.reshape(1, 1, ...t.shape);
    /** In slabs across an axis of [1, c, z, y, x]. */
    const slabwise = (size: number, shape: readonly number[], axis: number, reach: number, f: (low: number, high: number) => Tensor) => {
      const step = Math.max(1, Math.floor((size * shape[axis]) / shape.slice(2).reduce((a, b) => a * b, 1)) - 2 * reach);
      const slabs = parts(shape[axis], step, reach).map(({ from, to, low, high }) =>
        scope(() => cut(f(low, high), axis, from - low, to - low)),
      );
      return slabs.length === 1 ? slabs[0] : concat(slabs, axis);
    };
    const axes = stackAxes.slice(0, model.stacks);
    const field = axes.map((axis, a) => {
      const shape = stacks[axis]?.shape;
      if (shape?.length !== 3)
        throw new ShapeError(
          `thinner: ${shape ? shapeText(shape) : "nothing"} for the stack across ${axis}; the network takes ${model.stacks} ${model.stacks === 1 ? "stack" : "stacks"} [z, y, x]`,
          { axis, shape },
        );
      return shape.map((n, i) => (i === a ? n * model.scale : n));
    });
    const other = field.findIndex((shape) => shape.some((n, a) => n !== field[0][a]));
    if (other > 0)
      throw new ShapeError(
        `thinner: the stack across ${axes[other]} makes ${shapeText(field[other])}, that across z ${shapeText(field[0])}; they must show the same field`,
        {},
      );
    const seen = axes.map((axis) => {
      const stack = lifted(stacks[axis] as Tensor);
      const long = axis === "y" ? 2 : 3; // not the slices' own
      const made = (low: number, high: number) => model.see(cut(stack, long, low, high), axis);
      return slabwise(voxels, stack.shape, long, reach, model.stacks === 1 ? (a, b) => model.fuse([made(a, b)]) : made);
    });
    // Fused on the fine lattice.
    const whole =
      model.stacks === 1
        ? seen[0]
        : slabwise(voxels, seen[0].shape, 2, 2, (low, high) => model.fuse(seen.map((s) => cut(s, 2, low, high))));
    const volume = whole.reshape(...whole.shape.slice(2));
    return agree ? agreeingWithStacks(volume, stacks, { scale: model.scale }) : volume;
  };
