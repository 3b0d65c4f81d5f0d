import { expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { grad, randomNormal, type Tensor } from "../tensor/index.js";
import { normalisedRectifier } from "./normalisedRectifier.js";

const channels = 3;
const x = randomNormal([2, channels, 9, 11], seeded(1)).mul(2).add(0.7);
const weight = randomNormal([channels], seeded(2));
const bias = randomNormal([channels], seeded(3));
const g = randomNormal(x.shape, seeded(4));
const column = (t: Tensor) => t.reshape(1, channels, 1, 1);
/** The definition, written out. */
const plain = (p: Tensor, w: Tensor, b: Tensor) => {
  const centred = p.sub(p.mean([2, 3], true));
  const y = centred
    .div(centred.square().mean([2, 3], true).add(1e-5).sqrt())
    .mul(column(w))
    .add(column(b));
  return y.maximum(y.mul(0.2));
};
const joined = (p: Tensor, w: Tensor, b: Tensor) => normalisedRectifier(channels).with({ weight: w, bias: b }).forward(p);

test("values and all slopes are those of normalisation and rectifier one after the other", () => {
  const largest = (a: Tensor, b: Tensor) => a.sub(b).abs().max().item();
  // f32: sums of about a hundred numbers around 1.
  expect(largest(joined(x, weight, bias), plain(x, weight, bias))).toBeLessThan(1e-5);
  const slopes = (f: typeof plain) => [
    grad((p: Tensor) => f(p, weight, bias).mul(g).sum())(x),
    grad((w: Tensor) => f(x, w, bias).mul(g).sum())(weight),
    grad((b: Tensor) => f(x, weight, b).mul(g).sum())(bias),
  ];
  const expected = slopes(plain);
  slopes(joined).forEach((s, i) => expect(largest(s, expected[i])).toBeLessThan(1e-4));
});
