import { dampedSteps } from "../dampedSteps.js";
import { multiply3 } from "../planar.js";
import { type Matrix3, rotationOf, transpose3 } from "../rotation.js";
import type { RelativePose } from "./essential.js";
import { realRoots } from "./polynomial.js";

/** Points of the world and where they are seen, in normalised coordinates K⁻¹ (x, y, 1). */
export interface Sightings {
  /** (x, y, z) after (x, y, z). */
  readonly world: ArrayLike<number>;
  /** (x, y) after (x, y). */
  readonly seen: ArrayLike<number>;
}

/** A triad of unit vectors as columns: along p, across p and q, and the third. */
function triad(p: readonly number[], q: readonly number[]): Matrix3 | undefined {
  const l = Math.hypot(...p);
  const n = [p[1] * q[2] - p[2] * q[1], p[2] * q[0] - p[0] * q[2], p[0] * q[1] - p[1] * q[0]];
  const m = Math.hypot(...n);
  if (!(m > 1e-12 * l * Math.hypot(...q))) return undefined;
  const [x, z] = [p.map((v) => v / l), n.map((v) => v / m)];
  const y = [z[1] * x[2] - z[2] * x[1], z[2] * x[0] - z[0] * x[2], z[0] * x[1] - z[1] * x[0]];
  return Float64Array.from([x[0], y[0], z[0], x[1], y[1], z[1], x[2], y[2], z[2]]);
}

/**
 * Poses (up to four) from which three points are seen where they are: distances from the law of cosines by Grunert's quartic, then the frames of the triangle
 * in both systems.
 * @see Haralick, Lee, Ottenberg, Nölle (1994), Review and analysis of solutions of the three point perspective pose estimation problem, IJCV 13(3)
 */
export function poseFromThree({ world, seen }: Sightings, list: ArrayLike<number> = [0, 1, 2]): RelativePose[] {
  const P = [0, 1, 2].map((k) => [world[3 * list[k]], world[3 * list[k] + 1], world[3 * list[k] + 2]]);
  const J = [0, 1, 2].map((k) => {
    const [x, y] = [seen[2 * list[k]], seen[2 * list[k] + 1]];
    const l = Math.hypot(x, y, 1);
    return [x / l, y / l, 1 / l];
  });
  const between = (p: readonly number[], q: readonly number[]) => p.map((v, k) => q[k] - v);
  const dot = (p: readonly number[], q: readonly number[]) => p[0] * q[0] + p[1] * q[1] + p[2] * q[2];
  const [a2, b2, c2] = [between(P[1], P[2]), between(P[0], P[2]), between(P[0], P[1])].map((v) => dot(v, v));
  if (!(a2 > 0 && b2 > 0 && c2 > 0)) return [];
  const [ca, cb, cc] = [dot(J[1], J[2]), dot(J[0], J[2]), dot(J[0], J[1])];
  const [q, s] = [(a2 - c2) / b2, (a2 + c2) / b2];
  const roots = realRoots([
    (1 + q) ** 2 - (4 * a2 * cc * cc) / b2,
    4 * (-q * (1 + q) * cb + (2 * a2 * cc * cc * cb) / b2 - (1 - s) * ca * cc),
    2 * (q * q - 1 + 2 * q * q * cb * cb + (2 * (b2 - c2) * ca * ca) / b2 - 4 * s * ca * cb * cc + (2 * (b2 - a2) * cc * cc) / b2),
    4 * (q * (1 - q) * cb - (1 - s) * ca * cc + (2 * c2 * ca * ca * cb) / b2),
    (q - 1) ** 2 - (4 * c2 * ca * ca) / b2,
  ]);
  const there = triad(between(P[0], P[1]), between(P[0], P[2]));
  if (!there) return [];
  const out: RelativePose[] = [];
  for (const v of roots) {
    const u = ((q - 1) * v * v - 2 * q * cb * v + 1 + q) / (2 * (cc - v * ca));
    const d2 = b2 / (1 + v * v - 2 * v * cb);
    if (!(v > 0 && u > 0 && d2 > 0)) continue;
    const d = Math.sqrt(d2);
    const Q = [J[0].map((x) => x * d), J[1].map((x) => x * u * d), J[2].map((x) => x * v * d)];
    const here = triad(between(Q[0], Q[1]), between(Q[0], Q[2]));
    if (!here) continue;
    const rotation = multiply3(here, transpose3(there));
    const p = P[0];
    out.push({
      rotation,
      translation: [0, 1, 2].map((k) => Q[0][k] - (rotation[3 * k] * p[0] + rotation[3 * k + 1] * p[1] + rotation[3 * k + 2] * p[2])) as [
        number,
        number,
        number,
      ],
    });
  }
  return out;
}

