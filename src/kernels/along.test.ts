import * as fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { along, forwardDifference, type SparseRows, type Strides, sparseRows, transposedRows } from "./along.js";
import { Engine } from "./engine.js";
import * as twin from "./reference/along.js";

const engines = [new Engine({ threads: 1 }), new Engine({ threads: 2 }), new Engine({ threads: 3 })];
const others = [new Engine({ deterministic: true, threads: 2 }), new Engine({ shared: false })];
afterAll(() => {
  for (const e of [...engines, ...others]) e.close();
});
const noise = (length: number, seed: number) => {
  let s = seed >>> 0;
  return Float32Array.from({ length }, () => ((s = (Math.imul(s, 1664525) + 1013904223) >>> 0) >>> 8) / 2 ** 24 - 0.5);
};
/** Run on an engine with an output that holds `before` and one more number, which must stay. */
function onEngine(e: Engine, x: Float32Array, before: Float32Array, work: (p: number, q: number) => void): Float32Array {
  const p = e.allocate(4 * x.length);
  const q = e.allocate(4 * before.length + 4);
  e.f32(p, x.length).set(x);
  e.f32(q, before.length + 1).set([...before, 7]);
  work(p, q);
  const out = e.f32(q, before.length + 1).slice();
  e.free(p);
  e.free(q);
  expect(out[before.length]).toBe(7);
  return out.slice(0, -1);
}
function randomMatrix(m: number, n: number, taps: number, seed: number): SparseRows {
  const v = noise(m * taps * 2, seed);
  return sparseRows(
    n,
    Array.from({ length: m }, (_, k) =>
      Array.from(
        { length: n === 0 ? 0 : (k + taps) % (taps + 1) },
        (_, t) => [Math.floor((v[2 * (k * taps + t)] + 0.5) * n) % n, v[2 * (k * taps + t) + 1]] as const,
      ),
    ),
  );
}
const distance = (a: Float32Array, b: ArrayLike<number>) => a.reduce((most, v, i) => Math.max(most, Math.abs(v - b[i])), 0);

test("a sparse matrix along an axis of a block equals its plain twin, with equal bits for 1, 2 and 3 threads", () => {
  fc.assert(
    fc.property(
      fc.record({
        outer: fc.integer({ min: 0, max: 4 }),
        middle: fc.integer({ min: 1, max: 3 }),
        inner: fc.oneof(fc.constantFrom(1, 2, 16), fc.integer({ min: 1, max: 40 })),
        n: fc.integer({ min: 0, max: 23 }),
        m: fc.integer({ min: 0, max: 23 }),
        taps: fc.integer({ min: 1, max: 7 }),
        gap: fc.integer({ min: 0, max: 3 }),
        accumulate: fc.boolean(),
        seed: fc.integer(),
      }),
      ({ outer, middle, inner, n, m, taps, gap, accumulate, seed }) => {
        const layout = (length: number): Strides & { size: number } => {
          const axis = inner === 1 && gap < 2 ? 1 : inner + gap;
          const mid = length * axis + gap;
          return { offset: gap, axis, middle: mid, outer: middle * mid, size: gap + outer * middle * mid };
        };
        const [from, to] = [layout(n), layout(m)];
        const matrix = randomMatrix(m, n, taps, seed);
        const x = noise(from.size, seed + 1);
        const before = noise(to.size, seed + 2);
        const expected = Float64Array.from(before);
        const counts = { outer, middle, inner };
        twin.along(x, from, expected, to, counts, matrix, accumulate);
        const results = [...engines, ...others].map((e) =>
          onEngine(e, x, before, (p, q) => along(e, p, from, q, to, counts, matrix, accumulate)),
        );
        for (const r of results) expect(distance(r, expected)).toBeLessThan(2e-6); // f32: sums of up to 7 terms below ½
        expect(results[1]).toEqual(results[0]);
        expect(results[2]).toEqual(results[0]);
      },
    ),
    { numRuns: 150 },
  );
});

test("it may work in place", () => {
  for (const [inner, n, outer] of [
    [1, 21, 19],
    [2, 9, 11],
    [37, 12, 2],
  ]) {
    const matrix = randomMatrix(n, n, 5, 3);
    const s = { offset: 0, axis: inner, middle: n * inner, outer: n * inner };
    const x = noise(outer * n * inner, 1);
    const expected = new Float64Array(x.length);
    twin.along(x, s, expected, s, { outer, middle: 1, inner }, matrix);
    const r = onEngine(engines[1], x, x, (_, q) => along(engines[1], q, s, q, s, { outer, middle: 1, inner }, matrix));
    expect(distance(r, expected)).toBeLessThan(2e-6);
  }
});

test("the transposed matrix is the adjoint, and transposing twice changes nothing", () => {
  const a = randomMatrix(13, 9, 4, 5);
  expect(transposedRows(transposedRows(a))).toEqual(a);
  const [x, y] = [noise(9, 1), noise(13, 2)];
  const apply = (m: SparseRows, v: Float32Array) => {
    const out = new Float64Array(m.m);
    const s = { offset: 0, axis: 1, middle: 0, outer: 0 };
    twin.along(v, s, out, s, { outer: 1, middle: 1, inner: 1 }, m);
    return out;
  };
  const dot = (p: ArrayLike<number>, q: ArrayLike<number>) => Array.from(p).reduce((s, v, i) => s + v * q[i], 0);
  expect(dot(apply(a, x), y)).toBeCloseTo(dot(x, apply(transposedRows(a), y)), 12);
});

test("forward differences equal their plain twin at every border, transposed and accumulated, with equal bits for any threads", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 5 }),
      fc.oneof(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 5, max: 300 })),
      fc.oneof(fc.constantFrom(1, 2), fc.integer({ min: 1, max: 40 })),
      fc.constantFrom<twin.DifferenceBorder>("reflect", "periodic", "zero"),
      fc.boolean(),
      fc.boolean(),
      (outer, n, inner, border, adjoint, accumulate) => {
        const lines = { outer, n, inner };
        const x = noise(outer * n * inner, n + 1);
        const before = noise(x.length, n + 2);
        const expected = Float64Array.from(before);
        twin.forwardDifference(x, expected, lines, border, 0.5, adjoint, accumulate);
        const results = [...engines, ...others].map((e) =>
          onEngine(e, x, before, (p, q) => forwardDifference(e, p, q, lines, border, 0.5, adjoint, accumulate)),
        );
        for (const r of results) expect(distance(r, expected)).toBeLessThan(1e-6); // f32: three terms below 1
        expect(results[1]).toEqual(results[0]);
        expect(results[2]).toEqual(results[0]);
      },
    ),
    { numRuns: 150 },
  );
});
