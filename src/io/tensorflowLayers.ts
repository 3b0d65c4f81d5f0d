import { FormatError } from "../core/errors.js";
import { halfToFloat } from "./half.js";
import { type OnnxAttribute, type OnnxModel, type OnnxNode, type OnnxTensor, quoted } from "./onnx.js";
import { importOnnx, type OnnxNetwork } from "./onnxImport.js";

/** The content of a model.json that TensorFlow.js wrote of a Keras model ("layers-model"). */
export interface TensorFlowLayersModel {
  /** Layers and their connections, as TensorFlow writes them. */
  readonly modelTopology: unknown;
  /** Which weights lie in which files, in which order. */
  readonly weightsManifest: readonly {
    /** Files, relative to the model's. */
    readonly paths?: readonly string[];
    /** In the order in which they lie in the files. */
    readonly weights: readonly TensorFlowWeight[];
  }[];
}
/** A named array of weights in TensorFlow's manifest. */
export interface TensorFlowWeight {
  /** What it is called. */
  readonly name: string;
  /** Lengths of the axes, the slowest first. */
  readonly shape: readonly number[];
  /** Type of the numbers. */
  readonly dtype: string;
  /** Stored as whole numbers q of 8 or 16 bits, value min + scale · q, or as half floats. */
  readonly quantization?: {
    /** Type of the numbers. */
    readonly dtype: string;
    /** The smallest. */
    readonly min?: number;
    /** The factor between sizes, or by which data were divided. */
    readonly scale?: number;
  };
}
interface KerasLayer {
  readonly class_name: string;
  readonly name?: string;
  readonly config: Readonly<Record<string, unknown>> & { readonly name?: string };
  readonly inbound_nodes?: readonly (readonly (readonly [string, ...unknown[]])[])[];
}

const widths: Readonly<Record<string, number>> = { float32: 4, int32: 4, uint16: 2, float16: 2, uint8: 1, bool: 1 };
/** The arrays of the manifest, which lie one after the other. */
function arraysOf(groups: TensorFlowLayersModel["weightsManifest"], bytes: Uint8Array): Map<string, OnnxTensor> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found = new Map<string, OnnxTensor>();
  let at = 0;
  for (const { name, shape, dtype, quantization: q } of groups.flatMap((g) => g.weights)) {
    const stored = q?.dtype ?? dtype;
    const width = widths[stored];
    const n = shape.reduce((a, b) => a * b, 1);
    if (width === undefined || !Number.isSafeInteger(n) || n < 0)
      throw new FormatError(`tensorflow: the weights ${quoted(name)} are ${quoted(stored)} numbers, which are not read`, { name });
    if (at + n * width > bytes.length)
      throw new FormatError(
        `tensorflow: the weights end within ${quoted(name)}; give all files of weightsManifest.paths, joined in their order`,
        {
          name,
          bytes: bytes.length,
        },
      );
    const raw = (i: number) => {
      const p = at + i * width;
      if (stored === "float32") return view.getFloat32(p, true);
      if (stored === "int32") return view.getInt32(p, true);
      if (stored === "float16") return halfToFloat(view.getUint16(p, true));
      return width === 2 ? view.getUint16(p, true) : bytes[p];
    };
    const scaled = q?.scale !== undefined;
    const data = Float32Array.from({ length: n }, (_, i) => (scaled ? (q.min ?? 0) + (q.scale ?? 1) * raw(i) : raw(i)));
    found.set(name, { shape, data, type: "float32" });
    at += n * width;
  }
  return found;
}
/** The same numbers with their axes in another order. */
function permuted({ shape, data, type }: OnnxTensor, order: readonly number[]): OnnxTensor {
  const to = order.map((a) => shape[a]);
  const strides = shape.map((_, a) => shape.slice(a + 1).reduce((p, q) => p * q, 1));
  const steps = order.map((a) => strides[a]);
  const values = new Float32Array(data.length);
  const place = to.map(() => 0);
  for (let k = 0, from = 0; k < values.length; k++) {
    values[k] = Number(data[from]);
    for (let a = to.length - 1; a >= 0; a--) {
      from += steps[a];
      if (++place[a] < to[a]) break;
      from -= steps[a] * to[a];
      place[a] = 0;
    }
  }
  return { shape: to, data: values, type };
}

