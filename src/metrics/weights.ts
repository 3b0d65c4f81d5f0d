import { GridError } from "../core/errors.js";
import type { Image, Masks } from "../core/interfaces.js";
import { sameShape, shapeText } from "../core/shape.js";
import type { Tensor } from "../tensor/index.js";

/** Both masks as one weight, or none. */
export function weightOf(masks: Masks | undefined): Tensor | undefined {
  if (!masks?.fixed) return masks?.warped;
  return masks.warped ? masks.fixed.mul(masks.warped) : masks.fixed;
}
/** Σ w x / Σ w, or the mean. */
export function weightedMean(x: Tensor, w: Tensor | undefined): Tensor {
  return w ? x.mul(w).sum().div(w.broadcastTo(x.shape).sum().maximum(1e-6)) : x.mean();
}
/** @throws GridError when the two images are not on one grid */
export function requireSameGrid(who: string, warped: Image, fixed: Image): void {
  if (!sameShape(warped.values.shape, fixed.values.shape))
    throw new GridError(
      `${who}: warped is ${shapeText(warped.values.shape)} and fixed is ${shapeText(fixed.values.shape)}; resample first: warp(moving, y, fixed.grid)`,
      {
        warped: warped.grid,
        fixed: fixed.grid,
      },
    );
}
