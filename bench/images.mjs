// Small readers for the benches, written apart from the library so that scores do not depend on the code they judge.
// An image here is { size, spacing, origin, direction, values, components }: x, y, z order, LPS mm, values x fastest, components slowest.
import { readFileSync, writeFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { convertIndexedToRgb, decode as decodePng } from "fast-png";
import jpeg from "jpeg-js";

const identity = (d) => Array.from({ length: d * d }, (_, k) => (k % (d + 1) === 0 ? 1 : 0));

export function readImage(file) {
  const bytes = readFileSync(file);
  if (/\.nii(\.gz)?$/.test(file)) return readNifti(file.endsWith(".gz") ? gunzipSync(bytes) : bytes, file);
  if (file.endsWith(".mha")) return readMetaImage(bytes, file);
  if (file.endsWith(".png")) return readPng(bytes);
  if (/\.jpe?g$/.test(file)) return readJpeg(bytes);
  throw new Error(`bench: cannot read ${file}: expected .nii, .nii.gz, .mha, .png or .jpg`);
}

const niftiTypes = { 2: Uint8Array, 4: Int16Array, 8: Int32Array, 16: Float32Array, 64: Float64Array, 256: Int8Array, 512: Uint16Array };

/** NIfTI-1, little endian: sform, else qform, else spacing; RAS turned to LPS. */
function readNifti(b, file) {
  if (b.readInt32LE(0) !== 348) throw new Error(`bench: ${file} is not little-endian NIfTI-1`);
  const dims = Array.from({ length: 8 }, (_, k) => b.readInt16LE(40 + 2 * k));
  const Type = niftiTypes[b.readInt16LE(70)];
  if (!Type) throw new Error(`bench: ${file} has NIfTI data type ${b.readInt16LE(70)}, which these benches do not use`);
  const size = [1, 2, 3].map((k) => Math.max(1, dims[k]));
  const components = [4, 5].reduce((n, k) => n * (dims[0] >= k ? Math.max(1, dims[k]) : 1), 1);
  const f = (at) => b.readFloatLE(at);
  const pixdim = [1, 2, 3].map((k) => f(76 + 4 * k) || 1);
  let m; // rows of the RAS affine
  if (b.readInt16LE(254) > 0) m = [0, 1, 2].map((r) => [0, 1, 2, 3].map((c) => f(280 + 16 * r + 4 * c)));
  else if (b.readInt16LE(252) > 0) {
    const [x, y, z] = [f(256), f(260), f(264)];
    const w = Math.sqrt(Math.max(0, 1 - x * x - y * y - z * z));
    const q = f(76) < 0 ? -1 : 1;
    const r = [
      [w * w + x * x - y * y - z * z, 2 * (x * y - w * z), 2 * (x * z + w * y)],
      [2 * (x * y + w * z), w * w + y * y - x * x - z * z, 2 * (y * z - w * x)],
      [2 * (x * z - w * y), 2 * (y * z + w * x), w * w + z * z - x * x - y * y],
    ];
    m = r.map((row, k) => [row[0] * pixdim[0], row[1] * pixdim[1], row[2] * pixdim[2] * q, f(268 + 4 * k)]);
  } else m = [0, 1, 2].map((r) => [0, 1, 2, 3].map((c) => (c === r ? pixdim[r] : 0)));
  const sign = [-1, -1, 1];
  const spacing = [0, 1, 2].map((c) => Math.hypot(m[0][c], m[1][c], m[2][c]));
  const direction = [0, 1, 2].flatMap((r) => [0, 1, 2].map((c) => (sign[r] * m[r][c]) / spacing[c]));
  const start = Math.round(f(108));
  const count = size[0] * size[1] * size[2] * components;
  let values = new Type(b.buffer.slice(b.byteOffset + start, b.byteOffset + start + count * Type.BYTES_PER_ELEMENT));
  const [slope, intercept] = [f(112), f(116)];
  if (slope !== 0 && (slope !== 1 || intercept !== 0)) values = Float32Array.from(values, (v) => v * slope + intercept);
  return { size, spacing, origin: [0, 1, 2].map((r) => sign[r] * m[r][3]), direction, values, components };
}

const metaTypes = {
  MET_UCHAR: Uint8Array,
  MET_CHAR: Int8Array,
  MET_SHORT: Int16Array,
  MET_USHORT: Uint16Array,
  MET_INT: Int32Array,
  MET_FLOAT: Float32Array,
  MET_DOUBLE: Float64Array,
};

/** MetaImage with its data behind the header, uncompressed; vector pixels become planes. */
function readMetaImage(b, file) {
  const start = b.indexOf("\n", b.indexOf("ElementDataFile")) + 1;
  const field = Object.fromEntries([...b.toString("latin1", 0, start).matchAll(/^(\w+)\s*=\s*(.*?)\s*$/gm)].map((m) => [m[1], m[2]]));
  const Type = metaTypes[field.ElementType];
  if (!Type || field.CompressedData === "True" || field.ElementDataFile !== "LOCAL")
    throw new Error(`bench: ${file} is a MetaImage of another kind`);
  const list = (s) => s.split(/\s+/).map(Number);
  const size = list(field.DimSize);
  const d = size.length;
  const components = Number(field.ElementNumberOfChannels ?? 1);
  const count = size.reduce((a, n) => a * n, components);
  const data = new Type(b.buffer.slice(b.byteOffset + start, b.byteOffset + start + count * Type.BYTES_PER_ELEMENT));
  // The file lists the direction column by column.
  const columns = field.TransformMatrix ? list(field.TransformMatrix) : identity(d);
  const direction = Array.from({ length: d * d }, (_, k) => columns[(k % d) * d + Math.floor(k / d)]);
  let values = data;
  if (components > 1) {
    values = new Type(count);
    const n = count / components;
    for (let i = 0; i < n; i++) for (let c = 0; c < components; c++) values[c * n + i] = data[i * components + c];
  }
  const or = (s, v) => (s ? list(s) : Array(d).fill(v));
  return { size, spacing: or(field.ElementSpacing, 1), origin: or(field.Offset ?? field.Position, 0), direction, values, components };
}

const picture = (width, height, values) => ({
  size: [width, height],
  spacing: [1, 1],
  origin: [0, 0],
  direction: identity(2),
  values,
  components: 1,
});
const luma = (data, channels) =>
  Float32Array.from({ length: data.length / channels }, (_, i) => {
    const k = i * channels;
    return channels < 3 ? data[k] : 0.299 * data[k] + 0.587 * data[k + 1] + 0.114 * data[k + 2];
  });

/** Gray as stored; palettes are looked up, colours become luma. */
function readPng(bytes) {
  const p = decodePng(bytes);
  if (p.palette) return picture(p.width, p.height, luma(convertIndexedToRgb(p), p.palette[0].length));
  return picture(p.width, p.height, p.channels === 1 ? p.data : luma(p.data, p.channels));
}

function readJpeg(bytes) {
  const p = jpeg.decode(bytes, { useTArray: true, maxMemoryUsageInMB: 2048 });
  return picture(p.width, p.height, luma(p.data, 4));
}

/** Write an image as uncompressed MetaImage (float), for programs that do not read pictures. */
export function writeMetaImage(file, image) {
  const d = image.size.length;
  const columns = Array.from({ length: d * d }, (_, k) => image.direction[(k % d) * d + Math.floor(k / d)]);
  const header = [
    "ObjectType = Image",
    `NDims = ${d}`,
    "BinaryData = True",
    "BinaryDataByteOrderMSB = False",
    "CompressedData = False",
    `TransformMatrix = ${columns.join(" ")}`,
    `Offset = ${image.origin.join(" ")}`,
    `ElementSpacing = ${image.spacing.join(" ")}`,
    `DimSize = ${image.size.join(" ")}`,
    "ElementType = MET_FLOAT",
    "ElementDataFile = LOCAL",
    "",
  ].join("\n");
  const values = Float32Array.from(image.values);
  writeFileSync(file, Buffer.concat([Buffer.from(header, "latin1"), Buffer.from(values.buffer)]));
}

/** Points of a CSV file: the named columns of every line, as arrays. */
export function readPoints(file, columns) {
  const [head, ...lines] = readFileSync(file, "utf8").trim().split(/\r?\n/);
  const names = head.split(",").map((s) => s.trim());
  const at = columns.map((c) => names.indexOf(c));
  if (at.includes(-1)) throw new Error(`bench: ${file} has columns ${names.join(", ")}, expected ${columns.join(", ")}`);
  return lines.map((line) => {
    const v = line.split(",").map(Number);
    return at.map((k) => v[k]);
  });
}

export function writePoints(file, points) {
  const names = ["x", "y", "z"].slice(0, points[0].length);
  writeFileSync(file, [names.join(","), ...points.map((p) => p.join(",")), ""].join("\n"));
}
