import { svd } from "../../kernels/linalg.js";
import { multiply3, type PointPairs } from "../planar.js";
import { determinant3, type Matrix3, rotationOf, transpose3 } from "../rotation.js";
import { leastSampson, type MatrixFamily, openDirections, unit } from "./epipolar.js";
import { multiplied, realRoots } from "./polynomial.js";

/** How the second camera stands to the first:  X_b = R X_a + t,  |t| = 1 where the scale is not known. */
export interface RelativePose {
  /** The rotation, 3 × 3, row by row. */
  readonly rotation: Matrix3;
  /** A unit vector: its length cannot be seen. */
  readonly translation: readonly [number, number, number];
}
export const crossMatrix = ([x, y, z]: ArrayLike<number> & Iterable<number>): Matrix3 => Float64Array.from([0, -z, y, z, 0, -x, -y, x, 0]);
/** E = [t]ₓ R. */
export const essentialOf = ({ rotation, translation }: RelativePose): Matrix3 => multiply3(crossMatrix(translation), rotation);

// Monomials of x, y, z by their exponents: linear (x, y, z, 1), quadratic, and the cubic ones in the order of Nistér's table.
const linear = ["100", "010", "001", "000"];
const quadratic = ["200", "020", "002", "110", "101", "011", "100", "010", "001", "000"];
const cubic = [
  "300",
  "030",
  "210",
  "120",
  "201",
  "200",
  "021",
  "020",
  "111",
  "110",
  "102",
  "101",
  "100",
  "012",
  "011",
  "010",
  "003",
  "002",
  "001",
  "000",
];
const plus = (p: string, q: string) => [0, 1, 2].map((k) => Number(p[k]) + Number(q[k])).join("");
const toQuadratic = linear.map((p) => linear.map((q) => quadratic.indexOf(plus(p, q))));
const toCubic = quadratic.map((p) => linear.map((q) => cubic.indexOf(plus(p, q))));
function product(p: Float64Array, q: Float64Array, table: readonly (readonly number[])[], size: number): Float64Array {
  const out = new Float64Array(size);
  for (let i = 0; i < p.length; i++) for (let j = 0; j < q.length; j++) out[table[i][j]] += p[i] * q[j];
  return out;
}

/**
 * The essential matrices (up to ten) through five pairs in normalised coordinates, K⁻¹ (x, y, 1):  E = xX + yY + zZ + W spans what five rows leave open, and
 * det E = 0, 2 E Eᵀ E − tr(E Eᵀ) E = 0 are ten cubics; eliminated to one polynomial of degree ten in z.
 * @see Nistér (2004), An efficient solution to the five-point relative pose problem, PAMI 26(6)
 */
