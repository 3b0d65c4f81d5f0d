import { ArgumentError, FormatError } from "../core/errors.js";
import { bfloatToFloat, halfToFloat } from "./half.js";
import {
  signed,
  type WireField,
  WireWriter,
  wireBytes,
  wireDoubles,
  wireFields,
  wireFloats,
  wireIntegers,
  wireNumber,
  wireText,
} from "./protobuf.js";
import { allocateScalars, decodeScalars, encodeScalars, type ScalarType, scalarBytes, scalarTypeOf, type TypedArray } from "./raw.js";

/** An array in an ONNX file. Half and brain floats are widened to Float32Array, booleans are 0 and 1 in a Uint8Array. */
export interface OnnxTensor {
  /** Lengths of the axes, the slowest first. */
  readonly shape: readonly number[];
  /** The numbers. */
  readonly data: TypedArray;
  /** As stored: "float32", "float16", "int64", "bool" … */
  readonly type: OnnxType;
}
/** The types of elements that an ONNX file can name. */
export type OnnxType = ScalarType | "float16" | "bfloat16" | "bool" | "text" | "complex64" | "complex128" | "unknown";
/** What a node is told beside its inputs. */
export type OnnxAttribute =
  | { readonly float: number }
  | { readonly integer: number }
  | { readonly text: string }
  | { readonly tensor: OnnxTensor }
  | { readonly floats: readonly number[] }
  | { readonly integers: readonly number[] }
  | { readonly texts: readonly string[] }
  | { readonly unread: string };
/** One operation of an ONNX graph, with the names of what it takes and gives. */
export interface OnnxNode {
  /** What it does: Conv, Relu, … */
  readonly operator: string;
  /** "" is the standard's own. */
  readonly domain: string;
  /** What it is called. */
  readonly name: string;
  /** Names of values; "" where an optional one is left out. */
  readonly inputs: readonly string[];
  /** What comes out. */
  readonly outputs: readonly string[];
  /** Its constants, by name. */
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
}
/** A named tensor at the border of an ONNX graph: its type and shape, whose free axes have names. */
export interface OnnxValue {
  /** What it is called. */
  readonly name: string;
  /** The type of its elements. */
  readonly type: OnnxType;
  /** Extents, or names of extents that are known when the network is used; undefined: nothing is said. */
  readonly shape: readonly (number | string)[] | undefined;
}
/** An ONNX file as read: operations in an order in which they can run, weights, what goes in and what comes out. */
export interface OnnxGraph {
  /** What it is called. */
  readonly name: string;
  /** In an order in which they can run. */
  readonly nodes: readonly OnnxNode[];
  /** Constants by name: weights. */
  readonly constants: Readonly<Record<string, OnnxTensor>>;
  /** What goes in. */
  readonly inputs: readonly OnnxValue[];
  /** What comes out. */
  readonly outputs: readonly OnnxValue[];
}
/** An ONNX file. */
export interface OnnxModel {
  /** Version of the file format. */
  readonly version: number;
  /** The program that wrote it. */
  readonly producer: string;
  /** Version of the operators by domain; "" is the standard's own. */
  readonly operators: Readonly<Record<string, number>>;
  /** Words that travel with the file. */
  readonly metadata: Readonly<Record<string, string>>;
  /** What it computes. */
  readonly graph: OnnxGraph;
}

const codes: readonly OnnxType[] = [
  "unknown",
  "float32",
  "uint8",
  "int8",
  "uint16",
  "int16",
  "int32",
  "int64",
  "text",
  "bool",
  "float16",
  "float64",
  "uint32",
  "uint64",
  "complex64",
  "complex128",
  "bfloat16",
];
const typeOf = (code: number): OnnxType => codes[code] ?? "unknown";
/** What the bytes of a type are, and what becomes of them. */
const stored: Partial<Record<OnnxType, { readonly type: ScalarType; readonly widen?: (bits: number) => number }>> = {
  ...Object.fromEntries((Object.keys(scalarBytes) as ScalarType[]).map((type) => [type, { type }])),
  float16: { type: "uint16", widen: halfToFloat },
  bfloat16: { type: "uint16", widen: bfloatToFloat },
  bool: { type: "uint8" },
};
const who = "onnx";
/** A name from a file in an error: one line, not too long. */
export const quoted = (name: string): string => JSON.stringify(name.length > 60 ? `${name.slice(0, 60)}…` : name);

