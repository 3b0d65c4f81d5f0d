import { type Base, type Interpolation, sampleBoth } from "./sampling.js";

/** A least-squares problem over an affine map of voxels and a linear intensity map. */
export interface AffineProblem {
  /** Interpolation of the moving image; for "cubic" it holds the coefficients of `bsplinePrefilter`. */
  readonly interpolation: Exclude<Interpolation, "nearest">;
  /** [A | b], row-major d × (d + 1) in x, y, z order: voxel of the fixed image ↦ voxel of the moving image. */
  readonly affine: Base;
  readonly gain?: number;
  readonly offset?: number;
  /** Every how many-th fixed voxel along x, y(, z) is used; default 1. */
  readonly step?: readonly number[];
}
/**
 * Normal equations of  r(p) = g M(A p + b) + o − F(p)  at the given parameters, summed with weights over the lattice where A p + b is inside
 * the moving image. Parameters in the order of [A | b] row by row, then g, then o: N = d(d + 1) + 2.
 */
export interface AffineSystem {
  /** JᵀJ, N × N, row-major. */
  readonly jtj: Float64Array;
  /** Jᵀr */
  readonly jtr: Float64Array;
  /** Σ w r² */
  readonly rr: number;
  /** voxels that count, and Σ w */
  readonly count: number;
  readonly weight: number;
  /** Σ w M, w M², w F, w F², w M F: what NCC and a regression of F on M need. */
  readonly m: number;
  readonly mm: number;
  readonly f: number;
  readonly ff: number;
  readonly mf: number;
}

/** Plain twin of `affineSystem`: explicit rows of the Jacobian. Sizes [(D,) H, W]; weight may be undefined (1). */
export function affineSystem(
  fixed: ArrayLike<number>,
  size: readonly number[],
  weight: ArrayLike<number> | undefined,
  moving: ArrayLike<number>,
  movingSize: readonly number[],
  { interpolation, affine, gain = 1, offset = 0, step }: AffineProblem,
): AffineSystem {
  const d = size.length;
  const s = step ?? size.map(() => 1);
  const lattice = size.map((n, k) => Math.ceil(n / s[d - 1 - k]));
  const n = lattice.reduce((a, b) => a * b, 1);
  const base = affine.map((v, k) => (k % (d + 1) === d ? v : v * s[k % (d + 1)]));
  const [value, gradient, inside] = [new Float64Array(n), new Float64Array(d * n), new Float64Array(n)];
  sampleBoth(interpolation, moving, 1, movingSize, { size: lattice, base }, value, gradient, {}, inside);
  const N = d * (d + 1) + 2;
  const [jtj, jtr, row] = [new Float64Array(N * N), new Float64Array(N), new Float64Array(N)];
  const sums = { rr: 0, count: 0, weight: 0, m: 0, mm: 0, f: 0, ff: 0, mf: 0 };
  for (let k = 0; k < n; k++) {
    const p: number[] = [];
    for (let a = d - 1, rest = k; a >= 0; a--) {
      p.push((rest % lattice[a]) * s[d - 1 - a]);
      rest = Math.floor(rest / lattice[a]);
    }
    const at = p.reduceRight((index, v, a) => index * size[d - 1 - a] + v, 0);
    const w = weight ? weight[at] : 1;
    if (inside[k] === 0 || !(w > 0)) continue;
    const [M, F] = [value[k], fixed[at]];
    const r = gain * M + offset - F;
    for (let a = 0; a < d; a++) for (let b = 0; b <= d; b++) row[a * (d + 1) + b] = gain * gradient[a * n + k] * (b < d ? p[b] : 1);
    row[N - 2] = M;
    row[N - 1] = 1;
    for (let i = 0; i < N; i++) {
      jtr[i] += w * row[i] * r;
      for (let j = 0; j < N; j++) jtj[i * N + j] += w * row[i] * row[j];
    }
    sums.rr += w * r * r;
    sums.count += 1;
    sums.weight += w;
    sums.m += w * M;
    sums.mm += w * M * M;
    sums.f += w * F;
    sums.ff += w * F * F;
    sums.mf += w * M * F;
  }
  return { jtj, jtr, ...sums };
}
