import { ArgumentError, ShapeError } from "../../core/errors.js";
import { type Shape, shapeText, sizeOf } from "../../core/shape.js";
import { engine } from "../../kernels/engine.js";
import * as ffdKernel from "../../kernels/ffd.js";
import * as jacobianKernel from "../../kernels/jacobian.js";
import * as ffdTwin from "../../kernels/reference/ffd.js";
import * as jacobianTwin from "../../kernels/reference/jacobian.js";
import { stopGradient } from "../differentiate.js";
import { type Applied, define } from "../primitive.js";
import { Tensor } from "../tensor.js";
import { cast, commonType } from "./elementwise.js";
import { type Base, sample, warpAffine, warpField } from "./sampling.js";
import { stack } from "./shaping.js";

/** Where the control points of a free-form deformation are: everything in voxels of the dense lattice, x, y(, z). */
export interface FfdOptions {
  /** Dense lattice, [(z,) y, x]. */
  readonly size: Shape;
  /** Voxels between control points along each axis; any positive numbers. */
  readonly spacing: readonly number[];
  /** Voxel coordinates of control point 0; default −spacing: one control point before the lattice, as in ITK and elastix. */
  readonly origin?: readonly number[];
  /** Order of derivative along each axis, in voxels; default 0. */
  readonly orders?: readonly number[];
}
type FfdParameters = ffdTwin.Ffd & { readonly gridSize: Shape };

const dense: Applied<FfdParameters> = define<FfdParameters>({
  name: "ffd",
  forward: ([control], f) => {
    const out = Tensor.uninitialised([control.shape[0], ...f.size], control.dtype);
    if (control.dtype === "f64") ffdTwin.ffd(control.data, control.shape[0], f.gridSize, f, out.data);
    else ffdKernel.ffd(engine(), control.pointer, control.shape[0], f.gridSize, f, out.pointer);
    return out;
  },
  vjp: ({ params }, g) => [denseAdjoint([g], params)], // linear
  jvp: ({ params }, [t]) => t && dense([t], params),
});
const denseAdjoint: Applied<FfdParameters> = define<FfdParameters>({
  name: "ffdAdjoint",
  forward: ([g], f) => {
    const out = Tensor.zeros([g.shape[0], ...f.gridSize], g.dtype);
    if (g.dtype === "f64") ffdTwin.ffdAdjoint(g.data, g.shape[0], f.gridSize, f, out.data);
    else ffdKernel.ffdAdjoint(engine(), g.pointer, g.shape[0], f.gridSize, f, out.pointer);
    return out;
  },
  vjp: ({ params }, g) => [dense([g], params)],
  jvp: ({ params }, [t]) => t && denseAdjoint([t], params),
});

/** How many control points cover `size` [(z,) y, x] at `spacing` (x, y(, z)) voxels: ⌈(n − 1)/spacing⌉ + 3, one before and two behind. */
export function ffdGridSize(size: Shape, spacing: readonly number[]): Shape {
  return size.map((n, k) => Math.ceil(Math.max(0, n - 1) / spacing[size.length - 1 - k] - 1e-9) + 3);
}
function checkedFfd(who: string, gridSize: Shape, { size, spacing, origin, orders }: FfdOptions): FfdParameters {
  const d = size.length;
  if ((d !== 2 && d !== 3) || gridSize.length !== d)
    throw new ShapeError(`${who}: control points ${shapeText(gridSize)} for a lattice ${shapeText(size)}; both must have 2 or 3 axes`, {
      gridSize,
      size,
    });
  if (spacing.length !== d || !spacing.every((s) => s > 0 && Number.isFinite(s)))
    throw new ArgumentError(`${who}: control spacing ${spacing}; give ${d} positive numbers of voxels`, { spacing });
  if (sizeOf(gridSize) === 0 && sizeOf(size) > 0) throw new ShapeError(`${who}: there are no control points`, { gridSize });
  if (orders && (orders.length !== d || !orders.every((o) => Number.isInteger(o) && o >= 0 && o <= 3)))
    throw new ArgumentError(`${who}: orders ${orders}; give ${d} integers from 0 to 3`, { orders });
  return { gridSize, size, spacing, origin: origin ?? spacing.map((s) => -s), orders };
}
const real = (t: Tensor): Tensor => (t.dtype === "i32" ? cast(t, "f32") : t);

/**
 * Free-form deformation: the cubic B-spline with these control points on the dense lattice,
 *   out_c(p) = Σ_j B((p − origin)/spacing − j) control_c[j],  B the tensor product of cubic B-splines.
 * Linear in the control points. Axis by axis, so the cost hardly depends on the spacing; any real spacing. Beyond the control grid
 * positions are clamped and coefficients mirrored, as in cubic sampling.
 * @param control  [c, (gz,) gy, gx]; c = d for a displacement
 * @returns        [c, …size]
 * @throws ShapeError, ArgumentError
 * @see Rueckert et al. (1999), Nonrigid registration using free-form deformations, IEEE Trans. Medical Imaging 18
 */
