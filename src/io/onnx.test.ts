import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { PullbackError } from "../core/errors.js";
import { seeded } from "../core/random.js";
import { scope } from "../core/scope.js";
import * as nn from "../nn/index.js";
import { adamW } from "../optimisers/index.js";
import { concat, convolve, einsum, fft, randomNormal, randomUniform, Tensor, where } from "../tensor/index.js";
import { scalarised, taylorFirst } from "../testing/laws.js";
import {
  exportOnnx,
  importOnnx,
  type OnnxAttribute,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  readOnnx,
  writeOnnx,
} from "./index.js";

/** What is used of onnxruntime-web. */
interface Runtime {
  readonly env: { logLevel: string; readonly wasm: { numThreads: number } };
  readonly InferenceSession: {
    create(file: Uint8Array): Promise<{ run(feeds: Record<string, unknown>): Promise<Record<string, Value>>; release(): Promise<void> }>;
  };
  readonly Tensor: new (type: string, data: unknown, shape: readonly number[]) => Value;
}
interface Value {
  readonly data: ArrayLike<number>;
  readonly dims: readonly number[];
}
let runtime: Runtime | undefined;
const peer = "onnxruntime-web";
beforeAll(async () => {
  runtime = await import(peer).catch(() => undefined);
  if (!runtime) return;
  runtime.env.logLevel = "error";
  runtime.env.wasm.numThreads = 1;
});

/** What the peer computes; undefined where it is not installed. */
async function peers(file: Uint8Array, inputs: Readonly<Record<string, Tensor>>): Promise<Record<string, Value> | undefined> {
  if (!runtime) {
    console.log("onnxruntime-web is not installed: not compared with it");
    return undefined;
  }
  const session = await runtime.InferenceSession.create(file);
  try {
    const R = runtime;
    const types = { f32: "float32", i32: "int32", f64: "float64" } as Record<string, string>;
    const feeds = Object.entries(inputs).map(([name, t]) => [name, new R.Tensor(types[t.dtype], t.data.slice(), t.shape)]);
    return await session.run(Object.fromEntries(feeds));
  } finally {
    await session.release();
  }
}
function expectClose(got: ArrayLike<number>, wanted: ArrayLike<number>, what: string, relative = 1e-5): void {
  expect(got.length, what).toBe(wanted.length);
  let [worst, scale] = [0, 0];
  for (let i = 0; i < got.length; i++) {
    worst = Math.max(worst, Math.abs(got[i] - wanted[i]));
    scale = Math.max(scale, Math.abs(wanted[i]));
  }
  expect(worst, `${what}: largest difference ${worst} of values up to ${scale}`).toBeLessThanOrEqual(relative * Math.max(1, scale));
}

const random = seeded(7);
const noise = (...shape: number[]) => randomNormal(shape, random);
const positive = (...shape: number[]) => randomUniform(shape, 0.5, 2, random);
/** Weights that are not their first values: normalisation and zeros would hide mistakes. */
const shaken = (model: nn.Layer): nn.Layer =>
  model.with(
    Object.fromEntries(
      Object.entries(model.parameters).map(([name, p]) => [
        name,
        name.endsWith("variance") ? positive(...p.shape) : p.add(noise(...p.shape).mul(0.1)),
      ]),
    ),
  );
