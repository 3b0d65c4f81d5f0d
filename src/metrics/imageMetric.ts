import type { Image, Metric } from "../core/interfaces.js";

/** A metric that registration can also prepare and look through. */
export interface ImageMetric extends Metric {
  readonly name: string;
  /** The same metric with what depends on whole images (ranges of values, offsets) fixed, so that its values compare from step to step; `symmetric`: its slope on the fixed image will be asked for too. */
  prepare?(fixed: Image, moving: Image, symmetric?: boolean): Metric;
  /** A least-squares form for linear maps: ½Σ(g M + o − F)², with g = 1, o = 0 ("ssd") or free ("ncc"). */
  readonly leastSquares?: "ssd" | "ncc";
}
