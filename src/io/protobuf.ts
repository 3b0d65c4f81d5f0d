import { FormatError } from "../core/errors.js";
import { concatBytes } from "./raw.js";

/** One field of a message: its number and what came with it. */
export interface WireField {
  readonly field: number;
  /** 0: a whole number, 1: eight bytes, 2: bytes, 5: four bytes. */
  readonly wire: 0 | 1 | 2 | 5;
  /** Wire type 0, as unsigned. */
  readonly integer: bigint;
  /** All others. */
  readonly bytes: Uint8Array;
}

const nothing = new Uint8Array(0);

/** A whole number of 7 bits a byte, the least first; the place behind it. */
function varint(bytes: Uint8Array, at: number, who: string): { value: bigint; next: number } {
  let low = 0; // the first 28 bits without big numbers: most are short
  for (let k = 0; k < 10; k++) {
    const byte = bytes[at + k];
    if (byte === undefined) throw new FormatError(`${who}: the file ends within a number; it is cut off`, { at });
    if (k < 4) low |= (byte & 0x7f) << (7 * k);
    if (byte < 0x80) {
      if (k < 4) return { value: BigInt(low), next: at + k + 1 };
      let value = 0n;
      for (let j = k; j >= 0; j--) value = (value << 7n) | BigInt(bytes[at + j] & 0x7f);
      return { value: BigInt.asUintN(64, value), next: at + k + 1 };
    }
  }
  throw new FormatError(`${who}: a number of more than ten bytes at byte ${at}; this is another kind of file, or it is damaged`, { at });
}

/**
 * The fields of a protocol buffer message in their order. Groups (wire types 3 and 4, long out of use) are refused.
 * @param who  begins the sentence of an error
 * @throws FormatError when the bytes are no message
 */
export function* wireFields(bytes: Uint8Array, who: string): Generator<WireField> {
  let at = 0;
  while (at < bytes.length) {
    const tag = varint(bytes, at, who);
    const field = Number(tag.value >> 3n);
    const wire = Number(tag.value & 7n);
    if (field < 1 || field > 536870911 || (wire !== 0 && wire !== 1 && wire !== 2 && wire !== 5))
      throw new FormatError(`${who}: byte ${at} begins no field that is known; this is another kind of file, or it is damaged`, { at });
    at = tag.next;
    if (wire === 0) {
      const { value, next } = varint(bytes, at, who);
      at = next;
      yield { field, wire, integer: value, bytes: nothing };
      continue;
    }
    let length = wire === 1 ? 8 : 4;
    if (wire === 2) {
      const { value, next } = varint(bytes, at, who);
      at = next;
      length = Number(value);
    }
    if (length > bytes.length - at)
      throw new FormatError(
        `${who}: a field of ${length} bytes is announced and ${bytes.length - at} follow; the file is cut off or damaged`,
        {
          at,
          length,
        },
      );
    yield { field, wire, integer: 0n, bytes: bytes.subarray(at, at + length) };
    at += length;
  }
}

/** Signed whole numbers are stored as their 64 bits. */
export const signed = (v: bigint): bigint => BigInt.asIntN(64, v);

const viewOf = (b: Uint8Array) => new DataView(b.buffer, b.byteOffset, b.byteLength);
/** One number of a repeated field, or all of a packed one. */
export function wireIntegers(f: WireField, who: string): bigint[] {
  if (f.wire === 0) return [f.integer];
  if (f.wire !== 2) throw new FormatError(`${who}: field ${f.field} should hold whole numbers; the file is damaged`, { field: f.field });
  const out: bigint[] = [];
  for (let at = 0; at < f.bytes.length; ) {
    const { value, next } = varint(f.bytes, at, who);
    out.push(value);
    at = next;
  }
  return out;
}
export function wireFloats(f: WireField, who: string): Float32Array {
  if ((f.wire !== 5 && f.wire !== 2) || f.bytes.length % 4 !== 0)
    throw new FormatError(`${who}: field ${f.field} should hold floats; the file is damaged`, { field: f.field });
  const view = viewOf(f.bytes);
  return Float32Array.from({ length: f.bytes.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
}
export function wireDoubles(f: WireField, who: string): Float64Array {
  if ((f.wire !== 1 && f.wire !== 2) || f.bytes.length % 8 !== 0)
    throw new FormatError(`${who}: field ${f.field} should hold doubles; the file is damaged`, { field: f.field });
  const view = viewOf(f.bytes);
  return Float64Array.from({ length: f.bytes.length / 8 }, (_, i) => view.getFloat64(8 * i, true));
}
export function wireText(f: WireField, who: string): string {
  const bytes = wireBytes(f, who);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new FormatError(`${who}: field ${f.field} should be a text and is not UTF-8; the file is damaged`, { field: f.field }, { cause });
  }
}
export function wireBytes(f: WireField, who: string): Uint8Array {
  if (f.wire !== 2) throw new FormatError(`${who}: field ${f.field} should hold bytes; the file is damaged`, { field: f.field });
  return f.bytes;
}
/** A whole number that counts or names something. */
export function wireNumber(f: WireField, who: string): number {
  if (f.wire !== 0) throw new FormatError(`${who}: field ${f.field} should be a whole number; the file is damaged`, { field: f.field });
  return Number(signed(f.integer));
}

function varintBytes(v: bigint): number[] {
  const out: number[] = [];
  let rest = BigInt.asUintN(64, v);
  while (rest > 127n) {
    out.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  out.push(Number(rest));
  return out;
}
/** A message being written; methods return it. Empty repeated fields are left out, as the format does. */
export class WireWriter {
  readonly #parts: Uint8Array[] = [];
  #tag(field: number, wire: number): void {
    this.#parts.push(Uint8Array.from(varintBytes(BigInt(field * 8 + wire))));
  }
  integer(field: number, v: number | bigint): this {
    this.#tag(field, 0);
    this.#parts.push(Uint8Array.from(varintBytes(BigInt(v))));
    return this;
  }
  /** Packed. */
  integers(field: number, vs: readonly (number | bigint)[]): this {
    return vs.length === 0 ? this : this.bytes(field, Uint8Array.from(vs.flatMap((v) => varintBytes(BigInt(v)))));
  }
  float(field: number, v: number): this {
    this.#tag(field, 5);
    const b = new Uint8Array(4);
    viewOf(b).setFloat32(0, v, true);
    this.#parts.push(b);
    return this;
  }
  floats(field: number, vs: readonly number[]): this {
    if (vs.length === 0) return this;
    const b = new Uint8Array(4 * vs.length);
    vs.forEach((v, i) => {
      viewOf(b).setFloat32(4 * i, v, true);
    });
    return this.bytes(field, b);
  }
  bytes(field: number, v: Uint8Array): this {
    this.#tag(field, 2);
    this.#parts.push(Uint8Array.from(varintBytes(BigInt(v.length))), v);
    return this;
  }
  text(field: number, v: string): this {
    return this.bytes(field, new TextEncoder().encode(v));
  }
  message(field: number, v: WireWriter): this {
    return this.bytes(field, v.finish());
  }
  finish(): Uint8Array {
    return concatBytes(this.#parts);
  }
}