const r = seeded(3);
const layers: Readonly<Record<string, readonly [nn.Layer, Tensor]>> = {
  "a dense layer": [nn.dense({ inputs: 5, outputs: 3, random: r }), noise(2, 4, 5)],
  "a 1-D convolution": [nn.convolution({ inputs: 2, outputs: 3, axes: 1, kernel: 4, random: r }), noise(2, 2, 9)],
  "a strided, dilated, grouped convolution": [
    nn.convolution({ inputs: 4, outputs: 6, kernel: [3, 2], stride: [2, 1], dilation: [1, 3], groups: 2, random: r }),
    noise(2, 4, 9, 8),
  ],
  "a stride that leaves samples over": [
    nn.convolution({ inputs: 1, outputs: 2, kernel: 2, stride: 3, padding: 0, random: r }),
    noise(1, 1, 9, 10),
  ],
  "a 3-D convolution": [nn.convolution({ inputs: 1, outputs: 2, axes: 3, random: r }), noise(1, 1, 4, 5, 6)],
  "a transposed convolution": [nn.transposedConvolution({ inputs: 3, outputs: 2, kernel: 3, stride: 2, random: r }), noise(1, 3, 5, 4)],
  "a transposed convolution with output padding": [
    nn.transposedConvolution({ inputs: 3, outputs: 4, kernel: 3, stride: 2, padding: 1, outputPadding: 1, groups: 1, random: r }),
    noise(2, 3, 5, 4),
  ],
  "a sub-pixel layer": [nn.subPixel({ inputs: 2, outputs: 3, scale: 2, random: r }), noise(1, 2, 5, 4)],
  "nearest upsampling": [nn.upsampling({ scale: 3, kind: "nearest" }), noise(1, 2, 4, 3)],
  "linear upsampling": [nn.upsampling({ scale: 2 }), noise(1, 2, 4, 3)],
  "cubic upsampling": [nn.upsampling({ scale: 2, kind: "cubic" }), noise(1, 2, 4, 5)],
  "max pooling with padding": [nn.maxPooling({ kernel: 3, stride: 2, padding: 1 }), noise(1, 2, 7, 8)],
  "average pooling with padding": [nn.averagePooling({ kernel: 3, stride: 2, padding: 1 }), noise(1, 2, 7, 8)],
  "pooling over everything": [nn.globalAveragePooling(), noise(2, 3, 4, 5)],
  flattening: [nn.flatten(), noise(2, 3, 4)],
  "batch normalisation": [nn.batchNormalisation({ channels: 3 }), noise(2, 3, 4, 5)],
  "group normalisation": [nn.groupNormalisation({ channels: 4, groups: 2 }), noise(2, 4, 4, 5)],
  "instance normalisation": [nn.instanceNormalisation({ channels: 3 }), noise(2, 3, 4, 5)],
  relu: [nn.relu(), noise(3, 7)],
  "leaky relu": [nn.leakyRelu({ slope: 0.2 }), noise(3, 7)],
  gelu: [nn.gelu(), noise(3, 7)],
  silu: [nn.silu(), noise(3, 7)],
  tanh: [nn.tanh(), noise(3, 7)],
  sigmoid: [nn.sigmoid(), noise(3, 7)],
  softplus: [nn.softplus(), noise(3, 7).mul(20)],
  dropout: [nn.dropout({ rate: 0.5 }), noise(3, 7)],
  "a U-Net for an odd size": [
    nn.unet({
      inputs: 1,
      outputs: 1,
      features: [4, 6],
      random: r,
      residual: true,
      normalisation: (channels) => nn.instanceNormalisation({ channels }),
    }),
    noise(1, 1, 9, 11),
  ],
  "a 3-D U-Net": [nn.unet({ inputs: 1, outputs: 2, features: [3, 4], axes: 3, random: r, enlarge: "linear" }), noise(1, 1, 4, 6, 5)],
};

describe("exported layers compute the same in the peer, and in the network that is read back", () => {
  for (const [what, [start, x]] of Object.entries(layers))
    test(what, async () => {
      const model = shaken(start);
      const file = exportOnnx(model, x);
      const wanted = model.forward(x);
      const back = importOnnx(file);
      expectClose(back.forward(x).data, wanted.data, "read back");
      expect(back.forward(x).shape).toEqual(wanted.shape);
      const theirs = await peers(file, { input: x });
      if (theirs) {
        expect(theirs.output.dims).toEqual(wanted.shape);
        expectClose(theirs.output.data, wanted.data, "in the peer");
      }
    });
});

