import { ShapeError } from "./errors.js";

/** Extents per axis, slowest first; [] is a scalar. */
export type Shape = readonly number[];

/** Number of elements, Π nᵢ. */
export function sizeOf(shape: Shape): number {
  let n = 1;
  for (const s of shape) n *= s;
  return n;
}

/** Row-major strides in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = step;
    step *= shape[i];
  }
  return strides;
}

/** Whether two shapes have the same axes in the same order. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((n, i) => n === b[i]);
}

/** As people write it: 2×3, or "a scalar". */
export function shapeText(shape: Shape): string {
  return shape.length === 0 ? "a scalar" : shape.join("×");
}

/** The shape both broadcast to: axes aligned at the end, an extent of 1 stretches. @throws ShapeError when they do not fit */
export function broadcastShapes(a: Shape, b: Shape, who = "broadcast"): Shape {
  if (sameShape(a, b)) return a;
  const rank = Math.max(a.length, b.length);
  const out = new Array<number>(rank);
  for (let i = 1; i <= rank; i++) {
    const m = a[a.length - i] ?? 1;
    const n = b[b.length - i] ?? 1;
    if (m !== n && m !== 1 && n !== 1)
      throw new ShapeError(`${who}: ${shapeText(a)} and ${shapeText(b)} do not broadcast; the extents ${m} and ${n} must be equal or 1`, {
        a,
        b,
      });
    out[rank - i] = m === 1 ? n : m;
  }
  return out;
}

/** Strides for reading `shape` as if it were `target`: 0 along stretched axes. */
export function broadcastStrides(shape: Shape, target: Shape): number[] {
  const own = stridesOf(shape);
  const lead = target.length - shape.length;
  return target.map((_, i) => (i < lead || shape[i - lead] === 1 ? 0 : own[i - lead]));
}

/** Axis numbers made non-negative and checked. `undefined` means all. */
export function normalAxes(axes: number | readonly number[] | undefined, rank: number, who: string): number[] {
  if (axes === undefined) return Array.from({ length: rank }, (_, i) => i);
  const list = (typeof axes === "number" ? [axes] : axes).map((a) => (a < 0 ? a + rank : a));
  for (const a of list)
    if (!Number.isInteger(a) || a < 0 || a >= rank) throw new ShapeError(`${who}: axis ${a} of a tensor with ${rank} axes`, { axes, rank });
  if (new Set(list).size !== list.length) throw new ShapeError(`${who}: an axis is named twice in [${list}]`, { axes });
  return list.sort((p, q) => p - q);
}
