import { dampedSteps } from "../dampedSteps.js";
import type { Correspondences } from "../estimateHomography.js";
import { placeNoise } from "../estimateHomography.js";
import { multiply3 } from "../planar.js";
import { marginalGain } from "../robust.js";
import { rotationOf, times3, transpose3 } from "../rotation.js";
import type { TurnedCamera } from "./cameras.js";

/** Two views that see some of the same: matched places, first (a) view before second (b). */
export interface BundleEdge {
  /** The first view. */
  readonly a: number;
  /** The second view. */
  readonly b: number;
  /** Points of one picture with those of the other. */
  readonly pairs: Correspondences;
}
/** Robustness and number of steps of a bundle adjustment. */
export interface BundleOptions {
  /** Largest noise thought of, σ in units of a keypoint's own. Default 2. */
  readonly sigma?: number;
  /** Every view its own focal length; default false: one for all. */
  readonly eachFocal?: boolean;
  /** Rounds of weights. Default 5. */
  readonly rounds?: number;
}
/** Cameras that explain all matches together, and what is left. */
export interface BundleResult {
  /** One for each view. */
  readonly cameras: readonly TurnedCamera[];
  /** Weights of the pairs of each edge, in [0, 1]. */
  readonly weights: readonly Float64Array[];
  /** Root mean square of the weighted errors of each edge, pixels of one coordinate. */
  readonly residuals: readonly number[];
}

/**
 * Rotations and focal lengths of all views at once:  the least  Σ wᵢ (|b − K_b R_b R_aᵀ K_a⁻¹ a|² / s_b² + |a − K_a R_a R_bᵀ K_b⁻¹ b|² / s_a²)  over all
 * pairs of all edges, by Levenberg–Marquardt with R ← exp[ω]× R, analytic derivatives, and weights of the marginalised noise renewed in rounds. An edge
 * touches the parameters of its two views only, so JᵀJ is summed in blocks. The first view keeps its rotation.
 * @see Brown & Lowe (2007), Automatic panoramic image stitching using invariant features, IJCV 74(1), section 4
 */
