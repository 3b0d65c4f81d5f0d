import { expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { Tensor } from "../tensor/index.js";
import { bm3d, denoiseBm3d } from "./bm3d.js";

const [H, W] = [48, 61];
const clean = Float64Array.from({ length: H * W }, (_, k) => {
  const [y, x] = [Math.floor(k / W), k % W];
  return Number((x - 30) ** 2 + (y - 20) ** 2 < 200) + 0.3 * Math.sin(x / 2);
});
const random = seeded(5);
const noisy = clean.map((v) => v + 0.15 * random.normal());
const error = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Math.sqrt(Array.from(a, (v, k) => (v - b[k]) ** 2).reduce((s, v) => s + v, 0) / a.length);
const most = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a, (v, k) => Math.abs(v - b[k])).reduce((s, v) => Math.max(s, v), 0);

test("noise on edges and waves falls to less than a third", () => {
  const found = denoiseBm3d(Tensor.from(noisy, [H, W], "f32"), 0.15);
  expect(error(noisy, clean)).toBeGreaterThan(0.14);
  expect(error(found.data, clean)).toBeLessThan(0.05);
});

test("gain and offset pass through: f(a y + b, a σ) = a f(y, σ) + b", () => {
  const plain = denoiseBm3d(Tensor.from(noisy, [H, W], "f32"), 0.15);
  const other = denoiseBm3d(
    Tensor.from(
      noisy.map((v) => 40 * v + 7),
      [H, W],
      "f32",
    ),
    6,
  );
  const back = Float64Array.from(other.data, (v) => (v - 7) / 40);
  expect(error(back, plain.data)).toBeLessThan(1e-4); // rounding may tip a coefficient over the threshold here and there
});

test("constant pictures stay as they are, of any size", () => {
  for (const shape of [
    [8, 8],
    [1, 1],
    [3, 20],
    [2, 17, 9],
    [0, 5],
  ]) {
    const y = Tensor.full(shape, 3.25);
    expect(most(denoiseBm3d(y, 0.4).data, y.data)).toBeLessThan(1e-5);
  }
});

test("without noise the picture is returned; a stack is denoised picture by picture; types are kept", () => {
  const y = Tensor.from(noisy, [H, W], "f64");
  expect(denoiseBm3d(y, 0).dtype).toBe("f64");
  expect(most(denoiseBm3d(y, 0).data, Float32Array.from(noisy))).toBe(0);
  const one = denoiseBm3d(y, 0.15);
  const two = bm3d().denoise(Tensor.from([...noisy, ...noisy.map((v) => -v)], [2, H, W], "f64"), 0.15);
  expect([...two.data.subarray(0, H * W)]).toEqual([...one.data]);
  expect(
    most(
      two.data.subarray(H * W),
      one.data.map((v) => -v),
    ),
  ).toBeLessThan(1e-6);
});

test("what cannot be is said", () => {
  const y = Tensor.full([9, 9], 1);
  expect(() => denoiseBm3d(y, -1)).toThrow(/sigma -1/);
  expect(() => denoiseBm3d(Tensor.full([9], 1), 1)).toThrow(/two axes/);
  expect(() => bm3d({ step: 9 })).toThrow(/step 9/);
});
