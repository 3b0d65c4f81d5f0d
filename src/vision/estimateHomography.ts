import { ArgumentError } from "../core/errors.js";
import { seeded } from "../core/random.js";
import type { Features, Matches } from "../features/index.js";
import { type Guided, guidedMatches } from "./guided.js";
import { consistentFour, directLinear, type Homography, invertHomography, project, refineHomography, throughFour } from "./planar.js";
import { marginalGain, robustModel } from "./robust.js";
import { logFalseAlarms } from "./significance.js";

/** Pairs of places in two pictures, (x, y) by (x, y), each with the σ of its keypoint. */
export interface Correspondences {
  /** How many there are. */
  readonly count: number;
  /** Points of the first picture: x, y, x, y, … */
  readonly a: Float64Array;
  /** Points of the second picture: x, y, x, y, … */
  readonly b: Float64Array;
  /** Size of each point in the first picture. */
  readonly scaleA: Float64Array;
  /** Size of each point in the second picture. */
  readonly scaleB: Float64Array;
}
export function correspondences(a: Features, b: Features, m: Pick<Matches, "a" | "b" | "count">): Correspondences {
  const out = {
    count: m.count,
    a: new Float64Array(2 * m.count),
    b: new Float64Array(2 * m.count),
    scaleA: new Float64Array(m.count),
    scaleB: new Float64Array(m.count),
  };
  for (let k = 0; k < m.count; k++) {
    out.a.set([a.x[m.a[k]], a.y[m.a[k]]], 2 * k);
    out.b.set([b.x[m.b[k]], b.y[m.b[k]]], 2 * k);
    out.scaleA[k] = a.scale[m.a[k]];
    out.scaleB[k] = b.scale[m.b[k]];
  }
  return out;
}

/** Threshold, confidence and seed of a robust homography. */
export interface HomographyOptions {
  /** Largest noise thought of in the robust search, σ in units of a keypoint's own noise: scenes are not quite flat. Default 3. */
  readonly sigma?: number;
  /** Most samples drawn. Default 5000. */
  readonly iterations?: number;
  /** How surely a sample without outliers should have been drawn. */
  readonly confidence?: number;
  /** Default 1. */
  readonly seed?: number;
  /** Rounds of guided matching after the first model. Default 3. */
  readonly guided?: number;
}
/** A homography with its inliers, covariance and how it ended. */
export interface HomographyEstimate {
  /** Whether to trust the result; `reason` says why. */
  readonly status: "ok" | "failed";
  /** How it ended, and what to try. */
  readonly reason: string;
  /** 3 × 3, row by row, a to b, h₃₃ = 1; undefined when there is none. */
  readonly h?: Homography;
  /** Of the eight parameters; undefined when they are not fixed. */
  readonly covariance?: Float64Array;
  /** What the last model was fitted to, and the weight of each pair (0: outlier). */
  readonly pairs: Correspondences;
  /** How much each counts. */
  readonly weights: Float64Array;
  /** Pairs with a weight. */
  readonly inliers: number;
  /** log₁₀ of the expected number of such agreements by chance; far below 0 is sure. */
  readonly logFalseAlarms: number;
  /** How many steps were made. */
  readonly iterations: number;
}

const nothing = (reason: string, pairs: Correspondences, iterations = 0): HomographyEstimate => ({
  status: "failed",
  reason,
  pairs,
  weights: new Float64Array(pairs.count),
  inliers: 0,
  logFalseAlarms: 0,
  iterations,
});

/** How sure a keypoint's place is: grows with its scale, from half a pixel of the finest. */
export const placeNoise = (scale: number): number => Math.max(0.5, 0.35 * scale);

/** The robust problem of a homography: symmetric transfer errors in units of the keypoints' noise, samples of four. */
export function homographyProblem(pairs: Correspondences) {
  const { count, a, b } = pairs;
  const noise = {
    a: Float64Array.from(pairs.scaleA, (s) => placeNoise(s) ** 2),
    b: Float64Array.from(pairs.scaleB, (s) => placeNoise(s) ** 2),
  };
  return {
    count,
    sampleSize: 4,
    solve: (sample: Int32Array): Homography[] => {
      if (!consistentFour(pairs, sample)) return [];
      const h = throughFour(pairs, sample);
      return h ? [h] : [];
    },
    errors: (h: Homography, out: Float64Array) => {
      const inv = invertHomography(h);
      if (!inv) return void out.fill(Number.POSITIVE_INFINITY);
      for (let i = 0; i < count; i++) {
        const [x, y, u, v] = [a[2 * i], a[2 * i + 1], b[2 * i], b[2 * i + 1]];
        const [px, py, d] = project(h, x, y);
        const [qx, qy, e] = project(inv, u, v);
        // Both errors measure one disagreement: their mean counts. A point behind the horizon is no inlier.
        const value = 0.5 * (((px - u) ** 2 + (py - v) ** 2) / noise.b[i] + ((qx - x) ** 2 + (qy - y) ** 2) / noise.a[i]);
        out[i] = d > 0 === e > 0 && Number.isFinite(value) ? value : Number.POSITIVE_INFINITY;
      }
    },
    refine: (_: Homography, weights: Float64Array): Homography | undefined =>
      directLinear(
        pairs,
        weights.map((w, i) => w / noise.b[i]),
      ),
  };
}

