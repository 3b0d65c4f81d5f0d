import * as fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { AbortedError } from "../core/errors.js";
import { Engine } from "./engine.js";
import { boxSum, difference, recursiveGaussian } from "./lines.js";
import { type Border, gaussianWeights } from "./reference/gaussian.js";
import * as twin from "./reference/lines.js";

const engines = [new Engine({ threads: 1 }), new Engine({ threads: 2 }), new Engine({ threads: 3 })];
const plain = new Engine({ deterministic: true, threads: 2 });
const unshared = new Engine({ shared: false });
afterAll(() => {
  for (const e of [...engines, plain, unshared]) e.close();
});

const noise = (length: number, seed: number) => {
  let s = seed >>> 0;
  return Float32Array.from({ length }, () => ((s = (Math.imul(s, 1664525) + 1013904223) >>> 0) >>> 8) / 2 ** 24 - 0.5);
};
const onEngine = (e: Engine, x: Float32Array, work: (p: number, q: number) => void) => {
  const p = e.allocate(4 * x.length);
  const q = e.allocate(4 * x.length + 4);
  e.f32(p, x.length).set(x);
  e.f32(q, x.length + 1).fill(7);
  work(p, q);
  const out = e.f32(q, x.length).slice();
  expect(e.f32(q, x.length + 1)[x.length]).toBe(7); // nothing written past the end
  e.free(p);
  e.free(q);
  return out;
};
const lines = fc.record({
  outer: fc.integer({ min: 0, max: 6 }),
  n: fc.integer({ min: 0, max: 41 }),
  inner: fc.oneof(fc.constant(1), fc.integer({ min: 2, max: 37 })),
});
const border = fc.constantFrom<Border>("replicate", "zero");
const kinds = fc.constantFrom<twin.Difference>("forward", "backward", "central");
const dot = (a: ArrayLike<number>, b: ArrayLike<number>) => Array.from(a).reduce((s, v, i) => s + v * b[i], 0);

function sameAsTwin(
  size: twin.Lines,
  seed: number,
  tolerance: number,
  kernel: (e: Engine, p: number, q: number) => void,
  reference: (x: Float32Array, out: Float64Array) => void,
) {
  const x = noise(size.outer * size.n * size.inner, seed);
  const expected = new Float64Array(x.length);
  reference(x, expected);
  const results = [...engines, plain, unshared].map((e) => onEngine(e, x, (p, q) => kernel(e, p, q)));
  for (const r of results) expect(r.reduce((most, v, i) => Math.max(most, Math.abs(v - expected[i])), 0)).toBeLessThan(tolerance);
  expect(results[1]).toEqual(results[0]);
  expect(results[2]).toEqual(results[0]);
}

test("box sums equal the plain twin for any axis, radius and size, with equal bits for 1, 2 and 3 threads", () => {
  fc.assert(
    fc.property(lines, fc.integer({ min: 0, max: 50 }), fc.integer(), (size, r, seed) =>
      sameAsTwin(
        size,
        seed,
        1e-5, // f32: sums of up to 41 terms below ½
        (e, p, q) => boxSum(e, p, q, size, r),
        (x, out) => twin.boxSum(x, out, size, r),
      ),
    ),
    { numRuns: 80 },
  );
});

test("a box sum does not drift: far from a huge value it sums small ones exactly", () => {
  const x = new Float32Array(300).fill(1);
  x[5] = 1e9;
  const out = onEngine(engines[0], x, (p, q) => boxSum(engines[0], p, q, { outer: 1, n: 300, inner: 1 }, 3));
  for (let i = 9; i < 297; i++) expect(out[i]).toBe(7);
});

test("an abort in the middle frees what was reserved", () => {
  const e = engines[1];
  const size = { outer: 4, n: 50, inner: 8 };
  const p = e.allocate(4 * 1600);
  recursiveGaussian(e, p, p, size, 3);
  const { used } = e.memoryUse;
  Atomics.store(e.abortFlag, 0, 1);
  expect(() => recursiveGaussian(e, p, p, size, 3)).toThrow(AbortedError);
  Atomics.store(e.abortFlag, 0, 0);
  expect(e.memoryUse.used).toBe(used);
  e.free(p);
});

