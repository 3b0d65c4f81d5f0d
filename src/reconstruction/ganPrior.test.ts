import { expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { dense, stateless } from "../nn/index.js";
import { maskOperator } from "../operators/index.js";
import { randomNormal, Tensor } from "../tensor/index.js";
import { doubtOf, ganPrior } from "./index.js";

const side = 6;
const n = side * side;
/** Two pictures; what the generator makes are their sums. */
const basis = randomNormal([2, n], seeded(1));
const generator = stateless((z: Tensor) => z.matmul(basis).reshape(z.shape[0], 1, side, side));
const random = seeded(2);
const mask = Tensor.from(
  Float32Array.from({ length: n }, () => Number(random.uniform() < 0.5)),
  [side, side],
);
const operator = maskOperator(mask);
const truth = Tensor.from([0.7, -1.1], [1, 2]).matmul(basis).reshape(side, side);
const data = truth.mul(mask);

test("for a linear generator z is that of ridge regression, whatever the start", async () => {
  const [noise, misfit] = [0.3, 0.4];
  const r = await ganPrior({
    operator,
    data,
    model: { latent: 2, generator },
    noise,
    misfit,
    where: "range",
    restarts: 3,
    iterations: 150,
  });
  // (BMBᵀ / v + 1) z = BMy / v, two equations written out.
  const v = noise * noise + misfit * misfit;
  const [b, m, y] = [basis.data, mask.data, data.data];
  const dot = (i: number, j: number) => Array.from(m).reduce((s, w, k) => s + w * b[i * n + k] * b[j * n + k], 0) / v;
  const right = [0, 1].map((i) => Array.from(m).reduce((s, w, k) => s + w * b[i * n + k] * y[k], 0) / v);
  const [a, c, d] = [dot(0, 0) + 1, dot(0, 1), dot(1, 1) + 1];
  const det = a * d - c * c;
  const z = [(d * right[0] - c * right[1]) / det, (a * right[1] - c * right[0]) / det];
  r.latent.data.forEach((value, i) => expect(value).toBeCloseTo(z[i], 2)); // 150 steps of Adam
  expect(Array.from(r.image.data)).toEqual(Array.from(r.generated.data));
  expect(r.doubt).toBeUndefined();
});

test("near the range, what is known almost without noise is kept, and what is not is the generator's", async () => {
  const odd = data.add(mask.mul(0.2)); // outside the range
  const r = await ganPrior({ operator, data: odd, model: { latent: 2, generator }, noise: 0.001, restarts: 2, iterations: 60 });
  r.image.data.forEach((value, k) => {
    expect(value).toBeCloseTo(mask.data[k] ? odd.data[k] : r.generated.data[k], 3);
  });
});

test("−log D as one term more moves the picture to where the discriminator doubts less", async () => {
  const inside = dense({ inputs: n, outputs: 1, random: seeded(4) });
  const discriminator = stateless((x: Tensor) => inside.forward(x.reshape(x.shape[0], n)));
  const model = { latent: 2, generator, discriminator };
  const o = { operator, data, model, noise: 0.1, restarts: 2, iterations: 40 };
  const [without, beside] = [await ganPrior(o), await ganPrior({ ...o, discriminator: 5 })];
  expect(beside.doubt as number).toBeLessThan(without.doubt as number);
  expect(doubtOf(discriminator, beside.image.reshape(1, 1, side, side)).item()).toBeCloseTo(beside.doubt as number, 5);
});

test("what does not fit is refused", async () => {
  const model = { latent: 2, generator };
  await expect(ganPrior({ operator, data, model, discriminator: 1 })).rejects.toThrow(/no discriminator/);
  await expect(ganPrior({ operator: maskOperator(Tensor.ones([4, 4])), data: Tensor.zeros([4, 4]), model })).rejects.toThrow(
    /makes pictures 1×1×6×6/,
  );
  await expect(ganPrior({ operator, data, model, restarts: 0 })).rejects.toThrow(/0 starts/);
});