export function bundle(edges: readonly BundleEdge[], start: readonly TurnedCamera[], o: BundleOptions = {}): BundleResult {
  const { sigma = 2, eachFocal = false, rounds = 5 } = o;
  const n = start.length;
  const focals = eachFocal ? n : 1;
  const size = 3 * n + focals;
  const weights = edges.map((e) => new Float64Array(e.pairs.count).fill(1));
  const variances = edges.map(({ pairs }) => ({
    a: Float64Array.from(pairs.scaleA, (s) => placeNoise(s) ** 2),
    b: Float64Array.from(pairs.scaleB, (s) => placeNoise(s) ** 2),
  }));
  const focalAt = (view: number) => 3 * n + (eachFocal ? view : 0);
  /** Index of each of the eight local parameters (ω_from, ω_to, f_from, f_to). */
  const places = (from: number, to: number) => [
    3 * from,
    3 * from + 1,
    3 * from + 2,
    3 * to,
    3 * to + 1,
    3 * to + 2,
    focalAt(from),
    focalAt(to),
  ];
  const rows = [new Float64Array(8), new Float64Array(8)];
  /** Residual of one way into `r` (two numbers); the rows of its Jacobian when asked for. False when behind the camera. */
  const oneWay = (
    from: TurnedCamera,
    to: TurnedCamera,
    R: Float64Array,
    px: number,
    py: number,
    qx: number,
    qy: number,
    r: Float64Array,
    derive: boolean,
  ): boolean => {
    const [u0, u1] = [(px - from.centre[0]) / from.focal, (py - from.centre[1]) / from.focal];
    const y0 = R[0] * u0 + R[1] * u1 + R[2];
    const y1 = R[3] * u0 + R[4] * u1 + R[5];
    const y2 = R[6] * u0 + R[7] * u1 + R[8];
    if (!(y2 > 1e-6)) return false;
    const [s, t] = [y0 / y2, y1 / y2];
    r[0] = to.focal * s + to.centre[0] - qx;
    r[1] = to.focal * t + to.centre[1] - qy;
    if (!derive) return true;
    const by = to.focal / y2;
    for (let axis = 0; axis < 2; axis++) {
      const row = rows[axis];
      // g = d(residual)/dy
      const [g0, g1, g2] = axis === 0 ? [by, 0, -by * s] : [0, by, -by * t];
      // h = gᵀ R: d(residual)/du
      const h0 = g0 * R[0] + g1 * R[3] + g2 * R[6];
      const h1 = g0 * R[1] + g1 * R[4] + g2 * R[7];
      const h2 = g0 * R[2] + g1 * R[5] + g2 * R[8];
      // y moves by −R (ω_from × u) and by ω_to × y:  −h · (ω × u) = −ω · (u × h),  g · (ω × y) = ω · (y × g).
      row[0] = -(u1 * h2 - h1);
      row[1] = -(h0 - u0 * h2);
      row[2] = -(u0 * h1 - u1 * h0);
      row[3] = y1 * g2 - y2 * g1;
      row[4] = y2 * g0 - y0 * g2;
      row[5] = y0 * g1 - y1 * g0;
      row[6] = -(h0 * u0 + h1 * u1) / from.focal;
      row[7] = axis === 0 ? s : t;
    }
    return true;
  };
  const r = new Float64Array(2);
  const relative = (a: TurnedCamera, b: TurnedCamera) => multiply3(b.rotation, transpose3(a.rotation));
  const problem = {
    size,
    evaluate(cameras: readonly TurnedCamera[], normal?: Float64Array, gradient?: Float64Array): number {
      let sum = 0;
      const block = new Float64Array(64);
      const right = new Float64Array(8);
      for (const [k, { a, b, pairs }] of edges.entries()) {
        for (const [from, to, P, Q, noise] of [
          [a, b, pairs.a, pairs.b, variances[k].b],
          [b, a, pairs.b, pairs.a, variances[k].a],
        ] as const) {
          const R = relative(cameras[from], cameras[to]);
          block.fill(0);
          right.fill(0);
          for (let i = 0; i < pairs.count; i++) {
            if (!(weights[k][i] > 0)) continue;
            const w = (0.5 * weights[k][i]) / noise[i];
            if (!oneWay(cameras[from], cameras[to], R, P[2 * i], P[2 * i + 1], Q[2 * i], Q[2 * i + 1], r, normal !== undefined)) {
              sum += 1e6 * w;
              continue;
            }
            sum += 0.5 * w * (r[0] * r[0] + r[1] * r[1]);
            if (!normal) continue;
            for (let axis = 0; axis < 2; axis++) {
              const row = rows[axis];
              for (let p = 0; p < 8; p++) {
                const v = w * row[p];
                right[p] += v * r[axis];
                for (let q = 0; q <= p; q++) block[8 * p + q] += v * row[q];
              }
            }
          }
          if (!normal || !gradient) continue;
          const at = places(from, to);
          for (let p = 0; p < 8; p++) {
            gradient[at[p]] += right[p];
            for (let q = 0; q < 8; q++) normal[at[p] * size + at[q]] += block[p >= q ? 8 * p + q : 8 * q + p];
          }
        }
      }
      // The first view stays: its own equations say 0.
      if (normal && gradient)
        for (let p = 0; p < 3; p++) {
          for (let q = 0; q < size; q++) normal[p * size + q] = normal[q * size + p] = 0;
          normal[p * size + p] = 1;
          gradient[p] = 0;
        }
      return sum;
    },
    move: (cameras: readonly TurnedCamera[], step: Float64Array): readonly TurnedCamera[] =>
      cameras.map((c, i) => ({
        ...c,
        focal: Math.max(0.05 * c.focal, c.focal + step[focalAt(i)]),
        rotation: multiply3(rotationOf(step[3 * i], step[3 * i + 1], step[3 * i + 2]), c.rotation),
      })),
  };
  let cameras = start;
  const residuals = edges.map(() => 0);
  const reweigh = (spread: number) => {
    for (const [k, { a, b, pairs }] of edges.entries()) {
      const errors = new Float64Array(pairs.count);
      const [forward, back] = [relative(cameras[a], cameras[b]), relative(cameras[b], cameras[a])];
      let [sum, total] = [0, 0];
      const plain = new Float64Array(pairs.count);
      for (let i = 0; i < pairs.count; i++) {
        const [x, y, u, v] = [pairs.a[2 * i], pairs.a[2 * i + 1], pairs.b[2 * i], pairs.b[2 * i + 1]];
        const ok = oneWay(cameras[a], cameras[b], forward, x, y, u, v, r, false);
        const there = r[0] ** 2 + r[1] ** 2;
        const ok2 = oneWay(cameras[b], cameras[a], back, u, v, x, y, r, false);
        const here = r[0] ** 2 + r[1] ** 2;
        errors[i] = ok && ok2 ? 0.5 * (there / variances[k].b[i] + here / variances[k].a[i]) : Number.POSITIVE_INFINITY;
        plain[i] = 0.25 * (there + here);
      }
      marginalGain(errors, spread, weights[k]);
      for (let i = 0; i < pairs.count; i++)
        if (weights[k][i] > 0) {
          sum += weights[k][i] * plain[i];
          total += weights[k][i];
        }
      residuals[k] = total > 0 ? Math.sqrt(sum / total) : Number.POSITIVE_INFINITY;
    }
  };
  for (let round = 0; round < rounds; round++) {
    // From wide to narrow: the start is off by pixels when a chain of pairs is long.
    reweigh(sigma * Math.max(1, 8 / 2 ** (2 * round)));
    // Weights change with each round: only the last one is worth its last digits.
    cameras = dampedSteps(problem, cameras, 20, round < rounds - 1 ? 1e-4 : 1e-8).x;
  }
  reweigh(sigma);
  return { cameras, weights, residuals };
}

/** The direction that is up in the world of cameras held level: across all their right-hand sides. */
export function levelled(cameras: readonly TurnedCamera[], up: readonly number[]): readonly TurnedCamera[] {
  // The new world: y is −up, z the mean view direction made level.
  const ahead = [0, 0, 0];
  for (const { rotation: R } of cameras) for (let k = 0; k < 3; k++) ahead[k] += R[6 + k];
  const along = ahead[0] * up[0] + ahead[1] * up[1] + ahead[2] * up[2];
  const z = ahead.map((v, k) => v - along * up[k]);
  const l = Math.hypot(...z);
  if (!(l > 1e-6)) return cameras;
  const ez = z.map((v) => v / l);
  const ey = up.map((v) => -v);
  const ex = [ey[1] * ez[2] - ey[2] * ez[1], ey[2] * ez[0] - ey[0] * ez[2], ey[0] * ez[1] - ey[1] * ez[0]];
  const world = Float64Array.from([...ex, ...ey, ...ez]);
  return cameras.map((c) => ({ ...c, rotation: multiply3(c.rotation, transpose3(world)) }));
}
export const viewDirection = (c: TurnedCamera): [number, number, number] => times3(transpose3(c.rotation), [0, 0, 1]);
