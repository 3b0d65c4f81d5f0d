import { voxelAt } from "./planes.js";

/**
 * Sums for least squares with a derivative image known beforehand: v sampled values, u the grid's own, t = v − u, g the planes of the
 * gradient of the grid's own image, w weights; p = (x, y(, z)) the voxel.
 */
export interface GradientSums {
  /** Σ w g_a t (p, 1), Σ w g_a u (p, 1), Σ w g_a (p, 1): d × (d + 1) numbers each, row by row. */
  readonly ofDifference: Float64Array;
  readonly ofOwn: Float64Array;
  readonly ofOne: Float64Array;
  /** Σ w, w t, w t², w u, w u², w u t. */
  readonly weight: number;
  readonly t: number;
  readonly tt: number;
  readonly u: number;
  readonly uu: number;
  readonly ut: number;
}

/** Plain twin of `gradientSums`; weights and inside may be undefined (1). Size [(D,) H, W]. */
export function gradientSums(
  v: ArrayLike<number>,
  u: ArrayLike<number>,
  gradient: ArrayLike<number>,
  size: readonly number[],
  weight?: ArrayLike<number>,
  inside?: ArrayLike<number>,
): GradientSums {
  const d = size.length;
  const n = size.reduce((a, b) => a * b, 1);
  const of = () => new Float64Array(d * (d + 1));
  const [ofDifference, ofOwn, ofOne] = [of(), of(), of()];
  const s = { weight: 0, t: 0, tt: 0, u: 0, uu: 0, ut: 0 };
  for (let k = 0; k < n; k++) {
    const w = (weight ? weight[k] : 1) * (inside ? inside[k] : 1);
    const t = v[k] - u[k];
    const p = [...voxelAt(size, k), 1];
    for (let a = 0; a < d; a++)
      for (let i = 0; i <= d; i++) {
        const g = w * gradient[a * n + k] * p[i];
        ofDifference[a * (d + 1) + i] += g * t;
        ofOwn[a * (d + 1) + i] += g * u[k];
        ofOne[a * (d + 1) + i] += g;
      }
    s.weight += w;
    s.t += w * t;
    s.tt += w * t * t;
    s.u += w * u[k];
    s.uu += w * u[k] * u[k];
    s.ut += w * u[k] * t;
  }
  return { ofDifference, ofOwn, ofOne, ...s };
}
