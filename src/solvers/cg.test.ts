import { expect, test } from "vitest";
import { iterateSync, seeded, unroll } from "../core/index.js";
import { eye, matmul, randomNormal, Tensor } from "../tensor/index.js";
import { difference, dotOf, normOf } from "../tensor/variables.js";
import { taylorFirst } from "../testing/laws.js";
import { cg, conjugateGradient } from "./index.js";

/** A random symmetric positive definite system. */
function system(n: number, seed = 1) {
  const random = seeded(seed);
  const m = randomNormal([n, n], random, "f64");
  const a = matmul(m, m.transpose()).add(eye(n, "f64"));
  return { a, apply: (x: Tensor) => matmul(a, x.reshape(n, 1)).reshape(n), rhs: randomNormal([n], random, "f64") };
}
const diag = (values: number[]) => ({ apply: (x: Tensor) => x.mul(Tensor.from(Float64Array.from(values), [values.length])) });
const ones = (n: number) => Tensor.ones([n], "f64");

test("n equations take n steps", () => {
  const s = system(7);
  const r = cg(s, { relativeResidual: 1e-10, iterations: 7 });
  expect(normOf(difference(s.apply(r.x), s.rhs))).toBeLessThan(1e-8);
  expect(r.iterations).toBeLessThanOrEqual(7);
});

test("as many steps as there are different eigenvalues", () => {
  const r = cg({ ...diag([1, 1, 1, 4, 4, 9]), rhs: ones(6) }, { relativeResidual: 1e-12 });
  expect(r).toMatchObject({ stop: "converged", iterations: 3 });
});

test("the inverse as preconditioner: one step", () => {
  const values = [1, 10, 100, 1000];
  const r = cg({ ...diag(values), rhs: ones(4), preconditioner: (v) => v.div(Tensor.from(Float64Array.from(values), [4])) });
  expect(r.iterations).toBe(1);
  expect(r.relativeResidual).toBeLessThan(1e-12);
});

test("the energy falls from step to step", () => {
  const s = system(7);
  const { history } = iterateSync(conjugateGradient(), s, Tensor.zeros([7], "f64"), { iterations: 7 });
  history.forEach((v, i) => {
    if (i > 0) expect(v).toBeLessThanOrEqual(history[i - 1]);
  });
});

test("an operator that is not positive definite is found out, with the direction that shows it", () => {
  const s = { ...diag([1, -2]), rhs: ones(2) };
  const r = cg(s);
  expect(r.stop).toBe("stalled");
  expect(dotOf(r.negativeCurvature!, s.apply(r.negativeCurvature!))).toBeLessThan(0);
});

test("within a radius it ends on the sphere, also along negative curvature", () => {
  for (const values of [
    [1, 2],
    [1, -2],
  ]) {
    const r = cg({ ...diag(values), rhs: ones(2) }, { radius: 0.1 });
    expect(r.onBoundary).toBe(true);
    expect(normOf(r.x)).toBeCloseTo(0.1, 12);
  }
});

test("named unknowns are one vector", () => {
  const r = cg({
    apply: (x: { a: Tensor; b: Tensor }) => ({ a: x.a.mul(2).add(x.b), b: x.b.mul(3).add(x.a) }),
    rhs: { a: ones(1), b: ones(1) },
  });
  expect(r.x.a.item()).toBeCloseTo(0.4, 12);
  expect(r.x.b.item()).toBeCloseTo(0.2, 12);
});

test("a right-hand side of zero gives zero", () => {
  expect(cg({ ...diag([1, 2]), rhs: Tensor.zeros([2], "f64") })).toMatchObject({ stop: "converged", iterations: 0 });
});

test("three unrolled steps are differentiable in the right-hand side and in the operator", () => {
  const s = system(4);
  const f = (rhs: Tensor, shift: Tensor) =>
    unroll(conjugateGradient(), { apply: (x) => s.apply(x).add(x.mul(shift)), rhs }, Tensor.zeros([4], "f64"), 3)
      .square()
      .sum();
  expect(taylorFirst(f, [s.rhs, Tensor.scalar(2, "f64")], seeded(2)).order).toBeGreaterThan(1.9); // r(h) ~ h²
});

test("where A x at the start is known, it is not applied for it: the same steps", () => {
  const s = system(7);
  let count = 0;
  const apply = (x: Tensor) => {
    count++;
    return s.apply(x);
  };
  const start = ones(7);
  const applied = s.apply(start);
  const o = { relativeResidual: 0, iterations: 3, start };
  const plain = cg({ apply, rhs: s.rhs }, o);
  const before = count;
  const known = cg({ apply, rhs: s.rhs, applied }, o);
  expect(count - before).toBe(before - 1);
  expect(Array.from(known.x.data)).toEqual(Array.from(plain.x.data));
});
