import { GridError } from "../core/errors.js";
import type { Grid, Transform } from "../core/interfaces.js";
import type { Shape } from "../core/shape.js";
import { betweenIndices, identityMap, physicalToIndex, tensorShape } from "../image/grid.js";
import { type Base, type DType, einsum, keep, splatField, Tensor, warpField } from "../tensor/index.js";
import { Operator } from "./operator.js";

/** How images are sampled off their grid, and what lies outside. */
export interface WarpOperatorOptions {
  /** Default 1. */
  readonly channels?: number;
  /** linear (default), or the cubic B-spline through the samples. */
  readonly interpolation?: "linear" | "cubic";
  /** Outside the image: zeros ("constant", default), or its border values ("clamp"). */
  readonly border?: "constant" | "clamp";
  /** Type of the numbers; default f32. */
  readonly type?: DType;
}

/**
 * x ↦ x(p + u(p)): an image [c, …size] warped along a field u [d, …size of the output] in voxels of the image; the adjoint splats. Linear in the
 * image. For derivatives with respect to the motion call `warpField(x, u)` itself, which is differentiable in both.
 * `base`: [A | b], voxel of the output ↦ voxel of the image, where the two grids differ
 */
export function warpFieldOperator(size: Shape, u: Tensor, o: WarpOperatorOptions & { readonly base?: Base } = {}): Operator {
  const { channels = 1, interpolation = "linear", border = "constant", type = "f32", base } = o;
  const field = keep(u);
  const options = { interpolation, border, fill: 0, base } as const;
  return new Operator({
    name: "warp",
    domain: [channels, ...size],
    range: [channels, ...u.shape.slice(1)],
    domainType: type,
    rangeType: type,
    apply: (x) => warpField(x, field, options),
    adjoint: (y) => splatField(y, field, size, options),
  });
}

/**
 * The moving image pulled back along y onto the fixed grid, (Wx)(p) = x(y(p)), as a linear operator in x.
 * @throws GridError when the dimensions differ
 */
export function warpOperator(moving: Grid, y: Transform, fixed: Grid, o: WarpOperatorOptions = {}): Operator {
  const d = y.dimension;
  if (moving.size.length !== d || fixed.size.length !== d)
    throw new GridError(`warp: a ${d}-D transform between grids of ${moving.size.length} and ${fixed.size.length} dimensions`, {});
  const millimetres = y.displacement(fixed);
  const matrix = Tensor.from(Float64Array.from(physicalToIndex(moving).matrix), [d, d], millimetres.dtype);
  const n = tensorShape(fixed);
  const voxels = einsum("ab,bn->an", matrix, millimetres.reshape(d, -1)).reshape(d, ...n);
  const { matrix: a, offset: b } = betweenIndices(fixed, identityMap(d), moving);
  const base = b.flatMap((v, i) => [...a.slice(i * d, (i + 1) * d), v]);
  return warpFieldOperator(tensorShape(moving), voxels, { ...o, base });
}
