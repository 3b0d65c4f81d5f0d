import { type AffineMap, applyAffine, type Grid, invertAffine, physicalToIndex } from "../../image/grid.js";
import type { Tensor } from "../../tensor/index.js";
import type { LandmarkPairs } from "./landmarkTerm.js";

/** Landmark pairs on the grid of a level, [n · d] in its voxels: the fixed ones, and the moving ones brought over by the linear map. */
export interface VoxelPairs {
  readonly fixed: Float64Array;
  readonly moving: Float64Array;
  /** c/n of ½ c mean |qᵢ − pᵢ|², and the voxels' sizes in mm. */
  readonly factor: number;
  readonly spacing: readonly number[];
}
export function voxelPairs(pairs: LandmarkPairs, map: AffineMap, grid: Grid): VoxelPairs {
  const { count: n, dimension: d } = pairs.fixed;
  const [toIndex, back] = [physicalToIndex(grid), invertAffine(map)];
  const on = (points: Float64Array, through: (p: number[]) => number[]) => {
    const out = new Float64Array(n * d);
    for (let k = 0; k < n; k++) out.set(through(Array.from(points.subarray(k * d, k * d + d))), k * d);
    return out;
  };
  return {
    fixed: on(pairs.fixed.points, (p) => applyAffine(toIndex, p)),
    moving: on(pairs.moving.points, (p) => applyAffine(toIndex, applyAffine(back, p))),
    factor: pairs.factor / n,
    spacing: grid.spacing,
  };
}

/**
 * Landmarks of a symmetric deformation, met in the middle:  L = ½ c mean |qᵢ − pᵢ|²,  (id + u₁)(qᵢ) = fᵢ,  (id + u₂)(pᵢ) = mᵢ.
 * Adds to `force` (planes in voxels) the slope of L for moves δ of the middle (u₂ by δ, u₁ by −δ): c/n (qᵢ − pᵢ) at qᵢ and at pᵢ. Returns L.
 */
export function landmarkPull(pairs: VoxelPairs, toFixed: Tensor, toMoving: Tensor, force: Tensor): number {
  const [d, ...shape] = force.shape;
  const n = shape.reduce((a, b) => a * b, 1);
  const stride = Array.from({ length: d }, (_, a) => shape.slice(d - a).reduce((s, m) => s * m, 1));
  /** The samples around a place, with their weights of linear interpolation; places outside count at the border. */
  const around = (p: ArrayLike<number>, f: (at: number, weight: number) => void) => {
    const low = Array.from({ length: d }, (_, a) => Math.max(0, Math.min(shape[d - 1 - a] - 2, Math.floor(p[a]))));
    const t = low.map((i, a) => Math.max(0, Math.min(1, p[a] - i)));
    for (let corner = 0; corner < 1 << d; corner++) {
      let [at, weight] = [0, 1];
      for (let a = 0; a < d; a++) {
        const up = (corner >> a) & 1;
        at += Math.min(low[a] + up, shape[d - 1 - a] - 1) * stride[a];
        weight *= up ? t[a] : 1 - t[a];
      }
      if (weight > 0) f(at, weight);
    }
  };
  /** q with q + u(q) = f, by fixed-point steps. */
  const before = (u: ArrayLike<number>, f: Float64Array): Float64Array => {
    const q = Float64Array.from(f);
    for (let k = 0; k < 30; k++) {
      const moved = new Float64Array(d);
      around(q, (at, w) => {
        for (let a = 0; a < d; a++) moved[a] += w * u[a * n + at];
      });
      let change = 0;
      for (let a = 0; a < d; a++) {
        const next = f[a] - moved[a];
        change = Math.max(change, Math.abs(next - q[a]));
        q[a] = next;
      }
      if (change < 1e-4) break;
    }
    return q;
  };
  const [u1, u2, out] = [toFixed.data, toMoving.data, force.data];
  let value = 0;
  for (let k = 0; k < pairs.fixed.length; k += d) {
    const q = before(u1, pairs.fixed.subarray(k, k + d));
    const p = before(u2, pairs.moving.subarray(k, k + d));
    for (let a = 0; a < d; a++) {
      const pull = pairs.factor * pairs.spacing[a] ** 2 * (q[a] - p[a]);
      value += 0.5 * pull * (q[a] - p[a]);
      for (const x of [q, p])
        around(x, (at, w) => {
          out[a * n + at] += w * pull;
        });
    }
  }
  return value;
}
