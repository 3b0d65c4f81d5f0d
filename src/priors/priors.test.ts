import { describe, expect, test } from "vitest";
import type { Conjugable, Functional, Proximable } from "../core/interfaces.js";
import { seeded } from "../core/random.js";
import { randomNormal, Tensor } from "../tensor/index.js";
import { checkProx } from "../testing/index.js";
import {
  box,
  huberL21,
  l1,
  l21,
  nonNegative,
  noPrior,
  ridge,
  squaredL2,
  stationaryWaveletL1,
  tikhonov,
  totalVariation,
  tvRestore,
  tvRestoreSync,
  waveletL1,
} from "./index.js";

const functionals: Record<string, Functional & Proximable & Conjugable> = {
  squaredL2: squaredL2(),
  l1: l1(),
  l21: l21(),
  huberL21: huberL21(0.3),
  box: box(-0.5, 0.8),
  nonNegative: nonNegative(),
};
const random = () => seeded(7);
const far = (a: Tensor, b: Tensor) => a.sub(b).norm().item();

describe.each(Object.entries(functionals))("%s", (_, f) => {
  const v = randomNormal([2, 5, 4], random());
  test("its proximal map is where the minimum is", () => {
    expect(checkProx(f, v, 0.4)).toBeLessThan(1e-5); // f32 sums of 40 numbers
  });
  test("value and conjugate meet at the proximal map: R(x) + R*(p) = ⟨p, x⟩ with p = (v − x)/t, which is Moreau's decomposition", () => {
    const t = 0.4;
    const x = f.prox(v, t);
    const p = v.sub(x).div(t);
    expect(f.value(x).item() + f.conjugate(p)).toBeCloseTo(p.innerProduct(x).item(), 3);
  });
  test("its proximal map brings no two points further apart", () => {
    const u = randomNormal([2, 5, 4], seeded(8));
    expect(far(f.prox(u, 0.7), f.prox(v, 0.7))).toBeLessThanOrEqual(far(u, v) * (1 + 1e-6));
  });
});

describe("total variation", () => {
  const picture = randomNormal([9, 11], random());
  const measures = {
    isotropic: totalVariation(),
    anisotropic: totalVariation({ isotropic: false }),
    periodic: totalVariation({ border: "periodic" }),
    rounded: totalVariation({ alpha: 0.2 }),
  };
  test.each(Object.entries(measures))("%s: its proximal map is where the minimum is", (_, tv) => {
    expect(checkProx(tv, picture, 0.3)).toBeLessThan(3e-6); // gap 1e-6 and f32 sums
  });
  test("of a step is its height times the length of its edge", () => {
    const step = Tensor.from(
      Float32Array.from({ length: 48 }, (_, k) => (k % 8 < 3 ? 0 : 2)),
      [6, 8],
    );
    expect(totalVariation().value(step).item()).toBeCloseTo(12);
    expect(totalVariation({ border: "periodic" }).value(step).item()).toBeCloseTo(24);
  });
  test("denoising a step of width n lowers its height by λ/n on either side: the known solution in one dimension", () => {
    const y = Tensor.from(
      Float32Array.from({ length: 20 }, (_, k) => (k < 5 ? 1 : 3)),
      [20],
    );
    const { image, gap, objective } = tvRestoreSync({ data: y, lambda: 0.5 }, { tolerance: 1e-7 });
    expect(image.data[0]).toBeCloseTo(1 + 0.5 / 5, 4);
    expect(image.data[19]).toBeCloseTo(3 - 0.5 / 15, 4);
    expect(gap).toBeLessThan(1e-6 * objective);
  });
  test("the certificate holds: no picture tried is better than objective − gap", async () => {
    const weights = randomNormal([9, 11], seeded(3)).greater(0);
    for (const w of [undefined, weights]) {
      const rough = await tvRestore({ data: picture, weights: w, lambda: 0.2 }, { iterations: 40 });
      const fine = await tvRestore({ data: picture, weights: w, lambda: 0.2 }, { tolerance: 1e-6, iterations: 40_000 });
      expect(rough.gap).toBeGreaterThan(0);
      expect(fine.objective).toBeGreaterThan(rough.objective - rough.gap);
      expect(fine.gap).toBeLessThan(1e-5 * fine.objective);
      expect(fine.objective).toBeLessThanOrEqual(rough.objective);
    }
  });
  test("pictures side by side in the leading axis know nothing of each other", () => {
    const two = randomNormal([2, 6, 7], random());
    const tv = totalVariation({ dimensions: 2, tolerance: 1e-7 });
    const both = tv.prox(two, 0.3);
    for (const k of [0, 1]) expect(far(both.at(k), tv.prox(two.at(k), 0.3))).toBeLessThan(2e-3);
  });
  test("volumes have three differences", () => {
    const tv = totalVariation();
    const volume = randomNormal([4, 5, 6], random());
    expect(checkProx(tv, volume, 0.2)).toBeLessThan(3e-6);
  });
});

describe("wavelets", () => {
  const v = randomNormal([16, 24], random());
  const prior = waveletL1({ wavelet: "db2", levels: 2 });
  test("the proximal map is where the minimum is, and keeps constants", () => {
    expect(checkProx(prior, v, 0.3)).toBeLessThan(1e-5);
    const flat = Tensor.full([16, 24], 0.7);
    expect(prior.value(flat).item()).toBeLessThan(1e-4);
    expect(far(prior.prox(flat, 5), flat)).toBeLessThan(1e-4);
  });
  test("the frame does not see where the picture begins", () => {
    const frame = stationaryWaveletL1({ levels: 2 });
    const turned = v.gather(
      Tensor.from(
        Int32Array.from({ length: 24 }, (_, k) => (k + 5) % 24),
        [24],
      ),
      1,
    );
    expect(frame.value(turned).item()).toBeCloseTo(frame.value(v).item(), 2);
    expect(frame.value(Tensor.full([16, 24], 0.7)).item()).toBeLessThan(1e-3);
  });
});

test("quadratic priors are half the squared norm of Kx", () => {
  const x = Tensor.from(Float32Array.from([1, 3, 2]), [3]);
  expect(ridge().value(x).item()).toBeCloseTo(7);
  expect(tikhonov().value(x).item()).toBeCloseTo(2.5);
  expect(noPrior().terms([3], 1)).toHaveLength(0);
});
