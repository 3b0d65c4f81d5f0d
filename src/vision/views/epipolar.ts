import { eigh, qr, svd } from "../../kernels/linalg.js";
import { dampedSteps } from "../dampedSteps.js";
import { multiply3, type PointPairs } from "../planar.js";
import { determinant3, type Matrix3, rotationOf, times3, transpose3 } from "../rotation.js";
import { realRoots } from "./polynomial.js";

/** The row of a pair in  bᵀ F a = 0. */
function pairRow({ a, b }: PointPairs, i: number, row: Float64Array, na: Normal, nb: Normal): void {
  const [x, y] = [(a[2 * i] - na.x) * na.s, (a[2 * i + 1] - na.y) * na.s];
  const [u, v] = [(b[2 * i] - nb.x) * nb.s, (b[2 * i + 1] - nb.y) * nb.s];
  row.set([u * x, u * y, u, v * x, v * y, v, x, y, 1]);
}
interface Normal {
  readonly x: number;
  readonly y: number;
  readonly s: number;
}
function normalOf(p: ArrayLike<number>, list: ArrayLike<number>): Normal {
  let [x, y, r] = [0, 0, 0];
  for (let k = 0; k < list.length; k++) {
    x += p[2 * list[k]] / list.length;
    y += p[2 * list[k] + 1] / list.length;
  }
  for (let k = 0; k < list.length; k++) r += Math.hypot(p[2 * list[k]] - x, p[2 * list[k] + 1] - y) / list.length;
  return { x, y, s: r > 0 ? Math.SQRT2 / r : 1 };
}
const matrixOf = ({ x, y, s }: Normal) => [s, 0, -s * x, 0, s, -s * y, 0, 0, 1];
const back = (f: ArrayLike<number>, na: Normal, nb: Normal): Matrix3 =>
  unit(multiply3(transpose3(matrixOf(nb)), multiply3(f, matrixOf(na))));
/** Length √2, as an essential matrix of a unit translation has it. */
export const unit = (m: ArrayLike<number>): Matrix3 => {
  const by = Math.SQRT2 / Math.hypot(...Array.from(m));
  return Float64Array.from(m, (v) => v * by);
};
const everyOne = (pairs: PointPairs): number[] => Array.from({ length: pairs.a.length / 2 }, (_, i) => i);

/** Vectors that span what a few rows of nine leave open, each of length 1. */
export function openDirections(rows: readonly Float64Array[]): Float64Array[] {
  const m = rows.length;
  const columns = new Float64Array(9 * m);
  for (const [k, row] of rows.entries()) for (let i = 0; i < 9; i++) columns[i * m + k] = row[i];
  const { q } = qr(columns, 9, m, true);
  return Array.from({ length: 9 - m }, (_, k) => Float64Array.from({ length: 9 }, (_, i) => q[9 * i + m + k]));
}

/**
 * The fundamental matrix,  bᵀ F a = 0 for pixels (x, y, 1),  by least squares over eight pairs or more in normalised coordinates, made singular.
 * @returns undefined with fewer than eight pairs, or when they leave more than one open (all on a plane)
 * @see Hartley (1997), In defense of the eight-point algorithm, PAMI 19(6)
 */
export function fundamentalEight(
  pairs: PointPairs,
  weights?: ArrayLike<number>,
  list: ArrayLike<number> = everyOne(pairs),
): Matrix3 | undefined {
  const used = weights ? Array.from(list).filter((i) => weights[i] > 0) : list;
  if (used.length < 8) return undefined;
  const [na, nb] = [normalOf(pairs.a, used), normalOf(pairs.b, used)];
  const m = new Float64Array(81);
  const row = new Float64Array(9);
  for (let k = 0; k < used.length; k++) {
    pairRow(pairs, used[k], row, na, nb);
    const w = weights ? weights[used[k]] : 1;
    for (let p = 0; p < 9; p++) for (let q = 0; q <= p; q++) m[9 * p + q] += w * row[p] * row[q];
  }
  const { values, vectors } = eigh(m, 9);
  if (!(values[1] > 1e-13 * values[8])) return undefined;
  const { u, s, v } = svd(
    Float64Array.from({ length: 9 }, (_, k) => vectors[9 * k]),
    3,
    3,
  );
  return back(multiply3(u, multiply3([s[0], 0, 0, 0, s[1], 0, 0, 0, 0], transpose3(v))), na, nb);
}

