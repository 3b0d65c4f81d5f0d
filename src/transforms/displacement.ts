import { GridError } from "../core/errors.js";
import { type Grid, gridText, indexToPhysical, physicalToIndex, sameGrid, tensorShape } from "../image/grid.js";
import { engine } from "../kernels/engine.js";
import { invertField } from "../kernels/invertField.js";
import { affinePlanes, longestVector } from "../kernels/planes.js";
import { composeFields, sample } from "../kernels/sampling.js";
import { sample as sampleAt } from "../tensor/index.js";
import { dispose, scope } from "../tensor/storage.js";
import { Tensor } from "../tensor/tensor.js";
import { CompositeTransform } from "./composite.js";
import { fixedSpace, movingSpace, type Space, type Transform } from "./transform.js";

/**
 * y(x) = x + u(x): a displacement field in millimetres (LPS), planes [d, (z,) y, x] on a grid, linear between samples, 0 outside the
 * grid's samples (ITK's rule). A stored inverse is used when there is one.
 */
export class DisplacementTransform implements Transform {
  /** Which of the alternatives this is. */
  readonly kind = "displacement";
  /** 2 or 3. */
  readonly dimension: number;
  /** Of vectors on a grid. */
  constructor(
    /** Displacements in mm, planes [d, (z,) y, x]. */
    readonly field: Tensor,
    /** Where the samples lie. */
    readonly grid: Grid,
    /** The space of the points it takes. */
    readonly from: Space = fixedSpace(grid),
    /** The space of the points it gives. */
    readonly to: Space = movingSpace(),
    /** The field of the inverse, when it is known, on its own grid. */
    readonly backward?: { readonly field: Tensor; readonly grid: Grid },
  ) {
    this.dimension = grid.size.length;
    const expected = [this.dimension, ...tensorShape(grid)];
    if (field.rank !== expected.length || expected.some((n, i) => n !== field.shape[i]))
      throw new GridError(`displacement: planes ${field.shape.join("×")} on the grid ${gridText(grid)}; expected ${expected.join("×")}`, {
        field: field.shape,
        grid,
      });
  }
  /** What optimisers move and files keep. */
  get parameters(): { readonly field: Tensor } {
    return { field: this.field };
  }
  /** The same with other parameters. */
  with({ field }: { readonly field: Tensor }): DisplacementTransform {
    return new DisplacementTransform(field, this.grid, this.from, this.to);
  }
  apply(points: Tensor): Tensor {
    return scope(() => {
      const d = this.dimension;
      const { matrix, offset } = physicalToIndex(this.grid);
      const low = points.cast("f64"); // positions in double precision: f32 voxels of a large grid lose hundredths
      const index = low.matmul(Tensor.from(Float64Array.from(matrix), [d, d]).transpose()).add(Tensor.from(Float64Array.from(offset), [d]));
      const u = sampleAt(this.field, index.cast(this.field.dtype), { border: "constant" });
      return low.add(u.transpose().cast("f64")).cast(points.dtype);
    });
  }
  compose(inner: Transform): Transform {
    return new CompositeTransform([inner, this]);
  }
  displacement(grid: Grid): Tensor {
    if (sameGrid(grid, this.grid)) return this.field;
    return this.displacementAt(grid, undefined);
  }
  /** u at p + w(p) for the samples p of a grid; w in millimetres, planes on that grid, none: w = 0. */
  displacementAt(grid: Grid, w: Tensor | undefined): Tensor {
    const e = engine();
    const d = this.dimension;
    const shape = tensorShape(grid);
    const toIndex = physicalToIndex(this.grid);
    const inIndices = w && Tensor.uninitialised([d, ...shape]);
    if (w && inIndices)
      affinePlanes(e, w.pointer, inIndices.pointer, shape, {
        field: toIndex.matrix,
        voxel: new Array<number>(d * d).fill(0),
        constant: new Array<number>(d).fill(0),
      });
    const here = indexToPhysical(grid);
    const base: number[] = [];
    for (let i = 0; i < d; i++) {
      for (let j = 0; j < d; j++)
        base.push(here.matrix.reduce((s, v, k) => (k % d === j ? s + toIndex.matrix[i * d + Math.floor(k / d)] * v : s), 0));
      base.push(here.offset.reduce((s, v, k) => s + toIndex.matrix[i * d + k] * v, toIndex.offset[i]));
    }
    const out = Tensor.uninitialised([d, ...shape]);
    sample(
      e,
      "linear",
      { at: this.field.pointer, channels: d, size: tensorShape(this.grid) },
      { field: inIndices?.pointer, size: shape, base },
      [],
      out.pointer,
      { border: "constant" },
    );
    if (inIndices) dispose(inIndices);
    return out;
  }
  /**
   * The stored inverse, or v with v(q) = −u(q + v(q)) on the same grid (`invertDisplacement`, which also says how far
   * the result is from an inverse).
   */
  inverse(): DisplacementTransform {
    if (this.backward)
      return new DisplacementTransform(this.backward.field, this.backward.grid, this.to, this.from, { field: this.field, grid: this.grid });
    const { field } = invertDisplacement(this);
    return new DisplacementTransform(field, this.grid, this.to, this.from, { field: this.field, grid: this.grid });
  }
}

/**
 * v with v(q) = −u(q + v(q)) on the field's own grid, by Newton's method voxel by voxel, and the largest |v + u(q + v)| that is left,
 * millimetres; the tolerance is in voxels. Beyond the grid u goes on with its border values, so that every voxel has a solution.
 */
export function invertDisplacement(
  t: DisplacementTransform,
  iterations = 20,
  tolerance = 1e-3,
): { readonly field: Tensor; readonly error: number } {
  const e = engine();
  const d = t.dimension;
  const shape = tensorShape(t.grid);
  const linear = (field: readonly number[]) => ({ field, voxel: new Array<number>(d * d).fill(0), constant: new Array<number>(d).fill(0) });
  const field = Tensor.uninitialised(t.field.shape);
  const error = scope(() => {
    const u = Tensor.uninitialised(t.field.shape);
    const v = Tensor.uninitialised(t.field.shape);
    affinePlanes(e, t.field.pointer, u.pointer, shape, linear(physicalToIndex(t.grid).matrix));
    invertField(e, u.pointer, shape, v.pointer, { iterations, tolerance });
    composeFields(e, u.pointer, shape, v.pointer, shape, field.pointer); // what is left, v + u(q + v), first; then v itself
    const millimetres = linear(indexToPhysical(t.grid).matrix);
    affinePlanes(e, field.pointer, field.pointer, shape, millimetres);
    const left = longestVector(e, field.pointer, shape);
    affinePlanes(e, v.pointer, field.pointer, shape, millimetres);
    return left;
  });
  return { field, error };
}
