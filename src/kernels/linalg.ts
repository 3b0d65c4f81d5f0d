import { ArgumentError, PullbackError } from "../core/errors.js";

/**
 * Dense linear algebra on small matrices (up to a few hundred rows), f64, row-major: element (i, j) of an m×n matrix is a[i n + j].
 * Inputs are never changed. Nothing returns NaN for a singular matrix: it is a SingularError, or a rank.
 */

/** A matrix without an inverse (or factor) where one is needed; `details` says where it fails. */
export class SingularError extends PullbackError {}

type Matrix = ArrayLike<number>;

function check(a: Matrix, rows: number, columns: number, who: string): void {
  if (a.length !== rows * columns)
    throw new ArgumentError(`${who}: ${a.length} numbers are no ${rows}×${columns} matrix`, { length: a.length, rows, columns });
  for (let i = 0; i < a.length; i++)
    if (!Number.isFinite(a[i]))
      throw new ArgumentError(`${who}: element (${Math.floor(i / columns)}, ${i % columns}) is ${a[i]}; all must be finite`, { i });
}
export function identity(n: number): Float64Array {
  const out = new Float64Array(n * n);
  for (let i = 0; i < n; i++) out[i * n + i] = 1;
  return out;
}
export function transpose(a: Matrix, m: number, n: number): Float64Array {
  const out = new Float64Array(m * n);
  for (let i = 0; i < m; i++) for (let j = 0; j < n; j++) out[j * m + i] = a[i * n + j];
  return out;
}
/** A B, m×k times k×n. */
export function multiply(a: Matrix, b: Matrix, m: number, k: number, n: number): Float64Array {
  const out = new Float64Array(m * n);
  for (let i = 0; i < m; i++)
    for (let l = 0; l < k; l++) {
      const s = a[i * k + l];
      if (s !== 0) for (let j = 0, at = i * n, from = l * n; j < n; j++) out[at + j] += s * b[from + j];
    }
  return out;
}

/** L with A = L Lᵀ, lower triangular. Only the lower triangle of A is read. @throws SingularError when A is not positive definite */
export function cholesky(a: Matrix, n: number): Float64Array {
  check(a, n, n, "cholesky");
  const l = new Float64Array(n * n);
  for (let i = 0; i < n; i++)
    for (let j = 0; j <= i; j++) {
      let s = a[i * n + j];
      for (let k = 0; k < j; k++) s -= l[i * n + k] * l[j * n + k];
      if (i > j) l[i * n + j] = s / l[j * n + j];
      else {
        if (!(s > n * Number.EPSILON * Math.abs(a[i * n + i])))
          throw new SingularError(
            `cholesky: the ${n}×${n} matrix is not positive definite (pivot ${i} is ${s.toPrecision(3)}); add a small multiple of the identity`,
            { pivot: i, value: s },
          );
        l[i * n + i] = Math.sqrt(s);
      }
    }
  return l;
}

