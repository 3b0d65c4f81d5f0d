import { expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { scope } from "../core/scope.js";
import { inPrecision, parameterCount, shuffled, squaredLoss, train } from "../nn/index.js";
import { adamW } from "../optimisers/index.js";
import { arange, randomNormal, randomUniform, Tensor } from "../tensor/index.js";
import { leavesOf, withLeaves } from "../tensor/variables.js";
import { scalarised, taylorFirst } from "../testing/laws.js";
import { denoisingNetwork, networkDenoiser } from "./index.js";

const small = () => denoisingNetwork({ random: seeded(1), features: 8, depth: 4 });

test("it has the size of its goal, and begins as the identity for pictures of any size", () => {
  expect(parameterCount(denoisingNetwork({ random: seeded(1) }))).toBe(56385);
  const image = randomNormal([2, 1, 7, 10], seeded(2));
  expect([...small().forward({ image, sigma: Tensor.full([2], 0.1) }).data]).toEqual([...image.data]);
});

test("its gradients are those of differences, with respect to image, noise and weights", () => {
  const model = inPrecision(denoisingNetwork({ random: seeded(1), features: 3, depth: 3 }), "f64");
  const random = seeded(3);
  const inputs = [randomNormal([1, 1, 5, 6], random, "f64"), randomUniform([1], 0.1, 0.3, random, "f64")];
  const weights = leavesOf(model.parameters).map((p) => p.add(randomUniform(p.shape, 0.05, 0.2, random, "f64")));
  const f = (image: Tensor, sigma: Tensor, ...ws: Tensor[]) => model.with(withLeaves(model.parameters, ws)).forward({ image, sigma });
  const all = [...inputs, ...weights];
  const { order, remainders } = scope(() => taylorFirst(scalarised(f, all, seeded(4)), all, seeded(5), 1e-4));
  expect(order, `remainders ${remainders}`).toBeGreaterThan(1.8);
});

test("noise may be told for each sample: the same everywhere, it is one number; elsewhere weaker, it changes what is near by", () => {
  for (const block of [1, 2]) {
    const model = denoisingNetwork({ random: seeded(1), features: 4, depth: 3, block });
    const moved = model.with(
      withLeaves(
        model.parameters,
        leavesOf(model.parameters).map((p) => p.add(0.1)),
      ),
    );
    const image = randomNormal([2, 1, 8, 8], seeded(2));
    const told = (sigma: Tensor) => moved.forward({ image, sigma });
    const one = told(Tensor.full([2], 0.5));
    expect([...told(Tensor.full([2, 1, 8, 8], 0.5)).data]).toEqual([...one.data]);
    const left = Tensor.from(
      Float32Array.from({ length: 128 }, (_, i) => (i % 8 < 2 ? 0.1 : 0.5)),
      [2, 1, 8, 8],
    );
    expect(told(left).sub(one).abs().max().item()).toBeGreaterThan(1e-4);
  }
});

test("some tens of steps take noise off pictures that it has not seen, at two strengths by one network", async () => {
  const wave = (angle: number) =>
    arange(0, 32)
      .reshape(1, 1, 32)
      .mul(Math.cos(angle))
      .add(arange(0, 32).reshape(1, 32, 1).mul(Math.sin(angle)))
      .mul(0.3)
      .sin()
      .mul(0.4)
      .add(0.5);
  const data = shuffled({
    items: [0, 0.4, 0.8, 1.2, 1.6, 2, 2.4, 2.8],
    batch: 4,
    sample(angle, random) {
      const clean = wave(angle);
      const sigma = 0.05 + 0.25 * random.uniform();
      return { clean, sigma: Tensor.full([], sigma), image: clean.add(randomNormal(clean.shape, random).mul(sigma)) };
    },
  });
  const { model } = await train({
    model: small(),
    data,
    loss: (m, { image, sigma, clean }) => squaredLoss()(m.forward({ image, sigma }), clean),
    optimiser: adamW({ step: 5e-3 }),
    steps: 80,
  });
  const denoiser = networkDenoiser(model, { peak: 255 });
  for (const sigma of [25, 60]) {
    const clean = wave(1).reshape(32, 32).mul(255);
    const noisy = clean.add(randomNormal(clean.shape, seeded(9)).mul(sigma));
    const error = denoiser.denoise(noisy, sigma).sub(clean).square().mean().sqrt().item();
    expect(error).toBeLessThan(0.7 * sigma); // at the start it is σ
  }
});

test("images and strengths of noise that do not fit are refused", () =>
  expect(() => small().forward({ image: Tensor.zeros([2, 3, 8, 8]), sigma: Tensor.zeros([2]) })).toThrow(
    /expected \[n, 1, y, x\] and \[n\]/,
  ));