export function ffd(control: Tensor, options: FfdOptions): Tensor {
  return dense([real(control)], checkedFfd("ffd", control.shape.slice(1), options));
}
/** The transpose of `ffd`: field [c, …size] ↦ control points [c, …gridSize]. */
export function ffdAdjoint(field: Tensor, gridSize: Shape, options: Omit<FfdOptions, "size">): Tensor {
  return denseAdjoint([real(field)], checkedFfd("ffdAdjoint", gridSize, { ...options, size: field.shape.slice(1) }));
}
/** The same spline at points [n, d] (voxels of the dense lattice): [c, n], differentiable in control points and points. */
export function ffdAt(control: Tensor, points: Tensor, { spacing, origin }: Pick<FfdOptions, "spacing" | "origin">): Tensor {
  const d = control.rank - 1;
  if (spacing.length !== d) throw new ArgumentError(`ffdAt: control spacing ${spacing}; give ${d} numbers of voxels`, { spacing });
  const start = origin ?? spacing.map((s) => -s);
  const type = commonType(real(control).dtype, real(points).dtype);
  const row = (v: readonly number[]) => Tensor.from(Float64Array.from(v), [1, d], "f64").cast(type);
  return sample(
    control,
    cast(points, type)
      .sub(row(start))
      .mul(row(spacing.map((s) => 1 / s))),
    { interpolation: "bspline" },
  );
}
/** Spatial Jacobian of the spline, ∂out_a/∂p_b in voxels: [c, d, …size], b = x, y(, z). */
export function ffdJacobian(control: Tensor, options: Omit<FfdOptions, "orders">): Tensor {
  const d = options.size.length;
  return stack(
    Array.from({ length: d }, (_, b) => ffd(control, { ...options, orders: options.size.map((_, k) => (k === b ? 1 : 0)) })),
    1,
  );
}

interface Spaced {
  readonly spacing: readonly number[];
}
const determinant: Applied<Spaced> = define<Spaced>({
  name: "jacobianDeterminant",
  forward: ([u], { spacing }) => {
    const size = u.shape.slice(1);
    const out = Tensor.uninitialised(size, u.dtype);
    if (u.dtype === "f64") jacobianTwin.jacobianDeterminant(u.data, size, spacing, out.data);
    else jacobianKernel.jacobianDeterminant(engine(), u.pointer, size, spacing, out.pointer);
    return out;
  },
  vjp: ({ inputs: [u], params }, g) => [determinantGradient([u, g], params)],
});
const determinantGradient: Applied<Spaced> = define<Spaced>({
  name: "jacobianDeterminantGradient",
  forward: ([u, g], { spacing }) => {
    const size = u.shape.slice(1);
    const out = Tensor.zeros(u.shape, u.dtype);
    if (u.dtype === "f64") jacobianTwin.jacobianDeterminantGradient(u.data, g.data, size, spacing, out.data);
    else jacobianKernel.jacobianDeterminantGradient(engine(), u.pointer, g.pointer, size, spacing, out.pointer);
    return out;
  },
  // Linear in g and a polynomial of degree d − 1 in u: its derivative along k is a symmetric difference of the primitive itself.
  vjp: ({ inputs: [u, g], params, needs }, k) => [
    needs[0] ? halfDifference((v) => determinantGradient([v, g], params), u, k) : undefined, // the Hessian of Σ g det is symmetric
    needs[1] ? halfDifference((v) => determinant([v], params), u, k, u.shape[0]) : undefined,
  ],
});
/**
 * Derivative at u along k of a map that is a polynomial in u: (f(u + k) − f(u − k))/2 is exact up to degree 2, and Richardson's
 * combination with step 2 up to degree 4. k is scaled to a largest entry of 1 first (the derivative is linear in k), so that small
 * directions do not drown in rounding.
 */
function halfDifference(f: (v: Tensor) => Tensor, u: Tensor, k: Tensor, degree = 2): Tensor {
  if (u.size === 0) return f(u);
  const scale = stopGradient(k.abs().max()).maximum(1e-30);
  const h = k.div(scale);
  const one = f(u.add(h))
    .sub(f(u.sub(h)))
    .mul(0.5);
  if (degree < 3) return one.mul(scale);
  const two = f(u.add(h.mul(2)))
    .sub(f(u.sub(h.mul(2))))
    .mul(0.25);
  return one.mul(4).sub(two).div(3).mul(scale);
}

