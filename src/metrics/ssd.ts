import type { ImageMetric } from "./imageMetric.js";
import { requireSameGrid, weightedMean, weightOf } from "./weights.js";

/**
 * Sum of squared differences as a mean,  D(W, F) = ½ Σ w (W − F)² / Σ w.  For images whose values mean the same.
 * @throws GridError when the two are not on one grid
 * @see Modersitzki (2009), FAIR: Flexible Algorithms for Image Registration, SIAM
 */
export const ssd = (): ImageMetric => ({
  name: "ssd",
  leastSquares: "ssd",
  value(warped, fixed, masks) {
    requireSameGrid("ssd", warped, fixed);
    return weightedMean(warped.values.sub(fixed.values).square(), weightOf(masks)).mul(0.5);
  },
});