function tensorOf(bytes: Uint8Array): { readonly name: string; readonly tensor: OnnxTensor } {
  const shape: number[] = [];
  let [code, name, outside] = [0, "", false];
  let raw: Uint8Array | undefined;
  const typed: { floats: number[]; integers: bigint[]; doubles: number[] } = { floats: [], integers: [], doubles: [] };
  for (const f of wireFields(bytes, who)) {
    if (f.field === 1) for (const v of wireIntegers(f, who)) shape.push(Number(signed(v)));
    else if (f.field === 2) code = wireNumber(f, who);
    else if (f.field === 4) for (const v of wireFloats(f, who)) typed.floats.push(v);
    else if (f.field === 5 || f.field === 7 || f.field === 11) for (const v of wireIntegers(f, who)) typed.integers.push(v);
    else if (f.field === 8) name = wireText(f, who);
    else if (f.field === 9) raw = wireBytes(f, who);
    else if (f.field === 10) for (const v of wireDoubles(f, who)) typed.doubles.push(v);
    else if (f.field === 13 || (f.field === 14 && wireNumber(f, who) === 1)) outside = true;
  }
  const wrong = (what: string) => new FormatError(`onnx: the array ${quoted(name)} ${what}`, { name });
  if (outside) throw wrong("keeps its numbers in another file; save the model as one file");
  const type = typeOf(code);
  const kind = stored[type];
  if (!kind) throw wrong(`is of type ${type} (${code}), which is not read; ${Object.keys(stored).join(", ")} are`);
  if (shape.length > 32 || shape.some((n) => !Number.isSafeInteger(n) || n < 0)) throw wrong(`has the shape [${shape.slice(0, 8)}]`);
  const count = shape.includes(0) ? 0 : shape.reduce((a, b) => a * b, 1);
  const came = raw ? raw.length / scalarBytes[kind.type] : typed.floats.length + typed.integers.length + typed.doubles.length;
  if (came !== count) throw wrong(`of shape [${shape}] needs ${count} numbers, and ${came} came; the file is cut off or damaged`);
  let data: TypedArray;
  if (raw) data = decodeScalars(raw, 0, count, kind.type, true);
  else {
    data = allocateScalars(kind.type, count);
    if (data instanceof BigInt64Array || data instanceof BigUint64Array) data.set(typed.integers.map(signed));
    else if (typed.integers.length > 0) data.set(typed.integers.map((v) => Number(signed(v))));
    else data.set(typed.floats.length > 0 ? typed.floats : typed.doubles);
  }
  return { name, tensor: { shape, data: kind.widen ? Float32Array.from(data as Uint16Array, kind.widen) : data, type } };
}

function attributeOf(bytes: Uint8Array): readonly [string, OnnxAttribute] {
  let [name, type] = ["", 0];
  const fields: WireField[] = [];
  for (const f of wireFields(bytes, who))
    if (f.field === 1) name = wireText(f, who);
    else if (f.field === 20) type = wireNumber(f, who);
    else fields.push(f);
  const of = (field: number) => fields.filter((f) => f.field === field);
  const one = (field: number) => of(field).at(-1);
  // Old files do not state the type: what came tells.
  const kind = type || [2, 3, 4, 5, 7, 8, 9].find((field) => one(field))! - 1 || 0;
  const first = (field: number) => {
    const f = one(field);
    if (!f) throw new FormatError(`onnx: the attribute ${quoted(name)} has no value; the file is damaged`, { name });
    return f;
  };
  const long = (f: WireField) => wireIntegers(f, who).map((v) => Number(signed(v)));
  if (kind === 1) return [name, { float: one(2) ? (wireFloats(first(2), who)[0] ?? 0) : 0 }];
  if (kind === 2) return [name, { integer: one(3) ? wireNumber(first(3), who) : 0 }];
  if (kind === 3) return [name, { text: one(4) ? wireText(first(4), who) : "" }];
  if (kind === 4) return [name, { tensor: tensorOf(wireBytes(first(5), who)).tensor }];
  if (kind === 6) return [name, { floats: of(7).flatMap((f) => [...wireFloats(f, who)]) }];
  if (kind === 7) return [name, { integers: of(8).flatMap(long) }];
  if (kind === 8) return [name, { texts: of(9).map((f) => wireText(f, who)) }];
  return [name, { unread: kind === 5 || kind === 10 ? "a graph" : `type ${kind}` }];
}

