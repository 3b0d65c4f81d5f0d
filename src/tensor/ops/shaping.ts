import { ArgumentError, ShapeError } from "../../core/errors.js";
import { broadcastShapes, broadcastStrides, normalAxes, type Shape, sameShape, shapeText, sizeOf, stridesOf } from "../../core/shape.js";
import { stridedCopy } from "../../kernels/reference/strided.js";
import { type Applied, define } from "../primitive.js";
import { componentsOf } from "../storage.js";
import { type Axes, Tensor } from "../tensor.js";
import { cast, commonType } from "./elementwise.js";
import { sumTo } from "./reduce.js";

const reshaped = define<{ shape: Shape }>({
  name: "reshape",
  forward: ([x], { shape }) => new Tensor(shape, x.dtype, x.storage),
  vjp: ({ inputs: [x] }, g) => [reshape(g, x.shape)],
  jvp: ({ params: { shape } }, [t]) => t && reshape(t, shape),
});
/** The same numbers in another shape; one extent may be −1. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  const unknown = shape.indexOf(-1);
  const known = sizeOf(shape.filter((n) => n !== -1));
  const target = unknown < 0 ? shape : shape.map((n, i) => (i === unknown ? x.size / known : n));
  if (sizeOf(target) !== x.size || target.some((n) => !Number.isInteger(n) || n < 0))
    throw new ShapeError(`reshape: ${shapeText(x.shape)} has ${x.size} elements and does not fill ${shapeText(shape)}`, {
      from: x.shape,
      to: shape,
    });
  return sameShape(x.shape, target) ? x : reshaped([x], { shape: target });
}

const permuted = define<{ axes: readonly number[] }>({
  name: "permute",
  forward: ([x], { axes }) => {
    const shape = axes.map((a) => x.shape[a]);
    const from = stridesOf(x.shape);
    const out = Tensor.uninitialised(shape, x.dtype);
    stridedCopy(
      x.data,
      0,
      axes.map((a) => from[a]),
      out.data,
      0,
      stridesOf(shape),
      shape,
      componentsOf(x.dtype),
    );
    return out;
  },
  vjp: ({ params: { axes } }, g) => [
    permute(
      g,
      axes.map((_, i) => axes.indexOf(i)),
    ),
  ],
  jvp: ({ params: { axes } }, [t]) => t && permute(t, axes),
});
/** Axes in another order: axis i of the result is axis axes[i] of x. */
export function permute(x: Tensor, axes: readonly number[]): Tensor {
  if (axes.length !== x.rank || [...axes].sort((a, b) => a - b).some((a, i) => a !== i))
    throw new ShapeError(`permute: [${axes}] is not an order of the ${x.rank} axes of ${shapeText(x.shape)}`, { axes, shape: x.shape });
  return axes.every((a, i) => a === i) ? x : permuted([x], { axes });
}

const broadcasted = define<{ shape: Shape }>({
  name: "broadcastTo",
  forward: ([x], { shape }) => {
    const out = Tensor.uninitialised(shape, x.dtype);
    stridedCopy(x.data, 0, broadcastStrides(x.shape, shape), out.data, 0, stridesOf(shape), shape, componentsOf(x.dtype));
    return out;
  },
  vjp: ({ inputs: [x] }, g) => [sumTo(g, x.shape)],
  jvp: ({ params: { shape } }, [t]) => t && broadcastTo(t, shape),
});
/** Stretch to a larger shape. */
export function broadcastTo(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  if (!sameShape(broadcastShapes(x.shape, shape, "broadcastTo"), shape))
    throw new ShapeError(`broadcastTo: ${shapeText(x.shape)} does not stretch to ${shapeText(shape)}`, {});
  return broadcasted([x], { shape });
}

type Cut = { begin: readonly number[]; step: readonly number[]; shape: Shape };
/** Where in `shape` the cut's elements lie. */
const cutStrides = (shape: Shape, { begin, step }: Cut) => {
  const strides = stridesOf(shape);
  return { offset: begin.reduce((s, b, i) => s + b * strides[i], 0), strides: strides.map((s, i) => s * step[i]) };
};
const sliced: Applied<Cut> = define<Cut>({
  name: "slice",
  forward: ([x], cut) => {
    const out = Tensor.uninitialised(cut.shape, x.dtype);
    const { offset, strides } = cutStrides(x.shape, cut);
    stridedCopy(x.data, offset, strides, out.data, 0, stridesOf(cut.shape), cut.shape, componentsOf(x.dtype));
    return out;
  },
  vjp: ({ inputs: [x], params }, g) => [embedded([g], { ...params, into: x.shape, value: 0 })],
  jvp: ({ params }, [t]) => t && sliced([t], params),
});
/** Adjoint of a slice: the values in their places, `value` elsewhere. */
const embedded: Applied<Cut & { into: Shape; value: number }> = define<Cut & { into: Shape; value: number }>({
  name: "embed",
  forward: ([x], cut) => {
    const out = Tensor.full(cut.into, cut.value, x.dtype);
    const { offset, strides } = cutStrides(cut.into, cut);
    stridedCopy(x.data, 0, stridesOf(cut.shape), out.data, offset, strides, cut.shape, componentsOf(x.dtype));
    return out;
  },
  vjp: ({ params: { begin, step, shape } }, g) => [sliced([g], { begin, step, shape })],
  jvp: ({ params }, [t]) => t && embedded([t], { ...params, value: 0 }),
});

