import { ArgumentError, ShapeError } from "../../core/errors.js";
import { normalAxes, shapeText } from "../../core/shape.js";
import { engine } from "../../kernels/engine.js";
import * as twin from "../../kernels/reference/sort.js";
import * as kernels from "../../kernels/sort.js";
import { define } from "../primitive.js";
import { isComplex } from "../storage.js";
import { Tensor } from "../tensor.js";
import { gather } from "./indexing.js";
import { reshape } from "./shaping.js";

const order = define<{ descending: boolean }>({
  name: "argsort",
  forward: ([x], { descending }) => {
    const out = Tensor.uninitialised(x.shape, "i32");
    const n = x.shape[x.rank - 1];
    const rows = n === 0 ? 0 : x.size / n;
    if (x.dtype === "f32") kernels.argsort(engine(), x.pointer, out.pointer, rows, n, descending);
    else twin.argsort(x.data, out.data, rows, n, descending);
    return out;
  },
  vjp: () => [undefined],
  jvp: () => undefined,
});

/** The axis last, and how to put it back. */
function lastAxis(x: Tensor, axis: number, who: string): { rows: Tensor; back: (t: Tensor) => Tensor } {
  if (isComplex(x.dtype)) throw new ArgumentError(`${who}: complex numbers have no order; take abs() first`, { dtype: x.dtype });
  if (x.rank === 0) throw new ShapeError(`${who}: a scalar has no axis`, {});
  const at = normalAxes(axis, x.rank, who)[0];
  if (at === x.rank - 1) return { rows: x, back: (t) => t };
  const others = x.shape.map((_, i) => i).filter((i) => i !== at);
  const forth = [...others, at];
  const home = x.shape.map((_, i) => forth.indexOf(i));
  return { rows: x.permute(...forth), back: (t) => t.permute(...home) };
}
/** The elements x[r, indices[r, i]] of each row. */
function take(x: Tensor, indices: Tensor): Tensor {
  const n = x.shape[x.rank - 1];
  const k = indices.shape[indices.rank - 1];
  const flat = Int32Array.from(indices.data, (v, i) => Math.floor(i / k) * n + v);
  return gather(reshape(x, [x.size]), Tensor.from(flat, indices.shape));
}
const first = (t: Tensor, k: number) =>
  t.slice(
    t.shape.map(() => 0),
    [...t.shape.slice(0, -1), k],
  );

/** The axis, and which way round. */
export interface SortOptions {
  /** Default: the last. */
  readonly axis?: number;
  /** The largest first; default the smallest. */
  readonly descending?: boolean;
}
/** Places (i32) of the elements along an axis in sorted order; stable, NaN last both ways. */
export function argsort(x: Tensor, { axis = -1, descending = false }: SortOptions = {}): Tensor {
  const { rows, back } = lastAxis(x, axis, "argsort");
  return back(order([rows], { descending }));
}
/** Elements along an axis in order, and where each came from; NaN last. The slope of an element goes to where it came from. */
export function sort(x: Tensor, { axis = -1, descending = false }: SortOptions = {}): { values: Tensor; indices: Tensor } {
  const { rows, back } = lastAxis(x, axis, "sort");
  const indices = order([rows], { descending });
  return { values: back(take(rows, indices)), indices: back(indices) };
}
/** The k largest (or smallest) elements along an axis, best first, and their places. */
export function topK(
  x: Tensor,
  k: number,
  { axis = -1, largest = true }: { readonly axis?: number; readonly largest?: boolean } = {},
): {
  /** The largest, in order. */
  values: Tensor;
  /** Where each was. */
  indices: Tensor;
} {
  const { rows, back } = lastAxis(x, axis, "topK");
  const n = rows.shape[rows.rank - 1];
  if (!Number.isInteger(k) || k < 0 || k > n)
    throw new ArgumentError(`topK: ${k} of ${n} elements along axis ${axis} of ${shapeText(x.shape)}`, { k, n });
  const indices = first(order([rows], { descending: largest }), k);
  return { values: back(take(rows, indices)), indices: back(indices) };
}
/**
 * The q-quantile along an axis, 0 ≤ q ≤ 1, by linear interpolation between neighbours in order: place q (n − 1). Of all elements when no
 * axis is given. NaN counts as the largest.
 */
export function quantile(x: Tensor, q: number, axis?: number): Tensor {
  if (!(q >= 0 && q <= 1)) throw new ArgumentError(`quantile: q = ${q} is not between 0 and 1`, { q });
  const { rows } = axis === undefined ? { rows: reshape(x, [x.size]) } : lastAxis(x, axis, "quantile");
  const n = rows.shape[rows.rank - 1];
  if (n === 0) throw new ShapeError(`quantile: ${shapeText(x.shape)} has no elements to choose from`, { shape: x.shape });
  const indices = order([rows], { descending: false });
  const at = Math.min(Math.floor(q * (n - 1)), n - 1);
  const t = q * (n - 1) - at;
  const pick = (i: number) => {
    const lead = indices.shape.slice(0, -1);
    return reshape(take(rows, indices.slice([...lead.map(() => 0), i], [...lead, i + 1])), lead);
  };
  return t === 0
    ? pick(at)
    : pick(at)
        .mul(1 - t)
        .add(pick(at + 1).mul(t));
}
/** The middle of the elements along an axis, or of all: quantile ½. */
export const median = (x: Tensor, axis?: number): Tensor => quantile(x, 0.5, axis);
