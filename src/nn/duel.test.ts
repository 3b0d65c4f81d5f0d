import { expect, test } from "vitest";
import { seeded } from "../core/index.js";
import { adamW } from "../optimisers/index.js";
import { randomNormal, type Tensor, valueAndGrad } from "../tensor/index.js";
import { leavesOf, withLeaves } from "../tensor/variables.js";
import { adversarial, dense, duel, leakyRelu, nonSaturating, sequential, squaredLoss, train } from "./index.js";

const players = () => {
  const random = seeded(1);
  return duel({
    generator: dense({ inputs: 1, outputs: 1, random }),
    discriminator: sequential(
      dense({ inputs: 1, outputs: 16, random }),
      leakyRelu({ slope: 0.2 }),
      dense({ inputs: 16, outputs: 1, random }),
    ),
  });
};
const batch = (random: ReturnType<typeof seeded>) => ({
  real: randomNormal([32, 1], random).mul(0.5).add(3),
  input: randomNormal([32, 1], random),
});

test("each player gets the gradient of its own loss", () => {
  const model = players();
  const { real, input } = batch(seeded(2));
  const game = nonSaturating();
  const gradient = (f: (m: typeof model) => Tensor) =>
    valueAndGrad((...leaves) => f(model.with(withLeaves(model.parameters, leaves)) as typeof model))(...leavesOf(model.parameters))
      .gradients;
  const both = gradient((m) => adversarial(game)(m, { real, input }));
  const judge = gradient((m) => game.discriminator(m.discriminator.forward(real), m.discriminator.forward(m.generator.forward(input))));
  const forger = gradient((m) => game.generator(m.discriminator.forward(m.generator.forward(input))));
  Object.keys(model.parameters).forEach((name, i) => {
    const own = name.startsWith("generator") ? forger[i] : judge[i];
    own.data.forEach((v, k) => expect(both[i].data[k]).toBeCloseTo(v, 5));
  });
});

test("with content, the generator's gradient is that of content plus the weighted game, and the discriminator's is unchanged", () => {
  const model = players();
  const { real, input } = batch(seeded(2));
  const game = nonSaturating();
  const content = squaredLoss();
  const gradient = (f: (m: typeof model) => Tensor) =>
    valueAndGrad((...leaves) => f(model.with(withLeaves(model.parameters, leaves)) as typeof model))(...leavesOf(model.parameters))
      .gradients;
  const both = gradient((m) => adversarial(game, { content, weight: 0.3 })(m, { real, input }));
  const alone = gradient((m) => adversarial(game)(m, { real, input }));
  const near = gradient((m) => content(m.generator.forward(input), real));
  Object.keys(model.parameters).forEach((name, i) => {
    const own = name.startsWith("generator") ? alone[i].mul(0.3).add(near[i]) : alone[i];
    own.data.forEach((v, k) => expect(both[i].data[k]).toBeCloseTo(v, 5));
  });
});

test("a generator learns where the samples lie", async () => {
  const { model } = await train({
    model: players(),
    data: batch,
    loss: (m, b, training) => adversarial(nonSaturating())(m, b, training),
    optimiser: adamW({ step: 1e-2, beta1: 0.5, decay: 0 }),
    steps: 400,
    average: 0.98,
  });
  const made = model.generator.forward(randomNormal([500, 1], seeded(8)));
  expect(Math.abs(made.mean().item() - 3)).toBeLessThan(0.6); // it began at 0; such games circle about their goal
});
