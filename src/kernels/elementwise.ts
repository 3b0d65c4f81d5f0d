import { ShapeError } from "../core/errors.js";
import { broadcastStrides, type Shape, sameShape, shapeText } from "../core/shape.js";
import { emitLoop, Graph, type Value } from "./emit.js";
import type { Engine } from "./engine.js";
import { type ElementwiseFunction, VectorMath } from "./vectorMath.js";

/** A formula over arrays of one shape (or stretched to it): sharing a node shares its value. */
export type Expression =
  | { readonly kind: "input"; readonly index: number }
  | { readonly kind: "scalar"; readonly index: number }
  | { readonly kind: "constant"; readonly value: number }
  | { readonly kind: "call"; readonly name: ElementwiseFunction; readonly args: readonly Expression[] };
export const input = (index: number): Expression => ({ kind: "input", index });
/** A number given when the formula is run, so that another one needs no new code. */
export const scalar = (index: number): Expression => ({ kind: "scalar", index });
export const constant = (value: number): Expression => ({ kind: "constant", value });
export const call = (name: ElementwiseFunction, ...args: Expression[]): Expression => ({ kind: "call", name, args });

/** Every distinct node once, arguments before their users. */
function ordered(expression: Expression): { nodes: Expression[]; place: Map<Expression, number> } {
  const nodes: Expression[] = [];
  const place = new Map<Expression, number>();
  const visit = (x: Expression) => {
    if (place.has(x)) return;
    if (x.kind === "call") for (const a of x.args) visit(a);
    place.set(x, nodes.length);
    nodes.push(x);
  };
  visit(expression);
  return { nodes, place };
}
function keyOf(expression: Expression): { key: string; inputs: number; scalars: number } {
  const { nodes, place } = ordered(expression);
  let inputs = 0;
  let scalars = 0;
  const key = nodes
    .map((x) => {
      if (x.kind === "input") inputs = Math.max(inputs, x.index + 1);
      if (x.kind === "scalar") scalars = Math.max(scalars, x.index + 1);
      return x.kind === "call"
        ? `${x.name}(${x.args.map((a) => place.get(a))})`
        : x.kind === "constant"
          ? Object.is(x.value, -0)
            ? "-0"
            : `${x.value}`
          : `${x.kind[0]}${x.index}`;
    })
    .join(";");
  return { key, inputs, scalars };
}

/** The formula as vector operations. a·b + c becomes one multiply-add where the build has it. */
function lower(expression: Expression, math: VectorMath): Value {
  const { graph } = math;
  const values = new Map<Expression, Value>();
  const at = (x: Expression) => values.get(x) as Value;
  const isProduct = (x: Expression): x is Expression & { kind: "call" } => x.kind === "call" && (x.name === "mul" || x.name === "square");
  const factors = (x: Expression & { kind: "call" }): [Value, Value] => [at(x.args[0]), at(x.args[x.args.length - 1])];
  for (const x of ordered(expression).nodes) {
    let value: Value;
    if (x.kind === "input") value = graph.input(x.index);
    else if (x.kind === "scalar") value = graph.scalar(x.index);
    else if (x.kind === "constant") value = graph.f32(x.value);
    else if (graph.relaxed && x.name === "add" && isProduct(x.args[0])) value = graph.fma(...factors(x.args[0]), at(x.args[1]));
    else if (graph.relaxed && x.name === "add" && isProduct(x.args[1])) value = graph.fma(...factors(x.args[1]), at(x.args[0]));
    else if (graph.relaxed && x.name === "sub" && isProduct(x.args[1])) value = graph.fnma(...factors(x.args[1]), at(x.args[0]));
    else value = (math[x.name] as (...args: Value[]) => Value).call(math, ...x.args.map(at));
    values.set(x, value);
  }
  return at(expression);
}

interface Code {
  readonly code: number;
  /** Vector operations per four elements: what a slab costs. */
  readonly operations: number;
}
const compiled = new WeakMap<Engine, Map<string, Code>>();

function codeOf(e: Engine, expression: Expression, kinds: readonly ("each" | "one")[], rows: boolean, store: boolean, sum: boolean): Code {
  const { key, scalars } = keyOf(expression);
  const full = `${key}|${kinds.map((k) => k[0])}|${rows}|${store}|${sum}`;
  let cache = compiled.get(e);
  if (!cache) {
    cache = new Map();
    compiled.set(e, cache);
  }
  let found = cache.get(full);
  if (!found) {
    const graph = new Graph(e.build === "relaxed");
    const result = lower(expression, new VectorMath(graph));
    const short = new VectorMath(graph, true);
    const shortResult = lower(expression, short);
    const usually = short.where.length > 0 ? { result: shortResult, where: short.where } : undefined;
    const bytes = emitLoop({ graph, result, usually, inputs: kinds, scalars, rows, store, sum, sharedMemory: e.shared });
    found = { code: e.compile(bytes), operations: graph.nodes.filter((n) => n.kind !== "constant").length };
    cache.set(full, found);
  }
  return found;
}

