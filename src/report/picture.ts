import { select } from "../core/select.js";
import type { Samples } from "../evaluation/lattice.js";
import { writePng } from "../io/png.js";
import { planar, rawImage } from "../io/raw.js";
import type { ColourMap } from "./colourMap.js";

/** Values of one plane, x fastest; `channels` (1 gray, 3 colour) run fastest of all, as pictures do. */
export interface Plane {
  /** Samples along x. */
  readonly width: number;
  /** Samples along y. */
  readonly height: number;
  /** Row by row. */
  readonly values: Float32Array;
}

/** Bytes ready for a PNG, channels fastest: 1 gray, 2 gray + alpha, 3 red-green-blue, 4 with alpha. */
export interface Picture {
  /** Samples along x. */
  readonly width: number;
  /** Samples along y. */
  readonly height: number;
  /** How many values at each sample. */
  readonly channels: 1 | 2 | 3 | 4;
  /** Bytes, sample by sample. */
  readonly data: Uint8Array;
}

/** Values shown as black and white. */
export interface Window {
  /** What is drawn black. */
  readonly low: number;
  /** What is drawn white. */
  readonly high: number;
}

/** The window from the 0.5th to the 99.5th percentile of the finite values (of every n-th one where there are very many). */
export function robustWindow(...images: Samples[]): Window {
  const steps = images.map((v) => Math.max(1, Math.floor(v.length / 30_000)));
  const sample = new Float64Array(images.reduce((s, v, k) => s + Math.ceil(v.length / steps[k]), 0));
  let count = 0;
  for (const [k, values] of images.entries())
    for (let i = 0; i < values.length; i += steps[k]) {
      const v = values[i];
      if (v - v === 0) sample[count++] = v; // not of NaN and infinities
    }
  if (count === 0) return { low: 0, high: 1 };
  const found = sample.subarray(0, count);
  const at = (q: number): number => {
    const place = q * (count - 1);
    const below = Math.floor(place);
    const value = select(found, below);
    return value + (place - below) * (select(found, Math.min(below + 1, count - 1), below) - value);
  };
  const [low, high] = [at(0.005), at(0.995)];
  if (high > low) return { low, high };
  // Nearly everything has one value (a few bright spots on black): take the extremes instead.
  const [least, most] = [select(found, 0), select(found, count - 1)];
  return { low: least, high: most > least ? most : least + 1 };
}

/** Gray bytes of a plane: `low` is black, `high` white, NaN black. */
export function grayPicture({ width, height, values }: Plane, { low, high }: Window): Picture {
  const data = new Uint8Array(width * height);
  const scale = 255 / (high - low);
  for (let i = 0; i < data.length; i++) {
    const v = (values[i] - low) * scale;
    data[i] = v > 0 ? (v < 255 ? v + 0.5 : 255) : 0;
  }
  return { width, height, channels: 1, data };
}

/** A plane in colour: t = (value − low) / (high − low) through a colour map. */
export function colourPicture({ width, height, values }: Plane, { low, high }: Window, map: ColourMap): Picture {
  const data = new Uint8Array(3 * width * height);
  for (let i = 0; i < width * height; i++) data.set(map((values[i] - low) / (high - low)), 3 * i);
  return { width, height, channels: 3, data };
}

/** The same picture with at least three channels. */
export function rgb({ width, height, channels, data }: Picture): Picture {
  if (channels >= 3) return { width, height, channels, data };
  const out = new Uint8Array(3 * width * height);
  for (let i = 0; i < width * height; i++) out.fill(data[i * channels], 3 * i, 3 * i + 3);
  return { width, height, channels: 3, data: out };
}

/** PNG bytes, deflated lightly: a page holds a hundred of them, and level 6 takes three times as long for a few per cent. */
export const png = ({ width, height, channels, data }: Picture): Uint8Array =>
  writePng(rawImage("picture", { data: planar(data, channels), channels, channelKind: "other", size: [width, height] }), {
    bits: 8,
    level: 2,
  });

/** The picture as `data:image/png;base64,…`, to stand in a page that loads nothing. */
export const dataUrl = (picture: Picture): string => pngUrl(png(picture));
/** A PNG file as an address that a page can hold. */
export const pngUrl = (bytes: Uint8Array): string => `data:image/png;base64,${base64(bytes)}`;

/** Base64, by Node's Buffer where there is one, else by a page's btoa in pieces that fit an argument list. */
export function base64(bytes: Uint8Array): string {
  const host = globalThis as { Buffer?: { from(b: ArrayBufferLike, at: number, length: number): { toString(as: "base64"): string } } };
  if (host.Buffer) return host.Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64");
  const pieces: string[] = [];
  for (let i = 0; i < bytes.length; i += 8190) pieces.push(btoa(String.fromCharCode(...bytes.subarray(i, i + 8190))));
  return pieces.join(""); // 8190 is a multiple of 3: no padding inside
}
