import { ArgumentError, FormatError } from "../core/errors.js";
import { deflate, inflate } from "./inflate.js";
import {
  type ChannelKind,
  checkedCount,
  cleanDirection,
  concatBytes,
  decodeScalars,
  encodeScalars,
  exactPixels,
  interleaved,
  latin1,
  type PixelArray,
  planar,
  type RawImage,
  rawImage,
  rescaled,
  type ScalarType,
  type Siblings,
  scalarBytes,
  scalarTypeOf,
  sibling,
} from "./raw.js";

const elementTypes: Readonly<Record<string, ScalarType>> = {
  MET_CHAR: "int8",
  MET_UCHAR: "uint8",
  MET_SHORT: "int16",
  MET_USHORT: "uint16",
  MET_INT: "int32",
  MET_UINT: "uint32",
  // MetaIO fixes MET_LONG at four bytes, whatever the machine calls long.
  MET_LONG: "int32",
  MET_ULONG: "uint32",
  MET_LONG_LONG: "int64",
  MET_ULONG_LONG: "uint64",
  MET_FLOAT: "float32",
  MET_DOUBLE: "float64",
  MET_CHAR_ARRAY: "int8",
  MET_UCHAR_ARRAY: "uint8",
  MET_SHORT_ARRAY: "int16",
  MET_USHORT_ARRAY: "uint16",
  MET_INT_ARRAY: "int32",
  MET_UINT_ARRAY: "uint32",
  MET_FLOAT_ARRAY: "float32",
  MET_DOUBLE_ARRAY: "float64",
};
const elementNames: Readonly<Record<ScalarType, string>> = {
  int8: "MET_CHAR",
  uint8: "MET_UCHAR",
  int16: "MET_SHORT",
  uint16: "MET_USHORT",
  int32: "MET_INT",
  uint32: "MET_UINT",
  int64: "MET_LONG_LONG",
  uint64: "MET_ULONG_LONG",
  float32: "MET_FLOAT",
  float64: "MET_DOUBLE",
};

/** Whether bytes begin like a MetaImage header. */
export function isMetaImage(bytes: Uint8Array): boolean {
  const start = latin1(bytes, 0, 512);
  return /^\s*(ObjectType|NDims|Comment|ObjectSubType|ID|Name)\s*=/.test(start) && /(^|\n)\s*(NDims|ObjectType)\s*=/.test(start);
}

const yes = (v: string | undefined) => v !== undefined && /^(true|1|yes)/i.test(v);

/** Numbers separated by white space; NaN for anything else. */
const numbers = (v: string) =>
  v
    .trim()
    .split(/[\s,]+/)
    .map(Number);

/**
 * Reads MetaImage: .mha (header and data in one file) or .mhd with its data file, a `LIST` or a numbered pattern of slices. Every ElementType,
 * several channels, both byte orders, zlib-compressed and ASCII data. A fourth dimension is time. The header's geometry is LPS already; its
 * TransformMatrix lists one index axis after the other, i.e. the columns of direction.
 * @param siblings  the other files of the folder, by name, for .mhd
 * @throws FormatError damaged header, missing data file, fewer bytes than promised, singular orientation
 */
