import * as fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { type Shape, sizeOf, stridesOf } from "../core/shape.js";
import { Engine } from "./engine.js";
import { fillNormal, fillUniform } from "./random.js";
import { argExtreme, cumulativeSum, dot, type Reduction, reduce, sum } from "./reduce.js";

const engines = [
  new Engine({ threads: 1 }),
  new Engine({ threads: 2 }),
  new Engine({ threads: 3 }),
  new Engine({ shared: false }),
  new Engine({ deterministic: true }),
];
afterAll(() => {
  for (const e of engines) e.close();
});
const noise = (n: number, seed: number) => {
  let s = seed >>> 0;
  return Float32Array.from({ length: n }, () => ((s = (Math.imul(s, 1664525) + 1013904223) >>> 0) >>> 8) / 2 ** 23 - 1);
};
/** The same by definition, f64. */
const plainly = (kind: Reduction, x: ArrayLike<number>, shape: Shape, axes: readonly number[]) => {
  const kept = shape.map((_, i) => i).filter((i) => !axes.includes(i));
  const out = new Float64Array(sizeOf(kept.map((i) => shape[i]))).fill({ sum: 0, prod: 1, max: -Infinity, min: Infinity }[kind]);
  const strides = stridesOf(shape);
  const outStrides = stridesOf(kept.map((i) => shape[i]));
  for (let i = 0; i < x.length; i++) {
    const at = kept.reduce((s, axis, k) => s + (Math.floor(i / strides[axis]) % shape[axis]) * outStrides[k], 0);
    out[at] = { sum: out[at] + x[i], prod: out[at] * x[i], max: Math.max(out[at], x[i]), min: Math.min(out[at], x[i]) }[kind];
  }
  return out;
};
const onEngine = (e: Engine, x: Float32Array, outLength: number, run: (src: number, dst: number) => void) => {
  const src = e.allocate(4 * x.length);
  const dst = e.allocate(4 * outLength + 64);
  e.f32(src, x.length).set(x);
  e.f32(dst, outLength + 16).fill(7);
  run(src, dst);
  const out = e.f32(dst, outLength).slice();
  expect(e.f32(dst + 4 * outLength, 16)).toEqual(new Float32Array(16).fill(7));
  e.free(src);
  e.free(dst);
  return out;
};

test("sums, products and extremes over any axes are those of the definition, with the same bits on any number of threads", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 4 }),
      fc.nat(15),
      fc.constantFrom<Reduction>("sum", "prod", "max", "min"),
      fc.integer(),
      (shape, mask, kind, seed) => {
        const axes = shape.map((_, i) => i).filter((i) => mask & (1 << i));
        const x = noise(sizeOf(shape), seed);
        const expected = plainly(kind, x, shape, axes);
        const results = engines.map((e) => onEngine(e, x, expected.length, (src, dst) => reduce(e, kind, src, dst, shape, axes)));
        expected.forEach((v, i) => {
          expect(Object.is(results[0][i], v) ? 0 : Math.abs(results[0][i] - v)).toBeLessThanOrEqual(1e-5 * Math.max(1, Math.abs(v))); // sums of up to 6561 floats, rounded once per pass
        });
        for (const r of results.slice(1)) expect(r).toEqual(results[0]);
      },
    ),
    { numRuns: 300 },
  );
});

test("long rows and wide columns are reduced exactly enough: 2²⁴ + 1 ones do not stop at 2²⁴", () => {
  const n = 2 ** 24 + 33;
  const e = engines[1];
  const p = e.allocate(4 * n);
  e.f32(p, n).fill(1);
  expect(sum(e, p, n)).toBe(n);
  expect(dot(e, p, p, n)).toBe(n);
  const q = e.allocate(4 * 2);
  reduce(e, "sum", p, q, [2, n >> 1], [1]);
  expect([...e.f32(q, 2)]).toEqual([Math.fround(n >> 1), Math.fround(n >> 1)]);
  e.f32(p, n)[n - 2] = -5;
  e.f32(p, n)[12345678] = 9;
  reduce(e, "min", p, q, [n], [0]);
  expect(e.f32(q, 1)[0]).toBe(-5);
  reduce(e, "max", p, q, [n], [0]);
  expect(e.f32(q, 1)[0]).toBe(9);
  e.f32(p, n)[n - 7] = Number.NaN;
  reduce(e, "max", p, q, [n], [0]);
  expect(e.f32(q, 1)[0]).toBeNaN();
  e.free(p);
  e.free(q);
});

