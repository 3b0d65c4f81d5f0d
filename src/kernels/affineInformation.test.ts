import * as fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { seeded } from "../core/index.js";
import { type AffineInformation, affineInformation, type InformationProblem } from "./affineInformation.js";
import { Engine } from "./engine.js";
import { affineInformation as twin } from "./reference/affineInformation.js";

const engines = [
  new Engine({ threads: 1 }),
  new Engine({ threads: 2 }),
  new Engine({ threads: 3 }),
  new Engine({ deterministic: true, shared: false }),
];
afterAll(() => {
  for (const e of engines) e.close();
});
const product = (s: readonly number[]) => s.reduce((a, b) => a * b, 1);
/** On all engines; the threaded ones must agree to the last bit. Of the first and of the plain build. */
function everywhere(
  fixed: Float32Array,
  size: readonly number[],
  weight: Float32Array | undefined,
  moving: Float32Array,
  movingSize: readonly number[],
  problem: InformationProblem,
): AffineInformation[] {
  const results = engines.map((e) => {
    const [f, w, m] = [fixed, weight ?? new Float32Array(1), moving].map((a) => {
      const at = e.allocate(4 * a.length);
      e.f32(at, a.length).set(a);
      return at;
    });
    const result = affineInformation(e, f, size, weight ? w : 0, m, movingSize, problem);
    for (const p of [f, w, m]) e.free(p);
    return result;
  });
  expect(results[1]).toEqual(results[0]);
  expect(results[2]).toEqual(results[0]);
  return [results[0], results[3]];
}
function close(a: ArrayLike<number>, b: ArrayLike<number>, tolerance: number): void {
  expect(a.length).toBe(b.length);
  let scale = 1;
  for (let i = 0; i < b.length; i++) scale = Math.max(scale, Math.abs(b[i]));
  for (let i = 0; i < b.length; i++) if (!(Math.abs(a[i] - b[i]) <= tolerance * scale)) expect(a[i]).toBe(b[i]);
}

test("the histogram and its derivative equal their plain twin for any size, step, mask, order and interpolation", () => {
  const side = fc.integer({ min: 1, max: 8 });
  fc.assert(
    fc.property(
      fc.record({
        seed: fc.integer(),
        size: fc.oneof(fc.tuple(side, side, fc.integer({ min: 0, max: 9 })), fc.tuple(side, fc.integer({ min: 1, max: 21 }))),
        other: fc.tuple(side, side, side),
        step: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 2 })),
        interpolation: fc.constantFrom("linear" as const, "cubic" as const),
        order: fc.constantFrom(0 as const, 1 as const, 3 as const),
        bins: fc.integer({ min: 4, max: 11 }),
        masked: fc.boolean(),
        slopes: fc.boolean(),
      }),
      ({ seed, size, other, step, interpolation, order, bins, masked, slopes }) => {
        const r = seeded(seed);
        const d = size.length;
        const movingSize = other.slice(3 - d);
        // The middles of bins, so that f32 and f64 agree on the bin of an order 0; some values beyond the range.
        const fixed = Float32Array.from({ length: product(size) }, () => (Math.floor(r.uniform() * (bins + 2)) - 0.5) / bins);
        const weight = masked ? Float32Array.from(fixed, () => Math.max(0, r.uniform() - 0.3)) : undefined;
        if (weight) fixed.forEach((_, i) => weight[i] === 0 && (fixed[i] = Number.NaN)); // anything goes where the weight is 0
        const moving = Float32Array.from({ length: product(movingSize) }, () => r.uniform());
        // Sixty-fourths: positions are exact in f32, so both agree on what is inside; never on a cell border.
        const affine = Array.from({ length: d * (d + 1) }, (_, k) => {
          const wide = Math.round(32 * r.uniform() - 16) / 64;
          if (k % (d + 1) === d) return Math.floor(3 * r.uniform()) + 33 / 64 / 2 + 1 / 128;
          return k % (d + 1) === Math.floor(k / (d + 1)) ? 0.75 + wide / 8 : wide / 4;
        });
        const range = [
          [0.1, 0.8],
          [0, 1],
        ] as const;
        const problem = { interpolation, affine, step: step.slice(0, d), bins, order, range, slopes };
        const expected = twin(fixed, size, weight, moving, movingSize, problem);
        for (const result of everywhere(fixed, size, weight, moving, movingSize, problem)) {
          close(result.histogram, expected.histogram, 2e-5); // f32 samples and sums
          expect(result.derivative === undefined).toBe(!slopes);
          // A value within rounding of an end of the range has a slope on one side only; values there are rare, but cubic slopes are steep.
          if (result.derivative && expected.derivative) close(result.derivative, expected.derivative, 2e-4);
          expect(result.centre).toEqual(expected.centre);
        }
      },
    ),
    { numRuns: 200 },
  );
});

test("the derivative is the limit of differences of the histogram", () => {
  const r = seeded(3);
  const size = [7, 8, 9];
  const wave = (f: number) =>
    Float64Array.from({ length: product(size) }, (_, k) => 0.5 + 0.4 * Math.sin(f * (k % 9) + 0.3 * Math.floor(k / 9)));
  const [fixed, moving] = [wave(0.5), wave(0.7)];
  const affine = [0.95, 0.04, 0.02, 0.3137, -0.03, 0.93, 0.01, 0.4137, 0.02, 0.01, 0.96, 0.2137];
  const at = (a: readonly number[], slopes: boolean) =>
    twin(fixed, size, undefined, moving, size, {
      interpolation: "cubic",
      affine: a,
      bins: 8,
      order: 3,
      range: [
        [-0.2, 1.2],
        [0, 1],
      ],
      slopes,
    });
  const { derivative, centre } = at(affine, true);
  const direction = affine.map(() => r.uniform() - 0.5);
  const h = 1e-5;
  const moved = (t: number) =>
    affine.map(
      (v, k) => v + t * (k % 4 === 3 ? direction[k] - [0, 1, 2].reduce((s, j) => s + direction[k - 3 + j] * centre[j], 0) : direction[k]),
    );
  const [up, down] = [at(moved(h), false).histogram, at(moved(-h), false).histogram];
  up.forEach((v, cell) => {
    const slope = direction.reduce((s, x, e) => s + x * (derivative as Float64Array)[cell * 12 + e], 0);
    expect(slope).toBeCloseTo((v - down[cell]) / (2 * h), 4); // cells of about 10 samples; a central difference of step 1e-5
  });
});
