/**
 * A module without relaxed instructions from one that has them: each is put as the exact sequence it stands for,
 *   a·b + c and c − a·b      a product, rounded, then a sum
 *   dot of bytes by pairs    products of the low and the high halves, the even ones added to the odd ones
 * so that one set of kernels is kept (and loaded) instead of two. Operands wait in two locals that every changed function is given; compilers turn them
 * into registers. Knows what our kernels are made of: numbers, locals, memory, branches, 128-bit vectors.
 */
export function plainSimd(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const out = new Bytes(bytes.length + (bytes.length >> 2));
  const from = new Reader(bytes);
  out.copy(from.take(8));
  let parameters: number[] = [];
  let types: number[] = [];
  while (from.at < bytes.length) {
    const id = bytes[from.at++];
    const size = from.number();
    const section = new Reader(bytes, from.at, from.at + size);
    const content = from.take(size);
    if (id === 1)
      parameters = section.list(() => {
        section.at++; // func
        const count = section.list(() => section.at++).length;
        section.list(() => section.at++);
        return count;
      });
    if (id === 3) types = section.list(() => section.number());
    out.byte(id);
    if (id !== 10) {
      out.number(size).copy(content);
      continue;
    }
    const code = new Bytes(size + (size >> 2));
    const count = section.number();
    code.number(count);
    for (let k = 0; k < count; k++) {
      const length = section.number();
      const body = new Reader(bytes, section.at, section.at + length);
      section.at += length;
      rewritten(body, parameters[types[k]], code);
    }
    out.number(code.length).copy(code.all());
  }
  return out.all();
}

const [localGet, localSet, localTee] = [0x20, 0x21, 0x22];
const v128 = 0x7b;
const relaxed = { madd: 0x105, nmadd: 0x106, dot: 0x112 };
const vector = { shuffle: 13, sum16: 142, low: 156, high: 157, add: 228, sub: 229, mul: 230 };
const lanes = (odd: number) => Array.from({ length: 16 }, (_, k) => 4 * (k >> 1) + 2 * odd + (k & 1));

/** One function with its relaxed instructions put otherwise. */
function rewritten(body: Reader, parameters: number, out: Bytes): void {
  const whole = body.bytes.subarray(body.at, body.end);
  let own = parameters;
  const groups = body.list(() => {
    const [count, type] = [body.number(), body.bytes[body.at++]];
    own += count;
    return [count, type];
  });
  const start = body.at;
  const [t, u] = [own, own + 1];
  const sites = relaxedIn(body.bytes, start, body.end);
  if (sites.length === 0) {
    out.number(whole.length).copy(whole);
    return;
  }
  const code = new Bytes(whole.length + 6 * sites.length + 64);
  let copied = start;
  const put = (...sequence: readonly (readonly number[])[]) => {
    for (const [op, argument] of sequence)
      if (argument === undefined) code.byte(0xfd).number(op);
      else code.byte(op).number(argument);
  };
  for (let k = 0; k < sites.length; k += 2) {
    const [at, op] = [sites[k], sites[k + 1]];
    code.copy(body.bytes.subarray(copied, at));
    copied = at + 3;
    if (op === relaxed.madd) put([localSet, t], [vector.mul], [localGet, t], [vector.add]);
    else if (op === relaxed.nmadd) put([localSet, t], [vector.mul], [localSet, u], [localGet, t], [localGet, u], [vector.sub]);
    else {
      put([localSet, u], [localTee, t], [localGet, u], [vector.low], [localGet, t], [localGet, u], [vector.high]);
      put([localSet, u], [localTee, t], [localGet, u], [vector.shuffle]);
      code.copy(lanes(0));
      put([localGet, t], [localGet, u], [vector.shuffle]);
      code.copy(lanes(1));
      put([vector.sum16]);
    }
  }
  code.copy(body.bytes.subarray(copied, body.end));
  const head = new Bytes(16 + 6 * groups.length);
  head.number(groups.length + 1);
  for (const [count, type] of [...groups, [2, v128]]) head.number(count).byte(type);
  out
    .number(head.length + code.length)
    .copy(head.all())
    .copy(code.all());
}