test("argmax finds the first of equal elements, argmin the first smallest, along any axis", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 3 }),
      fc.nat(2),
      fc.boolean(),
      fc.integer(),
      (shape, a, least, seed) => {
        const axis = a % shape.length;
        const x = noise(sizeOf(shape), seed).map((v) => Math.round(3 * v));
        const inner = sizeOf(shape.slice(axis + 1));
        const results = engines.map(
          (e) => new Int32Array(onEngine(e, x, x.length / shape[axis], (src, dst) => argExtreme(e, least, src, dst, shape, axis)).buffer),
        );
        results[0].forEach((got, i) => {
          const at = Math.floor(i / inner) * shape[axis] * inner + (i % inner);
          const line = Array.from({ length: shape[axis] }, (_, k) => x[at + k * inner]);
          expect(got).toBe(line.indexOf(least ? Math.min(...line) : Math.max(...line)));
        });
        for (const r of results) expect(r).toEqual(results[0]);
      },
    ),
  );
});

test("running sums go along any axis, from either end", () => {
  const shape = [3, 4, 5];
  const x = noise(60, 3);
  for (const axis of [0, 1, 2])
    for (const reverse of [false, true])
      for (const e of engines) {
        const out = onEngine(e, x, 60, (src, dst) => cumulativeSum(e, src, dst, shape, axis, reverse));
        const step = stridesOf(shape)[axis];
        for (let i = 0; i < 60; i++) {
          const k = Math.floor(i / step) % shape[axis];
          let s = 0;
          for (let j = 0; j < shape[axis]; j++) if (reverse ? j >= k : j <= k) s += x[i + (j - k) * step];
          expect(out[i]).toBeCloseTo(s, 6);
        }
      }
});

test("random numbers depend on key and place only, fill the interval evenly, and normal ones have moments 0, 1, 0, 3", () => {
  const n = 200001;
  const draw = (e: Engine, key: readonly [number, number], normal: boolean) =>
    onEngine(e, new Float32Array(1), n, (_, dst) => (normal ? fillNormal(e, dst, n, key) : fillUniform(e, dst, n, key, -1, 3)));
  const u = draw(engines[0], [1, 2], false);
  const z = draw(engines[0], [1, 2], true);
  for (const e of engines.slice(1)) {
    expect(draw(e, [1, 2], false)).toEqual(u);
    if (e.build === engines[0].build) expect(draw(e, [1, 2], true)).toEqual(z);
  }
  const moment = (x: Float32Array, p: number, centre = 0) => x.reduce((s, v) => s + (v - centre) ** p, 0) / n;
  expect(Math.min(...u.subarray(0, 1e5))).toBeGreaterThanOrEqual(-1);
  expect(Math.max(...u.subarray(0, 1e5))).toBeLessThan(3);
  const tolerance = 5 / Math.sqrt(n); // five standard errors, each of order 1/√n
  expect(Math.abs(moment(u, 1) - 1)).toBeLessThan(tolerance * 1.2);
  expect(Math.abs(moment(u, 2, 1) - 16 / 12)).toBeLessThan(tolerance * 1.2);
  expect(Math.abs(moment(z, 1))).toBeLessThan(tolerance);
  expect(Math.abs(moment(z, 2) - 1)).toBeLessThan(tolerance * Math.SQRT2);
  expect(Math.abs(moment(z, 3))).toBeLessThan(tolerance * Math.sqrt(15));
  expect(Math.abs(moment(z, 4) - 3)).toBeLessThan(tolerance * Math.sqrt(96));
  const bins = new Array<number>(64).fill(0);
  for (const v of u) bins[Math.floor((v + 1) * 16)]++;
  const chi2 = bins.reduce((s, c) => s + (c - n / 64) ** 2 / (n / 64), 0);
  expect(chi2).toBeLessThan(63 + 5 * Math.sqrt(126)); // 63 degrees of freedom
  const correlation = u.subarray(1).reduce((s, v, i) => s + (v - 1) * (u[i] - 1), 0) / n;
  expect(Math.abs(correlation)).toBeLessThan(tolerance * 1.4);
  const other = draw(engines[0], [1, 3], false);
  expect(Math.abs(other.reduce((s, v, i) => s + (v - 1) * (u[i] - 1), 0) / n)).toBeLessThan(tolerance * 1.4);
});
