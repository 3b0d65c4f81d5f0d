/** Row-major square matrix of 2×2, 3×3 or 4×4 plain numbers: geometry, not linear algebra. */
export type Matrix = readonly number[];

export const identity = (d: number): number[] => Array.from({ length: d * d }, (_, i) => (i % (d + 1) === 0 ? 1 : 0));
export function multiply(a: Matrix, b: Matrix, d: number): number[] {
  return Array.from({ length: d * d }, (_, i) => {
    let s = 0;
    for (let k = 0; k < d; k++) s += a[Math.floor(i / d) * d + k] * b[k * d + (i % d)];
    return s;
  });
}
export function transform(a: Matrix, x: readonly number[]): number[] {
  const d = x.length;
  return x.map((_, i) => x.reduce((s, v, j) => s + a[i * d + j] * v, 0));
}
export function determinant(a: Matrix, d: number): number {
  if (d === 1) return a[0];
  let s = 0;
  for (let j = 0; j < d; j++) s += (j % 2 ? -1 : 1) * a[j] * determinant(minor(a, d, 0, j), d - 1);
  return s;
}
const minor = (a: Matrix, d: number, row: number, column: number) => a.filter((_, k) => Math.floor(k / d) !== row && k % d !== column);
/** By cofactors; the caller has made sure that it exists. */
export function inverse(a: Matrix, d: number): number[] {
  const det = determinant(a, d);
  return Array.from({ length: d * d }, (_, k) => {
    const i = Math.floor(k / d);
    const j = k % d;
    return (((i + j) % 2 ? -1 : 1) * (d === 1 ? 1 : determinant(minor(a, d, j, i), d - 1))) / det;
  });
}
export const transpose = (a: Matrix, d: number): number[] => a.map((_, k) => a[(k % d) * d + Math.floor(k / d)]);
/** Rodrigues: the rotation by |w| radians about w. @see Rodrigues (1840) */
export function rotationFromVector([x, y, z]: readonly number[]): number[] {
  const angle = Math.hypot(x, y, z);
  const s = angle < 1e-8 ? 1 - (angle * angle) / 6 : Math.sin(angle) / angle;
  const c = angle < 1e-8 ? 0.5 - (angle * angle) / 24 : (1 - Math.cos(angle)) / (angle * angle);
  const k = [0, -z, y, z, 0, -x, -y, x, 0];
  const k2 = multiply(k, k, 3);
  return identity(3).map((v, i) => v + s * k[i] + c * k2[i]);
}
/** Anticlockwise with x to the right and y up; clockwise on a picture, whose y points down. */
export const rotation2 = (angle: number): number[] => [Math.cos(angle), -Math.sin(angle), Math.sin(angle), Math.cos(angle)];
/** The axis of a rotation of space, as long as its angle in radians: the inverse of `rotationFromVector` for angles below π. */
export function vectorFromRotation(r: Matrix): number[] {
  const axis = [r[7] - r[5], r[2] - r[6], r[3] - r[1]];
  const sine = Math.hypot(...axis) / 2;
  const angle = Math.atan2(sine, (r[0] + r[4] + r[8] - 1) / 2);
  // For small angles angle / sine → 1.
  const factor = sine > 1e-12 ? angle / (2 * sine) : 0.5;
  return axis.map((v) => factor * v);
}
