import { ArgumentError, UseError } from "../core/errors.js";
import { scope } from "../core/scope.js";
import type { Layer } from "../nn/index.js";
import { isRecorded, type Operation, record } from "../tensor/graph.js";
import type { Tensor } from "../tensor/tensor.js";
import { type OnnxAttribute, type OnnxNode, type OnnxTensor, writeOnnx } from "./onnx.js";

/** The version of the standard's operators that is written. */
export const onnxOperators = 17;

type Attributes = Readonly<Record<string, OnnxAttribute>>;
/** What a rule writes with. */
interface Sheet {
  /** Another node; the name of its first output. */
  node(operator: string, inputs: readonly string[], attributes?: Attributes): string;
  integers(values: readonly number[]): string;
  number(value: number, like: Tensor): string;
}
type Rule = (sheet: Sheet, inputs: readonly string[], o: Operation) => string;

const int = (integer: number) => ({ integer });
const ints = (integers: readonly number[]) => ({ integers });
const same =
  (operator: string): Rule =>
  (s, inputs) =>
    s.node(operator, inputs);
/** Conditions are numbers here, and truth values there. */
const asNumbers =
  (operator: string): Rule =>
  (s, inputs, o) =>
    s.node("Cast", [s.node(operator, inputs)], { to: int(typeCode(o.outputs[0])) });
const typeCode = (t: Tensor): number => ({ f32: 1, i32: 6, f64: 11 })[t.dtype as "f32"] ?? complexRefused(t);
const complexRefused = (t: Tensor): never => {
  throw new UseError(`exportOnnx: there is a tensor of ${t.dtype} inside; ONNX operators are of real numbers`, { dtype: t.dtype });
};

interface Spatial {
  readonly size: readonly number[];
  readonly outputSize: readonly number[];
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly dilation?: readonly number[];
  readonly groups?: number;
}
/** The last `axes` of each triple. */
function spatialOf(o: Operation, axes: number): Required<Spatial> {
  const { s } = o.params as { readonly s: Spatial };
  const last = (v: readonly number[]) => v.slice(3 - axes);
  return {
    size: last(s.size),
    outputSize: last(s.outputSize),
    kernel: last(s.kernel),
    stride: last(s.stride),
    padding: last(s.padding),
    dilation: last(s.dilation ?? [1, 1, 1]),
    groups: s.groups ?? 1,
  };
}
/** Zeros behind, as few as let the last window in. */
const behind = ({ size, outputSize, kernel, stride, padding, dilation }: Required<Spatial>) =>
  size.map((n, i) => (outputSize[i] - 1) * stride[i] + dilation[i] * (kernel[i] - 1) + 1 - n - padding[i]);

const convolution: Rule = (s, inputs, o) => {
  const p = spatialOf(o, o.inputs[1].rank - 2);
  const after = behind(p).map((n) => Math.max(0, n));
  return s.node("Conv", inputs, {
    kernel_shape: ints(p.kernel),
    strides: ints(p.stride),
    dilations: ints(p.dilation),
    group: int(p.groups),
    pads: ints([...p.padding, ...after]),
  });
};
/** Its `size` is that of the result: it is the adjoint of the convolution from there. */
const transposedConvolution: Rule = (s, inputs, o) => {
  const p = spatialOf(o, o.inputs[1].rank - 2);
  const after = behind(p);
  return s.node("ConvTranspose", inputs, {
    kernel_shape: ints(p.kernel),
    strides: ints(p.stride),
    dilations: ints(p.dilation),
    group: int(p.groups),
    pads: ints([...p.padding, ...after.map((n) => Math.max(0, n))]),
    output_padding: ints(after.map((n) => Math.max(0, -n))),
  });
};
const pool =
  (operator: string, more: Attributes = {}): Rule =>
  (s, inputs, o) => {
    const p = spatialOf(o, o.inputs[0].rank - 2);
    const pads = [...p.padding, ...behind(p).map((n) => Math.max(0, n))];
    return s.node(operator, inputs, { kernel_shape: ints(p.kernel), strides: ints(p.stride), pads: ints(pads), ...more });
  };
