import { ArgumentError } from "../../core/errors.js";
import type { Image } from "../../core/interfaces.js";
import { grayOf, matchFeatures, sift } from "../../features/index.js";
import { multiply3, type PointPairs } from "../planar.js";
import { marginalGain } from "../robust.js";
import { identity3, type Matrix3, nearestRotation, times3, transpose3 } from "../rotation.js";
import { sampsonErrors } from "../views/epipolar.js";
import { essentialOf, type RelativePose, triangulate } from "../views/essential.js";
import { estimatePose } from "../views/twoViews.js";
import { type Level, newPoints, pyramidOf, trackThereAndBack } from "./pointTracks.js";
import { refineWindow } from "./window.js";

/** A pinhole camera; pixel centres at integers. */
export interface PinholeCamera {
  /** Focal length in pixels along x. */
  readonly fx: number;
  /** Focal length in pixels along y. */
  readonly fy: number;
  /** Centre along x, pixels. */
  readonly cx: number;
  /** Centre along y, pixels. */
  readonly cy: number;
}
/** Camera to world: X_world = R X_camera + C. The world is the first camera. */
export interface CameraPose {
  /** The rotation, 3 × 3, row by row. */
  readonly rotation: Matrix3;
  /** Of the camera, in the world. */
  readonly position: readonly [number, number, number];
}
/** Features, thresholds and window of a visual odometer. */
export interface OdometryOptions {
  /** About so many points are followed. Default 800. */
  readonly points?: number;
  /** Largest noise of a track thought of, σ in pixels. Default 0.5. */
  readonly sigma?: number;
  /**
   * Frames refined together after each step with the points they share; 0: none. Default 3: drift was lower than without in every sequence
   * measured; more than 6 were worse, since a track's place creeps from frame to frame.
   */
  readonly window?: number;
  /** Half the window that is followed, pixels. Default 7. */
  readonly radius?: number;
  /** Of the random numbers: the same seed, the same result. */
  readonly seed?: number;
}
/** What an odometer made of one frame. */
export interface OdometryStep {
  /** Where the camera stands and looks. */
  readonly pose: CameraPose;
  /** ok; turned: no translation can be told from noise; lost: the motion before was taken to go on. */
  readonly status: "ok" | "turned" | "lost";
  /** Points followed from the frame before. */
  readonly tracked: number;
  /** How many matches agree with the model. */
  readonly inliers: number;
  /** Median motion of points between the frames once the rotation is taken out, pixels. */
  readonly parallax: number;
  /** Where the pose came from. */
  readonly source: "tracks" | "matches" | "none";
}
/** A point of the scene in the world of the first frame. */
export interface ScenePoint {
  /** In the world. */
  readonly at: readonly [number, number, number];
  /** Its brightness. */
  readonly gray: number;
  /** In how many frames it was seen. */
  readonly views: number;
}

/** A point followed through frames. */
export interface Track {
  /** Number of the first frame that saw it, and where each since then did, pixels (x, y) after (x, y). */
  readonly first: number;
  readonly places: number[];
  gray: number;
  /** World position once two views agree. */
  point?: [number, number, number];
  /** Views in which it agreed with the camera's motion. */
  agreed: number;
}

/**
 * log₁₀ of how many poses through five of n pairs with k agreements are to be expected by chance, when a second place is anywhere in the picture and agrees if it
 * falls into a band of `reach` pixels to both sides of a line:  10 (n − 5) C(n, k) C(k, 5) p^{k−5}. `sample` pairs allow `models`: 5 and 10, or 7 and 3.
 * @see Moisan & Stival (2004), A probabilistic criterion to detect rigid point matches between two images, IJCV 57(3)
 */
export function logChanceOfPose(n: number, k: number, reach: number, width: number, height: number, sample = 5, models = 10): number {
  if (k <= sample) return 1;
  const p = Math.min(1, (2 * reach * Math.hypot(width, height)) / (width * height));
  let log = Math.log10(models * Math.max(1, n - sample)) + (k - sample) * Math.log10(p);
  for (let i = 1; i <= k; i++) log += Math.log10((n - k + i) / i);
  for (let i = 1; i <= sample; i++) log += Math.log10((k - sample + i) / i);
  return log;
}

