import { describe, expect, test } from "vitest";
import { type Random, seeded } from "../core/random.js";
import { scope } from "../core/scope.js";
import "../tensor/index.js";
import { randomNormal, randomUniform, type Tensor } from "../tensor/tensor.js";
import { leavesOf, withLeaves } from "../tensor/variables.js";
import { scalarised, taylorFirst, taylorSecond } from "../testing/laws.js";
import { gamesByName, layersByName, lossesByName } from "./byName.js";
import {
  averagePooling,
  batchNormalisation,
  convolution,
  coordinateNetwork,
  dense,
  dropout,
  flatten,
  gelu,
  globalAveragePooling,
  groupNormalisation,
  hourglass,
  instanceNormalisation,
  leakyRelu,
  maxPooling,
  orthogonal,
  perceptualLoss,
  relu,
  residual,
  sequential,
  sigmoid,
  silu,
  softplus,
  subPixel,
  tanh,
  transposedConvolution,
  unet,
  upsampling,
} from "./index.js";
import { inPrecision, type Layer, type Training } from "./module.js";

interface Case {
  readonly make: (random: Random) => Layer;
  readonly shape: readonly number[];
  /** Kinks: steps must stay on one side of them. */
  readonly kinks?: boolean;
  readonly training?: boolean;
}
const image = [2, 3, 5, 6];
/** Every layer at least once; a layer without a case fails the first test. */
const cases: Readonly<Record<keyof typeof layersByName, readonly Case[]>> = {
  dense: [{ make: (random) => dense({ inputs: 6, outputs: 4, random }), shape: [3, 2, 6] }],
  coordinateNetwork: [
    { make: (random) => coordinateNetwork({ inputs: 3, outputs: 2, width: 4, random, initialise: orthogonal() }), shape: [5, 3] },
  ],
  convolution: [
    { make: (random) => convolution({ inputs: 3, outputs: 4, random }), shape: image },
    { make: (random) => convolution({ inputs: 2, outputs: 4, axes: 1, kernel: 4, stride: 2, groups: 2, random }), shape: [2, 2, 9] },
    { make: (random) => convolution({ inputs: 2, outputs: 2, axes: 3, dilation: 2, bias: false, random }), shape: [1, 2, 5, 6, 5] },
  ],
  transposedConvolution: [
    { make: (random) => transposedConvolution({ inputs: 3, outputs: 2, random }), shape: image },
    { make: (random) => transposedConvolution({ inputs: 2, outputs: 2, axes: 3, kernel: 4, random }), shape: [1, 2, 2, 3, 2] },
  ],
  subPixel: [
    { make: (random) => subPixel({ inputs: 3, outputs: 2, scale: 2, random, initialise: orthogonal() }), shape: image },
    { make: (random) => subPixel({ inputs: 2, outputs: 1, scale: 2, axes: 3, random }), shape: [1, 2, 3, 2, 3] },
  ],
  upsampling: [
    { make: () => upsampling({ scale: 2, kind: "nearest" }), shape: image },
    { make: () => upsampling({ scale: 3 }), shape: image },
    { make: () => upsampling({ scale: 2, kind: "cubic" }), shape: [1, 1, 3, 4, 2] },
  ],
  maxPooling: [{ make: () => maxPooling({ kernel: 2 }), shape: image, kinks: true }],
  averagePooling: [{ make: () => averagePooling({ kernel: 2 }), shape: image }],
  globalAveragePooling: [{ make: () => globalAveragePooling(), shape: image }],
  flatten: [{ make: () => flatten(), shape: image }],
  batchNormalisation: [
    { make: () => batchNormalisation({ channels: 3 }), shape: image },
    { make: () => batchNormalisation({ channels: 3 }), shape: image, training: true },
  ],
  groupNormalisation: [{ make: () => groupNormalisation({ channels: 4, groups: 2 }), shape: [2, 4, 5, 3] }],
  instanceNormalisation: [{ make: () => instanceNormalisation({ channels: 3 }), shape: image }],
  relu: [{ make: relu, shape: image, kinks: true }],
  leakyRelu: [{ make: () => leakyRelu(), shape: image, kinks: true }],
  gelu: [{ make: gelu, shape: image }],
  silu: [{ make: silu, shape: image }],
  tanh: [{ make: tanh, shape: image }],
  sigmoid: [{ make: sigmoid, shape: image }],
  softplus: [{ make: softplus, shape: image, kinks: true }],
  dropout: [{ make: () => dropout(), shape: image, training: true }],
  sequential: [
    { make: (random) => sequential(convolution({ inputs: 3, outputs: 2, random }), tanh(), upsampling({ scale: 2 })), shape: image },
  ],
  residual: [
    { make: (random) => residual(sequential(convolution({ inputs: 3, outputs: 3, random }), silu()), { scale: 0.3 }), shape: image },
  ],
  hourglass: [
    { make: (random) => hourglass({ inputs: 2, outputs: 1, random, features: [2, 3], skip: 1 }), shape: [1, 2, 7, 6], kinks: true },
    {
      make: (random) => hourglass({ inputs: 1, outputs: 2, random, features: [2, 2], across: 3, skip: 2 }),
      shape: [1, 1, 6, 5],
      kinks: true,
    },
  ],
  unet: [
    {
      make: (random) => unet({ inputs: 1, outputs: 2, features: [2, 3], depth: 1, random, activation: silu }),
      shape: [1, 1, 5, 7],
      kinks: true,
    },
    {
      make: (random) =>
        unet({
          inputs: 1,
          outputs: 1,
          axes: 3,
          features: [2, 2],
          depth: 1,
          random,
          activation: silu,
          enlarge: "linear",
          residual: true,
          normalisation: (channels) => instanceNormalisation({ channels }),
        }),
      shape: [1, 1, 3, 4, 4],
      kinks: true,
    },
  ],
};

