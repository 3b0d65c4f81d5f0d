import { mutualInformation } from "../tensor/index.js";
import type { ImageMetric } from "./imageMetric.js";
import { requireSameGrid, weightOf } from "./weights.js";

export interface MiOptions {
  readonly bins?: number;
  /** mattes: mutual information (default); nmi: normalised, less sensitive to overlap. */
  readonly kind?: "mattes" | "nmi";
}

/**
 * Minus the mutual information of the two images' values (joint histogram with cubic B-spline windows). For different modalities.
 * @throws GridError when the two are not on one grid
 * @see Mattes, Haynor, Vesselle, Lewellen, Eubank (2003), PET-CT image registration in the chest using free-form deformations, IEEE TMI 22
 */
export const mi = ({ bins = 32, kind = "mattes" }: MiOptions = {}): ImageMetric => {
  const make = (range?: readonly [readonly [number, number], readonly [number, number]]) => ({
    value(warped: Parameters<ImageMetric["value"]>[0], fixed: typeof warped, masks?: Parameters<ImageMetric["value"]>[2]) {
      requireSameGrid("mi", warped, fixed);
      // Windows of the fixed values too (order 3): both images may then be moved.
      return mutualInformation(warped.values, fixed.values, { bins, kind, mask: weightOf(masks), range, order: 3 }).neg();
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
  return { name: "mi", ...make(), prepare: (fixed, moving) => make([rangeOf(moving.values.data), rangeOf(fixed.values.data)]) };
};
