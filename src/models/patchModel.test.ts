import { expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { parameterCount, tanh, train } from "../nn/index.js";
import { adjointOf, compose, fourierOperator, maskOperator, partsOfComplex } from "../operators/index.js";
import { adamW } from "../optimisers/index.js";
import { ganPrior } from "../reconstruction/index.js";
import { randomNormal, randomUniform, Tensor } from "../tensor/index.js";
import { generativeLoss, patchModel } from "./index.js";

const of = (size: readonly [number, number], o: object = {}) => patchModel({ random: seeded(1), size, latent: 2, features: 8, ...o });

test("codes, pictures, logits and what the encoder says have the shapes that the size asks for", () => {
  const model = of([16, 24]);
  expect(model.latent).toBe(2 * 2 * 3);
  const made = model.forward(randomNormal([5, 12], seeded(2)).mul(3));
  expect(made.shape).toEqual([5, 1, 16, 24]);
  expect(made.min().item()).toBeGreaterThanOrEqual(0);
  expect(made.max().item()).toBeLessThanOrEqual(1);
  expect(model.discriminator.forward(made).shape).toEqual([5, 6]);
  expect(model.encoder.forward(made).shape).toEqual([5, 24]);
  expect(() => model.forward(randomNormal([5, 11]))).toThrow(/patchModel: z is 5×11; expected \[n, 12\]/);
  expect(() => of([16, 20])).toThrow(/multiples of 8/);
});

test("the weights of patches make whole pictures: far from their edges a code shows what it shows in the patch", () => {
  const patch = of([56, 56]);
  const whole = of([72, 80]).with(patch.parameters);
  expect(parameterCount(whole)).toBe(parameterCount(patch));
  const code = randomNormal([1, 2, 9, 10], seeded(3));
  const cut = code.slice([0, 0, 1, 2], [1, 2, 8, 9]); // from block 1 down and 2 across
  const large = whole.forward(code.reshape(1, whole.latent));
  const small = patch.forward(cut.reshape(1, patch.latent));
  const middle = (t: Tensor, y: number, x: number) => t.slice([0, 0, y, x], [1, 1, y + 8, x + 8]);
  const difference = middle(large, 32, 40)
    .sub(middle(small, 24, 24))
    .abs()
    .max()
    .item();
  expect(difference).toBeLessThan(1e-6); // the same sums of f32
});

test("trained on patches of two channels, it is a prior for complex data of another size", async () => {
  const options = { channels: 2, last: tanh() };
  const wave = (phase: number, [h, w]: readonly [number, number]) => {
    const v = Float32Array.from({ length: 2 * h * w }, (_, i) => 0.5 * Math.cos(0.3 * (i % w) + phase + (i >= h * w ? 1 : 0)));
    return Tensor.from(v, [2, h, w]);
  };
  const { model, history } = await train({
    model: of([16, 16], options),
    data: (random) => ({
      real: wave(6 * random.uniform(), [16, 16]).reshape(1, 2, 16, 16),
      noise: randomNormal([1, 8], random),
      input: randomNormal([1, 8], random),
    }),
    loss: generativeLoss({ divergence: 0.003 }),
    optimiser: adamW({ step: 3e-3 }),
    steps: 12,
  });
  const mean = (v: readonly number[]) => v.reduce((a, b) => a + b, 0) / v.length;
  expect(mean(history.loss.slice(-10))).toBeLessThan(mean(history.loss.slice(0, 10)));
  const size = [16, 32] as const;
  const whole = of(size, options).with(model.parameters);
  const truth = wave(1, size);
  const known = randomUniform([...size], 0, 1, seeded(4)).less(0.7);
  const operator = compose(compose(maskOperator(known, "c64"), fourierOperator([...size])), adjointOf(partsOfComplex(size)));
  const data = operator.apply(truth);
  const start = whole.encoder.forward(truth.reshape(1, 2, ...size)).slice([0, 0], [1, whole.latent]);
  const r = await ganPrior({ operator, data, model: whole, start, noise: 1e-3, iterations: 15 });
  expect(r.image.shape).toEqual([2, ...size]);
  expect(operator.apply(r.image).sub(data).norm().item()).toBeLessThan(0.01 * data.norm().item()); // near the range, what is known is kept
  const still = await ganPrior({ operator, data, model: whole, start: start.add(1), where: "range", iterations: 1, step: 1e-6 });
  expect(still.latent.sub(start.reshape(whole.latent)).sub(1).abs().max().item()).toBeLessThan(1e-4); // it is begun where it was asked to
  await expect(ganPrior({ operator, data, model: whole, start: Tensor.zeros([1, 3]) })).rejects.toThrow(/codes to begin with/);
});
