import { expect, test, vi } from "vitest";
import { seeded } from "../core/random.js";
import { engine } from "../kernels/engine.js";
import { grad } from "./differentiate.js";
import { fused } from "./fused.js";
import { where } from "./ops/elementwise.js";
import { randomNormal, type Tensor } from "./tensor.js";

const random = seeded(7);
const [a, b, c] = [0, 1, 2].map(() => randomNormal([40, 50], random));
const row = randomNormal([50], random);
const close = (x: Tensor, y: Tensor) => {
  expect(x.shape).toEqual(y.shape);
  for (let i = 0; i < y.data.length; i++) expect(Math.abs(x.data[i] - y.data[i])).toBeLessThanOrEqual(2e-6 * (1 + Math.abs(y.data[i]))); // f32, a few roundings
};
const counted = <T>(run: () => T) => {
  const loops = vi.spyOn(engine(), "parallelCompiled");
  const value = run();
  const count = loops.mock.calls.length;
  loops.mockRestore();
  return { value, count };
};

test("a chain of elementwise operations with broadcasting and conditions is one loop and has the same values", () => {
  const f = (x: Tensor, y: Tensor, z: Tensor) =>
    where(x.greater(0.1), x.mul(y).add(z).exp(), z.square().sub(row).tanh()).mul(0.5).sigmoid();
  const { value, count } = counted(() => fused(f)(a, b, c));
  expect(count).toBe(1);
  close(value, f(a, b, c));
});

test("a sum over everything at the end needs no array for the summands", () => {
  const f = (x: Tensor, y: Tensor) => x.sub(y).square().mean();
  const { value, count } = counted(() => fused(f)(a, b));
  expect(count).toBe(2); // the sum, and its division by the number of elements
  expect(value.item()).toBeCloseTo(f(a, b).item(), 5);
});

test("other operations on the way are done as usual: the chains around them stay joined", () => {
  const f = (x: Tensor, y: Tensor) => x.mul(y).add(1).sum(0).exp().add(row).mul(2);
  const { value, count } = counted(() => fused(f)(a.mul(0.01), b));
  expect(count).toBe(1 + 1 + 1); // the argument, the chain before the sum over rows, the chain behind it
  close(value, f(a.mul(0.01), b));
});

test("values may be read inside, an input may be the result, and long formulas of many arrays are cut", () => {
  expect(fused((x: Tensor) => x.mul(x.add(1).data[3]))(row).data[0]).toBeCloseTo(row.data[0] * (row.data[3] + 1), 5);
  expect(fused((x: Tensor) => x)(row)).toBe(row);
  const many = Array.from({ length: 20 }, () => randomNormal([30], random));
  const f = (x: Tensor) => many.reduce((s, t) => s.add(t.mul(s)).mul(0.5), x);
  close(fused(f)(many[0]), f(many[0]));
});

test("derivatives and double precision are those of the function itself", () => {
  const f = (x: Tensor) => x.sin().mul(x).sum();
  expect(grad(fused(f))(row).toArray()).toEqual(grad(f)(row).toArray());
  const x = row.cast("f64");
  expect(fused(f)(x).item()).toBe(f(x).item());
  // A variable of an outer derivative used inside, though no argument.
  expect(grad((w: Tensor) => fused((x: Tensor) => x.mul(w).exp().sum())(row))(row).toArray()).toEqual(
    grad((w: Tensor) => row.mul(w).exp().sum())(row).toArray(),
  );
});
