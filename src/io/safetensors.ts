import { ArgumentError, FormatError } from "../core/errors.js";
import { bfloatToFloat, floatToBfloat, floatToHalf, halfToFloat } from "./half.js";
import {
  allocateScalars,
  concatBytes,
  decodeScalars,
  encodeScalars,
  type ScalarType,
  scalarBytes,
  scalarTypeOf,
  type TypedArray,
} from "./raw.js";

/** A plain array, last axis fastest. */
export interface PlainTensor<Data extends TypedArray = TypedArray> {
  /** Lengths of the axes, the slowest first. */
  readonly shape: readonly number[];
  /** The numbers. */
  readonly data: Data;
}
/** What a safetensors file holds: arrays and texts by name. */
export interface TensorFile {
  /** half and brain floats are widened to Float32Array, booleans are 0 and 1 in a Uint8Array */
  readonly tensors: Readonly<
    Record<
      string,
      PlainTensor & {
        /** as stored: "F32", "BF16" … */
        /** Type of the numbers. */
        readonly dtype: string;
      }
    >
  >;
  /** Words that travel with the file. */
  readonly metadata: Readonly<Record<string, string>>;
}

const types: Readonly<Record<string, { readonly type: ScalarType; readonly widen?: (bits: number) => number }>> = {
  F64: { type: "float64" },
  F32: { type: "float32" },
  F16: { type: "uint16", widen: halfToFloat },
  BF16: { type: "uint16", widen: bfloatToFloat },
  I64: { type: "int64" },
  I32: { type: "int32" },
  I16: { type: "int16" },
  I8: { type: "int8" },
  U64: { type: "uint64" },
  U32: { type: "uint32" },
  U16: { type: "uint16" },
  U8: { type: "uint8" },
  BOOL: { type: "uint8" },
};
/** As the format's own library: longer headers are refused. */
const longestHeader = 100_000_000;

const isRecord = (v: unknown): v is Record<string, unknown> => typeof v === "object" && v !== null && !Array.isArray(v);
const isSize = (v: unknown): v is number => Number.isSafeInteger(v) && (v as number) >= 0;
const short = (v: unknown) => {
  const text = JSON.stringify(v) ?? "nothing";
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
};

function headerOf(bytes: Uint8Array): { readonly header: Record<string, unknown>; readonly start: number } {
  if (bytes.length < 10) throw new FormatError(`safetensors: ${bytes.length} bytes came; a file has 8 bytes of length and a header`, {});
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32;
  if (length > bytes.length - 8 || length > longestHeader)
    throw new FormatError(
      `safetensors: the first 8 bytes promise a header of ${length} bytes, and ${bytes.length - 8} follow; this is another kind of file, or it is cut off`,
      { length },
    );
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(8, 8 + length)));
  } catch (cause) {
    throw new FormatError("safetensors: the header is not JSON; this is another kind of file, or it is damaged", {}, { cause });
  }
  if (!isRecord(header)) throw new FormatError(`safetensors: the header is ${short(header)}; an object was expected`, {});
  return { header, start: 8 + length };
}

/**
 * Reads a safetensors file: a length (u64), a JSON header of names, types, shapes and places, and the numbers, little-endian.
 * @throws FormatError a damaged header, a type that is not read (8-bit floats), places that overlap, leave gaps or lie outside the file
 */
