import { expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { parameterCount } from "../nn/index.js";
import { jacobianDeterminant, randomNormal, randomUniform, Tensor, valueAndGrad } from "../tensor/index.js";
import { integrated, networkDeformation, normalised, registrationNetwork } from "./index.js";
import { pairLoss, shapesPair } from "./registrationRecipe.js";

const small = () => registrationNetwork({ random: seeded(1), features: 4, levels: 3 });
/** The same with a head that says something. */
const loud = () => {
  const model = small();
  return model.with({ ...model.parameters, "head.weight": randomNormal(model.parameters["head.weight"].shape, seeded(2)).mul(0.3) });
};

test.each([
  [1, 1],
  [2, 3],
  [17, 30],
  [40, 24],
])("pictures of %i × %i have a velocity on half the resolution, and an untrained network proposes none", (h, w) => {
  const x = randomUniform([1, 1, h, w], 0, 1, seeded(3));
  const v = small().forward({ fixed: x, moving: x });
  expect(v.shape).toEqual([1, 2, Math.ceil(h / 2), Math.ceil(w / 2)]);
  expect(v.abs().max().item()).toBe(0);
});

test("what a picture's gain and offset are makes no difference", () => {
  const propose = networkDeformation(loud());
  const [f, m] = [randomUniform([20, 24], 0, 1, seeded(4)), randomUniform([20, 24], 0, 1, seeded(5))];
  const [a, b] = [propose(f, m), propose(f.mul(300).sub(70), m.mul(0.02).add(5))];
  expect(a.abs().max().item()).toBeGreaterThan(0.01);
  expect(a.sub(b).abs().max().item()).toBeLessThan(1e-3 * a.abs().max().item() + 1e-3); // f32 of values with an offset of 5 in a range of 0.02
  const flat = normalised(Tensor.full([8, 8], 3));
  expect(flat.abs().max().item()).toBe(0);
});

test("exp(v) is at home on the whole grid: a constant velocity is twice as many voxels there, and smooth ones do not fold", () => {
  const v = Tensor.zeros([2, 9, 12]);
  v.data.fill(1.5, 0, 108);
  const u = integrated(v, [17, 24]);
  expect(u.shape).toEqual([2, 17, 24]);
  for (let i = 0; i < u.size; i++) expect(u.data[i]).toBeCloseTo(i < 17 * 24 ? 3 : 0, 5);
  // Waves of 6 voxels over 16: as a displacement (slope 2.4) it would fold, as a flow it does not.
  const wave = Tensor.from(
    Float32Array.from({ length: 2 * 32 * 32 }, (_, i) => (i < 1024 ? 6 * Math.sin((2 * Math.PI * (i % 32)) / 16) : 0)),
    [2, 32, 32],
  );
  expect(jacobianDeterminant(wave).min().item()).toBeLessThan(0);
  expect(
    jacobianDeterminant(integrated(wave, [64, 64], 8))
      .min()
      .item(),
  ).toBeGreaterThan(0);
});

test("the loss of a pair has the slope that differences show, and is least near the truth", () => {
  const pair = shapesPair(32, seeded(6));
  const plain = { fixed: pair.fixed, moving: pair.moving };
  const v = randomNormal([2, 16, 16], seeded(7)).mul(0.3);
  const along = randomNormal([2, 16, 16], seeded(8));
  for (const p of [pair, plain]) {
    const { gradients } = valueAndGrad((x) => pairLoss(x, p))(v);
    const expected = gradients[0].mul(along).sum().item();
    const h = 2e-3;
    const at = (t: number) => pairLoss(v.add(along.mul(t)), p).item();
    // Central differences of an f32 loss near 1: 1e-7 / 2h of rounding, and linear interpolation is not smooth at samples.
    expect(Math.abs((at(h) - at(-h)) / (2 * h) - expected)).toBeLessThan(0.1 * Math.abs(expected) + 5e-4);
  }
  const same = { fixed: pair.fixed, moving: pair.fixed };
  expect(pairLoss(Tensor.zeros([2, 16, 16]), same).item()).toBeLessThan(pairLoss(v, same).item());
});

test("generated shapes: two different views of the same labels, which sum to one everywhere", () => {
  const { labels, fixed, moving } = shapesPair(48, seeded(9));
  for (const part of [labels.fixed, labels.moving]) expect(part.sum([0]).sub(1).abs().max().item()).toBeLessThan(1e-3);
  expect(labels.fixed.sub(labels.moving).abs().mean().item()).toBeGreaterThan(1e-3);
  expect([fixed.shape, moving.shape]).toEqual([
    [1, 48, 48],
    [1, 48, 48],
  ]);
  expect(shapesPair(48, seeded(9)).fixed.data).toEqual(fixed.data);
});

test("shapes that do not belong together are refused by name", () => {
  expect(() => small().forward({ fixed: Tensor.zeros([1, 1, 8, 8]), moving: Tensor.zeros([1, 1, 8, 9]) })).toThrow(/8×8.*8×9/);
  expect(() => registrationNetwork({ random: seeded(1), levels: 0 })).toThrow(/levels/);
  expect(parameterCount(small())).toBeGreaterThan(1000);
});