const turned = (s: Sheet, name: string, turn: boolean) => (turn ? s.node("Transpose", [name], { perm: ints([0, 2, 1]) }) : name);

interface Cut {
  readonly begin: readonly number[];
  readonly step: readonly number[];
  readonly shape: readonly number[];
  readonly into: readonly number[];
  readonly value: number;
}
const before = -(2 ** 31); // an end before the first element, for steps backwards

const rules: Readonly<Record<string, Rule>> = {
  ...Object.fromEntries(
    Object.entries({
      add: "Add",
      sub: "Sub",
      mul: "Mul",
      div: "Div",
      pow: "Pow",
      maximum: "Max",
      minimum: "Min",
      neg: "Neg",
      abs: "Abs",
      sign: "Sign",
      sqrt: "Sqrt",
      reciprocal: "Reciprocal",
      exp: "Exp",
      log: "Log",
      sin: "Sin",
      cos: "Cos",
      tan: "Tan",
      asin: "Asin",
      acos: "Acos",
      atan: "Atan",
      sinh: "Sinh",
      cosh: "Cosh",
      tanh: "Tanh",
      sigmoid: "Sigmoid",
      relu: "Relu",
      erf: "Erf",
      floor: "Floor",
      ceil: "Ceil",
      round: "Round",
      stopGradient: "Identity",
    }).map(([name, operator]) => [name, same(operator)]),
  ),
  square: (s, [x]) => s.node("Mul", [x, x]),
  expm1: (s, [x], o) => s.node("Sub", [s.node("Exp", [x]), s.number(1, o.inputs[0])]),
  log1p: (s, [x], o) => s.node("Log", [s.node("Add", [x, s.number(1, o.inputs[0])])]),
  less: asNumbers("Less"),
  lessEqual: asNumbers("LessOrEqual"),
  equal: asNumbers("Equal"),
  select: (s, [c, a, b]) => s.node("Where", [s.node("Cast", [c], { to: int(9) }), a, b]),
  convert: (s, inputs, o) => s.node("Cast", inputs, { to: int(typeCode(o.outputs[0])) }),
  sum: (s, [x], o) => s.node("ReduceSum", [x, s.integers((o.params as { axes: number[] }).axes)], { keepdims: int(0) }),
  max: (s, inputs, o) => s.node("ReduceMax", inputs, { axes: ints((o.params as { axes: number[] }).axes), keepdims: int(0) }),
  min: (s, inputs, o) => s.node("ReduceMin", inputs, { axes: ints((o.params as { axes: number[] }).axes), keepdims: int(0) }),
  prod: (s, inputs, o) => s.node("ReduceProd", inputs, { axes: ints((o.params as { axes: number[] }).axes), keepdims: int(0) }),
  reshape: (s, [x], o) => s.node("Reshape", [x, s.integers(o.outputs[0].shape)]),
  broadcastTo: (s, [x], o) => s.node("Expand", [x, s.integers(o.outputs[0].shape)]),
  permute: (s, inputs, o) => s.node("Transpose", inputs, { perm: ints((o.params as { axes: number[] }).axes) }),
  concat: (s, inputs, o) => s.node("Concat", inputs, { axis: int((o.params as { axis: number }).axis) }),
  gather: (s, inputs, o) => s.node("Gather", inputs, { axis: int((o.params as { axis: number }).axis) }),
  slice: (s, [x], o) => {
    const { begin, step, shape } = o.params as Cut;
    const ends = begin.map((b, i) => (step[i] < 0 && b + shape[i] * step[i] < 0 ? before : b + shape[i] * step[i]));
    return s.node("Slice", [x, s.integers(begin), s.integers(ends), s.integers(begin.map((_, i) => i)), s.integers(step)]);
  },
  embed: (s, [x], o) => {
    const { begin, step, shape, into, value } = o.params as Cut;
    if (step.some((v, i) => v !== 1 && shape[i] > 1))
      throw new UseError("exportOnnx: the gradient of a slice with steps is inside; it has no operator", {});
    const after = into.map((n, i) => n - begin[i] - shape[i]);
    return s.node("Pad", [x, s.integers([...begin, ...after]), s.number(value, o.inputs[0])]);
  },
  matmul: (s, [a, b], o) => {
    const { transposeA, transposeB } = o.params as { transposeA: boolean; transposeB: boolean };
    return s.node("MatMul", [turned(s, a, transposeA), turned(s, b, transposeB)]);
  },
  convolve: convolution,
  convolveTransposed: transposedConvolution,
  maxPool: pool("MaxPool"),
  averagePool: pool("AveragePool", { count_include_pad: int(0) }),
  averagePoolAdjoint: (s, [x], o) => {
    const large = o.outputs[0].shape;
    const small = o.inputs[0].shape;
    const p = spatialOf(o, small.length - 2);
    if (p.kernel.some((k, i) => k !== p.stride[i] || p.padding[i] !== 0 || large[i + 2] !== k * small[i + 2]))
      throw new UseError(
        "exportOnnx: the gradient of an average over windows that overlap, or leave samples over, is inside; it has no operator",
        {},
      );
    // Every sample again and again along each axis: enlargement by nearest neighbours, by its own number of repetitions too small.
    const [n, c, ...size] = small;
    const apart = s.node("Reshape", [x, s.integers([n, c, ...size.flatMap((k) => [k, 1])])]);
    const wide = s.node("Expand", [apart, s.integers([n, c, ...size.flatMap((k, i) => [k, p.kernel[i]])])]);
    const whole = s.node("Reshape", [wide, s.integers(large)]);
    return s.node("Mul", [whole, s.number(1 / p.kernel.reduce((a, b) => a * b, 1), o.inputs[0])]);
  },
};

