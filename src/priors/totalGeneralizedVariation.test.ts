import { describe, expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { randomNormal, Tensor } from "../tensor/index.js";
import { checkAdjoint, checkProx } from "../testing/index.js";
import { tgvOperators, tgvRestoreSync, totalGeneralizedVariation, totalVariation } from "./index.js";

const from = (shape: readonly number[], f: (...at: number[]) => number) => {
  const n = shape.reduce((p, m) => p * m, 1);
  const strides = shape.map((_, a) => shape.slice(a + 1).reduce((p, m) => p * m, 1));
  return Tensor.from(
    Float32Array.from({ length: n }, (_, k) => f(...shape.map((m, a) => Math.floor(k / strides[a]) % m))),
    [...shape],
  );
};
const tgv = totalGeneralizedVariation();

describe("total generalised variation", () => {
  test.each([
    [[6, 7], 2],
    [[9], 1],
    [[4, 5, 3], 3],
    [[2, 6, 5], 2],
    [[1, 4], 2],
    [[2, 2], 2],
  ] as const)("the derivatives of %j have their transposes", (shape, dimensions) => {
    for (const border of ["reflect", "periodic"] as const) {
      const { gradient, bend } = tgvOperators([...shape], { dimensions, border });
      expect(checkAdjoint(gradient)).toBeLessThan(1e-6);
      expect(checkAdjoint(bend)).toBeLessThan(1e-6);
    }
  });
  test("a plane costs nothing, in two and three dimensions", () => {
    const plane = from([7, 9], (y, x) => 0.3 * x - 0.2 * y + 1);
    expect(tgv.value(plane).item()).toBeLessThan(1e-4); // solved to 1e-7 of Σ|∇x|
    expect(totalVariation().value(plane).item()).toBeGreaterThan(10);
    expect(tgv.value(from([4, 5, 6], (z, y, x) => x + 2 * y - z)).item()).toBeLessThan(1e-3);
  });
  test("a step costs its height times the length of its edge, as in total variation, and never more than that", () => {
    const step = from([8, 16], (_, x) => (x < 8 ? 0 : 2));
    expect(tgv.value(step).item()).toBeCloseTo(16, 2);
    const x = randomNormal([9, 8], seeded(3));
    expect(tgv.value(x).item()).toBeLessThanOrEqual(totalVariation().value(x).item() * (1 + 1e-5));
  });
  test("a fold costs β times the change of slope: bending where it is cheaper than an edge", () => {
    const fold = from([4, 21], (_, x) => 0.1 * Math.abs(x - 10));
    // ½|w| jumps by 0.2 in each of 4 rows, across one difference.
    expect(tgv.value(fold).item()).toBeCloseTo(4 * 2 * 0.2, 1);
  });
  test("its proximal map is where the minimum is, with a certified gap", () => {
    const v = randomNormal([7, 6], seeded(5));
    const loose = totalGeneralizedVariation({ tolerance: 1e-4 });
    expect(checkProx(loose, v, 0.3, seeded(4), 4)).toBeLessThan(1e-3); // both sides are solved to 1e-4
    const r = tgvRestoreSync({ data: v, lambda: 0.3 }, { tolerance: 1e-4 });
    expect(r.stop).toBe("converged");
    expect(r.gap).toBeGreaterThanOrEqual(-1e-6 * r.objective);
    expect(r.gap).toBeLessThan(1.1e-4 * r.objective);
  });
  test("noise on a slope: no stairs, and nearer than total variation", () => {
    const truth = from([32, 32], (y, x) => (x < 16 ? 0.02 * y : 0.5 + 0.02 * x));
    const data = truth.add(randomNormal([32, 32], seeded(6)).mul(0.08));
    const off = (x: Tensor) => x.sub(truth).norm().item();
    const best = (prior: { prox(v: Tensor, t: number): Tensor }) => Math.min(...[0.05, 0.1, 0.2].map((t) => off(prior.prox(data, t))));
    expect(best(totalGeneralizedVariation({ tolerance: 1e-3 }))).toBeLessThan(0.85 * best(totalVariation()));
  });
  test("what is not known is carried on with its slope", () => {
    const truth = from([4, 14], (y, x) => 0.05 * x + 0.02 * y);
    const weights = from([4, 14], (_, x) => (x > 5 && x < 9 ? 0 : 1));
    const r = tgvRestoreSync({ data: truth.mul(weights), weights, lambda: 0.01 }, { iterations: 1500 });
    expect(r.image.sub(truth).abs().max().item()).toBeLessThan(0.03);
  });
  test("a ratio that is not positive is refused", () => {
    expect(() => totalGeneralizedVariation({ ratio: 0 })).toThrow(/positive/);
  });
});
