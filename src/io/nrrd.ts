import { ArgumentError, FormatError } from "../core/errors.js";
import { deflate, inflate } from "./inflate.js";
import {
  type ChannelKind,
  checkedCount,
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
  type ScalarType,
  type Siblings,
  scalarBytes,
  scalarTypeOf,
  sibling,
  splitAffine,
} from "./raw.js";

const typeNames: Readonly<Record<string, ScalarType>> = {
  "signed char": "int8",
  int8: "int8",
  int8_t: "int8",
  uchar: "uint8",
  "unsigned char": "uint8",
  uint8: "uint8",
  uint8_t: "uint8",
  short: "int16",
  "short int": "int16",
  "signed short": "int16",
  "signed short int": "int16",
  int16: "int16",
  int16_t: "int16",
  ushort: "uint16",
  "unsigned short": "uint16",
  "unsigned short int": "uint16",
  uint16: "uint16",
  uint16_t: "uint16",
  int: "int32",
  "signed int": "int32",
  int32: "int32",
  int32_t: "int32",
  uint: "uint32",
  "unsigned int": "uint32",
  uint32: "uint32",
  uint32_t: "uint32",
  longlong: "int64",
  "long long": "int64",
  "long long int": "int64",
  "signed long long": "int64",
  "signed long long int": "int64",
  int64: "int64",
  int64_t: "int64",
  ulonglong: "uint64",
  "unsigned long long": "uint64",
  "unsigned long long int": "uint64",
  uint64: "uint64",
  uint64_t: "uint64",
  float: "float32",
  double: "float64",
};
const writtenNames: Readonly<Record<ScalarType, string>> = {
  int8: "int8",
  uint8: "uint8",
  int16: "int16",
  uint16: "uint16",
  int32: "int32",
  uint32: "uint32",
  int64: "int64",
  uint64: "uint64",
  float32: "float",
  float64: "double",
};
/** Signs that turn a space's axes into left, posterior, superior. */
const spaces: Readonly<Record<string, readonly number[]>> = {
  "left-posterior-superior": [1, 1, 1],
  lps: [1, 1, 1],
  "right-anterior-superior": [-1, -1, 1],
  ras: [-1, -1, 1],
  "left-anterior-superior": [1, -1, 1],
  las: [1, -1, 1],
  "left-posterior-superior-time": [1, 1, 1],
  "right-anterior-superior-time": [-1, -1, 1],
  "left-anterior-superior-time": [1, -1, 1],
  lpst: [1, 1, 1],
  rast: [-1, -1, 1],
  last: [1, -1, 1],
};
const colorKinds: Readonly<Record<string, ChannelKind>> = {
  "rgb-color": "rgb",
  "rgba-color": "rgba",
  "3-color": "rgb",
  "4-color": "rgba",
  vector: "vector",
  "2-vector": "vector",
  "3-vector": "vector",
  "covariant-vector": "vector",
  "3-gradient": "vector",
  "3-normal": "vector",
  complex: "complex",
  "3d-symmetric-matrix": "tensor",
  "3d-masked-symmetric-matrix": "tensor",
  "2d-symmetric-matrix": "tensor",
  "3d-matrix": "tensor",
  time: "time",
};

/** Whether bytes begin like a NRRD. */
export function isNrrd(bytes: Uint8Array): boolean {
  return /^NRRD000[1-9]/.test(latin1(bytes, 0, 8));
}

/**
 * Reads NRRD: .nrrd, or a detached .nhdr with its data file(s); raw, gzip, ascii and hex encodings; either byte order. Spaces LPS, RAS and LAS become LPS; a header without
 * a space keeps its numbers (`spacings`, `axis mins`) as they are. One axis without a place in space is the channels (colour, vector, list) or the time.
 * A plane in a 3-D space becomes a volume of one slice.
 * @param siblings  the other files of the folder, by name, for .nhdr
 * @throws FormatError damaged header, unknown encoding (bzip2), fewer bytes than promised, singular orientation
 * @see Kindlmann, Definition of NRRD file format (teem)
 */
