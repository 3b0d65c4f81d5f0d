import { ArgumentError, FormatError } from "../core/errors.js";
import { deflate, inflate, isGzip } from "./inflate.js";
import {
  type ChannelKind,
  checkedCount,
  cleanDirection,
  concatBytes,
  decodeScalars,
  determinant,
  encodeScalars,
  exactPixels,
  interleaved,
  latin1,
  orthonormalityDefect,
  type PixelArray,
  planar,
  type RawImage,
  rawImage,
  rescaled,
  type ScalarType,
  scalarBytes,
  scalarTypeOf,
  splitAffine,
} from "./raw.js";

/** datatype code → scalar type and values per voxel */
const dataTypes: Readonly<Record<number, { type: ScalarType; parts: number; kind?: ChannelKind; name: string }>> = {
  2: { type: "uint8", parts: 1, name: "uint8" },
  4: { type: "int16", parts: 1, name: "int16" },
  8: { type: "int32", parts: 1, name: "int32" },
  16: { type: "float32", parts: 1, name: "float32" },
  32: { type: "float32", parts: 2, kind: "complex", name: "complex64" },
  64: { type: "float64", parts: 1, name: "float64" },
  128: { type: "uint8", parts: 3, kind: "rgb", name: "rgb24" },
  256: { type: "int8", parts: 1, name: "int8" },
  512: { type: "uint16", parts: 1, name: "uint16" },
  768: { type: "uint32", parts: 1, name: "uint32" },
  1024: { type: "int64", parts: 1, name: "int64" },
  1280: { type: "uint64", parts: 1, name: "uint64" },
  1792: { type: "float64", parts: 2, kind: "complex", name: "complex128" },
  2304: { type: "uint8", parts: 4, kind: "rgba", name: "rgba32" },
};
const unreadable: Readonly<Record<number, string>> = { 1: "1-bit", 1536: "float128", 2048: "complex256" };
const codeOf: Readonly<Record<ScalarType, number>> = {
  uint8: 2,
  int16: 4,
  int32: 8,
  float32: 16,
  float64: 64,
  int8: 256,
  uint16: 512,
  uint32: 768,
  int64: 1024,
  uint64: 1280,
};
const timeUnits: Readonly<Record<number, number>> = { 8: 1, 16: 1e-3, 24: 1e-6 };
const lengthUnits: Readonly<Record<number, number>> = { 1: 1000, 2: 1, 3: 1e-3 };
/** intent codes */
const intentSymmetricMatrix = 1005;
const intentDisplacement = 1006;
const intentVector = 1007;

interface Header {
  version: 1 | 2;
  littleEndian: boolean;
  pair: boolean;
  dim: number[];
  pixdim: number[];
  datatype: number;
  voxOffset: number;
  slope: number;
  intercept: number;
  units: number;
  intent: number;
  intentName: string;
  description: string;
  qformCode: number;
  sformCode: number;
  quatern: number[];
  qoffset: number[];
  srow: number[];
  headerBytes: number;
}

const text = (bytes: Uint8Array, from: number, length: number) =>
  latin1(bytes, from, from + length)
    .replace(/\0[\s\S]*$/, "")
    .trim();

/** Whether (uncompressed) bytes begin like NIfTI-1, NIfTI-2 or Analyze 7.5. */
export function isNifti(bytes: Uint8Array): boolean {
  if (bytes.length < 348) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const little = view.getInt32(0, true);
  const big = view.getInt32(0, false);
  return little === 348 || big === 348 || ((little === 540 || big === 540) && /^n[i+]2/.test(latin1(bytes, 4, 8)));
}

