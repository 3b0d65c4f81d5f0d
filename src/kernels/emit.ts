/**
 * Writes small WebAssembly modules: from a graph of vector operations over contiguous arrays, one loop that runs it.
 * A graph is a list of nodes, four floats each, equal nodes shared; `vectorMath.ts` builds the mathematical functions from them.
 */

/** Opcodes after the SIMD prefix 0xfd. */
const opcodes = {
  and: 0x4e,
  andnot: 0x4f,
  or: 0x50,
  xor: 0x51,
  not: 0x4d,
  bitselect: 0x52,
  "f32x4.eq": 0x41,
  "f32x4.ne": 0x42,
  "f32x4.lt": 0x43,
  "f32x4.gt": 0x44,
  "f32x4.le": 0x45,
  "f32x4.ge": 0x46,
  "f64x2.eq": 0x47,
  "f64x2.ne": 0x48,
  "f64x2.lt": 0x49,
  "f64x2.gt": 0x4a,
  "f64x2.le": 0x4b,
  "f64x2.ge": 0x4c,
  "i32x4.lt": 0x39,
  "f32x4.ceil": 0x67,
  "f32x4.floor": 0x68,
  "f32x4.nearest": 0x6a,
  "f64x2.nearest": 0x94,
  "f64x2.floor": 0x75,
  "i32x4.shl": 0xab,
  "i32x4.shr": 0xac,
  "i32x4.shru": 0xad,
  "i32x4.add": 0xae,
  "i32x4.sub": 0xb1,
  "i64x2.shl": 0xcb,
  "i64x2.shru": 0xcd,
  "i64x2.add": 0xce,
  "i64x2.sub": 0xd1,
  "f32x4.abs": 0xe0,
  "f32x4.neg": 0xe1,
  "f32x4.sqrt": 0xe3,
  "f32x4.add": 0xe4,
  "f32x4.sub": 0xe5,
  "f32x4.mul": 0xe6,
  "f32x4.div": 0xe7,
  "f32x4.min": 0xe8,
  "f32x4.max": 0xe9,
  "f32x4.pmin": 0xea,
  "f32x4.pmax": 0xeb,
  "f64x2.abs": 0xec,
  "f64x2.neg": 0xed,
  "f64x2.add": 0xf0,
  "f64x2.sub": 0xf1,
  "f64x2.mul": 0xf2,
  "f64x2.div": 0xf3,
  "f64x2.pmin": 0xf6,
  "f64x2.pmax": 0xf7,
  demote: 0x5e,
  promote: 0x5f,
  "f32x4.convert": 0xfa,
  "f32x4.madd": 0x105,
  "f32x4.nmadd": 0x106,
  "f64x2.madd": 0x107,
  "f64x2.nmadd": 0x108,
} as const;
export type Opcode = keyof typeof opcodes;

/** A value of the graph: its place in the list. */
export type Value = number;
interface Operation {
  readonly kind: "input" | "scalar" | "constant" | "shuffle" | Opcode;
  readonly args: readonly Value[];
  /** Which input or scalar, the shift, the 16 bytes of a constant or the lanes of a shuffle. */
  readonly immediate?: number | readonly number[];
}

/** Vector operations, each made once. */
export class Graph {
  readonly nodes: Operation[] = [];
  readonly #known = new Map<string, Value>();
  /** @param relaxed one rounding in a multiply-add, as in the engine's relaxed build */
  constructor(readonly relaxed: boolean) {}