const formulas: Readonly<Record<string, readonly [(...xs: Tensor[]) => Tensor, readonly Tensor[]]>> = {
  "arithmetic of two inputs": [
    (a, b) => a.add(b).mul(a.sub(2)).div(b.square().add(1)).maximum(b).minimum(3).pow(2),
    [noise(2, 3), noise(3)],
  ],
  "functions of one": [
    (a) =>
      [
        a.sqrt(),
        a.log(),
        a.log1p(),
        a.expm1(),
        a.reciprocal(),
        a.sin(),
        a.cos(),
        a.erf(),
        a.floor(),
        a.ceil(),
        a.neg().abs(),
        a.sign(),
      ].reduce((s, t) => s.add(t)),
    [positive(4, 5)],
  ],
  "comparisons and choices": [(a, b) => where(a.less(b), a, b.mul(2)).add(a.greaterEqual(0)).add(a.equal(b)), [noise(3, 4), noise(3, 4)]],
  "sums, extremes and products": [
    (a) =>
      a
        .sum(1, true)
        .add(a.max(0))
        .add(a.min([0, 1]))
        .add(a.prod(1, true))
        .add(a.mean()),
    [noise(3, 4)],
  ],
  "slices forwards and backwards, with steps": [
    (a) => concat([a.slice([1, 0], [3, 5], [1, 2]), a.flip(0).slice([0, 2]).flip(1).slice([0, 0], [2, 3])], 0),
    [noise(4, 5)],
  ],
  "padding and turning": [(a) => a.pad([1, 0, 2], [0, 1, 0], 0.5).permute(2, 0, 1).broadcastTo([2, 4, 4, 4]), [noise(3, 3, 2)]],
  "rows by number": [(a) => a.gather(Tensor.from(Int32Array.from([2, 0, 2]), [3]), 1), [noise(2, 3, 4)]],
  "matrices and stacks of them": [(a, b) => einsum("bij,bkj->bik", a, b).add(a.matmul(b.transpose())), [noise(2, 3, 4), noise(2, 3, 4)]],
};
describe("a function of tensors is exported, not only layers", () => {
  for (const [what, [f, xs]] of Object.entries(formulas))
    test(what, async () => {
      const names = xs.map((_, i) => `x${i}`);
      const file = exportOnnx((...a) => f(...a), xs, { inputs: names, outputs: ["y"] });
      const given = Object.fromEntries(xs.map((x, i) => [names[i], x]));
      const wanted = f(...xs);
      expectClose(importOnnx(file).values(given, ["y"])[0].data, wanted.data, "read back");
      const theirs = await peers(file, given);
      if (theirs) expectClose(theirs.y.data, wanted.data, "in the peer");
    });
});

