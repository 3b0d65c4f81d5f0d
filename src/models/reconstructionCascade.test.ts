import { expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { scope } from "../core/scope.js";
import { inPrecision, squaredLoss, train } from "../nn/index.js";
import { adamW } from "../optimisers/index.js";
import { arange, complex, fft, randomNormal, randomUniform, Tensor } from "../tensor/index.js";
import { leavesOf, withLeaves } from "../tensor/variables.js";
import { scalarised, taylorFirst } from "../testing/laws.js";
import { fromChannels, reconstructionCascade, sampledNormal, toChannels } from "./index.js";

const small = (o: object = {}) => reconstructionCascade({ random: seeded(1), cascades: 2, depth: 2, features: 4, ...o });
/** A smooth picture, its samples along every third row and the rows about 0, and what they show. */
function slice(h = 12, w = 9, seed = 2) {
  const random = seeded(seed);
  const wave = (n: number) =>
    arange(0, n)
      .mul(0.3 + 0.5 * random.uniform())
      .sin();
  const truth = toChannels(complex(wave(h).reshape(1, 1, h, 1).mul(wave(w)), wave(h).reshape(1, 1, h, 1).add(wave(w)).mul(0.3)));
  const mask = Tensor.from(
    Array.from({ length: h }, (_, i) => (i % 3 === 0 || i === 1 || i === h - 1 ? 1 : 0)),
    [1, 1, h, 1],
  );
  return { truth, mask, zeroFilled: sampledNormal(mask)(truth) };
}

test.each(["image", "frequency"] as const)("it begins as the zero-filled image (%s domain)", (domain) => {
  const { mask, zeroFilled } = slice();
  const x = small({ domain }).forward({ zeroFilled, normal: sampledNormal(mask) });
  expect(x.sub(zeroFilled).abs().max().item()).toBeLessThan(1e-6);
});

test.each([
  ["image", 2],
  ["image", 1],
  ["frequency", 2],
] as const)("whatever its networks say, samples stay as measured (%s domain, blocks of %d)", (domain, block) => {
  const { mask, zeroFilled } = slice();
  const model = small({ domain, block });
  const changed = model.with(
    withLeaves(
      model.parameters,
      Object.entries(model.parameters).map(([name, p]) => (name.startsWith("data") ? p : p.add(randomNormal(p.shape, seeded(7)).mul(0.2)))),
    ),
  );
  const x = changed.forward({ zeroFilled, normal: sampledNormal(mask) });
  const spectrum = (t: Tensor) => fft(fromChannels(t), { axes: [2, 3], normalisation: "ortho" });
  expect(x.sub(zeroFilled).abs().max().item()).toBeGreaterThan(0.01); // it did change the rest
  expect(spectrum(x).sub(spectrum(zeroFilled)).mul(mask).abs().max().item()).toBeLessThan(1e-5);
});

test.each(["image", "frequency"] as const)("its gradients are those of differences, for image and weights (%s domain)", (domain) => {
  const { mask, zeroFilled } = slice(6, 5);
  const model = inPrecision(small({ domain, features: 3 }), "f64");
  const random = seeded(3);
  const weights = leavesOf(model.parameters).map((p) => p.add(randomUniform(p.shape, 0.05, 0.2, random, "f64")));
  const normal = sampledNormal(mask.cast("f64"));
  const f = (image: Tensor, ...ws: Tensor[]) => model.with(withLeaves(model.parameters, ws)).forward({ zeroFilled: image, normal });
  const all = [zeroFilled.cast("f64"), ...weights];
  const { order, remainders } = scope(() => taylorFirst(scalarised(f, all, seeded(4)), all, seeded(5), 1e-4));
  expect(order, `remainders ${remainders}`).toBeGreaterThan(1.8);
});

test("some tens of steps take a third of the error of zero-filled boxes that it has not seen", async () => {
  /** A box in the dark: what lies outside of it is folding. */
  const one = (seed: number) => {
    const random = seeded(seed);
    const [y, x] = [3 + random.integer(6), 2 + random.integer(5)];
    const inside = (n: number, from: number) =>
      Tensor.from(
        Array.from({ length: n }, (_, i) => (i >= from && i < from + 5 ? 1 : 0)),
        [n],
      );
    const truth = toChannels(complex(inside(16, y).reshape(1, 1, 16, 1).mul(inside(12, x))));
    const { mask } = slice(16, 12);
    return { truth, mask, zeroFilled: sampledNormal(mask)(truth) };
  };
  const error = (model: ReturnType<typeof small>, seed: number) => {
    const { truth, mask, zeroFilled } = one(seed);
    return model
      .forward({ zeroFilled, normal: sampledNormal(mask) })
      .sub(truth)
      .norm()
      .item();
  };
  const start = small({ features: 8, depth: 3 });
  const { model } = await train({
    model: start,
    data: (_, k) => one(100 + k),
    loss: (m, { truth, mask, zeroFilled }) => squaredLoss()(m.forward({ zeroFilled, normal: sampledNormal(mask) }), truth),
    optimiser: adamW({ step: 1e-2 }),
    steps: 60,
  });
  for (const seed of [1, 2, 3]) expect(error(model, seed)).toBeLessThan(0.67 * error(start, seed));
});

test("images that do not fit and cascades of nothing are refused", () => {
  expect(() => small().forward({ zeroFilled: Tensor.zeros([1, 1, 8, 8]), normal: (x) => x })).toThrow(/expected \[n, 2, y, x\]/);
  expect(() => small({ cascades: 0 })).toThrow(/0 cascades/);
});