function readHeader(bytes: Uint8Array): Header {
  if (bytes.length < 348) throw new FormatError(`nifti: ${bytes.length} bytes came; a header alone is 348`, { came: bytes.length });
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const sizes = [view.getInt32(0, true), view.getInt32(0, false)];
  const littleEndian = sizes[0] === 348 || sizes[0] === 540;
  const size = littleEndian ? sizes[0] : sizes[1];
  if (size !== 348 && size !== 540)
    throw new FormatError(
      "nifti: the first four bytes are not 348 (NIfTI-1) or 540 (NIfTI-2) in either byte order; this is no NIfTI file",
      {},
    );
  if (bytes.length < size)
    throw new FormatError(`nifti: ${bytes.length} bytes came; a NIfTI-2 header alone is 540`, { came: bytes.length });
  const e = littleEndian;
  const i16 = (at: number) => view.getInt16(at, e);
  const i32 = (at: number) => view.getInt32(at, e);
  const f32 = (at: number) => view.getFloat32(at, e);
  const f64 = (at: number) => view.getFloat64(at, e);
  const i64 = (at: number) => Number(view.getBigInt64(at, e));
  const list = (n: number, from: number, step: number, read: (at: number) => number) =>
    Array.from({ length: n }, (_, i) => read(from + i * step));
  if (size === 348) {
    const magic = latin1(bytes, 344, 347);
    const analyze = magic !== "n+1" && magic !== "ni1";
    return {
      version: 1,
      littleEndian,
      pair: magic !== "n+1",
      dim: list(8, 40, 2, i16),
      pixdim: list(8, 76, 4, f32),
      datatype: i16(70),
      voxOffset: f32(108),
      slope: analyze ? 1 : f32(112),
      intercept: analyze ? 0 : f32(116),
      units: analyze ? 2 : bytes[123],
      intent: analyze ? 0 : i16(68),
      intentName: analyze ? "" : text(bytes, 328, 16),
      description: text(bytes, 148, 80),
      qformCode: analyze ? 0 : i16(252),
      sformCode: analyze ? 0 : i16(254),
      quatern: list(3, 256, 4, f32),
      qoffset: list(3, 268, 4, f32),
      srow: list(12, 280, 4, f32),
      headerBytes: 348,
    };
  }
  return {
    version: 2,
    littleEndian,
    pair: latin1(bytes, 4, 7) === "ni2",
    dim: list(8, 16, 8, i64),
    pixdim: list(8, 104, 8, f64),
    datatype: i16(12),
    voxOffset: i64(168),
    slope: f64(176),
    intercept: f64(184),
    units: i32(500),
    intent: i32(504),
    intentName: text(bytes, 508, 16),
    description: text(bytes, 240, 80),
    qformCode: i32(344),
    sformCode: i32(348),
    quatern: list(3, 352, 8, f64),
    qoffset: list(3, 376, 8, f64),
    srow: list(12, 400, 8, f64),
    headerBytes: 540,
  };
}

/** Rotation of the quaternion (a, b, c, d), a = √(1 − b² − c² − d²); third column times qfac. */
function quaternionMatrix([b, c, d]: readonly number[], qfac: number): number[] {
  let a = 1 - (b * b + c * c + d * d);
  if (a < 1e-7) {
    const s = 1 / Math.hypot(b, c, d);
    b *= s;
    c *= s;
    d *= s;
    a = 0;
  } else a = Math.sqrt(a);
  return [
    a * a + b * b - c * c - d * d,
    2 * (b * c - a * d),
    2 * (b * d + a * c) * qfac,
    2 * (b * c + a * d),
    a * a + c * c - b * b - d * d,
    2 * (c * d - a * b) * qfac,
    2 * (b * d - a * c),
    2 * (c * d + a * b),
    (a * a + d * d - b * b - c * c) * qfac,
  ];
}