export function readMetaImage(bytes: Uint8Array, siblings?: Siblings): RawImage {
  const fields = new Map<string, string>();
  const pairs: Record<string, string> = {};
  let at = 0;
  let dataFile: string | undefined;
  while (dataFile === undefined) {
    if (at >= bytes.length || at > 1 << 20)
      throw new FormatError(
        'metaimage: the header has no "ElementDataFile" line, which must be its last; this is no MetaImage or it is truncated',
        {},
      );
    let end = bytes.indexOf(10, at);
    if (end < 0) end = bytes.length;
    const line = latin1(bytes, at, end).replace(/\r$/, "");
    at = end + 1;
    const eq = line.indexOf("=");
    if (eq < 0) {
      if (line.trim() === "") continue;
      throw new FormatError(`metaimage: the header line "${line.slice(0, 60)}" is not of the form "Key = value"`, {});
    }
    const key = line.slice(0, eq).trim();
    const value = line.slice(eq + 1).trim();
    fields.set(key.toLowerCase(), value);
    pairs[key] = value;
    if (key.toLowerCase() === "elementdatafile") dataFile = value;
  }
  const get = (...keys: string[]) => {
    for (const key of keys) if (fields.has(key)) return fields.get(key);
    return undefined;
  };
  const list = (count: number, ...keys: string[]): number[] | undefined => {
    const value = get(...keys);
    if (value === undefined) return undefined;
    const v = numbers(value);
    if (v.length < count || v.slice(0, count).some((x) => !Number.isFinite(x)))
      throw new FormatError(`metaimage: ${keys[0]} = ${value.slice(0, 80)} should hold ${count} finite numbers`, { value });
    return v.slice(0, count);
  };
  const n = Number(get("ndims"));
  if (!(n >= 1 && n <= 5 && Number.isInteger(n)))
    throw new FormatError(`metaimage: NDims = ${get("ndims") ?? "(missing)"}; 2, 3 or 4 were expected`, {});
  const dims = list(n, "dimsize");
  if (!dims) throw new FormatError("metaimage: the header has no DimSize", {});
  const typeName = (get("elementtype") ?? "").toUpperCase();
  const type = elementTypes[typeName];
  if (!type)
    throw new FormatError(`metaimage: ElementType = ${typeName || "(missing)"} is not one of ${Object.values(elementNames).join(", ")}`, {
      typeName,
    });
  const components = Number(get("elementnumberofchannels") ?? 1);
  if (!Number.isInteger(components) || components < 1)
    throw new FormatError(`metaimage: ElementNumberOfChannels = ${get("elementnumberofchannels")} is not usable`, {});
  const warnings: string[] = [];
  const littleEndian = !yes(get("elementbyteordermsb", "binarydatabyteordermsb", "byteordermsb"));
  const compressed = yes(get("compresseddata"));
  const ascii = get("binarydata") !== undefined && !yes(get("binarydata"));
  const width = scalarBytes[type];

  const local = /^local$/i.test(dataFile);
  const perFile = (text: string): Uint8Array[] => {
    if (/^list/i.test(text)) {
      const names = latin1(bytes, at)
        .split(/\r?\n/)
        .map((s) => s.trim())
        .filter(Boolean);
      if (names.length > 65536) throw new FormatError(`metaimage: a LIST of ${names.length} data files is too long`, {});
      return names.map((name) => sibling("metaimage", name, siblings));
    }
    const pattern = /^(\S*%0?\d*d\S*)\s+(\d+)\s+(\d+)(?:\s+(\d+))?$/.exec(text);
    if (pattern) {
      const [first, last, step] = [Number(pattern[2]), Number(pattern[3]), Math.max(1, Number(pattern[4] ?? 1))];
      if (last - first > 65536 * step) throw new FormatError(`metaimage: the pattern "${text}" names too many data files`, {});
      const out: Uint8Array[] = [];
      for (let i = first; i <= last; i += step)
        out.push(
          sibling(
            "metaimage",
            pattern[1].replace(/%(0?)(\d*)d/, (_, zero: string, w: string) =>
              String(i).padStart(Math.min(20, Number(w) || 0), zero ? "0" : " "),
            ),
            siblings,
          ),
        );
      return out;
    }
    return [sibling("metaimage", text, siblings)];
  };
  let parts = local ? [bytes.subarray(at)] : perFile(dataFile);
  const available = parts.reduce((a, p) => a + p.length, 0);
  const count = checkedCount("metaimage", [...dims, components], ascii ? 1 : width, available, compressed);
  if (count * width > 2 ** 40) throw new FormatError(`metaimage: the header promises ${count} values`, { count });
  const promised = count * width;
  const headerSize = Number(get("headersize") ?? 0);
  if (!Number.isInteger(headerSize) || headerSize < -1)
    throw new FormatError(`metaimage: HeaderSize = ${get("headersize")} is not usable`, {});
  if (!local && headerSize !== 0)
    parts = parts.map((p) =>
      headerSize > 0 ? p.subarray(headerSize) : p.subarray(Math.max(0, p.length - Math.floor(promised / parts.length))),
    );
  let stored: PixelArray;
  if (ascii) {
    const words = latin1(concatBytes(parts))
      .trim()
      .split(/[\s,]+/);
    if (words.length < count)
      throw new FormatError(`metaimage: ${count} numbers were promised, ${words.length} came`, { promised: count, came: words.length });
    const values = decodeScalars(new Uint8Array(0), 0, count, type === "int64" || type === "uint64" ? "float64" : type, true) as PixelArray;
    for (let i = 0; i < count; i++) {
      values[i] = Number(words[i]);
      if (words[i] === "" || (Number.isNaN(Number(words[i])) && !/^[-+]?nan$/i.test(words[i])))
        throw new FormatError(`metaimage: "${words[i].slice(0, 20)}" is not a number`, { position: i });
    }
    stored = values;
  } else {
    const raw = compressed
      ? parts.length === 1
        ? inflate("metaimage", parts[0], "zlib", promised)
        : concatBytes(parts.map((p) => inflate("metaimage", p, "zlib", promised)))
      : parts.length === 1
        ? parts[0]
        : concatBytes(parts);
    if (raw.length < promised)
      throw new FormatError(`metaimage: the header promises ${promised} bytes of data, ${raw.length} came; the file is truncated`, {
        promised,
        came: raw.length,
      });
    stored = exactPixels("metaimage", decodeScalars(raw, 0, count, type, littleEndian));
  }
  let data = planar(stored, components);
  const slope = list(1, "elementtointensityfunctionslope")?.[0] ?? 1;
  const intercept = list(1, "elementtointensityfunctionoffset")?.[0] ?? 0;
  data = rescaled(data, slope, intercept);

  const spatial = Math.min(3, Math.max(2, n));
  const frames = n === 4 ? dims[3] : 1;
  if (n === 5) throw new FormatError(`metaimage: ${n} dimensions; 2, 3 or 4 were expected`, { dims });
  if (frames > 1 && components > 1)
    throw new FormatError("metaimage: a time series of several channels cannot be read; split it into single frames", { dims, components });
  const spacing = list(n, "elementspacing", "elementsize") ?? dims.map(() => 1);
  const origin = list(n, "offset", "position", "origin") ?? dims.map(() => 0);
  const rows = list(n * n, "transformmatrix", "rotation", "orientation");
  const space = [...spacing, 1].slice(0, spatial);
  let signed = false;
  space.forEach((s, i) => {
    if (s === 0) {
      warnings.push(`metaimage: ElementSpacing is 0 along ${"xyz"[i]}; 1 was taken`);
      space[i] = 1;
    } else if (s < 0) signed = true;
  });
  let direction = Array.from({ length: spatial * spatial }, (_, k) => {
    const i = Math.floor(k / spatial);
    const j = k % spatial;
    // file row j is index axis j
    return rows && i < n && j < n ? rows[j * n + i] : i === j ? 1 : 0;
  });
  if (signed) {
    warnings.push(`metaimage: negative ElementSpacing ${spacing.join(" ")} was read as a reversed axis`);
    direction = direction.map((v, k) => (space[k % spatial] < 0 ? -v : v) + 0);
  }
  const columns = Array.from({ length: spatial }, (_, j) =>
    Math.hypot(...Array.from({ length: spatial }, (_, i) => direction[i * spatial + j])),
  );
  if (columns.some((c) => !(c > 1e-6))) throw new FormatError("metaimage: the TransformMatrix is singular", { rows });
  direction = direction.map((v, k) => (Math.abs(columns[k % spatial] - 1) < 1e-3 ? v : v / columns[k % spatial]));
  if (columns.some((c) => Math.abs(c - 1) >= 1e-3))
    warnings.push("metaimage: the rows of TransformMatrix were not of length 1 and were normalised");
  const kind: ChannelKind = frames > 1 ? "time" : components === 1 ? "scalar" : components === spatial ? "vector" : "other";
  const rgb = components === 3 && type === "uint8" ? "rgb" : components === 4 && type === "uint8" ? "rgba" : kind;
  return rawImage("metaimage", {
    data,
    channels: components * frames,
    channelKind: rgb,
    size: [...dims, 1].slice(0, spatial),
    spacing: space.map(Math.abs),
    origin: [...origin, 0].slice(0, spatial),
    direction: cleanDirection("metaimage", direction, warnings),
    ...(kind === "time" ? { frameSpacing: spacing[3] } : {}),
    meta: { storedType: type, littleEndian, compressed, header: pairs },
    warnings,
  });
}

