import { zipSync } from "fflate";
import { ArgumentError, FormatError } from "../core/errors.js";
import { halfToFloat } from "./half.js";
import { inflate } from "./inflate.js";
import {
  allocateScalars,
  checkedCount,
  concatBytes,
  decodeScalars,
  encodeScalars,
  exactPixels,
  latin1,
  type RawImage,
  rawImage,
  type ScalarType,
  scalarBytes,
  scalarTypeOf,
  type TypedArray,
} from "./raw.js";

/** A plain array: values in C order (last axis fastest), whatever the order in the file. */
export interface ArrayFile {
  /** Lengths of the axes, the slowest first. */
  readonly shape: readonly number[];
  /** for complex arrays re and im alternate: twice as long as the product of shape */
  readonly data: TypedArray;
  /** Whether pairs of numbers are complex ones. */
  readonly complex: boolean;
  /** NumPy's name of the stored type, e.g. "<f4", "|b1"; half floats are widened to float32, booleans are 0 and 1 in a Uint8Array */
  readonly dtype: string;
}

const kinds: Readonly<Record<string, { type: ScalarType; complex?: boolean }>> = {
  b1: { type: "uint8" },
  i1: { type: "int8" },
  u1: { type: "uint8" },
  i2: { type: "int16" },
  u2: { type: "uint16" },
  i4: { type: "int32" },
  u4: { type: "uint32" },
  i8: { type: "int64" },
  u8: { type: "uint64" },
  f4: { type: "float32" },
  f8: { type: "float64" },
  c8: { type: "float32", complex: true },
  c16: { type: "float64", complex: true },
};

/** Whether bytes begin like a .npy file. */
export function isNpy(bytes: Uint8Array): boolean {
  return bytes.length > 8 && bytes[0] === 0x93 && latin1(bytes, 1, 6) === "NUMPY";
}

