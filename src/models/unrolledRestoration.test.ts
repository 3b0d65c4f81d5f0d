import { expect, test } from "vitest";
import { iterate } from "../core/iterate.js";
import { seeded } from "../core/random.js";
import { scope } from "../core/scope.js";
import { leastSquares } from "../fidelities/index.js";
import { inPrecision, squaredLoss, stateless, train } from "../nn/index.js";
import { blurOperator, gaussianKernel, maskOperator, Operator } from "../operators/index.js";
import { adamW } from "../optimisers/index.js";
import { plugAndPlay } from "../priors/index.js";
import { inpaintBiharmonic } from "../reconstruction/index.js";
import { geometric, hqs } from "../solvers/index.js";
import { arange, randomNormal, randomUniform, Tensor } from "../tensor/index.js";
import { leavesOf, withLeaves } from "../tensor/variables.js";
import { scalarised, taylorFirst } from "../testing/laws.js";
import { denoisingNetwork, loadModel, type NoisyImages, networkRestoration, unrolledRestoration } from "./index.js";

const largest = (a: Tensor, b: Tensor) => a.sub(b).abs().max().item();
const small = () => denoisingNetwork({ random: seeded(1), features: 8, depth: 4 });
const shape = [1, 1, 24, 20];
const picture = (angle: number, [, , h, w] = shape) =>
  arange(0, w)
    .reshape(1, 1, 1, w)
    .mul(Math.cos(angle))
    .add(arange(0, h).reshape(1, 1, h, 1).mul(Math.sin(angle)))
    .mul(0.5)
    .sin()
    .mul(0.4)
    .add(0.5);

test("before it is trained it is plug-and-play: half-quadratic splitting with the same denoiser, strengths and couplings", async () => {
  const soft = (x: Tensor, s: number) => x.mul(1 / (1 + s)); // a denoiser that anyone can check
  const denoiser = stateless(({ image, sigma }: NoisyImages) => soft(image, sigma.item()));
  const operator = blurOperator(shape, gaussianKernel(5, 1));
  const sigma = 0.02;
  const data = operator.apply(picture(1)).add(randomNormal(shape, seeded(1)).mul(sigma));
  const network = unrolledRestoration({ random: seeded(1), steps: 4, denoiser });
  const found = network.forward({ operator, data, sigma: Tensor.full([1], sigma) });
  const levels = geometric(0.27, 1.5 * sigma, 5).slice(1);
  const prior = plugAndPlay(soft);
  const problem = { operator, fidelity: leastSquares(data), terms: prior.terms(shape, sigma * sigma) };
  const method = hqs({ couplings: levels.map((s) => (sigma / s) ** 2), valueEvery: 0 });
  const r = await iterate(method, problem, operator.adjoint(data), { iterations: 4, keepBest: false });
  expect(largest(found, r.x)).toBeLessThan(1e-4); // f32, transforms of 480 samples
});

test("known samples are kept as well as the noise allows, and gradient steps serve operators of no known basis", () => {
  const mask = randomUniform(shape, 0, 1, seeded(2)).greater(0.5);
  const operator = maskOperator(mask);
  const sigma = Tensor.full([1], 0.01);
  const data = picture(0.3).mul(mask);
  const exact = unrolledRestoration({ random: seeded(1), denoiser: small() }).forward({ operator, data, sigma });
  expect(largest(exact.mul(mask), data)).toBeLessThan(0.05);
  const plain = new Operator({ ...shapeOf(operator), apply: (x) => operator.apply(x), adjoint: (y) => operator.adjoint(y), norm: 1 });
  const along = unrolledRestoration({ random: seeded(1), denoiser: small() }).forward({ operator: plain, data, sigma });
  // A step of a unitary A puts samples back as they were measured.
  expect(largest(along.mul(mask), data)).toBeLessThan(1e-5);
});
const shapeOf = (a: Operator) => ({ name: a.name, domain: a.domain, range: a.range });

test.each([true, false])("its gradients are those of differences, denoisers of their own: %s", (own) => {
  const random = seeded(3);
  const denoiser = denoisingNetwork({ random, features: 3, depth: 2 });
  const model = inPrecision(unrolledRestoration({ random, steps: 2, denoiser, own }), "f64");
  const small = [1, 1, 6, 6];
  const operator = blurOperator(small, gaussianKernel(3, 0.8).cast("f64"));
  const data = randomUniform(small, 0.2, 0.8, random, "f64");
  const sigma = Tensor.full([1], 0.05, "f64");
  const weights = leavesOf(model.parameters).map((p) => p.add(randomUniform(p.shape, 0.05, 0.2, random, "f64")));
  const f = (...ws: Tensor[]) => model.with(withLeaves(model.parameters, ws)).forward({ operator, data, sigma });
  const { order, remainders } = scope(() => taylorFirst(scalarised(f, weights, seeded(4)), weights, seeded(5), 1e-4));
  expect(order, `remainders ${remainders}`).toBeGreaterThan(1.8);
});

test("trained end to end for some steps it comes nearer to the pictures than it began, for a blur it has not seen either", async () => {
  const blur = (deviation: number) => blurOperator(shape, gaussianKernel(7, deviation));
  const operators = [0.8, 1.2].map(blur);
  const measure = (operator: Operator, angle: number, seed: number) => {
    const clean = picture(angle);
    return { operator, clean, sigma: Tensor.full([1], 0.05), data: operator.apply(clean).add(randomNormal(shape, seeded(seed)).mul(0.05)) };
  };
  const start = unrolledRestoration({ random: seeded(1), steps: 3, denoiser: small() });
  const { model } = await train({
    model: start,
    data: (random) => measure(operators[random.integer(2)], 3 * random.uniform(), random.integer(1000)),
    loss: (m, { clean, ...y }) => squaredLoss()(m.forward(y), clean),
    optimiser: adamW({ step: 3e-3 }),
    steps: 60,
  });
  const { clean, ...unseen } = measure(blur(1), 0.7, 5000);
  const error = (m: typeof start) => m.forward(unseen).sub(clean).square().mean().item();
  expect(error(model)).toBeLessThan(0.8 * error(start));
  expect(model.parameters["schedule.level"].abs().max().item()).toBeGreaterThan(0); // strengths are learned as well
});

test("what does not fit is refused", () => {
  expect(() => unrolledRestoration({ random: seeded(1), steps: 0 })).toThrow(/0 steps/);
  const operator = blurOperator([8, 8], gaussianKernel(3, 1));
  const one = unrolledRestoration({ random: seeded(1), denoiser: small() });
  expect(() => one.forward({ operator, data: Tensor.zeros([8, 8]), sigma: Tensor.zeros([1]) })).toThrow(/expected \[n, 1, y, x\]/);
});

test("the package's network fills in single missing samples better than the interpolation it begins with", async () => {
  const model = await loadModel("unrolled-inpainting");
  const side = 48;
  const picture = Tensor.from(
    Float32Array.from({ length: side * side }, (_, k) => {
      const [x, y] = [k % side, Math.floor(k / side)];
      return Math.hypot(x - 20, y - 22) < 13 ? 0.8 : x + y > 60 ? 0.2 : 0.5;
    }),
    [side, side],
  );
  const known = randomUniform([side, side], 0, 1, seeded(11)).less(0.5);
  const data = picture.mul(known);
  const operator = (shape: readonly number[]) => maskOperator(known.reshape(1, 1, side, side).broadcastTo([...shape]));
  const away = (x: Tensor) => x.sub(picture).square().mean().item();
  expect(away(networkRestoration(model, { operator, data }))).toBeLessThan(0.7 * away(inpaintBiharmonic(data, known).image));
});