export function essentialFive({ a, b }: PointPairs, list: ArrayLike<number> = [0, 1, 2, 3, 4]): Matrix3[] {
  const rows = Array.from({ length: 5 }, (_, k) => {
    const [x, y, u, v] = [a[2 * list[k]], a[2 * list[k] + 1], b[2 * list[k]], b[2 * list[k] + 1]];
    return Float64Array.from([u * x, u * y, u, v * x, v * y, v, x, y, 1]);
  });
  const open = openDirections(rows);
  const E = Array.from({ length: 9 }, (_, i) => Float64Array.from(open, (d) => d[i]));
  const square = (p: Float64Array, q: Float64Array) => product(p, q, toQuadratic, 10);
  const cube = (p: Float64Array, q: Float64Array) => product(p, q, toCubic, 20);
  const sum = (...parts: Float64Array[]) => parts.reduce((s, p) => s.map((v, k) => v + p[k]));
  const minus = (p: Float64Array, q: Float64Array) => p.map((v, k) => v - q[k]);
  const m = new Float64Array(200);
  // Λ = E Eᵀ − ½ tr(E Eᵀ) I, then Λ E = 0.
  const gram: Float64Array[] = [];
  for (let i = 0; i < 3; i++)
    for (let j = 0; j < 3; j++)
      gram.push(
        j < i ? gram[3 * j + i] : sum(square(E[3 * i], E[3 * j]), square(E[3 * i + 1], E[3 * j + 1]), square(E[3 * i + 2], E[3 * j + 2])),
      );
  const half = sum(gram[0], gram[4], gram[8]).map((v) => 0.5 * v);
  const L = gram.map((g, k) => (k % 4 === 0 ? minus(g, half) : g));
  for (let i = 0; i < 3; i++)
    for (let j = 0; j < 3; j++)
      m.set(sum(cube(L[3 * i], E[j]), cube(L[3 * i + 1], E[3 + j]), cube(L[3 * i + 2], E[6 + j])), 20 * (3 * i + j));
  m.set(
    sum(
      cube(minus(square(E[1], E[5]), square(E[2], E[4])), E[6]),
      cube(minus(square(E[2], E[3]), square(E[0], E[5])), E[7]),
      cube(minus(square(E[0], E[4]), square(E[1], E[3])), E[8]),
    ),
    180,
  );
  if (!eliminate(m)) return [];
  // Rows 4 … 9 belong to x²z, x², y²z, y², xyz, xy; each pair without its head gives one row of B(z).
  const B = [4, 6, 8].map((k) => {
    const [e, f] = [m.subarray(20 * k + 10, 20 * k + 20), m.subarray(20 * k + 30, 20 * k + 40)];
    return [
      [e[2], e[1] - f[2], e[0] - f[1], -f[0]],
      [e[5], e[4] - f[5], e[3] - f[4], -f[3]],
      [e[9], e[8] - f[9], e[7] - f[8], e[6] - f[7], -f[6]],
    ];
  });
  const minor = (i: number, j: number, p: number, q: number) => {
    const [s, t] = [multiplied(B[i][p], B[j][q]), multiplied(B[i][q], B[j][p])];
    return s.map((v, k) => v - t[k]);
  };
  const parts = [multiplied(minor(1, 2, 1, 2), B[0][0]), multiplied(minor(1, 2, 2, 0), B[0][1]), multiplied(minor(1, 2, 0, 1), B[0][2])];
  const polynomial = Array.from({ length: 11 }, (_, k) => parts.reduce((s, p) => s + (p[k] ?? 0), 0));
  const out: Matrix3[] = [];
  for (const z of realRoots(polynomial)) {
    const at = B.map((row) => row.map((c) => c.reduceRight((s, v) => s * z + v, 0)));
    // (x, y, 1) is across all three rows: the surest cross product of two.
    let best = [0, 0, 0];
    for (const [i, j] of [
      [0, 1],
      [0, 2],
      [1, 2],
    ]) {
      const [p, q] = [at[i], at[j]];
      const c = [p[1] * q[2] - p[2] * q[1], p[2] * q[0] - p[0] * q[2], p[0] * q[1] - p[1] * q[0]];
      if (Math.hypot(...c) > Math.hypot(...best)) best = c;
    }
    const [x, y] = [best[0] / best[2], best[1] / best[2]];
    if (!Number.isFinite(x + y)) continue;
    out.push(unit(open[0].map((v, k) => x * v + y * open[1][k] + z * open[2][k] + open[3][k])));
  }
  return out;
}
/** Gauss–Jordan with row exchanges on the first ten of twenty columns. */
function eliminate(m: Float64Array): boolean {
  for (let c = 0; c < 10; c++) {
    let top = c;
    for (let r = c + 1; r < 10; r++) if (Math.abs(m[20 * r + c]) > Math.abs(m[20 * top + c])) top = r;
    const pivot = m[20 * top + c];
    if (!(Math.abs(pivot) > 1e-14)) return false;
    for (let k = 0; k < 20; k++) {
      const v = m[20 * top + k] / pivot;
      m[20 * top + k] = m[20 * c + k];
      m[20 * c + k] = v;
    }
    for (let r = 0; r < 10; r++) {
      const f = m[20 * r + c];
      if (r !== c && f !== 0) for (let k = c; k < 20; k++) m[20 * r + k] -= f * m[20 * c + k];
    }
  }
  return true;
}

