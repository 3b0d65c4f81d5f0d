import { expect, test } from "vitest";
import { seeded, seededAt } from "./random.js";

test("the k-th stream of a seed is always the same, and unlike its neighbours and other seeds", () => {
  const first = (seed: number, k: number) => seededAt(seed, k).uniform();
  expect(first(42, 7)).toBe(first(42, 7));
  const seen = new Set([0, 1, 42, -5].flatMap((seed) => Array.from({ length: 500 }, (_, k) => first(seed, k))));
  expect(seen.size).toBe(2000);
});
test("first numbers of following streams are uniform and not related", () => {
  const n = 4000;
  const u = Array.from({ length: n + 1 }, (_, k) => seededAt(42, k).uniform() - 0.5);
  const mean = u.reduce((a, b) => a + b, 0) / n;
  const variance = u.reduce((a, b) => a + b * b, 0) / n;
  const related = u.slice(1).reduce((s, v, k) => s + v * u[k], 0) / n / variance;
  expect(Math.abs(mean)).toBeLessThan(0.02); // four standard errors of √(1/12)/√4000
  expect(variance).toBeCloseTo(1 / 12, 2);
  expect(Math.abs(related)).toBeLessThan(0.07); // four standard errors
});
test("the same seed gives the same numbers, whole ones as well", () =>
  expect([seeded(1).normal(), seeded(1).integer(9)]).toEqual([seeded(1).normal(), seeded(1).integer(9)]));
