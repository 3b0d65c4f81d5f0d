import { seeded } from "../../core/random.js";
import type { PointPairs } from "../planar.js";
import { marginalGain, robustModel } from "../robust.js";
import type { Matrix3 } from "../rotation.js";
import { fundamentalEight, fundamentalSeven, refineFundamental, sampsonErrors } from "./epipolar.js";
import { essentialFive, essentialOf, poseInFront, type RelativePose, refinePose } from "./essential.js";
import { poseFromThree, refineResection, resectionErrors, type Sightings } from "./resection.js";

/** Threshold, confidence and seed of a robust estimate from two views. */
export interface TwoViewOptions {
  /** Largest noise thought of, σ in pixels (of normalised coordinates: in units of 1 / focal). Default 1. */
  readonly sigma?: number;
  /** Most samples drawn. Default 2000. */
  readonly iterations?: number;
  /** How surely a sample without outliers should have been drawn. */
  readonly confidence?: number;
  /** Of the random numbers: the same seed, the same result. */
  readonly seed?: number;
}
/** A model of two views with its inliers, and how it ended. */
export interface RobustEstimate<M> {
  /** The best. */
  readonly model: M;
  /** Of each pair, in [0, 1]; 0 for those that do not agree. */
  readonly weights: Float64Array;
  /** How many matches agree with the model. */
  readonly inliers: number;
  /** How many steps were made. */
  readonly iterations: number;
}
const searchOptions = ({ sigma = 1, iterations = 2000, confidence = 0.999, seed = 1 }: TwoViewOptions) => ({
  sigma,
  iterations,
  confidence,
  random: seeded(seed),
});
const counted = (w: Float64Array) => w.reduce((s, v) => s + (v > 0 ? 1 : 0), 0);

/** The fundamental matrix of pairs in pixels that may be wrong: samples of seven, Sampson distances, refined by its seven parameters. The surest pairs first. */
export function estimateFundamental(pairs: PointPairs, o: TwoViewOptions = {}): RobustEstimate<Matrix3> | undefined {
  const options = searchOptions(o);
  const count = pairs.a.length / 2;
  const errors = (f: Matrix3, out: Float64Array) => sampsonErrors(f, pairs, out);
  const r = robustModel<Matrix3>(
    {
      count,
      sampleSize: 7,
      solve: (sample) => fundamentalSeven(pairs, sample),
      errors,
      refine: (f, weights) => refineFundamental(pairs, fundamentalEight(pairs, weights) ?? f, weights, 4),
    },
    options,
  );
  if (!r) return undefined;
  let f = r.model;
  const out = new Float64Array(count);
  const weights = new Float64Array(count);
  for (let round = 0; round < 4; round++) {
    errors(f, out);
    marginalGain(out, options.sigma, weights);
    f = refineFundamental(pairs, f, weights, 10);
  }
  errors(f, out);
  marginalGain(out, options.sigma, weights);
  return { model: f, weights, inliers: counted(weights), iterations: r.iterations };
}

/** A relative pose with its inliers, and whether other poses explain them as well. */
export interface PoseEstimate extends RobustEstimate<RelativePose> {
  /** Agreeing pairs that lie before both cameras. */
  readonly inFront: number;
}
/**
 * How the second camera stands to the first from pairs in normalised coordinates that may be wrong: samples of five, Sampson distances in units of 1 / focal
 * (pixels), the one of four poses with the points in front, refined by its five parameters.
 */
export function estimatePose(
  pairs: PointPairs,
  focal: number,
  o: TwoViewOptions & { readonly start?: RelativePose } = {},
): PoseEstimate | undefined {
  const options = searchOptions(o);
  const count = pairs.a.length / 2;
  const errorsOf = (pose: RelativePose, out: Float64Array) => {
    sampsonErrors(essentialOf(pose), pairs, out);
    for (let i = 0; i < count; i++) out[i] *= focal * focal;
  };
  const few = (sample: Int32Array): PointPairs => ({
    a: Float64Array.from({ length: 2 * sample.length }, (_, k) => pairs.a[2 * sample[k >> 1] + (k & 1)]),
    b: Float64Array.from({ length: 2 * sample.length }, (_, k) => pairs.b[2 * sample[k >> 1] + (k & 1)]),
  });
  let guess = o.start;
  const r = robustModel<RelativePose>(
    {
      count,
      sampleSize: 5,
      solve: (sample) => {
        const five = few(sample);
        const found = essentialFive(five)
          .map((e) => poseInFront(e, five))
          .filter((p) => p.inFront === 5)
          .map((p) => p.pose);
        if (!guess) return found;
        const first = guess;
        guess = undefined;
        return [first, ...found];
      },
      errors: errorsOf,
      refine: (pose, weights) => refinePose(pairs, pose, weights, 4),
    },
    options,
  );
  if (!r) return undefined;
  let pose = r.model;
  const errors = new Float64Array(count);
  const weights = new Float64Array(count);
  for (let round = 0; round < 4; round++) {
    errorsOf(pose, errors);
    marginalGain(errors, options.sigma, weights);
    pose = refinePose(pairs, pose, weights, 10);
  }
  errorsOf(pose, errors);
  marginalGain(errors, options.sigma, weights);
  // Refinement may have let the direction slip through to the other side: the points say which one it is.
  const front = poseInFront(essentialOf(pose), pairs, weights);
  return { model: front.pose, weights, inliers: counted(weights), iterations: r.iterations, inFront: front.inFront };
}

/** Where a camera stands that sees known points, some of them wrong: samples of three, distances in units of 1 / focal, refined over all. */
export function estimateResection(
  s: Sightings,
  focal: number,
  o: TwoViewOptions & { readonly start?: RelativePose } = {},
): RobustEstimate<RelativePose> | undefined {
  const options = searchOptions(o);
  const count = s.seen.length / 2;
  const errors = (pose: RelativePose, out: Float64Array) => {
    resectionErrors(pose, s, out);
    for (let i = 0; i < count; i++) out[i] *= focal * focal;
  };
  let guess = o.start;
  const r = robustModel<RelativePose>(
    {
      count,
      sampleSize: 3,
      solve: (sample) => {
        const found = poseFromThree(s, sample);
        if (!guess) return found;
        const first = guess;
        guess = undefined;
        return [first, ...found];
      },
      errors,
      refine: (pose, weights) => refineResection(s, pose, weights, 4),
    },
    options,
  );
  if (!r) return undefined;
  const out = new Float64Array(count);
  const weights = new Float64Array(count);
  let pose = r.model;
  for (let round = 0; round < 4; round++) {
    errors(pose, out);
    marginalGain(out, options.sigma, weights);
    pose = refineResection(s, pose, weights, 10);
  }
  errors(pose, out);
  marginalGain(out, options.sigma, weights);
  return { model: pose, weights, inliers: counted(weights), iterations: r.iterations };
}
