import { ArgumentError, ShapeError } from "../../core/errors.js";
import { normalAxes, type Shape, sameShape, shapeText, sizeOf, stridesOf } from "../../core/shape.js";
import { engine } from "../../kernels/engine.js";
import * as kernels from "../../kernels/reduce.js";
import { stridedCopy } from "../../kernels/reference/strided.js";
import { type Applied, define } from "../primitive.js";
import { componentsOf, isComplex } from "../storage.js";
import { type Axes, Tensor } from "../tensor.js";
import { broadcastTo, reshape } from "./shaping.js";

/** The same numbers with the reduced axes last, as [kept, reduced]. */
export function axesLast(x: Tensor, axes: readonly number[]): { data: ArrayLike<number>; kept: number[]; outer: number; inner: number } {
  const keptAxes = x.shape.map((_, i) => i).filter((i) => !axes.includes(i));
  const kept = keptAxes.map((i) => x.shape[i]);
  const inner = sizeOf(axes.map((i) => x.shape[i]));
  const outer = sizeOf(kept);
  if (axes.every((a, i) => a === x.rank - axes.length + i)) return { data: x.data, kept, outer, inner };
  const order = [...keptAxes, ...axes];
  const shape = order.map((i) => x.shape[i]);
  const strides = stridesOf(x.shape);
  const c = componentsOf(x.dtype);
  const copy = new (x.data.constructor as Float64ArrayConstructor)(x.size * c);
  stridedCopy(
    x.data,
    0,
    order.map((i) => strides[i]),
    copy,
    0,
    stridesOf(shape),
    shape,
    c,
  );
  return { data: copy, kept, outer, inner };
}

const keptShape = (shape: Shape, axes: readonly number[]) => shape.map((n, i) => (axes.includes(i) ? 1 : n));

/** Single precision, real or (sums) complex, runs the kernels. */
function reduced(kind: kernels.Reduction, x: Tensor, axes: readonly number[]): Tensor | undefined {
  if (x.dtype !== "f32" && !(x.dtype === "c64" && kind === "sum")) return undefined;
  const out = Tensor.uninitialised(
    x.shape.filter((_, i) => !axes.includes(i)),
    x.dtype,
  );
  kernels.reduce(engine(), kind, x.pointer, out.pointer, x.dtype === "c64" ? [...x.shape, 2] : x.shape, axes);
  return out;
}

const sumOver = define<{ axes: readonly number[] }>({
  name: "sum",
  forward: ([x], { axes }) => {
    const fast = reduced("sum", x, axes);
    if (fast) return fast;
    const { data, kept, outer, inner } = axesLast(x, axes);
    const out = Tensor.uninitialised(kept, x.dtype);
    const y = out.data;
    const c = componentsOf(x.dtype);
    for (let o = 0; o < outer; o++)
      for (let k = 0; k < c; k++) {
        let s = 0;
        for (let i = 0, at = o * inner * c + k; i < inner; i++, at += c) s += data[at];
        y[o * c + k] = s;
      }
    return out;
  },
  vjp: ({ inputs: [x], params: { axes } }, g) => [broadcastTo(reshape(g, keptShape(x.shape, axes)), x.shape)], // every term has slope 1
  jvp: ({ params: { axes } }, [t]) => t && sum(t, axes),
});

const finish = (x: Tensor, y: Tensor, axes: readonly number[], keepAxes: boolean) => (keepAxes ? reshape(y, keptShape(x.shape, axes)) : y);

/** Σ over axes (all by default), accumulated in f64. */
export function sum(x: Tensor, axes?: Axes, keepAxes = false): Tensor {
  const list = normalAxes(axes, x.rank, "sum");
  return finish(x, list.length === 0 ? x : sumOver([x], { axes: list }), list, keepAxes);
}

/** Sum a broadcast result back to `shape`: the adjoint of broadcasting. */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  const lead = x.rank - shape.length;
  const axes = x.shape.map((_, i) => i).filter((i) => i < lead || (shape[i - lead] === 1 && x.shape[i] !== 1));
  return reshape(sum(x, axes), shape);
}