/**
 * x[begin:end:step] along every axis. Negative ends count from the back; missing ones mean all; steps may be negative (begin > end).
 */
export function slice(x: Tensor, begin: readonly number[], end: readonly number[] = [], step: readonly number[] = []): Tensor {
  if (begin.length > x.rank || end.length > x.rank || step.length > x.rank)
    throw new ShapeError(`slice: ${Math.max(begin.length, end.length)} ranges for ${shapeText(x.shape)}`, { begin, end, step });
  const steps = x.shape.map((_, i) => step[i] ?? 1);
  if (steps.some((s) => s === 0 || !Number.isInteger(s))) throw new ArgumentError("slice: steps are integers other than 0", { step });
  const begins = x.shape.map((n, i) => {
    const b = begin[i] ?? (steps[i] > 0 ? 0 : n - 1);
    return Math.max(0, Math.min(steps[i] > 0 ? n : n - 1, b < 0 ? b + n : b));
  });
  const shape = x.shape.map((n, i) => {
    if (steps[i] < 0) {
      const e = end[i] === undefined ? -1 : end[i] < 0 ? end[i] + n : end[i];
      return Math.max(0, Math.ceil((e - begins[i]) / steps[i]));
    }
    const e = Math.min(n, end[i] === undefined ? n : end[i] < 0 ? end[i] + n : end[i]);
    return Math.max(0, Math.ceil((e - begins[i]) / steps[i]));
  });
  if (sameShape(shape, x.shape) && steps.every((s) => s === 1)) return x;
  return sliced([x], { begin: begins, step: steps, shape });
}
/** The i-th element along the first axis; negative counts from the back. */
export function at(x: Tensor, index: number): Tensor {
  const i = index < 0 ? index + x.shape[0] : index;
  if (x.rank === 0 || !(i >= 0 && i < x.shape[0]))
    throw new ShapeError(`at: no element ${index} in ${shapeText(x.shape)}`, { index, shape: x.shape });
  return reshape(slice(x, [i], [i + 1]), x.shape.slice(1));
}
/** Add `before` and `after` elements of one value around each axis. */
export function pad(x: Tensor, before: readonly number[], after: readonly number[], value = 0): Tensor {
  if (before.length !== x.rank || after.length !== x.rank)
    throw new ShapeError(`pad: ${before.length} and ${after.length} widths for ${shapeText(x.shape)}`, { before, after });
  if ([...before, ...after].some((n) => n < 0))
    throw new ArgumentError("pad: widths are not negative; to cut, use slice", { before, after });
  const into = x.shape.map((n, i) => before[i] + n + after[i]);
  return sameShape(into, x.shape) ? x : embedded([x], { begin: before, step: x.shape.map(() => 1), shape: x.shape, into, value });
}
/** Reverse the order along axes (all by default). */
export function flip(x: Tensor, axes?: Axes): Tensor {
  const list = normalAxes(axes, x.rank, "flip");
  const turned = x.shape.map((_, i) => list.includes(i));
  return sliced([x], {
    begin: x.shape.map((n, i) => (turned[i] ? Math.max(0, n - 1) : 0)),
    step: turned.map((t) => (t ? -1 : 1)),
    shape: x.shape,
  });
}

const concatenated = define<{ axis: number }>({
  name: "concat",
  forward: (xs, { axis }) => {
    const shape = xs[0].shape.map((n, i) => (i === axis ? xs.reduce((s, x) => s + x.shape[axis], 0) : n));
    const out = Tensor.uninitialised(shape, xs[0].dtype);
    const strides = stridesOf(shape);
    let offset = 0;
    for (const x of xs) {
      stridedCopy(x.data, 0, stridesOf(x.shape), out.data, offset, strides, x.shape, componentsOf(x.dtype));
      offset += x.shape[axis] * strides[axis];
    }
    return out;
  },
  vjp: ({ inputs, params: { axis } }, g) => {
    let start = 0;
    return inputs.map((x) => {
      const from = start;
      start += x.shape[axis];
      return slice(
        g,
        x.shape.map((_, i) => (i === axis ? from : 0)),
        x.shape.map((n, i) => (i === axis ? start : n)),
      );
    });
  },
  jvp: ({ inputs, params: { axis } }, ts) =>
    concat(
      ts.map((t, i) => t ?? Tensor.zeros(inputs[i].shape, inputs[i].dtype)),
      axis,
    ),
});
/** Join along an existing axis. */
export function concat(xs: readonly Tensor[], axis = 0): Tensor {
  if (xs.length === 0) throw new ArgumentError("concat: nothing to join", {});
  const [a] = normalAxes(axis, xs[0].rank, "concat");
  for (const x of xs)
    if (x.rank !== xs[0].rank || x.shape.some((n, i) => i !== a && n !== xs[0].shape[i]))
      throw new ShapeError(`concat: ${shapeText(xs[0].shape)} and ${shapeText(x.shape)} differ in more than axis ${a}`, { axis });
  const type = xs.map((x) => x.dtype).reduce(commonType);
  return xs.length === 1
    ? xs[0]
    : concatenated(
        xs.map((x) => cast(x, type)),
        { axis: a },
      );
}
/** Join along a new axis. */
export function stack(xs: readonly Tensor[], axis = 0): Tensor {
  return concat(
    xs.map((x) => reshape(x, [...x.shape.slice(0, axis), 1, ...x.shape.slice(axis)])),
    axis,
  );
}
