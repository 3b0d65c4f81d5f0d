import { ArgumentError, FormatError } from "../core/errors.js";
import type { Parameters } from "../core/interfaces.js";
import { type Layer, layer } from "../nn/index.js";
import type { Tensor } from "../tensor/tensor.js";
import { type OnnxModel, type OnnxValue, quoted, readOnnx } from "./onnx.js";
import { operators, settings, tensorOf } from "./onnxOperators.js";

/** A network from an ONNX file: a layer like any other, its weights are `parameters` by their names in the file. */
export interface OnnxNetwork extends Layer {
  /** What goes in. */
  readonly inputs: readonly OnnxValue[];
  /** What comes out. */
  readonly outputs: readonly OnnxValue[];
  /** Names of everything that is computed on the way: what `values` may be asked for. */
  readonly inner: readonly string[];
  /** The same with other parameters. */
  with(parameters: Parameters): OnnxNetwork;
  /**
   * Named values for named inputs; only what they need is computed. Inner values, too: features.
   * @throws ArgumentError for names that are not there
   */
  values(inputs: Readonly<Record<string, Tensor>>, names: readonly string[]): Tensor[];
  /** image ↦ inner values, for `perceptualLoss`; the network has one input. */
  features(names: readonly string[]): (image: Tensor) => Tensor[];
}

const nearest = (wanted: string, names: readonly string[]) => {
  const shared = (name: string) => [...name].filter((ch, i) => ch === wanted[i]).length;
  return [...names].sort((a, b) => shared(b) - shared(a))[0];
};

/**
 * A network from an ONNX file. `forward` is its first output for its only input; all is differentiable, in the input and in the weights.
 * Operators of versions 7 to 21 for convolutional and dense networks are read (numbers: floats of any width become f32, doubles f64); control
 * flow, recurrences, quantised and complex numbers are not.
 * @throws FormatError for other files and damaged ones, and for a network with an operator that is not read: the sentence names it
 */
export function importOnnx(file: Uint8Array | OnnxModel): OnnxNetwork {
  const model = file instanceof Uint8Array ? readOnnx(file) : file;
  const { graph } = model;
  const version = model.operators[""] ?? 1;
  const missing = new Set(
    graph.nodes
      .filter(({ operator, domain }) => domain !== "" || !Object.hasOwn(operators, operator))
      .map(({ operator, domain }) => (domain === "" ? operator : `${domain}.${operator}`)),
  );
  if (missing.size > 0)
    throw new FormatError(
      `onnx: the network uses ${[...missing]
        .slice(0, 8)
        .map((name) => (/^[\w.]+$/.test(name) ? name : quoted(name)))
        .join(", ")}, which ${missing.size === 1 ? "is" : "are"} not read here; export it with simpler operators`,
      { operators: [...missing] },
    );
  if (graph.nodes.length > 0 && version < 7)
    throw new FormatError(`onnx: the operators are of version ${version}; 7 and later are read: convert the file`, { version });
  const inputNames = graph.inputs.map((v) => v.name);
  /** Which node makes a value. */
  const maker = new Map<string, number>();
  const known = new Set([...inputNames, ...Object.keys(graph.constants)]);
  graph.nodes.forEach((node, k) => {
    for (const name of node.inputs)
      if (name !== "" && !known.has(name))
        throw new FormatError(`onnx: ${quoted(name)} is used before it is computed; the file is damaged`, { name });
    for (const name of node.outputs) {
      if (name === "") continue;
      if (known.has(name)) throw new FormatError(`onnx: ${quoted(name)} is computed twice; the file is damaged`, { name });
      known.add(name);
      maker.set(name, k);
    }
  });
  for (const { name } of graph.outputs)
    if (!known.has(name)) throw new FormatError(`onnx: the output ${quoted(name)} is computed nowhere; the file is damaged`, { name });
  if (graph.outputs.length === 0) throw new FormatError("onnx: the network has no output; the file is damaged", {});

  // Weights are the floats that are computed with; what only tells a node what to do is none.
  const computed = new Set<string>();
  const buffers = new Set<string>();
  for (const { operator, inputs } of graph.nodes)
    inputs.forEach((name, i) => {
      if (!settings[operator]?.includes(i)) computed.add(name);
      if (operator === "BatchNormalization" && i >= 3) buffers.add(name);
    });
  const constants = new Map(Object.entries(graph.constants).map(([name, t]) => [name, tensorOf(t)]));
  const weights: Record<string, Tensor> = {};
  for (const [name, t] of constants) if (t.dtype !== "i32" && t.rank > 0 && computed.has(name)) weights[name] = t;

  const evaluate = (parameters: Parameters, given: Readonly<Record<string, Tensor>>, names: readonly string[]): Tensor[] => {
    for (const name of names)
      if (!known.has(name))
        throw new ArgumentError(`onnx: the network has no value ${quoted(name)}; nearest: ${nearest(name, [...known])}`, { name });
    const needed = new Set<number>();
    const open = [...names];
    for (let name = open.pop(); name !== undefined; name = open.pop()) {
      const k = maker.get(name);
      if (k === undefined || needed.has(k)) continue;
      needed.add(k);
      open.push(...graph.nodes[k].inputs);
    }
    const values = new Map<string, Tensor>(constants);
    for (const [name, t] of Object.entries(parameters)) values.set(name, t);
    for (const [name, t] of Object.entries(given)) {
      if (!inputNames.includes(name))
        throw new ArgumentError(`onnx: the network has no input ${quoted(name)}; it has ${inputNames.map(quoted).join(", ")}`, { name });
      values.set(name, t);
    }
    for (const k of [...needed].sort((a, b) => a - b)) {
      const node = graph.nodes[k];
      const inputs = node.inputs.map((name) => {
        const t = values.get(name);
        if (name !== "" && !t)
          throw new ArgumentError(`onnx: the input ${quoted(name)} is missing; the network takes ${inputNames.map(quoted).join(", ")}`, {
            name,
          });
        return t;
      });
      const result = operators[node.operator]({ inputs, node, version });
      const list: readonly Tensor[] = Array.isArray(result) ? result : [result as Tensor];
      node.outputs.forEach((name, i) => {
        if (name !== "" && list[i]) values.set(name, list[i]);
      });
    }
    return names.map((name) => {
      const t = values.get(name);
      if (!t) throw new ArgumentError(`onnx: ${quoted(name)} is an optional output that is not computed here`, { name });
      return t;
    });
  };

  const made = (parameters: Parameters): OnnxNetwork => {
    const single = (image: Tensor): Record<string, Tensor> => {
      if (inputNames.length !== 1)
        throw new ArgumentError(
          `onnx: the network has ${inputNames.length} inputs (${inputNames.map(quoted).join(", ")}); use values({ name: tensor … })`,
          {
            inputs: inputNames,
          },
        );
      return { [inputNames[0]]: image };
    };
    const checked = layer<Tensor, Tensor>(weights, (_, t) => t);
    return {
      parameters,
      buffers: [...buffers].filter((name) => name in weights),
      inputs: graph.inputs,
      outputs: graph.outputs,
      inner: [...maker.keys()],
      with: (other) => made(checked.with(other).parameters),
      forward: (image) => evaluate(parameters, single(image), [graph.outputs[0].name])[0],
      values: (inputs, names) => evaluate(parameters, inputs, names),
      features: (names) => (image) => evaluate(parameters, single(image), names),
    };
  };
  return made(weights);
}
