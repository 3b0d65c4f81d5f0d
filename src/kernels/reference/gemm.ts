/** C[b] = alpha · op(A[b]) · op(B[b]) + beta · C[b]: C [batch, m, n], op(A) [m, k], op(B) [k, n], all row-major and contiguous. */
export interface ProductShape {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** A is stored [k, m]. */
  readonly transposeA?: boolean;
  /** B is stored [n, k]. */
  readonly transposeB?: boolean;
  readonly alpha?: number;
  /** 0 (the default) overwrites C without reading it. */
  readonly beta?: number;
  readonly batch?: number;
  /** Elements from one A to the next; default m·k, 0 uses one for the whole batch. */
  readonly strideA?: number;
  /** Elements from one B to the next; default k·n, 0 uses one for the whole batch. */
  readonly strideB?: number;
}

/** Plain twin of the matrix product. */
export function gemm(a: ArrayLike<number>, b: ArrayLike<number>, c: { [i: number]: number }, s: ProductShape): void {
  const { m, n, k, alpha = 1, beta = 0, batch = 1, strideA = m * k, strideB = k * n } = s;
  const [rowA, stepA] = s.transposeA ? [1, m] : [k, 1];
  const [rowB, stepB] = s.transposeB ? [1, k] : [n, 1];
  const row = new Float64Array(n);
  for (let i = 0; i < batch; i++)
    for (let r = 0; r < m; r++) {
      row.fill(0);
      for (let l = 0; l < k; l++) {
        const v = a[i * strideA + r * rowA + l * stepA];
        for (let j = 0, q = i * strideB + l * rowB; j < n; j++, q += stepB) row[j] += v * b[q];
      }
      for (let j = 0, q = (i * m + r) * n; j < n; j++, q++) c[q] = beta === 0 ? alpha * row[j] : alpha * row[j] + beta * c[q];
    }
}

/** The same for complex numbers, interleaved pairs; transposes do not conjugate. alpha and beta are left out: C = op(A) op(B). */
export function gemmComplex(a: ArrayLike<number>, b: ArrayLike<number>, c: { [i: number]: number }, s: ProductShape): void {
  const { m, n, k, batch = 1, strideA = m * k, strideB = k * n } = s;
  const [rowA, stepA] = s.transposeA ? [1, m] : [k, 1];
  const [rowB, stepB] = s.transposeB ? [1, k] : [n, 1];
  for (let i = 0; i < batch; i++)
    for (let r = 0; r < m; r++)
      for (let j = 0; j < n; j++) {
        let re = 0;
        let im = 0;
        for (let l = 0; l < k; l++) {
          const p = 2 * (i * strideA + r * rowA + l * stepA);
          const q = 2 * (i * strideB + l * rowB + j * stepB);
          re += a[p] * b[q] - a[p + 1] * b[q + 1];
          im += a[p] * b[q + 1] + a[p + 1] * b[q];
        }
        const at = 2 * ((i * m + r) * n + j);
        c[at] = re;
        c[at + 1] = im;
      }
}
