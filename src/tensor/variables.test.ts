import { expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { randomNormal, Tensor, valueAndGrad } from "./index.js";
import {
  addScaled,
  countOf,
  dotOf,
  fromFlat,
  innerProduct,
  leavesOf,
  mapLeaves,
  normOf,
  sameNumbers,
  toFlat,
  withLeaves,
} from "./variables.js";

const named = () => ({ a: Tensor.from([1, 2, 3, 4], [2, 2]), b: Tensor.from([5], []) });

test("one tensor and several by name are both one vector", () => {
  expect(countOf(named())).toBe(5);
  expect([...toFlat(named())]).toEqual([1, 2, 3, 4, 5]);
  expect(fromFlat([5, 4, 3, 2, 1], named()).a.toArray()).toEqual([
    [5, 4],
    [3, 2],
  ]);
  expect(Object.keys(withLeaves(named(), leavesOf(named())))).toEqual(["a", "b"]);
  expect(normOf(Tensor.from([3, 4], [2]))).toBe(5);
});

test("a wrong number of numbers or a missing name is said", () => {
  expect(() => fromFlat([1], named())).toThrow(/1 numbers for 2×2,a scalar/);
  expect(() => mapLeaves((p, q) => p.add(q), named() as Record<string, Tensor>, { a: Tensor.zeros([2, 2]) })).toThrow(/"b" is missing/);
});

test("large tensors, by kernels, give what small ones give by plain loops", () => {
  const n = 100_003;
  const [x, y] = [1, 2].map((s) => randomNormal([n], seeded(s)));
  let dot = 0;
  for (let i = 0; i < n; i++) dot += x.data[i] * y.data[i];
  expect(dotOf(x, y)).toBeCloseTo(dot, 3); // products rounded to f32: 1e-8 each, about √n of them
  const moved = addScaled(x, 0.3, y);
  for (const i of [0, 1, 50_000, n - 1]) expect(moved.data[i]).toBeCloseTo(x.data[i] + 0.3 * y.data[i], 6);
  expect(sameNumbers(x, x)).toBe(true);
  expect(sameNumbers(x, moved)).toBe(false);
});

test("what is under differentiation is differentiated", () => {
  const y = Tensor.from([1, 2], [2]);
  const { gradients } = valueAndGrad((x) => innerProduct(addScaled(x, 3, x.square()), y))(Tensor.from([1, -1], [2]));
  expect(gradients[0].toArray()).toEqual([7, -10]); // (1 + 6x) y
});
