import { ShapeError } from "../../core/errors.js";
import { normalAxes, shapeText, sizeOf, stridesOf } from "../../core/shape.js";
import * as kernels from "../../kernels/along.js";
import { engine } from "../../kernels/engine.js";
import * as twin from "../../kernels/reference/along.js";
import { type Applied, define } from "../primitive.js";
import { componentsOf } from "../storage.js";
import { Tensor } from "../tensor.js";

export { type SparseRows, sparseRows, transposedRows } from "../../kernels/reference/along.js";

/** Part of an array of some shape, from an offset on (in elements): the extents along all axes but one are those of the work. */
export interface BlockOf {
  /** A part of the matrix. */
  readonly tensor: Tensor;
  /** The shape whose strides count; default the tensor's own. */
  readonly shape?: readonly number[];
  /** Where it begins. */
  readonly offset?: number;
}

/**
 * A sparse matrix along `axis` of a block, written into another block: plain computation without derivatives, for the inside of operators.
 * `sizes` are the block's extents; that along the axis is replaced by the matrix' own. May work in place.
 */
export function alongBlock(
  from: BlockOf,
  to: BlockOf,
  sizes: readonly number[],
  axis: number,
  matrix: kernels.SparseRows,
  accumulate = false,
): void {
  const c = componentsOf(from.tensor.dtype);
  const strides = (b: BlockOf) => [...stridesOf(b.shape ?? b.tensor.shape).map((s) => s * c), ...(c === 2 ? [1] : [])];
  const [a, b] = [strides(from), strides(to)];
  const extents = c === 2 ? [...sizes, 2] : sizes;
  // The other axes, neighbours that lie one after the other joined.
  let others: { n: number; a: number; b: number }[] = [];
  extents.forEach((n, i) => {
    if (i === axis || n === 1) return;
    const last = others[others.length - 1];
    const joins = last && i !== axis + 1 && last.a === n * a[i] && last.b === n * b[i];
    if (joins) others[others.length - 1] = { n: last.n * n, a: a[i], b: b[i] };
    else others.push({ n, a: a[i], b: b[i] });
  });
  if (extents.some((n, i) => n === 0 && i !== axis)) return;
  let inner = 1;
  const innermost = others[others.length - 1];
  if (innermost && innermost.a === 1 && innermost.b === 1) {
    inner = innermost.n;
    others = others.slice(0, -1);
  }
  const none = { n: 1, a: 0, b: 0 };
  const [middle, outer] = [others[others.length - 1] ?? none, others[others.length - 2] ?? none];
  const loops = others.slice(0, -2);
  const counts = { outer: outer.n, middle: middle.n, inner };
  const run = (i: number, fromAt: number, toAt: number): void => {
    if (i < loops.length) {
      for (let k = 0; k < loops[i].n; k++) run(i + 1, fromAt + k * loops[i].a, toAt + k * loops[i].b);
      return;
    }
    const source = { offset: fromAt, outer: outer.a, middle: middle.a, axis: a[axis] };
    const target = { offset: toAt, outer: outer.b, middle: middle.b, axis: b[axis] };
    const { dtype } = from.tensor;
    if (dtype === "f32" || dtype === "c64")
      kernels.along(engine(), from.tensor.pointer, source, to.tensor.pointer, target, counts, matrix, accumulate);
    else twin.along(from.tensor.data, source, to.tensor.storage.data, target, counts, matrix, accumulate);
  };
  run(0, c * (from.offset ?? 0), c * (to.offset ?? 0));
}

const transposes = new WeakMap<kernels.SparseRows, kernels.SparseRows>();
/** Mᵀ, made once for each matrix. */
export function transposeOf(matrix: kernels.SparseRows): kernels.SparseRows {
  let t = transposes.get(matrix);
  if (!t) {
    t = kernels.transposedRows(matrix);
    transposes.set(matrix, t);
    transposes.set(t, matrix);
  }
  return t;
}

interface Params {
  readonly axis: number;
  readonly matrix: kernels.SparseRows;
}
const applied: Applied<Params> = define<Params>({
  name: "along",
  forward: ([x], { axis, matrix }) => {
    const out = Tensor.uninitialised(
      x.shape.map((n, i) => (i === axis ? matrix.m : n)),
      x.dtype,
    );
    alongBlock({ tensor: x }, { tensor: out }, x.shape, axis, matrix);
    return out;
  },
  vjp: ({ params: { axis, matrix } }, g) => [applied([g], { axis, matrix: transposeOf(matrix) })],
  jvp: ({ params }, [t]) => t && applied([t], params),
});

/**
 * A sparse matrix along one axis, y[…, k, …] = Σ_i M_ki x[…, i, …]: filters, wavelets, resampling and borders of any kind. Real or complex x.
 * @throws ShapeError when the axis does not have as many samples as the matrix has columns
 */
export function along(x: Tensor, axis: number, matrix: kernels.SparseRows): Tensor {
  const [a] = normalAxes(axis, x.rank, "along");
  if (x.shape[a] !== matrix.n)
    throw new ShapeError(`along: axis ${axis} of ${shapeText(x.shape)} has ${x.shape[a]} samples, the matrix takes ${matrix.n}`, {
      shape: x.shape,
    });
  const v = x.dtype === "i32" ? x.cast("f32") : x;
  return sizeOf(v.shape) === 0 && matrix.m === 0 ? Tensor.zeros(v.shape, v.dtype) : applied([v], { axis: a, matrix });
}