/** Spacing, origin and direction in LPS from sform (code > 0), else qform (code > 0), else the voxel sizes. */
function geometry(h: Header, n: number, warnings: string[]): Pick<RawImage, "spacing" | "origin" | "direction"> & { source: string } {
  const scale = lengthUnits[h.units & 7] ?? 1;
  const pixdim = h.pixdim.slice(1, 4).map((p, i) => {
    const used = i < Math.min(3, h.dim[0]);
    if (Number.isFinite(p) && p !== 0) return Math.abs(p);
    if (used && (!Number.isFinite(p) || h.dim[i + 1] > 1) && h.sformCode <= 0)
      warnings.push(`nifti: voxel size ${p} along ${"xyz"[i]} is not usable; 1 mm was taken`);
    return 1;
  });
  let matrix: number[];
  let offset: number[];
  let source = "sform";
  const sformUsable =
    h.sformCode > 0 && h.srow.every(Number.isFinite) && Math.abs(determinant([0, 1, 2, 4, 5, 6, 8, 9, 10].map((i) => h.srow[i]))) > 1e-12;
  if (h.sformCode > 0 && !sformUsable) {
    if (h.qformCode <= 0)
      throw new FormatError(`nifti: the sform matrix is singular or not finite (${h.srow.join(" ")}) and there is no qform`, {
        srow: h.srow,
      });
    warnings.push("nifti: the sform matrix is singular or not finite; the qform was used");
  }
  if (sformUsable) {
    matrix = [0, 1, 2, 4, 5, 6, 8, 9, 10].map((i) => h.srow[i]);
    offset = [h.srow[3], h.srow[7], h.srow[11]];
  } else if (h.qformCode > 0) {
    source = "qform";
    if (!h.quatern.every(Number.isFinite) || !h.qoffset.every(Number.isFinite))
      throw new FormatError("nifti: the qform holds NaN or infinite numbers", { quatern: h.quatern, qoffset: h.qoffset });
    const rotation = quaternionMatrix(h.quatern, h.pixdim[0] < 0 ? -1 : 1);
    matrix = rotation.map((v, i) => v * pixdim[i % 3]);
    offset = [...h.qoffset];
  } else {
    source = "none";
    warnings.push(
      "nifti: no sform and no qform: position and orientation are unknown; axes were taken as left, posterior, superior from origin 0",
    );
    // as ITK does, so that points agree with its tools
    matrix = [-pixdim[0], 0, 0, 0, -pixdim[1], 0, 0, 0, pixdim[2]];
    offset = [0, 0, 0];
  }
  // RAS → LPS: x and y change sign.
  const lps = matrix.map((v, i) => (i < 6 ? -v : v) * scale + 0);
  const origin = [-offset[0] * scale + 0, -offset[1] * scale + 0, offset[2] * scale];
  if (n === 3) return { ...splitAffine("nifti", lps, warnings), origin, source };
  const plane = [lps[0], lps[1], lps[3], lps[4]];
  const full = splitAffine("nifti", lps, []);
  const flat = [full.direction[0], full.direction[1], full.direction[3], full.direction[4]];
  if (orthonormalityDefect(flat) > 1e-3) {
    warnings.push(
      "nifti: a two-dimensional image lies obliquely in space; its position in the plane was kept, the direction set to identity",
    );
    return { spacing: full.spacing.slice(0, 2), direction: [1, 0, 0, 1], origin: origin.slice(0, 2), source };
  }
  return { ...splitAffine("nifti", plane, warnings), origin: origin.slice(0, 2), source };
}

/**
 * Reads NIfTI-1, NIfTI-2 or Analyze 7.5 (.nii, .nii.gz, or .hdr with its .img): every scalar type, RGB, complex, both byte orders, slope and
 * intercept, time series (channels, kind "time") and vectors (5-D, kind "vector"). Geometry from the sform if its code is positive, else the
 * qform, else the voxel sizes; RAS becomes LPS and the file's length unit mm. Frame times are in seconds when the header names a time unit.
 * Extensions are skipped. 2-D files (dim[0] = 2) give 2-D images; a third axis of length 1 stays.
 * @param image  the .img bytes when `bytes` is the .hdr of a pair (may be gzipped too)
 * @throws FormatError damaged or unsupported header, fewer bytes than promised, singular orientation
 * @see Cox et al. (2004), NIfTI-1 data format; nifti1.h
 */
