import { ArgumentError } from "../../core/errors.js";
import type { Image } from "../../core/interfaces.js";
import { matchFeatures, type SiftOptions, sift } from "../../features/index.js";
import { grid, image } from "../../image/index.js";
import { warp } from "../../transforms/index.js";
import { estimateHomography } from "../estimateHomography.js";
import { checkPictures } from "../flow/opticalFlow.js";
import { logChanceOfPose } from "../odometry/odometer.js";
import { type Homography, invertHomography, multiply3, type PointPairs, physical, project } from "../planar.js";
import { determinant3, type Matrix3, times3, transpose3 } from "../rotation.js";
import { epipoles } from "../views/epipolar.js";
import { crossMatrix } from "../views/essential.js";
import { estimateFundamental, type TwoViewOptions } from "../views/twoViews.js";
import type { StereoCalibration, StereoPair } from "./calibration.js";

/** Maps that bring what both pictures show into one row. */
export interface Rectification {
  /** From pixels of each picture to those of its rectified one. */
  readonly left: Homography;
  /** The homography of the right picture. */
  readonly right: Homography;
  /** Samples along x. */
  readonly width: number;
  /** Samples along y. */
  readonly height: number;
}
export interface CalibratedRectification extends Rectification {
  /** The rectified cameras, for `pointsFromDisparity`; points are in the space of the left one after its turn. */
  readonly calibration: StereoCalibration;
  /** The turn of the left camera: X_rectified = rotation · X_left. */
  readonly rotation: Matrix3;
}
export interface UncalibratedRectification extends Rectification {
  /** Least and greatest disparity of the pairs it was made from, pixels. */
  readonly disparities: readonly [least: number, greatest: number];
  /** Root mean square of the difference of their rows, pixels. */
  readonly rowError: number;
}

const corners = (w: number, h: number) => [
  [-0.5, -0.5],
  [w - 0.5, -0.5],
  [w - 0.5, h - 0.5],
  [-0.5, h - 0.5],
];
const unitVector = (v: readonly number[]) => v.map((x) => x / Math.hypot(...v));
const cross = ([a, b, c]: readonly number[], [x, y, z]: readonly number[]) => [b * z - c * y, c * x - a * z, a * y - b * x];
/** Inverse of a camera's matrix. */
function inverseOf(m: ArrayLike<number>, name: string): Float64Array {
  const out = m.length === 9 ? invertHomography(Float64Array.from(m)) : undefined;
  if (!out || ![...out].every(Number.isFinite))
    throw new ArgumentError(`rectify: ${name} is no camera matrix (3 × 3 numbers, row by row, that can be inverted)`, { name });
  return out;
}

const seenByOther =
  "rectify: one camera is seen by the other, or hardly outside its picture; such a pair has no rows to be brought together";
/**
 * Both pictures kept whole on average: one scale and one shift of the rows for both, a shift along the rows for each.
 * @throws ArgumentError when a picture would reach infinity: the cameras look along the line that joins them
 */
function framed(maps: readonly [Homography, Homography], width: number, height: number): [Homography, Homography] {
  const seen = maps.map((h) =>
    corners(width, height).map(([x, y]) => {
      const [u, v, w] = project(h, x, y);
      const depth = project(h, (width - 1) / 2, (height - 1) / 2)[2];
      // Rays that all but lie in the new picture's plane are drawn out without bound.
      if (!(depth > 0 && w > 1e-3 * depth)) throw new ArgumentError(seenByOther);
      return [u, v];
    }),
  );
  const areaOf = (p: readonly number[][]) =>
    0.5 * Math.abs(p.reduce((s, [x, y], i) => s + x * p[(i + 1) % 4][1] - p[(i + 1) % 4][0] * y, 0));
  const scale = Math.sqrt((2 * width * height) / (areaOf(seen[0]) + areaOf(seen[1])));
  const middle = (p: readonly number[][], axis: number) => p.reduce((s, q) => s + q[axis] / 4, 0);
  const row = 0.5 * (middle(seen[0], 1) + middle(seen[1], 1));
  return maps.map((h, i) => {
    const column = middle(seen[i], 0);
    return multiply3([scale, 0, (width - 1) / 2 - scale * column, 0, scale, (height - 1) / 2 - scale * row, 0, 0, 1], h);
  }) as [Homography, Homography];
}

