import type { AffineProblem } from "./affineSystem.js";
import { type HistogramOptions, spread } from "./mutualInformation.js";
import { sampleBoth } from "./sampling.js";

/** Where and how two images meet: an affine map of voxels, a lattice of the fixed image, and how values fall into bins. */
export interface InformationProblem extends Pick<AffineProblem, "interpolation" | "affine" | "step">, HistogramOptions {
  /** Also the derivatives of the histogram. Default false. */
  readonly slopes?: boolean;
}
export interface AffineInformation {
  /** H[a, c], [bins, bins], row-major; the fixed image's bins are rows. */
  readonly histogram: Float64Array;
  /** ∂H/∂[A | b], [bins, bins, d(d + 1)], with b at the map's value at `centre`: entries of A turn about it. Undefined unless asked for. */
  readonly derivative?: Float64Array;
  /** The voxel of the fixed image about which the derivative is taken: its middle. */
  readonly centre: readonly number[];
}

/** Π (1 − how far A p + b is beyond the border along an axis), 0 from one voxel on, and its slopes along the moving axes. */
function taper(affine: readonly number[], p: readonly number[], movingSize: readonly number[]): [number, number[]] {
  const d = p.length;
  const beyond = p.map((_, i) => {
    const q = p.reduce((s, v, j) => s + affine[i * (d + 1) + j] * v, affine[i * (d + 1) + d]);
    return Math.min(0, q) + Math.max(0, q - (movingSize[d - 1 - i] - 1));
  });
  const factors = beyond.map((e) => Math.max(0, 1 - Math.abs(e)));
  const rest = (i: number) => factors.reduce((s, v, j) => (i === j ? s : s * v), 1);
  return [rest(-1), beyond.map((e, i) => (e !== 0 && factors[i] > 0 ? -Math.sign(e) * rest(i) : 0))];
}

/**
 * Plain twin of `affineInformation`: the joint histogram H[a, c] = Σ w β_a(F(p)) β_c(M(A p + b)) over the lattice, with the fixed weights times
 * those of the moving image's extent: 1 inside it, falling to 0 over one voxel beyond its border along each axis (where M keeps its border's value), so
 * that H is continuous in the map; and its derivative by the entries of [A | b'], A (p − centre) + b'.
 */
export function affineInformation(
  fixed: ArrayLike<number>,
  size: readonly number[],
  weight: ArrayLike<number> | undefined,
  moving: ArrayLike<number>,
  movingSize: readonly number[],
  { interpolation, affine, step, bins, order, range, slopes = false }: InformationProblem,
): AffineInformation {
  const d = size.length;
  const s = step ?? size.map(() => 1);
  const centre = size.map((_, k) => (size[d - 1 - k] - 1) / 2);
  const lattice = size.map((n, k) => Math.ceil(n / s[d - 1 - k]));
  const n = lattice.reduce((a, b) => a * b, 1);
  const base = affine.map((v, k) => (k % (d + 1) === d ? v : v * s[k % (d + 1)]));
  const [value, gradient] = [new Float64Array(n), new Float64Array(d * n)];
  sampleBoth(interpolation, moving, 1, movingSize, { size: lattice, base }, value, gradient);
  const E = d * (d + 1);
  const [histogram, derivative] = [new Float64Array(bins * bins), new Float64Array(slopes ? bins * bins * E : 0)];
  for (let k = 0; k < n; k++) {
    const p: number[] = [];
    for (let a = d - 1, rest = k; a >= 0; a--) {
      p.push((rest % lattice[a]) * s[d - 1 - a]);
      rest = Math.floor(rest / lattice[a]);
    }
    const at = p.reduceRight((index, v, a) => index * size[d - 1 - a] + v, 0);
    const given = weight ? weight[at] : 1;
    if (!(given > 0)) continue;
    const [extent, slopesOfExtent] = taper(affine, p, movingSize);
    const w = given * extent;
    if (!(extent > 0)) continue;
    const m = spread(value[k], range[0], bins, 3);
    const f = spread(fixed[at], range[1], bins, order);
    for (const [i, a] of f.weights.entries())
      for (const [j, b] of m.weights.entries()) {
        const cell = (f.first + i) * bins + m.first + j;
        histogram[cell] += w * a * b;
        if (slopes)
          for (let e = 0; e < E; e++) {
            const [row, column] = [Math.floor(e / (d + 1)), e % (d + 1)];
            derivative[cell * E + e] +=
              given *
              a *
              (extent * m.slopes[j] * gradient[row * n + k] + b * slopesOfExtent[row]) *
              (column < d ? p[column] - centre[column] : 1);
          }
      }
  }
  return { histogram, derivative: slopes ? derivative : undefined, centre };
}