export interface Lu {
  /** L below the diagonal (its own diagonal is 1), U on and above it. */
  readonly lu: Float64Array;
  /** Row i of L U is row `permutation[i]` of A. */
  readonly permutation: Int32Array;
  /** Determinant of the permutation. */
  readonly sign: 1 | -1;
  /** First pivot that vanishes to rounding, or undefined for a regular matrix. */
  readonly singularAt?: number;
}
/** P A = L U by Gaussian elimination with partial pivoting; a singular matrix is factored as well, and marked. */
export function lu(a: Matrix, n: number): Lu {
  check(a, n, n, "lu");
  const f = Float64Array.from(a);
  const permutation = Int32Array.from({ length: n }, (_, i) => i);
  let sign: 1 | -1 = 1;
  let singularAt: number | undefined;
  // Rounding is judged against each column's size, so that a badly scaled matrix (mm beside radians) is not called singular.
  const size = new Float64Array(n);
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) size[j] = Math.max(size[j], Math.abs(f[i * n + j]));
  for (let k = 0; k < n; k++) {
    let best = k;
    for (let i = k + 1; i < n; i++) if (Math.abs(f[i * n + k]) > Math.abs(f[best * n + k])) best = i;
    if (best !== k) {
      for (let j = 0; j < n; j++) [f[k * n + j], f[best * n + j]] = [f[best * n + j], f[k * n + j]];
      [permutation[k], permutation[best]] = [permutation[best], permutation[k]];
      sign = sign === 1 ? -1 : 1;
    }
    const pivot = f[k * n + k];
    if (!(Math.abs(pivot) > n * Number.EPSILON * size[k])) singularAt ??= k;
    if (pivot === 0) continue;
    for (let i = k + 1; i < n; i++) {
      const factor = f[i * n + k] / pivot;
      f[i * n + k] = factor;
      if (factor !== 0) for (let j = k + 1; j < n; j++) f[i * n + j] -= factor * f[k * n + j];
    }
  }
  return { lu: f, permutation, sign, singularAt };
}
function regular(a: Matrix, n: number, who: string): Lu {
  const f = lu(a, n);
  if (f.singularAt !== undefined)
    throw new SingularError(
      `${who}: the ${n}×${n} matrix is singular to rounding (pivot ${f.singularAt}); use lstsq for the shortest least-squares solution`,
      { pivot: f.singularAt },
    );
  return f;
}

/** X with A X = B, B n×k. @throws SingularError */
export function solve(a: Matrix, n: number, b: Matrix, k = 1): Float64Array {
  check(b, n, k, "solve");
  const { lu: f, permutation } = regular(a, n, "solve");
  const x = new Float64Array(n * k);
  for (let i = 0; i < n; i++) for (let c = 0; c < k; c++) x[i * k + c] = b[permutation[i] * k + c];
  for (let i = 0; i < n; i++)
    for (let j = 0; j < i; j++) {
      const s = f[i * n + j];
      if (s !== 0) for (let c = 0; c < k; c++) x[i * k + c] -= s * x[j * k + c];
    }
  for (let i = n - 1; i >= 0; i--) {
    for (let j = i + 1; j < n; j++) {
      const s = f[i * n + j];
      if (s !== 0) for (let c = 0; c < k; c++) x[i * k + c] -= s * x[j * k + c];
    }
    for (let c = 0; c < k; c++) x[i * k + c] /= f[i * n + i];
  }
  return x;
}
export interface Triangle {
  /** The lower triangle is the matrix (default), else the upper; the other half is not read. */
  readonly lower?: boolean;
  /** Solve Tᵀ X = B. */
  readonly transposed?: boolean;
  /** Take the diagonal as ones. */
  readonly unit?: boolean;
}
/** X with T X = B for triangular T. @throws SingularError for a zero on the diagonal */
export function solveTriangular(
  t: Matrix,
  n: number,
  b: Matrix,
  k = 1,
  { lower = true, transposed = false, unit = false }: Triangle = {},
): Float64Array {
  check(t, n, n, "solveTriangular");
  check(b, n, k, "solveTriangular");
  const x = Float64Array.from(b);
  const forward = lower !== transposed;
  for (let step = 0; step < n; step++) {
    const i = forward ? step : n - 1 - step;
    for (let other = 0; other < step; other++) {
      const j = forward ? other : n - 1 - other;
      const s = transposed ? t[j * n + i] : t[i * n + j];
      if (s !== 0) for (let c = 0; c < k; c++) x[i * k + c] -= s * x[j * k + c];
    }
    if (unit) continue;
    const d = t[i * n + i];
    if (d === 0) throw new SingularError(`solveTriangular: element (${i}, ${i}) of the diagonal is 0`, { pivot: i });
    for (let c = 0; c < k; c++) x[i * k + c] /= d;
  }
  return x;
}
/** A⁻¹. @throws SingularError */
export const inverse = (a: Matrix, n: number): Float64Array => solve(a, n, identity(n), n);
/** det A = sign · e^logarithm; of a matrix that is exactly singular: sign 0, logarithm −∞. */
export function logDeterminant(a: Matrix, n: number): { sign: -1 | 0 | 1; logarithm: number } {
  const f = lu(a, n);
  let sign: number = f.sign;
  let logarithm = 0;
  for (let i = 0; i < n; i++) {
    sign *= Math.sign(f.lu[i * n + i]);
    logarithm += Math.log(Math.abs(f.lu[i * n + i]));
  }
  return { sign: (sign + 0) as -1 | 0 | 1, logarithm };
}
export function determinant(a: Matrix, n: number): number {
  const f = lu(a, n);
  let d: number = f.sign;
  for (let i = 0; i < n; i++) d *= f.lu[i * n + i];
  return d + 0; // not −0
}