const node = (operator: string, inputs: string[], outputs: string[], attributes: Record<string, OnnxAttribute> = {}): OnnxNode => ({
  operator,
  domain: "",
  name: "",
  inputs,
  outputs,
  attributes,
});
const floats = (t: Tensor): OnnxTensor => ({ shape: t.shape, data: t.data.slice() as Float32Array, type: "float32" });
const longs = (...values: number[]): OnnxTensor => ({ shape: [values.length], data: BigInt64Array.from(values, BigInt), type: "int64" });
const scales = (...values: number[]): OnnxTensor => ({ shape: [values.length], data: Float32Array.from(values), type: "float32" });
const single = (
  operator: string,
  x: Tensor,
  attributes: Record<string, OnnxAttribute> = {},
  constants: Record<string, OnnxTensor> = {},
  more = Object.keys(constants),
): OnnxModel => ({
  version: 8,
  producer: "",
  operators: { "": 18 },
  metadata: {},
  graph: {
    name: "g",
    nodes: [node(operator, ["x", ...more], ["y"], attributes)],
    constants,
    inputs: [{ name: "x", type: "float32", shape: x.shape }],
    outputs: [{ name: "y", type: "float32", shape: undefined }],
  },
});
const i = (integer: number) => ({ integer });
const is = (...integers: number[]) => ({ integers });
const s = (text: string) => ({ text });
const picture = noise(1, 4, 6, 5);
const foreign: Readonly<Record<string, OnnxModel>> = {
  "convolution with uneven padding": single(
    "Conv",
    picture,
    { pads: is(1, 0, 2, 1), kernel_shape: is(3, 2) },
    { w: floats(noise(2, 4, 3, 2)), b: floats(noise(2)) },
  ),
  "convolution, same size upwards": single(
    "Conv",
    picture,
    { auto_pad: s("SAME_UPPER"), strides: is(2, 2) },
    { w: floats(noise(2, 4, 3, 2)) },
  ),
  "convolution, same size downwards": single(
    "Conv",
    picture,
    { auto_pad: s("SAME_LOWER"), strides: is(2, 2) },
    { w: floats(noise(2, 4, 2, 3)) },
  ),
  "max pooling that rounds up": single("MaxPool", picture, { kernel_shape: is(3, 2), strides: is(2, 2), ceil_mode: i(1) }),
  "max pooling with uneven padding": single("MaxPool", picture, { kernel_shape: is(3, 3), strides: is(2, 2), pads: is(0, 1, 1, 1) }),
  "average pooling that rounds up": single("AveragePool", picture, { kernel_shape: is(3, 2), strides: is(2, 2), ceil_mode: i(1) }),
  "average pooling that counts padding": single("AveragePool", picture, {
    kernel_shape: is(3, 3),
    pads: is(1, 1, 1, 1),
    count_include_pad: i(1),
  }),
  "average pooling with uneven padding": single("AveragePool", picture, { kernel_shape: is(3, 3), pads: is(0, 1, 1, 0) }),
  "depth to space": single("DepthToSpace", picture, { blocksize: i(2) }),
  "depth to space, column-row-depth": single("DepthToSpace", picture, { blocksize: i(2), mode: s("CRD") }),
  "space to depth": single("SpaceToDepth", noise(1, 2, 4, 6), { blocksize: i(2) }),
  "clip, leaky relu's kin": single(
    "Clip",
    picture,
    {},
    { low: { ...floats(Tensor.scalar(-0.3)) }, high: { ...floats(Tensor.scalar(0.4)) } },
  ),
  elu: single("Elu", picture, { alpha: { float: 0.7 } }),
  selu: single("Selu", picture),
  "hard sigmoid": single("HardSigmoid", picture, { alpha: { float: 0.25 } }),
  "hard swish": single("HardSwish", picture),
  softsign: single("Softsign", picture),
  softmax: single("Softmax", picture, { axis: i(1) }),
  "log softmax": single("LogSoftmax", picture),
  "slopes by channel": single("PRelu", picture, {}, { slope: floats(noise(4, 1, 1)) }),
  "padding by reflection": single("Pad", picture, { mode: s("reflect") }, { pads: longs(0, 0, 2, 3, 0, 0, 1, 4) }),
  "padding by the edge": single("Pad", picture, { mode: s("edge") }, { pads: longs(0, 0, 2, 3, 0, 0, 1, 7) }),
  "negative padding": single("Pad", picture, {}, { pads: longs(0, 0, -2, 1, 0, 0, 0, -1) }),
  "a slice from the end": single(
    "Slice",
    picture,
    {},
    { starts: longs(-2, -1), ends: longs(9223372036854775000, -100), axes: longs(1, -1), steps: longs(1, -2) },
  ),
  "a linear layer": single(
    "Gemm",
    noise(3, 4),
    { alpha: { float: 0.5 }, beta: { float: 2 }, transB: i(1) },
    { w: floats(noise(5, 4)), b: floats(noise(5)) },
  ),
  reshape: single("Reshape", picture, {}, { shape: longs(0, -1, 2) }),
  flatten: single("Flatten", picture, { axis: i(-2) }),
  squeeze: single("Squeeze", picture, {}, { axes: longs(0) }),
  unsqueeze: single("Unsqueeze", picture, {}, { axes: longs(0, -1) }),
  expand: single("Expand", noise(3, 1), {}, { shape: longs(2, 1, 4) }),
  tile: single("Tile", noise(2, 3), {}, { times: longs(2, 3) }),
  gather: single("Gather", picture, { axis: i(1) }, { which: longs(-1, 0) }),
  "norm over the last axes": single(
    "LayerNormalization",
    picture,
    { axis: i(-2), epsilon: { float: 1e-3 } },
    { w: floats(noise(6, 5)), b: floats(noise(6, 5)) },
  ),
  "instance normalisation": single("InstanceNormalization", picture, {}, { w: floats(noise(4)), b: floats(noise(4)) }),
  "batch normalisation": single(
    "BatchNormalization",
    picture,
    {},
    { w: floats(noise(4)), b: floats(noise(4)), m: floats(noise(4)), v: floats(positive(4)) },
  ),
  "mean of some axes": single("ReduceMean", picture, { keepdims: i(0) }, { axes: longs(-1, 1) }),
  "length over all": single("ReduceL2", picture),
  "running sum backwards": single("CumSum", picture, { reverse: i(1) }, { axis: { shape: [], data: BigInt64Array.of(2n), type: "int64" } }),
};
for (const mode of ["nearest", "linear", "cubic"])
  for (const where of ["half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"])
    for (const [name, sizes] of [
      ["larger", longs(1, 4, 12, 15)],
      ["smaller", longs(1, 4, 4, 3)],
    ] as const)
      (foreign as Record<string, OnnxModel>)[`resize ${mode}, ${where}, ${name}`] = single(
        "Resize",
        picture,
        { mode: s(mode), coordinate_transformation_mode: s(where) },
        { sizes },
        ["", "", "sizes"],
      );
