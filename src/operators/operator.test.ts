import { describe, expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { grad, hvp, jvp, randomNormal, randomUniform, Tensor } from "../tensor/index.js";
import { checkAdjoint, checkLinear, checkNormal } from "../testing/operatorLaws.js";
import {
  adjointOf,
  blockDiagonal,
  compose,
  identityOperator,
  maskOperator,
  Operator,
  powerNorm,
  sideBySide,
  stacked,
  sum,
} from "./index.js";

/** A dense matrix as an operator. */
function matrix(rows: number, columns: number, seed: number): Operator & { m: Tensor } {
  const m = randomNormal([rows, columns], seeded(seed), "f64");
  const t = m.transpose();
  const a = new Operator({
    name: `matrix ${rows}×${columns}`,
    domain: [columns],
    range: [rows],
    domainType: "f64",
    rangeType: "f64",
    apply: (x) => m.matmul(x.reshape(columns, 1)).reshape(rows),
    adjoint: (y) => t.matmul(y.reshape(rows, 1)).reshape(columns),
  });
  return Object.assign(a, { m });
}
const [a, b, c] = [matrix(5, 7, 1), matrix(5, 7, 2), matrix(7, 4, 3)];
const mask = maskOperator(randomUniform([7], 0, 1, seeded(9)).cast("f64"), "f64");
const table: readonly [string, Operator][] = [
  ["identity", identityOperator([3, 4])],
  ["complex identity", identityOperator([3, 4], "c64")],
  ["mask", mask],
  ["complex mask", maskOperator(randomUniform([4, 5], 0, 1, seeded(3)), "c64")],
  ["composition", compose(a, c)],
  ["composition of three", a.after(mask).after(c)],
  ["sum", sum(a, b)],
  ["scaled", a.scaled(-2.5)],
  ["adjoint", adjointOf(a)],
  ["stack", stacked(a, mask, b)],
  ["side by side", sideBySide(a, compose(b, c))],
  ["block diagonal", blockDiagonal(a, c, mask)],
  ["stack of a composition and a sum", stacked(compose(a, mask), sum(a, b).scaled(3))],
  ["adjoint of a stack", stacked(a, b).transposed],
];

describe.each(table)("%s", (_, op) => {
  const tolerance = op.domainType === "f64" ? 1e-14 : 1e-6;
  test("its adjoint belongs to it, and it is linear", () => {
    expect(checkAdjoint(op)).toBeLessThan(tolerance);
    expect(checkAdjoint(op.transposed)).toBeLessThan(tolerance);
    expect(checkLinear(op)).toBeLessThan(tolerance);
    expect(checkNormal(op)).toBeLessThan(tolerance);
  });
  test("the norm bounds what it does to a vector, and some vector comes near", () => {
    const norm = op.norm();
    const x = randomNormal(op.domain, seeded(5), op.domainType);
    expect(op.apply(x).norm().item()).toBeLessThanOrEqual(norm * x.norm().item() * (1 + 1e-6));
    expect(powerNorm(op) / norm).toBeGreaterThan(0.99);
  });
  test("derivatives: the pull-back is the adjoint, the push-forward the operator itself", () => {
    if (op.domainType === "c64") return;
    const x = randomNormal(op.domain, seeded(6), op.domainType);
    const y = randomNormal(op.range, seeded(7), op.rangeType);
    const near = (u: Tensor, v: Tensor) => expect(u.sub(v).norm().item()).toBeLessThan(10 * tolerance * (1 + v.norm().item()));
    near(grad((v) => op.apply(v).mul(y).sum())(x), op.adjoint(y));
    near(jvp((v) => op.apply(v), [x], [x]).tangent, op.apply(x));
    near(
      hvp((v) => op.apply(v).square().sum().mul(0.5), x, x),
      op.adjoint(op.apply(x)),
    );
  });
});

test("the normal equations of a mask have their closed form", () => {
  const x = randomNormal([7], seeded(8), "f64");
  const back = mask.normalInverse?.(mask.adjoint(mask.apply(x)).add(x.mul(0.3)), 0.3) as Tensor;
  expect(back.sub(x).norm().item()).toBeLessThan(1e-14);
});
test("the power method finds the largest singular value", () => {
  const d = new Operator({
    name: "diagonal",
    domain: [4],
    range: [4],
    apply: (x) => x.mul(Tensor.from(Float32Array.of(1, -5, 2, 0.5), [4])),
    adjoint: (y) => y.mul(Tensor.from(Float32Array.of(1, -5, 2, 0.5), [4])),
  });
  expect(d.norm()).toBeGreaterThanOrEqual(5 * (1 - 1e-6));
  expect(d.norm()).toBeLessThan(5.02);
  expect(d.withNorm(7).norm()).toBe(7);
});
test("wrong shapes, and real numbers where complex ones belong, are said", () => {
  expect(() => a.apply(Tensor.zeros([6], "f64"))).toThrow(/expected \[?7/);
  expect(() => identityOperator([3], "c64").apply(Tensor.zeros([3]))).toThrow(/complex/);
  expect(() => compose(c, a)).toThrow(/gives/);
  expect(() => stacked(a, identityOperator([7], "c64"))).toThrow(/complex/);
  expect(() => sum(a, c)).toThrow(/agree/);
});