/**
 * A = Q R by Householder reflections, the diagonal of R not negative. Thin: Q m×k, R k×n, k = min(m, n); full: Q m×m, R m×n.
 */
export function qr(a: Matrix, m: number, n: number, full = false): { q: Float64Array; r: Float64Array } {
  check(a, m, n, "qr");
  const w = Float64Array.from(a);
  const k = Math.min(m, n);
  const reflectors: Float64Array[] = [];
  for (let j = 0; j < k; j++) {
    const v = new Float64Array(m);
    let norm = 0;
    for (let i = j; i < m; i++) {
      v[i] = w[i * n + j];
      norm = Math.hypot(norm, v[i]);
    }
    v[j] += v[j] < 0 ? -norm : norm;
    let vv = 0;
    for (let i = j; i < m; i++) vv += v[i] * v[i];
    if (vv > 0) for (let i = j; i < m; i++) v[i] *= Math.SQRT2 / Math.sqrt(vv); // H = I − v vᵀ
    reflectors.push(v);
    reflect(w, v, n, j, m);
  }
  const columns = full ? m : k;
  const q = new Float64Array(m * columns);
  for (let i = 0; i < columns; i++) q[i * columns + i] = 1;
  for (let j = k - 1; j >= 0; j--) reflect(q, reflectors[j], columns, j, m);
  const r = new Float64Array(columns * n);
  for (let i = 0; i < k; i++) {
    const s = w[i * n + i] < 0 ? -1 : 1;
    for (let j = i; j < n; j++) r[i * n + j] = s * w[i * n + j];
    if (s < 0) for (let l = 0; l < m; l++) q[l * columns + i] *= -1;
  }
  return { q, r };
}
/** X ← (I − v vᵀ) X on rows [from, to). */
function reflect(x: Float64Array, v: Float64Array, columns: number, from: number, to: number): void {
  const s = new Float64Array(columns);
  for (let i = from; i < to; i++) for (let c = 0; c < columns; c++) s[c] += v[i] * x[i * columns + c];
  for (let i = from; i < to; i++) for (let c = 0; c < columns; c++) x[i * columns + c] -= v[i] * s[c];
}

/** The largest component of each column positive: one choice of the signs, so that equal matrices have equal factors. */
function fixSigns(v: Float64Array, m: number, k: number, also?: Float64Array, rows = 0): void {
  for (let j = 0; j < k; j++) {
    let best = 0;
    for (let i = 0; i < m; i++) if (Math.abs(v[i * k + j]) > Math.abs(best) * (1 + 1e-12)) best = v[i * k + j];
    if (best >= 0) continue;
    for (let i = 0; i < m; i++) v[i * k + j] *= -1;
    if (also) for (let i = 0; i < rows; i++) also[i * k + j] *= -1;
  }
}

export interface Svd {
  /** m×k, orthonormal columns; k = min(m, n). */
  readonly u: Float64Array;
  /** Singular values, largest first. */
  readonly s: Float64Array;
  /** n×k, orthonormal columns. */
  readonly v: Float64Array;
  /** How many singular values are above max(m, n) ε s₀. */
  readonly rank: number;
}
/**
 * A = U diag(s) Vᵀ by one-sided Jacobi rotations after a QR step: small singular values keep their relative accuracy.
 * @see Drmač & Veselić (2008), SIAM J. Matrix Anal. Appl. 29(4): the order of QR and Jacobi
 */
