import type { Lines } from "./lines.js";

/**
 * A sparse m × n matrix, row after row: row k holds the taps rows[k] … rows[k + 1] − 1 of `index` (columns) and `weights`. Along an axis it is any
 * filter, wavelet, resampling or rule for borders.
 */
export interface SparseRows {
  /** Rows of the matrix. */
  readonly m: number;
  /** Columns of the matrix. */
  readonly n: number;
  /** Where each row begins in `index` and `weights`; m + 1 numbers. */
  readonly rows: Int32Array;
  /** The columns, row after row. */
  readonly index: Int32Array;
  /** The entries, row after row. */
  readonly weights: Float64Array;
}
/** The matrix from the taps [column, weight] of its rows; taps of one column are added. */
export function sparseRows(n: number, list: readonly (readonly (readonly [number, number])[])[]): SparseRows {
  const rows = new Int32Array(list.length + 1);
  const index: number[] = [];
  const weights: number[] = [];
  list.forEach((taps, k) => {
    const sums = new Map<number, number>();
    for (const [i, w] of taps) sums.set(i, (sums.get(i) ?? 0) + w);
    for (const [i, w] of [...sums].sort((a, b) => a[0] - b[0]))
      if (w !== 0) {
        index.push(i);
        weights.push(w);
      }
    rows[k + 1] = index.length;
  });
  return { m: list.length, n, rows, index: Int32Array.from(index), weights: Float64Array.from(weights) };
}
/** The rows of the transposed matrix, indices ascending. */
export function transposedRows({ m, n, rows, index, weights }: SparseRows): SparseRows {
  const list: [number, number][][] = Array.from({ length: n }, () => []);
  for (let k = 0; k < m; k++) for (let t = rows[k]; t < rows[k + 1]; t++) list[index[t]].push([k, weights[t]]);
  return sparseRows(m, list);
}

/** A block of an array: lines (o, q, j) along an axis, sample k of one at offset + o·outer + q·middle + k·axis + j. Strides count numbers. */
export interface Strides {
  readonly offset: number;
  readonly outer: number;
  readonly middle: number;
  readonly axis: number;
}
/** How many lines there are: outer × middle × inner. */
export interface LineCounts {
  readonly outer: number;
  readonly middle: number;
  readonly inner: number;
}

/** Plain twin of `along`: out_k = Σ w_t in_{index t} for every line, added to what is there with `accumulate`. May work in place. */
export function along(
  x: ArrayLike<number>,
  from: Strides,
  out: { [i: number]: number },
  to: Strides,
  counts: LineCounts,
  matrix: SparseRows,
  accumulate = false,
): void {
  const { m, n, rows, index, weights } = matrix;
  const line = new Float64Array(n);
  for (let o = 0; o < counts.outer; o++)
    for (let q = 0; q < counts.middle; q++)
      for (let j = 0; j < counts.inner; j++) {
        const a = from.offset + o * from.outer + q * from.middle + j;
        const b = to.offset + o * to.outer + q * to.middle + j;
        for (let k = 0; k < n; k++) line[k] = x[a + k * from.axis];
        for (let k = 0; k < m; k++) {
          let sum = accumulate ? (out as Record<number, number>)[b + k * to.axis] : 0;
          for (let t = rows[k]; t < rows[k + 1]; t++) sum += weights[t] * line[index[t]];
          out[b + k * to.axis] = sum;
        }
      }
}

/** What follows the last sample: the same again, so that the last difference is 0 ("reflect"); the first ("periodic"); or "zero". */
export type DifferenceBorder = "reflect" | "periodic" | "zero";

/** Plain twin of `forwardDifference`: out_k = scale (x_{k+1} − x_k) along the lines, or its adjoint; added with `accumulate`. */
export function forwardDifference(
  x: ArrayLike<number>,
  out: { [i: number]: number },
  { outer, n, inner }: Lines,
  border: DifferenceBorder,
  scale = 1,
  adjoint = false,
  accumulate = false,
): void {
  const here = out as Record<number, number>;
  for (let o = 0; o < outer; o++)
    for (let j = 0; j < inner; j++) {
      const at = (k: number) => (o * n + k) * inner + j;
      if (!accumulate) for (let k = 0; k < n; k++) here[at(k)] = 0;
      for (let k = 0; k < n; k++) {
        const next = k < n - 1 ? k + 1 : border === "periodic" ? 0 : border === "zero" ? -1 : k;
        if (next === k) continue;
        if (adjoint) {
          here[at(k)] -= scale * x[at(k)];
          if (next >= 0) here[at(next)] += scale * x[at(k)];
        } else here[at(k)] += scale * ((next >= 0 ? x[at(next)] : 0) - x[at(k)]);
      }
    }
}