/**
 * Jacobian determinant of p ↦ p + u(p),  det(I + ∂u/∂p): > 0 keeps orientation, < 1 shrinks, ≤ 0 folds.
 * Central differences inside, one-sided ones at the borders.
 * @param u        [d, (z,) y, x], planes x, y(, z)
 * @param spacing  distance of voxels in the units of u, x, y(, z): 1 for u in voxels (default), the grid's spacing for u in mm along its axes
 * @returns        [(z,) y, x]; differentiable
 * @throws ShapeError when u is no field
 */
export function jacobianDeterminant(u: Tensor, { spacing }: { readonly spacing?: readonly number[] } = {}): Tensor {
  const d = u.rank - 1;
  if ((d !== 2 && d !== 3) || u.shape[0] !== d)
    throw new ShapeError(`jacobianDeterminant: a field ${shapeText(u.shape)}; expected [2, y, x] or [3, z, y, x]`, { u: u.shape });
  const h = spacing ?? new Array<number>(d).fill(1);
  if (h.length !== d || !h.every((s) => s > 0))
    throw new ArgumentError(`jacobianDeterminant: spacing ${h}; give ${d} positive numbers`, { spacing: h });
  return determinant([real(u)], { spacing: h });
}

/**
 * A displacement field on another grid: with new voxels p′ at p = A p′ + b in voxels of the old grid,
 *   u′(p′) = A⁻¹ u(A p′ + b)  [voxels of the new grid],
 * so that both describe the same map. Linear interpolation, border values continued.
 * @param base  [A | b], row-major d × (d + 1), x, y(, z); A invertible
 * @param size  the new grid, [(z,) y, x]
 */
export function resampleField(u: Tensor, base: Base, size: Shape): Tensor {
  const d = u.rank - 1;
  if ((d !== 2 && d !== 3) || u.shape[0] !== d)
    throw new ShapeError(`resampleField: a field ${shapeText(u.shape)}; expected [2, y, x] or [3, z, y, x]`, { u: u.shape });
  const moved = warpAffine(u, base, size);
  const A = Array.from({ length: d }, (_, i) => Array.from({ length: d }, (_, j) => base[i * (d + 1) + j]));
  const inverse = Tensor.from(Float64Array.from(invert(A).flat()), [d, d], "f64").cast(moved.dtype);
  return inverse.matmul(moved.reshape(d, sizeOf(size))).reshape(d, ...size);
}
/** Inverse of a 2 × 2 or 3 × 3 matrix by cofactors. */
function invert(A: readonly (readonly number[])[]): number[][] {
  const d = A.length;
  const C = A.map((_, i) =>
    A.map((_, j) => {
      if (d === 2) return (i === j ? 1 : -1) * A[1 - i][1 - j];
      const [p, q, r, s] = [(i + 1) % 3, (i + 2) % 3, (j + 1) % 3, (j + 2) % 3];
      return A[p][r] * A[q][s] - A[p][s] * A[q][r];
    }),
  );
  const det = A[0].reduce((s, v, j) => s + v * C[0][j], 0);
  if (!(Math.abs(det) > 0)) throw new ArgumentError("resampleField: the map between the grids is singular", { A });
  return A.map((_, i) => A.map((_, j) => C[j][i] / det));
}

/** The displacement of the inverse map and how well it inverts. */
export interface InvertedField {
  /** Displacements in mm, planes [d, (z,) y, x]. */
  readonly field: Tensor;
  /** Largest |v + u(p + v)| over the voxels and axes, in voxels. */
  readonly residual: number;
  /** Until the inverse was found. */
  readonly iterations: number;
}
/**
 * The inverse of p ↦ p + u(p) as a displacement v by the fixed-point iteration v ← −u(p + v), from v = −u.
 * Converges when u is a contraction (all ∂u small); the residual says how far it came. u in voxels, [d, …].
 * A diverging iteration stops and gives the best field so far.
 * @see Chen, Lu, Chen, Ruchala & Olivera (2008), A simple fixed-point approach to invert a deformation field, Medical Physics 35
 */
export function invertField(
  u: Tensor,
  { iterations = 30, toleranceVoxels = 1e-3 }: { readonly iterations?: number; readonly toleranceVoxels?: number } = {},
): InvertedField {
  let v = u.neg();
  let best: InvertedField = { field: v, residual: Number.POSITIVE_INFINITY, iterations: 0 };
  for (let k = 0; k <= iterations; k++) {
    const next = warpField(u, v).neg();
    const residual = u.size === 0 ? 0 : v.sub(next).abs().max().item(); // of v: |v + u(p + v)|
    if (!(residual < best.residual)) break;
    best = { field: v, residual, iterations: k };
    if (residual <= toleranceVoxels) break;
    v = next;
  }
  return best;
}

/** The derivative of Σ g · det in u as a primitive, for its laws: [d, …]. */
export const jacobianDeterminantGradient = (u: Tensor, g: Tensor, spacing: readonly number[]): Tensor =>
  determinantGradient([u, g], { spacing });