/**
 * Rectification of cameras that are known: both turned about their centres until they look the same way, across the line that joins them,
 *   rows of the rotation: x along the baseline c, y = z̄ × x, z = x × y,  z̄ the mean of the two optical axes,
 * with one focal length. Homographies K' R' K⁻¹ of each follow; pictures keep their size and, on average, their scale.
 * @throws ArgumentError for matrices that are none, cameras at one place, a right camera on the left of the other, or one that is seen by the other
 * @see Fusiello, Trucco, Verri (2000), A compact algorithm for rectification of stereo pairs, Machine Vision and Applications 12
 */
export function rectifyCalibrated(
  { left, right, rotation: R, translation: t }: StereoPair,
  [width, height]: readonly [number, number] | readonly number[],
): CalibratedRectification {
  const [backLeft, backRight] = [inverseOf(left, "the left camera"), inverseOf(right, "the right camera")];
  if (
    R.length !== 9 ||
    Math.abs(determinant3(R) - 1) > 1e-3 ||
    t.length !== 3 ||
    ![...Array.from(R), ...Array.from(t)].every(Number.isFinite)
  )
    throw new ArgumentError("rectify: a rotation (3 × 3, row by row, determinant 1) and a translation of three numbers are expected");
  const back = transpose3(R);
  const centre = times3(back, t).map((v) => -v);
  const baseline = Math.hypot(...centre);
  if (!(baseline > 0)) throw new ArgumentError("rectify: both cameras are at one place; a translation other than 0 is needed");
  const x = unitVector(centre);
  if (x[0] < 0 && Math.abs(x[0]) > Math.abs(x[1]))
    throw new ArgumentError("rectify: the right camera is on the left of the left one; swap the pictures and their cameras");
  const axes = [back[2], back[5], back[8]].map((v, k) => v + (k === 2 ? 1 : 0));
  const y = unitVector(cross(axes, x));
  const turn = Float64Array.from([...x, ...y, ...cross(x, y)]);
  const focal = (left[0] + left[4] + right[0] + right[4]) / 4;
  const start = [focal, 0, 0, 0, focal, 0, 0, 0, 1];
  const both = framed(
    [multiply3(start, multiply3(turn, backLeft)), multiply3(start, multiply3(multiply3(turn, back), backRight))],
    width,
    height,
  );
  // K' = H K R'ᵀ holds the new focal length and principal points.
  const [a, b] = [
    multiply3(both[0], multiply3(left, transpose3(turn))),
    multiply3(both[1], multiply3(right, multiply3(R, transpose3(turn)))),
  ];
  return {
    left: both[0],
    right: both[1],
    width,
    height,
    rotation: turn,
    calibration: { focal: a[0] / a[8], centre: [a[2] / a[8], a[5] / a[8]], baseline, offset: b[2] / b[8] - a[2] / a[8] },
  };
}

/**
 * Rectification by a fundamental matrix alone, (x', y', 1) F (x, y, 1)ᵀ = 0 with x' of the right picture: the right picture's epipole is turned onto its x axis and
 * sent to infinity, the same is done to the left one by  H₀ = H' [e']× F  (made regular), and what is left open, a map along the rows, brings the pairs' columns
 * together by least squares. Depth is known up to a projective map.
 * @throws ArgumentError with fewer than three pairs, or when an epipole lies in a picture
 * @see Hartley (1999), Theory and practice of projective rectification, IJCV 35(2)
 */
