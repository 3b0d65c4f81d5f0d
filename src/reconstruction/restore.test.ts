import { describe, expect, test } from "vitest";
import { ArgumentError, ShapeError } from "../core/errors.js";
import { seeded } from "../core/random.js";
import { absolute, leastSquares } from "../fidelities/index.js";
import { blurOperator, gaussianKernel, identityOperator, maskOperator, Operator } from "../operators/index.js";
import { biharmonic, ridge, tikhonov, totalGeneralizedVariation, totalVariation, waveletL1 } from "../priors/index.js";
import { randomNormal, Tensor } from "../tensor/index.js";
import { conditionNumber, inpaintBiharmonic, noiseLevel, restore } from "./index.js";

/** A bright disc and a bar on grey. */
const phantom = (n: number) =>
  Tensor.from(
    Float32Array.from({ length: n * n }, (_, k) => {
      const [x, y] = [k % n, Math.floor(k / n)];
      return Math.hypot(x - n / 3, y - n / 2) < n / 5 ? 0.9 : x > 0.7 * n ? 0.1 : 0.4;
    }),
    [n, n],
  );
const truth = phantom(32);
const error = (a: Tensor) => a.sub(truth).square().mean().item();

describe("restore", () => {
  test("denoises by total variation to a certified gap", async () => {
    const data = truth.add(randomNormal([32, 32], seeded(1)).mul(0.1));
    const r = await restore({ operator: identityOperator([32, 32]), data, prior: totalVariation(), lambda: 0.1 });
    expect(r.status).toBe("ok");
    expect(r.gap).toBeLessThanOrEqual(1e-6 * r.objective);
    expect(error(r.image)).toBeLessThan(0.25 * error(data));
    expect(r.history.at(-1)).toBeLessThan(r.history[0]);
  });
  test("fills in what a mask hides", async () => {
    const mask = randomNormal([32, 32], seeded(2)).greater(0).cast("f32");
    const r = await restore({ operator: maskOperator(mask), data: truth.mul(mask), prior: totalVariation(), lambda: 0.005 });
    expect(error(r.image)).toBeLessThan(0.05 * error(truth.mul(mask)));
  });
  test.each([
    [ridge(), "periodic"],
    [tikhonov(), "reflect"],
    [tikhonov({ border: "periodic" }), "periodic"],
  ] as const)("solves the normal equations for the prior $0.name, differences and blur on a ring or not", async (prior, border) => {
    const operator = blurOperator([32, 32], gaussianKernel(7, 1.2), { border });
    const data = operator.apply(truth);
    const r = await restore({ operator, data, prior, lambda: 1e-3 });
    const [term] = prior.terms([32, 32], 1e-3);
    const slope = term.operator ? term.operator.adjoint(term.operator.apply(r.image)) : r.image;
    const residual = operator.adjoint(operator.apply(r.image).sub(data)).add(slope.mul(1e-3));
    expect(residual.norm().item()).toBeLessThan(1e-4 * operator.adjoint(data).norm().item());
    expect(r.history.at(-1)).toBeCloseTo(r.objective, 3);
    expect(error(r.image)).toBeLessThan(error(data));
  });
  test("deblurs by total variation on a ring: the point where neither the image nor a general solver improves", async () => {
    const operator = blurOperator([32, 32], gaussianKernel(7, 1.2));
    const data = operator.apply(truth).add(randomNormal([32, 32], seeded(3)).mul(0.01));
    const r = await restore({ operator, data, prior: totalVariation(), lambda: 1e-3, tolerance: 1e-6 });
    expect(r.solver).toContain("alternating directions");
    expect(r.status).toBe("ok");
    expect(error(r.image)).toBeLessThan(0.6 * error(data));
    const tv = totalVariation({ border: "periodic" });
    const objective = (x: Tensor) => 0.5 * operator.apply(x).sub(data).square().sum().item() + 1e-3 * tv.value(x).item();
    expect(objective(r.image)).toBeCloseTo(r.objective, 5);
    const random = seeded(4);
    for (const size of [1e-2, 1e-3, 1e-4])
      expect(objective(r.image.add(randomNormal([32, 32], random).mul(size)))).toBeGreaterThan(r.objective * (1 - 2e-6));
    // Proximal gradient steps from there gain next to nothing.
    let x = r.image;
    for (let k = 0; k < 20; k++) x = tv.prox(x.sub(operator.adjoint(operator.apply(x).sub(data))), 1e-3);
    expect(objective(x)).toBeGreaterThan(r.objective * (1 - 1e-5));
  });
  test("has a general method where no fast one fits: blur with mirrored borders, wavelets behind a blur, robust fidelities", async () => {
    const operator = blurOperator([32, 32], gaussianKernel(5, 1), { border: "reflect" });
    const data = operator.apply(truth).add(randomNormal([32, 32], seeded(3)).mul(0.01));
    for (const prior of [totalVariation(), waveletL1({ wavelet: "haar", levels: 2 })]) {
      const r = await restore({ operator, data, prior, lambda: 2e-3, tolerance: 1e-4 });
      expect(error(r.image)).toBeLessThan(error(data));
      const objective = (x: Tensor) => 0.5 * operator.apply(x).sub(data).square().sum().item() + 2e-3 * prior.value(x).item();
      const random = seeded(4);
      for (const size of [1e-2, 1e-3])
        expect(objective(r.image.add(randomNormal([32, 32], random).mul(size)))).toBeGreaterThan(r.objective * (1 - 1e-3));
    }
    const robust = await restore({
      operator: identityOperator([32, 32]),
      data: truth,
      fidelity: absolute(truth),
      prior: totalVariation(),
      lambda: 0.1,
      tolerance: 1e-3,
    });
    expect(error(robust.image)).toBeLessThan(1e-3); // an L1 fidelity leaves large pieces as they are
  });
  describe("biharmonic interpolation", () => {
    const mask = randomNormal([33, 30], seeded(8)).greater(-0.3).cast("f32");
    test("keeps what is known and reproduces planes away from the border", async () => {
      const plane = Tensor.from(
        Float32Array.from({ length: 990 }, (_, k) => 0.01 * (k % 30) + 0.02 * Math.floor(k / 30)),
        [33, 30],
      );
      const inner = Tensor.from(
        Float32Array.from(mask.data, (m, k) => (Math.min(k % 30, 29 - (k % 30), Math.floor(k / 30), 32 - Math.floor(k / 30)) < 3 ? 1 : m)),
        [33, 30],
      );
      const r = await restore({
        operator: maskOperator(inner),
        data: plane.mul(inner),
        prior: biharmonic(),
        lambda: "auto",
        tolerance: 1e-6,
      });
      expect(r.image.sub(plane).abs().max().item()).toBeLessThan(1e-4); // f32
      expect(r.status).toBe("ok");
      expect(r.lambda).toBe(0);
    });
    test("is the least ½‖Δx‖²: the slope at missing samples is 0", () => {
      const y = randomNormal([33, 30], seeded(9));
      const { image } = inpaintBiharmonic(y.mul(mask), mask, { tolerance: 1e-6 });
      const [{ operator }] = biharmonic().terms([33, 30], 1);
      const slope = operator?.adjoint(operator.apply(image)) as Tensor;
      const missing = mask.mul(-1).add(1);
      expect(slope.mul(missing).abs().max().item()).toBeLessThan(1e-3 * slope.abs().max().item());
      expect(image.sub(y).mul(mask).abs().max().item()).toBe(0);
    });
    test("crosses large holes and says when nothing is known", () => {
      const hole = Tensor.from(
        Float32Array.from({ length: 4096 }, (_, k) => Number(k % 64 < 4 || k % 64 > 59)),
        [64, 64],
      );
      const { image, stop } = inpaintBiharmonic(hole.mul(0.7), hole);
      expect(stop).toBe("converged");
      expect(image.sub(0.7).abs().max().item()).toBeLessThan(1e-3);
      expect(() => inpaintBiharmonic(hole, hole.mul(0))).toThrow(ArgumentError);
    });
  });
  describe("with λ chosen by the data", () => {
    const clean = phantom(48);
    const noisy = (a: Operator, sigma: number) => a.apply(clean).add(randomNormal([48, 48], seeded(5)).mul(sigma));
    const off = (x: Tensor) => 10 * Math.log10(x.sub(clean).square().mean().item());
    test.each(["gcv", "sure", "discrepancy"] as const)("%s is within a decibel of the best λ, denoising and deblurring", async (rule) => {
      for (const [operator, sigma] of [
        [identityOperator([48, 48]), 0.1],
        [blurOperator([48, 48], gaussianKernel(7, 1)), 0.02],
      ] as const) {
        const data = noisy(operator, sigma);
        const common = { operator, data, prior: totalVariation() };
        const auto = await restore({ ...common, lambda: "auto", lambdaRule: rule, noise: sigma });
        const all: number[] = [];
        for (let k = -4; k <= 4; k++) all.push(off((await restore({ ...common, lambda: auto.lambda * 2 ** (k / 2) })).image));
        expect(off(auto.image)).toBeLessThan(Math.min(...all) + (rule === "discrepancy" ? 2 : 1)); // discrepancy is known to smooth more
        expect(auto.choice?.curve.length).toBeGreaterThan(2);
      }
    });
    test("estimates the noise level of a picture", () => {
      expect(noiseLevel(noisy(identityOperator([48, 48]), 0.05))).toBeCloseTo(0.05, 2);
    });
    test("for a quadratic prior", async () => {
      const operator = blurOperator([48, 48], gaussianKernel(7, 1));
      const data = noisy(operator, 0.02);
      const auto = await restore({ operator, data, prior: tikhonov(), lambda: "auto" });
      expect(off(auto.image)).toBeLessThan(off(data));
    });
  });
  test("warns when nothing holds the noise back, with the operator's condition", async () => {
    const operator = blurOperator([32, 32], gaussianKernel(13, 2));
    const data = operator.apply(truth).add(randomNormal([32, 32], seeded(6)).mul(0.01));
    const r = await restore({ operator, data, lambda: 0 });
    expect(r.warnings.join()).toMatch(/noise in the data grows/);
    expect((await restore({ operator, data, prior: tikhonov(), lambda: 0.01 })).warnings).toEqual([]);
  });
  test("the condition is the ratio of the extreme singular values, exact or by Lanczos' method", () => {
    const blur = blurOperator([16], Tensor.from(Float32Array.from([0.2, 0.6, 0.2]), [3]));
    expect(conditionNumber(blur)).toBeCloseTo(5, 3); // 1 at frequency 0, 0.6 − 0.4 at the highest
    const { diagonalisation: _, ...plain } = blur.definition;
    expect(conditionNumber(new Operator(plain))).toBeCloseTo(5, 1);
    expect(conditionNumber(maskOperator(Tensor.from(Float32Array.from([1, 0, 1]), [3])))).toBe(Number.POSITIVE_INFINITY);
  });
  test("says what is wrong with its arguments", async () => {
    const operator = identityOperator([4, 4]);
    await expect(restore({ operator, data: Tensor.zeros([4, 5]), lambda: 1 })).rejects.toThrow(ShapeError);
    await expect(restore({ operator, data: Tensor.zeros([4, 4]), lambda: -1 })).rejects.toThrow(ArgumentError);
  });
});

