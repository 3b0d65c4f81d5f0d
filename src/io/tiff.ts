import { ArgumentError, FormatError } from "../core/errors.js";
import { deflate, inflate } from "./inflate.js";
import {
  allocateScalars,
  type ChannelKind,
  checkedCount,
  concatBytes,
  decodeScalars,
  encodeScalars,
  exactPixels,
  interleaved,
  latin1,
  type PixelArray,
  type RawImage,
  rawImage,
  type ScalarType,
  scalarBytes,
  scalarTypeOf,
} from "./raw.js";

/** Whether bytes begin like a TIFF or BigTIFF. */
export function isTiff(bytes: Uint8Array): boolean {
  if (bytes.length < 8) return false;
  const order = latin1(bytes, 0, 2);
  if (order === "II") return (bytes[2] === 42 || bytes[2] === 43) && bytes[3] === 0;
  return order === "MM" && bytes[2] === 0 && (bytes[3] === 42 || bytes[3] === 43);
}

interface Page {
  width: number;
  height: number;
  bits: number;
  sampleFormat: number;
  samples: number;
  photometric: number;
  compression: number;
  predictor: number;
  planarSeparate: boolean;
  tileWidth: number;
  tileHeight: number;
  tiled: boolean;
  offsets: number[];
  counts: number[];
  fillOrder: number;
  orientation: number;
  extraSamples: number[];
  colorMap?: number[];
  description?: string;
  reduced: boolean;
  resolution?: { x?: number; y?: number; unit?: number };
}

const typeSizes = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 0, 0, 0, 8, 8, 8];

function readPages(bytes: Uint8Array): { pages: Page[]; littleEndian: boolean } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const littleEndian = bytes[0] === 0x49;
  const e = littleEndian;
  const big = view.getUint16(2, e) === 43;
  const need = (at: number, length: number) => {
    if (!(at >= 0 && at + length <= bytes.length))
      throw new FormatError(`tiff: the file points to byte ${at + length}, ${bytes.length} came; it is truncated or damaged`, {
        at,
        came: bytes.length,
      });
  };
  if (big) need(0, 16);
  const word = (at: number) => (big ? Number(view.getBigUint64(at, e)) : view.getUint32(at, e));
  const wordSize = big ? 8 : 4;
  const pages: Page[] = [];
  const seen = new Set<number>();
  let next = word(big ? 8 : 4);
  while (next !== 0) {
    if (seen.has(next)) throw new FormatError("tiff: the pages form a loop; the file is damaged", {});
    seen.add(next);
    if (seen.size > 65536) throw new FormatError("tiff: more than 65536 pages", {});
    need(next, big ? 8 : 2);
    const entries = big ? Number(view.getBigUint64(next, e)) : view.getUint16(next, e);
    const first = next + (big ? 8 : 2);
    const entrySize = big ? 20 : 12;
    if (entries > 65535) throw new FormatError(`tiff: a page of ${entries} tags; the file is damaged`, { entries });
    need(first, entries * entrySize + wordSize);
    const tags = new Map<number, number[] | string>();
    for (let i = 0; i < entries; i++) {
      const at = first + i * entrySize;
      const tag = view.getUint16(at, e);
      const type = view.getUint16(at + 2, e);
      const count = word(at + 4);
      const size = typeSizes[type] ?? 0;
      if (size === 0) continue;
      const length = size * count;
      let p = at + 4 + wordSize;
      if (length > wordSize) p = word(p);
      if (!(p >= 0 && p + length <= bytes.length)) {
        // A damaged private tag need not cost the image; the ones we use are checked below.
        continue;
      }
      if (type === 2) tags.set(tag, latin1(bytes, p, p + length).replace(/\0[\s\S]*$/, ""));
      else if (tag < 320 || tag === 322 || tag === 323 || tag === 324 || tag === 325 || tag === 338 || tag === 339 || tag === 320) {
        const values: number[] = [];
        for (let k = 0; k < count; k++) {
          const q = p + k * size;
          if (type === 1 || type === 6 || type === 7) values.push(bytes[q]);
          else if (type === 3) values.push(view.getUint16(q, e));
          else if (type === 8) values.push(view.getInt16(q, e));
          else if (type === 4) values.push(view.getUint32(q, e));
          else if (type === 9) values.push(view.getInt32(q, e));
          else if (type === 5) values.push(view.getUint32(q, e) / view.getUint32(q + 4, e));
          else if (type === 16 || type === 18) values.push(Number(view.getBigUint64(q, e)));
          else if (type === 12) values.push(view.getFloat64(q, e));
          else if (type === 11) values.push(view.getFloat32(q, e));
        }
        tags.set(tag, values);
      }
    }
    const list = (tag: number) => {
      const v = tags.get(tag);
      return typeof v === "string" ? undefined : v;
    };
    const one = (tag: number, fallback: number) => list(tag)?.[0] ?? fallback;
    const width = one(256, 0);
    const height = one(257, 0);
    const tiled = tags.has(324);
    const bits = list(258) ?? [1];
    if (bits.some((b) => b !== bits[0]))
      throw new FormatError(`tiff: samples of ${bits.join(", ")} bits; equal depths were expected`, { bits });
    const description = tags.get(270);
    pages.push({
      width,
      height,
      bits: bits[0],
      sampleFormat: one(339, 1),
      samples: one(277, 1),
      photometric: one(262, 1),
      compression: one(259, 1),
      predictor: one(317, 1),
      planarSeparate: one(284, 1) === 2,
      tiled,
      tileWidth: tiled ? one(322, 0) : width,
      tileHeight: tiled ? one(323, 0) : Math.min(height, one(278, height)),
      offsets: list(tiled ? 324 : 273) ?? [],
      counts: list(tiled ? 325 : 279) ?? [],
      fillOrder: one(266, 1),
      orientation: one(274, 1),
      extraSamples: list(338) ?? [],
      colorMap: list(320),
      ...(typeof description === "string" ? { description } : {}),
      reduced: (one(254, 0) & 1) === 1,
      ...(tags.has(282) ? { resolution: { x: one(282, 0), y: one(283, 0), unit: one(296, 2) } } : {}),
    });
    next = word(first + entries * entrySize);
  }
  if (pages.length === 0) throw new FormatError("tiff: the file has no page", {});
  return { pages, littleEndian };
}