export function readNifti(bytes: Uint8Array, image?: Uint8Array): RawImage {
  const zipped = isGzip(bytes);
  const head = zipped ? inflate("nifti", bytes, "gzip", 540) : bytes;
  const h = readHeader(head);
  const rank = h.dim[0];
  if (!(rank >= 1 && rank <= 7)) throw new FormatError(`nifti: ${rank} axes; 1 to 7 were expected`, { dim: h.dim });
  const dim = h.dim.map((d, i) => (i >= 1 && i <= rank ? d : 1));
  if (dim[6] > 1 || dim[7] > 1)
    throw new FormatError(
      `nifti: size ${dim.slice(1, rank + 1).join("×")} has more than 5 axes; only x, y, z, time and vector are understood`,
      { dim: h.dim },
    );
  const known = dataTypes[h.datatype];
  if (!known) {
    const name = unreadable[h.datatype];
    throw new FormatError(
      `nifti: datatype ${h.datatype}${name ? ` (${name})` : ""} cannot be read; convert the image to float32 or an integer type first`,
      {
        datatype: h.datatype,
      },
    );
  }
  if (known.parts > 1 && dim[4] * dim[5] > 1)
    throw new FormatError(`nifti: a series or vector of ${known.name} voxels cannot be read; split it into single images`, { dim: h.dim });
  const warnings: string[] = [];
  const bytesPerVoxel = scalarBytes[known.type] * known.parts;
  const extents = dim.slice(1, 6);
  if (h.pair && !image) throw new FormatError("nifti: this is the header of a .hdr/.img pair; give the .img file beside it", {});
  const body = h.pair ? (image as Uint8Array) : bytes;
  const bodyZipped = h.pair ? isGzip(body) : zipped;
  if (!Number.isFinite(h.voxOffset) || h.voxOffset < 0 || h.voxOffset > 2 ** 40)
    throw new FormatError(`nifti: the data offset ${h.voxOffset} is not usable`, { voxOffset: h.voxOffset });
  const offset = h.pair ? Math.floor(h.voxOffset) : Math.max(Math.floor(h.voxOffset), h.headerBytes);
  checkedCount("nifti", extents, bytesPerVoxel, bodyZipped ? body.length : Math.max(0, body.length - offset), bodyZipped);
  const voxels = extents.reduce((a, b) => a * b, 1);
  const end = offset + voxels * bytesPerVoxel;
  if (bodyZipped && end > 1032 * body.length + 1024)
    throw new FormatError(`nifti: the header promises data up to byte ${end}; ${body.length} compressed bytes cannot hold them`, {
      promised: end,
      came: body.length,
    });
  const all = bodyZipped ? inflate("nifti", body, "gzip", end) : body;
  if (all.length < end)
    throw new FormatError(
      `nifti: the header promises ${end} bytes (${extents.join("×")} ${known.name}), ${all.length} came; the file is truncated`,
      {
        promised: end,
        came: all.length,
      },
    );
  let data: PixelArray = exactPixels("nifti", decodeScalars(all, offset, voxels * known.parts, known.type, h.littleEndian));
  if (known.parts > 1) data = planar(data, known.parts);
  if (known.kind !== "rgb" && known.kind !== "rgba" && Number.isFinite(h.slope) && h.slope !== 0) {
    if (Number.isFinite(h.intercept)) data = rescaled(data, h.slope, known.kind === "complex" ? 0 : h.intercept);
    else warnings.push(`nifti: intercept ${h.intercept} is not a number; no scaling was applied`);
  }
  const n = rank === 2 && dim[3] === 1 ? 2 : 3;
  const frames = dim[4];
  const components = dim[5];
  let channels = frames * components * known.parts;
  let channelKind: ChannelKind = known.kind ?? "scalar";
  if (frames > 1 && components > 1) {
    channelKind = "other";
    warnings.push(`nifti: ${frames} frames of ${components} components; channels run over frames first, then components`);
  } else if (frames > 1) channelKind = "time";
  else if (components > 1) channelKind = h.intent === intentSymmetricMatrix ? "tensor" : "vector";
  // RGB stored as a plain extra axis is not told apart; a single-channel "vector" stays scalar.
  if (channels < 1) channels = 1;
  const { source, ...place } = geometry(h, n, warnings);
  const seconds = timeUnits[h.units & 0x38];
  return rawImage("nifti", {
    data,
    channels,
    channelKind,
    size: dim.slice(1, n + 1),
    ...place,
    ...(channelKind === "time" ? { frameSpacing: Math.abs(h.pixdim[4]) * (seconds ?? 1) } : {}),
    meta: {
      version: h.version,
      littleEndian: h.littleEndian,
      storedType: known.name,
      orientationSource: source,
      qformCode: h.qformCode,
      sformCode: h.sformCode,
      ...(h.intent ? { intentCode: h.intent } : {}),
      ...(h.intentName ? { intentName: h.intentName } : {}),
      ...(h.description ? { description: h.description } : {}),
      ...(frames > 1 && components > 1 ? { frames, components } : {}),
    },
    warnings,
  });
}