export function rectifyUncalibrated(
  f: ArrayLike<number>,
  pairs: PointPairs,
  [width, height]: readonly [number, number] | readonly number[],
): UncalibratedRectification {
  const n = pairs.a.length / 2;
  if (n < 3) throw new ArgumentError(`rectify: ${n} pairs came; three or more are needed`, { pairs: n });
  // All in coordinates about the middle, of about one.
  const [cx, cy, size] = [(width - 1) / 2, (height - 1) / 2, Math.max(width, height) / 2];
  const here = [1 / size, 0, -cx / size, 0, 1 / size, -cy / size, 0, 0, 1];
  const there = [size, 0, cx, 0, size, cy, 0, 0, 1];
  const own = multiply3(transpose3(there), multiply3(f, there));
  const norm = Math.hypot(...own);
  if (!(norm > 0 && Number.isFinite(norm))) throw new ArgumentError("rectify: the fundamental matrix holds no finite numbers but 0");
  const F = own.map((v) => v / norm);
  const e = epipoles(F);
  const [ex, ey, ez] = e.b;
  const r = Math.hypot(ex, ey);
  if (!(r > 0.5 * Math.abs(ez))) throw new ArgumentError(seenByOther);
  // Onto the positive or the negative x axis, whichever turns less; then to infinity.
  const s = ex >= 0 ? 1 : -1;
  const right = multiply3(
    multiply3([1, 0, 0, 0, 1, 0, (-s * ez) / r, 0, 1], [(s * ex) / r, (s * ey) / r, 0, (-s * ey) / r, (s * ex) / r, 0, 0, 0, 1]),
    here,
  );
  // [e']× F + e' vᵀ is regular where v is not across the left epipole; another v is another map along the rows, which follows anyway.
  const regular = multiply3(crossMatrix(e.b), F).map((v, k) => v + e.b[Math.floor(k / 3)] * e.a[k % 3]);
  let left: Float64Array = multiply3(multiply3(right, there), multiply3(regular, here));
  if (project(left, cx, cy)[2] < 0) left = left.map((v) => -v);
  // Least squares of  α u + β v + γ = u'  over the pairs.
  const m = new Float64Array(9);
  const b = [0, 0, 0];
  for (let i = 0; i < n; i++) {
    const [u, v, w] = project(left, pairs.a[2 * i], pairs.a[2 * i + 1]);
    const [p] = project(right, pairs.b[2 * i], pairs.b[2 * i + 1]);
    if (!(w > 0)) continue;
    const row = [u, v, 1];
    for (let j = 0; j < 3; j++) {
      b[j] += row[j] * p;
      for (let k = 0; k < 3; k++) m[3 * j + k] += row[j] * row[k];
    }
  }
  const inverse = invertHomography(m);
  if (!inverse) throw new ArgumentError("rectify: the pairs lie on one line; more of the scene must be matched");
  const along = times3(inverse, b);
  const aligned = multiply3([...along, 0, 1, 0, 0, 0, 1], left);
  if (!(determinant3(aligned) > 0))
    throw new ArgumentError("rectify: one picture would have to be mirrored; the pairs contradict the fundamental matrix");
  const both = framed([aligned, right], width, height);
  let [least, greatest, sum] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];
  for (let i = 0; i < n; i++) {
    const [u, v] = project(both[0], pairs.a[2 * i], pairs.a[2 * i + 1]);
    const [p, q] = project(both[1], pairs.b[2 * i], pairs.b[2 * i + 1]);
    least = Math.min(least, u - p);
    greatest = Math.max(greatest, u - p);
    sum += (v - q) ** 2;
  }
  return { left: both[0], right: both[1], width, height, disparities: [least, greatest], rowError: Math.sqrt(sum / n) };
}

