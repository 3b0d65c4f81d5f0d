import { describe, expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { scope } from "../core/scope.js";
import { writeSafetensors } from "../io/index.js";
import { inPrecision, parameterCount, squaredLoss, supervised, train, upsample, weightsOf } from "../nn/index.js";
import { resizeOperator } from "../operators/index.js";
import { adamW } from "../optimisers/index.js";
import { enlarge } from "../reconstruction/index.js";
import { arange, randomNormal, randomUniform, Tensor } from "../tensor/index.js";
import { leavesOf, withLeaves } from "../tensor/variables.js";
import { scalarised, taylorFirst } from "../testing/laws.js";
import {
  learnedEnlarger,
  learnedScales,
  networkEnlarger,
  type SuperResolutionOptions,
  superResolutionFrameworks,
  superResolutionNetwork,
} from "./index.js";

const kinds: readonly Partial<SuperResolutionOptions>[] = [
  ...superResolutionFrameworks.map((framework) => ({ framework })),
  ...(["nearest", "linear", "cubic", "transposed"] as const).map((upsampling) => ({ framework: "post" as const, upsampling })),
  { framework: "progressive", upsampling: "transposed" },
  { framework: "upDown", upsampling: "linear" },
];
const named = (o: Partial<SuperResolutionOptions>) => [o.framework, o.upsampling ?? "as it comes"].join(", ");
const largest = (a: Tensor, b: Tensor) => a.sub(b).abs().max().item();
const made = (o: Partial<SuperResolutionOptions>) => superResolutionNetwork({ random: seeded(1), scale: 2, features: 4, depth: 2, ...o });

describe.each(kinds.map((o) => [named(o), o] as const))("a network that enlarges: %s", (_, o) => {
  test.each([2, 3, 4])("it begins as cubic enlargement ×%d, of pictures of any size", (scale) => {
    const x = randomNormal([2, 1, 5, 7], seeded(2));
    const y = made({ ...o, scale }).forward(x);
    expect(y.shape).toEqual([2, 1, 5 * scale, 7 * scale]);
    expect(
      y
        .sub(upsample(x, scale, "cubic"))
        .abs()
        .max()
        .item(),
    ).toBe(0);
  });

  test("its gradients are those of differences, for pictures and weights", () => {
    const model = inPrecision(made({ ...o, features: 3 }), "f64");
    const random = seeded(3);
    const weights = leavesOf(model.parameters).map((p) => p.add(randomUniform(p.shape, 0.05, 0.2, random, "f64")));
    const f = (x: Tensor, ...ws: Tensor[]) => model.with(withLeaves(model.parameters, ws)).forward(x);
    const all = [randomNormal([1, 1, 4, 5], random, "f64"), ...weights];
    const { order, remainders } = scope(() => taylorFirst(scalarised(f, all, seeded(4)), all, seeded(5), 1e-4));
    expect(order, `remainders ${remainders}`).toBeGreaterThan(1.8);
  });
});

test("a hundred and fifty steps sharpen edges that it has not seen, beyond cubic enlargement", async () => {
  /** An edge at some place and angle, smooth on the fine grid, and its blocks of 2 × 2 samples. */
  const edge = (seed: number) => {
    const random = seeded(seed);
    const angle = 2 * Math.PI * random.uniform();
    const along = arange(0, 24)
      .sub(11.5)
      .mul(Math.cos(angle))
      .add(arange(0, 24).sub(11.5).mul(Math.sin(angle)).reshape(24, 1));
    const target = along
      .add(4 * random.uniform() - 2)
      .mul(1.5)
      .tanh()
      .reshape(1, 1, 24, 24);
    const input = target.reshape(1, 1, 12, 2, 12, 2).mean([3, 5]);
    return { input, target };
  };
  const error = (f: (x: Tensor) => Tensor, seed: number) => {
    const { input, target } = edge(seed);
    return f(input).sub(target).norm().item();
  };
  const { model } = await train({
    model: made({ features: 8 }),
    data: (_, k) => edge(100 + k),
    loss: supervised(squaredLoss()),
    optimiser: adamW({ step: 3e-3 }),
    steps: 150,
  });
  for (const seed of [1, 2, 3])
    expect(error((x) => model.forward(x), seed)).toBeLessThan(0.8 * error((x) => upsample(x, 2, "cubic"), seed));
});

test("the default has about 56 thousand weights, and frameworks, scales and pictures that there are not are refused", () => {
  expect(parameterCount(superResolutionNetwork({ random: seeded(1), scale: 2 }))).toBeLessThan(60_000);
  expect(() => made({ scale: 1.5 })).toThrow(/scale 1.5/);
  expect(() => made({ framework: "after" as never })).toThrow(/no framework "after"/);
  expect(() => made({ framework: "pre", upsampling: "transposed" })).toThrow(/"pre" enlarges by a fixed rule/);
  expect(() => made({}).forward(Tensor.zeros([1, 3, 4, 4]))).toThrow(/expected \[n, 1, y, x\]/);
});

test("a large picture goes through tile by tile, with margins as wide as the network sees, and comes out as in one piece", () => {
  const model = made({ features: 3 });
  const random = seeded(6);
  const trained = model.with(
    withLeaves(
      model.parameters,
      leavesOf(model.parameters).map((p) => p.add(randomUniform(p.shape, -0.2, 0.2, random))),
    ),
  );
  const picture = randomNormal([21, 34], seeded(7));
  const whole = networkEnlarger(trained)(picture);
  for (const o of [{ tile: 9 }, { tile: 13, reach: 6 }, { tile: 8, scale: 2 }])
    expect(largest(networkEnlarger(trained, o)(picture), whole)).toBeLessThan(1e-5); // one f32 sum in another order
  expect(largest(networkEnlarger(trained, { tile: 9, reach: 1 })(picture), whole)).toBeGreaterThan(1e-3);
});

test("the mean over eight views turns and mirrors with the picture", () => {
  const model = made({ features: 3 });
  const random = seeded(8);
  const trained = model.with(
    withLeaves(
      model.parameters,
      leavesOf(model.parameters).map((p) => p.add(randomUniform(p.shape, -0.2, 0.2, random))),
    ),
  );
  const picture = randomNormal([6, 9], seeded(9));
  const [one, all] = [networkEnlarger(trained), networkEnlarger(trained, { views: 8 })];
  for (const way of [(t: Tensor) => t.transpose(), (t: Tensor) => t.flip(0), (t: Tensor) => t.flip(1).transpose()]) {
    expect(largest(all(way(picture)), way(all(picture)))).toBeLessThan(1e-5);
    expect(largest(one(way(picture)), way(one(picture)))).toBeGreaterThan(1e-3);
  }
  expect(() => networkEnlarger(trained, { views: 9 })).toThrow(/9 views/);
});

describe.each(learnedScales)("the network ×%d of the package", (scale) => {
  test("is nearer to a fine picture than back-projection alone, and gain and offset pass through", async () => {
    const fine = Tensor.from(
      Float32Array.from({ length: 72 * 96 }, (_, k) => {
        const [y, x] = [Math.floor(k / 96), k % 96];
        return 0.7 * Number(Math.hypot(x - 40, y - 30) < 22) + 0.2 * Math.sin(x / 9) + 0.4 * Number(x + 0.4 * y > 80);
      }),
      [72, 96],
    );
    const coarse = resizeOperator([72, 96], { scale: 1 / scale }).apply(fine);
    const network = await learnedEnlarger(scale);
    const { image, residual } = await enlarge(coarse, { scale, network });
    const { image: plain } = await enlarge(coarse, { scale, denoiser: "none" });
    expect(residual).toBeLessThan(3e-3);
    expect(image.sub(fine).norm().item()).toBeLessThan(0.8 * plain.sub(fine).norm().item());
    expect(largest(network(coarse.mul(300).sub(50)), network(coarse).mul(300).sub(50))).toBeLessThan(0.05);
  });
});

test("weights of one's own may be of any size; those of another scale or network are refused", async () => {
  const own = made({ scale: 3, features: 5, depth: 1 });
  const file = writeSafetensors(weightsOf(own).tensors);
  const network = await learnedEnlarger(3, { weights: file });
  const picture = randomNormal([6, 7], seeded(9));
  expect(largest(network(picture), networkEnlarger(own)(picture))).toBe(0);
  await expect(learnedEnlarger(2, { weights: file })).rejects.toThrow(/enlarge 3 times; 2 times were asked for/);
  await expect(learnedEnlarger(2, { weights: writeSafetensors({}) })).rejects.toThrow(/weights of another network/);
  await expect(learnedEnlarger(7)).rejects.toThrow(/no model "super-resolution-x7"/);
});
