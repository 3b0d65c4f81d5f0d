import { expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { writeSafetensors } from "../io/index.js";
import { minimax, nonSaturating, parameterCount, weightsOf } from "../nn/index.js";
import { maskOperator } from "../operators/index.js";
import { ganPrior } from "../reconstruction/index.js";
import { randomNormal, randomUniform, type Tensor, valueAndGrad } from "../tensor/index.js";
import { leavesOf, withLeaves } from "../tensor/variables.js";
import { generativeLoss, generativeModel, loadModel, mnistDigits, trainedGenerativeModel } from "./index.js";

const small = () => generativeModel({ random: seeded(1), side: 8, latent: 3, features: 4 });
const batch = () => ({
  real: randomUniform([2, 1, 8, 8], 0, 1, seeded(2)),
  noise: randomNormal([2, 3], seeded(3)),
  input: randomNormal([2, 3], seeded(4)),
});
const gradients = (f: (m: ReturnType<typeof small>) => Tensor) => {
  const model = small();
  const { gradients: g } = valueAndGrad((...leaves) => f(model.with(withLeaves(model.parameters, leaves))))(...leavesOf(model.parameters));
  return Object.fromEntries(Object.keys(model.parameters).map((name, i) => [name, g[i]]));
};

test("pictures lie between 0 and 1, have the size asked for, and logits one number each", () => {
  const model = small();
  const made = model.forward(randomNormal([5, 3], seeded(5)).mul(3));
  expect(made.shape).toEqual([5, 1, 8, 8]);
  expect(made.min().item()).toBeGreaterThanOrEqual(0);
  expect(made.max().item()).toBeLessThanOrEqual(1);
  expect(model.discriminator.forward(made).shape).toEqual([5, 1]);
  expect(model.encoder.forward(made).shape).toEqual([5, 6]);
  expect(() => model.forward(randomNormal([5, 4]))).toThrow(/expected \[n, 3\]/);
  expect(() => generativeModel({ random: seeded(1), side: 10 })).toThrow(/multiple of 4/);
});

test.each([
  ["non-saturating", nonSaturating()],
  ["minimax", minimax()],
])("in the %s game the discriminator's weights have the slope of its own side alone, the encoder's that of the autoencoder", (_, game) => {
  const data = batch();
  const all = gradients((m) => generativeLoss({ game })(m, data));
  const side = gradients((m) => game.discriminator(m.discriminator.forward(data.real), m.discriminator.forward(m.forward(data.input))));
  const quiet = gradients((m) => generativeLoss({ game, adversarial: 0 })(m, data));
  for (const name of Object.keys(all)) {
    if (name.startsWith("discriminator.")) all[name].data.forEach((v, i) => expect(v).toBeCloseTo(side[name].data[i], 5));
    if (name.startsWith("generator.0")) expect(all[name].sub(quiet[name]).abs().max().item()).toBeGreaterThan(0); // it plays as well
  }
});

test("a model of any size is made of its weights, and other files are refused", () => {
  const model = small();
  const again = trainedGenerativeModel(writeSafetensors(weightsOf(model).tensors, {}));
  expect([again.side, again.latent, parameterCount(again)]).toEqual([8, 3, parameterCount(model)]);
  const z = randomNormal([1, 3], seeded(6));
  expect(Array.from(again.forward(z).data)).toEqual(Array.from(model.forward(z).data));
  expect(() => trainedGenerativeModel(writeSafetensors({ a: { shape: [1], data: Float32Array.of(1) } }, {}))).toThrow(/another network/);
});

test("packed digits are read by name, and what is no such file is refused", () => {
  const bytes = (text: string) => new TextEncoder().encode(text);
  const data = Array.from({ length: 2 * 784 }, (_, i) => (i < 784 ? 0.25 : 0.5));
  const read = mnistDigits.read("3.json", bytes(JSON.stringify({ data })));
  expect(read.map(({ name, file, values }) => [name, file, values[0]])).toEqual([
    ["3.json, 0", "3.json", 0.25],
    ["3.json, 1", "3.json", 0.5],
  ]);
  expect(() => mnistDigits.read("3.json", bytes("{"))).toThrow(/no JSON/);
  expect(() => mnistDigits.read("3.json", bytes('{"data": [1, 2]}'))).toThrow(/784 numbers/);
});

test("the digits of the package: one of which a third of the samples is known is written again", async () => {
  const model = await loadModel("digits");
  const truth = model.forward(randomNormal([1, 32], seeded(7))).reshape(28, 28);
  const known = randomUniform([28, 28], 0, 1, seeded(8)).less(0.33);
  const r = await ganPrior({ operator: maskOperator(known), data: truth.mul(known), model, restarts: 2, iterations: 60 });
  const [error, variance] = [r.image.sub(truth), truth.sub(truth.mean())].map((x) => x.square().mean().item());
  expect(error).toBeLessThan(0.1 * variance); // what chance leaves is 0.67
});
