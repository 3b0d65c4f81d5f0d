import { expect, test } from "vitest";
import { resizeOperator } from "../operators/index.js";
import { Tensor } from "../tensor/index.js";
import { enlarge } from "./enlarge.js";

/** A disc and a slanted edge, finer than what is measured of them. */
const truth = Tensor.from(
  Float32Array.from({ length: 48 * 60 }, (_, k) => {
    const [y, x] = [Math.floor(k / 60), k % 60];
    return 0.8 * Number(Math.hypot(x - 20, y - 22) < 11) + 0.5 * Number(x + 0.4 * y > 50);
  }),
  [48, 60],
);
const coarse = (s: number) => resizeOperator([48, 60], { scale: 1 / s }).apply(truth);
const cubic = (s: number) => resizeOperator([48 / s, 60 / s], { scale: s }).apply(coarse(s));
const distance = (a: Tensor, b: Tensor) => a.sub(b).norm().item() / Math.sqrt(a.size);

test("the fine image agrees with the coarse one, and is nearer to the truth than cubic interpolation", async () => {
  for (const scale of [2, 3, 4]) {
    const r = await enlarge(coarse(scale), { scale });
    expect(r.image.shape).toEqual([48, 60]);
    expect(r.residual).toBeLessThan(0.01);
    expect(distance(r.image, truth)).toBeLessThan(0.9 * distance(cubic(scale), truth));
  }
});

test("back-projection alone is nearer than cubic interpolation, and the denoiser nearer still", async () => {
  const none = await enlarge(coarse(3), { scale: 3, denoiser: "none" });
  const some = await enlarge(coarse(3), { scale: 3 });
  expect(distance(none.image, truth)).toBeLessThan(0.95 * distance(cubic(3), truth));
  expect(distance(some.image, truth)).toBeLessThan(0.9 * distance(none.image, truth));
  expect(none.steps).toBe(0);
});

test("constants stay, and gain and offset pass through", async () => {
  const flat = await enlarge(Tensor.full([7, 9], 2.5), { scale: 2 });
  expect(flat.image.sub(2.5).abs().max().item()).toBeLessThan(1e-5);
  const plain = await enlarge(coarse(2), { scale: 2, steps: 2 });
  const other = await enlarge(coarse(2).mul(200).add(30), { scale: 2, steps: 2 });
  expect(distance(other.image.sub(30).div(200), plain.image)).toBeLessThan(1e-3);
});

test("gray in colours is gray, and colours share the details of their luminance", async () => {
  const y = coarse(2);
  const rgb = y.mul(Tensor.from([1, 1, 1], [3, 1, 1]));
  const [gray, colour] = [await enlarge(y, { scale: 2 }), await enlarge(rgb, { scale: 2 })];
  expect(colour.image.shape).toEqual([3, 48, 60]);
  const first = colour.image.slice([0], [1]).reshape(48, 60);
  expect(distance(first, gray.image)).toBeLessThan(1e-3);
});

test("noise that is told of is taken off", async () => {
  const y = coarse(2).add(
    Tensor.from(
      Float32Array.from({ length: 24 * 30 }, (_, k) => 0.08 * Math.sin(k * k)),
      [24, 30],
    ),
  );
  const [exact, smooth] = [await enlarge(y, { scale: 2 }), await enlarge(y, { scale: 2, noise: 0.06 })];
  expect(distance(smooth.image, truth)).toBeLessThan(distance(exact.image, truth));
});

test("what cannot be is said", async () => {
  await expect(enlarge(truth, { scale: 1.5 })).rejects.toThrow(/scale 1.5/);
  await expect(enlarge(Tensor.full([9], 1), { scale: 2 })).rejects.toThrow(/two axes/);
  await expect(enlarge(truth, { scale: 2, noise: -1 })).rejects.toThrow(/noise -1/);
  await expect(enlarge(truth, { scale: 100000 })).rejects.toThrow(/6000000×4800000 needs about .* MB/);
  await expect(enlarge(truth, { scale: 2, steps: 1e9 })).rejects.toThrow(/at most 10000/);
});