describe("total generalised variation", () => {
  const slope = Tensor.from(
    Float32Array.from({ length: 24 * 20 }, (_, k) => 0.03 * (k % 20) + (Math.floor(k / 20) < 12 ? 0 : 0.5)),
    [24, 20],
  );
  const noisy = slope.add(randomNormal(slope.shape, seeded(3)).mul(0.05));
  test("denoises with a certified gap", async () => {
    const r = await restore({
      operator: identityOperator(slope.shape),
      data: noisy,
      prior: totalGeneralizedVariation(),
      lambda: 0.1,
      tolerance: 1e-3,
    });
    expect(r.status).toBe("ok");
    expect(r.gap).toBeLessThan(1.1e-3 * r.objective);
    expect(r.image.sub(slope).norm().item()).toBeLessThan(0.5 * noisy.sub(slope).norm().item());
  });
  test("goes with any operator and fidelity: the same minimum by the general way", async () => {
    const o = { operator: identityOperator(slope.shape), data: noisy, prior: totalGeneralizedVariation(), lambda: 0.1 };
    const exact = await restore({ ...o, tolerance: 1e-4 });
    const r = await restore({ ...o, fidelity: leastSquares(noisy) });
    expect(r.solver).toMatch(/with the slope/);
    expect(Math.abs(r.objective - exact.objective)).toBeLessThan(2e-3 * exact.objective);
  });
});
test("the L-curve finds a corner: a λ between nothing and everything", async () => {
  const truth = Tensor.from(
    Float32Array.from({ length: 32 * 32 }, (_, k) => (k % 32 < 16 ? 0 : 1)),
    [32, 32],
  );
  const data = truth.add(randomNormal(truth.shape, seeded(4)).mul(0.1));
  const r = await restore({ operator: identityOperator(truth.shape), data, prior: totalVariation(), lambda: "auto", lambdaRule: "lcurve" });
  expect(r.choice?.rule).toBe("lcurve");
  expect(r.choice?.curve).toHaveLength(17);
  expect(r.image.sub(truth).norm().item()).toBeLessThan(0.5 * data.sub(truth).norm().item());
});
