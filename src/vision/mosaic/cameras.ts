import { invertHomography, multiply3, project } from "../planar.js";
import { determinant3, type Matrix3, nearestRotation, transpose3 } from "../rotation.js";

/** A camera that turns about its own centre: a direction X of the world is seen at  p ~ K R X,  K = [f 0 cx; 0 f cy; 0 0 1]. */
export interface TurnedCamera {
  /** Focal length in pixels. */
  readonly focal: number;
  /** Principal point, pixels (pixel centres at integers). */
  readonly centre: readonly [number, number];
  /** World to camera, x right, y down, z ahead. */
  readonly rotation: Matrix3;
}
export const calibration = (focal: number, [x, y]: readonly [number, number]): Matrix3 =>
  Float64Array.from([focal, 0, x, 0, focal, y, 0, 0, 1]);
export const inverseCalibration = (focal: number, [x, y]: readonly [number, number]): Matrix3 =>
  Float64Array.from([1 / focal, 0, -x / focal, 0, 1 / focal, -y / focal, 0, 0, 1]);
/** What takes pixels of camera a to those of camera b:  K_b R_b R_aᵀ K_a⁻¹. */
export const betweenCameras = (a: TurnedCamera, b: TurnedCamera): Matrix3 =>
  multiply3(
    calibration(b.focal, b.centre),
    multiply3(multiply3(b.rotation, transpose3(a.rotation)), inverseCalibration(a.focal, a.centre)),
  );
/** The rotation in a homography between two views of known focal lengths, a to b. */
export function rotationBetween(
  h: ArrayLike<number>,
  fa: number,
  ca: readonly [number, number],
  fb: number,
  cb: readonly [number, number],
): Matrix3 {
  const m = multiply3(inverseCalibration(fb, cb), multiply3(h, calibration(fa, ca)));
  const sign = determinant3(m) < 0 ? -1 : 1;
  return nearestRotation(m.map((v) => v * sign));
}

/** What the search for a focal length needs of a pair. */
export interface TurnedPair {
  /** From the first picture to the second, row by row. */
  readonly h: ArrayLike<number>;
  /** Places in the first picture at which homography and rotation are compared. */
  readonly at: readonly (readonly [number, number])[];
  /** Middles of both pictures, pixels. */
  readonly centres: readonly [readonly [number, number], readonly [number, number]];
  /** How much the pair counts. */
  readonly weight: number;
}

/**
 * The common focal length at which homographies are nearest to rotations,  K⁻¹ H K ∈ SO(3):  the sum over pairs of the weighted, capped squared
 * distances in pixels between H p and K R K⁻¹ p is made least by a search over f from a fifth to twenty times the size, then by halving.
 * Translating views of a flat scene, or pictures that do not turn, leave f open: the middle of the range of equals is then a guess, told by `sharp`.
 */
export function focalFromHomographies(pairs: readonly TurnedPair[], size: number): { readonly focal: number; readonly sharp: boolean } {
  const cap = 25;
  const costOf = (f: number): number => {
    let sum = 0;
    for (const { h, at, centres, weight } of pairs) {
      const r = rotationBetween(h, f, centres[0], f, centres[1]);
      const turned = multiply3(calibration(f, centres[1]), multiply3(r, inverseCalibration(f, centres[0])));
      let mean = 0;
      for (const [x, y] of at) {
        const [u, v] = project(h, x, y);
        const [p, q] = project(turned, x, y);
        const d = (u - p) ** 2 + (v - q) ** 2;
        mean += Number.isFinite(d) ? d / (1 + d / cap) : cap;
      }
      sum += (weight * mean) / at.length;
    }
    return sum;
  };
  const steps = 60;
  const focalAt = (k: number) => size * 0.2 * 100 ** (k / steps);
  const costs = Array.from({ length: steps + 1 }, (_, k) => costOf(focalAt(k)));
  const best = costs.indexOf(Math.min(...costs));
  let [low, high] = [focalAt(Math.max(0, best - 1)), focalAt(Math.min(steps, best + 1))];
  const golden = (Math.sqrt(5) - 1) / 2;
  for (let k = 0; k < 30; k++) {
    const [a, b] = [high - golden * (high - low), low + golden * (high - low)];
    if (costOf(a) < costOf(b)) high = b;
    else low = a;
  }
  const total = pairs.reduce((s, p) => s + p.weight, 0);
  // Known when half or twice the focal length would be worse by a fifth of a pixel.
  const least = costOf(0.5 * (low + high));
  const worse = Math.min(costs[Math.max(0, best - 9)], costs[Math.min(steps, best + 9)]) - least;
  return { focal: 0.5 * (low + high), sharp: best > 0 && best < steps && worse > 0.04 * total };
}

/** How two views overlap by a homography a to b: share of a's pixels (on a coarse grid) that fall into b. */
export function overlapShare(h: ArrayLike<number>, [wa, ha]: readonly number[], [wb, hb]: readonly number[], cells = 24): number {
  let inside = 0;
  for (let j = 0; j < cells; j++)
    for (let i = 0; i < cells; i++) {
      const [x, y, w] = project(h, ((i + 0.5) * wa) / cells - 0.5, ((j + 0.5) * ha) / cells - 0.5);
      if (w > 0 && x >= -0.5 && y >= -0.5 && x < wb - 0.5 && y < hb - 0.5) inside++;
    }
  return inside / (cells * cells);
}
export const inverseOrThrow = (h: ArrayLike<number>): Float64Array => {
  const inv = invertHomography(h);
  if (!inv) throw new RangeError("a homography without inverse");
  return inv;
};
