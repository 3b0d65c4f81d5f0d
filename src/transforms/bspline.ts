import { ArgumentError, GridError } from "../core/errors.js";
import { applyAffine, type Grid, gridText, identityMap, indexToPhysical, physicalToIndex, tensorShape } from "../image/grid.js";
import { engine } from "../kernels/engine.js";
import { longestVector } from "../kernels/planes.js";
import { dispose, ffd, sample, scope, turnPlanes, warpAffine, warpField } from "../tensor/index.js";
import { Tensor } from "../tensor/tensor.js";
import { CompositeTransform } from "./composite.js";
import { DisplacementTransform, invertDisplacement } from "./displacement.js";
import { fixedSpace, movingSpace, type Space, type Transform } from "./transform.js";
import { baseBetween } from "./warp.js";

/**
 * Free-form deformation,  y(x) = x + Σ_j B₃(i(x) − j) c_j,  i(x) the place of x among the control points, B₃ the product of cubic
 * B-splines. Control points c_j are displacements in mm (LPS), planes [d, (gz,) gy, gx] on a grid of their own. The spline holds where
 * its four control points along each axis exist (i between 1 and n − 2, ITK's valid region); further out positions are clamped.
 * @see Rueckert, Sonoda, Hayes, Hill, Leach, Hawkes (1999), Nonrigid registration using free-form deformations, IEEE TMI 18(8)
 */
export class BSplineTransform implements Transform {
  /** Which of the alternatives this is. */
  readonly kind = "bspline";
  /** 2 or 3. */
  readonly dimension: number;
  /** Of coefficients on a grid of control points. */
  constructor(
    /** Coefficients in mm, planes. */
    readonly control: Tensor,
    /** Where the control points lie. */
    readonly controlGrid: Grid,
    /** The space of the points it takes. */
    readonly from: Space = fixedSpace(),
    /** The space of the points it gives. */
    readonly to: Space = movingSpace(),
    /** The displacement of the inverse, when it is known, on a grid. */
    readonly backward?: { readonly field: Tensor; readonly grid: Grid },
  ) {
    this.dimension = controlGrid.size.length;
    const expected = [this.dimension, ...tensorShape(controlGrid)];
    if (control.rank !== expected.length || expected.some((n, i) => n !== control.shape[i]))
      throw new GridError(
        `bspline: control points ${control.shape.join("×")} on the grid ${gridText(controlGrid)}; expected ${expected.join("×")}`,
        { control: control.shape, grid: controlGrid },
      );
    if (controlGrid.size.some((n) => n < 4))
      throw new GridError(`bspline: ${controlGrid.size.join("×")} control points; a cubic spline needs 4 along every axis`, {
        controlGrid,
      });
  }
  /** What optimisers move and files keep. */
  get parameters(): { readonly control: Tensor } {
    return { control: this.control };
  }
  /** The same with other parameters. */
  with({ control }: { readonly control: Tensor }): BSplineTransform {
    return new BSplineTransform(control, this.controlGrid, this.from, this.to);
  }
  apply(points: Tensor): Tensor {
    return scope(() => {
      const d = this.dimension;
      const { matrix, offset } = physicalToIndex(this.controlGrid);
      const p = points.cast("f64");
      const index = p.matmul(Tensor.from(Float64Array.from(matrix), [d, d]).transpose()).add(Tensor.from(Float64Array.from(offset), [d]));
      const u = sample(this.control, index.cast(this.control.dtype), { interpolation: "bspline" });
      return p.add(u.transpose().cast("f64")).cast(points.dtype);
    });
  }
  compose(inner: Transform): Transform {
    return new CompositeTransform([inner, this]);
  }
  displacement(grid: Grid): Tensor {
    return splineOn(this.control, this.controlGrid, grid);
  }
  displacementAt(grid: Grid, w: Tensor): Tensor {
    return scope(() =>
      warpField(this.control, turnPlanes(w, physicalToIndex(this.controlGrid).matrix), {
        interpolation: "bspline",
        base: baseBetween(grid, identityMap(this.dimension), this.controlGrid),
      }),
    );
  }
  /** The stored inverse, or the inverse of its dense form (`invertBSpline`, which also says how far the result is from an inverse). */
  inverse(): DisplacementTransform {
    const { field, grid } = this.backward ?? invertBSpline(this);
    return new DisplacementTransform(field, grid, this.to, this.from, { field: this.displacement(grid), grid });
  }
}

/** The spline with these control points at the samples of a grid: mm, planes [d, (z,) y, x]; differentiable in them. */
export function splineOn(control: Tensor, controlGrid: Grid, grid: Grid): Tensor {
  const d = grid.size.length;
  const shape = tensorShape(grid);
  const base = baseBetween(grid, identityMap(d), controlGrid);
  const along = base.every((v, k) => {
    const [i, j] = [Math.floor(k / (d + 1)), k % (d + 1)];
    return j === d || (i === j ? v > 0 : Math.abs(v) * grid.size[j] < 1e-6);
  });
  if (!along) return warpAffine(control, base, shape, { interpolation: "bspline" });
  const scale = Array.from({ length: d }, (_, i) => base[i * (d + 1) + i]);
  return ffd(control, {
    size: shape,
    spacing: scale.map((s) => 1 / s),
    origin: scale.map((s, i) => -base[i * (d + 1) + d] / s),
  });
}

