import { describe, expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { einsum, grad, jacobian, randomNormal, Tensor } from "../tensor/index.js";
import { normOf } from "../tensor/variables.js";
import { projection, projectionDerivatives, type SeparableProblem, variableProjection } from "./variableProjection.js";

const random = seeded(11);
/** A(p) = A₀ + p₀ A₁ + p₁² A₂, in f64. */
const [rows, columns] = [9, 4];
const parts = Array.from({ length: 3 }, () => randomNormal([rows, columns], random, "f64"));
const matrix = (p: Tensor): Tensor => {
  const at = (i: number) => p.slice([i], [i + 1]).reshape(1, 1);
  return parts[0].add(parts[1].mul(at(0))).add(parts[2].mul(at(1).square()));
};
const problem = (noise: number): SeparableProblem => ({
  apply: (p, x) => einsum("ij,j->i", matrix(p), x),
  adjoint: (p, y) => einsum("ij,i->j", matrix(p), y),
  data: parts[0].sum(1).add(randomNormal([rows], random, "f64").mul(noise)),
  lambda: 0.1,
  root: (x) => x,
  rootAdjoint: (x) => x,
  start: Tensor.zeros([columns], "f64"),
});
const p0 = Tensor.from(Float64Array.of(0.2, -0.3), [2]);
const exact = { iterations: 12, relativeResidual: 1e-13 }; // four unknowns: four steps and some for rounding
const differences = (f: (p: Tensor) => Tensor, h = 1e-5) =>
  [0, 1].map((j) => {
    const e = Tensor.from(
      Float64Array.from([0, 1], (i) => (i === j ? h : 0)),
      [2],
    );
    return f(p0.add(e))
      .sub(f(p0.sub(e)))
      .div(2 * h);
  });

describe("the projection's derivative", () => {
  test.each(["implicit", "unrolled"] as const)("%s is that of finite differences", (derivative) => {
    const s = problem(0.5);
    const x = projection(s, { ...exact, derivative, ...(derivative === "unrolled" && { iterations: 4 }) });
    const j = jacobian(x)(p0);
    differences(x).forEach((d, k) => {
      const column = j.slice([0, k], [columns, k + 1]).reshape(columns);
      expect(normOf(column.sub(d))).toBeLessThan(1e-6 * normOf(d));
    });
  });
  test("kaufman's leaves out what is small where residuals are: exact without noise and without a prior, not with them", () => {
    const off = (s: SeparableProblem) => {
      // At p = 0 data without noise are met exactly.
      const at = Tensor.zeros([2], "f64");
      const [a, b] = (["implicit", "kaufman"] as const).map((derivative) => jacobian(projection(s, { ...exact, derivative }))(at));
      return normOf(a.sub(b)) / normOf(a);
    };
    expect(off({ ...problem(0), lambda: 0 })).toBeLessThan(1e-9);
    expect(off(problem(1))).toBeGreaterThan(1e-3);
  });
  test("all of them give the same gradient of ½‖r‖²: x(p) is a minimum", () => {
    const s = problem(0.5);
    const value = (derivative: (typeof projectionDerivatives)[number]) => (p: Tensor) =>
      variableProjection(s, { ...exact, derivative, ...(derivative === "unrolled" && { iterations: 4 }) })
        .residual(p)
        .square()
        .sum()
        .mul(0.5);
    const wanted = differences(value("implicit")).map((d) => d.item());
    for (const derivative of projectionDerivatives)
      Array.from(grad(value(derivative))(p0).data).forEach((g, k) => expect(g).toBeCloseTo(wanted[k], 6));
  });
});
