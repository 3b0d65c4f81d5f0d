import { ShapeError } from "../core/errors.js";
import { select } from "../core/select.js";
import { checkLength, indexToPoint, invert, type Lattice, type Samples, sampleCount } from "./lattice.js";

/** Points [n, d] ↦ points [n, d]; NaN where the map is not defined. */
export type PointMap = (points: Float64Array) => ArrayLike<number>;

/** How far y⁻¹(y(p)) lies from p, in mm, over the points of a grid. */
export interface InverseConsistency {
  /** Mean |y⁻¹(y(p)) − p| in voxels of the fixed grid. */
  readonly mean: number;
  /** The largest. */
  readonly max: number;
  /** 99 of 100 points miss by no more than this, voxels; and the share that misses by more than one voxel. */
  readonly p99: number;
  /** Share of points that miss by more than 1 mm. */
  readonly beyondOne: number;
  /** Grid points that took part: interior ones whose way there and back stays defined. */
  readonly count: number;
}

/**
 * Inverse consistency,  mean over p of |y⁻¹(y(p)) − p|  in voxels, p over the interior of the fixed grid (not its outermost layer).
 * @param forward   y, fixed points ↦ moving points
 * @param inverse   y⁻¹, moving points ↦ fixed points
 * @param stride    look at every stride-th point only (default 1: all)
 */
export function inverseConsistency(forward: PointMap, inverse: PointMap, grid: Lattice, stride = 1): InverseConsistency {
  const d = grid.size.length;
  const start = interior(grid, stride);
  const back = inverse(Float64Array.from(forward(start)));
  if (back.length !== start.length)
    throw new ShapeError(`inverseConsistency: ${start.length / d} points went in and ${back.length / d} came back`, {});
  const toIndex = invert(indexToPoint(grid), d);
  let sum = 0;
  const misses = new Float64Array(start.length / d);
  let count = 0;
  let beyondOne = 0;
  for (let i = 0; i < start.length; i += d) {
    let square = 0;
    for (let r = 0; r < d; r++) {
      let v = 0;
      for (let c = 0; c < d; c++) v += toIndex[r * d + c] * (back[i + c] - start[i + c]);
      square += v * v;
    }
    if (Number.isNaN(square)) continue;
    const distance = Math.sqrt(square);
    sum += distance;
    if (distance > 1) beyondOne++;
    misses[count++] = distance;
  }
  if (count === 0) return { mean: Number.NaN, max: 0, p99: 0, beyondOne: 0, count };
  const known = misses.subarray(0, count);
  const last = Math.ceil(0.99 * count) - 1;
  const p99 = select(known, last);
  return { mean: sum / count, max: select(known, count - 1, last), p99, beyondOne: beyondOne / count, count };
}

/** The grid points that are not in the outermost layer (axes of fewer than 3 samples have no interior: all count). */
function interior(grid: Lattice, stride: number): Float64Array {
  const d = grid.size.length;
  const m = indexToPoint(grid);
  const n = sampleCount(grid);
  const out = new Float64Array(d * Math.ceil(n / stride));
  const index = new Float64Array(d);
  let count = 0;
  for (let i = 0; i < n; i += stride) {
    let rest = i;
    let rim = false;
    for (let a = 0; a < d; a++) {
      const size = grid.size[a];
      const v = rest % size;
      if (size > 2 && (v === 0 || v === size - 1)) rim = true;
      index[a] = v;
      rest = (rest - v) / size;
    }
    if (rim) continue;
    for (let r = 0; r < d; r++) {
      let v = grid.origin?.[r] ?? 0;
      for (let c = 0; c < d; c++) v += m[r * d + c] * index[c];
      out[count++] = v;
    }
  }
  return out.slice(0, count);
}

/** y(p) = p + u(p) with u interpolated linearly between the samples of a displacement field [mm, planes x, y(, z)]; NaN outside its grid. */
export function fieldMap(displacement: Samples, grid: Lattice): PointMap {
  const d = grid.size.length;
  checkLength("fieldMap", displacement, grid, d);
  const n = sampleCount(grid);
  const toIndex = invert(indexToPoint(grid), d);
  const strides = grid.size.map((_, k) => grid.size.slice(0, k).reduce((s, v) => s * v, 1));
  return (points) => {
    const out = new Float64Array(points.length);
    const base = new Int32Array(d);
    const weight = new Float64Array(d);
    for (let i = 0; i < points.length; i += d) {
      let inside = true;
      for (let r = 0; r < d; r++) {
        let x = 0;
        for (let c = 0; c < d; c++) x += toIndex[r * d + c] * (points[i + c] - (grid.origin?.[c] ?? 0));
        // A hair of slack: a point that is on the border in exact arithmetic counts as inside.
        if (!(x >= -1e-6 && x <= grid.size[r] - 1 + 1e-6)) inside = false;
        base[r] = Math.max(0, Math.min(grid.size[r] - 2, Math.floor(x)));
        weight[r] = grid.size[r] === 1 ? 0 : x - base[r];
      }
      for (let c = 0; c < d; c++) {
        if (!inside) {
          out[i + c] = Number.NaN;
          continue;
        }
        let u = 0;
        for (let corner = 0; corner < 1 << d; corner++) {
          let w = 1;
          let at = c * n;
          for (let k = 0; k < d; k++) {
            const high = (corner >> k) & 1;
            w *= high ? weight[k] : 1 - weight[k];
            at += (base[k] + high) * strides[k];
          }
          if (w !== 0) u += w * displacement[at];
        }
        out[i + c] = points[i + c] + u;
      }
    }
    return out;
  };
}