function nodeOf(bytes: Uint8Array): OnnxNode {
  let [operator, domain, name] = ["", "", ""];
  const [inputs, outputs]: [string[], string[]] = [[], []];
  const attributes: (readonly [string, OnnxAttribute])[] = [];
  for (const f of wireFields(bytes, who)) {
    if (f.field === 1) inputs.push(wireText(f, who));
    else if (f.field === 2) outputs.push(wireText(f, who));
    else if (f.field === 3) name = wireText(f, who);
    else if (f.field === 4) operator = wireText(f, who);
    else if (f.field === 5) attributes.push(attributeOf(wireBytes(f, who)));
    else if (f.field === 7) domain = wireText(f, who);
  }
  return { operator, domain: domain === "ai.onnx" ? "" : domain, name, inputs, outputs, attributes: Object.fromEntries(attributes) };
}

function valueInfo(bytes: Uint8Array): OnnxValue {
  let name = "";
  let type: OnnxType = "unknown";
  let shape: (number | string)[] | undefined;
  for (const f of wireFields(bytes, who))
    if (f.field === 1) name = wireText(f, who);
    else if (f.field === 2)
      for (const g of wireFields(wireBytes(f, who), who))
        if (g.field === 1)
          for (const h of wireFields(wireBytes(g, who), who))
            if (h.field === 1) type = typeOf(wireNumber(h, who));
            else if (h.field === 2) {
              shape = [];
              for (const d of wireFields(wireBytes(h, who), who)) {
                if (d.field !== 1) continue;
                let extent: number | string = "?";
                for (const v of wireFields(wireBytes(d, who), who))
                  if (v.field === 1) extent = wireNumber(v, who);
                  else if (v.field === 2) extent = wireText(v, who);
                shape.push(extent);
                if (shape.length > 32) throw new FormatError(`onnx: ${quoted(name)} has more than 32 axes; the file is damaged`, { name });
              }
            }
  return { name, type, shape };
}

function graphOf(bytes: Uint8Array): OnnxGraph {
  let name = "";
  const nodes: OnnxNode[] = [];
  const constants: (readonly [string, OnnxTensor])[] = [];
  const [inputs, outputs]: [OnnxValue[], OnnxValue[]] = [[], []];
  for (const f of wireFields(bytes, who)) {
    if (f.field === 1) nodes.push(nodeOf(wireBytes(f, who)));
    else if (f.field === 2) name = wireText(f, who);
    else if (f.field === 5) {
      const { name: of, tensor } = tensorOf(wireBytes(f, who));
      constants.push([of, tensor]);
    } else if (f.field === 11) inputs.push(valueInfo(wireBytes(f, who)));
    else if (f.field === 12) outputs.push(valueInfo(wireBytes(f, who)));
    else if (f.field === 15) throw new FormatError("onnx: the file keeps sparse arrays, which are not read; save it with dense ones", {});
  }
  // Files of the first versions list their weights among the inputs, too.
  const names = new Set(constants.map(([of]) => of));
  return { name, nodes, constants: Object.fromEntries(constants), inputs: inputs.filter((v) => !names.has(v.name)), outputs };
}

const pair = (bytes: Uint8Array): readonly [string, string] => {
  let [key, value] = ["", ""];
  for (const f of wireFields(bytes, who))
    if (f.field === 1) key = wireText(f, who);
    else if (f.field === 2) value = wireText(f, who);
  return [key, value];
};

/**
 * Reads an ONNX file (a protocol buffer): its graph with its weights. What it computes is `importOnnx`'s.
 * @throws FormatError for other files, damaged ones, weights kept beside the file, sparse arrays
 * @see ONNX, Open neural network exchange: onnx.proto3 (https://onnx.ai/onnx/repo-docs/IR.html)
 */
