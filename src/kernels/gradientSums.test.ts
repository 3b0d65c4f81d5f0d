import * as fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { Engine } from "./engine.js";
import { type GradientSums, gradientSums } from "./gradientSums.js";
import { gradientSums as twin } from "./reference/gradientSums.js";

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
const numbers = (g: GradientSums) => [...g.ofDifference, ...g.ofOwn, ...g.ofOne, g.weight, g.t, g.tt, g.u, g.uu, g.ut];

function compare(size: readonly number[], seed: number, weighted: boolean, masked: boolean): void {
  const random = seeded(seed);
  const n = product(size);
  const some = (m: number) => Float32Array.from({ length: m }, () => random.normal());
  const [v, u, g] = [some(n), some(n), some(size.length * n)];
  const weight = weighted ? some(n).map(Math.abs) : undefined;
  const inside = masked ? some(n).map((x) => (x > 0 ? 1 : 0)) : undefined;
  const expected = numbers(twin(v, u, g, size, weight, inside));
  const found = engines.map((e) => {
    const at = [v, u, g, weight ?? new Float32Array(1), inside ?? new Float32Array(1)].map((a) => {
      const p = e.allocate(4 * a.length);
      e.f32(p, a.length).set(a);
      return p;
    });
    const out = numbers(gradientSums(e, at[0], at[1], at[2], size, weight ? at[3] : 0, inside ? at[4] : 0));
    for (const p of at) e.free(p);
    return out;
  });
  expect(found[1]).toEqual(found[0]);
  expect(found[2]).toEqual(found[0]);
  // f32 rows, numbers of size 1 that cancel: rounding follows the root of the number of terms and the largest coordinate.
  const tolerance = 2e-5 * Math.sqrt(n + 1) * Math.max(1, ...size);
  for (const k of [0, 3]) for (const [i, x] of expected.entries()) expect(Math.abs(found[k][i] - x)).toBeLessThan(tolerance);
}

test("the fused sums equal their plain twin for any size and weights, with the same bits for any number of threads", () => {
  const side = fc.integer({ min: 1, max: 9 });
  fc.assert(
    fc.property(
      fc.oneof(fc.tuple(side, fc.integer({ min: 0, max: 21 })), fc.tuple(side, side, fc.integer({ min: 0, max: 13 }))),
      fc.integer(),
      fc.boolean(),
      fc.boolean(),
      (size, seed, weighted, masked) => compare(size, seed, weighted, masked),
    ),
    { numRuns: 60, seed: 4 },
  );
  compare([70, 333], 1, true, true); // several slabs
  compare([20, 31, 65], 2, false, true);
});
