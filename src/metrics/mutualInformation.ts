import { ArgumentError } from "../core/errors.js";
import type { Image } from "../core/interfaces.js";
import { seeded } from "../core/random.js";
import { mutualInformation, Tensor } from "../tensor/index.js";
import type { ImageMetric } from "./imageMetric.js";
import { channelsOf, requireSameGrid, weightOf } from "./weights.js";

/** What a joint histogram has to be made of, so that linear maps can go through it directly. */
export interface InformationMetric {
  readonly bins?: number;
  readonly kind: "mattes" | "nmi";
}
/** Bins, kind of histogram and sampling of mutual information. */
export interface MiOptions {
  /** For each image. Default: by the number n of samples, 1.3 n^¼ within 16 … 32, so that small pictures fill their histogram. */
  readonly bins?: number;
  /** mattes: mutual information (default); nmi: normalised, less sensitive to overlap. */
  readonly kind?: "mattes" | "nmi";
  /**
   * How many voxels fill the histogram: a share below 1, or a number from 1 on. One is drawn from each of as many equal stretches of the image, always
   * the same ones. Default: all, which is smoother; it is sampling the image that costs, not its histogram.
   */
  readonly samples?: number;
}

export const binsFor = (samples: number) => Math.round(Math.min(32, Math.max(16, 1.3 * samples ** 0.25)));
type Range = readonly [number, number];
/** [of moving, of fixed] for every channel. */
export function rangesOf(fixed: Image, moving: Image): readonly (readonly [Range, Range])[] {
  const rangeOf = ({ data }: Tensor): Range => {
    let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let i = 0; i < data.length; i++) {
      if (data[i] < low) low = data[i];
      if (data[i] > high) high = data[i];
    }
    return [low, high];
  };
  const [f, m] = [fixed, moving].map(({ values }) => channelsOf(values).map(([x]) => rangeOf(x)));
  return f.map((r, c) => [m[c], r] as const);
}

/** One voxel of each of `count` equal stretches of [0, n), drawn with a fixed seed. */
function stratified(n: number, count: number): Tensor {
  const random = seeded(1);
  const m = Math.min(n, count);
  return Tensor.from(
    Int32Array.from({ length: m }, (_, k) => Math.min(n - 1, Math.floor(((k + random.uniform()) * n) / m))),
    [m],
  );
}

/**
 * Minus the mutual information of the two images' values (joint histogram with cubic B-spline windows). For different modalities.
 * Channels have a histogram each, and what they share is added.
 * @throws GridError when the two are not on one grid
 * @see Mattes, Haynor, Vesselle, Lewellen, Eubank (2003), PET-CT image registration in the chest using free-form deformations, IEEE TMI 22
 */
export const mi = ({ bins, kind = "mattes", samples }: MiOptions = {}): ImageMetric => {
  if (samples !== undefined && !(samples > 0))
    throw new ArgumentError(`mi: ${samples} samples; give a share below 1, or a number of voxels`, { samples });
  const make = (order: 0 | 3, ranges?: ReturnType<typeof rangesOf>): Pick<ImageMetric, "value"> => ({
    value(warped, fixed, masks) {
      requireSameGrid("mi", warped, fixed);
      const weight = weightOf(masks);
      const n = fixed.values.size / fixed.values.shape[0];
      const at = samples === undefined ? undefined : stratified(n, Math.max(1, Math.round(samples < 1 ? samples * n : samples)));
      const chosen = (x: Tensor) => (at ? x.reshape(n).gather(at) : x);
      const mask = weight && chosen(weight);
      return channelsOf(warped.values, fixed.values)
        .map((pair) => pair.map(chosen))
        .map(([w, f], c) => mutualInformation(w, f, { bins: bins ?? binsFor(f.size), kind, mask, range: ranges?.[c], order }))
        .reduce((a, b) => a.add(b))
        .neg();
    },
  });
  // Windows of the fixed values too (order 3) where both images move; else each fixed value has its bin, which is cheaper.
  return {
    name: kind === "nmi" ? "nmi" : "mi",
    unlikeContrasts: true,
    information: { bins, kind },
    ...make(3),
    prepare: (fixed, moving, symmetric = false) => make(symmetric ? 3 : 0, rangesOf(fixed, moving)),
  };
};

/**
 * Minus the normalised mutual information,  D = −(h(W) + h(F)) / h(W, F), h entropies: between −2 and −1, and less moved than mutual information by
 * how much the images overlap. Channels have a histogram each, and their values are added.
 * @throws GridError when the two are not on one grid
 * @see Studholme, Hill, Hawkes (1999), An overlap invariant entropy measure of 3D medical image alignment, Pattern Recognition 32
 */
export const nmi = (o: Omit<MiOptions, "kind"> = {}): ImageMetric => mi({ ...o, kind: "nmi" });
