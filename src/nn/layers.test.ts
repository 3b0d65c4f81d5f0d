import { describe, expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { ssim } from "../evaluation/index.js";
import "../tensor/index.js";
import { arange, randomNormal, randomUniform, Tensor, tensor } from "../tensor/tensor.js";
import {
  absoluteLoss,
  batchNormalisation,
  convolution,
  crossEntropyLoss,
  dropout,
  huberLoss,
  instanceNormalisation,
  kaiming,
  minimax,
  network,
  nonSaturating,
  orthogonal,
  parameterCount,
  pixelShuffle,
  pixelUnshuffle,
  relu,
  sequential,
  softplus,
  squaredLoss,
  ssimLoss,
  subPixel,
  transposedConvolution,
  unet,
  upsample,
  xavier,
} from "./index.js";

const spread = (t: Tensor) => Math.sqrt(t.square().mean().item());

describe("initialisers", () => {
  test("kaiming keeps the scale of values through rectified layers", () => {
    const random = seeded(1);
    const net = sequential(...Array.from({ length: 6 }, () => [convolution({ inputs: 32, outputs: 32, random }), relu()]).flat());
    const before = randomNormal([1, 32, 24, 24], random);
    // Rectified values have mean square ½ · 2 = 1 of what came; six layers of 288 inputs each wander by some tens of per cent.
    const ratio = spread(net.forward(before)) / spread(before.relu());
    expect(ratio).toBeGreaterThan(0.6);
    expect(ratio).toBeLessThan(1.6);
  });
  test("xavier is uniform with variance 2 / (inputs + outputs)", () => {
    const w = xavier()([40, 60, 3, 3], seeded(2));
    expect(spread(w) ** 2 * (100 * 9)).toBeCloseTo(2, 1);
    expect(Math.max(...w.data)).toBeLessThanOrEqual(Math.sqrt(6 / 900));
  });
  test.each([
    [4, 9],
    [9, 4],
  ])("orthogonal weights of %i outputs and %i inputs are orthonormal on the smaller side", (rows, columns) => {
    const w = orthogonal()([rows, columns], seeded(3));
    const gram = rows <= columns ? w.matmul(w.transpose()) : w.transpose().matmul(w);
    gram.data.forEach((v, i) => expect(v).toBeCloseTo(i % (Math.min(rows, columns) + 1) === 0 ? 1 : 0, 6));
  });
  test("the same seed gives the same weights", () =>
    expect([...kaiming()([3, 4], seeded(9)).data]).toEqual([...kaiming()([3, 4], seeded(9)).data]));
});

describe("resampling", () => {
  test("pixelShuffle lays channels out as blocks of samples, and pixelUnshuffle takes them back", () => {
    const x = arange(0, 16).reshape(1, 4, 2, 2);
    expect(pixelShuffle(x, 2).toArray()).toEqual([
      [
        [
          [0, 4, 1, 5],
          [8, 12, 9, 13],
          [2, 6, 3, 7],
          [10, 14, 11, 15],
        ],
      ],
    ]);
    const v = randomNormal([2, 3, 4, 6, 4], seeded(1));
    expect([...pixelShuffle(pixelUnshuffle(v, 2), 2).data]).toEqual([...v.data]);
  });
  test.each(["nearest", "linear", "cubic"] as const)("%s enlargement of a line is the sum over its kernel", (kind) => {
    const phi = {
      nearest: (t: number) => (t >= -0.5 && t < 0.5 ? 1 : 0),
      linear: (t: number) => Math.max(0, 1 - Math.abs(t)),
      cubic: (t: number) => {
        const r = Math.abs(t);
        return r < 1 ? 1.5 * r ** 3 - 2.5 * r ** 2 + 1 : r < 2 ? -0.5 * r ** 3 + 2.5 * r ** 2 - 4 * r + 2 : 0;
      },
    }[kind];
    const x = [3, -1, 4, 1, -5, 9];
    for (const scale of [2, 3, 4, 5]) {
      const y = upsample(tensor([[x]]), scale, kind);
      expect(y.shape).toEqual([1, 1, x.length * scale]);
      y.data.forEach((v, j) => {
        let expected = 0;
        for (let i = -3; i < x.length + 3; i++) expected += x[Math.min(Math.max(i, 0), 5)] * phi((j + 0.5) / scale - 0.5 - i);
        expect(v).toBeCloseTo(expected, 5);
      });
    }
  });
  test("sub-pixel and transposed layers enlarge, strided ones shrink, others keep the size", () => {
    const random = seeded(1);
    const x = Tensor.zeros([1, 2, 6, 8]);
    const shapeOf = (l: { forward(x: Tensor): Tensor }) => l.forward(x).shape;
    expect(shapeOf(subPixel({ inputs: 2, outputs: 3, scale: 3, random }))).toEqual([1, 3, 18, 24]);
    expect(shapeOf(transposedConvolution({ inputs: 2, outputs: 3, random }))).toEqual([1, 3, 12, 16]);
    expect(shapeOf(transposedConvolution({ inputs: 2, outputs: 3, kernel: 4, random }))).toEqual([1, 3, 12, 16]);
    expect(shapeOf(transposedConvolution({ inputs: 2, outputs: 3, kernel: 3, outputPadding: 1, random }))).toEqual([1, 3, 12, 16]);
    expect(shapeOf(convolution({ inputs: 2, outputs: 3, stride: 2, random }))).toEqual([1, 3, 3, 4]);
    expect(shapeOf(convolution({ inputs: 2, outputs: 3, kernel: [2, 5], random }))).toEqual([1, 3, 6, 8]);
  });
});

describe("normalisation", () => {
  test("batch normalisation makes each channel's mean 0 and variance 1 in training, and notes what it saw", () => {
    const l = batchNormalisation({ channels: 2, momentum: 0.5 });
    const x = randomNormal([4, 2, 8, 8], seeded(1)).mul(3).add(5);
    const seen = new Map<Tensor, Tensor>();
    const y = l.forward(x, { random: seeded(1), update: (b, v) => seen.set(b, v) });
    for (const m of y.mean([0, 2, 3]).data) expect(m).toBeCloseTo(0, 5);
    for (const m of y.square().mean([0, 2, 3]).data) expect(m).toBeCloseTo(1, 4);
    const mean = x.mean([0, 2, 3]).data;
    expect(seen.get(l.parameters.mean)?.data[1]).toBeCloseTo(0.5 * mean[1], 5);
    expect(seen.size).toBe(2);
    expect(l.buffers).toEqual(["mean", "variance"]);
  });
  test("outside training it uses what was noted: at first nothing changes", () => {
    const x = randomNormal([1, 2, 4, 4], seeded(2));
    batchNormalisation({ channels: 2, epsilon: 0 })
      .forward(x)
      .data.forEach((v, i) => expect(v).toBe(x.data[i]));
  });
  test("instance normalisation does not see gain and offset of an image", () => {
    const l = instanceNormalisation({ channels: 2 });
    const x = randomNormal([1, 2, 9, 9], seeded(3));
    const y = l.forward(x.mul(7).add(3));
    l.forward(x).data.forEach((v, i) => expect(v).toBeCloseTo(y.data[i], 3)); // ε is 1e-5 of a variance of 1
  });
  test("dropout keeps the mean in training and does nothing else", () => {
    const x = Tensor.ones([4000]);
    expect(dropout({ rate: 0.3 }).forward(x).data).toEqual(x.data);
    const y = dropout({ rate: 0.3 }).forward(x, { random: seeded(4), update: () => {} });
    expect(y.mean().item()).toBeCloseTo(1, 1); // standard error 0.01
    expect(Array.from(y.data).filter((v) => v === 0).length / 4000).toBeCloseTo(0.3, 1);
  });
});

describe("networks", () => {
  test("names of parameters are paths", () => {
    const random = seeded(1);
    const net = sequential(convolution({ inputs: 1, outputs: 2, random }), relu(), batchNormalisation({ channels: 2 }));
    expect(Object.keys(net.parameters)).toEqual(["0.weight", "0.bias", "2.weight", "2.bias", "2.mean", "2.variance"]);
    expect(net.buffers).toEqual(["2.mean", "2.variance"]);
    expect(parameterCount(net)).toBe(2 * 9 + 2 + 4);
  });
  test("a part used twice has one set of weights", () => {
    const one = convolution({ inputs: 1, outputs: 1, random: seeded(1) });
    const net = network({ one }, (p, x: Tensor) => p.one.forward(p.one.forward(x)));
    const x = randomNormal([1, 1, 5, 5]);
    expect([...net.forward(x).data]).toEqual([...one.forward(one.forward(x)).data]);
  });
  test("a U-Net takes any size, and a residual one begins as the identity", () => {
    const net = unet({ inputs: 2, outputs: 2, random: seeded(1), features: [4, 6, 8], residual: true });
    const x = randomNormal([1, 2, 13, 10], seeded(2));
    expect([...net.forward(x).data]).toEqual([...x.data]);
    expect(
      unet({ inputs: 1, outputs: 3, random: seeded(1), features: [2, 3], axes: 3 }).forward(randomNormal([1, 1, 5, 6, 7])).shape,
    ).toEqual([1, 3, 5, 6, 7]);
  });
  test("errors say what came and what was expected", () => {
    expect(() => unet({ inputs: 2, outputs: 1, random: seeded(1) }).forward(Tensor.zeros([1, 1, 8, 8]))).toThrow("unet: x is");
    expect(() => unet({ inputs: 2, outputs: 1, random: seeded(1), residual: true })).toThrow("as many outputs as inputs");
    expect(() => pixelShuffle(Tensor.zeros([1, 3, 2, 2]), 2)).toThrow("multiple of 4 channels");
    expect(() => squaredLoss()(Tensor.zeros([2]), Tensor.zeros([3]))).toThrow("squaredLoss: the prediction is");
  });
});

describe("losses", () => {
  const [p, t] = [tensor([1, 2, 5]), tensor([1, 0, 1])];
  test("golden numbers", () => {
    expect(absoluteLoss()(p, t).item()).toBeCloseTo(2); // (0 + 2 + 4) / 3
    expect(squaredLoss()(p, t).item()).toBeCloseTo(20 / 3);
    expect(huberLoss({ delta: 2 })(p, t).item()).toBeCloseTo((2 + 6) / 3); // ½ 2², 2 (4 − 1)
    expect(crossEntropyLoss()(tensor([[Math.log(3), 0]]), tensor([[1, 0]])).item()).toBeCloseTo(-Math.log(3 / 4));
  });
  test("ssimLoss is 1 − ssim of the evaluation", () => {
    const a = randomUniform([1, 1, 20, 24], 0, 1, seeded(1), "f64");
    const b = a.add(randomNormal(a.shape, seeded(2), "f64").mul(0.1));
    const grid = { size: [24, 20], spacing: [1, 1], origin: [0, 0], direction: [1, 0, 0, 1] };
    expect(ssimLoss()(a, b).item()).toBeCloseTo(1 - ssim(a.data, b.data, grid), 12);
  });
  test("softplus and the games stay finite at large logits", () => {
    expect(
      softplus()
        .forward(tensor([-200, 0, 200]))
        .toArray(),
    ).toEqual([0, Math.fround(Math.log(2)), 200]);
    const [sure, unsure] = [tensor([500]), tensor([-500])];
    expect(nonSaturating().generator(unsure).item()).toBe(500);
    expect(minimax().generator(sure).item()).toBe(-500);
    expect(minimax().discriminator(sure, unsure).item()).toBe(0);
  });
});
