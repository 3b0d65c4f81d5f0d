import type { LeastSquaresMetric } from "../core/interfaces.js";
import { where } from "../tensor/index.js";
import type { ImageMetric } from "./imageMetric.js";
import { deviation, noiseLevel } from "./noise.js";
import { requireSameGrid, weightedMean, weightedRoot, weightOf } from "./weights.js";

/** Where Huber's function turns from a parabola into a line. */
export interface HuberOptions {
  /**
   * From here on a difference counts by its size, no longer by its square; in units of the image. Default: 1.345 standard deviations of the noise
   * of a difference of two such images (95 % efficiency for normal noise), at least a tenth of the fixed image's standard deviation.
   */
  readonly delta?: number;
}

/**
 * Squared differences that do not trust the large ones,  D = Σ w ρ(W − F) / Σ w,  ρ(r) = ½ r² for |r| ≤ δ, δ (|r| − ½ δ) beyond.
 * For images whose values mean the same but for lesions, tools or shadows. Channels are averaged.
 *
 * The residual is  sign(r) √(2 ρ(r)),  so D = ½‖·‖² holds exactly. Its Gauss–Newton matrix weighs a large difference by δ / (2 |r| − δ), iteratively
 * reweighted least squares by ψ(r) / r = δ / |r|: the same gradient, and steps that differ by a bounded factor.
 * @throws GridError when the two are not on one grid
 * @see Huber (1964), Robust estimation of a location parameter, Annals of Mathematical Statistics 35
 */
export const huber = ({ delta }: HuberOptions = {}): ImageMetric & LeastSquaresMetric => {
  const at = (d: number | undefined): Pick<Required<ImageMetric>, "value" | "residual"> => {
    const apart = (...[warped, fixed]: Parameters<ImageMetric["value"]>) => {
      requireSameGrid("huber", warped, fixed);
      const limit = d ?? limitOf(fixed.values);
      const r = warped.values.sub(fixed.values);
      const size = r.abs();
      return { limit, r, size, inside: size.minimum(limit) };
    };
    return {
      value(warped, fixed, masks) {
        const { size, inside } = apart(warped, fixed);
        return weightedMean(inside.mul(size.sub(inside.mul(0.5))), weightOf(masks)); // q (|r| − q / 2), q = min(|r|, δ)
      },
      residual(warped, fixed, masks) {
        const { r, size, limit } = apart(warped, fixed);
        const beyond = size.maximum(limit).mul(2).sub(limit).mul(limit).sqrt().mul(r.sign());
        return weightedRoot(where(size.lessEqual(limit), r, beyond), weightOf(masks));
      },
    };
  };
  return {
    name: "huber",
    scaling: "shared",
    ...at(delta),
    prepare: (fixed) => at(delta ?? limitOf(fixed.values)),
  };
};
const limitOf = (values: Parameters<typeof deviation>[0]) =>
  Math.max(1.345 * Math.SQRT2 * noiseLevel(values), 0.1 * deviation(values), 1e-12);