const activations: Readonly<Record<string, string>> = {
  relu: "Relu",
  sigmoid: "Sigmoid",
  tanh: "Tanh",
  softmax: "Softmax",
  softplus: "Softplus",
  softsign: "Softsign",
  elu: "Elu",
  selu: "Selu",
};

/** A Keras model as the nodes of an ONNX graph, its images [n, c, y, x]. */
function graphOf({ modelTopology, weightsManifest }: TensorFlowLayersModel, bytes: Uint8Array): OnnxModel {
  const arrays = arraysOf(weightsManifest, bytes);
  const topology = modelTopology as { model_config?: unknown } | undefined;
  const model = (topology?.model_config ?? topology) as { class_name?: string; config?: unknown } | undefined;
  const config = model?.config as
    | { layers?: readonly KerasLayer[]; output_layers?: unknown; name?: string }
    | readonly KerasLayer[]
    | undefined;
  const layers = Array.isArray(config)
    ? (config as readonly KerasLayer[])
    : (config as { layers?: readonly KerasLayer[] } | undefined)?.layers;
  if (!layers?.length || !layers.every((l) => typeof l?.class_name === "string" && l.config))
    throw new FormatError(
      "tensorflow: there are no layers in modelTopology; expected a layers-model of TensorFlow.js (graph models are not read)",
      {},
    );
  const nodes: OnnxNode[] = [];
  const constants: Record<string, OnnxTensor> = {};
  const inputs: { name: string; shape: readonly (number | string)[] }[] = [];
  /** Spatial axes come last here and before the channels there: what has them, and how many channels. */
  const known = new Map<string, { readonly spatial: boolean }>();
  const consumed = new Set<string>();

  function convert(layer: KerasLayer, from: readonly string[]): string {
    const { class_name: kind, config: c } = layer;
    const name = layer.name ?? c.name ?? `${kind}_${nodes.length}`;
    const fault = (what: string) => new FormatError(`tensorflow: the layer ${quoted(name)} (${quoted(kind)}) ${what}`, { name, kind });
    if (c.data_format === "channels_first") throw fault("has its channels first, which is not read; convert it");
    const weight = (part: string): OnnxTensor => {
      const w = arrays.get(`${name}/${part}`);
      if (!w) throw fault(`has no weights ${part}; the file is damaged`);
      return w;
    };
    const constant = (part: string, w: OnnxTensor): string => {
      constants[`${name}/${part}`] = w;
      return `${name}/${part}`;
    };
    const vector = (part: string, values: readonly number[], type: "float32" | "int64" = "float32") =>
      constant(part, {
        shape: [values.length],
        data: type === "int64" ? BigInt64Array.from(values, BigInt) : Float32Array.from(values),
        type,
      });
    const numbers = (key: string, usual: readonly number[]): number[] => {
      const v = c[key];
      return v === undefined || v === null ? [...usual] : (Array.isArray(v) ? v : usual.map(() => v)).map(Number);
    };
    const ints = (v: readonly number[]): OnnxAttribute => ({ integers: v });
    const node = (operator: string, ins: readonly string[], out: string, attributes: Record<string, OnnxAttribute> = {}) => {
      nodes.push({ operator, domain: "", name: out, inputs: ins, outputs: [out], attributes });
      return out;
    };
    const padding = (): OnnxAttribute => {
      if (c.padding === "same") return { text: "SAME_UPPER" };
      if (c.padding === undefined || c.padding === "valid") return { text: "VALID" };
      throw fault(`is padded by the rule ${quoted(String(c.padding))}, which is not read`);
    };
    const spatial = (x: string) => known.get(x)?.spatial === true;
    /** The last node's value is the layer's, with what `activation` says after it. */
    const finish = (value: (out: string) => void, isSpatial: boolean) => {
      const activation = String(c.activation ?? "linear");
      if (activation === "linear") value(name);
      else {
        const operator = activations[activation];
        if (!operator) throw fault(`is followed by ${quoted(activation)}, which is not read`);
        value(`${name}/linear`);
        node(operator, [`${name}/linear`], name, activation === "softmax" ? { axis: { integer: isSpatial ? 1 : -1 } } : {});
      }
      known.set(name, { spatial: isSpatial });
      return name;
    };
    const bias = (): string[] => (c.use_bias === false ? [] : [constant("bias", weight("bias"))]);
    for (const f of from) consumed.add(f);
    const [x] = from;
    const keeps = (operator: string, attributes: Record<string, OnnxAttribute> = {}, more: readonly string[] = []) => {
      node(operator, [...from, ...more], name, attributes);
      known.set(name, { spatial: spatial(x) });
      return name;
    };
    switch (kind) {
      case "InputLayer": {
        const s = (c.batch_input_shape ?? c.batch_shape) as (number | null)[] | undefined;
        const image = s?.length === 4;
        const dims = (image ? [s[0], s[3], s[1], s[2]] : (s ?? [])).map((n, i) => n ?? `n${i}`);
        inputs.push({ name, shape: dims });
        known.set(name, { spatial: image });
        return name;
      }
      case "Conv2D":
      case "DepthwiseConv2D": {
        const depthwise = kind === "DepthwiseConv2D";
        const kernel = weight(depthwise ? "depthwise_kernel" : "kernel"); // y, x, in, out (depthwise: in, of each)
        const [ky, kx, ins, outs] = kernel.shape;
        const w = permuted(kernel, depthwise ? [2, 3, 0, 1] : [3, 2, 0, 1]);
        const stored = constant("kernel", depthwise ? { ...w, shape: [ins * outs, 1, ky, kx] } : w);
        const attributes = {
          strides: ints(numbers("strides", [1, 1])),
          dilations: ints(numbers("dilation_rate", [1, 1])),
          auto_pad: padding(),
          group: { integer: depthwise ? ins : Number(c.groups ?? 1) },
        };
        return finish((out) => node("Conv", [x, stored, ...bias()], out, attributes), true);
      }
      case "Dense":
        if (spatial(x)) throw fault("acts on the channels of an image, which is not read");
        return finish((out) => node("Gemm", [x, constant("kernel", weight("kernel")), ...bias()], out), false);
      case "BatchNormalization": {
        const mean = weight("moving_mean");
        const like = (v: number): OnnxTensor => ({ ...mean, data: new Float32Array(mean.data.length).fill(v) });
        const parts = [
          constant("gamma", c.scale === false ? like(1) : weight("gamma")),
          constant("beta", c.center === false ? like(0) : weight("beta")),
          constant("moving_mean", mean),
          constant("moving_variance", weight("moving_variance")),
        ];
        return keeps("BatchNormalization", { epsilon: { float: Number(c.epsilon ?? 1e-3) } }, parts);
      }
      case "ReLU": {
        if (Number(c.threshold ?? 0) !== 0) throw fault("has a threshold, which is not read");
        const slope = Number(c.negative_slope ?? 0);
        if (c.max_value === undefined || c.max_value === null)
          return slope ? keeps("LeakyRelu", { alpha: { float: slope } }) : keeps("Relu");
        if (slope !== 0) throw fault("has a slope and a largest value, which is not read");
        // A rectifier by its name, so that features can be asked for after it.
        node("Relu", [x], `${name}/relu`);
        node("Clip", [`${name}/relu`], name, { min: { float: 0 }, max: { float: Number(c.max_value) } });
        known.set(name, { spatial: spatial(x) });
        return name;
      }
      case "LeakyReLU":
        return keeps("LeakyRelu", { alpha: { float: Number(c.alpha ?? c.negative_slope ?? 0.3) } });
      case "Activation":
        return finish((out) => node("Identity", [x], out), spatial(x));
      case "Softmax":
        return keeps("Softmax", { axis: { integer: spatial(x) ? 1 : -1 } });
      case "Add":
        return keeps("Sum");
      case "Multiply":
        node("Mul", from.slice(0, 2), name);
        if (from.length !== 2) throw fault("multiplies other than two values, which is not read");
        known.set(name, { spatial: spatial(x) });
        return name;
      case "Concatenate":
        return keeps("Concat", { axis: { integer: spatial(x) ? 1 : -1 } });
      case "ZeroPadding2D": {
        const p = c.padding as number | readonly (number | readonly number[])[] | undefined;
        const [[top, bottom], [left, right]] = [0, 1].map((a) => {
          const v = Array.isArray(p) ? p[a] : (p ?? 1);
          return Array.isArray(v) ? v.map(Number) : [Number(v), Number(v)];
        });
        return keeps("Pad", {}, [vector("padding", [0, 0, top, left, 0, 0, bottom, right], "int64")]);
      }
      case "MaxPooling2D":
      case "AveragePooling2D": {
        const size = numbers("pool_size", [2, 2]);
        const attributes = { kernel_shape: ints(size), strides: ints(numbers("strides", size)), auto_pad: padding() };
        return keeps(kind === "MaxPooling2D" ? "MaxPool" : "AveragePool", attributes);
      }
      case "GlobalAveragePooling2D":
      case "GlobalMaxPooling2D":
        node(kind === "GlobalMaxPooling2D" ? "GlobalMaxPool" : "GlobalAveragePool", [x], `${name}/whole`);
        if (c.keepdims === true) node("Identity", [`${name}/whole`], name);
        else node("Flatten", [`${name}/whole`], name);
        known.set(name, { spatial: c.keepdims === true });
        return name;
      case "UpSampling2D": {
        const [sy, sx] = numbers("size", [2, 2]);
        if (c.interpolation !== undefined && c.interpolation !== "nearest") throw fault("interpolates, which is not read");
        return keeps(
          "Resize",
          { mode: { text: "nearest" }, coordinate_transformation_mode: { text: "asymmetric" }, nearest_mode: { text: "floor" } },
          ["", vector("scales", [1, 1, sy, sx])],
        );
      }
      case "Flatten": {
        // There, the channel runs fastest.
        const seen = spatial(x) ? node("Transpose", [x], `${name}/channelsLast`, { perm: ints([0, 2, 3, 1]) }) : x;
        node("Flatten", [seen], name);
        known.set(name, { spatial: false });
        return name;
      }
      case "Dropout":
      case "SpatialDropout2D":
      case "GaussianNoise":
        return keeps("Identity");
      default:
        throw fault("is not read here; convert the network to ONNX with simpler layers");
    }
  }

  const sequential = Array.isArray(config) || model?.class_name === "Sequential";
  let previous: string | undefined;
  for (const layer of layers) {
    if (sequential) {
      if (previous === undefined && layer.class_name !== "InputLayer") {
        const input = {
          class_name: "InputLayer",
          config: { name: "input", batch_input_shape: layer.config.batch_input_shape ?? [null, null, null, null] },
        };
        previous = convert(input, []);
      }
      previous = convert(layer, previous === undefined ? [] : [previous]);
    } else {
      if ((layer.inbound_nodes?.length ?? 0) > 1)
        throw new FormatError(`tensorflow: the layer ${quoted(String(layer.name))} is used more than once, which is not read`, {
          name: layer.name,
        });
      convert(layer, layer.inbound_nodes?.[0]?.map(([from]) => from) ?? []);
    }
  }
  const last = nodes.map((n) => n.outputs[0]).filter((n) => known.has(n) && !consumed.has(n));
  return {
    version: 8,
    producer: "tensorflow.js",
    operators: { "": 17 },
    metadata: {},
    graph: {
      name: "layers",
      nodes,
      constants,
      inputs: inputs.map((v) => ({ ...v, type: "float32" as const })),
      outputs: last.map((name) => ({ name, type: "float32" as const, shape: undefined })),
    },
  };
}

/**
 * A network from a layers-model of TensorFlow.js (model.json, parsed, and its files of weights, joined in their order): what `importOnnx` makes of the same network. Images are
 * [n, c, y, x] here; values on the way have their layers' names, weights "layer/kernel" and the like. Convolutions (depthwise, too), dense layers, batch normalisation,
 * rectifiers and other activations, pooling, padding, sums, products, concatenation and nearest enlargement are read; weights of 8 and 16 bits are widened.
 * @throws FormatError for other layers, which it names, and for files that are damaged
 */
export function importTensorFlowLayers(model: TensorFlowLayersModel, weights: Uint8Array): OnnxNetwork {
  const { weightsManifest: groups } = model ?? {};
  if (
    !Array.isArray(groups) ||
    !groups.every((g) => Array.isArray(g?.weights) && g.weights.every((w: TensorFlowWeight | undefined) => Array.isArray(w?.shape)))
  )
    throw new FormatError("tensorflow: there is no weightsManifest; expected the content of a model.json of TensorFlow.js", {});
  return importOnnx(graphOf(model, weights));
}
