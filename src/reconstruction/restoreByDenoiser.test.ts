import { expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { leastSquares } from "../fidelities/index.js";
import { startEngine } from "../kernels/index.js";
import { blurOperator, gaussianKernel, identityOperator, maskOperator, radonOperator } from "../operators/index.js";
import { bm3d, type Denoiser, plugAndPlay, red, ridge } from "../priors/index.js";
import { admm, solveSquares } from "../solvers/index.js";
import { randomNormal, Tensor } from "../tensor/index.js";
import { inpaintBiharmonic } from "./inpaintBiharmonic.js";
import { restore } from "./restore.js";

const shape = [32, 40];
/** A disc before waves, in [0, 1]. */
const picture = Tensor.from(
  Float32Array.from({ length: 32 * 40 }, (_, k) => {
    const [y, x] = [Math.floor(k / 40), k % 40];
    return Math.hypot(x - 22, y - 15) < 9 ? 0.9 : 0.3 + 0.2 * Math.sin(x / 3);
  }),
  shape,
);
const noise = (sigma: number, seed = 3) => randomNormal(shape, seeded(seed)).mul(sigma);
const blur = blurOperator(shape, gaussianKernel(9, 1.5));
const chance = seeded(8);
const mask = Tensor.from(
  Float32Array.from({ length: 32 * 40 }, () => Number(chance.uniform() < 0.4)),
  shape,
);
const distance = (a: Tensor, b: Tensor) => a.sub(b).norm().item() / Math.sqrt(a.size);

/** The exact proximal map of ½‖x‖²: f(v, σ) = v / (1 + σ²). */
const shrinking: Denoiser = { name: "ridge", denoise: (v, s) => v.div(1 + s * s) };
const nothing: Denoiser = { name: "identity", denoise: (v) => v };

test("a denoiser alone is applied once, with √λ for the noise", async () => {
  const y = picture.add(noise(0.1));
  const r = await restore({ operator: identityOperator(shape), data: y, prior: plugAndPlay(shrinking), lambda: 0.25 });
  expect(distance(r.image, y.div(1.25))).toBeLessThan(1e-6);
  expect(r.status).toBe("ok");
});

test("with the proximal map of ½‖x‖² for denoiser, plug-and-play by alternating directions ends at Tikhonov's closed form", async () => {
  const data = blur.apply(picture).add(noise(0.02));
  const lambda = 0.05;
  const exact = await restore({ operator: blur, data, prior: ridge(), lambda });
  const solver = { name: "admm", iteration: admm({ tolerance: 1e-6 }) };
  const found = await restore({ operator: blur, data, prior: plugAndPlay(shrinking), lambda, solver });
  expect(distance(found.image, exact.image)).toBeLessThan(1e-4); // a tolerance of 1e-6 on residuals, amplified by 1/λ
});

test("with a linear smoother, regularisation by denoising ends at the solution of (A*A + λ(1 − F)) x = A*y", async () => {
  const smooth = blurOperator(shape, gaussianKernel(5, 1));
  const data = blur.apply(picture).add(noise(0.02));
  const lambda = 0.1;
  const prior = red((v) => smooth.apply(v), { sigma: 1 });
  const r = await restore({ operator: blur, data, prior, lambda, tolerance: 1e-6, iterations: 2000 });
  const left = blur.adjoint(blur.apply(r.image).sub(data)).add(r.image.sub(smooth.apply(r.image)).mul(lambda));
  expect(left.norm().item() / blur.adjoint(data).norm().item()).toBeLessThan(1e-4);
  expect(r.objective).toBeCloseTo(
    leastSquares(data).value(blur.apply(r.image)).item() + 0.5 * lambda * r.image.innerProduct(r.image.sub(smooth.apply(r.image))).item(),
    3,
  );
});

test("with a denoiser that does nothing, regularisation by denoising leaves the least-squares equations", async () => {
  const data = blur.apply(picture);
  const r = await restore({ operator: blur, data, prior: red(nothing, { sigma: 1 }), lambda: 1e-3, iterations: 400, tolerance: 1e-6 });
  expect(distance(blur.apply(r.image), data)).toBeLessThan(1e-4);
});

test("a blurred and noisy picture comes back nearer than by any quadratic prior, and units do not matter", async () => {
  const data = blur.apply(picture).add(noise(0.01));
  const tried = [1e-4, 1e-3, 3e-3, 1e-2, 0.1].map((w) =>
    distance(
      solveSquares({ operator: blur, fidelity: leastSquares(data), terms: [{ weight: w, functional: leastSquares(data) }] }),
      picture,
    ),
  );
  const r = await restore({ operator: blur, data, prior: plugAndPlay(bm3d()), lambda: "auto" });
  expect(distance(r.image, picture)).toBeLessThan(0.75 * Math.min(...tried));
  expect(Math.sqrt(r.lambda)).toBeGreaterThan(0.007);
  expect(Math.sqrt(r.lambda)).toBeLessThan(0.014);
  const other = await restore({ operator: blur, data: data.mul(100).add(30), prior: plugAndPlay(bm3d()), lambda: "auto" });
  expect(distance(other.image.sub(30).div(100), r.image)).toBeLessThan(2e-3); // rounding tips coefficients over thresholds here and there
});

test("missing samples are filled in, known ones kept, and a constant stays as it is", async () => {
  const data = picture.mul(mask);
  const r = await restore({ operator: maskOperator(mask), data, prior: plugAndPlay(bm3d()), lambda: "auto" });
  expect(distance(r.image.mul(mask), data)).toBe(0);
  expect(r.lambda).toBe(0);
  const smooth = inpaintBiharmonic(data, mask).image;
  expect(distance(r.image, picture)).toBeLessThan(distance(smooth, picture));
  const flat = await restore({ operator: maskOperator(mask), data: mask.mul(5), prior: plugAndPlay(bm3d()), lambda: "auto" });
  expect(flat.image.sub(5).abs().max().item()).toBeLessThan(1e-3);
});

test("noisy known samples are denoised as well when their noise is given", async () => {
  const data = picture.add(noise(0.1)).mul(mask);
  const keepIt = await restore({ operator: maskOperator(mask), data, prior: plugAndPlay(bm3d()), lambda: 0 });
  const smooth = await restore({ operator: maskOperator(mask), data, prior: plugAndPlay(bm3d()), lambda: "auto", noise: 0.1 });
  expect(distance(smooth.image, picture)).toBeLessThan(0.8 * distance(keepIt.image, picture));
});

test("any operator will do: few views of a slice", async () => {
  const size = 32;
  const slice = Tensor.from(
    Float32Array.from({ length: size * size }, (_, k) => Number(Math.hypot((k % size) - 14, Math.floor(k / size) - 17) < 7)),
    [size, size],
  );
  const operator = radonOperator({ detectors: size, angles: Float64Array.from({ length: 24 }, (_, k) => 7.5 * k) });
  const data = operator.apply(slice);
  const r = await restore({ operator, data, prior: plugAndPlay(bm3d()), lambda: "auto", noise: 0.05 });
  expect(r.image.sub(slice).norm().item() / slice.norm().item()).toBeLessThan(0.15);
});

test("one thread, two and three give the same bits", async () => {
  const data = blur.apply(picture).add(noise(0.01));
  const results: Float32Array[] = [];
  for (const threads of [1, 2, 3]) {
    startEngine({ threads });
    const r = await restore({ operator: blur, data, prior: plugAndPlay(bm3d()), lambda: 1e-4, iterations: 3 });
    results.push(Float32Array.from(r.image.data));
  }
  expect(results[1]).toEqual(results[0]);
  expect(results[2]).toEqual(results[0]);
});

test("what cannot be is said", async () => {
  expect(() => red(nothing, { sigma: 0 })).toThrow(/sigma 0/);
  expect(() => plugAndPlay({} as Denoiser)).toThrow(/denoise/);
  await expect(restore({ operator: blur, data: picture, prior: red(nothing, { sigma: 1 }), lambda: 0 })).rejects.toThrow(/λ above 0/);
});
