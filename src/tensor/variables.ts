import { ArgumentError, ShapeError } from "../core/errors.js";
import type { Parameters, Variables } from "../core/interfaces.js";
import { sameShape, shapeText } from "../core/shape.js";
import { call, elementwise, input, scalar } from "../kernels/elementwise.js";
import { engine } from "../kernels/engine.js";
import { Tensor, Traced } from "./tensor.js";

/**
 * One tensor or several by name, seen as one vector: what optimisers and solvers compute with, so that none of them asks which it is.
 * Leaves are in the order of their names' insertion in x.
 */
export const leavesOf = (x: Variables): readonly Tensor[] => (x instanceof Tensor ? [x] : Object.values(x));

/** The same structure with other leaves. */
export function withLeaves<X extends Variables>(x: X, leaves: readonly Tensor[]): X {
  if (x instanceof Tensor) return leaves[0] as X;
  return Object.fromEntries(Object.keys(x).map((name, i) => [name, leaves[i]])) as Parameters as X;
}

/** f over corresponding leaves. @throws ArgumentError when a leaf is missing */
export function mapLeaves<X extends Variables>(f: (...leaves: Tensor[]) => Tensor, x: X, ...others: readonly X[]): X {
  if (x instanceof Tensor) return f(x, ...(others as readonly Variables[] as readonly Tensor[])) as X;
  return Object.fromEntries(
    Object.entries(x as Parameters).map(([name, leaf]) => {
      const rest = others.map((o) => {
        const other = (o as Parameters)[name];
        if (!other) throw new ArgumentError(`parameters: "${name}" is missing; there are ${Object.keys(o)}`, { name });
        return other;
      });
      return [name, f(leaf, ...rest)];
    }),
  ) as Parameters as X;
}

const sumOfProducts = call("mul", input(0), input(1));
const shifted = call("add", input(0), call("mul", input(1), scalar(0)));
/** Both in the engine's memory, of one shape, and under no differentiation: a kernel may do it in one pass. */
const plain = (a: Tensor, b: Tensor) =>
  a.dtype === "f32" && b.dtype === "f32" && sameShape(a.shape, b.shape) && !(a instanceof Traced) && !(b instanceof Traced);

/** x + t d. */
export const addScaled = <X extends Variables>(x: X, t: number | Tensor, d: X): X =>
  mapLeaves(
    (a, b) => {
      if (typeof t !== "number" || !plain(a, b)) return a.add(b.mul(t));
      const out = Tensor.uninitialised(a.shape);
      elementwise(engine(), shifted, [a, b], a.shape, out.pointer, { scalars: [t] });
      return out;
    },
    x,
    d,
  );
/** t x. */
export const scaled = <X extends Variables>(x: X, t: number | Tensor): X => mapLeaves((a) => a.mul(t), x);
export const difference = <X extends Variables>(x: X, y: X): X => mapLeaves((a, b) => a.sub(b), x, y);
export const zerosOf = <X extends Variables>(x: X): X => mapLeaves((a) => Tensor.zeros(a.shape, a.dtype), x);

/** ⟨x, y⟩ as a plain number, summed in f64 whatever the tensors' type: line searches compare such numbers to the last digit. */
export function dotOf<X extends Variables>(x: X, y: X): number {
  let total = 0;
  const ys = leavesOf(y);
  leavesOf(x).forEach((a, i) => {
    const b = ys[i];
    if (a.size >= 1 << 14 && plain(a, b)) {
      total += elementwise(engine(), sumOfProducts, [a, b], a.shape, undefined, { sum: true });
      return;
    }
    const p = a.data;
    const q = b.data;
    let s = 0;
    for (let k = 0; k < p.length; k++) s += p[k] * q[k];
    total += s;
  });
  return total;
}
export const normOf = (x: Variables): number => Math.sqrt(dotOf(x, x));
/** x, shortened to length `most` where it is longer. */
export function clipped<X extends Variables>(x: X, most: number): X {
  const length = normOf(x);
  return length > most ? scaled(x, most / length) : x;
}
/** max |xᵢ|. */
export function largestOf(x: Variables): number {
  let most = 0;
  for (const leaf of leavesOf(x)) {
    const p = leaf.data;
    for (let k = 0; k < p.length; k++) if (Math.abs(p[k]) > most) most = Math.abs(p[k]);
  }
  return most;
}
/** ⟨x, y⟩ as a tensor: differentiable. */
export const innerProduct = <X extends Variables>(x: X, y: X): Tensor => {
  const ys = leavesOf(y);
  return leavesOf(x)
    .map((a, i) => a.innerProduct(ys[i]))
    .reduce((p, q) => p.add(q));
};

/** Whether no number differs. */
export function sameNumbers<X extends Variables>(x: X, y: X): boolean {
  const ys = leavesOf(y);
  return leavesOf(x).every((leaf, i) => {
    const p = leaf.data;
    const q = ys[i].data;
    for (let k = 0; k < p.length; k++) if (p[k] !== q[k]) return false;
    return true;
  });
}
/** How many numbers. */
export const countOf = (x: Variables): number => leavesOf(x).reduce((n, leaf) => n + leaf.data.length, 0);
/** All numbers, leaf after leaf. */
export function toFlat(x: Variables): Float64Array {
  const out = new Float64Array(countOf(x));
  let at = 0;
  for (const leaf of leavesOf(x)) {
    out.set(leaf.data, at);
    at += leaf.data.length;
  }
  return out;
}
/** The numbers in the shape of `like`. */
export function fromFlat<X extends Variables>(values: ArrayLike<number>, like: X): X {
  const flat = Float64Array.from(values);
  if (flat.length !== countOf(like))
    throw new ShapeError(`variables: ${flat.length} numbers for ${leavesOf(like).map((l) => shapeText(l.shape))}`, {});
  let at = 0;
  return mapLeaves((leaf) => {
    const n = leaf.data.length;
    at += n;
    return Tensor.from(flat.subarray(at - n, at), leaf.shape, leaf.dtype);
  }, like);
}
