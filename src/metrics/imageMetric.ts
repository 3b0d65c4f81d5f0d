import type { Image, Masks, Metric } from "../core/interfaces.js";
import type { Tensor } from "../tensor/index.js";

/** Which of the two images: constants such as a noise level belong to one. */
export type ImageRole = "fixed" | "moving";
/** An image of features, and where they can be trusted. */
export interface FeatureImage {
  /** Its channels are the description. */
  readonly image: Image;
  /** Where the description holds. */
  readonly mask?: Tensor;
}

/** What a metric may offer beside its value. */
export interface MetricForms extends Metric {
  /** r with D = ½‖r‖², so that Gauss–Newton applies; any shape. */
  residual?(warped: Image, fixed: Image, masks?: Parameters<Metric["value"]>[2]): Tensor;
  /**
   * The image in which this metric is half the mean squared difference (`ssd`): value(W, F) = ssd(features(W), features(F)). Registration may
   * compute both once and warp features rather than describe the warped image again; that is exact for translations, and near for small turns.
   */
  features?(image: Image, role: ImageRole, mask?: Tensor): FeatureImage;
  /** The value and its slopes by the values of both images, in f32, where that is cheaper than asking `valueAndGrad`. */
  slopes?(warped: Image, fixed: Image, masks?: Masks): { readonly value: number; readonly warped: Tensor; readonly fixed: Tensor };
}

/** A metric that registration can also prepare and look through. */
export interface ImageMetric extends MetricForms {
  /** What it is called. */
  readonly name: string;
  /** The same metric with what depends on whole images (ranges of values, offsets) fixed, so that its values compare from step to step; `symmetric`: its slope on the fixed image will be asked for too. */
  prepare?(fixed: Image, moving: Image, symmetric?: boolean): MetricForms;
  /**
   * h ≥ 0 of the image's shape, such that ½ Σ h δ² is about what a small change δ of the warped values adds to D where the images agree
   * (the Gauss–Newton matrix, or the diagonal of one above it). With it deformations can be found by Gauss–Newton steps.
   */
  curvature?(warped: Image, fixed: Image, masks?: Masks): Tensor;
  /** A least-squares form for linear maps: ½Σ(g M + o − F)², with g = 1, o = 0 ("ssd") or free ("ncc"). */
  readonly leastSquares?: "ssd" | "ncc";
  /** What registration may do to the values before: bring each image to its own scale (default), both to one, or nothing at all. */
  readonly scaling?: "each" | "shared" | "none";
  /** Sees only neighbourhoods: the start is looked for with another metric. */
  readonly local?: boolean;
  /** Describing an image costs more than warping its description: a deformation warps features, not the image. */
  readonly describeOnce?: boolean;
  /** Means to compare images whose values are not alike. */
  readonly unlikeContrasts?: boolean;
  /** A function of the joint histogram: linear maps differentiate that directly. */
  readonly information?: {
    /** Of the histogram, along each axis. */
    readonly bins?: number;
    /** Which of the alternatives this is. */
    readonly kind: "mattes" | "nmi";
  };
}
