import { expect, test } from "vitest";
import { seeded } from "../../core/random.js";
import { randomNormal, Tensor, tensor } from "../tensor.js";
import { convolve, convolveTransposed } from "./convolution.js";
import { averagePool, maxPool, maxPoolWithIndices } from "./pooling.js";

const f64 = (values: number[], ...shape: number[]) => Tensor.from(Float64Array.from(values), shape);

test("a convolution slides weights over zeros and image, as networks mean it: without flipping them", () => {
  const x = tensor([[[1, 2, 3, 4]]]);
  const w = tensor([[[1, 10, 100]]]);
  expect(convolve(x, w).toArray()).toEqual([[[321, 432]]]);
  expect(convolve(x, w, { padding: "same" }).toArray()).toEqual([[[210, 321, 432, 43]]]);
  expect(convolve(x, w, { padding: [[2, 0]] }).toArray()).toEqual([[[100, 210, 321, 432]]]);
  expect(convolve(x, w, { padding: 1, stride: 2 }).toArray()).toEqual([[[210, 432]]]);
  expect(convolve(x, tensor([[[1, 10]]]), { dilation: 3 }).toArray()).toEqual([[[41]]]);
  expect(convolve(x, w, { bias: tensor([0.5]) }).toArray()).toEqual([[[321.5, 432.5]]]);
});

test("groups of channels do not see each other", () => {
  const x = tensor([
    [
      [1, 2],
      [10, 20],
    ],
  ]);
  const w = tensor([[[1, 1]], [[1, -1]]]);
  expect(convolve(x, w, { groups: 2 }).toArray()).toEqual([[[3], [-10]]]);
});

test("a transposed convolution spreads each input over its window, and is the adjoint of the convolution", () => {
  expect(convolveTransposed(tensor([[[1, 2]]]), tensor([[[1, 10, 100]]]), { stride: 2 }).toArray()).toEqual([[[1, 10, 102, 20, 200]]]);
  const random = seeded(1);
  const options = { stride: [2, 3], padding: 1, dilation: [2, 1], groups: 2 };
  const x = randomNormal([2, 4, 9, 10], random, "f64");
  const w = randomNormal([6, 2, 3, 3], random, "f64");
  const y = convolve(x, w, options);
  const g = randomNormal(y.shape, random, "f64");
  const back = convolveTransposed(g, w, { ...options, outputPadding: [0, 0] });
  // 9 rows: (4−1)·2 − 2 + 4 + 1 = 9; 10 columns: (4−1)·3 − 2 + 2 + 1 = 10.
  expect(back.shape).toEqual(x.shape);
  expect(back.innerProduct(x).item()).toBeCloseTo(y.innerProduct(g).item(), 9);
});

test("pooling takes the largest or the mean of each window and ignores what lies outside", () => {
  const x = tensor([
    [
      [
        [1, 2, 3],
        [4, 5, 6],
        [7, 8, 9],
      ],
    ],
  ]);
  expect(maxPool(x, { kernel: 2 }).toArray()).toEqual([[[[5]]]]);
  expect(maxPool(x, { kernel: 2, stride: 1 }).toArray()).toEqual([
    [
      [
        [5, 6],
        [8, 9],
      ],
    ],
  ]);
  expect(maxPoolWithIndices(x.neg(), { kernel: 3, stride: 2, padding: 1 }).indices.toArray()).toEqual([
    [
      [
        [0, 1],
        [3, 4],
      ],
    ],
  ]);
  expect(averagePool(x, { kernel: 3, stride: 2, padding: 1 }).toArray()).toEqual([
    [
      [
        [3, 4],
        [6, 7],
      ],
    ],
  ]);
});

test("what does not fit is said clearly", () => {
  const x = f64([1, 2, 3, 4], 1, 1, 4);
  expect(() => convolve(x, f64([1, 2], 1, 2, 1))).toThrow(/has 1 channels and w 1×2×1 with 1 groups takes 2/);
  expect(() => convolve(x, f64([1, 1, 1, 1, 1], 1, 1, 5))).toThrow(/spans 5 does not fit into 4/);
  expect(() => convolve(x, f64([1], 1, 1, 1), { stride: 0 })).toThrow(/stride \[0\]; give one integer of at least 1/);
  expect(() => convolve(x, f64([1, 1], 1, 1, 2), { stride: 2, padding: "same" })).toThrow(/"same" goes with stride 1 only/);
  expect(() => maxPool(x, { kernel: 2, padding: 2 })).toThrow(/more than half the window/);
  expect(() => maxPool(f64([1], 1), { kernel: 2 })).toThrow(/expected \[n, c, \(z, y,\) x\]/);
});