  #node(operation: Operation): Value {
    const key = `${operation.kind}(${operation.args})${operation.immediate ?? ""}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    this.nodes.push(operation);
    this.#known.set(key, this.nodes.length - 1);
    return this.nodes.length - 1;
  }
  /** The k-th array, four elements of it. */
  input(k: number): Value {
    return this.#node({ kind: "input", args: [], immediate: k });
  }
  /** The k-th scalar argument in all lanes. */
  scalar(k: number): Value {
    return this.#node({ kind: "scalar", args: [], immediate: k });
  }
  #constant(bytes: Uint8Array): Value {
    return this.#node({ kind: "constant", args: [], immediate: [...bytes] });
  }
  f32(x: number): Value {
    return this.#constant(new Uint8Array(Float32Array.of(x, x, x, x).buffer));
  }
  /** Alternating along the lanes: real and imaginary parts. */
  pair(re: number, im: number): Value {
    return this.#constant(new Uint8Array(Float32Array.of(re, im, re, im).buffer));
  }
  f64(x: number): Value {
    return this.#constant(new Uint8Array(Float64Array.of(x, x).buffer));
  }
  i32(x: number): Value {
    return this.#constant(new Uint8Array(Int32Array.of(x, x, x, x).buffer));
  }
  i64(x: bigint): Value {
    return this.#constant(new Uint8Array(BigInt64Array.of(x, x).buffer));
  }
  op(kind: Opcode, ...args: Value[]): Value {
    return this.#node({ kind, args });
  }
  shift(kind: "i32x4.shl" | "i32x4.shr" | "i32x4.shru" | "i64x2.shl" | "i64x2.shru", a: Value, by: number): Value {
    return this.#node({ kind, args: [a], immediate: by });
  }
  /** 32-bit lanes of a (0–3) and b (4–7). */
  shuffle(a: Value, b: Value, ...lanes: number[]): Value {
    return this.#node({ kind: "shuffle", args: [a, b], immediate: lanes.flatMap((l) => [4 * l, 4 * l + 1, 4 * l + 2, 4 * l + 3]) });
  }
  /** a·b + c */
  fma(a: Value, b: Value, c: Value, type: "f32x4" | "f64x2" = "f32x4"): Value {
    return this.relaxed ? this.op(`${type}.madd`, a, b, c) : this.op(`${type}.add`, this.op(`${type}.mul`, a, b), c);
  }
  /** c − a·b */
  fnma(a: Value, b: Value, c: Value, type: "f32x4" | "f64x2" = "f32x4"): Value {
    return this.relaxed ? this.op(`${type}.nmadd`, a, b, c) : this.op(`${type}.sub`, c, this.op(`${type}.mul`, a, b));
  }
}

/** What a loop reads, and where its results go. */
export interface Loop {
  readonly graph: Graph;
  readonly result: Value;
  /**
   * The same value by a shorter way, right (to the bit) where all the masks are true in all lanes: the usual case. The rest of the exact
   * way is walked only where they are not.
   */
  readonly usually?: { readonly result: Value; readonly where: readonly Value[] };
  /** For each input: every element in turn, or one element for a whole row (stretched). */
  readonly inputs: readonly ("each" | "one")[];
  readonly scalars: number;
  /** Write the result to an array. */
  readonly store: boolean;
  /** Return the sum of the result, in f64. */
  readonly sum: boolean;
  /** Rows with two outer axes, each input with its own strides, instead of one long row. */
  readonly rows: boolean;
  readonly sharedMemory: boolean;
}

const leb = (value: number): number[] => {
  const out: number[] = [];
  let v = value >>> 0;
  do {
    out.push((v & 127) | (v > 127 ? 128 : 0));
    v >>>= 7;
  } while (v > 0);
  return out;
};
const signedLeb = (value: number): number[] => {
  const out: number[] = [];
  for (let v = value | 0; ; v >>= 7) {
    const low = v & 127;
    const rest = v >> 7;
    if ((rest === 0 && !(low & 64)) || (rest === -1 && low & 64)) {
      out.push(low);
      return out;
    }
    out.push(low | 128);
  }
};
const text = (s: string) => [...leb(s.length), ...[...s].map((c) => c.charCodeAt(0))];
const section = (id: number, content: number[]) => [id, ...leb(content.length), ...content];
const i32 = 0x7f;
const f32 = 0x7d;
const f64 = 0x7c;
const v128 = 0x7b;

/**
 * The module: it imports env.memory and exports
 *   run(inputs…, out, scalars…, [n1, n0, strides…,] i0, i1) → f64.
 * One row: elements i0 … i1. Rows: i0 … i1 count rows r of n0 elements; row r of input k starts at
 * input + 4 (⌊r / n1⌋ · s2 + (r mod n1) · s1), with (s2, s1) per input in `strides`; the output is contiguous.
 * Loads may reach 12 bytes past the end of an array, stores do not.
 */
export function emitLoop({ graph, result, usually, inputs, scalars, store, sum, rows, sharedMemory }: Loop): Uint8Array<ArrayBuffer> {
  const parameters: number[] = [];
  const parameter = (type: number) => parameters.push(type) - 1;
  const inputAt = inputs.map(() => parameter(i32));
  const outAt = parameter(i32);
  const scalarAt = Array.from({ length: scalars }, () => parameter(f32));
  const n1 = rows ? parameter(i32) : -1;
  const n0 = rows ? parameter(i32) : -1;
  const strides = rows ? inputs.map(() => [parameter(i32), parameter(i32)]) : [];
  const i0 = parameter(i32);
  const i1 = parameter(i32);

  const locals: number[] = [];
  const local = (type: number) => parameters.length + locals.push(type) - 1;
  const p = inputs.map(() => local(i32)); // the inputs' places of now
  const o = local(i32);
  const end = local(i32); // of the vectors, as an address of o or of the first input
  const rest = local(i32);
  const block = local(i32);
  const row = local(i32);
  const accumulator = local(v128);
  const doubles = local(v128);
  const total = local(f64);
  const answer = local(v128);
  const place = graph.nodes.map(() => -1);

  // Only what is needed, for the exact way and for the usual one.
  const neededBy = (...values: Value[]) => {
    const live = graph.nodes.map(() => false);
    for (const v of values) live[v] = true;
    for (let k = graph.nodes.length - 1; k >= 0; k--) if (live[k]) for (const a of graph.nodes[k].args) live[a] = true;
    return live;
  };
  const exact = neededBy(result);
  const usual = usually ? neededBy(usually.result, ...usually.where) : exact;
  const live = graph.nodes.map((_, k) => exact[k] || usual[k]);
  graph.nodes.forEach((_, k) => {
    if (live[k]) place[k] = local(v128);
  });

  const code: number[] = [];
  const get = (x: number) => code.push(0x20, ...leb(x));
  const set = (x: number) => code.push(0x21, ...leb(x));
  const tee = (x: number) => code.push(0x22, ...leb(x));
  const number = (x: number) => code.push(0x41, ...signedLeb(x));
  const simd = (op: number, ...immediates: number[]) => code.push(0xfd, ...leb(op), ...immediates);
  const [addI, subI, mulI, andI, shlI, ltI] = [0x6a, 0x6b, 0x6c, 0x71, 0x74, 0x49];
  const value = (k: Value) => get(place[k]);
  const hoisted = (k: Value) => {
    const node = graph.nodes[k];
    return node.kind === "scalar" || (node.kind === "input" && inputs[node.immediate as number] === "one");
  };
  /** Scalars and, at the start of each row, its stretched elements. */
  const prepare = (kind: "scalar" | "input") =>
    graph.nodes.forEach((node, k) => {
      if (!live[k] || node.kind !== kind || !hoisted(k)) return;
      if (kind === "scalar") {
        get(scalarAt[node.immediate as number]);
        simd(0x13);
      } else {
        get(p[node.immediate as number]);
        simd(0x09, 2, 0);
      }
      set(place[k]);
    });
  /** Those nodes on the four elements `offset` bytes on from the places of now. */
  const walk = (offset: number, wanted: (k: Value) => boolean) =>
    graph.nodes.forEach((node, k) => {
      if (!wanted(k) || node.kind === "constant" || hoisted(k)) return;
      if (node.kind === "input") {
        get(p[node.immediate as number]);
        simd(0x00, 2, offset);
      } else {
        for (const a of node.args) value(a);
        if (node.kind === "shuffle") simd(0x0d, ...(node.immediate as number[]));
        else {
          if (node.immediate !== undefined) number(node.immediate as number);
          simd(opcodes[node.kind as Opcode]);
        }
      }
      set(place[k]);
    });
  const answerIs = (k: Value) => {
    value(k);
    set(answer);
  };
  const body = (offset: number) => {
    walk(offset, (k) => exact[k]);
    answerIs(result);
  };
  const usualBody = (offset: number) => {
    if (!usually) {
      body(offset);
      return;
    }
    walk(offset, (k) => usual[k]);
    answerIs(usually.result);
    usually.where.forEach((mask, i) => {
      value(mask);
      if (i > 0) simd(opcodes.and);
    });
    simd(0xa3); // i32x4.all_true
    code.push(0x45, 0x04, 0x40); // eqz, if
    walk(offset, (k) => exact[k] && !usual[k]);
    answerIs(result);
    code.push(0x0b);
  };
  const advance = (at: number, bytes: number) => {
    get(at);
    number(bytes);
    code.push(addI);
    set(at);
  };
  /** doubles += the four floats of `accumulator`, which starts again at 0. */
  const flush = () => {
    get(doubles);
    get(accumulator);
    simd(opcodes.promote);
    get(accumulator);
    get(accumulator);
    simd(0x0d, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15);
    simd(opcodes.promote);
    simd(opcodes["f64x2.add"]);
    simd(opcodes["f64x2.add"]);
    set(doubles);
    simd(0x0c, ...new Array<number>(16).fill(0));
    set(accumulator);
  };
  const finish = (offset = 0) => {
    if (store) {
      get(o);
      get(answer);
      simd(0x0b, 2, offset);
    }
    if (sum) {
      get(accumulator);
      get(answer);
      simd(opcodes["f32x4.add"]);
      set(accumulator);
    }
  };
  const advanceAll = (bytes: number) => {
    inputs.forEach((kind, k) => {
      if (kind === "each") advance(p[k], bytes);
    });
    advance(o, bytes);
  };
  // Two vectors per turn hide the loop's own work where there is little other.
  const operations = graph.nodes.filter((node, k) => usual[k] && node.kind !== "constant").length;
  const vectors = operations < 40 ? 2 : 1;
  /** The loop over `rest` elements, places already set. */
  const elements = () => {
    get(o);
    get(rest);
    number(-4 * vectors);
    code.push(andI);
    number(2);
    code.push(shlI, addI);
    set(end);
    // while (o < end) { block = min(o + 1024, end); do … while (o < block); flush }
    code.push(0x02, 0x40, 0x03, 0x40); // block, loop
    get(o);
    get(end);
    code.push(ltI, 0x45, 0x0d, 1); // i32.lt_u, eqz, br_if out
    if (sum) {
      get(o);
      number(1024); // 64 vectors: sums of 64 floats at most before they go on in f64
      code.push(addI);
      tee(block);
      get(end);
      get(block);
      get(end);
      code.push(ltI, 0x1b); // select
      set(block);
    } else {
      get(end);
      set(block);
    }
    code.push(0x03, 0x40); // loop
    for (let v = 0; v < vectors; v++) {
      usualBody(16 * v);
      finish(16 * v);
    }
    advanceAll(16 * vectors);
    get(o);
    get(block);
    code.push(ltI, 0x0d, 0, 0x0b); // br_if loop, end
    if (sum) flush();
    code.push(0x0c, 0, 0x0b, 0x0b); // br, end, end
    if (vectors === 2) {
      get(rest);
      number(4);
      code.push(andI, 0x04, 0x40);
      body(0);
      finish();
      if (sum) flush();
      advanceAll(16);
      code.push(0x0b);
    }
    // One to three elements more.
    get(rest);
    number(3);
    code.push(andI);
    tee(rest);
    code.push(0x04, 0x40); // if
    body(0);
    if (store) {
      get(rest);
      number(2);
      code.push(andI, 0x04, 0x40);
      get(o);
      get(answer);
      simd(0x5b, 0, 0, 0); // store64_lane 0
      get(rest);
      number(1);
      code.push(andI, 0x04, 0x40);
      get(o);
      get(answer);
      simd(0x5a, 0, 8, 2); // store32_lane 2 at +8
      code.push(0x0b, 0x05);
      get(o);
      get(answer);
      simd(0x5a, 0, 0, 0);
      code.push(0x0b);
    }
    if (sum) {
      // Lanes 0 … rest − 1.
      get(accumulator);
      get(answer);
      simd(0x0c, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0);
      get(rest);
      simd(0x11);
      simd(opcodes["i32x4.lt"]);
      simd(opcodes.and);
      simd(opcodes["f32x4.add"]);
      set(accumulator);
      flush();
    }
    code.push(0x0b);
  };

  // Constants wait in locals: V8 would build each one anew in every turn of the loop.
  graph.nodes.forEach((node, k) => {
    if (!live[k] || node.kind !== "constant") return;
    simd(0x0c, ...(node.immediate as number[]));
    set(place[k]);
  });
  prepare("scalar");
  if (rows) {
    get(i0);
    set(row);
    code.push(0x02, 0x40, 0x03, 0x40);
    get(row);
    get(i1);
    code.push(0x48, 0x45, 0x0d, 1); // i32.lt_s
    inputs.forEach((_, k) => {
      get(inputAt[k]);
      get(row);
      get(n1);
      code.push(0x6e); // i32.div_u
      get(strides[k][0]);
      code.push(mulI);
      get(row);
      get(n1);
      code.push(0x70); // i32.rem_u
      get(strides[k][1]);
      code.push(mulI, addI);
      number(2);
      code.push(shlI, addI);
      set(p[k]);
    });
    get(outAt);
    get(row);
    get(n0);
    code.push(mulI);
    number(2);
    code.push(shlI, addI);
    set(o);
    get(n0);
    set(rest);
    prepare("input");
    elements();
    advance(row, 1);
    code.push(0x0c, 0, 0x0b, 0x0b);
  } else {
    inputs.forEach((kind, k) => {
      get(inputAt[k]);
      if (kind === "each") {
        get(i0);
        number(2);
        code.push(shlI, addI);
      }
      set(p[k]);
    });
    get(outAt);
    get(i0);
    number(2);
    code.push(shlI, addI);
    set(o);
    get(i1);
    get(i0);
    code.push(subI);
    set(rest);
    prepare("input");
    elements();
  }
  if (sum) {
    get(doubles);
    simd(0x21, 0);
    get(doubles);
    simd(0x21, 1);
    code.push(0xa0); // f64.add
  } else get(total);
  code.push(0x0b);

  const groups = locals.flatMap((type) => [1, type]);
  const fn = [...leb(locals.length), ...groups, ...code];
  const limits = sharedMemory ? [3, 1, ...leb(65536)] : [1, 1, ...leb(65536)];
  return new Uint8Array([
    0,
    97,
    115,
    109,
    1,
    0,
    0,
    0,
    ...section(1, [1, 0x60, ...leb(parameters.length), ...parameters, 1, f64]),
    ...section(2, [1, ...text("env"), ...text("memory"), 2, ...limits]),
    ...section(3, [1, 0]),
    ...section(7, [1, ...text("run"), 0, 0]),
    ...section(10, [1, ...leb(fn.length), ...fn]),
  ]);
}
