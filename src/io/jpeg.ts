import jpegJs from "jpeg-js";
import { FormatError } from "../core/errors.js";
import { pictureSamples } from "./png.js";
import { type RawImage, rawImage } from "./raw.js";

/** Whether bytes begin like a JPEG. */
export function isJpeg(bytes: Uint8Array): boolean {
  return bytes.length > 3 && bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff;
}

/** Width, height, precision and components from the frame header. */
function frameHeader(bytes: Uint8Array): { width: number; height: number; precision: number; components: number; marker: number } {
  let at = 2;
  while (at + 4 <= bytes.length) {
    if (bytes[at] !== 0xff) throw new FormatError("jpeg: a marker is missing; the file is damaged", { at });
    const marker = bytes[at + 1];
    if (marker === 0xff) {
      at++;
      continue;
    }
    if (marker === 0xd8 || marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7)) {
      at += 2;
      continue;
    }
    if (marker === 0xda || marker === 0xd9) break;
    const length = (bytes[at + 2] << 8) | bytes[at + 3];
    if (length < 2) throw new FormatError("jpeg: a segment of impossible length; the file is damaged", { at });
    if (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc) {
      if (at + 10 > bytes.length) break;
      return {
        precision: bytes[at + 4],
        height: (bytes[at + 5] << 8) | bytes[at + 6],
        width: (bytes[at + 7] << 8) | bytes[at + 8],
        components: bytes[at + 9],
        marker,
      };
    }
    at += 2 + length;
  }
  throw new FormatError("jpeg: no frame header before the image data; the file is truncated or damaged", {});
}

/**
 * Reads a baseline or progressive JPEG of 8 bits: gray files give one channel, colour ones RGB. The orientation note of cameras is not applied.
 * @throws FormatError damaged or truncated file, lossless or arithmetic coding, more than 8 bits
 */
export function readJpeg(bytes: Uint8Array): RawImage {
  if (!isJpeg(bytes)) throw new FormatError("jpeg: the file does not begin with the JPEG mark", {});
  const { width, height, precision, components, marker } = frameHeader(bytes);
  if (marker > 0xc2)
    throw new FormatError(
      `jpeg: coding process ${(marker - 0xc0).toString()} (lossless, hierarchical or arithmetic) cannot be read; save as baseline JPEG or PNG`,
      { marker },
    );
  if (precision !== 8) throw new FormatError(`jpeg: ${precision} bits per sample; 8 were expected`, { precision });
  if (width === 0 || height === 0) throw new FormatError(`jpeg: a picture of ${width}×${height} pixels is empty`, { width, height });
  if (![1, 3, 4].includes(components))
    throw new FormatError(`jpeg: ${components} components; 1 (gray), 3 (colour) or 4 (CMYK) were expected`, { components });
  // Every 8×8 block costs at least a few bits in every coding; 64 pixels per bit is far beyond any real file.
  if (width * height > 512 * (bytes.length + 64))
    throw new FormatError(`jpeg: the header promises ${width}×${height} pixels, ${bytes.length} bytes cannot hold them`, {
      width,
      height,
      came: bytes.length,
    });
  let decoded: { width: number; height: number; data: Uint8Array };
  try {
    decoded = jpegJs.decode(bytes, {
      useTArray: true,
      formatAsRGBA: false,
      maxResolutionInMP: 2000,
      maxMemoryUsageInMB: 8192,
      tolerantDecoding: false,
    });
  } catch (cause) {
    throw new FormatError(`jpeg: the file cannot be decoded (${cause instanceof Error ? cause.message : String(cause)})`, {}, { cause });
  }
  if (decoded.width !== width || decoded.height !== height || decoded.data.length !== 3 * width * height)
    throw new FormatError(
      `jpeg: ${width}×${height} pixels were promised, ${decoded.width}×${decoded.height} came; the file is damaged`,
      {},
    );
  const n = width * height;
  const channels = components === 1 ? 1 : 3;
  const data = new Uint8Array(n * channels);
  for (let c = 0; c < channels; c++) for (let i = 0, j = c; i < n; i++, j += 3) data[c * n + i] = decoded.data[j];
  return rawImage("jpeg", {
    data,
    channels,
    channelKind: channels === 1 ? "scalar" : "rgb",
    size: [width, height],
    meta: { bitDepth: 8, ...(components === 4 ? { cmyk: true } : {}) },
  });
}

/**
 * Writes a baseline JPEG of a gray or RGB picture of 8 bits (an alpha channel is dropped). Lossy: for anything to be measured write PNG.
 * @param o.quality  1 … 100, default 90
 * @throws ArgumentError when the image is no picture of whole numbers 0 … 255
 */
export function writeJpeg(image: RawImage, o: { quality?: number } = {}): Uint8Array {
  const { data, samples } = pictureSamples("jpeg", image, 8);
  const [width, height] = image.size;
  const rgba = new Uint8Array(4 * width * height);
  const gray = samples < 3;
  for (let i = 0; i < width * height; i++) {
    rgba[4 * i] = data[i * samples];
    rgba[4 * i + 1] = data[i * samples + (gray ? 0 : 1)];
    rgba[4 * i + 2] = data[i * samples + (gray ? 0 : 2)];
    rgba[4 * i + 3] = 255;
  }
  const out = jpegJs.encode({ width, height, data: rgba }, o.quality ?? 90).data;
  return new Uint8Array(out.buffer, out.byteOffset, out.byteLength);
}
