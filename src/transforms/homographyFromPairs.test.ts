import { expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { grad } from "../tensor/index.js";
import { randomNormal, Tensor } from "../tensor/tensor.js";
import { scalarised, taylorFirst, taylorSecond } from "../testing/laws.js";
import { applyHomography, homographyFromParameters } from "./homography.js";
import { homographyFromCorners, homographyFromPairs } from "./homographyFromPairs.js";

const far = (a: Tensor, b: Tensor) => Math.max(...Array.from(a.data, (v, i) => Math.abs(v - b.data[i])));
const list = (values: readonly number[], n: number) => Tensor.from(Float64Array.from(values), [n, 2]);
const square = list([0, 0, 1, 0, 1, 1, 0, 1], 4);

test("a square pulled to twice its width is diag(2, 1, 1)", () => {
  const h = homographyFromPairs(square, list([0, 0, 2, 0, 2, 1, 0, 1], 4));
  expect(far(h, Tensor.from(Float64Array.of(2, 0, 0, 0, 1, 0, 0, 0, 1), [3, 3]))).toBeLessThan(1e-14); // f64
});

test("four pairs are met exactly, seven that a homography made give it back, many lists at once", () => {
  const random = seeded(2);
  const matrices = Array.from({ length: 3 }, () =>
    homographyFromParameters(
      Array.from({ length: 8 }, () => 0.2 * random.normal()),
      [60, 50],
      80,
    ),
  );
  const h = Tensor.from(Float64Array.from(matrices.flatMap((m) => m.map((v) => v / m[8]))), [3, 3, 3]);
  for (const n of [4, 7]) {
    const a = randomNormal([3, n, 2], random, "f64").mul(40).add(60);
    const b = applyHomography(h, a);
    const found = homographyFromPairs(a, b, n > 4 ? Tensor.full([3, n], 0.5, "f64") : undefined);
    // f64, pixels of a hundred; lists drawn at random may lie badly.
    expect(far(applyHomography(found, a), b)).toBeLessThan(1e-6);
    expect(far(found.mul(100), h.mul(100))).toBeLessThan(1e-5);
  }
});

test("derivatives in all points and weights are those of differences, first and second", () => {
  const random = seeded(3);
  for (const n of [4, 6]) {
    const a = list([0, 0, 30, 2, 31, 25, 3, 28, 12, 14, 20, 7].slice(0, 2 * n), n);
    const b = a.mul(1.1).add(randomNormal([n, 2], random, "f64").mul(2));
    const inputs =
      n > 4
        ? [
            a,
            b,
            Tensor.from(
              Float64Array.from({ length: n }, () => 0.5 + random.uniform()),
              [n],
            ),
          ]
        : [a, b];
    const value = scalarised((p, q, w?: Tensor) => applyHomography(homographyFromPairs(p, q, w), square.mul(20)), inputs, random);
    // Remainders fall as h², and with the second derivative as h³: a tenth below for the last steps.
    expect(taylorFirst(value, inputs, random).order).toBeGreaterThan(1.9);
    expect(taylorSecond((q) => value(a, q, ...inputs.slice(2)), b, random).order).toBeGreaterThan(2.8);
  }
});

test("corners go where the four-point form says, and a gradient leads back to where they were", () => {
  const moved = list([3, -2, 5, 4, -6, 1, 2, 2], 4);
  const corners = list([0, 0, 127, 0, 127, 95, 0, 95], 4);
  expect(far(applyHomography(homographyFromCorners(moved, 128, 96), corners), corners.add(moved))).toBeLessThan(1e-10);
  // Where H takes the corners depends on nothing else: its derivative is the identity.
  const g = grad((m: Tensor) => applyHomography(homographyFromCorners(m, 128, 96), corners).sum())(moved);
  expect(far(g, Tensor.ones([4, 2], "f64"))).toBeLessThan(1e-9);
});

test("f32 shifts of a batch are solved in f64", () => {
  const moved = Tensor.from(Float32Array.of(3, -2, 5, 4, -6, 1, 2, 2, 0, 0, 0, 0, 0, 0, 0, 0), [2, 4, 2]);
  const h = homographyFromCorners(moved, 128, 128);
  expect([h.dtype, ...h.shape]).toEqual(["f32", 2, 3, 3]);
  expect(far(h.slice([1, 0, 0], [2, 3, 3]), Tensor.from(Float32Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1), [1, 3, 3]))).toBeLessThan(1e-6);
});

test("what fixes no homography is refused", () => {
  const line = list([0, 0, 1, 0, 2, 0, 3, 0], 4);
  expect(() => homographyFromPairs(line, line)).toThrow(/singular/i);
  expect(() => homographyFromPairs(list([0, 0, 1, 0, 2, 0], 3), list([0, 0, 1, 0, 2, 0], 3))).toThrow(/4 or more/);
  expect(() => homographyFromPairs(square, square, Tensor.ones([3], "f64"))).toThrow(/one for each pair/);
  expect(() => homographyFromCorners(Tensor.ones([3, 2]), 10, 10)).toThrow(/four corners/);
});