/** How a network is named and described in the file that is written. */
export interface OnnxExportOptions {
  /** Name of the graph (default "network"). */
  readonly name?: string;
  /** Names of inputs and outputs (default "input", "output", or with their number). */
  readonly inputs?: readonly string[];
  /** Names of what comes out. */
  readonly outputs?: readonly string[];
  /** Words that travel with the file. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/**
 * A function of tensors as an ONNX file, with the operators of version 17: the operations that it does with inputs of these shapes, its
 * weights as they are now. The file is for these shapes; what does not depend on the inputs (normalisation's factors) is worked out before.
 * Convolutions and their transposes, pooling, dense layers, activations, normalisation, resampling, shapes and arithmetic have operators.
 * @param examples  tensors of the shape and type that the inputs will have
 * @throws UseError when f does something that has no operator (a warp, a Fourier transform)
 */
export function exportOnnx(
  f: ((...inputs: Tensor[]) => Tensor | readonly Tensor[]) | Layer,
  examples: Tensor | readonly Tensor[],
  o: OnnxExportOptions = {},
): Uint8Array {
  const list: readonly Tensor[] = Array.isArray(examples) ? examples : [examples as Tensor];
  const run = typeof f === "function" ? f : (...xs: Tensor[]) => f.forward(xs[0]);
  return scope(() => {
    const weights = typeof f === "function" ? [] : Object.entries(f.parameters);
    const { inputs, operations, outputs } = record((...xs) => {
      const y = run(...xs);
      return Array.isArray(y) ? (y as readonly Tensor[]) : [y as Tensor];
    }, list);
    const label = (given: readonly string[] | undefined, what: string, n: number): readonly string[] => {
      const names = given ?? Array.from({ length: n }, (_, i) => (n === 1 ? what : `${what}${i}`));
      if (names.length !== n || new Set(names).size !== n)
        throw new ArgumentError(`exportOnnx: ${names.length} names for ${n} ${what}s; give each its own`, { names });
      return names;
    };
    const [inputNames, outputNames] = [label(o.inputs, "input", inputs.length), label(o.outputs, "output", outputs.length)];
    const taken = new Set<string>([...inputNames, ...outputNames]);
    const fresh = (wanted: string) => {
      let name = wanted;
      for (let k = 1; taken.has(name); k++) name = `${wanted}_${k}`;
      taken.add(name);
      return name;
    };

    const nodes: OnnxNode[] = [];
    const constants: Record<string, OnnxTensor> = {};
    const names = new Map<Tensor, string>(inputs.map((t, i) => [t, inputNames[i]]));
    /** Reshaped weights share their numbers; equal constants of shapes share a name. */
    const known = new Map<string, string>();
    const constant = (key: string, wanted: string, make: () => OnnxTensor) => {
      const found = known.get(key);
      if (found) return found;
      const name = fresh(wanted);
      constants[name] = make();
      known.set(key, name);
      return name;
    };
    const plain = (t: Tensor): OnnxTensor => {
      typeCode(t);
      const type = t.dtype === "f32" ? "float32" : t.dtype === "f64" ? "float64" : "int32";
      return { shape: t.shape, data: t.data.slice(), type };
    };
    const nameOf = (t: Tensor): string => {
      const found = names.get(t);
      if (found) return found;
      if (isRecorded(t))
        throw new UseError("exportOnnx: there is a tensor inside that belongs to another differentiation; export outside of it", {});
      const weight = weights.find(([, w]) => w === t || (w.storage === t.storage && w.size === t.size));
      const name = fresh(weight ? weight[0] : "constant");
      constants[name] = plain(t);
      names.set(t, name);
      return name;
    };
    const sheet: Sheet = {
      node(operator, of, attributes = {}) {
        const out = fresh(`${operator}_${nodes.length}`);
        nodes.push({ operator, domain: "", name: out, inputs: of, outputs: [out], attributes });
        return out;
      },
      integers: (values) =>
        constant(`integers ${values}`, "integers", () => ({
          shape: [values.length],
          data: BigInt64Array.from(values, BigInt),
          type: "int64",
        })),
      number: (value, like) =>
        constant(`number ${value} ${like.dtype}`, "number", () =>
          like.dtype === "f64"
            ? { shape: [], data: Float64Array.of(value), type: "float64" }
            : like.dtype === "i32"
              ? { shape: [], data: Int32Array.of(value), type: "int32" }
              : { shape: [], data: Float32Array.of(value), type: "float32" },
        ),
    };
    for (const operation of operations) {
      const rule = Object.hasOwn(rules, operation.primitive) ? rules[operation.primitive] : undefined;
      if (!rule)
        throw new UseError(
          `exportOnnx: the operation "${operation.primitive}" has no ONNX operator here; ${Object.keys(rules).length} have, those of layers and arithmetic`,
          { primitive: operation.primitive },
        );
      names.set(operation.outputs[0], rule(sheet, operation.inputs.map(nameOf), operation));
    }
    outputs.forEach((t, i) => {
      nodes.push({
        operator: "Identity",
        domain: "",
        name: outputNames[i],
        inputs: [nameOf(t)],
        outputs: [outputNames[i]],
        attributes: {},
      });
    });
    const value = (t: Tensor, name: string) => ({ name, type: plain(t).type, shape: t.shape });
    return writeOnnx({
      version: 8,
      producer: "pullback",
      operators: { "": onnxOperators },
      metadata: o.metadata ?? {},
      graph: {
        name: o.name ?? "network",
        nodes,
        constants,
        inputs: inputs.map((t, i) => value(t, inputNames[i])),
        outputs: outputs.map((t, i) => value(t, outputNames[i])),
      },
    });
  });
}
