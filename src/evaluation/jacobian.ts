import { checkLength, indexToPoint, invert, type Lattice, type Samples, sampleCount } from "./lattice.js";

/**
 * Jacobian determinant  det ∂y/∂p  of y(p) = p + u(p)  on the grid, by central differences (one-sided at the border, 0 across an axis of one sample).
 * @param displacement  u in mm, physical axes: planes x, y(, z), each x fastest
 * @param grid          where u is sampled
 * @returns             one number per grid point; 1 means volume kept, ≤ 0 means folded
 */
export function jacobianDeterminant(displacement: Samples, grid: Lattice): Float32Array {
  const d = grid.size.length;
  checkLength("jacobianDeterminant", displacement, grid, d);
  const n = sampleCount(grid);
  const toIndex = invert(indexToPoint(grid), d);
  const out = new Float32Array(n);
  const index = new Array<number>(d).fill(0);
  const strides = grid.size.map((_, k) => grid.size.slice(0, k).reduce((s, v) => s * v, 1));
  const du = new Float64Array(d * d);
  const jacobian = new Float64Array(d * d);
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < d; k++) {
      const low = index[k] > 0 ? 1 : 0;
      const high = index[k] < grid.size[k] - 1 ? 1 : 0;
      const step = low + high;
      const up = i + high * strides[k];
      const down = i - low * strides[k];
      for (let c = 0; c < d; c++) du[c * d + k] = step === 0 ? 0 : (displacement[c * n + up] - displacement[c * n + down]) / step;
    }
    for (let r = 0; r < d; r++)
      for (let c = 0; c < d; c++) {
        let v = r === c ? 1 : 0;
        for (let k = 0; k < d; k++) v += du[r * d + k] * toIndex[k * d + c];
        jacobian[r * d + c] = v;
      }
    out[i] = determinant(jacobian, d);
    for (let k = 0; k < d && ++index[k] === grid.size[k]; k++) index[k] = 0;
  }
  return out;
}

function determinant(m: Float64Array, d: number): number {
  if (d === 1) return m[0];
  if (d === 2) return m[0] * m[3] - m[1] * m[2];
  return m[0] * (m[4] * m[8] - m[5] * m[7]) - m[1] * (m[3] * m[8] - m[5] * m[6]) + m[2] * (m[3] * m[7] - m[4] * m[6]);
}

export interface JacobianSummary {
  /** Share of points with det J ≤ 0 (or not finite). */
  readonly folded: number;
  readonly foldedCount: number;
  readonly min: number;
  readonly max: number;
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
