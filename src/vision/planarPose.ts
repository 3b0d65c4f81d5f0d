import { ArgumentError } from "../core/errors.js";
import { invertHomography, multiply3, project } from "./planar.js";
import type { RelativePose } from "./views/essential.js";

export interface PlanarPose extends RelativePose {
  /** Mean distance at the four corners between where H and where this pose puts them, in pixels of the picture. */
  readonly error: number;
}

/**
 * The two poses of a plane that a homography allows: H takes points (X, Y) of the plane Z = 0 to pixels, H ~ K [r₁ r₂ t]. A pose maps points of the plane's
 * frame to the camera's, x = R X + t, in units of X, Y, with the plane in front of the camera. Both come from the derivative of H at the middle of the
 * object; seen from afar, or small, the two are hard to tell apart, and the second is the plane tilted the other way. The better one comes first.
 * @param h     3 × 3, row by row
 * @param k     the camera: [f_x, skew, c_x, 0, f_y, c_y, 0, 0, 1], pixels
 * @param size  width and height of the object in the plane, from (0, 0)
 * @throws ArgumentError when H or K have no inverse, or H puts the object behind the camera
 * @see Collins & Bartoli (2014), Infinitesimal plane-based pose estimation, IJCV 109
 */
export function poseFromHomography(
  h: ArrayLike<number>,
  k: ArrayLike<number>,
  size: readonly [number, number],
): readonly [PlanarPose, PlanarPose] {
  if (h.length !== 9 || k.length !== 9)
    throw new ArgumentError(`poseFromHomography: ${h.length} and ${k.length} numbers came; H and K are 3×3, row by row`);
  const [width, height] = size;
  if (!(width > 0 && height > 0))
    throw new ArgumentError(`poseFromHomography: an object of ${width}×${height} came; both sides are positive`, { size });
  const inverse = invertHomography(k);
  if (!inverse || !invertHomography(h))
    throw new ArgumentError(`poseFromHomography: ${inverse ? "H" : "K"} has no inverse; three points on a line do not fix a plane's pose`);
  const m = multiply3(inverse, h);
  const [cx, cy] = [width / 2, height / 2];
  const [p, q, w] = project(m, cx, cy);
  const corners = [
    [0, 0],
    [width, 0],
    [0, height],
    [width, height],
  ];
  if (corners.some(([x, y]) => !(project(m, x, y)[2] * w > 0)))
    throw new ArgumentError(
      "poseFromHomography: H takes part of the object to infinity or behind the camera; is it from the object to the picture?",
    );
  // Derivative of the projection at the middle.
  const j = [(m[0] - p * m[6]) / w, (m[1] - p * m[7]) / w, (m[3] - q * m[6]) / w, (m[4] - q * m[7]) / w];
  const turn = towards(p, q);
  // [I | −(p, q)] times the first two columns of the turn.
  const b = [turn[0] - p * turn[6], turn[1] - p * turn[7], turn[3] - q * turn[6], turn[4] - q * turn[7]];
  const det = b[0] * b[3] - b[1] * b[2];
  const a = [
    (b[3] * j[0] - b[1] * j[2]) / det,
    (b[3] * j[1] - b[1] * j[3]) / det,
    (b[0] * j[2] - b[2] * j[0]) / det,
    (b[0] * j[3] - b[2] * j[1]) / det,
  ];
  const [aa, bb, ab] = [a[0] ** 2 + a[2] ** 2, a[1] ** 2 + a[3] ** 2, a[0] * a[1] + a[2] * a[3]];
  const largest = Math.sqrt(0.5 * (aa + bb + Math.hypot(aa - bb, 2 * ab)));
  const r = a.map((v) => v / largest);
  // What is missing of the columns' lengths is their third component, up to one sign.
  const u = Math.sqrt(Math.max(0, 1 - r[0] ** 2 - r[2] ** 2));
  const v = Math.sqrt(Math.max(0, 1 - r[1] ** 2 - r[3] ** 2)) * (r[0] * r[1] + r[2] * r[3] > 0 ? -1 : 1);
  const pose = (sign: number): PlanarPose => {
    const [x, y] = orthonormal([r[0], r[2], sign * u], [r[1], r[3], sign * v]);
    const z = cross(x, y);
    const rotation = multiply3(turn, [x[0], y[0], z[0], x[1], y[1], z[1], x[2], y[2], z[2]]);
    const depth = 1 / largest;
    const along = (i: number) => depth * [p, q, 1][i] - rotation[3 * i] * cx - rotation[3 * i + 1] * cy;
    const translation = [along(0), along(1), along(2)] as const;
    const own = multiply3(
      k,
      [0, 1, 2].flatMap((i) => [rotation[3 * i], rotation[3 * i + 1], translation[i]]),
    );
    let error = 0;
    for (const [X, Y] of corners) {
      const [s, t] = project(own, X, Y);
      const [f, g] = project(h, X, Y);
      error += Math.hypot(s - f, t - g) / 4;
    }
    return { rotation, translation, error };
  };
  const [one, two] = [pose(1), pose(-1)];
  return one.error <= two.error ? [one, two] : [two, one];
}

const cross = (a: readonly number[], b: readonly number[]): number[] => [
  a[1] * b[2] - a[2] * b[1],
  a[2] * b[0] - a[0] * b[2],
  a[0] * b[1] - a[1] * b[0],
];
/** The nearest pair of unit vectors at right angles: both turned by half of what is wrong with their angle. */
function orthonormal(a: readonly number[], b: readonly number[]): [number[], number[]] {
  const unit = (v: readonly number[]) => v.map((x) => x / Math.hypot(...v));
  const [x, y] = [unit(a), unit(b)];
  const [s, d] = [unit(x.map((v, i) => v + y[i])), unit(x.map((v, i) => v - y[i]))];
  return [s.map((v, i) => (v + d[i]) / Math.SQRT2), s.map((v, i) => (v - d[i]) / Math.SQRT2)];
}
/** The shortest turn that takes (0, 0, 1) to the direction of (p, q, 1). */
function towards(p: number, q: number): Float64Array {
  const n = Math.sqrt(p * p + q * q + 1);
  const [x, y, z] = [p / n, q / n, 1 / n];
  const c = 1 / (1 + z);
  return Float64Array.from([1 - x * x * c, -x * y * c, x, -x * y * c, 1 - y * y * c, y, -x, -y, z]);
}
