import { expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { scope } from "../core/scope.js";
import { inPrecision, squaredLoss, train } from "../nn/index.js";
import { adamW } from "../optimisers/index.js";
import { randomUniform, stack, Tensor } from "../tensor/index.js";
import { taylorFirst } from "../testing/laws.js";
import { anatomicalLoss, shapeAutoencoder, shapeEncoder } from "./index.js";

const side = 16;
/** A filled ellipse [1, side, side]. */
const ellipse = (cx: number, cy: number, a: number, b: number) =>
  Tensor.from(
    Float32Array.from({ length: side * side }, (_, i) =>
      (((i % side) - cx) / a) ** 2 + ((Math.floor(i / side) - cy) / b) ** 2 < 1 ? 1 : 0,
    ),
    [1, side, side],
  );
const some = (seed: number) => {
  const random = seeded(seed);
  const between = (a: number, b: number) => a + (b - a) * random.uniform();
  return stack(Array.from({ length: 8 }, () => ellipse(between(6, 9), between(6, 9), between(3, 5), between(3, 5))));
};

test("shapes learned by an auto-encoder come back through few numbers, more like themselves than like their mean", async () => {
  const r = await train({
    model: shapeAutoencoder({ random: seeded(1), side, latent: 4, features: 8 }),
    data: (random) => some(random.integer(1 << 30)),
    loss: (m, x) => squaredLoss()(m.forward(x), x),
    optimiser: adamW({ step: 2e-2 }),
    steps: 100,
    clip: 1,
  });
  const error = (x: Tensor, y: Tensor) => x.sub(y).square().mean().item();
  const unseen = some(777);
  expect(r.model.encoder.forward(unseen).shape).toEqual([8, 4]);
  expect(error(r.model.forward(unseen), unseen)).toBeLessThan(0.8 * error(unseen.mean([0], true).broadcastTo(unseen.shape), unseen));
});

test("the anatomical loss is the mean squared difference of codes: 0 for pictures of one code, whatever else differs", () => {
  const encoder = shapeEncoder({ random: seeded(2), side, latent: 3, features: 4 });
  const loss = anatomicalLoss({ code: (x) => encoder.forward(x) });
  const [a, b] = [randomUniform([2, 1, side, side], 0, 1, seeded(3)), randomUniform([2, 1, side, side], 0, 1, seeded(4))];
  expect(loss(a, a).item()).toBe(0);
  expect(loss(a, b).item()).toBeCloseTo(encoder.forward(a).sub(encoder.forward(b)).square().mean().item(), 6);
  const mean = anatomicalLoss({ code: (x) => x.mean([2, 3]) });
  expect(mean(a, a.flip(3)).item()).toBeLessThan(1e-12);
});

test("its gradient by the picture is that of differences", () => {
  const encoder = inPrecision(shapeEncoder({ random: seeded(5), side, latent: 3, features: 4 }), "f64");
  const loss = anatomicalLoss({ code: (x) => encoder.forward(x) });
  const [target, at] = [6, 7].map((seed) => randomUniform([1, 1, side, side], 0, 1, seeded(seed), "f64"));
  const { order, remainders } = scope(() => taylorFirst((x) => loss(x, target), [at], seeded(8), 1e-4));
  expect(order, `remainders ${remainders}`).toBeGreaterThan(1.8);
});

test("sizes that do not halve four times, and pictures of other sides, are refused", () => {
  expect(() => shapeAutoencoder({ random: seeded(1), side: 40 })).toThrow(/40 samples along their sides.*multiple of 16/);
  expect(() => shapeEncoder({ random: seeded(1), side }).forward(Tensor.zeros([1, 1, 32, 32]))).toThrow(
    /1×1×32×32; expected \[n, 1, 16, 16\]/,
  );
});
