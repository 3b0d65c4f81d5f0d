import type { ImageMetric } from "./imageMetric.js";
import { requireSameGrid, weightedMean, weightOf } from "./weights.js";

/**
 * One minus the correlation of all values,  D(W, F) = 1 − cov(W, F) / √(var W · var F),  means weighted by the masks.
 * For images whose values are linearly related. A constant image has D = 1.
 * @throws GridError when the two are not on one grid
 */
export const ncc = (): ImageMetric => ({
  name: "ncc",
  leastSquares: "ncc",
  value(warped, fixed, masks) {
    requireSameGrid("ncc", warped, fixed);
    const w = weightOf(masks);
    const mean = (x: typeof warped.values) => weightedMean(x, w);
    const a = warped.values.sub(mean(warped.values));
    const b = fixed.values.sub(mean(fixed.values));
    return mean(a.mul(b))
      .div(mean(a.square()).mul(mean(b.square())).add(1e-12).sqrt())
      .neg()
      .add(1);
  },
});
