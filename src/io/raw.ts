import { FormatError } from "../core/errors.js";

/** Every array type a file may hold. */
export type TypedArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;
/** Array types of image values: 64-bit integers have become Float64Array (exact up to 2^53). */
export type PixelArray = Exclude<TypedArray, BigInt64Array | BigUint64Array>;
/** What the channels of an image mean. `other`: several values per point of unknown or mixed meaning; `complex`: planes re, im. */
export type ChannelKind = "scalar" | "graya" | "rgb" | "rgba" | "vector" | "tensor" | "time" | "complex" | "other";

/**
 * An image as read from a file, before it becomes tensors: values in physical units (after slope and intercept) and where they lie.
 *
 *     point = origin + direction · (spacing ∘ index),   LPS mm
 *
 * Values are planar, `[channel][z][y][x]`, x fastest, whatever the order in the file.
 */
export interface RawImage {
  /** the stored type is kept where no slope or intercept changes the values; int64 and uint64 become Float64Array */
  readonly data: PixelArray;
  /** colours, vector components or time frames */
  readonly channels: number;
  /** What the channels are: a scalar, colours, a vector, frames. */
  readonly channelKind: ChannelKind;
  /** x, y[, z] */
  readonly size: readonly number[];
  /** mm per voxel along x, y[, z]; 1 for plain pictures */
  readonly spacing: readonly number[];
  /** physical position of the centre of voxel 0, mm; 0 for plain pictures */
  readonly origin: readonly number[];
  /** n×n row-major; column j is the physical direction of index axis j */
  readonly direction: readonly number[];
  /** time between frames, in the file's own unit (seconds where the file says so); only for channelKind "time" */
  readonly frameSpacing?: number;
  /** what only this format knows; `warnings` (string[]) when something was repaired or ignored */
  readonly meta: Readonly<Record<string, unknown>>;
}

/** Names of the scalar types files store. */
export type ScalarType = "int8" | "uint8" | "int16" | "uint16" | "int32" | "uint32" | "int64" | "uint64" | "float32" | "float64";

/** Bytes of one value. */
export const scalarBytes: Readonly<Record<ScalarType, number>> = {
  int8: 1,
  uint8: 1,
  int16: 2,
  uint16: 2,
  int32: 4,
  uint32: 4,
  int64: 8,
  uint64: 8,
  float32: 4,
  float64: 8,
};

const arrayOf = {
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  float32: Float32Array,
  float64: Float64Array,
} as const;

/** A zeroed array of a scalar type. */
export function allocateScalars(type: ScalarType, count: number): TypedArray {
  return new arrayOf[type](count);
}

/** The scalar type of an array. */
export function scalarTypeOf(array: TypedArray): ScalarType {
  for (const type of Object.keys(arrayOf) as ScalarType[]) if (array instanceof arrayOf[type]) return type;
  throw new FormatError("image: values must be a typed array of a numeric type", {});
}

/** A new array of the same type as `like`. */
export function sameType(like: PixelArray, count: number): PixelArray {
  return allocateScalars(scalarTypeOf(like), count) as PixelArray;
}

const hostLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** Reverses the bytes of every value of `width` bytes, in place. */
export function swapBytes(bytes: Uint8Array, width: number): void {
  if (width === 2) {
    for (let i = 0; i + 1 < bytes.length; i += 2) {
      const a = bytes[i];
      bytes[i] = bytes[i + 1];
      bytes[i + 1] = a;
    }
  } else if (width === 4) {
    for (let i = 0; i + 3 < bytes.length; i += 4) {
      const a = bytes[i];
      const b = bytes[i + 1];
      bytes[i] = bytes[i + 3];
      bytes[i + 1] = bytes[i + 2];
      bytes[i + 2] = b;
      bytes[i + 3] = a;
    }
  } else if (width === 8) {
    for (let i = 0; i + 7 < bytes.length; i += 8) bytes.subarray(i, i + 8).reverse();
  }
}

/** `count` values of a type from `offset` on, as a copy in the host's byte order. */
export function decodeScalars(bytes: Uint8Array, offset: number, count: number, type: ScalarType, littleEndian: boolean): TypedArray {
  const width = scalarBytes[type];
  const copy = new Uint8Array(count * width);
  copy.set(bytes.subarray(offset, offset + count * width));
  if (littleEndian !== hostLittleEndian) swapBytes(copy, width);
  return new arrayOf[type](copy.buffer);
}