/**
 * A grid of control points about `spacingMm` apart that covers a grid with its half voxels at the ends: the extent is cut into whole
 * pieces, and there is one control point more on either side. At least 4 along an axis.
 */
export function controlGridOver(grid: Grid, spacingMm: number | readonly number[]): Grid {
  const d = grid.size.length;
  const wanted = typeof spacingMm === "number" ? grid.size.map(() => spacingMm) : spacingMm;
  if (wanted.length !== d || wanted.some((s) => !(s > 0)))
    throw new ArgumentError(`bspline: control spacing [${wanted}] mm; give ${d} positive numbers`, { spacingMm });
  return controlGridOf(
    grid.size.map((n, i) => Math.max(1, Math.round((n * grid.spacing[i]) / wanted[i])) + 3),
    grid,
  );
}

/**
 * The same spline on control points twice as dense `times` times over along each axis (x, y(, z)): knot insertion, exact wherever the
 * spline holds.  n control points become 2 (n − 3) + 3;  c′ is (c_j + c_{j+1})/2 between two and (c_{j−1} + 6 c_j + c_{j+1})/8 at one.
 * @see Forsey & Bartels (1988), Hierarchical B-spline refinement, SIGGRAPH
 */
export function refined(control: Tensor, times: readonly number[]): Tensor {
  let shape = [...control.shape];
  let values: ArrayLike<number> = control.data.slice();
  times.forEach((k, i) => {
    const axis = shape.length - 1 - i;
    for (let r = 0; r < k; r++) {
      const n = shape[axis];
      const m = 2 * n - 3;
      const inner = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
      const outer = shape.slice(0, axis).reduce((a, b) => a * b, 1);
      const next = new Float64Array(outer * m * inner);
      for (let o = 0; o < outer; o++)
        for (let j = 0; j < m; j++)
          for (let x = 0; x < inner; x++) {
            const at = (q: number) => values[(o * n + q) * inner + x];
            const q = j >> 1;
            next[(o * m + j) * inner + x] = j % 2 === 0 ? (at(q) + at(q + 1)) / 2 : (at(q) + 6 * at(q + 1) + at(q + 2)) / 8;
          }
      shape = shape.map((s, a) => (a === axis ? m : s));
      values = next;
    }
  });
  return Tensor.from(Float64Array.from(values), shape, control.dtype);
}
/** Where control points of these numbers lie over a grid: see `controlGridOver`. */
export function controlGridOf(size: readonly number[], grid: Grid): Grid {
  const spacing = grid.size.map((n, i) => (n * grid.spacing[i]) / (size[i] - 3));
  const first = spacing.map((s, i) => -0.5 - s / grid.spacing[i]);
  return { size: [...size], spacing, origin: applyAffine(indexToPhysical(grid), first), direction: grid.direction };
}

/**
 * The inverse of a spline as a displacement field v on a grid (default: that of its fixed space, or twice as dense as its control points):
 * Newton's method on the spline's samples, linear between them, then v ← −u(q + v) with the spline itself while that brings it nearer.
 * `error`: the largest |v + u(q + v)| that is left, mm.
 */
export function invertBSpline(
  t: BSplineTransform,
  grid: Grid = t.from.grid ?? halved(t.controlGrid),
  { iterations = 4, tolerance = 1e-3 }: { readonly iterations?: number; readonly tolerance?: number } = {},
): { readonly field: Tensor; readonly grid: Grid; readonly error: number } {
  return scope(() => {
    let field = scope(() => invertDisplacement(new DisplacementTransform(t.displacement(grid), grid)).field);
    let error = leftOver(t, field, grid);
    for (let k = 0; k < iterations && error > tolerance * Math.min(...grid.spacing); k++) {
      const next = scope(() => t.displacementAt(grid, field).neg());
      const left = leftOver(t, next, grid);
      const better = left < 0.9 * error;
      dispose(better ? field : next);
      if (!better) break;
      [field, error] = [next, left];
    }
    return { field, grid, error };
  });
}
/** max |v(q) + u(q + v(q))|, mm. */
export function leftOver(t: Required<Pick<Transform, "displacementAt">>, field: Tensor, grid: Grid): number {
  return scope(() => longestVector(engine(), field.add(t.displacementAt(grid, field)).pointer, tensorShape(grid)));
}
/** The valid region of control points, sampled twice as densely. */
function halved(g: Grid): Grid {
  return {
    size: g.size.map((n) => 2 * (n - 3) + 1),
    spacing: g.spacing.map((s) => s / 2),
    origin: applyAffine(
      indexToPhysical(g),
      g.size.map(() => 1),
    ),
    direction: g.direction,
  };
}
