import * as fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { Engine } from "./engine.js";
import { type FixedOrder, type HistogramOptions, information, jointGradient, jointHistogram, valueRange } from "./mutualInformation.js";
import * as twin from "./reference/mutualInformation.js";

const engines = [new Engine({ threads: 1 }), new Engine({ threads: 2 }), new Engine({ threads: 3 })];
const plain = new Engine({ deterministic: true, threads: 2 });
const unshared = new Engine({ shared: false });
afterAll(() => {
  for (const e of [...engines, plain, unshared]) e.close();
});

const noise = (length: number, seed: number) => {
  let s = seed >>> 0;
  return Float32Array.from({ length }, () => ((s = (Math.imul(s, 1664525) + 1013904223) >>> 0) >>> 8) / 2 ** 24);
};
const put = (e: Engine, x: Float32Array) => {
  const p = e.allocate(4 * x.length);
  e.f32(p, x.length).set(x);
  return p;
};
const options = fc.record({
  bins: fc.constantFrom(4, 5, 7, 32, 64, 256),
  order: fc.constantFrom<FixedOrder>(0, 1, 3),
  masked: fc.boolean(),
  count: fc.integer({ min: 0, max: 300 }),
  seed: fc.integer(),
});
/** Bit for bit: toEqual takes long on 256² numbers. */
const same = (a: ArrayLike<number>, b: ArrayLike<number>) => a.length === b.length && Array.from(a).every((v, i) => Object.is(v, b[i]));
const largest = (x: ArrayLike<number>) => Array.from(x).reduce((most, v) => Math.max(most, Math.abs(v)), 0);

test("histogram and gradients equal the plain twin for any bins, order, mask and count, with equal bits for 1, 2 and 3 threads", () => {
  fc.assert(
    fc.property(options, ({ bins, order, masked, count, seed }) => {
      const fixed = noise(count, seed);
      const warped = noise(count, seed + 1).map((v, i) => 0.5 * (v + fixed[i]));
      const mask = masked ? noise(count, seed + 2).map((v) => Math.max(0, v - 0.3)) : undefined;
      const o: HistogramOptions = {
        bins,
        order,
        range: [
          [0.1, 0.8],
          [0.05, 0.93],
        ],
      };
      const table = Float64Array.from(noise(bins * bins, seed + 3));
      const results = [...engines, plain, unshared].map((e) => {
        const pairs = { warped: put(e, warped), fixed: put(e, fixed), mask: mask && put(e, mask), count };
        const H = jointHistogram(e, pairs, o);
        const g = e.allocate(4 * count + 4);
        e.f32(g, count + 1).fill(7);
        jointGradient(e, pairs, table, g, 2, "warped", o);
        const ofWarped = e.f32(g, count + 1).slice();
        jointGradient(e, pairs, table, g, 2, "fixed", o);
        const ofFixed = e.f32(g, count + 1).slice();
        for (const p of [pairs.warped, pairs.fixed, g]) e.free(p);
        if (pairs.mask) e.free(pairs.mask);
        return { H, ofWarped, ofFixed };
      });
      const H = twin.jointHistogram(warped, fixed, mask, o);
      const gw = twin.jointGradient(warped, fixed, mask, table, "warped", o);
      const gf = twin.jointGradient(warped, fixed, mask, table, "fixed", o);
      // A value within rounding of a cell border may fall to either side: a bin of order 0 and a linear slope jump there.
      const near = (v: number, cells: number) => Math.abs(cells * v - Math.round(cells * v)) < 1e-4;
      const cells = order === 0 ? bins : bins - 1;
      const doubtful = order === 3 ? 0 : Array.from(fixed).filter((v) => near((v - 0.05) / 0.88, cells)).length;
      for (const r of results) {
        expect(largest(r.H.map((v, i) => v - H[i]))).toBeLessThan(1e-4 + 2 * doubtful); // f32 positions of 256 cells
        expect(r.H.reduce((a, b) => a + b, 0)).toBeCloseTo(
          H.reduce((a, b) => a + b, 0),
          3,
        );
        if (doubtful === 0) {
          expect(largest(gw.map((v, i) => 2 * v - r.ofWarped[i]))).toBeLessThan(5e-5 * bins * (1 + bins / 16)); // slopes of up to bins / range, cells in f32
          expect(largest(gf.map((v, i) => 2 * v - r.ofFixed[i]))).toBeLessThan(5e-5 * bins * (1 + bins / 16));
        }
        expect(r.ofWarped[count]).toBe(7); // nothing written past the end
        expect(r.ofFixed[count]).toBe(7);
      }
      for (const r of results.slice(1, 3))
        for (const part of ["H", "ofWarped", "ofFixed"] as const) expect(same(r[part], results[0][part])).toBe(true);
    }),
    { numRuns: 60 },
  );
});

test("many slabs give the same histogram whatever the number of threads, and its sum is the number of samples", () => {
  const n = 300_001;
  const [a, b] = [noise(n, 1), noise(n, 2)];
  const o: HistogramOptions = {
    bins: 16,
    order: 0,
    range: [
      [0, 1],
      [0, 1],
    ],
  };
  const all = engines.map((e) => {
    const pairs = { warped: put(e, a), fixed: put(e, b), count: n };
    const H = jointHistogram(e, pairs, o);
    expect(valueRange(e, pairs.warped, n)).toEqual([a.reduce((p, v) => Math.min(p, v)), a.reduce((p, v) => Math.max(p, v))]);
    e.free(pairs.warped);
    e.free(pairs.fixed);
    return H;
  });
  expect(all[1]).toEqual(all[0]);
  expect(all[2]).toEqual(all[0]);
  expect(all[0].reduce((s, v) => s + v, 0)).toBeCloseTo(n, 1);
});

test("the slopes of information are those of its value, for both kinds", () => {
  const bins = 5;
  const H = Float64Array.from(noise(25, 9)).map((v) => v + 0.1);
  for (const kind of ["mattes", "nmi"] as const) {
    const { slopes } = information(H, bins, kind);
    // Moving weight from one entry to another keeps the sum, as moving a value does.
    for (let i = 0; i < 24; i++) {
      const at = (h: number) =>
        information(
          Float64Array.from(H, (v, k) => v + (k === i ? h : k === i + 1 ? -h : 0)),
          bins,
          kind,
        ).value;
      expect((at(1e-5) - at(-1e-5)) / 2e-5).toBeCloseTo(slopes[i] - slopes[i + 1], 7);
    }
  }
});

test("independent images share nothing, equal ones their entropy, and one filled bin is no division by zero", () => {
  expect(information([1, 1, 1, 1], 2, "mattes").value).toBeCloseTo(0, 12);
  expect(information([1, 1, 1, 1], 2, "nmi").value).toBeCloseTo(1, 12);
  expect(information([3, 0, 0, 3], 2, "mattes").value).toBeCloseTo(Math.log(2), 12);
  expect(information([3, 0, 0, 3], 2, "nmi").value).toBeCloseTo(2, 12);
  expect(information([3, 0, 0, 0], 2, "nmi").value).toBe(1);
  expect(information([0, 0, 0, 0], 2, "nmi").value).toBe(0);
});

test("a number of bins outside 4 … 256 is refused", () => {
  const o = {
    order: 0 as const,
    range: [
      [0, 1],
      [0, 1],
    ] as const,
  };
  for (const bins of [3, 257, 4.5])
    expect(() => jointHistogram(engines[0], { warped: 0, fixed: 0, count: 0 }, { ...o, bins })).toThrow(/bins/);
});
