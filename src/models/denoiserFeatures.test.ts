import { expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { scope } from "../core/scope.js";
import { activationsOf, convolution, network, parameterCount, perceptualLoss, relu, sequential, tanh } from "../nn/index.js";
import { convolve, gaussian, grad, randomNormal, type Tensor, valueAndGrad } from "../tensor/index.js";
import { taylorFirst } from "../testing/laws.js";
import { denoiserFeatures, loadModel } from "./index.js";

const x = randomNormal([1, 1, 7, 8], seeded(1), "f64");
const random = seeded(2);
const net = sequential(
  convolution({ inputs: 1, outputs: 3, random }),
  relu(),
  convolution({ inputs: 3, outputs: 2, random }),
  relu(),
  tanh(),
);

test("activations are the values after operations of a kind, in their order", () => {
  const all = activationsOf((t) => net.forward(t))(x);
  expect(all.map((t) => t.shape)).toEqual([
    [1, 3, 7, 8],
    [1, 2, 7, 8],
  ]);
  const first = convolve(x, net.parameters["0.weight"].cast("f64"), { padding: "same" }).relu();
  expect(all[0].sub(first).abs().max().item()).toBeLessThan(1e-12);
  const last = activationsOf((t) => net.forward(t), { which: [-1] })(x);
  expect([...last[0].data]).toEqual([...all[1].data]);
  expect(() => activationsOf((t) => net.forward(t), { which: [2] })(x)).toThrow(/does 2 operations "relu"; places 2/);
  expect(() => activationsOf((t) => net.forward(t), { after: "erf" })(x)).toThrow(/does 0 operations "erf"/);
});

test("they are differentiable in the input: a perceptual loss has the slope of differences, and none where the pictures are one", () => {
  const loss = perceptualLoss({ features: activationsOf((t) => net.forward(t)) });
  const target = randomNormal([1, 1, 7, 8], seeded(5), "f64");
  const { order, remainders } = scope(() => taylorFirst((t: Tensor) => loss(t, target), [x], seeded(3), 1e-4));
  expect(order, `remainders ${remainders}`).toBeGreaterThan(1.8);
  expect(
    grad((t) => loss(t, x))(x)
      .abs()
      .max()
      .item(),
  ).toBe(0);
  // The same network as a part of another, whose weights are under differentiation.
  const outer = network({ inner: convolution({ inputs: 1, outputs: 1, random: seeded(9) }) }, (p, t: Tensor) => p.inner.forward(t));
  const w = outer.parameters["inner.weight"];
  const { gradients } = valueAndGrad((v) =>
    loss(outer.with({ ...outer.parameters, "inner.weight": v }).forward(x.cast("f32")), target.cast("f32")),
  )(w);
  expect(gradients[0].abs().max().item()).toBeGreaterThan(1e-3);
  expect(parameterCount(outer)).toBe(10);
});

test("features of the package's denoiser see a blur that squared differences take for less than noise", async () => {
  const model = await loadModel("denoiser");
  const [h, w] = [48, 48];
  const picture = randomNormal([1, 1, h, w], seeded(4))
    .mul(0)
    .add(0.5)
    .add(
      gaussian(randomNormal([1, h, w], seeded(6)), { sigma: [0, 1.2, 1.2] })
        .reshape(1, 1, h, w)
        .mul(0.5),
    );
  const blurred = gaussian(picture.reshape(1, h, w), { sigma: [0, 1.2, 1.2] }).reshape(1, 1, h, w);
  const shifted = picture.add(blurred.sub(picture).square().mean().sqrt().item()); // as far by squares: all a little brighter
  const loss = perceptualLoss({ features: denoiserFeatures(model) });
  expect(denoiserFeatures(model)(picture).length).toBe(3);
  expect(loss(blurred, picture).item()).toBeGreaterThan(2 * loss(shifted, picture).item());
});
