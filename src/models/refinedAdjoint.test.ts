import { expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { absoluteLoss, train } from "../nn/index.js";
import { adamW } from "../optimisers/index.js";
import { arange, randomNormal, Tensor } from "../tensor/index.js";
import { decibels, measuredSlice, networkReconstruction, refinedAdjoint, sampledNormal } from "./index.js";

const small = () => refinedAdjoint({ random: seeded(1), features: [4, 8] });
const picture = arange(0, 16).mul(0.5).sin().add(1).reshape(1, 16, 1).mul(arange(0, 16).mul(0.3).cos().add(1)).div(4);
const measured = (seed: number) => {
  const s = measuredSlice(picture, { acceleration: 1.6, noise: 0, random: seeded(seed) });
  return Object.fromEntries(Object.entries(s).map(([name, t]) => [name, t.reshape(1, ...t.shape)])) as Record<keyof typeof s, Tensor>;
};

test("it begins as the zero-filled image, of any size", () => {
  const zeroFilled = randomNormal([1, 2, 7, 10], seeded(2));
  expect(
    small()
      .forward({ zeroFilled, normal: (x) => x })
      .sub(zeroFilled)
      .abs()
      .max()
      .item(),
  ).toBe(0);
});

test("it looks at A in no other way than through the adjoint", async () => {
  const { zeroFilled, truth } = measured(3);
  const { model } = await train({
    model: small(),
    data: () => ({}),
    loss: (m) => absoluteLoss()(m.forward({ zeroFilled, normal: () => Tensor.zeros([]) }), truth),
    optimiser: adamW({ step: 1e-2 }),
    steps: 5,
  });
  const refuses = () => {
    throw new Error("asked for A*A");
  };
  const x = model.forward({ zeroFilled, normal: refuses });
  expect(x.sub(zeroFilled).abs().max().item()).toBeGreaterThan(0);
  const network = networkReconstruction(model);
  expect(network(Tensor.zeros([8, 8], "c64"), refuses).shape).toEqual([8, 8]);
});

test("a measured slice is A of its truth: rows of its transform, the adjoint's image, in units of its largest magnitude", () => {
  const { truth, data, zeroFilled, mask } = measured(4);
  const rows = Array.from(mask.reshape(16).data);
  const normal = sampledNormal(mask);
  expect(normal(truth).sub(zeroFilled).abs().max().item()).toBeLessThan(1e-5); // f32
  expect(zeroFilled.square().sum(1).sqrt().max().item()).toBeCloseTo(1, 5);
  data
    .square()
    .sum([0, 1, 3])
    .data.forEach((energy, row) => {
      if (!rows[row]) expect(energy).toBe(0);
    });
  expect(data.norm().item()).toBeCloseTo(zeroFilled.norm().item(), 4); // unitary
  expect(rows.reduce((a, b) => a + b, 0)).toBe(10); // 16 / 1.6
});

test("decibels is the mean over a batch of ten times the logarithm of the mean square", () => {
  const x = Tensor.from([0.1, 0.1, 1, 1], [2, 1, 1, 2]);
  expect(decibels(x, Tensor.zeros(x.shape)).item()).toBeCloseTo((-20 + 0) / 2, 3);
});
