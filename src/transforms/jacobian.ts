import { jvp } from "../tensor/differentiate.js";
import { concat } from "../tensor/ops/shaping.js";
import { scope } from "../tensor/storage.js";
import { Tensor } from "../tensor/tensor.js";
import type { Transform } from "./transform.js";

/**
 * ∂y/∂x at points: [n, d] ↦ [n, d, d], entry [k, i, j] = ∂yᵢ/∂xⱼ at the k-th point; one forward pass for each column, so that it holds for
 * any transform. Where a field is linear between samples, the slope is that of the piece the point lies in.
 */
export function jacobianAt(y: Pick<Transform, "apply" | "dimension">, points: Tensor): Tensor {
  return scope(() => {
    const [n, d] = points.shape;
    const columns = Array.from({ length: d }, (_, j) => {
      const along = Float64Array.from({ length: n * d }, (_, k) => (k % d === j ? 1 : 0));
      return jvp((p) => y.apply(p), [points], [Tensor.from(along, [n, d], points.dtype)]).tangent.reshape(n, d, 1);
    });
    return concat(columns, 2);
  });
}

/** det ∂y/∂x at points, [n]: how volumes change there; 0 or less where y folds. */
export function determinantAt(y: Pick<Transform, "apply" | "dimension">, points: Tensor): Tensor {
  return scope(() => {
    const J = jacobianAt(y, points);
    const [n, d] = points.shape;
    const at = (i: number, j: number) => J.slice([0, i, j], [n, i + 1, j + 1]).reshape(n);
    const minor = (a: number, b: number, c: number, e: number) =>
      at(1, a)
        .mul(at(2, b))
        .sub(at(1, c).mul(at(2, e)));
    if (d === 2)
      return at(0, 0)
        .mul(at(1, 1))
        .sub(at(0, 1).mul(at(1, 0)));
    return at(0, 0)
      .mul(minor(1, 2, 2, 1))
      .sub(at(0, 1).mul(minor(0, 2, 2, 0)))
      .add(at(0, 2).mul(minor(0, 1, 1, 0)));
  });
}

/** log det ∂y/∂x at points, [n]: 0 keeps volumes, and log det of one after another is the sum along the way. NaN where y folds. */
export const logJacobianAt = (y: Pick<Transform, "apply" | "dimension">, points: Tensor): Tensor =>
  scope(() => determinantAt(y, points).log());