export function svd(a: Matrix, m: number, n: number): Svd {
  check(a, m, n, "svd");
  if (m < n) {
    const t = svd(transpose(a, m, n), n, m);
    const u = Float64Array.from(t.v);
    const v = Float64Array.from(t.u);
    fixSigns(v, n, m, u, m);
    return { u, s: t.s, v, rank: t.rank };
  }
  const { q, r } = qr(a, m, n);
  // Columns of R, rotated until they are orthogonal: R V = W, W = U diag(s). Kept as rows, for speed; scaled, so that squares are numbers.
  const largest = r.reduce((x, y) => Math.max(x, Math.abs(y)), 0);
  const w = transpose(r, n, n).map((x) => (largest > 0 ? x / largest : x));
  const v = identity(n);
  const negligible = 1e-200; // squared: a column that has become nothing has no direction
  let done = false;
  for (let sweep = 0; sweep < 60 && !done; sweep++) {
    done = true;
    for (let p = 0; p < n - 1; p++)
      for (let o = p + 1; o < n; o++) {
        let pp = 0;
        let oo = 0;
        let po = 0;
        for (let i = 0; i < n; i++) {
          const x = w[p * n + i];
          const y = w[o * n + i];
          pp += x * x;
          oo += y * y;
          po += x * y;
        }
        if (pp < negligible || oo < negligible) continue;
        if (Math.abs(po) <= 1e-15 * Math.sqrt(pp) * Math.sqrt(oo) || po === 0) continue;
        done = false;
        const zeta = (oo - pp) / (2 * po);
        const t = (zeta < 0 ? -1 : 1) / (Math.abs(zeta) + Math.hypot(1, zeta));
        const c = 1 / Math.hypot(1, t);
        const s = c * t;
        for (const x of [w, v])
          for (let i = 0; i < n; i++) {
            const g = x[p * n + i];
            const h = x[o * n + i];
            x[p * n + i] = c * g - s * h;
            x[o * n + i] = s * g + c * h;
          }
      }
  }
  const norms = Array.from({ length: n }, (_, j) => {
    const x = Math.hypot(...w.subarray(j * n, (j + 1) * n));
    return x * x < negligible ? 0 : x;
  });
  const order = norms.map((_, j) => j).sort((x, y) => norms[y] - norms[x]);
  const s = Float64Array.from(order, (j) => norms[j] * largest);
  const tolerance = m * Number.EPSILON * (s[0] ?? 0);
  const rank = s.filter((x) => x > tolerance).length;
  const small = new Float64Array(n * n); // U of R
  const vOut = new Float64Array(n * n);
  order.forEach((j, at) => {
    for (let i = 0; i < n; i++) {
      vOut[i * n + at] = v[j * n + i];
      small[i * n + at] = norms[j] > 0 ? w[j * n + i] / norms[j] : 0;
    }
  });
  complete(small, n, norms.filter((x) => x > 0).length);
  const u = multiply(q, small, m, n, n);
  fixSigns(vOut, n, n, u, m);
  return { u, s, v: vOut, rank };
}
/** Fill columns [from, n) of an n×n matrix so that all are orthonormal. */
function complete(q: Float64Array, n: number, from: number): void {
  for (let j = from, trial = 0; j < n; trial++) {
    const x = new Float64Array(n);
    x[trial % n] = 1;
    for (let twice = 0; twice < 2; twice++)
      for (let c = 0; c < j; c++) {
        let s = 0;
        for (let i = 0; i < n; i++) s += q[i * n + c] * x[i];
        for (let i = 0; i < n; i++) x[i] -= s * q[i * n + c];
      }
    const norm = Math.hypot(...x);
    if (norm < 0.5 / Math.sqrt(n)) continue; // this axis lies in the span already
    for (let i = 0; i < n; i++) q[i * n + j] = x[i] / norm;
    j++;
  }
}