/** How to write a MetaImage. */
export interface MetaImageOptions {
  /** zlib; default false */
  readonly compress?: boolean;
  /** The order of bytes; default little-endian. */
  readonly littleEndian?: boolean;
  /** 0 … 9, default 6 */
  readonly level?: number;
  /** name of the data file beside a .mhd header; without it the data follow the header (.mha) */
  readonly dataFile?: string;
}

/** A MetaImage as header and data bytes: one after the other is a .mha; with `dataFile`, the two files of a .mhd. */
export function writeMetaImageParts(image: RawImage, o: MetaImageOptions = {}): { header: Uint8Array; data: Uint8Array } {
  const { littleEndian = true, compress = false } = o;
  const time = image.channelKind === "time" && image.channels > 1;
  const n = image.size.length;
  if (time && n !== 3)
    throw new ArgumentError(
      "metaimage: a time series of two-dimensional images cannot be written; give the images a third axis of length 1",
      { size: image.size },
    );
  const rank = time ? 4 : n;
  const components = time ? 1 : image.channels;
  const values = time ? image.data : interleaved(image.data, image.channels);
  const raw = encodeScalars(values, littleEndian);
  const data = compress ? deflate(raw, "zlib", o.level) : raw;
  // file row j is index axis j: the transpose of direction
  const rows = Array.from({ length: rank * rank }, (_, k) => {
    const j = Math.floor(k / rank);
    const i = k % rank;
    return i < n && j < n ? image.direction[i * n + j] : i === j ? 1 : 0;
  });
  const lines = [
    "ObjectType = Image",
    `NDims = ${rank}`,
    "BinaryData = True",
    `BinaryDataByteOrderMSB = ${littleEndian ? "False" : "True"}`,
    `CompressedData = ${compress ? "True" : "False"}`,
    ...(compress ? [`CompressedDataSize = ${data.length}`] : []),
    `TransformMatrix = ${rows.join(" ")}`,
    `Offset = ${[...image.origin, ...(time ? [0] : [])].join(" ")}`,
    `CenterOfRotation = ${Array(rank).fill(0).join(" ")}`,
    `ElementSpacing = ${[...image.spacing, ...(time ? [image.frameSpacing ?? 1] : [])].join(" ")}`,
    `DimSize = ${[...image.size, ...(time ? [image.channels] : [])].join(" ")}`,
    ...(components > 1 ? [`ElementNumberOfChannels = ${components}`] : []),
    `ElementType = ${elementNames[scalarTypeOf(image.data)]}`,
    `ElementDataFile = ${o.dataFile ?? "LOCAL"}`,
  ];
  return { header: new TextEncoder().encode(lines.join("\n") + "\n"), data };
}

/** Writes one .mha file. Time becomes the fourth dimension, other channels are interleaved; geometry is LPS as stored. */
export function writeMetaImage(image: RawImage, o: Omit<MetaImageOptions, "dataFile"> = {}): Uint8Array {
  const { header, data } = writeMetaImageParts(image, o);
  return concatBytes([header, data]);
}