/** The bytes of an array in the asked byte order; a view of the array itself when nothing has to change. */
export function encodeScalars(array: TypedArray, littleEndian = true): Uint8Array {
  const view = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  if (littleEndian === hostLittleEndian || array.BYTES_PER_ELEMENT === 1) return view;
  const copy = view.slice();
  swapBytes(copy, array.BYTES_PER_ELEMENT);
  return copy;
}

/**
 * 64-bit integers as Float64Array, other types as they are.
 * @throws FormatError naming the first value beyond ±2^53, which a float64 cannot hold exactly
 */
export function exactPixels(format: string, array: TypedArray): PixelArray {
  if (!(array instanceof BigInt64Array || array instanceof BigUint64Array)) return array;
  const n = array.length;
  const out = new Float64Array(n);
  const low = new Uint32Array(array.buffer, array.byteOffset, 2 * n);
  const signed = array instanceof BigInt64Array;
  const high = signed ? new Int32Array(array.buffer, array.byteOffset, 2 * n) : low;
  const [l, h] = hostLittleEndian ? [0, 1] : [1, 0];
  for (let i = 0; i < n; i++) {
    const value = high[2 * i + h] * 4294967296 + low[2 * i + l];
    if (value > 9007199254740992 || value < -9007199254740992 || (Math.abs(value) === 9007199254740992 && BigInt(value) !== array[i]))
      throw new FormatError(
        `${format}: value ${array[i]} at position ${i} is beyond 2^53, which a float64 cannot hold exactly; store smaller numbers, e.g. renumber the labels`,
        { value: array[i], position: i },
      );
    out[i] = value;
  }
  return out;
}

/** Interleaved `[point][channel]` to planar `[channel][point]`. */
export function planar<T extends TypedArray>(interleaved: T, channels: number): T {
  if (channels === 1) return interleaved;
  const n = Math.floor(interleaved.length / channels);
  const out = allocateScalars(scalarTypeOf(interleaved), n * channels) as T;
  for (let c = 0; c < channels; c++) {
    const base = c * n;
    for (let i = 0, j = c; i < n; i++, j += channels) out[base + i] = interleaved[j];
  }
  return out;
}

/** Planar `[channel][point]` to interleaved `[point][channel]`. */
export function interleaved<T extends TypedArray>(planes: T, channels: number): T {
  if (channels === 1) return planes;
  const n = Math.floor(planes.length / channels);
  const out = allocateScalars(scalarTypeOf(planes), n * channels) as T;
  for (let c = 0; c < channels; c++) {
    const base = c * n;
    for (let i = 0, j = c; i < n; i++, j += channels) out[j] = planes[base + i];
  }
  return out;
}

/** slope · v + intercept: float32 for types that fit it exactly (8 and 16 bits, float32), else float64. */
export function rescaled(data: PixelArray, slope: number, intercept: number): PixelArray {
  if (slope === 1 && intercept === 0) return data;
  const wide = data instanceof Float64Array || data instanceof Int32Array || data instanceof Uint32Array;
  const out = wide ? new Float64Array(data.length) : new Float32Array(data.length);
  for (let i = 0; i < data.length; i++) out[i] = slope * data[i] + intercept;
  return out;
}

/**
 * Number of voxels, after checking every extent and that the bytes that came can hold them: a header is never trusted with memory.
 * @param available  bytes that came (after `compressed`: before inflation; deflate cannot expand more than 1032 times)
 */
export function checkedCount(
  format: string,
  extents: readonly number[],
  bytesPerVoxel: number,
  available: number,
  compressed = false,
): number {
  let count = 1;
  for (const n of extents) {
    if (!Number.isInteger(n) || n < 1)
      throw new FormatError(`${format}: size ${extents.join("×")} is not usable; every extent must be a whole number of at least 1`, {
        extents,
      });
    count *= n;
  }
  const promised = Math.ceil(count * bytesPerVoxel);
  if (promised > (compressed ? 1032 * available + 1024 : available))
    throw new FormatError(
      `${format}: the header promises ${extents.join("×")} values, ${promised} bytes, but ${available} ${compressed ? "compressed " : ""}bytes came; the file is truncated or its header is damaged`,
      { promised, came: available, extents },
    );
  if (promised > 2 ** 40 || !Number.isSafeInteger(promised))
    throw new FormatError(`${format}: the header promises ${promised} bytes, which is more than can be held in memory`, { promised });
  return count;
}

