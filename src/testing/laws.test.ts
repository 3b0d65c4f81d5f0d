import { describe, expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { scope } from "../core/scope.js";
import "../tensor/index.js";
import { custom, stopGradient, valueAndGrad } from "../tensor/differentiate.js";
import { primitives } from "../tensor/registry.js";
import { isComplex } from "../tensor/storage.js";
import { randomNormal } from "../tensor/tensor.js";
import { examples } from "./examples/index.js";
import { adjointMismatch, scalarised, taylorFirst, taylorSecond } from "./laws.js";

test("every primitive has examples for its laws, and every example a primitive", () => {
  expect(Object.keys(examples).sort()).toEqual([...primitives.keys()].sort());
});

for (const [name, list] of Object.entries(examples)) {
  describe(name, () => {
    [list].flat().forEach((example, k) => {
      const label = [list].flat().length > 1 ? ` (${k + 1})` : "";
      const random = seeded(1000 + k);
      const xs = example.inputs(random);
      const f = scalarised(example.f, xs, random);
      if (example.kind === "constant") {
        test(`has no slope${label}`, () => {
          for (const g of valueAndGrad(f)(...xs).gradients) expect(Math.max(0, ...g.data.map(Math.abs))).toBe(0);
        });
        return;
      }
      test(`first Taylor remainder falls as h²${label}`, () => {
        const { order, remainders } = scope(() => taylorFirst(f, xs, random, example.h0));
        expect(order, `remainders ${remainders}`).toBeGreaterThan(1.8);
      });
      test(`forward and reverse rules are adjoint${label}`, () => {
        expect(scope(() => adjointMismatch(example.f, xs, random))).toBeLessThan(1e-11); // f64, sums of some tens of terms
      });
      if (example.kind !== "first")
        for (const [i, x] of xs.entries())
          test(`second Taylor remainder falls as h³, argument ${i + 1}${label}`, () => {
            const { order, remainders } = scope(() =>
              taylorSecond((v) => f(...xs.map((y, j) => (j === i ? v : y))), x, random, example.h0),
            );
            expect(order, `remainders ${remainders}`).toBeGreaterThan(2.7);
          });
      test(`f32 agrees with the f64 twin${label}`, () => {
        const low = xs.map((x) => x.cast(isComplex(x.dtype) ? "c64" : "f32"));
        const [y64, y32] = [example.f(...xs), example.f(...low)];
        expect(y32.shape).toEqual(y64.shape);
        const scale = Math.max(1e-30, ...Array.from(y64.data, Math.abs));
        for (let i = 0; i < y64.data.length; i++) expect(Math.abs(y32.data[i] - y64.data[i]) / scale).toBeLessThan(2e-5); // f32, a few roundings
      });
    });
  });
}

describe("the laws themselves", () => {
  const x = randomNormal([5], seeded(3), "f64");
  const wrong = custom({ value: (v) => v.mul(v).sum(), vjp: (g, _, [v]) => [v.mul(g).mul(2.01)] });
  test("a gradient wrong by half a per cent is found by the first Taylor remainder", () => {
    expect(taylorFirst(wrong, [x], seeded(4)).order).toBeLessThan(1.8);
  });
  test("a forward rule that is not the adjoint of the reverse rule is found", () => {
    const skew = custom({ value: (v) => v.square(), vjp: (g, _, [v]) => [v.mul(g).mul(2)], jvp: ([t], _, [v]) => t?.mul(v).mul(2.01) });
    expect(adjointMismatch(skew, [x], seeded(5))).toBeGreaterThan(1e-5);
  });
  test("a Hessian without its mixed part is found by the second remainder", () => {
    const half = custom({ value: (v) => v.square().sum(), vjp: (g, _, [v]) => [stopGradient(v).mul(2).mul(g)] });
    expect(taylorSecond(half, x, seeded(6)).order).toBeLessThan(2.5);
  });
});
