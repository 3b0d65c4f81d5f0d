import { expect, test } from "vitest";
import { seeded } from "../../core/random.js";
import { randomNormal, Tensor, tensor } from "../tensor.js";
import { fft, fftFrequencies, fftShift, ifft, ifftShift, irfft, rfft } from "./fft.js";

const close = (a: Tensor, b: Tensor, tolerance: number) => {
  expect(a.shape).toEqual(b.shape);
  for (let i = 0; i < a.data.length; i++) expect(Math.abs(a.data[i] - b.data[i])).toBeLessThan(tolerance);
};

test("the transform of a unit impulse is flat, of a constant an impulse", () => {
  expect(fft(tensor([1, 0, 0, 0])).toArray()).toEqual(new Array(4).fill([1, 0]));
  expect(rfft(tensor([1, 1, 1, 1])).toArray()).toEqual([
    [4, 0],
    [0, 0],
    [0, 0],
  ]);
});

test("inverses bring back what was transformed, in single and double precision, odd and even lengths", () => {
  for (const shape of [[6, 5], [3, 4, 7], [8], [67]])
    for (const dtype of ["f32", "f64"] as const) {
      const x = randomNormal(shape, seeded(1), dtype);
      const tolerance = dtype === "f32" ? 5e-6 : 1e-12;
      close(ifft(fft(x)).real(), x, tolerance);
      close(irfft(rfft(x, { normalisation: "ortho" }), { normalisation: "ortho", n: shape.at(-1) }), x, tolerance);
    }
});

test("the orthonormal transform keeps the norm", () => {
  const x = randomNormal([5, 6], seeded(2), "c128");
  expect(fft(x, { normalisation: "ortho" }).norm().item()).toBeCloseTo(x.norm().item(), 12);
});

test("single precision agrees with double", () => {
  const x = randomNormal([9, 20], seeded(3), "f64");
  close(fft(x.cast("f32")).cast("c128"), fft(x), 2e-5); // f32, sums of 180 terms
});

test("shifting puts frequency 0 in the middle and back", () => {
  expect(fftShift(tensor([0, 1, 2, -2, -1])).toArray()).toEqual([-2, -1, 0, 1, 2]);
  expect(fftShift(tensor([0, 1, -2, -1])).toArray()).toEqual([-2, -1, 0, 1]);
  for (const shape of [[5], [4], [3, 4]]) {
    const x = randomNormal(shape, seeded(4));
    expect(ifftShift(fftShift(x)).toArray()).toEqual(x.toArray());
  }
  expect(fftFrequencies(5, "f64").toArray()).toEqual([0, 0.2, 0.4, -0.4, -0.2]);
});

test("a length that cannot belong to the number of frequencies is refused, as are complex input and axes without the last", () => {
  const z = fft(tensor([1, 2, 3]));
  expect(() => irfft(z, { n: 8 })).toThrow("3 frequencies belong to a length of 4 or 5, not 8");
  expect(() => rfft(z)).toThrow("use fft");
  expect(() => rfft(Tensor.ones([2, 3]), { axes: [0] })).toThrow("must include the last one");
});
