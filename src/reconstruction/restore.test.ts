import { describe, expect, test } from "vitest";
import { ArgumentError, ShapeError } from "../core/errors.js";
import { seeded } from "../core/random.js";
import { blurOperator, gaussianKernel, identityOperator, maskOperator } from "../operators/index.js";
import { ridge, tikhonov, totalVariation } from "../priors/index.js";
import { randomNormal, Tensor } from "../tensor/index.js";
import { restore } from "./index.js";

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
  test.each([ridge(), tikhonov()])("solves the normal equations for the prior $name", async (prior) => {
    const operator = blurOperator([32, 32], gaussianKernel(7, 1.2));
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
  test("says what is wrong with its arguments", async () => {
    const operator = identityOperator([4, 4]);
    await expect(restore({ operator, data: Tensor.zeros([4, 5]), lambda: 1 })).rejects.toThrow(ShapeError);
    await expect(restore({ operator, data: Tensor.zeros([4, 4]), lambda: -1 })).rejects.toThrow(ArgumentError);
  });
});