/** LZW as TIFF writes it: codes of 9 to 12 bits, most significant bit first, widened one code early. */
function lzw(input: Uint8Array, expected: number): Uint8Array {
  const out = new Uint8Array(expected);
  const prefix = new Uint16Array(4096);
  const suffix = new Uint8Array(4096);
  const lengths = new Uint16Array(4096);
  for (let i = 0; i < 256; i++) {
    suffix[i] = i;
    lengths[i] = 1;
  }
  let next = 258;
  let width = 9;
  let hold = 0;
  let held = 0;
  let previous = -1;
  let to = 0;
  let at = 0;
  const firstOf = (code: number) => {
    while (code > 257) code = prefix[code];
    return code;
  };
  while (to < expected) {
    while (held < width && at < input.length) {
      hold = ((hold << 8) | input[at++]) & 0xffffff;
      held += 8;
    }
    if (held < width) break;
    const code = (hold >> (held - width)) & ((1 << width) - 1);
    held -= width;
    if (code === 257) break;
    if (code === 256) {
      next = 258;
      width = 9;
      previous = -1;
      continue;
    }
    if (previous < 0) {
      if (code > 255) throw new FormatError("tiff: the LZW data are damaged", { at });
      out[to++] = code;
      previous = code;
      continue;
    }
    if (code > next || (code === next && next >= 4096)) throw new FormatError("tiff: the LZW data are damaged", { at });
    if (next < 4096) {
      prefix[next] = previous;
      suffix[next] = firstOf(code === next ? previous : code);
      lengths[next] = lengths[previous] + 1;
      next++;
    }
    const length = lengths[code];
    let p = code;
    for (let k = to + length - 1; k >= to; k--) {
      if (k < expected) out[k] = suffix[p];
      p = prefix[p];
    }
    to += length;
    previous = code;
    if (next >= (1 << width) - 1 && width < 12) width++;
  }
  return out.subarray(0, Math.min(to, expected));
}

