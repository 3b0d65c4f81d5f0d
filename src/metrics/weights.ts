import { GridError } from "../core/errors.js";
import type { Image, Masks } from "../core/interfaces.js";
import { sameShape, shapeText } from "../core/shape.js";
import { boxSum, type Tensor } from "../tensor/index.js";

/** Both masks as one weight, or none. */
export function weightOf(masks: Masks | undefined): Tensor | undefined {
  if (!masks?.fixed) return masks?.warped;
  return masks.warped ? masks.fixed.mul(masks.warped) : masks.fixed;
}
/** Σ w x / Σ w, or the mean. */
export function weightedMean(x: Tensor, w: Tensor | undefined): Tensor {
  return w ? x.mul(w).sum().div(w.broadcastTo(x.shape).sum().maximum(1e-6)) : x.mean();
}
/** r = x √(w / Σ w), so that ‖r‖² is the weighted mean of x². */
export function weightedRoot(x: Tensor, w: Tensor | undefined): Tensor {
  return w ? x.mul(w.div(w.broadcastTo(x.shape).sum().maximum(1e-6)).sqrt()) : x.div(Math.sqrt(Math.max(1, x.size)));
}
/** The channels of both, [1, …] each. */
export function channelsOf(...images: readonly Tensor[]): readonly (readonly Tensor[])[] {
  const c = images[0].shape[0];
  return c === 1 ? [images] : Array.from({ length: c }, (_, k) => images.map((x) => x.slice([k], [k + 1])));
}
/** A mask without what lies within `reach` voxels of anything it excludes: where a neighbourhood sees nothing but what counts. */
export function shrunk(mask: Tensor | undefined, reach: number | readonly number[]): Tensor | undefined {
  if (!mask) return undefined;
  const excluded = boxSum(mask.greater(0).neg().add(1), {
    radius: mask.shape.slice(1).map((n, a) => Math.min(typeof reach === "number" ? reach : reach[a], n - 1)),
  });
  return mask.mul(excluded.less(0.5));
}
/** w / Σ w, or 1/n. */
export function evenly(x: Tensor, w: Tensor | undefined): Tensor {
  if (!w) return x.mul(0).add(1 / x.size);
  const all = w.broadcastTo(x.shape);
  return all.div(all.sum().maximum(1e-6));
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