export function readOnnx(bytes: Uint8Array): OnnxModel {
  if (bytes.length === 0) throw new FormatError("onnx: the file is empty", {});
  let [version, producer] = [0, ""];
  const operators: Record<string, number> = {};
  const metadata: (readonly [string, string])[] = [];
  let graph: OnnxGraph | undefined;
  for (const f of wireFields(bytes, who)) {
    if (f.field === 1) version = wireNumber(f, who);
    else if (f.field === 2) producer = wireText(f, who);
    else if (f.field === 7) graph = graphOf(wireBytes(f, who));
    else if (f.field === 8) {
      let [domain, v] = ["", 0];
      for (const g of wireFields(wireBytes(f, who), who))
        if (g.field === 1) domain = wireText(g, who);
        else if (g.field === 2) v = wireNumber(g, who);
      operators[domain === "ai.onnx" ? "" : domain] = v;
    } else if (f.field === 14) metadata.push(pair(wireBytes(f, who)));
  }
  if (!graph || version < 1)
    throw new FormatError("onnx: there is no graph in it; this is another kind of file, or it is damaged", { version });
  return { version, producer, operators, metadata: Object.fromEntries(metadata), graph };
}

const codeOf = (type: OnnxType) => Math.max(0, codes.indexOf(type));
function tensorMessage(name: string, t: OnnxTensor): WireWriter {
  const type = scalarTypeOf(t.data);
  const code = t.type === "bool" && type === "uint8" ? "bool" : type; // widened numbers are written as wide as they are
  return new WireWriter().integers(1, t.shape).integer(2, codeOf(code)).text(8, name).bytes(9, encodeScalars(t.data));
}
function attributeMessage(name: string, a: OnnxAttribute): WireWriter {
  const w = new WireWriter().text(1, name);
  if ("float" in a) return w.float(2, a.float).integer(20, 1);
  if ("integer" in a) return w.integer(3, a.integer).integer(20, 2);
  if ("text" in a) return w.text(4, a.text).integer(20, 3);
  if ("tensor" in a) return w.message(5, tensorMessage("", a.tensor)).integer(20, 4);
  if ("floats" in a) return w.floats(7, a.floats).integer(20, 6);
  if ("integers" in a) return w.integers(8, a.integers).integer(20, 7);
  if ("texts" in a) return a.texts.reduce((m, t) => m.text(9, t), w).integer(20, 8);
  throw new ArgumentError(`onnx: the attribute "${name}" holds ${a.unread}, which is not written`, { name });
}
function valueMessage(v: OnnxValue): WireWriter {
  const tensor = new WireWriter().integer(1, codeOf(v.type));
  if (v.shape) {
    const shape = new WireWriter();
    for (const n of v.shape) shape.message(1, typeof n === "number" ? new WireWriter().integer(1, n) : new WireWriter().text(2, n));
    tensor.message(2, shape);
  }
  return new WireWriter().text(1, v.name).message(2, new WireWriter().message(1, tensor));
}

/** The file of a model. Arrays are written with the type of their numbers. */
export function writeOnnx(model: OnnxModel): Uint8Array {
  const { graph } = model;
  const g = new WireWriter();
  for (const n of graph.nodes) {
    const w = new WireWriter();
    for (const name of n.inputs) w.text(1, name);
    for (const name of n.outputs) w.text(2, name);
    w.text(3, n.name).text(4, n.operator);
    for (const [name, a] of Object.entries(n.attributes)) w.message(5, attributeMessage(name, a));
    g.message(1, n.domain === "" ? w : w.text(7, n.domain));
  }
  g.text(2, graph.name);
  for (const [name, t] of Object.entries(graph.constants)) g.message(5, tensorMessage(name, t));
  for (const v of graph.inputs) g.message(11, valueMessage(v));
  for (const v of graph.outputs) g.message(12, valueMessage(v));
  const w = new WireWriter().integer(1, model.version).text(2, model.producer).message(7, g);
  for (const [domain, v] of Object.entries(model.operators))
    w.message(8, (domain === "" ? new WireWriter() : new WireWriter().text(1, domain)).integer(2, v));
  for (const [key, v] of Object.entries(model.metadata)) w.message(14, new WireWriter().text(1, key).text(2, v));
  return w.finish();
}
