import { describe, expect, test } from "vitest";
import type { Conjugable, Differentiable, Fidelity, Proximable } from "../core/interfaces.js";
import { seeded } from "../core/random.js";
import { grad, randomNormal, randomUniform, Tensor } from "../tensor/index.js";
import { checkProx } from "../testing/operatorLaws.js";
import { absolute, huber, leastSquares, poisson } from "./index.js";

const y = randomNormal([20], seeded(1), "f64");
const weights = randomUniform([20], 0.2, 2, seeded(2), "f64");
const counts = Tensor.from(
  Float64Array.from({ length: 20 }, (_, i) => (i % 4 === 0 ? 0 : (i * 7) % 11)),
  [20],
);
const table: readonly [string, Fidelity & Proximable & Conjugable & Partial<Differentiable>, (seed: number) => Tensor][] = [
  ["least squares", leastSquares(y), (s) => randomNormal([20], seeded(s), "f64")],
  ["weighted least squares", leastSquares(y, weights), (s) => randomNormal([20], seeded(s), "f64")],
  ["absolute", absolute(y), (s) => randomNormal([20], seeded(s), "f64")],
  ["Huber", huber(y, 0.4), (s) => randomNormal([20], seeded(s), "f64")],
  ["Poisson", poisson(counts, 0.3), (s) => randomUniform([20], 0.1, 8, seeded(s), "f64")],
];

describe.each(table)("%s", (_, f, point) => {
  test("it is 0 at the data and never negative", () => {
    const background = _ === "Poisson" ? 0.3 : 0;
    expect(Math.abs(f.value(f.data.sub(background)).item())).toBeLessThan(1e-12);
    for (let s = 0; s < 5; s++) expect(f.value(point(s)).item()).toBeGreaterThanOrEqual(0);
  });
  test("its prox is the minimiser", () => {
    for (const t of [0.1, 1, 10]) expect(checkProx(f, point(11), t)).toBeLessThan(1e-10);
  });
  test("Fenchel: F(z) + F*(p) ≥ ⟨z, p⟩, equal at p = ∇F(z)", () => {
    for (let s = 0; s < 10; s++) {
      const [z, p] = [point(s), randomNormal([20], seeded(100 + s), "f64").mul(0.4)];
      expect(f.value(z).item() + f.conjugate(p)).toBeGreaterThanOrEqual(z.innerProduct(p).item() - 1e-10);
      const g = f.gradient?.(z);
      if (g) expect(f.value(z).item() + f.conjugate(g)).toBeCloseTo(z.innerProduct(g).item(), 9);
    }
  });
  test("Moreau: v = prox_t(v) + t prox_{F*/t}(v/t), the second found by its own optimality", () => {
    // q = (v − prox_t(v)) / t must be a subgradient at the prox: Fenchel's equality holds there.
    for (const t of [0.3, 2]) {
      const v = point(21);
      const x = f.prox(v, t);
      const q = v.sub(x).div(t);
      expect(f.value(x).item() + f.conjugate(q)).toBeCloseTo(x.innerProduct(q).item(), 8);
    }
  });
  test("its gradient is its derivative", () => {
    if (!f.gradient) return;
    const z = point(31);
    expect(
      grad((x) => f.value(x))(z)
        .sub(f.gradient(z))
        .norm()
        .item(),
    ).toBeLessThan(1e-10);
  });
  test("a step may differ from sample to sample", () => {
    const v = point(41);
    const t = Tensor.full([20], 0.7, "f64");
    expect(f.prox(v, t).sub(f.prox(v, 0.7)).norm().item()).toBeLessThan(1e-12);
  });
});

test("least squares of complex data", () => {
  const z = randomNormal([6], seeded(3), "c128");
  const f = leastSquares(randomNormal([6], seeded(4), "c128"));
  expect(f.prox(z, 1).sub(z.add(f.data).mul(0.5)).norm().item()).toBeLessThan(1e-14);
  expect(f.value(f.data).item()).toBe(0);
});
test("what cannot be is said", () => {
  expect(() => huber(y, 0)).toThrow(/positive/);
  expect(() => poisson(y)).toThrow(/negative/);
});