/** Arithmetic mean over axes. */
export function mean(x: Tensor, axes?: Axes, keepAxes = false): Tensor {
  const count = sizeOf(normalAxes(axes, x.rank, "mean").map((a) => x.shape[a]));
  return sum(x, axes, keepAxes).div(count);
}
/** Mean squared deviation from the mean (divisor n). */
export function variance(x: Tensor, axes?: Axes, keepAxes = false): Tensor {
  return mean(x.sub(mean(x, axes, true)).square(), axes, keepAxes);
}

const extreme = (name: "max" | "min", better: (a: number, b: number) => boolean) => {
  const applied = define<{ axes: readonly number[] }>({
    name,
    forward: ([x], { axes }) => {
      const fast = reduced(name, x, axes);
      if (fast) return fast;
      const { data, kept, outer, inner } = axesLast(x, axes);
      const out = Tensor.uninitialised(kept, x.dtype);
      const y = out.data;
      for (let o = 0; o < outer; o++) {
        let best = data[o * inner];
        for (let i = 1; i < inner; i++) {
          const v = data[o * inner + i];
          if (better(v, best) || Number.isNaN(v)) best = v;
        }
        y[o] = best;
      }
      return out;
    },
    // The slope goes to the extremes, in equal parts where several are equal.
    vjp: (c, g) => [
      c.inputs[0]
        .equal(spread(c, c.output))
        .div(spread(c, ties(c)))
        .mul(spread(c, g)),
    ],
    jvp: (c, [t]) =>
      t &&
      c.inputs[0]
        .equal(spread(c, c.output))
        .div(spread(c, ties(c)))
        .mul(t)
        .sum(c.params.axes),
  });
  type C = { inputs: readonly Tensor[]; output: Tensor; params: { axes: readonly number[] } };
  const spread = ({ inputs: [x], params: { axes } }: C, v: Tensor) => broadcastTo(reshape(v, keptShape(x.shape, axes)), x.shape);
  const ties = (c: C) => c.inputs[0].equal(spread(c, c.output)).sum(c.params.axes);
  return (x: Tensor, axes?: Axes, keepAxes = false): Tensor => {
    if (isComplex(x.dtype)) throw new ArgumentError(`${name}: complex numbers have no order; take abs() first`, {});
    const list = normalAxes(axes, x.rank, name);
    if (list.some((a) => x.shape[a] === 0))
      throw new ShapeError(`${name}: ${shapeText(x.shape)} has no element along axis ${list}`, { shape: x.shape });
    return finish(x, list.length === 0 ? x : applied([x], { axes: list }), list, keepAxes);
  };
};
export const max = extreme("max", (a, b) => a > b);
export const min = extreme("min", (a, b) => a < b);

const prodOver = define<{ axes: readonly number[] }>({
  name: "prod",
  forward: ([x], { axes }) => {
    const fast = reduced("prod", x, axes);
    if (fast) return fast;
    const { data, kept, outer, inner } = axesLast(x, axes);
    const out = Tensor.uninitialised(kept, x.dtype);
    const y = out.data;
    for (let o = 0; o < outer; o++) {
      let p = 1;
      for (let i = 0; i < inner; i++) p *= data[o * inner + i];
      y[o] = p;
    }
    return out;
  },
  vjp: (c, g) => [
    others(c.inputs[0], c.params.axes).mul(broadcastTo(reshape(g, keptShape(c.inputs[0].shape, c.params.axes)), c.inputs[0].shape)),
  ],
  jvp: (c, [t]) => t && others(c.inputs[0], c.params.axes).mul(t).sum(c.params.axes),
});
/** For each element the product of all the others: exclusive products from the left times those from the right, right also with zeros. */
function others(x: Tensor, axes: readonly number[]): Tensor {
  const kept = x.shape.map((_, i) => i).filter((i) => !axes.includes(i));
  const order = [...kept, ...axes];
  const n = sizeOf(axes.map((a) => x.shape[a]));
  const flat = reshape(x.permute(...order), [sizeOf(kept.map((a) => x.shape[a])), n]);
  const run = (m: Tensor) => {
    // log₂ n doubling steps of the inclusive scan, each an ordinary product
    for (let shift = 1; shift < n; shift *= 2) m = m.mul(m.slice([0, 0], [flat.shape[0], n - shift]).pad([0, shift], [0, 0], 1));
    return m.slice([0, 0], [flat.shape[0], n - 1]).pad([0, 1], [0, 0], 1);
  };
  const result = n === 0 ? flat : run(flat).mul(run(flat.flip(1)).flip(1));
  const back = order.map((_, i) => order.indexOf(i));
  return reshape(
    result,
    order.map((i) => x.shape[i]),
  ).permute(...back);
}
/** Π over axes. */
export function prod(x: Tensor, axes?: Axes, keepAxes = false): Tensor {
  const list = normalAxes(axes, x.rank, "prod");
  return finish(x, list.length === 0 ? x : prodOver([x], { axes: list }), list, keepAxes);
}

