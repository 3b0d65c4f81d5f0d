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
  test("says what is wrong with its arguments", async () => {
    const operator = identityOperator([4, 4]);
    await expect(restore({ operator, data: Tensor.zeros([4, 5]), lambda: 1 })).rejects.toThrow(ShapeError);
    await expect(restore({ operator, data: Tensor.zeros([4, 4]), lambda: -1 })).rejects.toThrow(ArgumentError);
  });
});