/** How two uncalibrated pictures are brought to common rows. */
export interface RectifyPicturesOptions extends TwoViewOptions {
  /** Points with descriptions, or how they are found. */
  readonly features?: SiftOptions;
}
/** Two pictures whose matching points lie on one row, with the homographies that bring them there. */
export interface RectifyPicturesResult {
  /** Whether to trust the result; `reason` says why. */
  readonly status: "ok" | "failed";
  /** Why it ended, in a sentence. */
  readonly reason: string;
  /** The homographies; none when it failed. */
  readonly rectification?: UncalibratedRectification;
  /** How many matches agree with the model. */
  readonly inliers: number;
}
/**
 * `rectifyUncalibrated` from the pictures alone: SIFT matches, the fundamental matrix by a robust search, and the pairs that agree with it.
 * `failed` when chance explains the agreement, or the pair cannot be rectified; nothing is thrown then.
 * @throws ShapeError unless both are pictures of one size
 */
export function rectifyPictures(left: Image, right: Image, o: RectifyPicturesOptions = {}): RectifyPicturesResult {
  checkPictures("rectify", left, right);
  const [width, height] = left.grid.size;
  const [fa, fb] = [left, right].map((p) => sift(p, { limit: 3000, pooling: [1], ...o.features }));
  const matches = matchFeatures(fa, fb, { ratio: 0.85 });
  const pairs: PointPairs = {
    a: Float64Array.from(Array.from(matches.a).flatMap((i) => [fa.x[i], fa.y[i]])),
    b: Float64Array.from(Array.from(matches.b).flatMap((i) => [fb.x[i], fb.y[i]])),
  };
  const failed = (reason: string, inliers = 0): RectifyPicturesResult => ({ status: "failed", reason, inliers });
  const sigma = o.sigma ?? 1;
  const estimate = matches.count >= 15 ? estimateFundamental(pairs, { ...o, sigma }) : undefined;
  if (!estimate) return failed(`${matches.count} matches; too few to tell how the cameras stand to each other`);
  const { inliers, weights } = estimate;
  if (!(logChanceOfPose(matches.count, inliers, 3.64 * sigma, width, height, 7, 3) < -6))
    return failed(`${inliers} of ${matches.count} matches agree on how the cameras stand, which chance explains too`, inliers);
  const flat = estimateHomography(
    fa,
    fb,
    matches,
    { sigma: 2, seed: o.seed, iterations: 1000, guided: 0 },
    { width, height, area: width * height },
  );
  if (flat.inliers > 0.9 * inliers)
    return failed(
      `one plane explains ${flat.inliers} of ${matches.count} matches: a flat scene, or a camera that only turned, does not tell the rows`,
      inliers,
    );
  const kept = Array.from(weights.keys()).filter((i) => weights[i] > 0.3);
  const pick = (p: ArrayLike<number>) => Float64Array.from(kept.flatMap((i) => [p[2 * i], p[2 * i + 1]]));
  try {
    const rectification = rectifyUncalibrated(estimate.model, { a: pick(pairs.a), b: pick(pairs.b) }, [width, height]);
    return {
      status: "ok",
      reason: `${inliers} of ${matches.count} matches agree; their rows differ by ${rectification.rowError.toFixed(2)} pixels now`,
      rectification,
      inliers,
    };
  } catch (error) {
    if (error instanceof ArgumentError) return failed(error.message, inliers);
    throw error;
  }
}

/** A picture drawn rectified, and where it is covered (1); spacing 1, origin 0. */
export function drawRectified(
  picture: Image,
  h: Homography,
  { width, height }: Pick<Rectification, "width" | "height">,
): { readonly picture: Image; readonly covered: Uint8Array } {
  const back = invertHomography(h);
  if (!back) throw new ArgumentError("rectify: the homography cannot be inverted");
  const to = grid({ size: [width, height] });
  const [w, hh] = picture.grid.size;
  const covered = new Uint8Array(width * height);
  for (let k = 0; k < covered.length; k++) {
    const [x, y, s] = project(back, k % width, Math.floor(k / width));
    covered[k] = s > 0 && x >= 0 && y >= 0 && x <= w - 1 && y <= hh - 1 ? 1 : 0;
  }
  const drawn = warp(picture, physical(back, to, picture.grid), to);
  return { picture: image(drawn.values, to), covered };
}
