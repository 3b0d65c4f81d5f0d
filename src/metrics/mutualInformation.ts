import { mutualInformation } from "../tensor/index.js";
import type { ImageMetric } from "./imageMetric.js";
import { requireSameGrid, weightOf } from "./weights.js";

export interface MiOptions {
  /** For each image. Default: by the number n of samples, 1.3 n^¼ within 16 … 32, so that small pictures fill their histogram. */
  readonly bins?: number;
  /** mattes: mutual information (default); nmi: normalised, less sensitive to overlap. */
  readonly kind?: "mattes" | "nmi";
}

const binsFor = (samples: number) => Math.round(Math.min(32, Math.max(16, 1.3 * samples ** 0.25)));

/**
 * Minus the mutual information of the two images' values (joint histogram with cubic B-spline windows). For different modalities.
 * @throws GridError when the two are not on one grid
 * @see Mattes, Haynor, Vesselle, Lewellen, Eubank (2003), PET-CT image registration in the chest using free-form deformations, IEEE TMI 22
 */
export const mi = ({ bins, kind = "mattes" }: MiOptions = {}): ImageMetric => {
  const make = (order: 0 | 3, range?: readonly [readonly [number, number], readonly [number, number]]) => ({
    value(warped: Parameters<ImageMetric["value"]>[0], fixed: typeof warped, masks?: Parameters<ImageMetric["value"]>[2]) {
      requireSameGrid("mi", warped, fixed);
      return mutualInformation(warped.values, fixed.values, {
        bins: bins ?? binsFor(fixed.values.size),
        kind,
        mask: weightOf(masks),
        range,
        order,
      }).neg();
    },
  });
  const rangeOf = (data: ArrayLike<number>): [number, number] => {
    let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let i = 0; i < data.length; i++) {
      if (data[i] < low) low = data[i];
      if (data[i] > high) high = data[i];
    }
    return [low, high];
  };
  // Windows of the fixed values too (order 3) where both images move; else each fixed value has its bin, which is cheaper.
  return {
    name: "mi",
    ...make(3),
    prepare: (fixed, moving, symmetric = false) => make(symmetric ? 3 : 0, [rangeOf(moving.values.data), rangeOf(fixed.values.data)]),
  };
};