/** Quaternion (b, c, d) and qfac of an orthonormal matrix. */
function matrixQuaternion(m: readonly number[]): { quatern: number[]; qfac: number } {
  const qfac = determinant(m) < 0 ? -1 : 1;
  const r = m.map((v, i) => (i % 3 === 2 ? v * qfac : v));
  const trace = r[0] + r[4] + r[8] + 1;
  let a: number;
  let b: number;
  let c: number;
  let d: number;
  if (trace > 0.5) {
    a = 0.5 * Math.sqrt(trace);
    b = (0.25 * (r[7] - r[5])) / a;
    c = (0.25 * (r[2] - r[6])) / a;
    d = (0.25 * (r[3] - r[1])) / a;
  } else {
    const xd = 1 + r[0] - (r[4] + r[8]);
    const yd = 1 + r[4] - (r[0] + r[8]);
    const zd = 1 + r[8] - (r[0] + r[4]);
    if (xd > 1) {
      b = 0.5 * Math.sqrt(xd);
      c = (0.25 * (r[1] + r[3])) / b;
      d = (0.25 * (r[2] + r[6])) / b;
      a = (0.25 * (r[7] - r[5])) / b;
    } else if (yd > 1) {
      c = 0.5 * Math.sqrt(yd);
      b = (0.25 * (r[1] + r[3])) / c;
      d = (0.25 * (r[5] + r[7])) / c;
      a = (0.25 * (r[2] - r[6])) / c;
    } else {
      d = 0.5 * Math.sqrt(zd);
      b = (0.25 * (r[2] + r[6])) / d;
      c = (0.25 * (r[5] + r[7])) / d;
      a = (0.25 * (r[3] - r[1])) / d;
    }
    if (a < 0) {
      b = -b;
      c = -c;
      d = -d;
    }
  }
  return { quatern: [b, c, d], qfac };
}

/** How to write a NIfTI file. */
export interface NiftiOptions {
  /** 1 (default) or 2; an extent beyond 32767 needs 2 and chooses it */
  readonly version?: 1 | 2;
  /** default: by the name in `writeRaw`, false here */
  readonly gzip?: boolean;
  /** The order of bytes; default little-endian. */
  readonly littleEndian?: boolean;
  /** 0 … 9, default 6 */
  readonly level?: number;
  /** intent code; default 1007 for vectors, else the image's own `meta.intentCode` or 0 */
  readonly intent?: number;
  /** Up to 79 letters in the header. */
  readonly description?: string;
}

/**
 * Writes one .nii file (header, no extensions, data). Geometry goes to sform and qform (both code 1), LPS becomes RAS; a sheared direction to the
 * sform alone. Vectors are written 5-D with intent 1007, components in LPS as ITK does; time as the fourth axis in seconds; 8-bit colour as
 * RGB24/RGBA32; complex planes as complex64/128.
 */
