import type { LeastSquaresMetric } from "../core/interfaces.js";
import type { ImageMetric } from "./imageMetric.js";

import { evenly, requireSameGrid, weightedMean, weightedRoot, weightOf } from "./weights.js";

/**
 * Sum of squared differences as a mean,  D(W, F) = ½ Σ w (W − F)² / Σ w.  For images whose values mean the same. Channels are averaged.
 * @throws GridError when the two are not on one grid
 * @see Modersitzki (2009), FAIR: Flexible Algorithms for Image Registration, SIAM
 */
export const ssd = (): ImageMetric & LeastSquaresMetric => ({
  name: "ssd",
  leastSquares: "ssd",
  scaling: "shared",
  curvature: (warped, _fixed, masks) => evenly(warped.values, weightOf(masks)), // D is quadratic: w / Σ w
  value(warped, fixed, masks) {
    requireSameGrid("ssd", warped, fixed);
    return weightedMean(warped.values.sub(fixed.values).square(), weightOf(masks)).mul(0.5);
  },
  residual(warped, fixed, masks) {
    requireSameGrid("ssd", warped, fixed);
    return weightedRoot(warped.values.sub(fixed.values), weightOf(masks));
  },
});