export interface Eigen {
  /** Eigenvalues, smallest first. */
  readonly values: Float64Array;
  /** n×n, column j belongs to value j; orthonormal, the largest component of each positive. */
  readonly vectors: Float64Array;
}
/** A = V diag(λ) Vᵀ for symmetric A (its lower triangle is read), by cyclic Jacobi rotations. */
export function eigh(a: Matrix, n: number): Eigen {
  check(a, n, n, "eigh");
  const w = new Float64Array(n * n);
  for (let i = 0; i < n; i++) for (let j = 0; j <= i; j++) w[i * n + j] = w[j * n + i] = a[i * n + j];
  const v = identity(n); // rows are eigenvectors
  const total = Math.hypot(0, ...w);
  for (let sweep = 0; sweep < 60; sweep++) {
    let off = 0;
    for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) off = Math.hypot(off, w[i * n + j]);
    if (off <= 1e-17 * total || off === 0) break;
    for (let p = 0; p < n - 1; p++)
      for (let q = p + 1; q < n; q++) {
        const apq = w[p * n + q];
        if (Math.abs(apq) <= 1e-18 * total) continue;
        const theta = (w[q * n + q] - w[p * n + p]) / (2 * apq);
        const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.hypot(1, theta));
        const c = 1 / Math.hypot(1, t);
        const s = c * t;
        for (let i = 0; i < n; i++) {
          const g = w[i * n + p];
          const h = w[i * n + q];
          w[i * n + p] = c * g - s * h;
          w[i * n + q] = s * g + c * h;
        }
        for (const x of [w, v])
          for (let i = 0; i < n; i++) {
            const g = x[p * n + i];
            const h = x[q * n + i];
            x[p * n + i] = c * g - s * h;
            x[q * n + i] = s * g + c * h;
          }
        w[p * n + q] = w[q * n + p] = 0;
      }
  }
  const order = Array.from({ length: n }, (_, i) => i).sort((i, j) => w[i * n + i] - w[j * n + j]);
  const vectors = new Float64Array(n * n);
  order.forEach((row, at) => {
    for (let i = 0; i < n; i++) vectors[i * n + at] = v[row * n + i];
  });
  fixSigns(vectors, n, n);
  return { values: Float64Array.from(order, (i) => w[i * n + i]), vectors };
}

/** The shortest X that minimises ‖A X − B‖, A m×n, B m×k; `rank` tells whether it is the only one (rank = n). */
export function lstsq(
  a: Matrix,
  m: number,
  n: number,
  b: Matrix,
  k = 1,
): { x: Float64Array; rank: number; singularValues: Float64Array; residual: number } {
  check(b, m, k, "lstsq");
  const { u, s, v, rank } = svd(a, m, n);
  const width = Math.min(m, n);
  const y = multiply(transpose(u, m, width), b, width, m, k);
  for (let i = 0; i < width; i++) for (let c = 0; c < k; c++) y[i * k + c] = i < rank ? y[i * k + c] / s[i] : 0;
  const x = multiply(v, y, n, width, k);
  const ax = multiply(a, x, m, n, k);
  let residual = 0;
  for (let i = 0; i < m * k; i++) residual = Math.hypot(residual, ax[i] - b[i]);
  return { x, rank, singularValues: s, residual };
}

const combine = (n: number, ...terms: readonly [number, Float64Array][]) => {
  const out = new Float64Array(n * n);
  for (const [c, x] of terms) for (let i = 0; i < out.length; i++) out[i] += c * x[i];
  return out;
};
const norm1 = (a: Matrix, n: number) => {
  let largest = 0;
  for (let j = 0; j < n; j++) {
    let s = 0;
    for (let i = 0; i < n; i++) s += Math.abs(a[i * n + j]);
    largest = Math.max(largest, s);
  }
  return largest;
};
/**
 * e^A by the [13/13] Padé approximant after halving A until its norm is below 5.4, then squaring.
 * @see Higham (2005), The scaling and squaring method for the matrix exponential revisited, SIAM J. Matrix Anal. Appl. 26(4)
 */