function packBits(input: Uint8Array, expected: number): Uint8Array {
  const out = new Uint8Array(expected);
  let to = 0;
  for (let at = 0; at < input.length && to < expected; ) {
    const n = (input[at++] << 24) >> 24;
    if (n >= 0) {
      const take = Math.min(n + 1, expected - to, input.length - at);
      out.set(input.subarray(at, at + take), to);
      at += n + 1;
      to += take;
    } else if (n !== -128) {
      const run = Math.min(1 - n, expected - to);
      out.fill(input[at++] ?? 0, to, to + run);
      to += run;
    }
  }
  return out.subarray(0, to);
}

const compressionNames: Readonly<Record<number, string>> = {
  2: "CCITT",
  3: "CCITT G3",
  4: "CCITT G4",
  6: "old JPEG",
  7: "JPEG",
  33003: "JPEG 2000",
  33005: "JPEG 2000",
  34712: "JPEG 2000",
  50000: "Zstandard",
};

function sampleType(page: Page): ScalarType | "half" | "bits" {
  const { bits, sampleFormat } = page;
  const key = `${sampleFormat === 4 ? 1 : sampleFormat}/${bits}`;
  const known: Readonly<Record<string, ScalarType | "half" | "bits">> = {
    "1/1": "bits",
    "1/2": "bits",
    "1/4": "bits",
    "1/8": "uint8",
    "1/16": "uint16",
    "1/32": "uint32",
    "1/64": "uint64",
    "2/8": "int8",
    "2/16": "int16",
    "2/32": "int32",
    "2/64": "int64",
    "3/16": "half",
    "3/32": "float32",
    "3/64": "float64",
  };
  const type = known[key];
  if (!type)
    throw new FormatError(
      `tiff: samples of ${bits} bits in format ${sampleFormat} cannot be read; 1, 2, 4, 8, 16, 32 or 64 bits were expected`,
      { bits, sampleFormat },
    );
  return type;
}

