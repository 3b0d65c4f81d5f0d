/** A = V diag(λ) V^H: eigenvalues from large to small, and the eigenvectors of those wanted, one a row, re and im apart. */
export interface HermitianEigen {
  readonly values: Float64Array;
  readonly re: Float64Array;
  readonly im: Float64Array;
  /** How many rows `re` and `im` have. */
  readonly count: number;
}

/**
 * Eigenvalues of a Hermitian n×n matrix (row-major, re and im apart), and the eigenvectors of the `count(values)` largest: Householder
 * reflections to a real tridiagonal matrix, implicit QL there, and back. For matrices of some hundreds of rows, where Jacobi's rotations are slow.
 * @see Golub & Van Loan, Matrix Computations, on the symmetric QR algorithm
 */
export function hermitianEigen(
  re: ArrayLike<number>,
  im: ArrayLike<number>,
  n: number,
  count: (values: Float64Array) => number = () => n,
): HermitianEigen {
  const ar = Float64Array.from(re);
  const ai = Float64Array.from(im);
  const vr: Float64Array[] = []; // reflectors I − 2 v v^H, |v| = 1 (or 0)
  const vi: Float64Array[] = [];
  const pr = new Float64Array(n);
  const pi = new Float64Array(n);
  for (let k = 0; k < n - 2; k++) {
    const xr = new Float64Array(n);
    const xi = new Float64Array(n);
    let norm = 0;
    for (let i = k + 1; i < n; i++) {
      xr[i] = ar[i * n + k];
      xi[i] = ai[i * n + k];
      norm += xr[i] * xr[i] + xi[i] * xi[i];
    }
    norm = Math.sqrt(norm);
    const first = Math.hypot(xr[k + 1], xi[k + 1]);
    const [cr, ci] = first > 0 ? [xr[k + 1] / first, xi[k + 1] / first] : [1, 0];
    xr[k + 1] += cr * norm; // x − α e, α = −(phase of the first) |x|
    xi[k + 1] += ci * norm;
    const length = Math.sqrt(2 * norm * (norm + first));
    for (let i = k + 1; i < n; i++) {
      xr[i] = length > 0 ? xr[i] / length : 0;
      xi[i] = length > 0 ? xi[i] / length : 0;
    }
    vr.push(xr);
    vi.push(xi);
    // Subdiagonal α; the rest of the matrix B ← B − v w^H − w v^H with p = 2 B v, w = p − (v^H p) v … halves below.
    ar[(k + 1) * n + k] = -cr * norm;
    ai[(k + 1) * n + k] = -ci * norm;
    if (length === 0) continue;
    let inner = 0;
    for (let i = k + 1; i < n; i++) {
      let sr = 0;
      let si = 0;
      const row = i * n;
      for (let j = k + 1; j < n; j++) {
        sr += ar[row + j] * xr[j] - ai[row + j] * xi[j];
        si += ar[row + j] * xi[j] + ai[row + j] * xr[j];
      }
      pr[i] = 2 * sr;
      pi[i] = 2 * si;
      inner += xr[i] * pr[i] + xi[i] * pi[i]; // v^H B v is real
    }
    for (let i = k + 1; i < n; i++) {
      pr[i] -= inner * xr[i];
      pi[i] -= inner * xi[i];
    }
    for (let i = k + 1; i < n; i++) {
      const row = i * n;
      for (let j = k + 1; j < n; j++) {
        ar[row + j] -= xr[i] * pr[j] + xi[i] * pi[j] + pr[i] * xr[j] + pi[i] * xi[j];
        ai[row + j] -= xi[i] * pr[j] - xr[i] * pi[j] + pi[i] * xr[j] - pr[i] * xi[j];
      }
    }
  }
  // A diagonal of phases makes the subdiagonal real.
  const d = Float64Array.from({ length: n }, (_, i) => ar[i * n + i]);
  const e = new Float64Array(n);
  const phases: [number, number][] = [[1, 0]];
  for (let k = 0; k + 1 < n; k++) {
    const [sr, si] = [ar[(k + 1) * n + k], ai[(k + 1) * n + k]];
    const size = Math.hypot(sr, si);
    const [ur, ui] = size > 0 ? [sr / size, si / size] : [1, 0];
    const [qr, qi] = phases[k];
    phases.push([qr * ur - qi * ui, qr * ui + qi * ur]);
    e[k] = size;
  }
  const z = tridiagonal(d, e, n);
  const order = Array.from({ length: n }, (_, i) => i).sort((i, j) => d[j] - d[i]);
  const values = Float64Array.from(order, (i) => d[i]);
  const wanted = Math.max(0, Math.min(n, count(values)));
  const outR = new Float64Array(wanted * n);
  const outI = new Float64Array(wanted * n);
  for (let q = 0; q < wanted; q++) {
    const from = order[q] * n;
    const at = q * n;
    for (let i = 0; i < n; i++) {
      outR[at + i] = z[from + i] * phases[i][0];
      outI[at + i] = z[from + i] * phases[i][1];
    }
    for (let k = vr.length - 1; k >= 0; k--) {
      const [xr, xi] = [vr[k], vi[k]];
      let sr = 0;
      let si = 0;
      for (let i = k + 1; i < n; i++) {
        sr += xr[i] * outR[at + i] + xi[i] * outI[at + i];
        si += xr[i] * outI[at + i] - xi[i] * outR[at + i];
      }
      sr *= 2;
      si *= 2;
      for (let i = k + 1; i < n; i++) {
        outR[at + i] -= xr[i] * sr - xi[i] * si;
        outI[at + i] -= xr[i] * si + xi[i] * sr;
      }
    }
  }
  return { values, re: outR, im: outI, count: wanted };
}

/** Implicit QL on a symmetric tridiagonal matrix, diagonal d (becomes the eigenvalues), subdiagonal e; returns eigenvectors as rows. */
function tridiagonal(d: Float64Array, e: Float64Array, n: number): Float64Array {
  const z = new Float64Array(n * n);
  for (let i = 0; i < n; i++) z[i * n + i] = 1;
  for (let l = 0; l < n; l++) {
    for (let iteration = 0; iteration < 60; iteration++) {
      let m = l;
      while (m < n - 1 && Math.abs(e[m]) > Number.EPSILON * (Math.abs(d[m]) + Math.abs(d[m + 1]))) m++;
      if (m === l) break;
      let g = (d[l + 1] - d[l]) / (2 * e[l]); // Wilkinson's shift
      let r = Math.hypot(g, 1);
      g = d[m] - d[l] + e[l] / (g + (g >= 0 ? r : -r));
      let s = 1;
      let c = 1;
      let p = 0;
      let i = m - 1;
      for (; i >= l; i--) {
        const f = s * e[i];
        const b = c * e[i];
        r = Math.hypot(f, g);
        e[i + 1] = r;
        if (r === 0) {
          d[i + 1] -= p;
          e[m] = 0;
          break;
        }
        s = f / r;
        c = g / r;
        g = d[i + 1] - p;
        const t = (d[i] - g) * s + 2 * c * b;
        p = s * t;
        d[i + 1] = g + p;
        g = c * t - b;
        const [u, v] = [i * n, (i + 1) * n];
        for (let k = 0; k < n; k++) {
          const y = z[v + k];
          const x = z[u + k];
          z[v + k] = s * x + c * y;
          z[u + k] = c * x - s * y;
        }
      }
      if (r === 0 && i >= l) continue;
      d[l] -= p;
      e[l] = g;
      e[m] = 0;
    }
  }
  return z;
}