/** An array in the engine's memory: f32, contiguous. */
export interface Operand {
  readonly pointer: number;
  readonly shape: Shape;
}

/** Axes of the result without those of extent 1, and neighbours joined that every operand walks as one. */
function collapse(shape: Shape, strides: readonly (readonly number[])[]): { shape: number[]; strides: number[][] } {
  const outShape: number[] = [];
  const outStrides: number[][] = strides.map(() => []);
  shape.forEach((n, axis) => {
    if (n === 1) return;
    const last = outShape.length - 1;
    if (last >= 0 && strides.every((s, k) => outStrides[k][last] === s[axis] * n)) {
      outShape[last] *= n;
      strides.forEach((s, k) => {
        outStrides[k][last] = s[axis];
      });
    } else {
      outShape.push(n);
      strides.forEach((s, k) => {
        outStrides[k].push(s[axis]);
      });
    }
  });
  return { shape: outShape, strides: outStrides };
}

export interface ElementwiseOptions {
  /** Values of the formula's scalars. */
  readonly scalars?: readonly number[];
  /** Also return Σ of the result in f64. */
  readonly sum?: boolean;
}

/**
 * out = formula(operands), elementwise; operands are stretched to `shape` where they have extents of 1. One pass over the data
 * whatever the formula. `out` (f32, contiguous; may be one of the operands of full shape) is left out when only the sum is wanted.
 * @returns the sum of all results when asked for, else 0
 * @throws ShapeError when an operand does not stretch to `shape`
 */
export function elementwise(
  e: Engine,
  expression: Expression,
  operands: readonly Operand[],
  shape: Shape,
  out: number | undefined,
  { scalars = [], sum = false }: ElementwiseOptions = {},
): number {
  for (const o of operands) {
    const lead = shape.length - o.shape.length;
    if (lead < 0 || o.shape.some((n, i) => n !== 1 && n !== shape[lead + i]))
      throw new ShapeError(`elementwise: an operand of shape ${shapeText(o.shape)} does not stretch to ${shapeText(shape)}`, {
        operand: o.shape,
        shape,
      });
  }
  if (shape.includes(0)) return 0;
  const same = operands.every((o) => sameShape(o.shape, shape));
  const { shape: dims, strides } = same
    ? { shape: [shape.reduce((p, n) => p * n, 1)], strides: operands.map(() => [1]) }
    : collapse(
        shape,
        operands.map((o) => broadcastStrides(o.shape, shape)),
      );
  const inner = dims.at(-1) ?? 1;
  const kinds = strides.map((s) => ((s.at(-1) ?? 0) === 0 ? "one" : "each") as "each" | "one");
  const store = out !== undefined;
  const pointers = operands.map((o) => o.pointer);
  if (dims.length <= 1) {
    const { code, operations } = codeOf(e, expression, kinds, false, store, sum);
    return e.parallelCompiled(code, [...pointers, out ?? 0, ...scalars], { extent: inner, grain: grainOf(inner, operations) });
  }
  const { code, operations } = codeOf(e, expression, kinds, true, store, sum);
  const n1 = dims[dims.length - 2];
  const n2 = dims.length > 2 ? dims[dims.length - 3] : 1;
  const block = n2 * n1 * inner;
  const rowStrides = strides.flatMap((s) => [dims.length > 2 ? s[dims.length - 3] : 0, s[dims.length - 2]]);
  const outer = dims.slice(0, -3);
  const index = outer.map(() => 0);
  let total = 0;
  for (let at = 0; ; at++) {
    const moved = pointers.map((p, k) => p + 4 * index.reduce((s, i, axis) => s + i * strides[k][axis], 0));
    const grain = Math.max(1, Math.round(grainOf(block, operations) / inner));
    const to = store ? (out as number) + 4 * at * block : 0;
    total += e.parallelCompiled(code, [...moved, to, ...scalars, n1, inner, ...rowStrides], { extent: n1 * n2, grain });
    let axis = outer.length - 1;
    for (; axis >= 0 && ++index[axis] === outer[axis]; axis--) index[axis] = 0;
    if (axis < 0) return total;
  }
}

/** Elements per slab: about 0.1 ms of work, four slabs at least for arrays worth sharing out; a multiple of 1024. */
function grainOf(elements: number, operations: number): number {
  const most = operations < 12 ? 131072 : operations < 60 ? 65536 : 32768;
  return Math.min(most, Math.max(8192, Math.ceil(elements / 4096) * 1024));
}