test("finite differences and their adjoints equal the plain twin", () => {
  fc.assert(
    fc.property(lines, kinds, fc.boolean(), fc.integer(), (size, kind, adjoint, seed) =>
      sameAsTwin(
        size,
        seed,
        2e-6, // f32: two terms below 1
        (e, p, q) => difference(e, p, q, size, kind, 0.7, adjoint),
        (x, out) => twin.difference(x, out, size, kind, 0.7, adjoint),
      ),
    ),
    { numRuns: 80 },
  );
});

test("a difference of a ramp is its slope everywhere a neighbour exists", () => {
  const ramp = Float64Array.of(0, 2, 4, 6);
  const out = new Float64Array(4);
  const size = { outer: 1, n: 4, inner: 1 };
  twin.difference(ramp, out, size, "forward", 0.5);
  expect([...out]).toEqual([4, 4, 4, 0]);
  twin.difference(ramp, out, size, "backward", 0.5);
  expect([...out]).toEqual([0, 4, 4, 4]);
  twin.difference(ramp, out, size, "central", 0.5);
  expect([...out]).toEqual([4, 4, 4, 4]);
});

test("the recursive Gaussian equals the plain twin, forward and transposed, also in place", () => {
  fc.assert(
    fc.property(
      lines,
      fc.double({ min: 1, max: 60, noNaN: true }),
      border,
      fc.boolean(),
      fc.integer(),
      (size, sigma, edge, adjoint, seed) =>
        sameAsTwin(
          size,
          seed,
          1e-5, // f32: each recursion remembers some σ samples
          (e, p, q) => {
            if (seed & 1) recursiveGaussian(e, p, q, size, sigma, edge, adjoint);
            else {
              const n = size.outer * size.n * size.inner;
              e.f32(q, n).set(e.f32(p, n));
              recursiveGaussian(e, q, q, size, sigma, edge, adjoint);
            }
          },
          (x, out) => twin.recursiveGaussian(x, out, size, sigma, edge, adjoint),
        ),
    ),
    { numRuns: 80 },
  );
});

test("the recursive Gaussian deviates from the exact one by less than 0.1 % of its peak, and keeps constants", () => {
  for (const sigma of [1, 2, 5, 20, 80]) {
    const exact = gaussianWeights(sigma, 8);
    const h = twin.recursiveResponse(sigma, exact.length);
    const worst = h.reduce((most, v, k) => Math.max(most, Math.abs(v - exact[k])), 0) / exact[0];
    expect(worst, `sigma ${sigma}`).toBeLessThan(1e-3);
  }
  const flat = onEngine(engines[0], new Float32Array(200).fill(3), (p, q) =>
    recursiveGaussian(engines[0], p, q, { outer: 1, n: 200, inner: 1 }, 25),
  );
  for (const v of flat) expect(v).toBeCloseTo(3, 4);
});

test("the twins' adjoints are adjoint: ⟨Ax, y⟩ = ⟨x, Aᵀy⟩", () => {
  fc.assert(
    fc.property(lines, kinds, border, fc.double({ min: 1, max: 9, noNaN: true }), (size, kind, edge, sigma) => {
      const n = size.outer * size.n * size.inner;
      const [x, y] = [noise(n, 1), noise(n, 2)];
      const pairs: ((a: Float32Array, out: Float64Array, adjoint: boolean) => void)[] = [
        (a, out, adjoint) => twin.difference(a, out, size, kind, 1, adjoint),
        (a, out, adjoint) => twin.recursiveGaussian(a, out, size, sigma, edge, adjoint),
        (a, out) => twin.boxSum(a, out, size, 3),
      ];
      for (const apply of pairs) {
        const [ax, ay] = [new Float64Array(n), new Float64Array(n)];
        apply(x, ax, false);
        apply(y, ay, true);
        expect(dot(ax, y)).toBeCloseTo(dot(x, ay), 7); // tails of the recursive filter below 1e-9 are left out
      }
    }),
    { numRuns: 60 },
  );
});
