import { expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { blurOperator } from "../operators/index.js";
import { randomNormal, Tensor } from "../tensor/index.js";
import { onSimplex, projectedKernel, spectraOf } from "./projectedKernel.js";

const random = seeded(5);
const [H, W, n] = [24, 30, 5];
const x = Tensor.from(
  Float32Array.from({ length: H * W }, (_, i) => Number(Math.hypot((i % W) - 14, Math.floor(i / W) - 11) < 7) + 0.05 * random.normal()),
  [H, W],
);
const kernel = () =>
  onSimplex(
    Tensor.from(
      Float32Array.from({ length: n * n }, () => 0.04 + 0.03 * random.normal()),
      [n, n],
    ),
  );
const truth = kernel();
const blurred = blurOperator([H, W], truth).apply(x);
const noisy = blurred.add(randomNormal([H, W], seeded(2)).mul(0.02));

test("the gradient through the projection is that of the projected objective", () => {
  for (const beta of [0.5, 40]) {
    const problem = projectedKernel(spectraOf(noisy), x, n, { beta });
    const k = kernel();
    const g = problem.gradient(problem.at(k));
    for (let trial = 0; trial < 5; trial++) {
      const d = randomNormal([n, n], seeded(trial));
      const slope = g.innerProduct(d).item();
      const h = 2e-3;
      const difference = (problem.at(k.add(d.mul(h))).value - problem.at(k.sub(d.mul(h))).value) / (2 * h);
      expect(Math.abs(difference - slope)).toBeLessThan(2e-3 * Math.abs(slope) + 1e-3 * g.norm().item()); // J in f32 sums, h² of curvature
    }
  }
});
test("eliminating the picture: no other gradients do better for the kernel, and J lies below the objective with the picture still", () => {
  const [beta, k] = [3, kernel()];
  const spectra = spectraOf(noisy);
  const projected = projectedKernel(spectra, x, n, { beta, ridge: 0 }).at(k);
  const still = projectedKernel(spectra, x, n, { beta: 1e6, ridge: 0 }).at(k);
  expect(projected.value).toBeLessThan(still.value);
  // The residual of the normal equations: K̄ (K U − ∇Y) + β (U − ∇X) = 0 means that U's value is a minimum; a larger β costs more.
  expect(projected.value).toBeLessThan(projectedKernel(spectra, x, n, { beta: 4, ridge: 0 }).at(k).value);
});
test("steps stay on the simplex, lower J, and find the kernel of a picture that is known", () => {
  const problem = projectedKernel(spectraOf(blurred), x, n, { beta: 40, ridge: 0 });
  let at = problem.at(Tensor.full([n, n], 1 / (n * n)));
  for (let i = 0; i < 8; i++) {
    const k = problem.step(at);
    expect(k.min().item()).toBeGreaterThanOrEqual(0);
    expect(k.sum().item()).toBeCloseTo(1, 4);
    const next = problem.at(k);
    expect(next.value).toBeLessThanOrEqual(at.value * (1 + 1e-4) + 1e-6);
    at = next;
  }
  expect(at.k.sub(truth).norm().item()).toBeLessThan(0.05 * truth.norm().item());
  expect(problem.unexplained(at.k)).toBeLessThan(0.01);
});
