import type { Samples } from "../evaluation/lattice.js";
import { sortedQuantile } from "../evaluation/quantile.js";
import { writePng } from "../io/png.js";
import { planar, rawImage } from "../io/raw.js";
import type { ColourMap } from "./colourMap.js";

/** Values of one plane, x fastest; `channels` (1 gray, 3 colour) run fastest of all, as pictures do. */
export interface Plane {
  readonly width: number;
  readonly height: number;
  readonly values: Float32Array;
}

/** Bytes ready for a PNG, channels fastest: 1 gray, 2 gray + alpha, 3 red-green-blue, 4 with alpha. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 2 | 3 | 4;
  readonly data: Uint8Array;
}

/** Values shown as black and white. */
export interface Window {
  readonly low: number;
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
  const sorted = sample.subarray(0, count).sort();
  if (sorted.length === 0) return { low: 0, high: 1 };
  const low = sortedQuantile(sorted, 0.005);
  const high = sortedQuantile(sorted, 0.995);
  if (high > low) return { low, high };
  // Nearly everything has one value (a few bright spots on black): take the extremes instead.
  const last = sorted[sorted.length - 1];
  return last > sorted[0] ? { low: sorted[0], high: last } : { low: sorted[0], high: sorted[0] + 1 };
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
export const pngUrl = (bytes: Uint8Array): string => `data:image/png;base64,${base64(bytes)}`;

/** Base64 without Node's Buffer or a page's btoa, in pieces that fit an argument list. */
export function base64(bytes: Uint8Array): string {
  const pieces: string[] = [];
  for (let i = 0; i < bytes.length; i += 8190) pieces.push(btoa(String.fromCharCode(...bytes.subarray(i, i + 8190))));
  return pieces.join(""); // 8190 is a multiple of 3: no padding inside
}