export function readSafetensors(bytes: Uint8Array): TensorFile {
  const { header, start } = headerOf(bytes);
  const room = bytes.length - start;
  const { __metadata__: texts = {}, ...entries } = header;
  if (!isRecord(texts) || Object.values(texts).some((v) => typeof v !== "string"))
    throw new FormatError(`safetensors: __metadata__ is ${short(texts)}; texts by name were expected`, {});
  const places: (readonly [from: number, to: number, name: string])[] = [];
  const checked = Object.entries(entries).map(([name, entry]) => {
    const wrong = (what: string, details = {}) => new FormatError(`safetensors: "${name.slice(0, 60)}": ${what}`, { name, ...details });
    if (!isRecord(entry)) throw wrong(`its entry is ${short(entry)}; dtype, shape and data_offsets were expected`);
    const { dtype, shape, data_offsets: offsets } = entry;
    const kind = typeof dtype === "string" && Object.hasOwn(types, dtype) ? types[dtype] : undefined;
    if (!kind) throw wrong(`dtype ${short(dtype)} cannot be read; ${Object.keys(types).join(", ")} can`, { dtype });
    if (!Array.isArray(shape) || shape.length > 32 || !shape.every(isSize))
      throw wrong(`the shape ${short(shape)} is not usable`, { shape });
    if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize))
      throw wrong(`data_offsets ${short(offsets)} are no two places`);
    const [from, to] = offsets as [number, number];
    const count = shape.includes(0) ? 0 : (shape as number[]).reduce((a, b) => a * b, 1);
    if (to < from || to > room)
      throw wrong(`it lies at bytes ${from} to ${to} of ${room}; the file is cut off or damaged`, { from, to, room });
    if (to - from !== count * scalarBytes[kind.type])
      throw wrong(`shape ${short(shape)} of ${dtype} takes ${count * scalarBytes[kind.type]} bytes, and ${to - from} are given`, { shape });
    places.push([from, to, name]);
    return { name, dtype: dtype as string, kind, shape: shape as number[], from, count };
  });
  let covered = 0;
  for (const [from, to, name] of places.sort((a, b) => a[0] - b[0] || a[1] - b[1])) {
    if (from !== covered)
      throw new FormatError(
        `safetensors: "${name.slice(0, 60)}" begins at byte ${from}, and the one before ends at ${covered}; the file is damaged`,
        {
          name,
        },
      );
    covered = to;
  }
  if (covered !== room)
    throw new FormatError(`safetensors: the header speaks of ${covered} bytes of numbers, and ${room} came`, { covered, room });
  const tensors = checked.map(({ name, dtype, kind, shape, from, count }) => {
    const raw = decodeScalars(bytes, start + from, count, kind.type, true);
    return [name, { shape, data: kind.widen ? Float32Array.from(raw as Uint16Array, kind.widen) : raw, dtype }] as const;
  });
  return { tensors: Object.fromEntries(tensors), metadata: texts as Record<string, string> };
}

const codes: Readonly<Record<ScalarType, string>> = {
  float64: "F64",
  float32: "F32",
  int64: "I64",
  int32: "I32",
  int16: "I16",
  int8: "I8",
  uint64: "U64",
  uint32: "U32",
  uint16: "U16",
  uint8: "U8",
};
const narrow = { f16: { code: "F16", bits: floatToHalf }, bf16: { code: "BF16", bits: floatToBfloat } } as const;

/**
 * Writes a safetensors file. Wide types come first, so that all numbers lie at multiples of their size; equal contents give equal files.
 * @param floats  how Float32Arrays are stored: as they are (default), or rounded to half or brain floats
 * @throws ArgumentError when a shape and its data do not fit
 */
export function writeSafetensors(
  tensors: Readonly<Record<string, PlainTensor>>,
  metadata: Readonly<Record<string, string>> = {},
  { floats = "f32" }: { readonly floats?: "f32" | "f16" | "bf16" } = {},
): Uint8Array {
  const parts = Object.entries(tensors).map(([name, { shape, data }]) => {
    const count = shape.reduce((a, b) => a * b, 1);
    if (data.length !== count)
      throw new ArgumentError(`safetensors: "${name}" of shape (${shape.join(", ")}) needs ${count} values, ${data.length} came`, {
        name,
        shape,
      });
    if (name === "__metadata__") throw new ArgumentError('safetensors: "__metadata__" is the format\'s own name; choose another', { name });
    if (!(data instanceof Float32Array) || floats === "f32") return { name, shape, dtype: codes[scalarTypeOf(data)], data };
    const { code, bits } = narrow[floats];
    const rounded = allocateScalars("uint16", count) as Uint16Array;
    for (let i = 0; i < count; i++) rounded[i] = bits(data[i]);
    return { name, shape, dtype: code, data: rounded };
  });
  parts.sort((a, b) => b.data.BYTES_PER_ELEMENT - a.data.BYTES_PER_ELEMENT || (a.name < b.name ? -1 : 1));
  let at = 0;
  const entries = parts.map(({ name, shape, dtype, data }) => {
    const from = at;
    at += data.byteLength;
    return [name, { dtype, shape, data_offsets: [from, at] }] as const;
  });
  const texts = Object.keys(metadata).length > 0 ? [["__metadata__", metadata] as const] : [];
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries([...texts, ...entries])));
  const head = new Uint8Array(8 + Math.ceil(json.length / 8) * 8).fill(32); // spaces up to a multiple of 8
  new DataView(head.buffer).setBigUint64(0, BigInt(head.length - 8), true);
  head.set(json, 8);
  return concatBytes([head, ...parts.map((p) => encodeScalars(p.data))]);
}