/** The translation between frames must move points by so much (pixels, median) to have a direction. */
const leastParallax = 0.25;
/** Agreement must be rarer by chance than 10 to this. */
const leastSure = -6;

/**
 * Where a calibrated camera goes, frame after frame:
 *   corners followed by pyramidal Lucas–Kanade, forward and back (descriptor matches where too few come back);
 *   relative pose by five-point samples and local optimisation on Sampson distances, begun with the motion before;
 *   a test whether a rotation alone explains the pairs (GRIC);
 *   the length of a step from points that were seen before, the first being 1;
 *   a refinement of the last frames and their points together.
 * @see Nistér, Naroditsky, Bergen (2004), Visual odometry, CVPR; Torr (1998), Geometric motion segmentation and model selection (GRIC)
 */
export class Odometer {
  /** Frame by frame. */
  readonly poses: CameraPose[] = [];
  /** Frame by frame. */
  readonly steps: OdometryStep[] = [];
  readonly #done: ScenePoint[] = [];
  #tracks: Track[] = [];
  #before: { levels: Level[]; image: Image } | undefined;
  #motion: RelativePose = {
    /** The rotation, 3 × 3, row by row. */
    rotation: identity3(),
    translation: [0, 0, 1],
  };
  #moved = false;
  #size: readonly number[] = [];
  /** Of a calibrated camera. */
  constructor(
    /** Focal length and centre of the camera. */
    readonly camera: PinholeCamera,
    /** What it was made with. */
    readonly options: OdometryOptions = {},
  ) {
    if (![camera.fx, camera.fy].every((f) => f > 0 && Number.isFinite(f)) || ![camera.cx, camera.cy].every(Number.isFinite))
      throw new ArgumentError(
        `odometry: fx ${camera.fx}, fy ${camera.fy}, cx ${camera.cx}, cy ${camera.cy}; positive focal lengths and finite numbers are expected`,
      );
    const { points = 800, sigma = 0.5, window = 3 } = options;
    if (!(points >= 20) || !(sigma > 0) || !(window >= 0))
      throw new ArgumentError(
        `odometry: points ${points}, sigma ${sigma}, window ${window}; at least 20 points, a positive sigma, a window from 0`,
      );
  }

  /** The points found so far, in the world of the first frame. */
  get points(): ScenePoint[] {
    return [...this.#done, ...this.#tracks.flatMap((t) => this.#finished(t))];
  }
  #finished(t: Track): ScenePoint[] {
    return t.point && t.agreed >= 3 ? [{ at: t.point, gray: t.gray, views: t.agreed }] : [];
  }

  /** @throws ArgumentError when the frame has another size than the first */
  next(frame: Image): OdometryStep {
    const { points = 800, sigma = 0.5, window = 3, radius = 7, seed = 1 } = this.options;
    const gray = grayOf(frame);
    if (this.#size.length > 0 && (gray.width !== this.#size[0] || gray.height !== this.#size[1]))
      throw new ArgumentError(
        `odometry: frame ${this.poses.length} is ${gray.width}×${gray.height}, the first was ${this.#size.join("×")}; all must be of one camera`,
      );
    this.#size = [gray.width, gray.height];
    const levels = pyramidOf(gray, 5);
    const number = this.poses.length;
    const keep = (step: OdometryStep) => {
      this.poses.push(step.pose);
      this.steps.push(step);
      this.#before = { levels, image: frame };
      this.#renew(levels[0], number, points);
      return step;
    };
    const { camera } = this;
    const focal = Math.sqrt(camera.fx * camera.fy);
    if (!this.#before)
      return keep({
        pose: { rotation: identity3(), position: [0, 0, 0] },
        status: "ok",
        tracked: 0,
        inliers: 0,
        parallax: 0,
        source: "none",
      });

    // Tracks, each begun with its own last displacement.
    const now = this.#tracks;
    const [x, y, guess] = [new Float64Array(now.length), new Float64Array(now.length), new Float64Array(2 * now.length)];
    for (const [i, { places }] of now.entries()) {
      const k = places.length;
      [x[i], y[i]] = [places[k - 2], places[k - 1]];
      if (k >= 4) guess.set([places[k - 2] - places[k - 4], places[k - 1] - places[k - 3]], 2 * i);
    }
    const found = trackThereAndBack(this.#before.levels, levels, x, y, guess, 0.5, { radius });
    const order = now
      .map((_, i) => i)
      .filter((i) => found.ok[i])
      .sort((p, q) => found.miss[p] - found.miss[q] || p - q);
    const normal = (px: number, py: number) => [(px - camera.cx) / camera.fx, (py - camera.cy) / camera.fy];
    let pairs: PointPairs = {
      a: Float64Array.from(order.flatMap((i) => normal(x[i], y[i]))),
      b: Float64Array.from(order.flatMap((i) => normal(found.x[i], found.y[i]))),
    };
    const options = { sigma, seed: seed + number, iterations: 500 };
    let estimate = order.length >= 20 ? estimatePose(pairs, focal, { ...options, start: this.#motion }) : undefined;
    let source: OdometryStep["source"] = "tracks";
    const chance = (inliers: number, of: number, spread: number) => logChanceOfPose(of, inliers, 3.64 * spread, gray.width, gray.height);
    let sure = estimate !== undefined && chance(estimate.inliers, order.length, sigma) < leastSure;
    // Too few came back, or they do not agree: look for descriptors instead.
    if (!sure || !estimate || estimate.inliers < Math.max(20, 0.25 * now.length)) {
      const [fa, fb] = [
        sift(this.#before.image, { limit: 2000, pooling: [1], doubled: false }),
        sift(frame, { limit: 2000, pooling: [1], doubled: false }),
      ];
      const m = matchFeatures(fa, fb, { ratio: 0.85 });
      const more: PointPairs = {
        a: Float64Array.from(Array.from(m.a).flatMap((i) => normal(fa.x[i], fa.y[i]))),
        b: Float64Array.from(Array.from(m.b).flatMap((i) => normal(fb.x[i], fb.y[i]))),
      };
      const other = m.count >= 20 ? estimatePose(more, focal, { ...options, sigma: 2 * sigma, start: this.#motion }) : undefined;
      const surer = other !== undefined && chance(other.inliers, m.count, 2 * sigma) < leastSure;
      if (other && surer && other.inliers > (sure ? (estimate?.inliers ?? 0) : 0)) {
        [estimate, pairs, source, sure] = [other, more, "matches", true];
        this.#tracks = [];
      }
    }
    const last = this.poses[number - 1];
    if (!estimate || !sure) {
      for (const t of this.#tracks) this.#done.push(...this.#finished(t));
      this.#tracks = [];
      return keep({
        pose: onwards(last, this.#motion),
        status: "lost",
        tracked: order.length,
        inliers: estimate?.inliers ?? 0,
        parallax: 0,
        source: "none",
      });
    }

    // Does a rotation alone do?
    const alone = rotationAlone(pairs, estimate.model.rotation, focal, sigma);
    const parallax = parallaxOf(pairs, estimate.model.rotation, estimate.weights, focal);
    const turnedOnly = parallax < leastParallax || alone.gric < gricOf(sampsonOf(estimate.model, pairs, focal), alone.noise, 3, 5);
    let motion: RelativePose = turnedOnly ? { rotation: alone.rotation, translation: [0, 0, 0] } : estimate.model;
    if (!turnedOnly) {
      const length = source === "tracks" ? this.#stepLength(pairs, order, estimate.weights, motion, last) : undefined;
      const before = Math.hypot(...this.#motion.translation);
      const scale = length ?? (this.#moved && before > 0 ? before : 1);
      motion = { ...motion, translation: motion.translation.map((v) => v * scale) as [number, number, number] };
      this.#moved = true;
    }
    let pose = onwards(last, motion);
    if (source === "tracks") {
      const kept: Track[] = [];
      const alive = new Map(order.map((i, k) => [i, k]));
      for (const [i, t] of now.entries()) {
        const k = alive.get(i);
        if (k === undefined || (estimate.weights[k] <= 0 && !turnedOnly)) {
          this.#done.push(...this.#finished(t));
          continue;
        }
        t.places.push(found.x[i], found.y[i]);
        t.agreed++;
        if (!t.point && !turnedOnly) {
          const p = triangulate(motion, pairs.a[2 * k], pairs.a[2 * k + 1], pairs.b[2 * k], pairs.b[2 * k + 1]);
          if (p.depthA > 0 && p.depthB > 0) t.point = toWorld(last, [p.x, p.y, p.depthA]);
        }
        kept.push(t);
      }
      this.#tracks = kept;
    }
    if (window > 1 && !turnedOnly && source === "tracks" && number >= 2) {
      const poses = [...this.poses, pose];
      const refined = refineWindow(poses, this.#tracks, camera, { frames: window, sigma });
      for (const [k, p] of refined) if (k < number) this.poses[k] = p;
      pose = refined.get(number) ?? pose;
      motion = between(this.poses[number - 1], pose);
    }
    if (!turnedOnly) this.#motion = motion;
    else this.#motion = { rotation: motion.rotation, translation: this.#motion.translation };
    return keep({ pose, status: turnedOnly ? "turned" : "ok", tracked: order.length, inliers: estimate.inliers, parallax, source });
  }

  /** How long the step was: depths of points known before over those of a step of length one. */
  #stepLength(
    pairs: PointPairs,
    order: readonly number[],
    weights: Float64Array,
    motion: RelativePose,
    last: CameraPose,
  ): number | undefined {
    const ratios: number[] = [];
    const inverse = transpose3(last.rotation);
    for (const [k, i] of order.entries()) {
      const { point, agreed } = this.#tracks[i];
      if (!point || agreed < 1 || !(weights[k] > 0)) continue;
      const known = times3(
        inverse,
        point.map((v, c) => v - last.position[c]),
      )[2];
      const p = triangulate(motion, pairs.a[2 * k], pairs.a[2 * k + 1], pairs.b[2 * k], pairs.b[2 * k + 1]);
      if (known > 0 && p.depthA > 0 && p.depthA < 80) ratios.push(known / p.depthA);
    }
    if (ratios.length < 8) return undefined;
    ratios.sort((a, b) => a - b);
    return ratios[ratios.length >> 1];
  }
  #renew(level: Level, number: number, points: number): void {
    const cell = Math.max(8, Math.sqrt((level.width * level.height) / points));
    if (this.#tracks.length > 0.8 * points) return;
    const taken = this.#tracks.map(({ places }) => [places[places.length - 2], places[places.length - 1]] as const);
    for (const [x, y] of newPoints(level, taken, cell))
      this.#tracks.push({ first: number, places: [x, y], gray: level.values[y * level.width + x], agreed: 0 });
  }
}

/** X_b = R X_a + t ⇒ the second camera's pose in the world. */
function onwards(a: CameraPose, { rotation, translation }: RelativePose): CameraPose {
  const back = transpose3(rotation);
  const c = times3(back, translation).map((v) => -v);
  return { rotation: multiply3(a.rotation, back), position: toWorld(a, c) };
}
export function between(a: CameraPose, b: CameraPose): RelativePose {
  const back = transpose3(b.rotation);
  return {
    rotation: multiply3(back, a.rotation),
    translation: times3(
      back,
      a.position.map((v, k) => v - b.position[k]),
    ),
  };
}
const toWorld = ({ rotation, position }: CameraPose, p: readonly number[]): [number, number, number] => {
  const q = times3(rotation, p);
  return [q[0] + position[0], q[1] + position[1], q[2] + position[2]];
};

function sampsonOf(pose: RelativePose, pairs: PointPairs, focal: number): Float64Array {
  const out = new Float64Array(pairs.a.length / 2);
  sampsonErrors(essentialOf(pose), pairs, out);
  return out.map((v) => v * focal * focal);
}
/** Torr's criterion for models of dimension d with k parameters on pairs of four coordinates. */
function gricOf(errors: Float64Array, variance: number, d: number, k: number): number {
  const n = errors.length;
  return errors.reduce((s, e) => s + Math.min(e / variance, 2 * (4 - d)), 0) + Math.log(4) * d * n + Math.log(4 * n) * k;
}
/** Squared distance, in normalised coordinates, of where a rotation takes the first point of a pair from the second. */
function turnedAway(R: Matrix3, { a, b }: PointPairs, i: number): number {
  const [x, y] = [a[2 * i], a[2 * i + 1]];
  const z = R[6] * x + R[7] * y + R[8];
  const dx = (R[0] * x + R[1] * y + R[2]) / z - b[2 * i];
  const dy = (R[3] * x + R[4] * y + R[5]) / z - b[2 * i + 1];
  return dx * dx + dy * dy;
}
/** The rotation that explains pairs best without any translation, its criterion, and the noise (variance of a coordinate) that pairs carry. */
function rotationAlone(pairs: PointPairs, start: Matrix3, focal: number, sigma: number) {
  const n = pairs.a.length / 2;
  let rotation = start;
  const errors = new Float64Array(n);
  const weights = new Float64Array(n);
  const measure = () => {
    // Half of each picture's share: the distance to the manifold in four coordinates.
    for (let i = 0; i < n; i++) errors[i] = 0.5 * focal * focal * turnedAway(rotation, pairs, i);
  };
  for (let round = 0; round < 6; round++) {
    measure();
    marginalGain(errors, sigma * Math.max(1, 8 / 2 ** round), weights);
    const m = new Float64Array(9);
    for (let i = 0; i < n; i++) {
      if (!(weights[i] > 0)) continue;
      const [ax, ay, bx, by] = [pairs.a[2 * i], pairs.a[2 * i + 1], pairs.b[2 * i], pairs.b[2 * i + 1]];
      const w = weights[i] / Math.sqrt((ax * ax + ay * ay + 1) * (bx * bx + by * by + 1));
      m[0] += w * bx * ax;
      m[1] += w * bx * ay;
      m[2] += w * bx;
      m[3] += w * by * ax;
      m[4] += w * by * ay;
      m[5] += w * by;
      m[6] += w * ax;
      m[7] += w * ay;
      m[8] += w;
    }
    if (weights.filter((w) => w > 0).length >= 3) rotation = nearestRotation(m);
  }
  measure();
  const noise = (0.5 * sigma) ** 2;
  return { rotation, gric: gricOf(errors, noise, 2, 3), noise };
}
function parallaxOf(pairs: PointPairs, rotation: Matrix3, weights: Float64Array, focal: number): number {
  const list: number[] = [];
  for (let i = 0; i < weights.length; i++) {
    if (!(weights[i] > 0)) continue;
    list.push(focal * Math.sqrt(turnedAway(rotation, pairs, i)));
  }
  list.sort((a, b) => a - b);
  return list[list.length >> 1] ?? 0;
}

/** The camera's path with the points it saw, and how it ended. */
export interface OdometryResult {
  /** Whether to trust the result; `reason` says why. */
  readonly status: "ok" | "failed";
  /** Why it ended, in a sentence. */
  readonly reason: string;
  /** The camera, frame by frame. */
  readonly poses: readonly CameraPose[];
  /** Steps so far. */
  readonly steps: readonly OdometryStep[];
  /** The points, coordinate by coordinate or point by point. */
  readonly points: readonly ScenePoint[];
}
/** `Odometer` over a sequence. */
export function odometry(frames: Iterable<Image>, camera: PinholeCamera, o: OdometryOptions = {}): OdometryResult {
  const odometer = new Odometer(camera, o);
  for (const frame of frames) odometer.next(frame);
  return odometryResult(odometer);
}
/** The path and points of an odometer as they stand, judged. */
export function odometryResult({ poses, steps, points }: Odometer): OdometryResult {
  const lost = steps.filter((s) => s.status === "lost").length;
  const turned = steps.filter((s) => s.status === "turned").length;
  return {
    status: lost === 0 ? "ok" : "failed",
    reason:
      lost === 0
        ? `${steps.length} frames followed${turned > 0 ? `, ${turned} of them without a translation that could be told` : ""}; lengths are in units of the first step`
        : `${lost} of ${steps.length} frames had too few points that agree; there the motion before was taken to go on`,
    poses,
    steps,
    points,
  };
}
