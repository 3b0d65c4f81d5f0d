import { GridError, ShapeError } from "../core/errors.js";

/** Numbers in a row: typed arrays and plain arrays alike. */
export type Samples = ArrayLike<number>;

/** Where the samples of an image lie: point = origin + direction · (spacing ∘ index), everything in x, y(, z) order; x runs fastest in memory. */
export interface Lattice {
  /** Samples along x, y (and z). */
  readonly size: readonly number[];
  /** Distance of samples along each axis, mm. */
  readonly spacing: readonly number[];
  /** Default 0. */
  readonly origin?: readonly number[];
  /** Row-major d×d; default the identity. */
  readonly direction?: readonly number[];
}

/** Number of samples of one channel. */
export const sampleCount = (grid: Lattice): number => grid.size.reduce((n, s) => n * s, 1);

/** @throws ShapeError when `values` does not hold `channels` numbers for each grid point */
export function checkLength(who: string, values: Samples, grid: Lattice, channels = 1): void {
  const expected = channels * sampleCount(grid);
  if (values.length !== expected)
    throw new ShapeError(
      `${who}: got ${values.length} numbers for a grid of ${grid.size.join("×")}${channels > 1 ? ` with ${channels} components` : ""}; expected ${expected}`,
      { length: values.length, expected, size: grid.size },
    );
}

/** @throws ShapeError when two images differ in length */
export function checkPair(who: string, a: Samples, b: Samples): void {
  if (a.length !== b.length)
    throw new ShapeError(`${who}: the images hold ${a.length} and ${b.length} values; resample one onto the grid of the other first`, {
      a: a.length,
      b: b.length,
    });
  if (a.length === 0) throw new ShapeError(`${who}: the images are empty; give images with at least one value`);
}

/** Inverse of a row-major n×n matrix, n ≤ 4, by Gauss–Jordan with pivoting. @throws GridError when it is singular */
export function invert(matrix: readonly number[], n: number): number[] {
  const a = Array.from({ length: n }, (_, i) => [
    ...matrix.slice(i * n, i * n + n),
    ...Array.from({ length: n }, (_, j) => (i === j ? 1 : 0)),
  ]);
  for (let k = 0; k < n; k++) {
    let pivot = k;
    for (let i = k + 1; i < n; i++) if (Math.abs(a[i][k]) > Math.abs(a[pivot][k])) pivot = i;
    if (!(Math.abs(a[pivot][k]) > 1e-12))
      throw new GridError(`direction: the matrix [${matrix.join(", ")}] is singular; give one whose columns are independent`, { matrix });
    [a[k], a[pivot]] = [a[pivot], a[k]];
    const scale = 1 / a[k][k];
    for (let j = 0; j < 2 * n; j++) a[k][j] *= scale;
    for (let i = 0; i < n; i++) {
      if (i === k) continue;
      const f = a[i][k];
      if (f !== 0) for (let j = 0; j < 2 * n; j++) a[i][j] -= f * a[k][j];
    }
  }
  return a.flatMap((row) => row.slice(n));
}

/** ∂point/∂index = direction · diag(spacing), row-major d×d. */
export function indexToPoint(grid: Lattice): number[] {
  const d = grid.size.length;
  const direction = grid.direction ?? Array.from({ length: d * d }, (_, k) => (k % (d + 1) === 0 ? 1 : 0));
  return direction.map((v, k) => v * grid.spacing[k % d]);
}

/** Points [n, d] of all samples, x fastest. */
export function latticePoints(grid: Lattice): Float64Array {
  const d = grid.size.length;
  const n = sampleCount(grid);
  const m = indexToPoint(grid);
  const out = new Float64Array(n * d);
  const index = new Array<number>(d).fill(0);
  for (let i = 0; i < n; i++) {
    for (let r = 0; r < d; r++) {
      let v = grid.origin?.[r] ?? 0;
      for (let c = 0; c < d; c++) v += m[r * d + c] * index[c];
      out[i * d + r] = v;
    }
    for (let k = 0; k < d && ++index[k] === grid.size[k]; k++) index[k] = 0;
  }
  return out;
}
