import { svd } from "../kernels/linalg.js";
import { multiply3 } from "./planar.js";

/** A 3 × 3 matrix, row by row. */
export type Matrix3 = Float64Array;

export const transpose3 = (m: ArrayLike<number>): Matrix3 => Float64Array.from([m[0], m[3], m[6], m[1], m[4], m[7], m[2], m[5], m[8]]);
export const determinant3 = (m: ArrayLike<number>): number =>
  m[0] * (m[4] * m[8] - m[5] * m[7]) - m[1] * (m[3] * m[8] - m[5] * m[6]) + m[2] * (m[3] * m[7] - m[4] * m[6]);
export const times3 = (m: ArrayLike<number>, v: ArrayLike<number>): [number, number, number] => [
  m[0] * v[0] + m[1] * v[1] + m[2] * v[2],
  m[3] * v[0] + m[4] * v[1] + m[5] * v[2],
  m[6] * v[0] + m[7] * v[1] + m[8] * v[2],
];
/** exp [ω]×, by Rodrigues' formula; ω in radians about its direction. */
export function rotationOf(x: number, y: number, z: number): Matrix3 {
  const t2 = x * x + y * y + z * z;
  const t = Math.sqrt(t2);
  const a = t < 1e-6 ? 1 - t2 / 6 : Math.sin(t) / t;
  const b = t < 1e-4 ? 0.5 - t2 / 24 : (1 - Math.cos(t)) / t2;
  return Float64Array.from([
    1 - b * (y * y + z * z),
    b * x * y - a * z,
    b * x * z + a * y,
    b * x * y + a * z,
    1 - b * (x * x + z * z),
    b * y * z - a * x,
    b * x * z - a * y,
    b * y * z + a * x,
    1 - b * (x * x + y * y),
  ]);
}
/** The angle of a rotation, radians; exact for small ones too. */
export function angleOf(r: ArrayLike<number>): number {
  const s = 0.5 * Math.hypot(r[7] - r[5], r[2] - r[6], r[3] - r[1]);
  return Math.atan2(s, 0.5 * (r[0] + r[4] + r[8] - 1));
}
/** The rotation nearest to a matrix of positive determinant (least Frobenius distance). */
export function nearestRotation(m: ArrayLike<number>): Matrix3 {
  const { u, v } = svd(Float64Array.from(m), 3, 3);
  const sign = Math.sign(determinant3(u) * determinant3(v)) || 1;
  const turned = u.slice();
  for (let i = 0; i < 3; i++) turned[3 * i + 2] *= sign;
  return multiply3(turned, transpose3(v));
}
export const identity3 = (): Matrix3 => Float64Array.from([1, 0, 0, 0, 1, 0, 0, 0, 1]);