export function readNrrd(bytes: Uint8Array, siblings?: Siblings): RawImage {
  if (!isNrrd(bytes)) throw new FormatError('nrrd: the file does not begin with "NRRD000"; this is no NRRD file', {});
  const fields = new Map<string, string>();
  const keyValues: Record<string, string> = {};
  let at = 0;
  let files: string[] | undefined;
  for (let line = 0; ; line++) {
    if (at >= bytes.length) break;
    if (at > 1 << 22) throw new FormatError("nrrd: the header has no end (an empty line) within 4 MB", {});
    let end = bytes.indexOf(10, at);
    if (end < 0) end = bytes.length;
    const text = latin1(bytes, at, end).replace(/\r$/, "");
    at = end + 1;
    if (line === 0) continue;
    if (text === "") break;
    if (text.startsWith("#")) continue;
    const pair = /^([^:]+):=(.*)$/.exec(text);
    if (pair) {
      keyValues[pair[1]] = pair[2].replace(/\\n/g, "\n").replace(/\\\\/g, "\\");
      continue;
    }
    const field = /^([^:]+): ?(.*)$/.exec(text);
    if (!field) throw new FormatError(`nrrd: the header line "${text.slice(0, 60)}" is not of the form "field: value"`, {});
    const key = field[1].trim().toLowerCase().replace(/\s+/g, " ");
    fields.set(key, field[2].trim());
    if ((key === "data file" || key === "datafile") && /^list\b/i.test(field[2].trim())) {
      files = latin1(bytes, at)
        .split(/\r?\n/)
        .map((s) => s.trim())
        .filter(Boolean);
      if (files.length > 65536) throw new FormatError(`nrrd: a list of ${files.length} data files is too long`, {});
      at = bytes.length;
      break;
    }
  }
  const dimension = Number(fields.get("dimension"));
  if (!Number.isInteger(dimension) || dimension < 1 || dimension > 16)
    throw new FormatError(`nrrd: dimension ${fields.get("dimension") ?? "(missing)"} is not usable`, {});
  const perAxis = (key: string, alternative = key): string[] | undefined => {
    const value = fields.get(key) ?? fields.get(alternative);
    if (value === undefined) return undefined;
    const items = value.match(/\([^)]*\)|"[^"]*"|\S+/g) ?? [];
    if (items.length < dimension)
      throw new FormatError(`nrrd: the field "${key}: ${value.slice(0, 60)}" should hold ${dimension} items, ${items.length} came`, {
        value,
      });
    return items;
  };
  const sizes = perAxis("sizes")?.map(Number);
  if (!sizes) throw new FormatError("nrrd: the header has no sizes", {});
  const typeText = (fields.get("type") ?? "").toLowerCase();
  const type = typeNames[typeText];
  if (!type)
    throw new FormatError(`nrrd: type "${typeText || "(missing)"}" cannot be read; integers of 8 to 64 bits, float and double can`, {
      type: typeText,
    });
  const encoding = (fields.get("encoding") ?? "raw").toLowerCase();
  const gzip = encoding === "gzip" || encoding === "gz";
  const ascii = encoding === "ascii" || encoding === "text" || encoding === "txt";
  if (!gzip && !ascii && encoding !== "raw" && encoding !== "hex")
    throw new FormatError(`nrrd: encoding "${encoding}" cannot be read; raw, gzip, ascii and hex can`, { encoding });
  const warnings: string[] = [];
  const littleEndian = (fields.get("endian") ?? "little").toLowerCase() !== "big";
  if (!fields.has("endian") && scalarBytes[type] > 1 && (gzip || encoding === "raw"))
    warnings.push("nrrd: the byte order is not given; little was taken");
  const named = fields.get("data file") ?? fields.get("datafile");
  if (named !== undefined && !files) {
    const pattern = /^(\S*%0?\d*d\S*)\s+(-?\d+)\s+(-?\d+)\s+(-?\d+)(?:\s+\d+)?$/.exec(named);
    if (pattern) {
      const [first, last, step] = [Number(pattern[2]), Number(pattern[3]), Number(pattern[4])];
      const count = step === 0 ? 0 : Math.floor((last - first) / step) + 1;
      if (!(count >= 1 && count <= 65536)) throw new FormatError(`nrrd: the pattern "${named}" names no usable list of files`, {});
      files = Array.from({ length: count }, (_, i) =>
        pattern[1].replace(/%(0?)(\d*)d/, (_m, zero: string, w: string) =>
          String(first + i * step).padStart(Math.min(20, Number(w) || 0), zero ? "0" : " "),
        ),
      );
    } else files = [named];
  }
  const sources = files
    ? files.map((f) => sibling("nrrd", f.replace(/^\.\//, ""), siblings))
    : [bytes.subarray(Math.min(at, bytes.length))];
  const available = sources.reduce((a, s) => a + s.length, 0);
  const width = scalarBytes[type];
  const count = checkedCount("nrrd", sizes, encoding === "hex" ? 2 * width : ascii ? 1 : width, available, gzip);
  const promised = count * width;
  const lineSkip = Number(fields.get("line skip") ?? fields.get("lineskip") ?? 0);
  const byteSkip = Number(fields.get("byte skip") ?? fields.get("byteskip") ?? 0);
  if (!Number.isInteger(lineSkip) || lineSkip < 0 || !Number.isInteger(byteSkip) || byteSkip < -1 || byteSkip > 2 ** 31)
    throw new FormatError("nrrd: line skip and byte skip must be whole numbers", { lineSkip, byteSkip });
  const perSource = Math.floor(promised / sources.length);
  const bodies = sources.map((source) => {
    let s = source;
    for (let i = 0; i < lineSkip; i++) {
      const end = s.indexOf(10);
      if (end < 0) break;
      s = s.subarray(end + 1);
    }
    if (gzip) return inflate("nrrd", s, "gzip", perSource + Math.max(0, byteSkip)).subarray(Math.max(0, byteSkip));
    if (ascii || encoding === "hex") return s;
    return byteSkip === -1 ? s.subarray(Math.max(0, s.length - perSource)) : s.subarray(byteSkip);
  });
  const body = bodies.length === 1 ? bodies[0] : concatBytes(bodies);
  let stored: PixelArray;
  if (ascii) {
    const words = latin1(body)
      .trim()
      .split(/[\s,]+/);
    if (words.length < count)
      throw new FormatError(`nrrd: ${count} numbers were promised, ${words.length} came`, { promised: count, came: words.length });
    stored = decodeScalars(new Uint8Array(0), 0, count, type === "int64" || type === "uint64" ? "float64" : type, true) as PixelArray;
    for (let i = 0; i < count; i++) {
      const value = /^[-+]?nan$/i.test(words[i])
        ? Number.NaN
        : /^[-+]?inf/i.test(words[i])
          ? (words[i][0] === "-" ? -1 : 1) * Number.POSITIVE_INFINITY
          : Number(words[i]);
      if (Number.isNaN(value) && !/nan/i.test(words[i]))
        throw new FormatError(`nrrd: "${words[i].slice(0, 20)}" is not a number`, { position: i });
      stored[i] = value;
    }
  } else {
    let raw = body;
    if (encoding === "hex") {
      const digits = latin1(body).replace(/\s+/g, "");
      if (!/^[0-9a-f]*$/i.test(digits.slice(0, 2 * promised)))
        throw new FormatError("nrrd: the hex data hold other characters than hexadecimal digits", {});
      raw = new Uint8Array(Math.min(promised, digits.length >> 1));
      for (let i = 0; i < raw.length; i++) raw[i] = Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16);
    }
    if (raw.length < promised)
      throw new FormatError(`nrrd: the header promises ${promised} bytes of data, ${raw.length} came; the file is truncated`, {
        promised,
        came: raw.length,
      });
    stored = exactPixels("nrrd", decodeScalars(raw, 0, count, type, littleEndian));
  }

  // Which axes are space: those with a direction, else those whose kind does not say otherwise.
  const kinds = perAxis("kinds")?.map((k) => k.toLowerCase());
  const directionText = perAxis("space directions");
  const vector = (text: string): number[] | undefined => {
    if (/^none$/i.test(text)) return undefined;
    const v = text.replace(/[()]/g, "").split(",").map(Number);
    if (v.some(Number.isNaN) && v.every(Number.isNaN)) return undefined; // (nan,nan,nan) is how some writers say none
    if (v.some((x) => !Number.isFinite(x))) throw new FormatError(`nrrd: the space direction ${text} is not usable`, { text });
    return v;
  };
  const directions = directionText?.slice(0, dimension).map(vector);
  const isSpace = sizes.slice(0, dimension).map((_, i) => {
    if (directions) return directions[i] !== undefined;
    const k = kinds?.[i];
    return k === undefined || k === "domain" || k === "space" || k === "???" || k === "none";
  });
  if (!directions && !kinds) {
    // Without any word: a fourth axis is time, or channels when it comes first and is short.
    if (dimension === 4) isSpace[sizes[0] <= 4 ? 0 : 3] = false;
    else if (dimension === 3 && sizes[0] <= 4 && sizes[0] > 1 && sizes[1] > 4 && sizes[2] > 4)
      warnings.push(`nrrd: the first axis of ${sizes.slice(0, 3).join("×")} was taken as x, not as channels`);
  }
  const spaceAxes = isSpace.flatMap((s, i) => (s ? [i] : []));
  const otherAxes = isSpace.flatMap((s, i) => (s ? [] : [i]));
  const long = otherAxes.filter((i) => sizes[i] > 1);
  if (spaceAxes.length < 1 || spaceAxes.length > 3 || long.length > 1)
    throw new FormatError(
      `nrrd: ${sizes.slice(0, dimension).join("×")} with ${spaceAxes.length} axes in space and ${long.length} others; 2 or 3 in space and at most one other were expected`,
      { sizes, kinds },
    );
  const channelAxis = long[0];
  const channels = channelAxis === undefined ? 1 : sizes[channelAxis];
  const before = sizes.slice(0, channelAxis ?? 0).reduce((a, b) => a * b, 1);
  let data = stored;
  if (channelAxis !== undefined && before === 1) data = planar(stored, channels);
  else if (channelAxis !== undefined && sizes.slice(channelAxis + 1, dimension).some((s) => s > 1)) {
    const after = count / before / channels;
    data = decodeScalars(new Uint8Array(0), 0, count, scalarTypeOf(stored), true) as PixelArray;
    for (let a = 0; a < after; a++)
      for (let c = 0; c < channels; c++)
        data.set(stored.subarray((a * channels + c) * before, (a * channels + c + 1) * before) as never, (c * after + a) * before);
  }
  const channelWord = channelAxis === undefined ? undefined : kinds?.[channelAxis];
  const wordKind: ChannelKind | undefined = channelWord === undefined ? undefined : colorKinds[channelWord];
  const timeSpacing = channelAxis === undefined ? undefined : Number(perAxis("spacings")?.[channelAxis]);
  const last = channelAxis === dimension - 1 && ((timeSpacing !== undefined && timeSpacing > 0) || (before > 1 && channelWord !== "list"));
  let kind: ChannelKind = channels === 1 ? "scalar" : (wordKind ?? (last ? "time" : "other"));
  if ((kind === "complex" && channels !== 2) || (kind === "rgb" && channels !== 3) || (kind === "rgba" && channels !== 4)) kind = "other";

  const spaceName = (fields.get("space") ?? "").toLowerCase();
  const spaceDimension = directions?.find((d) => d !== undefined)?.length ?? spaceAxes.length;
  const signs = spaces[spaceName] ?? [1, 1, 1];
  if (spaceName && !spaces[spaceName]) warnings.push(`nrrd: the space "${spaceName}" was taken as it is, without turning it to LPS`);
  let n = Math.max(2, Math.min(3, Math.max(spaceAxes.length, directions ? Math.min(3, spaceDimension) : 0)));
  const size = spaceAxes.map((i) => sizes[i]);
  while (size.length < n) size.push(1);
  n = size.length;
  let spacing: number[];
  let origin: number[];
  let direction: number[] | undefined;
  const originText = fields.get("space origin");
  if (directions) {
    const columns = spaceAxes.map((i) => (directions[i] as number[]).slice(0, n).map((v, k) => v * signs[k]));
    if (columns.some((c) => c.length < Math.min(n, spaceDimension)))
      throw new FormatError("nrrd: space directions of different lengths", {});
    for (const c of columns) while (c.length < n) c.push(0);
    // A plane or a line in space: complete the frame with unit vectors at right angles.
    while (columns.length < n) {
      if (n === 3 && columns.length === 2) {
        const [a, b] = columns;
        const cross = [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
        const length = Math.hypot(...cross);
        columns.push(cross.map((v) => v / length));
      } else {
        const a = columns[0];
        const k = a.map(Math.abs).indexOf(Math.min(...a.map(Math.abs)));
        const unit = a.map((_, i) => (i === k ? 1 : 0));
        const dot = a[k] / a.reduce((q, v) => q + v * v, 0);
        const rest = unit.map((v, i) => v - dot * a[i]);
        const length = Math.hypot(...rest);
        columns.push(rest.map((v) => v / length));
      }
    }
    const matrix = Array.from({ length: n * n }, (_, k) => columns[k % n][Math.floor(k / n)]);
    ({ spacing, direction } = splitAffine("nrrd", matrix, warnings));
    origin = originText ? ((vector(originText) ?? []).slice(0, n).map((v, k) => v * signs[k] + 0) as number[]) : size.map(() => 0);
    while (origin.length < n) origin.push(0);
  } else {
    const spacings = perAxis("spacings")?.map(Number);
    const mins = perAxis("axis mins", "axismins")?.map(Number);
    spacing = size.map((_, k) => {
      const s = spacings?.[spaceAxes[k]];
      if (s === undefined || Number.isNaN(s)) return 1;
      if (s === 0) warnings.push(`nrrd: spacing 0 along ${"xyz"[k]}; 1 was taken`);
      return s === 0 ? 1 : Math.abs(s);
    });
    origin = size.map((_, k) => {
      const m = mins?.[spaceAxes[k]];
      return m === undefined || Number.isNaN(m) ? 0 : m;
    });
    if (originText) origin = ((vector(originText) ?? origin) as number[]).slice(0, n).map((v, k) => v * signs[k] + 0);
    while (origin.length < n) origin.push(0);
  }
  const known = new Set([
    "dimension",
    "sizes",
    "type",
    "encoding",
    "endian",
    "space",
    "space directions",
    "space origin",
    "kinds",
    "spacings",
    "axis mins",
    "data file",
    "datafile",
  ]);
  const rest = Object.fromEntries([...fields].filter(([k]) => !known.has(k)));
  return rawImage("nrrd", {
    data,
    channels,
    channelKind: kind,
    size,
    spacing,
    origin,
    direction,
    ...(kind === "time" ? { frameSpacing: timeSpacing !== undefined && timeSpacing > 0 ? timeSpacing : 1 } : {}),
    meta: {
      storedType: type,
      encoding,
      ...(spaceName ? { space: spaceName } : {}),
      ...(channelWord ? { channelWord } : {}),
      fields: rest,
      keyValues,
    },
    warnings,
  });
}

/**
 * Writes one .nrrd file in space LPS (2-D images with a space of dimension 2), gzip by default. Channels come first and interleaved (kinds say which), time comes last.
 * @throws ArgumentError never for a valid image
 */
export function writeNrrd(image: RawImage, o: { encoding?: "gzip" | "raw"; littleEndian?: boolean; level?: number } = {}): Uint8Array {
  const { encoding = "gzip", littleEndian = true } = o;
  const n = image.size.length;
  const { channels, channelKind } = image;
  const many = channels > 1;
  const time = many && channelKind === "time";
  const data = many && !time ? interleaved(image.data, channels) : image.data;
  const word =
    channelKind === "rgb"
      ? "RGB-color"
      : channelKind === "rgba"
        ? "RGBA-color"
        : channelKind === "vector"
          ? "vector"
          : channelKind === "complex"
            ? "complex"
            : channelKind === "tensor" && channels === 6
              ? "3D-symmetric-matrix"
              : "list";
  const columns = Array.from(
    { length: n },
    (_, j) => `(${Array.from({ length: n }, (_v, i) => image.direction[i * n + j] * image.spacing[j]).join(",")})`,
  );
  const wrap = <T>(space: T[], channel: T, last: T) => [...(many && !time ? [channel] : []), ...space, ...(time ? [last] : [])];
  const lines = [
    "NRRD0005",
    `type: ${writtenNames[scalarTypeOf(data)]}`,
    `dimension: ${n + (many ? 1 : 0)}`,
    ...(n === 3 ? ["space: left-posterior-superior"] : ["space dimension: 2"]),
    `sizes: ${wrap([...image.size], channels, channels).join(" ")}`,
    `space directions: ${wrap(columns, "none", "none").join(" ")}`,
    `kinds: ${wrap(
      image.size.map(() => "domain"),
      word,
      // "time" would be the better word, but ITK refuses a fourth axis of that kind; a list with a spacing is taken for time here
      "list",
    ).join(" ")}`,
    ...(time
      ? [
          `spacings: ${wrap(
            image.size.map(() => Number.NaN),
            Number.NaN,
            image.frameSpacing ?? 1,
          ).join(" ")}`,
        ]
      : []),
    `endian: ${littleEndian ? "little" : "big"}`,
    `encoding: ${encoding}`,
    `space origin: (${image.origin.join(",")})`,
  ];
  if (n !== 2 && n !== 3) throw new ArgumentError(`nrrd: ${n} axes; 2 or 3 were expected`, { size: image.size });
  const raw = encodeScalars(data, littleEndian);
  return concatBytes([new TextEncoder().encode(lines.join("\n") + "\n\n"), encoding === "gzip" ? deflate(raw, "gzip", o.level) : raw]);
}