/** C order from Fortran order: `parts` values per element stay together. */
function fromFortran(data: TypedArray, shape: readonly number[], parts: number): TypedArray {
  const rank = shape.length;
  if (rank < 2) return data;
  const out = allocateScalars(scalarTypeOf(data), data.length);
  const total = data.length / parts;
  const strides: number[] = [];
  let s = 1;
  for (const n of shape) {
    strides.push(s);
    s *= n;
  }
  const index = new Array<number>(rank).fill(0);
  let from = 0;
  for (let to = 0; to < total; to++) {
    for (let p = 0; p < parts; p++) out[to * parts + p] = data[from * parts + p];
    for (let axis = rank - 1; axis >= 0; axis--) {
      from += strides[axis];
      if (++index[axis] < shape[axis]) break;
      from -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return out;
}

/**
 * Reads a NumPy .npy file, versions 1 to 3: booleans, integers of 8 to 64 bits, half, single and double floats, complex64 and complex128, either
 * byte order, C or Fortran order. Strings, records and Python objects are refused.
 * @throws FormatError damaged header, an unreadable dtype, fewer bytes than promised
 */
export function readNpy(bytes: Uint8Array): ArrayFile {
  if (!isNpy(bytes)) throw new FormatError('npy: the file does not begin with "\\x93NUMPY"; this is no .npy file', {});
  const major = bytes[6];
  if (major < 1 || major > 3) throw new FormatError(`npy: version ${major}.${bytes[7]}; 1 to 3 were expected`, { major });
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = major === 1 ? 10 : 12;
  if (bytes.length < start) throw new FormatError("npy: the file ends inside its header", {});
  const length = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (start + length > bytes.length) throw new FormatError(`npy: the header promises ${length} bytes, ${bytes.length - start} came`, {});
  if (length > 1 << 20) throw new FormatError(`npy: a header of ${length} bytes is too long`, {});
  const header = latin1(bytes, start, start + length);
  const descr = /['"]descr['"]\s*:\s*['"]([^'"]*)['"]/.exec(header)?.[1];
  const order = /['"]fortran_order['"]\s*:\s*(True|False)/.exec(header)?.[1];
  const shapeText = /['"]shape['"]\s*:\s*\(([^)]*)\)/.exec(header)?.[1];
  if (descr === undefined && /['"]descr['"]\s*:\s*\[/.test(header))
    throw new FormatError("npy: a record (structured) array cannot be read; save one field at a time", {});
  if (descr === undefined || order === undefined || shapeText === undefined)
    throw new FormatError(`npy: the header "${header.trim().slice(0, 80)}" lacks descr, fortran_order or shape`, {});
  const shape = shapeText
    .split(",")
    .map((s) => s.trim())
    .filter(Boolean)
    .map((s) => (/^\d+L?$/.test(s) ? Number.parseInt(s, 10) : Number.NaN));
  if (shape.length > 32 || shape.some((n) => !Number.isSafeInteger(n)))
    throw new FormatError(`npy: the shape (${shapeText.slice(0, 80)}) is not usable`, { shapeText });
  const [, byteOrder, code] = /^([<>|=]?)([\s\S]*)$/.exec(descr) as RegExpExecArray;
  const half = code === "f2";
  const kind = half ? { type: "uint16" as const, complex: false } : kinds[code];
  if (!kind)
    throw new FormatError(
      `npy: dtype "${descr}" cannot be read${code === "O" ? " (Python objects are never loaded)" : ""}; save the array as a numeric type`,
      { descr },
    );
  const parts = kind.complex ? 2 : 1;
  const at = start + length;
  const empty = shape.some((n) => n === 0);
  const count = empty ? 0 : checkedCount("npy", shape, parts * scalarBytes[kind.type], bytes.length - at);
  let data = decodeScalars(bytes, at, count * parts, kind.type, byteOrder !== ">");
  if (half) data = Float32Array.from(data as Uint16Array, halfToFloat);
  if (order === "True") data = fromFortran(data, shape, parts);
  return { shape, data, complex: kind.complex ?? false, dtype: descr };
}

const codes: Readonly<Record<ScalarType, string>> = {
  int8: "|i1",
  uint8: "|u1",
  int16: "<i2",
  uint16: "<u2",
  int32: "<i4",
  uint32: "<u4",
  int64: "<i8",
  uint64: "<u8",
  float32: "<f4",
  float64: "<f8",
};

/**
 * Writes a .npy file (version 1.0, little-endian, C order).
 * @throws ArgumentError when the number of values does not match the shape
 */
export function writeNpy(array: { shape: readonly number[]; data: TypedArray; complex?: boolean }): Uint8Array {
  const { shape, data, complex = false } = array;
  const count = shape.reduce((a, b) => a * b, complex ? 2 : 1);
  if (data.length !== count)
    throw new ArgumentError(`npy: shape (${shape.join(", ")}) needs ${count} values, ${data.length} came`, { shape });
  const type = scalarTypeOf(data);
  if (complex && type !== "float32" && type !== "float64")
    throw new ArgumentError(`npy: complex values must be float32 or float64, not ${type}`, { type });
  const descr = complex ? (type === "float32" ? "<c8" : "<c16") : codes[type];
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape.join(", ")}${shape.length === 1 ? "," : ""}), }`;
  const padded = text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11) + "\n";
  const head = new Uint8Array(10);
  head.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, padded.length & 255, padded.length >> 8]);
  return concatBytes([head, new TextEncoder().encode(padded), encodeScalars(data)]);
}

/** One file inside a zip archive. */
interface ZipEntry {
  name: string;
  method: number;
  compressed: number;
  size: number;
  offset: number;
}

function zipEntries(bytes: Uint8Array): ZipEntry[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let end = -1;
  for (let i = bytes.length - 22; i >= Math.max(0, bytes.length - 22 - 65535) && end < 0; i--)
    if (view.getUint32(i, true) === 0x06054b50) end = i;
  if (end < 0) throw new FormatError("npz: no end-of-archive record; this is no zip archive or it is truncated", {});
  let count = view.getUint16(end + 10, true);
  let at = view.getUint32(end + 16, true);
  if ((count === 0xffff || at === 0xffffffff) && end >= 20 && view.getUint32(end - 20, true) === 0x07064b50) {
    const record = Number(view.getBigUint64(end - 12, true));
    if (record + 56 > bytes.length) throw new FormatError("npz: the zip64 directory lies outside the file", {});
    count = Number(view.getBigUint64(record + 32, true));
    at = Number(view.getBigUint64(record + 48, true));
  }
  const out: ZipEntry[] = [];
  for (let i = 0; i < count; i++) {
    if (at + 46 > bytes.length || view.getUint32(at, true) !== 0x02014b50)
      throw new FormatError("npz: the archive's directory is damaged or truncated", { entry: i });
    const nameLength = view.getUint16(at + 28, true);
    const extraLength = view.getUint16(at + 30, true);
    const entry = {
      name: new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameLength)),
      method: view.getUint16(at + 10, true),
      compressed: view.getUint32(at + 20, true),
      size: view.getUint32(at + 24, true),
      offset: view.getUint32(at + 42, true),
    };
    let extra = at + 46 + nameLength;
    const extraEnd = Math.min(extra + extraLength, bytes.length);
    while (extra + 4 <= extraEnd) {
      const id = view.getUint16(extra, true);
      const length = view.getUint16(extra + 2, true);
      let p = extra + 4;
      if (id === 1)
        for (const key of ["size", "compressed", "offset"] as const)
          if (entry[key] === 0xffffffff && p + 8 <= extraEnd) {
            entry[key] = Number(view.getBigUint64(p, true));
            p += 8;
          }
      extra += 4 + length;
    }
    out.push(entry);
    at += 46 + nameLength + extraLength + view.getUint16(at + 32, true);
  }
  return out;
}

/**
 * Reads a NumPy .npz archive (stored or deflated, zip64) as named arrays; the ".npy" of the inner names is taken off.
 * @param only  read these names only
 * @throws FormatError damaged archive, an encrypted or unknown method, sizes the archive cannot hold
 */
export function readNpz(bytes: Uint8Array, only?: readonly string[]): Map<string, ArrayFile> {
  const out = new Map<string, ArrayFile>();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let total = 0;
  for (const entry of zipEntries(bytes)) {
    const name = entry.name.replace(/\.npy$/, "");
    if (!entry.name.endsWith(".npy") || (only && !only.includes(name))) continue;
    if (entry.offset + 30 > bytes.length || view.getUint32(entry.offset, true) !== 0x04034b50)
      throw new FormatError(`npz: the entry "${name}" points outside the archive`, { name });
    const from = entry.offset + 30 + view.getUint16(entry.offset + 26, true) + view.getUint16(entry.offset + 28, true);
    if (from + entry.compressed > bytes.length)
      throw new FormatError(`npz: the entry "${name}" promises ${entry.compressed} bytes, ${Math.max(0, bytes.length - from)} came`, {
        name,
      });
    if (view.getUint16(entry.offset + 6, true) & 1) throw new FormatError(`npz: the entry "${name}" is encrypted`, { name });
    const body = bytes.subarray(from, from + entry.compressed);
    // Entries may overlap in a hostile archive: the sum of what is unfolded is bounded by what the whole file could hold.
    total += entry.size;
    if (total > 1032 * bytes.length + 1024)
      throw new FormatError(`npz: the archive promises ${total} bytes, more than its ${bytes.length} bytes can hold`, { total });
    if (entry.method !== 0 && entry.method !== 8)
      throw new FormatError(`npz: the entry "${name}" uses compression method ${entry.method}; only stored and deflate are read`, { name });
    const file = entry.method === 0 ? body : inflate("npz", body, "deflate", entry.size);
    if (file.length < entry.size)
      throw new FormatError(`npz: the entry "${name}" promises ${entry.size} bytes, ${file.length} came`, { name });
    out.set(name, readNpy(file));
  }
  return out;
}

/** Writes a .npz archive; level 0 stores (as numpy.savez), 1 … 9 deflates (as numpy.savez_compressed). */
export function writeNpz(
  arrays: ReadonlyMap<string, { shape: readonly number[]; data: TypedArray; complex?: boolean }>,
  o: { level?: number } = {},
): Uint8Array {
  const entries: Record<string, Uint8Array> = {};
  for (const [name, array] of arrays) entries[`${name}.npy`] = writeNpy(array);
  // A fixed date: equal arrays give equal files.
  return zipSync(entries, { level: (o.level ?? 0) as 0, mtime: "1980-01-02" });
}

/**
 * An array as an image: shape (y, x), (z, y, x) or, with `channelsFirst`, (c, y, x) and (c, z, y, x); 4-D arrays always have channels first, 2-D arrays
 * never. Complex arrays become planes re, im. Spacing 1, origin 0.
 */
export function imageFromArray(array: ArrayFile, o: { channelsFirst?: boolean } = {}): RawImage {
  const { shape } = array;
  const rank = shape.length;
  if (rank < 2 || rank > 4 || shape.includes(0))
    throw new FormatError(
      `npy: an array of shape (${shape.join(", ")}) is no image; (y, x), (z, y, x) or (channel, z, y, x) were expected`,
      { shape },
    );
  const leading = rank === 4 || (rank === 3 && o.channelsFirst === true) ? shape[0] : 1;
  const spatial = rank === 4 || (rank === 3 && o.channelsFirst === true) ? shape.slice(1) : shape;
  let data = exactPixels("npy", array.data);
  let channels = leading;
  if (array.complex) {
    if (leading > 1) throw new FormatError("npy: a complex array with several channels is no image; take one channel", { shape });
    const n = data.length / 2;
    const planes = data instanceof Float64Array ? new Float64Array(2 * n) : new Float32Array(2 * n);
    for (let i = 0; i < n; i++) {
      planes[i] = data[2 * i];
      planes[n + i] = data[2 * i + 1];
    }
    data = planes;
    channels = 2;
  }
  return rawImage("npy", {
    data,
    channels,
    channelKind: array.complex ? "complex" : channels === 1 ? "scalar" : "other",
    size: [...spatial].reverse(),
    meta: { dtype: array.dtype, shape },
  });
}

/** An image as an array: (y, x) or (z, y, x), channels first where there are several; complex planes become a complex array. Geometry is lost. */
export function arrayFromImage(image: RawImage): ArrayFile {
  const spatial = [...image.size].reverse();
  if (image.channelKind === "complex" && image.channels === 2) {
    const n = image.data.length / 2;
    const data = image.data instanceof Float64Array ? new Float64Array(2 * n) : new Float32Array(2 * n);
    for (let i = 0; i < n; i++) {
      data[2 * i] = image.data[i];
      data[2 * i + 1] = image.data[n + i];
    }
    return { shape: spatial, data, complex: true, dtype: data instanceof Float64Array ? "<c16" : "<c8" };
  }
  return {
    shape: image.channels > 1 ? [image.channels, ...spatial] : spatial,
    data: image.data,
    complex: false,
    dtype: codes[scalarTypeOf(image.data)],
  };
}
