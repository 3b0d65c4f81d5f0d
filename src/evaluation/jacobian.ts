import { checkLength, indexToPoint, invert, type Lattice, type Samples } from "./lattice.js";

/**
 * Jacobian determinant  det ∂y/∂p  of y(p) = p + u(p)  on the grid, by central differences (one-sided at the border, 0 across an axis of one sample).
 * @param displacement  u in mm, physical axes: planes x, y(, z), each x fastest
 * @param grid          where u is sampled
 * @returns             one number per grid point; 1 means volume kept, ≤ 0 means folded
 */
export function jacobianDeterminant(displacement: Samples, grid: Lattice): Float32Array {
  const d = grid.size.length;
  checkLength("jacobianDeterminant", displacement, grid, d);
  // ∂u/∂p = ∂u/∂index · T, T = ∂index/∂p; and det(I + ∂u/∂p) = det(T⁻¹ + ∂u/∂index) · det T, which spares a product per point.
  const base = indexToPoint(grid);
  const toIndex = invert(base, d);
  return d === 2 ? planar(displacement, grid, base, determinant(toIndex, 2)) : spatial(displacement, grid, base, determinant(toIndex, 3));
}

/** Offsets to the neighbours of index i along an axis and the inverse of their distance; one-sided at the ends. */
const neighbours = (i: number, n: number, stride: number): readonly [number, number, number] =>
  n === 1 ? [0, 0, 0] : i === 0 ? [0, stride, 1] : i === n - 1 ? [-stride, 0, 1] : [-stride, stride, 0.5];

function planar(u: Samples, { size: [nx, ny] }: Lattice, m: readonly number[], scale: number): Float32Array {
  const n = nx * ny;
  const out = new Float32Array(n);
  for (let y = 0, i = 0; y < ny; y++) {
    const [yl, yh, yw] = neighbours(y, ny, nx);
    for (let x = 0; x < nx; x++, i++) {
      const [xl, xh, xw] = neighbours(x, nx, 1);
      const a = m[0] + (u[i + xh] - u[i + xl]) * xw;
      const b = m[1] + (u[i + yh] - u[i + yl]) * yw;
      const c = m[2] + (u[n + i + xh] - u[n + i + xl]) * xw;
      const d = m[3] + (u[n + i + yh] - u[n + i + yl]) * yw;
      out[i] = (a * d - b * c) * scale;
    }
  }
  return out;
}

function spatial(u: Samples, { size: [nx, ny, nz] }: Lattice, m: readonly number[], scale: number): Float32Array {
  const n = nx * ny * nz;
  const out = new Float32Array(n);
  const [m0, m1, m2, m3, m4, m5, m6, m7, m8] = m;
  for (let z = 0, i = 0; z < nz; z++) {
    const [zl, zh, zw] = neighbours(z, nz, nx * ny);
    for (let y = 0; y < ny; y++) {
      const [yl, yh, yw] = neighbours(y, ny, nx);
      for (let x = 0; x < nx; x++, i++) {
        const xl = x > 0 ? -1 : 0;
        const xh = x < nx - 1 ? 1 : 0;
        const xw = xh - xl === 2 ? 0.5 : xh - xl;
        const j = n + i;
        const k = j + n;
        const a = m0 + (u[i + xh] - u[i + xl]) * xw;
        const b = m1 + (u[i + yh] - u[i + yl]) * yw;
        const c = m2 + (u[i + zh] - u[i + zl]) * zw;
        const d = m3 + (u[j + xh] - u[j + xl]) * xw;
        const e = m4 + (u[j + yh] - u[j + yl]) * yw;
        const f = m5 + (u[j + zh] - u[j + zl]) * zw;
        const g = m6 + (u[k + xh] - u[k + xl]) * xw;
        const h = m7 + (u[k + yh] - u[k + yl]) * yw;
        const l = m8 + (u[k + zh] - u[k + zl]) * zw;
        out[i] = (a * (e * l - f * h) - b * (d * l - f * g) + c * (d * h - e * g)) * scale;
      }
    }
  }
  return out;
}

function determinant(m: ArrayLike<number>, d: number): number {
  if (d === 2) return m[0] * m[3] - m[1] * m[2];
  return m[0] * (m[4] * m[8] - m[5] * m[7]) - m[1] * (m[3] * m[8] - m[5] * m[6]) + m[2] * (m[3] * m[7] - m[4] * m[6]);
}

/** Statistics of det ∂y over a grid: its range, and where it is not positive. */
export interface JacobianSummary {
  /** Share of points with det J ≤ 0 (or not finite). */
  readonly folded: number;
  /** Voxels where det ∂y is not positive. */
  readonly foldedCount: number;
  /** The smallest. */
  readonly min: number;
  /** The largest. */
  readonly max: number;
  /** The mean. */
  readonly mean: number;
  /** Standard deviation of log det J over the points where it is positive (n in the denominator). */
  readonly sdLog: number;
}

/** Figures of a map of Jacobian determinants, over all points or those where `mask` is non-zero. */
export function jacobianSummary(determinants: Samples, mask?: Samples): JacobianSummary {
  let count = 0;
  let foldedCount = 0;
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  let sum = 0;
  let positive = 0;
  let mean = 0;
  let m2 = 0;
  for (let i = 0; i < determinants.length; i++) {
    if (mask && !mask[i]) continue;
    const j = determinants[i];
    count++;
    if (!(j > 0)) foldedCount++;
    if (j < min) min = j;
    if (j > max) max = j;
    sum += j;
    if (j > 0 && j < Number.POSITIVE_INFINITY) {
      // Welford's update: one pass, no cancellation.
      const l = Math.log(j);
      positive++;
      const delta = l - mean;
      mean += delta / positive;
      m2 += delta * (l - mean);
    }
  }
  return { folded: foldedCount / count, foldedCount, min, max, mean: sum / count, sdLog: Math.sqrt(m2 / positive) };
}