/** The four poses of an essential matrix: two rotations, two directions. */
export function posesOf(e: ArrayLike<number>): RelativePose[] {
  const { u, v } = svd(Float64Array.from(e), 3, 3);
  const w = [0, -1, 0, 1, 0, 0, 0, 0, 1];
  const turned = [w, transpose3(w)].map((x) => {
    const r = multiply3(u, multiply3(x, transpose3(v)));
    return determinant3(r) < 0 ? r.map((value) => -value) : r;
  });
  const t = [u[2], u[5], u[8]] as const;
  return turned.flatMap((rotation) =>
    [1, -1].map((s) => ({ rotation, translation: [s * t[0], s * t[1], s * t[2]] as [number, number, number] })),
  );
}

/**
 * The point seen at a and b (normalised coordinates), in the first camera's frame: where the two rays come nearest, exact without noise; `depthA`, `depthB` its
 * z in both. Rays that hardly differ give points far off or behind.
 */
export function triangulate({ rotation: R, translation: t }: RelativePose, ax: number, ay: number, bx: number, by: number) {
  // Depths with  d_b (bx, by, 1) = d_a R (ax, ay, 1) + t  in the least-squares sense.
  const [p0, p1, p2] = [R[0] * ax + R[1] * ay + R[2], R[3] * ax + R[4] * ay + R[5], R[6] * ax + R[7] * ay + R[8]];
  const [pp, qq, pq] = [p0 * p0 + p1 * p1 + p2 * p2, bx * bx + by * by + 1, p0 * bx + p1 * by + p2];
  const [pt, qt] = [p0 * t[0] + p1 * t[1] + p2 * t[2], bx * t[0] + by * t[1] + t[2]];
  const det = pp * qq - pq * pq;
  const depthA = (pq * qt - qq * pt) / det;
  const depthB = (pp * qt - pq * pt) / det;
  return { x: depthA * ax, y: depthA * ay, depthA, depthB };
}

/** The pose of the four that has most points before both cameras, and how many. */
export function poseInFront(
  e: ArrayLike<number>,
  { a, b }: PointPairs,
  weights?: ArrayLike<number>,
): { readonly pose: RelativePose; readonly inFront: number } {
  let best: { pose: RelativePose; inFront: number } | undefined;
  const n = a.length / 2;
  for (const pose of posesOf(e)) {
    let inFront = 0;
    for (let i = 0; i < n; i++) {
      if (weights && !(weights[i] > 0)) continue;
      const { depthA, depthB } = triangulate(pose, a[2 * i], a[2 * i + 1], b[2 * i], b[2 * i + 1]);
      if (depthA > 0 && depthB > 0) inFront++;
    }
    if (!best || inFront > best.inFront) best = { pose, inFront };
  }
  return best as { pose: RelativePose; inFront: number };
}

const turnsOf = [
  [0, 0, 0, 0, 0, -1, 0, 1, 0],
  [0, 0, 1, 0, 0, 0, -1, 0, 0],
  [0, -1, 0, 1, 0, 0, 0, 0, 0],
];
/** Two directions across a unit vector and each other. */
function across([x, y, z]: readonly number[]): readonly [number[], number[]] {
  const p = Math.abs(x) < 0.6 ? [0, -z, y] : [z, 0, -x];
  const l = Math.hypot(...p);
  const u = p.map((v) => v / l);
  return [u, [y * u[2] - z * u[1], z * u[0] - x * u[2], x * u[1] - y * u[0]]];
}
const poses: MatrixFamily<RelativePose> = {
  size: 5,
  matrix: essentialOf,
  tangents: ({ rotation, translation }) => [
    ...turnsOf.map((g) => multiply3(crossMatrix(translation), multiply3(g, rotation))),
    ...across(translation).map((d) => multiply3(crossMatrix(d), rotation)),
  ],
  move: ({ rotation, translation }, d) => {
    const [u, v] = across(translation);
    const t = translation.map((x, k) => x + d[3] * u[k] + d[4] * v[k]);
    const l = Math.hypot(...t);
    return {
      rotation: multiply3(rotationOf(d[0], d[1], d[2]), rotation),
      translation: t.map((x) => x / l) as [number, number, number],
    };
  },
};
/** The pose of least weighted Sampson error near one, by its five parameters (three of rotation, two of direction). */
export const refinePose = (pairs: PointPairs, pose: RelativePose, weights?: ArrayLike<number>, steps = 10): RelativePose =>
  leastSampson(poses, pairs, pose, weights, steps);