/**
 * The one or three fundamental matrices through seven pairs: det(λ F₁ + (1 − λ) F₂) = 0.
 * @see Hartley & Zisserman (2004), Multiple View Geometry, section 11.1.2
 */
export function fundamentalSeven(pairs: PointPairs, list: ArrayLike<number> = everyOne(pairs)): Matrix3[] {
  const [na, nb] = [normalOf(pairs.a, list), normalOf(pairs.b, list)];
  const rows = Array.from({ length: 7 }, (_, k) => {
    const row = new Float64Array(9);
    pairRow(pairs, list[k], row, na, nb);
    return row;
  });
  const [f, g] = openDirections(rows);
  const at = (l: number) => f.map((v, k) => l * v + (1 - l) * g[k]);
  // The cubic through its values at −1, 0, 1, 2.
  const [d0, d1, d2, d3] = [-1, 0, 1, 2].map((l) => determinant3(at(l)));
  const c2 = 0.5 * (d0 + d2) - d1;
  const c3 = (d3 - d1 - 4 * c2 - (d2 - d0)) / 6;
  const c1 = 0.5 * (d2 - d0) - c3;
  return realRoots([d1, c1, c2, c3]).map((l) => back(at(l), na, nb));
}

/**
 * Squared Sampson distances of pairs from  bᵀ F a = 0:  (bᵀ F a)² / ((F a)₁² + (F a)₂² + (Fᵀ b)₁² + (Fᵀ b)₂²),  to first order the squared distance in both
 * pictures that makes a pair agree.
 */
export function sampsonErrors(f: ArrayLike<number>, { a, b }: PointPairs, out: Float64Array): void {
  for (let i = 0; i < out.length; i++) {
    const [x, y, u, v] = [a[2 * i], a[2 * i + 1], b[2 * i], b[2 * i + 1]];
    const p = f[0] * x + f[1] * y + f[2];
    const q = f[3] * x + f[4] * y + f[5];
    const r = f[6] * x + f[7] * y + f[8];
    const s = f[0] * u + f[3] * v + f[6];
    const t = f[1] * u + f[4] * v + f[7];
    const n = u * p + v * q + r;
    out[i] = (n * n) / (p * p + q * q + s * s + t * t);
  }
}

/** A family of matrices about one: the matrix, and its derivative along each parameter. */
export interface MatrixFamily<X> {
  readonly size: number;
  matrix(x: X): ArrayLike<number>;
  tangents(x: X): readonly ArrayLike<number>[];
  move(x: X, step: Float64Array): X;
}
/** The member of a family with the least weighted sum of squared Sampson distances near a start, by Levenberg–Marquardt with its exact derivatives. */
export function leastSampson<X>(family: MatrixFamily<X>, { a, b }: PointPairs, start: X, weights?: ArrayLike<number>, steps = 10): X {
  const n = a.length / 2;
  const { size } = family;
  const row = new Float64Array(size);
  return dampedSteps(
    {
      size,
      evaluate(x: X, normal?: Float64Array, gradient?: Float64Array): number {
        const f = family.matrix(x);
        const tangents = normal ? family.tangents(x) : [];
        let sum = 0;
        for (let i = 0; i < n; i++) {
          const w = weights ? weights[i] : 1;
          if (!(w > 0)) continue;
          const [X, Y, u, v] = [a[2 * i], a[2 * i + 1], b[2 * i], b[2 * i + 1]];
          const p = f[0] * X + f[1] * Y + f[2];
          const q = f[3] * X + f[4] * Y + f[5];
          const s = f[0] * u + f[3] * v + f[6];
          const t = f[1] * u + f[4] * v + f[7];
          const top = u * p + v * q + f[6] * X + f[7] * Y + f[8];
          const under = p * p + q * q + s * s + t * t;
          if (!(under > 0)) continue;
          const root = Math.sqrt(under);
          const r = top / root;
          sum += 0.5 * w * r * r;
          if (!normal || !gradient) continue;
          for (let k = 0; k < size; k++) {
            const g = tangents[k];
            const [gp, gq] = [g[0] * X + g[1] * Y + g[2], g[3] * X + g[4] * Y + g[5]];
            const [gs, gt] = [g[0] * u + g[3] * v + g[6], g[1] * u + g[4] * v + g[7]];
            const dTop = u * gp + v * gq + g[6] * X + g[7] * Y + g[8];
            row[k] = dTop / root - (r * (p * gp + q * gq + s * gs + t * gt)) / under;
          }
          for (let k = 0; k < size; k++) {
            gradient[k] += w * row[k] * r;
            for (let l = 0; l <= k; l++) normal[k * size + l] += w * row[k] * row[l];
          }
        }
        return sum;
      },
      move: family.move,
    },
    start,
    steps,
    1e-9,
  ).x;
}