for (const nearest_mode of ["floor", "ceil", "round_prefer_ceil", "round_prefer_floor"])
  (foreign as Record<string, OnnxModel>)[`resize nearest, ${nearest_mode}`] = single(
    "Resize",
    picture,
    { mode: s("nearest"), nearest_mode: s(nearest_mode), coordinate_transformation_mode: s("half_pixel") },
    { scales: scales(1, 1, 2, 1.6) },
    ["", "scales"],
  );

describe("networks of others compute here what they compute in the peer", () => {
  for (const [what, model] of Object.entries(foreign))
    test(what, async () => {
      const shape = model.graph.inputs[0].shape as number[];
      const x = shape.length === 4 && shape[1] === 4 ? picture : noise(...shape);
      const theirs = await peers(writeOnnx(model), { x });
      const ours = importOnnx(writeOnnx(model)).forward(x);
      if (!theirs) return;
      expect(ours.shape).toEqual(theirs.y.dims);
      expectClose(ours.data, theirs.y.data, what);
    });
});

describe("an imported network", () => {
  const net = () =>
    nn.sequential(
      nn.convolution({ inputs: 1, outputs: 3, random: seeded(1) }),
      nn.relu(),
      nn.convolution({ inputs: 3, outputs: 1, random: seeded(2) }),
    );
  const x = noise(1, 1, 6, 7);
  test("keeps the names of the weights, and can be trained on", async () => {
    const back = importOnnx(exportOnnx(net(), x));
    expect(Object.keys(back.parameters).sort()).toEqual(["0.bias", "0.weight", "2.bias", "2.weight"]);
    const target = noise(1, 1, 6, 7);
    const { model, history } = await nn.train({
      model: back as nn.Layer,
      data: () => ({ input: x, target }),
      loss: nn.supervised(nn.squaredLoss()),
      optimiser: adamW({ step: 0.02 }),
      steps: 40,
    });
    expect(history.loss[39]).toBeLessThan(0.8 * history.loss[0]);
    expect(model.parameters["0.weight"].data).not.toEqual(back.parameters["0.weight"].data);
  });
  test("has the gradients of differences", () => {
    const back = importOnnx(
      exportOnnx(
        nn.inPrecision(nn.sequential(nn.convolution({ inputs: 1, outputs: 3, random: seeded(1) }), nn.softplus()), "f64"),
        x.cast("f64"),
      ),
    );
    const all = [x.cast("f64"), ...Object.values(back.parameters)];
    const names = Object.keys(back.parameters);
    const f = (image: Tensor, ...ws: Tensor[]) => back.with(Object.fromEntries(names.map((n, k) => [n, ws[k]]))).forward(image);
    const { order, remainders } = scope(() => taylorFirst(scalarised(f, all, seeded(4)), all, seeded(5), 1e-3));
    expect(order, `remainders ${remainders}`).toBeGreaterThan(1.8);
  });
  test("gives its inner values as features for a perceptual loss", () => {
    const back = importOnnx(exportOnnx(net(), x));
    const relu = back.inner.filter((name) => name.startsWith("Relu"));
    const [inner] = back.features(relu)(x);
    expectClose(inner.data, convolve(x, net().parameters["0.weight"], { padding: "same" }).relu().data, "features");
    const loss = nn.perceptualLoss({ features: back.features(relu) });
    expect(loss(x, x).item()).toBe(0);
    expect(loss(x.add(0.1), x).item()).toBeGreaterThan(0);
    expect(() => back.features(["Rely_1"])(x)).toThrow(/no value "Rely_1"; nearest: Relu/);
  });
  test("says which operators it does not know", () => {
    const model = single("LSTM", picture);
    expect(() => importOnnx(model)).toThrow(/uses LSTM, which is not read here/);
    expect(() => importOnnx({ ...single("Relu", picture), operators: { "": 3 } })).toThrow(/version 3; 7 and later/);
  });
});

