import type { Image } from "../core/interfaces.js";
import type { Tensor } from "../tensor/index.js";
import type { ImageRole, MetricForms } from "./imageMetric.js";
import { requireSameGrid, shrunk, weightedMean, weightedRoot, weightOf } from "./weights.js";

/** How a metric describes an image, and how far a description sees, in voxels: one number, or one for each of the last axes. */
export interface Description {
  readonly describe: (image: Image, role: ImageRole) => Tensor;
  readonly reach: number | readonly number[];
}

/**
 * Half the mean squared difference of two descriptions,  D = ½ Σ w |φ(W) − φ(F)|² / Σ w,  as value, residual and features.
 * A description counts where all it sees is inside the masks.
 */
export function byFeatures(name: string, { describe, reach }: Description): Required<Omit<MetricForms, "slopes">> {
  const apart = (...[warped, fixed, masks]: Parameters<MetricForms["value"]>) => {
    requireSameGrid(name, warped, fixed);
    return {
      difference: describe(warped, "moving").sub(describe(fixed, "fixed")),
      weight: weightOf(masks && { fixed: shrunk(masks.fixed, reach), warped: shrunk(masks.warped, reach) }),
    };
  };
  return {
    value(...args) {
      const { difference, weight } = apart(...args);
      return weightedMean(difference.square(), weight).mul(0.5);
    },
    residual(...args) {
      const { difference, weight } = apart(...args);
      return weightedRoot(difference, weight);
    },
    features: (image, role, mask) => ({ image: { values: describe(image, role), grid: image.grid }, mask: shrunk(mask, reach) }),
  };
}
