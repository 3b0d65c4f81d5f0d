import { correlationRatio as ratio, type Tensor } from "../tensor/index.js";
import type { ImageMetric } from "./imageMetric.js";
import { binsFor, rangesOf } from "./mutualInformation.js";
import { channelsOf, requireSameGrid, weightOf } from "./weights.js";

/** How many classes of grey values the correlation ratio distinguishes. */
export interface CorrelationRatioOptions {
  /** For each image. Default: by the number n of samples, 1.3 n^¼ within 16 … 32. */
  readonly bins?: number;
}

/**
 * What a function of the fixed values leaves unexplained of the warped ones,  D(W, F) = E[Var(W | F)] / Var(W) = 1 − η²(W | F), between 0 and 1; classes of
 * fixed values are cubic B-spline windows. For modalities where one image's values follow from the other's. Not symmetric: fixed explains warped.
 * Channels are averaged.
 * @throws GridError when the two are not on one grid
 * @see Roche, Malandain, Pennec, Ayache (1998), The correlation ratio as a new similarity measure for multimodal image registration, MICCAI
 */
export const correlationRatio = ({ bins }: CorrelationRatioOptions = {}): ImageMetric => {
  const form = (ranges?: ReturnType<typeof rangesOf>): Pick<ImageMetric, "value"> => ({
    value(warped, fixed, masks) {
      requireSameGrid("correlationRatio", warped, fixed);
      const mask = weightOf(masks);
      const parts = channelsOf(warped.values, fixed.values).map(([w, f], c) =>
        ratio(w, f, { bins: bins ?? binsFor(f.size), mask, range: ranges?.[c] }),
      );
      return parts.reduce((a, b) => a.add(b)).div(parts.length) as Tensor;
    },
  });
  return {
    name: "correlationRatio",
    unlikeContrasts: true,
    ...form(),
    prepare: (fixed, moving) => form(rangesOf(fixed, moving)),
  };
};
