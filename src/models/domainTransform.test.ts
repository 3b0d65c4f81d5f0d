import { expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { scope } from "../core/scope.js";
import { inPrecision, parameterCount } from "../nn/index.js";
import { complex, fft, ifft, randomNormal, randomUniform, Tensor } from "../tensor/index.js";
import { leavesOf, withLeaves } from "../tensor/variables.js";
import { scalarised, taylorFirst } from "../testing/laws.js";
import { domainTransform, fromChannels, toChannels } from "./index.js";

const size = [6, 4] as const;
const small = () => domainTransform({ random: seeded(1), size, features: 4, depth: 2 });
/** Re and Im of the inverse unitary transform of length n as one matrix [2n, 2n]: (part, index) to (part, index). */
function inverseTransform(n: number): Tensor {
  const values = new Float32Array(4 * n * n);
  for (let i = 0; i < n; i++)
    for (let k = 0; k < n; k++) {
      const [c, s] = [Math.cos((2 * Math.PI * i * k) / n), Math.sin((2 * Math.PI * i * k) / n)].map((v) => v / Math.sqrt(n));
      values[i * 2 * n + k] = c;
      values[i * 2 * n + n + k] = -s;
      values[(n + i) * 2 * n + k] = s;
      values[(n + i) * 2 * n + n + k] = c;
    }
  return Tensor.from(values, [2 * n, 2 * n]);
}

test("with the matrices of Fourier transforms it is the inverse Fourier transform", () => {
  const model = small();
  const known = model.with({ ...model.parameters, "rows.weight": inverseTransform(6), "columns.weight": inverseTransform(4) });
  const image = complex(randomNormal([2, 1, 6, 4], seeded(2)), randomNormal([2, 1, 6, 4], seeded(3)));
  const data = fft(image, { axes: [2, 3], normalisation: "ortho" });
  const x = fromChannels(known.forward(toChannels(data)));
  expect(x.sub(image).abs().max().item()).toBeLessThan(1e-5); // f32, sums of 10 terms
  expect(
    ifft(data, { axes: [2, 3], normalisation: "ortho" })
      .sub(x)
      .abs()
      .max()
      .item(),
  ).toBeLessThan(1e-5);
});

test("it begins as a rotation: the image is as long as the data", () => {
  const data = randomNormal([1, 2, 6, 4], seeded(4)).mul(7);
  const x = small().forward(data);
  expect(x.norm().item()).toBeCloseTo(data.norm().item(), 3);
  expect(x.sub(data).abs().max().item()).toBeGreaterThan(1);
});

test("multiplied data give multiplied images, each of a batch by its own factor", () => {
  const model = small();
  const bent = model.with(
    withLeaves(
      model.parameters,
      leavesOf(model.parameters).map((p) => p.add(0.1)),
    ),
  );
  const data = randomNormal([2, 2, 6, 4], seeded(5));
  const factors = Tensor.from([3, 0.01], [2, 1, 1, 1]);
  const [plain, multiplied] = [bent.forward(data), bent.forward(data.mul(factors))];
  const error = multiplied.div(factors).sub(plain).abs().max().item();
  expect(error).toBeLessThan(1e-4 * plain.abs().max().item()); // f32
});

test("its gradients are those of differences, for data and weights", () => {
  const model = inPrecision(small(), "f64");
  const random = seeded(6);
  const weights = leavesOf(model.parameters).map((p) => p.add(randomUniform(p.shape, 0.05, 0.2, random, "f64")));
  const all = [randomNormal([1, 2, 6, 4], random).cast("f64"), ...weights];
  const f = (data: Tensor, ...ws: Tensor[]) => model.with(withLeaves(model.parameters, ws)).forward(data);
  const { order } = scope(() => taylorFirst(scalarised(f, all, seeded(7)), all, seeded(8), 1e-4));
  expect(order).toBeGreaterThan(1.8);
});

test("it grows with the sum of the squares of rows and columns, and knows one size", () => {
  const count = (n: number) => parameterCount(domainTransform({ random: seeded(1), size: [n, n], features: 4, depth: 2 }));
  expect(count(8) - count(4)).toBe(2 * (16 * 16 + 16) - 2 * (8 * 8 + 8));
  expect(() => small().forward(Tensor.zeros([1, 2, 6, 6]))).toThrow(/expected \[n, 2, 6, 4\]/);
  expect(() => domainTransform({ random: seeded(1), size: [5, 4] })).toThrow(/even sizes/);
});
