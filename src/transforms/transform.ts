import { GridError } from "../core/errors.js";
import type { Grid } from "../image/grid.js";
import type { Tensor } from "../tensor/tensor.js";

/** The name of a space that points live in, and the grid that was used there when one is known. */
export interface Space {
  readonly name: string;
  readonly grid?: Grid;
}
export const fixedSpace = (grid?: Grid): Space => ({ name: "fixed", grid });
export const movingSpace = (grid?: Grid): Space => ({ name: "moving", grid });

/**
 * A map of points of one space to points of another, in LPS millimetres: y = apply(x). A registration's transform maps fixed points to
 * moving points, which is what pulling the moving image back needs: warped(p) = moving(y(p)).
 */
export interface Transform {
  readonly kind: "affine" | "displacement" | "composite";
  readonly dimension: number;
  readonly from: Space;
  readonly to: Space;
  /** Points [n, d] ↦ points [n, d]; differentiable in the points and in the transform's parameters. */
  apply(points: Tensor): Tensor;
  /** The map back. Exact for affine maps; otherwise the transform's own stored inverse, or a fixed-point inverse that states its error. */
  inverse(): Transform;
  /** this ∘ inner: first inner, then this. */
  compose(inner: Transform): Transform;
  /** y(p) − p in millimetres at the samples of a grid, planes [d, (z,) y, x]. */
  displacement(grid: Grid): Tensor;
}

export function requireDimension(who: string, t: Transform, d: number): void {
  if (t.dimension !== d) throw new GridError(`${who}: a ${t.dimension}-D transform with ${d}-D data`, { transform: t.dimension, data: d });
}