const place = (name: "argmax" | "argmin", better: (a: number, b: number) => boolean) => {
  const applied = define<{ axis: number }>({
    name,
    forward: ([x], { axis }) => {
      if (x.shape[axis] === 0) throw new ShapeError(`${name}: axis ${axis} of ${shapeText(x.shape)} is empty`, { shape: x.shape });
      if (x.dtype === "f32") {
        const out = Tensor.uninitialised(
          x.shape.filter((_, i) => i !== axis),
          "i32",
        );
        kernels.argExtreme(engine(), name === "argmin", x.pointer, out.pointer, x.shape, axis);
        return out;
      }
      const { data, kept, outer, inner } = axesLast(x, [axis]);
      const out = Tensor.uninitialised(kept, "i32");
      const y = out.data;
      for (let o = 0; o < outer; o++) {
        let best = 0;
        for (let i = 1; i < inner; i++) if (better(data[o * inner + i], data[o * inner + best])) best = i;
        y[o] = best;
      }
      return out;
    },
    vjp: () => [undefined],
    jvp: () => undefined,
  });
  return (x: Tensor, axis = -1): Tensor => applied([x], { axis: normalAxes(axis, x.rank, name)[0] });
};
/** Index (i32) of the first largest element along an axis. */
export const argmax = place("argmax", (a, b) => a > b);
/** Index (i32) of the first smallest element along an axis. */
export const argmin = place("argmin", (a, b) => a < b);

const cumulative: Applied<{ axis: number; reverse: boolean }> = define<{ axis: number; reverse: boolean }>({
  name: "cumsum",
  forward: ([x], { axis, reverse }) => {
    const out = Tensor.uninitialised(x.shape, x.dtype);
    if (x.dtype === "f32" || x.dtype === "c64") {
      kernels.cumulativeSum(engine(), x.pointer, out.pointer, x.dtype === "c64" ? [...x.shape, 2] : x.shape, axis, reverse);
      return out;
    }
    const strides = stridesOf(x.shape);
    const n = x.shape[axis];
    const step = strides[axis];
    const c = componentsOf(x.dtype);
    const [a, y] = [x.data, out.data];
    const outer = sizeOf(x.shape.slice(0, axis));
    for (let o = 0; o < outer; o++)
      for (let i = 0; i < step * c; i++) {
        let s = 0;
        for (let k = 0; k < n; k++) {
          const at = (o * n + (reverse ? n - 1 - k : k)) * step * c + i;
          s += a[at];
          y[at] = s;
        }
      }
    return out;
  },
  vjp: ({ params: { axis, reverse } }, g) => [cumulative([g], { axis, reverse: !reverse })], // each element is in all later sums
  jvp: ({ params }, [t]) => t && cumulative([t], params),
});
/** Running sum along an axis. */
export const cumsum = (x: Tensor, axis = -1): Tensor => cumulative([x], { axis: normalAxes(axis, x.rank, "cumsum")[0], reverse: false });