/** Determinant of a 2×2 or 3×3 row-major matrix. */
export function determinant(m: readonly number[]): number {
  if (m.length === 4) return m[0] * m[3] - m[1] * m[2];
  return m[0] * (m[4] * m[8] - m[5] * m[7]) - m[1] * (m[3] * m[8] - m[5] * m[6]) + m[2] * (m[3] * m[7] - m[4] * m[6]);
}

/** Identity n×n, row-major. */
export function identityMatrix(n: number): number[] {
  return Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 1 : 0));
}

/** Inverse of a 2×2 or 3×3 row-major matrix. */
export function inverseMatrix(m: readonly number[]): number[] {
  const det = determinant(m);
  if (m.length === 4) return [m[3] / det, -m[1] / det, -m[2] / det, m[0] / det];
  const c = (a: number, b: number, d: number, e: number) => (m[a] * m[b] - m[d] * m[e]) / det;
  return [
    c(4, 8, 5, 7),
    c(2, 7, 1, 8),
    c(1, 5, 2, 4),
    c(5, 6, 3, 8),
    c(0, 8, 2, 6),
    c(2, 3, 0, 5),
    c(3, 7, 4, 6),
    c(1, 6, 0, 7),
    c(0, 4, 1, 3),
  ];
}

/** Largest entry of |DᵀD − I|: 0 for a rotation or reflection. */
export function orthonormalityDefect(direction: readonly number[]): number {
  const n = Math.round(Math.sqrt(direction.length));
  let worst = 0;
  for (let i = 0; i < n; i++)
    for (let j = 0; j <= i; j++) {
      let dot = 0;
      for (let k = 0; k < n; k++) dot += direction[k * n + i] * direction[k * n + j];
      worst = Math.max(worst, Math.abs(dot - (i === j ? 1 : 0)));
    }
  return worst;
}

/**
 * Spacing and direction from the matrix `A = direction · diag(spacing)` of a header.
 * Rounding in the header (up to 1e-3) is taken out by the polar decomposition, D ← ½ (D + D⁻ᵀ) to its fixed point; a sheared matrix stays as
 * `A` divided by its column lengths, with a warning, because a grid's direction must be orthonormal.
 */
export function splitAffine(format: string, matrix: readonly number[], warnings: string[]): { spacing: number[]; direction: number[] } {
  const n = Math.round(Math.sqrt(matrix.length));
  if (!matrix.every(Number.isFinite))
    throw new FormatError(`${format}: the orientation matrix holds NaN or infinite numbers: ${matrix.join(" ")}`, { matrix });
  const spacing = Array.from({ length: n }, (_, j) => Math.hypot(...Array.from({ length: n }, (_, i) => matrix[i * n + j])));
  if (spacing.some((s) => !(s > 0) || !Number.isFinite(s)))
    throw new FormatError(`${format}: the orientation matrix is singular (voxel sizes ${spacing.join(", ")})`, { matrix, spacing });
  return {
    spacing,
    direction: cleanDirection(
      format,
      matrix.map((v, i) => v / spacing[i % n]),
      warnings,
    ),
  };
}

/** Direction with the header's rounding taken out; see `splitAffine`. */
export function cleanDirection(format: string, direction: readonly number[], warnings: string[]): number[] {
  if (!direction.every(Number.isFinite))
    throw new FormatError(`${format}: the direction matrix holds NaN or infinite numbers`, { direction });
  if (Math.abs(determinant(direction)) < 1e-6)
    throw new FormatError(`${format}: the direction matrix is singular: ${direction.map((v) => +v.toPrecision(6)).join(" ")}`, {
      direction,
    });
  const n = Math.round(Math.sqrt(direction.length));
  const rounded = direction.map((v) => Math.round(v) + 0);
  // Axis-aligned up to f32 rounding: the exact matrix was meant, and equal grids should compare equal.
  if (direction.every((v, i) => Math.abs(v - rounded[i]) < 1e-6) && orthonormalityDefect(rounded) === 0) return rounded;
  const defect = orthonormalityDefect(direction);
  if (defect > 1e-3) {
    warnings.push(
      `${format}: the axes are sheared (|DᵀD − I| = ${defect.toPrecision(3)}); direction is not orthonormal, resample to a regular grid before measuring`,
    );
    return [...direction];
  }
  let d = [...direction];
  for (let i = 0; i < 6 && orthonormalityDefect(d) > 1e-15; i++) {
    const inverse = inverseMatrix(d);
    d = d.map((v, k) => 0.5 * (v + inverse[(k % n) * n + Math.floor(k / n)]));
  }
  return d;
}