/** The same chance at every call, and updates that go nowhere. */
const still = (): Training => ({ random: seeded(5), update: () => {} });

test("every layer has examples for its laws", () => {
  expect(Object.keys(cases).sort()).toEqual(Object.keys(layersByName).sort());
});
for (const [name, list] of Object.entries(cases))
  list.forEach(({ make, shape, kinks, training }, k) => {
    const model32 = make(seeded(11));
    const model = inPrecision(model32, "f64");
    const random = seeded(7);
    const x = randomNormal(shape, random, "f64");
    // Weights that begin as zeros hide what is behind them.
    const weights = leavesOf(model.parameters).map((p) => p.add(randomUniform(p.shape, 0.05, 0.2, random, "f64")));
    const f = (input: Tensor, ...ws: Tensor[]) =>
      model.with(withLeaves(model.parameters, ws)).forward(input, training ? still() : undefined);
    describe(`${name} (${k + 1})`, () => {
      test("gradients of input and weights are those of differences", () => {
        const g = scalarised(f, [x, ...weights], seeded(13));
        const { order, remainders } = scope(() => taylorFirst(g, [x, ...weights], seeded(17), kinks ? 1e-4 : 1e-2));
        expect(order, `remainders ${remainders}`).toBeGreaterThan(1.8);
      });
      if (!kinks)
        test("second derivatives of the input are those of differences", () => {
          const g = scalarised((input) => f(input, ...weights), [x], seeded(13));
          const { order, remainders } = scope(() => taylorSecond(g, x, seeded(17)));
          expect(order, `remainders ${remainders}`).toBeGreaterThan(2.7);
        });
      test("f32 agrees with f64", () => {
        const y = f(x, ...weights);
        const y32 = model32
          .with(
            withLeaves(
              model32.parameters,
              weights.map((w) => w.cast("f32")),
            ),
          )
          .forward(x.cast("f32"), training ? still() : undefined);
        const scale = Math.max(...Array.from(y.data, Math.abs));
        expect(y32.shape).toEqual(y.shape);
        expect(y32.dtype).toBe("f32");
        for (let i = 0; i < y.data.length; i++) expect(Math.abs(y32.data[i] - y.data[i]) / scale).toBeLessThan(2e-5); // f32, some tens of roundings in a row
      });
      test("`with` gives the same layer with other weights, and knows their names and shapes", () => {
        const again = model.with(model.parameters);
        expect(Array.from(again.forward(x).data)).toEqual(Array.from(model.forward(x).data));
        expect(() => model.with({ ...model.parameters, nonsense: x })).toThrow(/no parameter "nonsense"/);
        const [first] = Object.keys(model.parameters);
        if (first) expect(() => model.with({ ...model.parameters, [first]: randomNormal([99]) })).toThrow(/expected/);
      });
    });
  });

describe("losses", () => {
  const shape = [2, 2, 12, 13];
  const random = seeded(3);
  const [p, t] = [randomNormal(shape, random, "f64"), randomNormal(shape, random, "f64")];
  const features = (v: Tensor) => [v.square(), v.mean([2, 3])];
  for (const [name, make] of Object.entries(lossesByName)) {
    const loss =
      name === "perceptual" ? perceptualLoss({ features, weights: [1, 0.5] }) : (make as () => typeof perceptualLoss.prototype)();
    test(`${name} has the gradient of differences with respect to prediction and target`, () => {
      const h0 = name === "l1" || name === "huber" ? 1e-4 : 1e-3; // kinks
      const { order, remainders } = scope(() => taylorFirst((a, b) => loss(a, b), [p, t], seeded(4), h0));
      if (name === "l1")
        expect(Math.max(...remainders.slice(2))).toBeLessThan(1e-6); // straight pieces, and few numbers within 1e-4 of a kink
      else expect(order, `remainders ${remainders}`).toBeGreaterThan(1.8);
    });
    test(`${name} does not change when a batch is repeated`, () => {
      const twice = (v: Tensor) => v.broadcastTo([2, ...shape]).reshape(4, ...shape.slice(1));
      expect(loss(twice(p), twice(t)).item()).toBeCloseTo(loss(p, t).item(), 12);
    });
  }
  for (const [name, make] of Object.entries(gamesByName)) {
    const { discriminator, generator } = make();
    test(`${name}: both players have the gradients of differences`, () => {
      for (const f of [discriminator, (_: Tensor, b: Tensor) => generator(b)]) {
        const { order, remainders } = scope(() => taylorFirst(f, [p, t], seeded(4), 1e-3));
        expect(order, `remainders ${remainders}`).toBeGreaterThan(1.8);
      }
    });
  }
});