/** Squared distances between where points are seen and where a pose puts them; infinite behind the camera. */
export function resectionErrors({ rotation: R, translation: t }: RelativePose, { world, seen }: Sightings, out: Float64Array): void {
  for (let i = 0; i < out.length; i++) {
    const [x, y, z] = [world[3 * i], world[3 * i + 1], world[3 * i + 2]];
    const w = R[6] * x + R[7] * y + R[8] * z + t[2];
    const u = (R[0] * x + R[1] * y + R[2] * z + t[0]) / w - seen[2 * i];
    const v = (R[3] * x + R[4] * y + R[5] * z + t[1]) / w - seen[2 * i + 1];
    out[i] = w > 0 ? u * u + v * v : Number.POSITIVE_INFINITY;
  }
}

/** The pose with the least weighted squared distances near one, by Levenberg–Marquardt over rotation and translation. */
export function refineResection(s: Sightings, start: RelativePose, weights?: ArrayLike<number>, steps = 10): RelativePose {
  const n = s.seen.length / 2;
  const rows = [new Float64Array(6), new Float64Array(6)];
  return dampedSteps<RelativePose>(
    {
      size: 6,
      evaluate({ rotation: R, translation: t }, normal, gradient) {
        let sum = 0;
        for (let i = 0; i < n; i++) {
          const weight = weights ? weights[i] : 1;
          if (!(weight > 0)) continue;
          const [X, Y, Z] = [s.world[3 * i], s.world[3 * i + 1], s.world[3 * i + 2]];
          // p = R X turns by ω about the origin of the camera without t.
          const [p, q, r] = [R[0] * X + R[1] * Y + R[2] * Z, R[3] * X + R[4] * Y + R[5] * Z, R[6] * X + R[7] * Y + R[8] * Z];
          const w = r + t[2];
          if (!(w > 1e-9)) {
            sum += 1e6 * weight;
            continue;
          }
          const [u, v] = [(p + t[0]) / w, (q + t[1]) / w];
          const e = [u - s.seen[2 * i], v - s.seen[2 * i + 1]];
          sum += 0.5 * weight * (e[0] * e[0] + e[1] * e[1]);
          if (!normal || !gradient) continue;
          // ω × p = (ω₂ r − ω₃ q, ω₃ p − ω₁ r, ω₁ q − ω₂ p)
          rows[0].set([(-u * q) / w, (r + u * p) / w, -q / w, 1 / w, 0, -u / w]);
          rows[1].set([(-r - v * q) / w, (v * p) / w, p / w, 0, 1 / w, -v / w]);
          for (const [axis, row] of rows.entries())
            for (let k = 0; k < 6; k++) {
              gradient[k] += weight * row[k] * e[axis];
              for (let l = 0; l <= k; l++) normal[6 * k + l] += weight * row[k] * row[l];
            }
        }
        return sum;
      },
      move: ({ rotation, translation: t }, d) => ({
        rotation: multiply3(rotationOf(d[0], d[1], d[2]), rotation),
        translation: [t[0] + d[3], t[1] + d[4], t[2] + d[5]],
      }),
    },
    start,
    steps,
  ).x;
}