test("what has no operator is refused when it is exported", () =>
  expect(() => exportOnnx((a) => fft(a).abs(), noise(4, 4))).toThrow(/the operation "complex" has no ONNX operator/));

test("a file that is written comes back the same", () => {
  const [what, x] = layers["a U-Net for an odd size"];
  const file = exportOnnx(what, x, { name: "n", metadata: { task: "noise" } });
  const model = readOnnx(file);
  expect(model.metadata).toEqual({ task: "noise" });
  expect(writeOnnx(model)).toEqual(file);
});

test("half and brain floats, and arrays that are no raw bytes, are read", () => {
  const bytes = (field: number, data: number[]) => [field * 8 + 2, data.length, ...data];
  const tensor = (name: string, type: number, ...rest: number[]) => [
    ...bytes(1, [2]),
    16,
    type,
    ...bytes(8, [name.charCodeAt(0)]),
    ...rest,
  ];
  const graph = [
    ...bytes(5, tensor("a", 10, ...bytes(9, [0, 0x3c, 0, 0xc0]))), // 1, −2 as halves
    ...bytes(5, tensor("b", 16, ...bytes(9, [0x80, 0x3f, 0, 0x40]))), // 1, 2 as brain floats
    ...bytes(5, tensor("c", 1, ...bytes(4, [0, 0, 0x80, 0x3f, 0, 0, 0, 0x40]))),
    ...bytes(5, tensor("d", 7, ...bytes(7, [5, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1]))), // 5, −1
    ...bytes(5, tensor("e", 10, ...bytes(5, [0x80, 0x78, 0x80, 0x80, 3]))), // halves in whole numbers
  ];
  const { constants } = readOnnx(Uint8Array.from([8, 8, ...bytes(7, graph)])).graph;
  expect(Object.values(constants).map((t) => Array.from(t.data, Number))).toEqual([
    [1, -2],
    [1, 2],
    [1, 2],
    [5, -1],
    [1, -2],
  ]);
});

test("a damaged file is refused in one sentence, or read", () => {
  const seed = exportOnnx(
    nn.sequential(
      nn.convolution({ inputs: 1, outputs: 2, random: seeded(1) }),
      nn.relu(),
      nn.flatten(),
      nn.dense({ inputs: 18, outputs: 2, random: seeded(2) }),
    ),
    noise(1, 1, 3, 3),
  );
  const edit = fc.record({ at: fc.nat(seed.length - 1), value: fc.integer({ min: 0, max: 255 }), cut: fc.integer({ min: 0, max: 9 }) });
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
      let file = seed.slice();
      for (const { at, value, cut } of edits) {
        if (at < file.length) file[at] = value;
        if (cut === 0) file = file.slice(0, at);
      }
      try {
        const network = importOnnx(file);
        // What can be read may still not fit the picture: an error of ours, nothing else.
        scope(() => network.inputs.length === 1 && network.forward(noise(1, 1, 3, 3)).size < 0);
      } catch (error) {
        expect(error).toBeInstanceOf(PullbackError);
        expect((error as Error).message).toMatch(/^[^\n]{10,400}$/);
      }
    }),
    { numRuns: 400 },
  );
});
