import type { ImageMetric } from "./imageMetric.js";

import { evenly, requireSameGrid, weightedMean, weightOf } from "./weights.js";

/**
 * One minus the correlation of all values,  D(W, F) = 1 − cov(W, F) / √(var W · var F),  means weighted by the masks.
 * For images whose values are linearly related. Each channel has its own correlation, and these are averaged. A constant image has D = 1.
 * @throws GridError when the two are not on one grid
 */
export const ncc = (): ImageMetric => ({
  name: "ncc",
  leastSquares: "ncc",
  // 1 − corr = ½ |ŵ − f̂|², hats: mean 0 and length 1; up to the projection ŵ moves by δ / √(Σ w · var W)
  curvature(warped, _fixed, masks) {
    const w = weightOf(masks);
    const variance = weightedMean(warped.values.sub(weightedMean(warped.values, w)).square(), w);
    return evenly(warped.values, w).div(variance.add(1e-9));
  },
  value(warped, fixed, masks) {
    requireSameGrid("ncc", warped, fixed);
    const w = weightOf(masks);
    const axes = warped.values.shape.slice(1).map((_, a) => a + 1);
    const total = w?.sum(axes, true).maximum(1e-6);
    const mean = (x: typeof warped.values) => (w && total ? x.mul(w).sum(axes, true).div(total) : x.mean(axes, true));
    const a = warped.values.sub(mean(warped.values));
    const b = fixed.values.sub(mean(fixed.values));
    return mean(a.mul(b))
      .div(mean(a.square()).mul(mean(b.square())).add(1e-12).sqrt())
      .mean()
      .neg()
      .add(1);
  },
});