/** A RawImage after the checks every reader owes: lengths agree, geometry is finite and regular. */
export function rawImage(
  format: string,
  o: Omit<RawImage, "spacing" | "origin" | "direction" | "meta"> &
    Partial<Pick<RawImage, "spacing" | "origin" | "direction">> & { meta?: Record<string, unknown>; warnings?: string[] },
): RawImage {
  const n = o.size.length;
  const spacing = o.spacing ?? o.size.map(() => 1);
  const origin = o.origin ?? o.size.map(() => 0);
  const direction = o.direction ?? identityMatrix(n);
  if (n !== 2 && n !== 3) throw new FormatError(`${format}: ${n} spatial axes came; 2 or 3 were expected`, { size: o.size });
  if (!o.size.every((s) => Number.isInteger(s) && s > 0) || !(o.channels > 0))
    throw new FormatError(`${format}: an image of ${o.size.join("×")} points and ${o.channels} channels is empty`, { size: o.size });
  const count = o.size.reduce((a, b) => a * b, o.channels);
  if (o.data.length !== count)
    throw new FormatError(`${format}: ${count} values were promised, ${o.data.length} came`, { promised: count, came: o.data.length });
  if (spacing.length !== n || !spacing.every((s) => Number.isFinite(s) && s > 0))
    throw new FormatError(`${format}: spacing ${spacing.join(", ")} is not usable; ${n} positive numbers were expected`, { spacing });
  if (origin.length !== n || !origin.every(Number.isFinite))
    throw new FormatError(`${format}: origin ${origin.join(", ")} is not usable; ${n} finite numbers were expected`, { origin });
  if (direction.length !== n * n || !direction.every(Number.isFinite) || Math.abs(determinant(direction)) < 1e-6)
    throw new FormatError(`${format}: direction ${direction.join(" ")} is not a regular ${n}×${n} matrix`, { direction });
  const { warnings, meta, frameSpacing, ...rest } = o;
  return {
    ...rest,
    spacing,
    origin,
    direction,
    ...(frameSpacing !== undefined && Number.isFinite(frameSpacing) && frameSpacing > 0 ? { frameSpacing } : {}),
    meta: { format, ...meta, ...(warnings && warnings.length > 0 ? { warnings } : {}) },
  };
}

/** Latin-1 text of some bytes (headers are ASCII; no byte can fail to decode). */
export function latin1(bytes: Uint8Array, from = 0, to = bytes.length): string {
  let text = "";
  for (let i = from; i < Math.min(to, bytes.length); i += 8192)
    text += String.fromCharCode(...bytes.subarray(i, Math.min(i + 8192, to, bytes.length)));
  return text;
}

/** Concatenation. */
export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** Files that belong to the one being read, by name (header and data pairs). */
export type Siblings = ReadonlyMap<string, Uint8Array> | ((name: string) => Uint8Array | undefined);

/**
 * A file named in a header. Only plain relative names are followed: a header must not choose files elsewhere on the disk.
 * @throws FormatError when the name leaves the folder or no such file came
 */
export function sibling(format: string, name: string, siblings: Siblings | undefined): Uint8Array {
  if (/^([/\\]|[A-Za-z]:)/.test(name) || name.split(/[/\\]/).includes(".."))
    throw new FormatError(
      `${format}: the header names the data file "${name}", outside its own folder; put both files in one folder and name it plainly`,
      { name },
    );
  const found = typeof siblings === "function" ? siblings(name) : siblings?.get(name);
  if (!found)
    throw new FormatError(`${format}: the data file "${name}" named in the header was not given; keep it beside the header`, { name });
  return found;
}
