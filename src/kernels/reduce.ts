import type { Shape } from "../core/shape.js";
import { sizeOf } from "../core/shape.js";
import type { Engine } from "./engine.js";

export type Reduction = "sum" | "prod" | "max" | "min";
const kinds: Record<Reduction, number> = { sum: 0, prod: 1, max: 2, min: 3 };

/** Neighbouring axes joined where both are reduced or both kept; extents of 1 left out. */
function groups(shape: Shape, axes: readonly number[]): { n: number; reduced: boolean }[] {
  const out: { n: number; reduced: boolean }[] = [];
  shape.forEach((n, axis) => {
    if (n === 1) return;
    const reduced = axes.includes(axis);
    const last = out.at(-1);
    if (last && last.reduced === reduced) last.n *= n;
    else out.push({ n, reduced });
  });
  return out;
}

function oneAxis(e: Engine, kind: Reduction, src: number, dst: number, outer: number, n: number, inner: number): void {
  if (n === 0) {
    e.f32(dst, outer * inner).fill(kind === "sum" ? 0 : kind === "prod" ? 1 : kind === "max" ? -Infinity : Infinity);
    return;
  }
  const extent = inner === 1 ? outer : outer * Math.ceil(inner / 64);
  const grain = Math.max(1, Math.min(Math.ceil(extent / 8), Math.floor(65536 / (n * Math.min(inner, 64)))));
  e.parallel("reduceAxis", [kinds[kind], src, dst, n, inner], { extent, grain, workspace: 512 });
}

const piece = 65536;
/**
 * dst[kept…] = Σ, Π, max or min of src over axes (0 … rank − 1). f32 in and out; each pass along neighbouring axes accumulates in
 * f64. Of nothing: 0, 1, −∞, ∞. NaN in, NaN out.
 */
export function reduce(e: Engine, kind: Reduction, src: number, dst: number, shape: Shape, axes: readonly number[]): void {
  const list = groups(shape, axes);
  let from = src;
  if (!list.some((g) => g.reduced)) {
    const n = list[0]?.n ?? 1;
    e.f32(dst, n).set(e.f32(src, n));
    return;
  }
  if (list.length === 1 && kind === "sum") {
    const total = sum(e, src, list[0].n);
    e.f32(dst, 1)[0] = total;
    return;
  }
  const made: number[] = [];
  if (list.length === 1 && kind !== "prod" && list[0].n > piece) {
    // Pieces side by side on all threads, then the best of them.
    const n = list[0].n;
    const full = Math.floor(n / piece);
    const rest = n - full * piece;
    from = e.allocate(4 * (full + 1));
    made.push(from);
    oneAxis(e, kind, src, from, full, piece, 1);
    if (rest > 0) oneAxis(e, kind, src + 4 * full * piece, from + 4 * full, 1, rest, 1);
    list[0].n = full + (rest > 0 ? 1 : 0);
  }
  while (list.some((g) => g.reduced)) {
    const at = list.findLastIndex((g) => g.reduced);
    const outer = list.slice(0, at).reduce((p, g) => p * g.n, 1);
    const inner = list.slice(at + 1).reduce((p, g) => p * g.n, 1);
    const last = list.filter((g) => g.reduced).length === 1;
    const to = last ? dst : e.allocate(4 * outer * inner);
    if (!last) made.push(to);
    oneAxis(e, kind, from, to, outer, list[at].n, inner);
    list.splice(at, 1);
    from = to;
  }
  for (const p of made) e.free(p);
}

/** Σ of n floats in f64. */
export function sum(e: Engine, src: number, n: number): number {
  return e.parallel("sumAll", [src], { extent: n, grain: piece });
}
/** Σ a b of n floats, products and sums in f64. */
export function dot(e: Engine, a: number, b: number, n: number): number {
  return e.parallel("dotAll", [a, b], { extent: n, grain: piece });
}

const around = (shape: Shape, axis: number) => ({
  outer: sizeOf(shape.slice(0, axis)),
  n: shape[axis],
  inner: sizeOf(shape.slice(axis + 1)),
});

/** Index (i32) of the first largest or smallest element along an axis that is not empty. */
export function argExtreme(e: Engine, least: boolean, src: number, dst: number, shape: Shape, axis: number): void {
  const { outer, n, inner } = around(shape, axis);
  const extent = outer * inner;
  e.parallel("argExtreme", [least ? 1 : 0, src, dst, n, inner], {
    extent,
    grain: Math.max(1, Math.min(Math.ceil(extent / 8), Math.floor(32768 / n))),
  });
}

/** Running sums along an axis, from its end when `reverse`; accumulated in f64. src and dst may be the same. */
export function cumulativeSum(e: Engine, src: number, dst: number, shape: Shape, axis: number, reverse = false): void {
  const { outer, n, inner } = around(shape, axis);
  const extent = n === 0 ? 0 : outer * inner;
  e.parallel("cumulativeSum", [src, dst, n, inner, reverse ? 1 : 0], {
    extent,
    grain: Math.max(1, Math.min(Math.ceil(extent / 8), Math.floor(32768 / Math.max(n, 1)))),
  });
}