function half(h: number): number {
  const exponent = (h >> 10) & 31;
  const fraction = h & 1023;
  const sign = h & 0x8000 ? -1 : 1;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return exponent === 31 ? (fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY) : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** One page as interleaved samples. */
function decodePage(bytes: Uint8Array, page: Page, littleEndian: boolean): PixelArray {
  const { width, height, bits, samples, tileWidth, tileHeight, predictor } = page;
  const type = sampleType(page);
  const perPlane = page.planarSeparate ? 1 : samples;
  const across = Math.ceil(width / tileWidth);
  const down = Math.ceil(height / tileHeight);
  const planes = page.planarSeparate ? samples : 1;
  const out = (
    type === "half"
      ? new Float32Array(width * height * samples)
      : type === "bits"
        ? new Uint8Array(width * height * samples)
        : allocateScalars(type === "int64" || type === "uint64" ? "float64" : type, width * height * samples)
  ) as PixelArray;
  const width8 = bits / 8;
  const rowBytes = Math.ceil((tileWidth * perPlane * bits) / 8);
  for (let index = 0; index < across * down * planes; index++) {
    const plane = Math.floor(index / (across * down));
    const tile = index % (across * down);
    const x0 = (tile % across) * tileWidth;
    const y0 = Math.floor(tile / across) * tileHeight;
    const rows = page.tiled ? tileHeight : Math.min(tileHeight, height - y0);
    const expected = rows * rowBytes;
    const from = page.offsets[index];
    const chunk = bytes.subarray(from, from + page.counts[index]);
    let raw: Uint8Array;
    if (page.compression === 1) raw = chunk;
    else if (page.compression === 5) raw = lzw(chunk, expected);
    else if (page.compression === 8 || page.compression === 32946) raw = inflate("tiff", chunk, "zlib", expected);
    else raw = packBits(chunk, expected);
    if (raw.length < expected)
      throw new FormatError(
        `tiff: block ${index} of ${tileWidth}×${rows} pixels needs ${expected} bytes, ${raw.length} came; the file is truncated or damaged`,
        { expected, came: raw.length },
      );
    let values: ArrayLike<number>;
    if (type === "bits") {
      const list = new Uint8Array(rows * tileWidth * perPlane);
      const mask = (1 << bits) - 1;
      const perRow = tileWidth * perPlane;
      for (let y = 0; y < rows; y++)
        for (let i = 0; i < perRow; i++) {
          const bit = i * bits;
          const byte = raw[y * rowBytes + (bit >> 3)];
          list[y * perRow + i] = page.fillOrder === 2 ? (byte >> (bit & 7)) & mask : (byte >> (8 - bits - (bit & 7))) & mask;
        }
      values = list;
    } else if (predictor === 3) {
      // Floating-point predictor: bytes of a row are differenced and grouped by significance, most significant first.
      const n = tileWidth * perPlane;
      const list = new Uint8Array(expected);
      const row = new Uint8Array(rowBytes);
      for (let y = 0; y < rows; y++) {
        row.set(raw.subarray(y * rowBytes, (y + 1) * rowBytes));
        for (let i = perPlane; i < rowBytes; i++) row[i] += row[i - perPlane];
        for (let i = 0; i < n; i++) for (let b = 0; b < width8; b++) list[y * rowBytes + i * width8 + b] = row[b * n + i];
      }
      const decoded = decodeScalars(list, 0, expected / width8, type === "half" ? "uint16" : type, false);
      values = exactPixels("tiff", decoded);
    } else {
      const decoded = decodeScalars(raw, 0, expected / width8, type === "half" ? "uint16" : type, littleEndian);
      if (predictor === 2) {
        const perRow = tileWidth * perPlane;
        for (let y = 0; y < rows; y++)
          for (let i = y * perRow + perPlane; i < (y + 1) * perRow; i++) {
            if (decoded instanceof BigInt64Array || decoded instanceof BigUint64Array) decoded[i] += decoded[i - perPlane];
            else decoded[i] += decoded[i - perPlane];
          }
      }
      values = exactPixels("tiff", decoded);
    }
    const w = Math.min(tileWidth, width - x0);
    const h = Math.min(rows, height - y0);
    for (let y = 0; y < h; y++) {
      const source = y * tileWidth * perPlane;
      const to = ((y0 + y) * width + x0) * samples + plane;
      if (planes === 1) for (let i = 0; i < w * samples; i++) out[to + i] = type === "half" ? half(values[source + i]) : values[source + i];
      else for (let x = 0; x < w; x++) out[to + x * samples] = type === "half" ? half(values[source + x]) : values[source + x];
    }
  }
  return out;
}

function checkPage(bytes: Uint8Array, page: Page): void {
  const { compression, samples, width, height, tileWidth, tileHeight } = page;
  if (![1, 5, 8, 32946, 32773].includes(compression))
    throw new FormatError(
      `tiff: compression ${compressionNames[compression] ?? compression} cannot be read; save with none, LZW, deflate or PackBits`,
      { compression },
    );
  if (![0, 1, 2, 3, 4].includes(page.photometric))
    throw new FormatError(`tiff: colour model ${page.photometric} cannot be read; gray, RGB and palette can`, {
      photometric: page.photometric,
    });
  if (![1, 2, 3].includes(page.predictor) || (page.predictor === 3 && page.sampleFormat !== 3) || (page.predictor === 2 && page.bits < 8))
    throw new FormatError(`tiff: predictor ${page.predictor} is unknown for samples of ${page.bits} bits`, { predictor: page.predictor });
  if (!Number.isInteger(samples) || samples < 1 || samples > 65535)
    throw new FormatError(`tiff: ${samples} samples per pixel`, { samples });
  sampleType(page);
  if (!(tileWidth >= 1 && tileHeight >= 1 && tileWidth <= 1 << 24 && tileHeight <= 2 ** 32))
    throw new FormatError(`tiff: blocks of ${tileWidth}×${tileHeight} pixels; the file is damaged`, {});
  // LZW expands by at most about 2560, deflate by 1032, PackBits by 64.
  const blocks = Math.ceil(width / tileWidth) * Math.ceil(height / tileHeight) * (page.planarSeparate ? samples : 1);
  if (page.counts.length === 0 && page.offsets.length === 1 && compression === 1) page.counts = [bytes.length - page.offsets[0]];
  if (page.offsets.length < blocks || page.counts.length < blocks)
    throw new FormatError(
      `tiff: ${width}×${height} pixels need ${blocks} blocks, ${Math.min(page.offsets.length, page.counts.length)} are listed; the file is damaged`,
      { blocks },
    );
  let total = 0;
  for (let i = 0; i < blocks; i++) {
    if (!(page.offsets[i] + page.counts[i] <= bytes.length))
      throw new FormatError(
        `tiff: block ${i} ends at byte ${page.offsets[i] + page.counts[i]}, ${bytes.length} came; the file is truncated`,
        { block: i, came: bytes.length },
      );
    total += page.counts[i];
  }
  if (total > bytes.length) throw new FormatError("tiff: blocks overlap; the file is damaged", { total });
  const per = (samples * page.bits) / 8;
  if (compression === 1) checkedCount("tiff", [width, height], per, total);
  else checkedCount("tiff", [width, height], per, Math.ceil(2.5 * total), true);
  // A block far larger than the page would be unfolded for nothing.
  if (compression !== 1 && tileWidth * tileHeight * per > 2600 * (total + 64))
    throw new FormatError(`tiff: blocks of ${tileWidth}×${tileHeight} pixels cannot come from ${total} bytes`, {});
}

/** How the pages of a TIFF are understood. */
export interface TiffOptions {
  /** `depth` (default) stacks pages along z, `channels` and `time` keep a 2-D image, a number picks one page; ImageJ's own description overrules the default */
  readonly pages?: "depth" | "channels" | "time" | number;
}

/**
 * Reads a TIFF or BigTIFF: gray, RGB, palette and many-channel pages; integers of 1 to 64 bits, signed or not, floats of 16, 32 and 64 bits; strips or tiles,
 * interleaved or separate planes, either byte order; no compression, LZW, deflate, PackBits, horizontal and floating predictors. Pages of one size are a stack along z
 * (or frames or channels as ImageJ wrote them down); thumbnails are skipped. Spacing 1: resolution tags go to `meta.resolution` unused, because they are rarely true.
 * @throws FormatError JPEG-compressed, YCbCr or CMYK files, damaged or truncated ones
 * @see Adobe (1992), TIFF 6.0
 */
export function readTiff(bytes: Uint8Array, o: TiffOptions = {}): RawImage {
  if (!isTiff(bytes)) throw new FormatError("tiff: the file does not begin with a TIFF mark", {});
  const { pages: all, littleEndian } = readPages(bytes);
  const warnings: string[] = [];
  let pages = all.filter((p) => !p.reduced);
  if (pages.length === 0) pages = all;
  if (typeof o.pages === "number") {
    if (!all[o.pages])
      throw new ArgumentError(`tiff: page ${o.pages} was asked for; there are ${all.length}`, { page: o.pages, pages: all.length });
    pages = [all[o.pages]];
  }
  const first = pages[0];
  const same = pages.filter(
    (p) =>
      p.width === first.width &&
      p.height === first.height &&
      p.samples === first.samples &&
      p.bits === first.bits &&
      p.sampleFormat === first.sampleFormat &&
      p.photometric === first.photometric,
  );
  if (same.length < pages.length) {
    warnings.push(`tiff: ${pages.length - same.length} of ${pages.length} pages differ in size or type from the first and were left out`);
    pages = same;
  }
  let spent = 0;
  for (const page of pages) {
    checkPage(bytes, page);
    spent += page.counts.reduce((a, b) => a + b, 0);
  }
  if (spent > bytes.length + 64 * pages.length) throw new FormatError("tiff: pages share their data; the file is damaged", { spent });
  const { width, height, samples } = first;
  if (first.orientation !== 1) warnings.push(`tiff: orientation ${first.orientation} (turned or mirrored for viewing) was not applied`);
  const n = width * height;
  const count = pages.length;
  const buffers = pages.map((page) => decodePage(bytes, page, littleEndian));
  const type = buffers[0];
  const invert = first.photometric === 0 && first.sampleFormat === 1;
  let channels = samples;
  let data: PixelArray;
  let kind: ChannelKind = samples === 1 ? "scalar" : "other";
  if (first.photometric === 3) {
    const colors = 2 ** first.bits;
    if (!first.colorMap || first.colorMap.length < 3 * colors) throw new FormatError("tiff: a palette image without its colour map", {});
    const map = first.colorMap;
    const gray = Array.from({ length: colors }, (_, i) => map[i] === map[i + colors] && map[i] === map[i + 2 * colors]).every(Boolean);
    channels = gray ? 1 : 3;
    kind = gray ? "scalar" : "rgb";
    data = new Uint8Array(n * count * channels);
    for (let z = 0; z < count; z++)
      for (let c = 0; c < channels; c++)
        for (let i = 0; i < n; i++) data[(c * count + z) * n + i] = map[c * colors + buffers[z][i * samples]] >> 8;
  } else {
    data = allocateScalars(scalarTypeOf(type), n * count * samples) as PixelArray;
    const top = 2 ** first.bits - 1;
    for (let z = 0; z < count; z++) {
      const source = buffers[z];
      for (let c = 0; c < samples; c++) {
        const to = (c * count + z) * n;
        if (invert) for (let i = 0, j = c; i < n; i++, j += samples) data[to + i] = top - source[j];
        else for (let i = 0, j = c; i < n; i++, j += samples) data[to + i] = source[j];
      }
    }
    if (first.photometric === 2) kind = samples === 3 ? "rgb" : samples === 4 ? "rgba" : "other";
    else if (samples === 2 && (first.extraSamples[0] === 1 || first.extraSamples[0] === 2)) kind = "graya";
  }
  const meta: Record<string, unknown> = {
    bitDepth: first.bits,
    pages: count,
    ...(first.description ? { description: first.description } : {}),
    ...(first.resolution ? { resolution: first.resolution } : {}),
  };
  const image = (size: number[], layout: Partial<RawImage>) =>
    rawImage("tiff", { data, channels, channelKind: kind, size, meta, warnings, ...layout });
  if (count === 1) return image([width, height], {});
  const hint = (key: string) => Number(new RegExp(`(?:^|\\n)${key}=(\\d+)`).exec(first.description ?? "")?.[1] ?? 1);
  const imageJ = /^ImageJ=/.test(first.description ?? "") && channels === 1;
  const [c, z, t] = imageJ ? [hint("channels"), hint("slices"), hint("frames")] : [1, 1, 1];
  const declared = c * z * t === count;
  if (o.pages === "time" || o.pages === "channels") {
    if (channels !== 1)
      throw new ArgumentError(`tiff: pages of ${channels} channels cannot become ${o.pages}; read them as depth`, { channels });
    return image([width, height], { channels: count, channelKind: o.pages === "time" ? "time" : "other" });
  }
  if (o.pages === undefined && declared && t === count) {
    const interval = Number(/(?:^|\n)finterval=([\d.eE+-]+)/.exec(first.description ?? "")?.[1]);
    return image([width, height], { channels: count, channelKind: "time", frameSpacing: interval > 0 ? interval : 1 });
  }
  if (o.pages === undefined && declared && c > 1 && t === 1) {
    const moved = allocateScalars(scalarTypeOf(data), data.length) as PixelArray;
    for (let page = 0; page < count; page++)
      moved.set(data.subarray(page * n, (page + 1) * n) as never, ((page % c) * z + Math.floor(page / c)) * n);
    return rawImage("tiff", {
      data: moved,
      channels: c,
      channelKind: "other",
      size: z > 1 ? [width, height, z] : [width, height],
      meta,
      warnings,
    });
  }
  return image([width, height, count], {});
}

/**
 * Writes a TIFF (little-endian, one strip per page): any integer or float type as it is, one page per z slice or time frame, channels interleaved (RGB and RGBA as colour).
 * ImageJ's description is added to gray stacks so that it opens them as stacks. Geometry is lost.
 * @param o.compress  deflate the pages; default false
 * @throws ArgumentError for time series of volumes, complex images, and files beyond 4 GB
 */
export function writeTiff(image: RawImage, o: { compress?: boolean; level?: number } = {}): Uint8Array {
  const { size, channelKind } = image;
  const [width, height] = size;
  const depth = size[2] ?? 1;
  const time = channelKind === "time" && image.channels > 1;
  if (time && depth > 1)
    throw new ArgumentError("tiff: a time series of volumes cannot be written; choose .nii.gz, or write one file per frame", { size });
  if (channelKind === "complex")
    throw new ArgumentError("tiff: complex values cannot be written; choose .npy or .nii.gz, or write magnitude and phase", {});
  const samples = time ? 1 : image.channels;
  const pages = time ? image.channels : depth;
  if (samples > 65535 || pages > 65535)
    throw new ArgumentError(`tiff: ${pages} pages of ${samples} channels are too many`, { pages, samples });
  const n = width * height;
  const color = samples >= 3 && samples <= 4 && (channelKind === "rgb" || channelKind === "rgba");
  const extras = color ? samples - 3 : samples - 1;
  const type = scalarTypeOf(image.data);
  const bits = 8 * scalarBytes[type];
  const sampleFormat = type.startsWith("float") ? 3 : type.startsWith("int") ? 2 : 1;
  const description =
    samples === 1 && pages > 1
      ? `ImageJ=1.53t\nimages=${pages}\n${time ? `frames=${pages}\nfinterval=${image.frameSpacing ?? 1}\n` : `slices=${pages}\n`}`
      : "";
  const parts: Uint8Array[] = [];
  const head = new Uint8Array(8);
  head.set([0x49, 0x49, 42, 0]);
  parts.push(head);
  let at = 8;
  let link = { view: new DataView(head.buffer), offset: 4 };
  for (let page = 0; page < pages; page++) {
    let values: PixelArray;
    if (samples === 1) values = image.data.subarray(page * n, (page + 1) * n) as PixelArray;
    else {
      const planes = allocateScalars(type, n * samples) as PixelArray;
      for (let c = 0; c < samples; c++) planes.set(image.data.subarray((c * depth + page) * n, (c * depth + page + 1) * n) as never, c * n);
      values = interleaved(planes, samples);
    }
    const raw = encodeScalars(values, true);
    const strip = o.compress ? deflate(raw, "zlib", o.level) : raw;
    const tags: Array<[tag: number, type: number, values: number[] | string]> = [
      [256, 4, [width]],
      [257, 4, [height]],
      [258, 3, Array(samples).fill(bits)],
      [259, 3, [o.compress ? 8 : 1]],
      [262, 3, [color ? 2 : 1]],
      ...(page === 0 && description ? ([[270, 2, description]] as Array<[number, number, string]>) : []),
      [273, 4, [at]],
      [277, 3, [samples]],
      [278, 4, [height]],
      [279, 4, [strip.length]],
      ...(extras > 0
        ? ([[338, 3, Array(extras).fill(channelKind === "rgba" || channelKind === "graya" ? 2 : 0)]] as Array<[number, number, number[]]>)
        : []),
      [339, 3, Array(samples).fill(sampleFormat)],
    ];
    parts.push(strip);
    at += strip.length;
    if (at % 2) {
      parts.push(new Uint8Array(1));
      at++;
    }
    const sizes = [0, 0, 1, 2, 4];
    const length = 2 + 12 * tags.length + 4;
    const extra = tags.reduce(
      (a, [, t, v]) =>
        a +
        ((typeof v === "string" ? v.length + 1 : v.length) * sizes[t] > 4
          ? (typeof v === "string" ? v.length + 1 : v.length) * sizes[t] + 1
          : 0),
      0,
    );
    const block = new Uint8Array(Math.ceil((length + extra) / 2) * 2);
    const view = new DataView(block.buffer);
    link.view.setUint32(link.offset, at, true);
    view.setUint16(0, tags.length, true);
    let spare = length;
    tags.forEach(([tag, t, v], i) => {
      const p = 2 + 12 * i;
      const count = typeof v === "string" ? v.length + 1 : v.length;
      view.setUint16(p, tag, true);
      view.setUint16(p + 2, t, true);
      view.setUint32(p + 4, count, true);
      let to = p + 8;
      if (count * sizes[t] > 4) {
        view.setUint32(to, at + spare, true);
        to = spare;
        spare += Math.ceil((count * sizes[t]) / 2) * 2;
      }
      for (let k = 0; k < count; k++) {
        if (typeof v === "string") block[to + k] = v.charCodeAt(k) || 0;
        else if (t === 3) view.setUint16(to + 2 * k, v[k], true);
        else view.setUint32(to + 4 * k, v[k], true);
      }
    });
    link = { view, offset: 2 + 12 * tags.length };
    parts.push(block);
    at += block.length;
    if (at > 0xffffffff) throw new ArgumentError("tiff: the file would exceed 4 GB; choose .nii.gz or .mha", { size });
  }
  return concatBytes(parts);
}
