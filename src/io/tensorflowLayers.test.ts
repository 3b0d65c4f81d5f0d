import { expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { perceptualLoss } from "../nn/index.js";
import { grad, randomNormal, Tensor } from "../tensor/index.js";
import { importTensorFlowLayers, type TensorFlowLayersModel, type TensorFlowWeight } from "./index.js";

type Weights = Readonly<Record<string, readonly [shape: readonly number[], values: readonly number[]]>>;
const random = seeded(1);
const numbers = (n: number, low = -1, high = 1) => Array.from({ length: n }, () => Math.fround(low + (high - low) * random.uniform()));

/** A layers-model whose layers follow each other, or say what they take; and its file of weights. */
function model(
  layers: readonly { kind: string; name: string; from?: readonly string[]; config?: Record<string, unknown> }[],
  weights: Weights,
  stored: (name: string) => Partial<TensorFlowWeight> = () => ({}),
): { json: TensorFlowLayersModel; bytes: Uint8Array } {
  const all = [{ kind: "InputLayer", name: "in", config: { batch_input_shape: [null, null, null, 2] } }, ...layers];
  return {
    json: {
      modelTopology: {
        model_config: {
          class_name: "Model",
          config: {
            layers: all.map((l, i) => ({
              class_name: l.kind,
              name: l.name,
              config: { name: l.name, ...l.config },
              inbound_nodes: i === 0 ? [] : [(("from" in l && l.from) || [all[i - 1].name]).map((f) => [f, 0, 0, {}])],
            })),
          },
        },
      },
      weightsManifest: [
        { weights: Object.entries(weights).map(([name, [shape]]) => ({ name, shape, dtype: "float32", ...stored(name) })) },
      ],
    },
    bytes: new Uint8Array(Float32Array.from(Object.values(weights).flatMap(([, v]) => v)).buffer),
  };
}
/** Channels last, as those models are written down: x[y][x][c]. */
type Picture = number[][][];
const picture = (h: number, w: number, c: number): Picture => Array.from({ length: h }, () => Array.from({ length: w }, () => numbers(c)));
const tensor = (p: Picture) =>
  Tensor.from(Float32Array.from(p[0][0].flatMap((_, c) => p.flatMap((row) => row.map((s) => s[c])))), [
    1,
    p[0][0].length,
    p.length,
    p[0].length,
  ]);
/** Σ over taps, written as the definition says, samples outside 0. */
function convolved(
  p: Picture,
  k: readonly number[],
  ky: number,
  outs: number,
  stride: number,
  before: number,
  after: number,
  depthwise = false,
) {
  const ins = p[0][0].length;
  const size = (n: number) => Math.floor((n + before + after - ky) / stride) + 1;
  return Array.from({ length: size(p.length) }, (_, y) =>
    Array.from({ length: size(p[0].length) }, (_, x) =>
      Array.from({ length: depthwise ? ins * outs : outs }, (_, o) => {
        let sum = 0;
        for (let v = 0; v < ky; v++)
          for (let u = 0; u < ky; u++) {
            const s = p[y * stride + v - before]?.[x * stride + u - before];
            if (!s) continue;
            if (depthwise) sum += s[Math.floor(o / outs)] * k[((v * ky + u) * ins + Math.floor(o / outs)) * outs + (o % outs)];
            else for (let i = 0; i < ins; i++) sum += s[i] * k[((v * ky + u) * ins + i) * outs + o];
          }
        return sum;
      }),
    ),
  );
}
const each = (p: Picture, f: (v: number, c: number) => number): Picture => p.map((row) => row.map((s) => s.map(f)));
const near = (a: Tensor, b: Tensor, tolerance = 1e-5) => {
  expect(a.shape).toEqual(b.shape);
  expect(a.sub(b).abs().max().item()).toBeLessThan(tolerance); // f32 sums of a few dozen terms
};

test("convolutions, padded, strided and by channels, normalisation and a bounded rectifier are what the layers' definitions say", () => {
  const [k1, b1, k2] = [numbers(3 * 3 * 2 * 3), numbers(3), numbers(3 * 3 * 3 * 2)];
  const [gamma, beta, mean] = [numbers(6), numbers(6), numbers(6)];
  const variance = numbers(6, 0.5, 2);
  const { json, bytes } = model(
    [
      {
        kind: "ZeroPadding2D",
        name: "pad",
        config: {
          padding: [
            [0, 1],
            [0, 1],
          ],
        },
      },
      { kind: "Conv2D", name: "a", config: { strides: [2, 2], padding: "valid", use_bias: true, activation: "linear" } },
      { kind: "DepthwiseConv2D", name: "b", config: { strides: [1, 1], padding: "same", use_bias: false, depth_multiplier: 2 } },
      { kind: "BatchNormalization", name: "n", config: { epsilon: 0.01 } },
      { kind: "ReLU", name: "r", config: { max_value: 0.5 } },
    ],
    {
      "a/kernel": [[3, 3, 2, 3], k1],
      "a/bias": [[3], b1],
      "b/depthwise_kernel": [[3, 3, 3, 2], k2],
      "n/gamma": [[6], gamma],
      "n/beta": [[6], beta],
      "n/moving_mean": [[6], mean],
      "n/moving_variance": [[6], variance],
    },
  );
  const p = picture(8, 6, 2);
  const first = each(convolved(p, k1, 3, 3, 2, 0, 1), (v, c) => v + b1[c]);
  const second = convolved(first, k2, 3, 2, 1, 1, 1, true);
  const third = each(second, (v, c) => ((v - mean[c]) / Math.sqrt(variance[c] + 0.01)) * gamma[c] + beta[c]);
  const network = importTensorFlowLayers(json, bytes);
  near(network.values({ in: tensor(p) }, ["a"])[0], tensor(first));
  near(network.values({ in: tensor(p) }, ["n"])[0], tensor(third));
  near(network.forward(tensor(p)), tensor(each(third, (v) => Math.min(0.5, Math.max(0, v)))));
});

test("branches join, and a dense layer sees samples in their order there, the channel fastest", () => {
  const [k, d, b] = [numbers(2 * 2), numbers(4 * 3 * 2 * 2 * 2), numbers(2)];
  const { json, bytes } = model(
    [
      { kind: "Conv2D", name: "a", config: { padding: "same", use_bias: false, activation: "relu" } },
      { kind: "Add", name: "sum", from: ["in", "a"] },
      { kind: "Concatenate", name: "both", from: ["sum", "a"], config: { axis: -1 } },
      { kind: "MaxPooling2D", name: "pool", config: { pool_size: [2, 2], strides: [2, 2], padding: "valid" } },
      { kind: "Flatten", name: "flat" },
      { kind: "Dropout", name: "drop", config: { rate: 0.5 } },
      { kind: "Dense", name: "dense", config: { units: 2, activation: "softmax" } },
    ],
    { "a/kernel": [[1, 1, 2, 2], k], "dense/kernel": [[24, 2], d.slice(0, 48)], "dense/bias": [[2], b] },
  );
  const p = picture(4, 6, 2);
  const a = each(convolved(p, k, 1, 2, 1, 0, 0), (v) => Math.max(0, v));
  const both = p.map((row, y) => row.map((s, x) => [...s.map((v, c) => v + a[y][x][c]), ...a[y][x]]));
  const pooled = [0, 1].flatMap((y) =>
    [0, 1, 2].flatMap((x) => [0, 1, 2, 3].map((c) => Math.max(...[0, 1].flatMap((v) => [0, 1].map((u) => both[2 * y + v][2 * x + u][c]))))),
  );
  const logits = [0, 1].map((o) => pooled.reduce((s, v, i) => s + v * d[2 * i + o], b[o]));
  const e = logits.map((v) => Math.exp(v - Math.max(...logits)));
  const wanted = e.map((v) => v / (e[0] + e[1]));
  near(importTensorFlowLayers(json, bytes).forward(tensor(p)), Tensor.from(Float32Array.from(wanted), [1, 2]));
});

test("weights of 8 and 16 bits are widened: min + scale · q", () => {
  const values = [0, 3, 7, 255];
  const { json } = model([{ kind: "Conv2D", name: "a", config: { use_bias: false } }], { "a/kernel": [[1, 1, 2, 2], values] }, () => ({
    quantization: { dtype: "uint8", min: -1, scale: 0.5 },
  }));
  const network = importTensorFlowLayers(json, Uint8Array.from(values));
  expect([...network.parameters["a/kernel"].data]).toEqual([-1, 2.5, 0.5, 126.5]); // out, in
});

test("its inner layers are features, differentiable in the picture", () => {
  const { json, bytes } = model([{ kind: "Conv2D", name: "a", config: { padding: "same", use_bias: false, activation: "relu" } }], {
    "a/kernel": [[3, 3, 2, 3], numbers(54)],
  });
  const loss = perceptualLoss({ features: importTensorFlowLayers(json, bytes).features(["a"]) });
  const [x, y] = [randomNormal([1, 2, 6, 7], seeded(2)), randomNormal([1, 2, 6, 7], seeded(3))];
  const g = grad((t) => loss(t, y))(x);
  expect(loss(x, x).item()).toBe(0);
  expect(loss(x.sub(g.mul(1e-2)), y).item()).toBeLessThan(loss(x, y).item());
});

test("other layers, other files and weights that end too early are refused in one sentence", () => {
  const { json, bytes } = model([{ kind: "Conv2D", name: "a", config: { use_bias: false } }], { "a/kernel": [[1, 1, 2, 2], numbers(4)] });
  expect(() => importTensorFlowLayers(json, bytes.slice(0, 10))).toThrow(/the weights end within "a\/kernel"/);
  const lstm = model([{ kind: "LSTM", name: "l" }], {});
  expect(() => importTensorFlowLayers(lstm.json, lstm.bytes)).toThrow(/the layer "l" \("LSTM"\) is not read here/);
  expect(() => importTensorFlowLayers({ ...json, modelTopology: { node: [] } }, bytes)).toThrow(/graph models are not read/);
  expect(() => importTensorFlowLayers({} as never, bytes)).toThrow(/no weightsManifest/);
  const without = model([{ kind: "Dense", name: "d" }], {});
  expect(() => importTensorFlowLayers(without.json, without.bytes)).toThrow(/channels of an image/);
});
