import type { Metric } from "../core/interfaces.js";
import type { Tensor } from "../tensor/index.js";
import type { ImageMetric } from "./imageMetric.js";
import { weightOf } from "./weights.js";

/** A metric of one's own: a function of the two images' values [c, (z,) y, x], and of the mask when there is one, to one number. Smaller is more alike. */
export type MetricFunction = (warped: Tensor, fixed: Tensor, mask?: Tensor) => Tensor;

/** Make a metric of a function of tensors; its derivative is had by automatic differentiation. `name`: what reports call it, if it has no name itself. */
export const metricFrom = (given: MetricFunction | Metric, name = "own"): ImageMetric =>
  typeof given === "function"
    ? // A function that a module exports as its default is called so, which says nothing.
      {
        name: given.name && given.name !== "default" ? given.name : name,
        value: (warped, fixed, masks) => given(warped.values, fixed.values, weightOf(masks)),
      }
    : { name, ...given, value: (warped, fixed, masks) => given.value(warped, fixed, masks) };
