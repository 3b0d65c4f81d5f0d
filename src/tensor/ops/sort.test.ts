import { expect, test } from "vitest";
import { grad } from "../differentiate.js";
import { tensor } from "../tensor.js";
import { argsort, median, quantile, sort, topK } from "./sort.js";

const x = tensor([
  [3, 1, 2],
  [4, 4, Number.NaN],
]);

test("sorting gives values and where they came from, along any axis, equal ones in their old order, NaN last", () => {
  expect(sort(x).values.toArray()).toEqual([
    [1, 2, 3],
    [4, 4, Number.NaN],
  ]);
  expect(sort(x, { descending: true }).indices.toArray()).toEqual([
    [0, 2, 1],
    [0, 1, 2],
  ]);
  expect(sort(x, { axis: 0 }).values.toArray()).toEqual([
    [3, 1, 2],
    [4, 4, Number.NaN],
  ]);
  expect(argsort(x.cast("f64"), { axis: 0, descending: true }).toArray()).toEqual([
    [1, 1, 0],
    [0, 0, 1],
  ]);
});

test("the largest and smallest elements come best first", () => {
  expect(topK(tensor([5, 1, 9, 7]), 2).values.toArray()).toEqual([9, 7]);
  expect(topK(tensor([5, 1, 9, 7]), 2, { largest: false }).indices.toArray()).toEqual([1, 0]);
  expect(() => topK(tensor([1]), 2)).toThrow("2 of 1 elements");
});

test("the median of an even number is halfway, quantiles interpolate, and slopes go to the elements that count", () => {
  expect(median(tensor([4, 1, 3, 2])).item()).toBe(2.5);
  expect(quantile(tensor([0, 10, 20, 30, 40]), 0.3).item()).toBeCloseTo(12, 5);
  expect(median(tensor([[3, 1, 2]]), 1).toArray()).toEqual([2]);
  expect(grad((v) => median(v))(tensor([4, 1, 3, 2])).toArray()).toEqual([0, 0, 0.5, 0.5]);
  expect(() => quantile(tensor([1]), 2)).toThrow("not between 0 and 1");
});