interface Factors {
  readonly u: Matrix3;
  readonly v: Matrix3;
  readonly s: number;
}
const turns = [
  [0, 0, 0, 0, 0, -1, 0, 1, 0],
  [0, 0, 1, 0, 0, 0, -1, 0, 0],
  [0, -1, 0, 1, 0, 0, 0, 0, 0],
];
/** F = U diag(1, s, 0) Vᵀ with U, V rotations: seven parameters, always singular. */
const fundamentals: MatrixFamily<Factors> = {
  size: 7,
  matrix: ({ u, v, s }) => multiply3(u, multiply3([1, 0, 0, 0, s, 0, 0, 0, 0], transpose3(v))),
  tangents: ({ u, v, s }) => {
    const d = [1, 0, 0, 0, s, 0, 0, 0, 0];
    const vt = transpose3(v);
    return [
      ...turns.map((g) => multiply3(u, multiply3(g, multiply3(d, vt)))),
      ...turns.map((g) => multiply3(u, multiply3(d, multiply3(transpose3(g), vt)))),
      multiply3(u, multiply3([0, 0, 0, 0, 1, 0, 0, 0, 0], vt)),
    ];
  },
  move: ({ u, v, s }, d) => ({
    u: multiply3(u, rotationOf(d[0], d[1], d[2])),
    v: multiply3(v, rotationOf(d[3], d[4], d[5])),
    s: s + d[6],
  }),
};
/** The fundamental matrix of least weighted Sampson error near F, by its seven parameters. */
export function refineFundamental(pairs: PointPairs, f: ArrayLike<number>, weights?: ArrayLike<number>, steps = 10): Matrix3 {
  const { u, s, v } = svd(Float64Array.from(f), 3, 3);
  const proper = (m: Float64Array) => (determinant3(m) < 0 ? m.map((x, k) => (k % 3 === 2 ? -x : x)) : m);
  // Numbers of the size of one: F in coordinates of the pairs' own size.
  const list = everyOne(pairs).filter((i) => !weights || weights[i] > 0);
  if (list.length < 7 || !(s[0] > 0)) return unit(f);
  const [na, nb] = [normalOf(pairs.a, list), normalOf(pairs.b, list)];
  // Only when both pictures are scaled alike is Sampson's distance kept up to a factor.
  const size = Math.sqrt(na.s * nb.s);
  const [ca, cb] = [
    { ...na, s: size },
    { ...nb, s: size },
  ];
  const inverse = ({ x, y }: Normal) => [1 / size, 0, x, 0, 1 / size, y, 0, 0, 1];
  const inner = svd(
    multiply3(transpose3(inverse(cb)), multiply3(multiply3(u, multiply3([s[0], 0, 0, 0, s[1], 0, 0, 0, 0], transpose3(v))), inverse(ca))),
    3,
    3,
  );
  const moved = (p: ArrayLike<number>, c: Normal) => Float64Array.from(p, (value, k) => (value - (k % 2 ? c.y : c.x)) * size);
  const best = leastSampson(
    fundamentals,
    { a: moved(pairs.a, ca), b: moved(pairs.b, cb) },
    { u: proper(inner.u), v: proper(inner.v), s: inner.s[1] / inner.s[0] },
    weights,
    steps,
  );
  return back(fundamentals.matrix(best), ca, cb);
}
/** Where all epipolar lines of the second picture meet: F e = 0 gives that of the first, Fᵀ e' = 0 this one. */
export const epipoles = (f: ArrayLike<number>): { readonly a: number[]; readonly b: number[] } => {
  const { u, v } = svd(Float64Array.from(f), 3, 3);
  return { a: [0, 1, 2].map((k) => v[3 * k + 2]), b: [0, 1, 2].map((k) => u[3 * k + 2]) };
};
export const epipolarLine = (f: ArrayLike<number>, x: number, y: number) => times3(f, [x, y, 1]);
