import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { seeded } from "../core/random.js";
import {
  cholesky,
  determinant,
  eigh,
  expm,
  identity,
  inverse,
  logDeterminant,
  logm,
  lstsq,
  lu,
  multiply,
  qr,
  SingularError,
  solve,
  solveTriangular,
  sqrtm,
  svd,
  transpose,
} from "./linalg.js";

const normal = (n: number, seed: number) => {
  const random = seeded(seed);
  return Float64Array.from({ length: n }, () => random.normal());
};
const size = fc.integer({ min: 1, max: 12 });
const difference = (a: ArrayLike<number>, b: ArrayLike<number>) => {
  expect(a.length).toBe(b.length);
  return Array.from(a).reduce((worst, v, i) => Math.max(worst, Math.abs(v - b[i])), 0);
};
/** Rounding of a few hundred operations on numbers of order 1 … 10. */
const rounding = 1e-12;
const orthonormal = (q: Float64Array, m: number, k: number) => difference(multiply(transpose(q, m, k), q, k, m, k), identity(k));

test("cholesky is the lower triangle whose square is the matrix, and reads the lower half only", () => {
  fc.assert(
    fc.property(size, fc.integer(), (n, seed) => {
      const g = normal(n * n, seed);
      const a = multiply(g, transpose(g, n, n), n, n, n).map((v, i) => v + (i % (n + 1) === 0 ? 1 : 0));
      const half = a.map((v, i) => (i % n > Math.floor(i / n) ? 99 : v));
      const l = cholesky(half, n);
      expect(difference(multiply(l, transpose(l, n, n), n, n, n), a)).toBeLessThan(100 * rounding);
      for (let i = 0; i < n; i++) for (let j = i + 1; j < n; j++) expect(l[i * n + j]).toBe(0);
    }),
  );
  expect(() => cholesky([1, 2, 2, 1], 2)).toThrow(SingularError);
  expect(() => cholesky([1, 0, 1, 0, 1, 0, 1, 0, 1], 3)).toThrow(/not positive definite \(pivot 2/);
});

test("lu with its permutation multiplies back to the matrix; its determinant is the known one", () => {
  fc.assert(
    fc.property(size, fc.integer(), (n, seed) => {
      const a = normal(n * n, seed);
      const f = lu(a, n);
      const l = identity(n).map((v, i) => (i % n < Math.floor(i / n) ? f.lu[i] : v));
      const u = f.lu.map((v, i) => (i % n < Math.floor(i / n) ? 0 : v));
      const back = multiply(l, u, n, n, n);
      const permuted = back.map((_, i) => a[f.permutation[Math.floor(i / n)] * n + (i % n)]);
      expect(difference(back, permuted)).toBeLessThan(rounding);
      const { sign, logarithm } = logDeterminant(a, n);
      expect(sign * Math.exp(logarithm)).toBeCloseTo(determinant(a, n), 8);
    }),
  );
  expect(determinant([1, 2, 3, 4], 2)).toBeCloseTo(-2, 14);
  expect(determinant([1, 2, 2, 4], 2)).toBe(0);
  expect(logDeterminant([1, 2, 2, 4], 2)).toEqual({ sign: 0, logarithm: -Infinity });
  // The Hilbert matrix of order 6 has determinant 5.367299887358688e-18.
  const hilbert = Float64Array.from({ length: 36 }, (_, i) => 1 / (1 + Math.floor(i / 6) + (i % 6)));
  expect(determinant(hilbert, 6) / 5.367299887358688e-18).toBeCloseTo(1, 7);
});

test("solve and inverse undo multiplication; a singular matrix is an error that says so, a badly scaled one is not", () => {
  fc.assert(
    fc.property(size, fc.integer({ min: 1, max: 3 }), fc.integer(), (n, k, seed) => {
      const a = normal(n * n, seed).map((v, i) => v + (i % (n + 1) === 0 ? 4 : 0));
      const x = normal(n * k, seed + 1);
      const b = multiply(a, x, n, n, k);
      const got = solve(a, n, b, k);
      const back = multiply(a, got, n, n, k);
      expect(difference(back, b)).toBeLessThan(1e-10);
      const i = multiply(a, inverse(a, n), n, n, n);
      expect(difference(i, identity(n))).toBeLessThan(1e-8); // condition numbers up to some thousands
    }),
  );
  expect(() => solve([1, 2, 2, 4], 2, [1, 1])).toThrow(/singular to rounding \(pivot 1\); use lstsq/);
  expect(() => inverse([0], 1)).toThrow(SingularError);
  expect([...solve([1e-9, 0, 0, 1e9], 2, [1e-9, 2e9])]).toEqual([1, 2]);
  expect(() => solve([1, Number.NaN, 0, 1], 2, [1, 1])).toThrow("element (0, 1) is NaN");
});

test("triangular systems are solved for both triangles, transposed or not, with unit diagonals", () => {
  for (const lower of [true, false])
    for (const transposed of [true, false])
      for (const unit of [true, false]) {
        const n = 5;
        const t = normal(25, 3).map((v, i) => (i % 6 === 0 ? 2 + Math.abs(v) : v));
        const used = t.map((v, i) => {
          const [r, c] = [Math.floor(i / n), i % n];
          return r === c ? (unit ? 1 : v) : c < r === lower ? v : 0;
        });
        const x = normal(10, 4);
        const b = multiply(transposed ? transpose(used, n, n) : used, x, n, n, 2);
        expect(difference(solveTriangular(t, n, b, 2, { lower, transposed, unit }), x)).toBeLessThan(1e-11);
      }
  expect(() => solveTriangular([1, 0, 0, 0], 2, [1, 1])).toThrow("(1, 1) of the diagonal is 0");
});

test("qr has orthonormal columns times an upper triangle with no negative diagonal, thin and full", () => {
  fc.assert(
    fc.property(size, size, fc.boolean(), fc.integer(), (m, n, full, seed) => {
      const a = normal(m * n, seed);
      const { q, r } = qr(a, m, n, full);
      const k = full ? m : Math.min(m, n);
      expect(orthonormal(q, m, k)).toBeLessThan(rounding);
      expect(difference(multiply(q, r, m, k, n), a)).toBeLessThan(rounding);
      for (let i = 0; i < k; i++) for (let j = 0; j < Math.min(i, n); j++) expect(r[i * n + j]).toBe(0);
      for (let i = 0; i < Math.min(m, n); i++) expect(r[i * n + i]).toBeGreaterThanOrEqual(0);
    }),
  );
  const zero = qr(new Float64Array(6), 3, 2);
  expect(orthonormal(zero.q, 3, 2)).toBeLessThan(rounding);
});

describe("svd", () => {
  test("is orthonormal columns, values from large to small, and multiplies back, for any shape and rank", () => {
    fc.assert(
      fc.property(size, size, fc.nat(12), fc.integer(), (m, n, limit, seed) => {
        const rank = Math.min(limit, m, n);
        const a = multiply(normal(m * rank, seed), normal(rank * n, seed + 1), m, rank, n);
        const { u, s, v, rank: found } = svd(a, m, n);
        const k = Math.min(m, n);
        expect(orthonormal(u, m, k)).toBeLessThan(rounding);
        expect(orthonormal(v, n, k)).toBeLessThan(rounding);
        const us = u.map((x, i) => x * s[i % k]);
        expect(difference(multiply(us, transpose(v, n, k), m, k, n), a)).toBeLessThan(100 * rounding);
        for (let i = 1; i < k; i++) expect(s[i]).toBeLessThanOrEqual(s[i - 1]);
        expect(found).toBe(rank);
      }),
      { numRuns: 500 },
    );
  });
  test("finds small singular values to relative accuracy where scaling by columns makes them", () => {
    // diag(1, 1e-9, 1e-18) rotated on the left by 30° in the first two axes
    const [c, s] = [Math.cos(Math.PI / 6), Math.sin(Math.PI / 6)];
    const found = svd([c, -s * 1e-9, 0, s, c * 1e-9, 0, 0, 0, 1e-18], 3, 3).s;
    [1, 1e-9, 1e-18].forEach((v, i) => {
      expect(found[i] / v).toBeCloseTo(1, 12);
    });
  });
  test("of the Hilbert matrix of order 5 has condition number 476607.25", () => {
    const { s } = svd(
      Float64Array.from({ length: 25 }, (_, i) => 1 / (1 + Math.floor(i / 5) + (i % 5))),
      5,
      5,
    );
    expect(s[0] / s[4]).toBeCloseTo(476607.25, 1);
  });
});

test("eigh diagonalises symmetric matrices; the second difference has eigenvalues 2 − 2 cos(kπ/(n + 1))", () => {
  fc.assert(
    fc.property(size, fc.integer(), (n, seed) => {
      const g = normal(n * n, seed);
      const a = g.map((v, i) => v + g[(i % n) * n + Math.floor(i / n)]);
      const { values, vectors } = eigh(a, n);
      expect(orthonormal(vectors, n, n)).toBeLessThan(rounding);
      expect(
        difference(
          multiply(a, vectors, n, n, n),
          vectors.map((v, i) => v * values[i % n]),
        ),
      ).toBeLessThan(10 * rounding);
      for (let i = 1; i < n; i++) expect(values[i]).toBeGreaterThanOrEqual(values[i - 1]);
    }),
  );
  const n = 60;
  const second = new Float64Array(n * n).map((_, i) => [2, -1][Math.abs(Math.floor(i / n) - (i % n))] ?? 0);
  eigh(second, n).values.forEach((v, k) => {
    expect(v).toBeCloseTo(2 - 2 * Math.cos(((k + 1) * Math.PI) / (n + 1)), 12);
  });
});

test("lstsq gives the shortest of the best solutions and tells the rank", () => {
  const fit = lstsq([1, 0, 1, 1, 1, 2], 3, 2, [6, 0, 0]); // a line through three points: 5 − 3 t
  expect(difference(fit.x, [5, -3])).toBeLessThan(rounding);
  expect(fit.rank).toBe(2);
  expect(fit.residual).toBeCloseTo(Math.sqrt(6), 12);
  const deficient = lstsq([1, 1, 1, 1], 2, 2, [2, 2]);
  expect(deficient.rank).toBe(1);
  expect(difference(deficient.x, [1, 1])).toBeLessThan(rounding);
  expect(difference(lstsq([1, 1], 1, 2, [2]).x, [1, 1])).toBeLessThan(rounding);
});

test("expm of a rotation's generator is the rotation, of a nilpotent matrix its finite series, and logm undoes it", () => {
  for (const angle of [0.1, 3, 30]) {
    const e = expm([0, -angle, angle, 0], 2);
    expect(difference(e, [Math.cos(angle), -Math.sin(angle), Math.sin(angle), Math.cos(angle)])).toBeLessThan(1e-12);
  }
  expect(difference(expm([0, 1, 2, 0, 0, 3, 0, 0, 0], 3), [1, 1, 3.5, 0, 1, 3, 0, 0, 1])).toBeLessThan(rounding);
  expect([...expm([0], 1)]).toEqual([1]);
  expect(expm([-50], 1)[0] / Math.exp(-50)).toBeCloseTo(1, 12);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), fc.integer(), (n, seed) => {
      const a = normal(n * n, seed).map((v) => (0.8 * v) / n); // eigenvalues well inside |Im| < π
      expect(difference(logm(expm(a, n), n), a)).toBeLessThan(1e-10);
      const root = sqrtm(expm(a, n), n);
      expect(
        difference(
          root,
          expm(
            a.map((v) => v / 2),
            n,
          ),
        ),
      ).toBeLessThan(1e-10);
    }),
  );
  expect(() => logm([-1, 0, 0, -2], 2)).toThrow(SingularError);
});