class Reader {
  constructor(
    readonly bytes: Uint8Array,
    public at = 0,
    readonly end = bytes.length,
  ) {}
  take(count: number): Uint8Array {
    this.at += count;
    return this.bytes.subarray(this.at - count, this.at);
  }
  /** LEB128, unsigned; of signed ones it only skips. */
  number(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const b = this.bytes[this.at++];
      value |= (b & 127) << shift;
      if (b < 128) return value >>> 0;
    }
  }
  list<T>(item: () => T): T[] {
    return Array.from({ length: this.number() }, item);
  }
}

/** How an instruction goes on after its first byte: as many numbers, or else by itself. */
const [otherwise, unknown] = [8, 9];
const following = new Uint8Array(256).fill(unknown);
for (const [first, last, numbers] of [
  [0x00, 0x01, 0],
  [0x02, 0x04, 1],
  [0x05, 0x05, 0],
  [0x0b, 0x0b, 0],
  [0x0c, 0x0d, 1],
  [0x0e, 0x0e, otherwise],
  [0x0f, 0x0f, 0],
  [0x10, 0x10, 1],
  [0x1a, 0x1b, 0],
  [0x20, 0x24, 1],
  [0x28, 0x3e, 2],
  [0x3f, 0x42, 1],
  [0x43, 0x44, otherwise],
  [0x45, 0xc4, 0],
  [0xfc, 0xfe, otherwise],
])
  following.fill(numbers, first, last + 1);

/** Where the relaxed instructions of a function are: place and number, one after the other. Written flat: it reads all code before the first kernel can run. */
function relaxedIn(bytes: Uint8Array, start: number, end: number): number[] {
  const found: number[] = [];
  for (let at = start; at < end; ) {
    const begin = at;
    const op = bytes[at++];
    let numbers = following[op];
    if (numbers >= otherwise) {
      if (numbers === unknown) throw new Error(`kernels: instruction ${op} is not known here`);
      numbers = 0;
      if (op === 0x43) at += 4;
      else if (op === 0x44) at += 8;
      else {
        let k = bytes[at++];
        if (k >= 128) k = (k & 127) | (bytes[at++] << 7);
        if (op === 0x0e) numbers = k + 1;
        else if (op === 0xfd) {
          if (k <= 11 || k === 92 || k === 93) numbers = 2;
          else if (k <= 13) at += 16;
          else if (k >= 21 && k <= 34) at++;
          else if (k >= 84 && k <= 91) {
            while (bytes[at++] >= 128);
            while (bytes[at++] >= 128);
            at++;
          } else if (k >= 0x100) {
            if (k !== relaxed.madd && k !== relaxed.nmadd && k !== relaxed.dot)
              throw new Error(`kernels: the relaxed instruction ${k} has no plain form here`);
            found.push(begin, k);
          }
        } else if (op === 0xfe) numbers = k === 3 ? 1 : 2;
        else if (k > 11 || k === 8 || k === 9) throw new Error(`kernels: instruction 0xfc ${k} is not known here`);
        else numbers = k === 10 ? 2 : k === 11 ? 1 : 0;
      }
    }
    for (; numbers > 0; numbers--) while (bytes[at++] >= 128);
  }
  return found;
}

/** Bytes that grow. */
class Bytes {
  length = 0;
  #held: Uint8Array<ArrayBuffer>;
  constructor(size: number) {
    this.#held = new Uint8Array(size);
  }
  #room(more: number): void {
    if (this.length + more <= this.#held.length) return;
    const larger = new Uint8Array(Math.max(2 * this.#held.length, this.length + more));
    larger.set(this.#held.subarray(0, this.length));
    this.#held = larger;
  }
  byte(b: number): this {
    this.#room(1);
    this.#held[this.length++] = b;
    return this;
  }
  number(value: number): this {
    for (; value >= 128; value >>>= 7) this.byte((value & 127) | 128);
    return this.byte(value);
  }
  copy(from: ArrayLike<number>): this {
    this.#room(from.length);
    this.#held.set(from, this.length);
    this.length += from.length;
    return this;
  }
  all(): Uint8Array<ArrayBuffer> {
    return this.#held.slice(0, this.length);
  }
}
