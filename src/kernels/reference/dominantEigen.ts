/** Starting vector of the power method: no coil, sign or direction of symmetry is favoured. k complex numbers, interleaved. */
export function powerStart(k: number): Float64Array {
  const start = new Float64Array(2 * k);
  for (let c = 0; c < k; c++) {
    const turns = 2 * Math.PI * 0.6180339887498949 * c * c;
    start[2 * c] = Math.cos(turns);
    start[2 * c + 1] = Math.sin(turns);
  }
  return start;
}

/**
 * For each of n pixels, the eigenvector of the largest eigenvalue of a Hermitian k×k matrix, by the power method.
 * matrix: complex planes [k(k+1)/2, n], the upper triangle row by row; vector: [k, n] of length 1; value: [n].
 */
export function dominantEigen(
  matrix: ArrayLike<number>,
  vector: { [i: number]: number },
  value: { [i: number]: number },
  k: number,
  n: number,
  iterations: number,
): void {
  const start = powerStart(k);
  const place = (c: number, d: number) => c * k - (c * (c - 1)) / 2 + d - c; // c ≤ d
  for (let i = 0; i < n; i++) {
    const x = Float64Array.from(start);
    let size = 0;
    for (let t = 0; t < iterations; t++) {
      const y = new Float64Array(2 * k);
      for (let c = 0; c < k; c++)
        for (let d = 0; d < k; d++) {
          const at = 2 * (place(Math.min(c, d), Math.max(c, d)) * n + i);
          const re = matrix[at];
          const im = c === d ? 0 : c < d ? matrix[at + 1] : -matrix[at + 1];
          y[2 * c] += re * x[2 * d] - im * x[2 * d + 1];
          y[2 * c + 1] += re * x[2 * d + 1] + im * x[2 * d];
        }
      size = Math.hypot(...y);
      for (let c = 0; c < 2 * k; c++) x[c] = y[c] / Math.max(size, 1e-30);
    }
    for (let c = 0; c < k; c++) {
      vector[2 * (c * n + i)] = x[2 * c];
      vector[2 * (c * n + i) + 1] = x[2 * c + 1];
    }
    value[i] = size;
  }
}