export function expm(a: Matrix, n: number): Float64Array {
  check(a, n, n, "expm");
  const halvings = Math.max(0, Math.ceil(Math.log2(norm1(a, n) / 5.371920351148152)));
  const x = Float64Array.from(a, (v) => v / 2 ** halvings);
  const x2 = multiply(x, x, n, n, n);
  const x4 = multiply(x2, x2, n, n, n);
  const x6 = multiply(x4, x2, n, n, n);
  // bₖ = (26 − k)! 13! / (26! k! (13 − k)!), scaled to integers
  const b = [
    64764752532480000, 32382376266240000, 7771770303897600, 1187353796428800, 129060195264000, 10559470521600, 670442572800, 33522128640,
    1323241920, 40840800, 960960, 16380, 182, 1,
  ];
  const one = identity(n);
  const odd = multiply(x6, combine(n, [b[13], x6], [b[11], x4], [b[9], x2]), n, n, n);
  const u = multiply(x, combine(n, [1, odd], [b[7], x6], [b[5], x4], [b[3], x2], [b[1], one]), n, n, n);
  const even = multiply(x6, combine(n, [b[12], x6], [b[10], x4], [b[8], x2]), n, n, n);
  const v = combine(n, [1, even], [b[6], x6], [b[4], x4], [b[2], x2], [b[0], one]);
  let e = solve(combine(n, [1, v], [-1, u]), n, combine(n, [1, v], [1, u]), n);
  for (let k = 0; k < halvings; k++) e = multiply(e, e, n, n, n);
  return e;
}

/** The square root with eigenvalues in the right half-plane, by the product form of Denman and Beavers' iteration. */
export function sqrtm(a: Matrix, n: number): Float64Array {
  check(a, n, n, "sqrtm");
  const one = identity(n);
  let m = Float64Array.from(a);
  let x = Float64Array.from(a);
  for (let k = 0; k < 60; k++) {
    const mi = inverse(m, n);
    x = combine(n, [0.5, x], [0.5, multiply(x, mi, n, n, n)]);
    m = combine(n, [0.5, one], [0.25, m], [0.25, mi]);
    if (norm1(combine(n, [1, m], [-1, one]), n) < n * 4 * Number.EPSILON) break;
  }
  const wrong = norm1(combine(n, [1, multiply(x, x, n, n, n)], [-1, Float64Array.from(a)]), n);
  if (!(wrong <= 1e-8 * norm1(a, n)))
    throw new SingularError("sqrtm: the matrix has no real square root near the identity's side (an eigenvalue is zero or negative)", {
      residual: wrong,
    });
  return x;
}
// Gauss–Legendre nodes and weights on [0, 1], 8 points.
const legendre = [
  [0.1834346424956498, 0.362683783378362],
  [0.525532409916329, 0.3137066458778873],
  [0.7966664774136267, 0.2223810344533745],
  [0.9602898564975363, 0.1012285362903763],
].flatMap(([x, w]) => [
  [(1 - x) / 2, w / 2],
  [(1 + x) / 2, w / 2],
]);
/**
 * The principal logarithm: square roots until A is near the identity, then log(I + X) = ∫₀¹ X (I + tX)⁻¹ dt by eight Gauss points
 * (the [8/8] Padé approximant). @throws SingularError when an eigenvalue is zero or negative
 * @see Higham (2008), Functions of Matrices, ch. 11
 */
export function logm(a: Matrix, n: number): Float64Array {
  check(a, n, n, "logm");
  const one = identity(n);
  let root: Float64Array = Float64Array.from(a);
  let halvings = 0;
  while (norm1(combine(n, [1, root], [-1, one]), n) > 0.25 && halvings < 60) {
    root = sqrtm(root, n);
    halvings++;
  }
  const x = combine(n, [1, root], [-1, one]);
  let out: Float64Array = new Float64Array(n * n);
  for (const [t, w] of legendre) out = combine(n, [1, out], [w, solve(combine(n, [1, one], [t, x]), n, x, n)]);
  return out.map((v) => v * 2 ** halvings);
}
