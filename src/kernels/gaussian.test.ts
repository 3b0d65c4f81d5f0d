import * as fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { Engine } from "./engine.js";
import { filterSymmetric, gaussian, gaussianWeights } from "./gaussian.js";
import { type Border, type Size3, symmetricFilter } from "./reference/gaussian.js";

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
const side = fc.integer({ min: 0, max: 13 });
const radius = fc.integer({ min: 0, max: 11 });

test("the Gaussian kernel equals its plain twin for any size, radius and border, forward and transposed, with equal bits for 1, 2 and 3 threads", () => {
  fc.assert(
    fc.property(
      fc.tuple(side, side, fc.integer({ min: 0, max: 37 })),
      fc.tuple(radius, radius, radius),
      fc.integer({ min: 1, max: 3 }),
      fc.constantFrom<Border>("replicate", "zero"),
      fc.boolean(),
      fc.integer(),
      (size, radii, volumes, border, adjoint, seed) => {
        const x = noise(volumes * size[0] * size[1] * size[2], seed);
        const weights = radii.map((r, axis) => gaussianWeights(size[axis] === 1 && border === "replicate" ? 0 : r / 4)) as [
          Float64Array,
          Float64Array,
          Float64Array,
        ];
        const expected = new Float64Array(x.length);
        symmetricFilter(x, expected, volumes, size, weights, border, adjoint);
        const results = [...engines, plain, unshared].map((e) =>
          onEngine(e, x, (p, q) => filterSymmetric(e, p, q, volumes, size, weights, border, adjoint)),
        );
        for (const r of results) {
          const worst = r.reduce((most, v, i) => Math.max(most, Math.abs(v - expected[i])), 0);
          expect(worst).toBeLessThan(2e-6); // f32: sums of 3 × 23 terms below 1
        }
        expect(results[1]).toEqual(results[0]);
        expect(results[2]).toEqual(results[0]);
      },
    ),
    { numRuns: 100 },
  );
});

test("the transposed filter of the twin is the adjoint: ⟨Gx, y⟩ = ⟨x, Gᵀy⟩", () => {
  fc.assert(
    fc.property(
      fc.tuple(side, side, side),
      fc.tuple(radius, radius, radius),
      fc.constantFrom<Border>("replicate", "zero"),
      (size, radii, border) => {
        const n = size[0] * size[1] * size[2];
        const x = noise(n, 1);
        const y = noise(n, 2);
        const weights = radii.map((r) => gaussianWeights(r / 4)) as [Float64Array, Float64Array, Float64Array];
        const gx = new Float64Array(n);
        const gy = new Float64Array(n);
        symmetricFilter(x, gx, 1, size, weights, border);
        symmetricFilter(y, gy, 1, size, weights, border, true);
        const dot = (a: ArrayLike<number>, b: ArrayLike<number>) => Array.from(a).reduce((s, v, i) => s + v * b[i], 0);
        expect(dot(gx, y)).toBeCloseTo(dot(x, gy), 11);
      },
    ),
    { numRuns: 50 },
  );
});

test("an impulse becomes the normalised sampled Gaussian, and a constant stays what it is under the replicate border", () => {
  const e = engines[1];
  const size: Size3 = [1, 1, 41];
  const impulse = Float32Array.from({ length: 41 }, (_, i) => (i === 20 ? 1 : 0));
  const out = onEngine(e, impulse, (p, q) => gaussian(e, p, q, 1, size, { sigma: [0, 0, 2] }));
  expect(out[20] / out[22]).toBeCloseTo(Math.exp(0.5), 5); // exp(2² / (2 · 2²))
  expect(out.reduce((a, b) => a + b)).toBeCloseTo(1, 6);
  const flat = new Float32Array(6 * 7 * 9).fill(3);
  const same = onEngine(e, flat, (p, q) => gaussian(e, p, q, 1, [6, 7, 9], { sigma: [3, 1, 2] }));
  for (const v of same) expect(v).toBeCloseTo(3, 5);
});

test("the output may lie on the input", () => {
  const e = engines[1];
  const x = noise(2 * 5 * 20 * 9, 4);
  const sigma = [1, 2, 1] as const;
  const apart = onEngine(e, x, (p, q) => gaussian(e, p, q, 2, [5, 20, 9], { sigma }));
  const onto = onEngine(e, x, (p, q) => {
    gaussian(e, p, p, 2, [5, 20, 9], { sigma });
    e.f32(q, x.length).set(e.f32(p, x.length));
  });
  expect(onto).toEqual(apart);
});

test("a sigma that is negative or not a number is refused", () => {
  expect(() => gaussian(engines[0], 0, 0, 1, [1, 1, 1], { sigma: [0, -1, 0] })).toThrow(/sigma/);
});