export function writeNifti(image: RawImage, o: NiftiOptions = {}): Uint8Array {
  const { littleEndian = true } = o;
  const n = image.size.length;
  const size = [...image.size, 1].slice(0, 3);
  let data = image.data;
  let code = codeOf[scalarTypeOf(data)];
  let frames = 1;
  let components = 1;
  const { channels, channelKind: kind } = image;
  if ((kind === "rgb" || kind === "rgba") && data instanceof Uint8Array) {
    code = kind === "rgb" ? 128 : 2304;
    data = interleaved(data, channels);
  } else if (kind === "complex") {
    if (channels !== 2) throw new ArgumentError(`nifti: a complex image has 2 channels (re, im), not ${channels}`, { channels });
    if (!(data instanceof Float64Array) && !(data instanceof Float32Array)) data = Float32Array.from(data);
    code = data instanceof Float64Array ? 1792 : 32;
    data = interleaved(data, 2);
  } else if (kind === "time") frames = channels;
  else components = channels;
  const rank = components > 1 ? 5 : frames > 1 ? 4 : n;
  const dim = [rank, ...size, frames, components, 1, 1];
  const version = o.version ?? (Math.max(...dim) > 32767 ? 2 : 1);
  if (version === 1 && Math.max(...dim) > 32767)
    throw new ArgumentError(`nifti: size ${image.size.join("×")} does not fit NIfTI-1 (32767 at most); write version 2`, {
      size: image.size,
    });
  const bytesPerVoxel = code === 128 ? 3 : code === 2304 ? 4 : code === 32 ? 8 : code === 1792 ? 16 : data.BYTES_PER_ELEMENT;
  const intent = o.intent ?? (kind === "vector" && components > 1 ? intentVector : ((image.meta.intentCode as number | undefined) ?? 0));
  const direction =
    n === 3 ? [...image.direction] : [image.direction[0], image.direction[1], 0, image.direction[2], image.direction[3], 0, 0, 0, 1];
  const spacing = [...image.spacing, 1].slice(0, 3);
  const origin = [...image.origin, 0].slice(0, 3);
  const ras = direction.map((v, i) => (i < 6 ? -v : v) + 0);
  const offset = [-origin[0] + 0, -origin[1] + 0, origin[2]];
  const regular = orthonormalityDefect(direction) < 1e-4;
  const { quatern, qfac } = regular ? matrixQuaternion(cleanDirection("nifti", ras, [])) : { quatern: [0, 0, 0], qfac: 1 };
  const pixdim = [qfac, ...spacing, frames > 1 ? (image.frameSpacing ?? 1) : components > 1 ? 1 : 0, components > 1 ? 1 : 0, 0, 0];
  const srow = [0, 1, 2].flatMap((i) => [...[0, 1, 2].map((j) => ras[i * 3 + j] * spacing[j]), offset[i]]);
  const units = 2 | (frames > 1 ? 8 : 0);
  const headerBytes = version === 1 ? 352 : 544;
  const header = new Uint8Array(headerBytes);
  const view = new DataView(header.buffer);
  const e = littleEndian;
  const string = (s: string, at: number, length: number) => {
    for (let i = 0; i < Math.min(s.length, length - 1); i++) header[at + i] = s.charCodeAt(i) & 0x7f;
  };
  const description = o.description ?? "";
  if (version === 1) {
    view.setInt32(0, 348, e);
    header[38] = 114; // 'r', the "regular" mark old Analyze readers look for
    for (let i = 0; i < 8; i++) {
      view.setInt16(40 + 2 * i, dim[i], e);
      view.setFloat32(76 + 4 * i, pixdim[i], e);
    }
    view.setInt16(68, intent, e);
    view.setInt16(70, code, e);
    view.setInt16(72, bytesPerVoxel * 8, e);
    view.setFloat32(108, headerBytes, e);
    view.setFloat32(112, 1, e);
    header[123] = units;
    string(description, 148, 80);
    view.setInt16(252, regular ? 1 : 0, e);
    view.setInt16(254, 1, e);
    for (let i = 0; i < 3; i++) {
      view.setFloat32(256 + 4 * i, quatern[i], e);
      view.setFloat32(268 + 4 * i, regular ? offset[i] : 0, e);
    }
    for (let i = 0; i < 12; i++) view.setFloat32(280 + 4 * i, srow[i], e);
    string("n+1", 344, 4);
  } else {
    view.setInt32(0, 540, e);
    header.set([0x6e, 0x2b, 0x32, 0, 0x0d, 0x0a, 0x1a, 0x0a], 4); // "n+2\0\r\n\032\n"
    view.setInt16(12, code, e);
    view.setInt16(14, bytesPerVoxel * 8, e);
    for (let i = 0; i < 8; i++) {
      view.setBigInt64(16 + 8 * i, BigInt(dim[i]), e);
      view.setFloat64(104 + 8 * i, pixdim[i], e);
    }
    view.setBigInt64(168, BigInt(headerBytes), e);
    view.setFloat64(176, 1, e);
    string(description, 240, 80);
    view.setInt32(344, regular ? 1 : 0, e);
    view.setInt32(348, 1, e);
    for (let i = 0; i < 3; i++) {
      view.setFloat64(352 + 8 * i, quatern[i], e);
      view.setFloat64(376 + 8 * i, regular ? offset[i] : 0, e);
    }
    for (let i = 0; i < 12; i++) view.setFloat64(400 + 8 * i, srow[i], e);
    view.setInt32(500, units, e);
    view.setInt32(504, intent, e);
  }
  const file = concatBytes([header, encodeScalars(data, littleEndian)]);
  return o.gzip ? deflate(file, "gzip", o.level) : file;
}

/** Whether the image's vectors are displacements that the file declares in RAS (intent 1006), so that x and y must change sign. */
export function isRasDisplacement(image: RawImage): boolean {
  return image.meta.format === "nifti" && image.meta.intentCode === intentDisplacement;
}
