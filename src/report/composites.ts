import { ShapeError } from "../core/errors.js";
import { select } from "../core/select.js";
import type { Colour } from "./colourMap.js";
import { type Picture, type Plane, rgb } from "./picture.js";

/** Squares of `tile` pixels, alternately from a and b: lines that run on across the seams are aligned. @throws ShapeError when the sizes differ */
export function checkerboard(a: Picture, b: Picture, tile = Math.max(4, Math.round(Math.max(a.width, a.height) / 8))): Picture {
  [a, b] = alike("checkerboard", a, b);
  const data = new Uint8Array(a.data.length);
  const c = a.channels;
  for (let y = 0; y < a.height; y++)
    for (let x = 0; x < a.width; x++) {
      const from = (Math.floor(x / tile) + Math.floor(y / tile)) % 2 === 0 ? a : b;
      const at = (y * a.width + x) * c;
      for (let k = 0; k < c; k++) data[at + k] = from.data[at + k];
    }
  return { width: a.width, height: a.height, channels: c, data };
}

/** b over a:  (1 − α) a + α b. */
export function overlay(a: Picture, b: Picture, opacity = 0.5): Picture {
  [a, b] = alike("overlay", a, b);
  return { ...a, data: a.data.map((v, i) => Math.round((1 - opacity) * v + opacity * b.data[i])) };
}

/** A picture with the marked pixels in one colour. */
export function mark(under: Picture, marked: Picture, colour: Colour): Picture {
  const base = rgb(under);
  if (base.width !== marked.width || base.height !== marked.height) throw unlike("mark", base, marked);
  const data = base.data.slice();
  for (let i = 0; i < marked.width * marked.height; i++) {
    const alpha = marked.data[i * marked.channels + marked.channels - 1] / 255;
    for (let k = 0; k < 3; k++) data[i * base.channels + k] = Math.round((1 - alpha) * data[i * base.channels + k] + alpha * colour[k]);
  }
  return { ...base, data };
}

/** How edges are drawn: colour and alpha. */
export const edgeColour = [255, 176, 0, 235] as const;

/** The edges of `edgeMask` as a picture, transparent elsewhere. */
export function edges(plane: Plane, { share = 0.05, colour = edgeColour.slice(0, 3) as unknown as Colour } = {}): Picture {
  const data = new Uint8Array(4 * plane.width * plane.height);
  for (const [i, on] of edgeMask(plane, share).entries()) if (on) data.set([...colour, edgeColour[3]], 4 * i);
  return { width: plane.width, height: plane.height, channels: 4, data };
}

/**
 * Edges of a plane, 1 on them and 0 elsewhere: ridges of the smoothed gradient's magnitude (non-maximum suppression, σ = 1 pixel), the strongest
 * `share` of all pixels.
 * @see Canny (1986), A Computational Approach to Edge Detection, IEEE TPAMI 8
 */
export function edgeMask({ width, height, values }: Plane, share = 0.05): Uint8Array {
  const n = width * height;
  const soft = smooth(values, width, height);
  const gx = new Float32Array(n);
  const gy = new Float32Array(n);
  const magnitude = new Float32Array(n);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const i = y * width + x;
      gx[i] = soft[i + (x < width - 1 ? 1 : 0)] - soft[i - (x > 0 ? 1 : 0)];
      gy[i] = soft[i + (y < height - 1 ? width : 0)] - soft[i - (y > 0 ? width : 0)];
      magnitude[i] = Math.sqrt(gx[i] * gx[i] + gy[i] * gy[i]);
    }
  const ridge = new Float32Array(n);
  const at = (x: number, y: number) => magnitude[Math.min(height - 1, Math.max(0, y)) * width + Math.min(width - 1, Math.max(0, x))];
  let peak = 0;
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const i = y * width + x;
      const m = magnitude[i];
      if (m === 0) continue;
      const dx = Math.round(gx[i] / m);
      const dy = Math.round(gy[i] / m);
      if (m >= at(x + dx, y + dy) && m > at(x - dx, y - dy)) {
        ridge[i] = m;
        if (m > peak) peak = m;
      }
    }
  const found = ridge.filter((m) => m > 0);
  const keep = Math.min(found.length, Math.ceil(share * n));
  // Nothing weaker than 2 % of the strongest edge: a flat background's noise is not an edge.
  const threshold = keep === 0 ? Number.POSITIVE_INFINITY : Math.max(select(found, found.length - keep), 0.02 * peak);
  const mask = new Uint8Array(n);
  for (let i = 0; i < n; i++) if (ridge[i] >= threshold) mask[i] = 1;
  return mask;
}

/** [1 4 6 4 1] / 16 along both axes: σ = 1. NaN counts as 0. */
function smooth(values: Float32Array, width: number, height: number): Float32Array {
  const pass = (source: Float32Array, length: number, stride: number, lines: number, lineStride: number) => {
    const out = new Float32Array(source.length);
    const line = new Float32Array(length + 4); // with its ends repeated
    for (let l = 0; l < lines; l++) {
      for (let x = -2, to = 0; to < length + 4; x++, to++)
        line[to] = source[l * lineStride + Math.min(length - 1, Math.max(0, x)) * stride] || 0;
      for (let x = 0, to = l * lineStride; x < length; x++, to += stride)
        out[to] = (line[x] + line[x + 4] + 4 * (line[x + 1] + line[x + 3]) + 6 * line[x + 2]) / 16;
    }
    return out;
  };
  return pass(pass(values, width, 1, height, width), height, width, width, 1);
}

function alike(who: string, a: Picture, b: Picture): [Picture, Picture] {
  if (a.width !== b.width || a.height !== b.height) throw unlike(who, a, b);
  return a.channels === b.channels ? [a, b] : [rgb(a), rgb(b)];
}

const unlike = (who: string, a: Picture, b: Picture) =>
  new ShapeError(`${who}: the pictures are ${a.width}×${a.height} and ${b.width}×${b.height}; resample one onto the other first`, {
    a: [a.width, a.height],
    b: [b.width, b.height],
  });