/**
 * The homography between two sets of features: robust search over their matches (PROSAC order, marginal gain, local polishing), guided matching about
 * it, and a robust refit of symmetric errors with covariance; accepted when so many agreements are not to be expected by chance.
 */
export function estimateHomography(
  a: Features,
  b: Features,
  matches: Matches,
  o: HomographyOptions = {},
  guide?: Guided,
): HomographyEstimate {
  const { sigma = 3, iterations = 5000, confidence = 0.999, seed = 1, guided = 3 } = o;
  if (!(sigma > 0) || !(iterations >= 1))
    throw new ArgumentError(`homography: sigma ${sigma}, iterations ${iterations}; both are positive`);
  let pairs = correspondences(a, b, matches);
  const first = robustModel(homographyProblem(pairs), { sigma, iterations, confidence, random: seeded(seed) });
  if (!first)
    return nothing(
      `${matches.count} matches came; four that agree are needed: are these pictures of one plane, or taken from one place? Lower the contrast or raise the limit of features`,
      pairs,
    );
  let { model: h, weights } = first;
  const alarms = logFalseAlarms(pairs, first.errors, sigma, guide?.area ?? boundingArea(pairs));
  for (let round = 0; round < guided && guide; round++) {
    const list = guidedMatches(a, b, h, guide, round === 0 ? 12 : round === 1 ? 6 : 4);
    const more = correspondences(a, b, list);
    if (more.count < 8) break;
    const problem = homographyProblem(more);
    const polished = reweighted(problem, h, sigma, more);
    if (!polished) break;
    [pairs, h, weights] = [more, polished.h, polished.weights];
  }
  const final = reweighted(homographyProblem(pairs), h, sigma, pairs) ?? { h, weights, covariance: undefined };
  const inliers = final.weights.reduce((s, w) => s + (w > 0 ? 1 : 0), 0);
  const sure = alarms < -6;
  return {
    status: sure ? "ok" : "failed",
    reason: sure
      ? `${inliers} pairs agree; by chance so many would be expected with odds of 1 to 10^${Math.round(-alarms)}`
      : `the agreement of ${inliers} pairs may be chance (expected ${alarms > 0 ? "often" : `with odds of 1 to 10^${Math.round(-alarms)}`}): the pictures may not show one plane, or too little of it`,
    h: final.h,
    covariance: final.covariance,
    pairs,
    weights: final.weights,
    inliers,
    logFalseAlarms: alarms,
    iterations: first.iterations,
  };
}

/** Reweighted symmetric least squares: marginal weights, five rounds. */
function reweighted(problem: ReturnType<typeof homographyProblem>, start: Homography, sigma: number, pairs: Correspondences) {
  const errors = new Float64Array(pairs.count);
  const weights = new Float64Array(pairs.count);
  const noise = { a: Float64Array.from(pairs.scaleA, placeNoise), b: Float64Array.from(pairs.scaleB, placeNoise) };
  let h = start;
  let covariance: Float64Array | undefined;
  for (let round = 0; round < 5; round++) {
    problem.errors(h, errors);
    marginalGain(errors, sigma, weights);
    if (weights.reduce((s, w) => s + (w > 0 ? 1 : 0), 0) < 5) return undefined;
    // Weights change in the next round anyway: only the last one goes to the end.
    const last = round === 4;
    const r = refineHomography(pairs, h, weights, noise, last ? {} : { steps: 3, covariance: false });
    [h, covariance] = [r.h, r.covariance];
  }
  problem.errors(h, errors);
  marginalGain(errors, sigma, weights);
  return { h, weights, covariance };
}

/** Area of the box about the second places, at least a hundred pixels. */
function boundingArea({ count, b }: Correspondences): number {
  const side = (axis: number) => {
    const v = Array.from({ length: count }, (_, i) => b[2 * i + axis]);
    return Math.max(10, Math.max(...v) - Math.min(...v));
  };
  return count > 0 ? side(0) * side(1) : 100;
}
