import { ShapeError } from "../../core/errors.js";
import type { Image } from "../../core/interfaces.js";
import { dimensionOf } from "../../image/grid.js";

/** The brightness of a frame, 0 black and 1 white, [y, x]. */
export interface Frame {
  readonly width: number;
  readonly height: number;
  readonly gray: Float32Array;
}
/** What is black and what is white in a series: the same for all its frames. */
export interface Range {
  readonly low: number;
  readonly high: number;
}
export function rangeOf(picture: Image): Range {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const v of picture.values.data)
    if (v - v === 0) {
      if (v < low) low = v;
      if (v > high) high = v;
    }
  return high > low ? { low, high } : { low: 0, high: 1 };
}
/** A picture as a frame; not a finite number: black. @throws ShapeError unless it is a plane */
export function frameOf(picture: Image, { low, high }: Range): Frame {
  if (dimensionOf(picture.grid) !== 2)
    throw new ShapeError(`tracking: an image of ${dimensionOf(picture.grid)} axes came; frames are pictures (two axes)`, {
      grid: picture.grid,
    });
  const [width, height] = picture.grid.size;
  const n = width * height;
  const data = picture.values.data;
  const by = 1 / (high - low);
  const gray = new Float32Array(n);
  const colour = picture.values.shape[0] >= 3;
  const [r, g, b] = colour ? [0.299 * by, 0.587 * by, 0.114 * by] : [by, 0, 0];
  const [second, third] = colour ? [n, 2 * n] : [0, 0];
  for (let k = 0; k < n; k++) {
    const v = r * data[k] + g * data[second + k] + b * data[third + k] - low * by;
    gray[k] = v - v === 0 ? v : 0;
  }
  return { width, height, gray };
}

/** Where a patch lies: its centre and its sides, in pixels of the frame. */
export interface Place {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/**
 * A rectangle of a plane brought to columns × rows samples, sample (i, j) at (x + ((i + ½)/columns − ½) width, …), linear between pixels; outside the
 * frame its border goes on. Patches that shrink are averaged first over blocks of pixels that lie still in the frame, so a moving patch does not shimmer.
 */
export function patch(
  plane: Float32Array,
  frame: { readonly width: number; readonly height: number },
  place: Place,
  columns: number,
  rows: number,
): Float32Array {
  const [sx, sy] = [place.width / columns, place.height / rows];
  const block = Math.max(1, Math.floor(Math.min(sx, sy) + 0.25));
  const [left, top] = [place.x - 0.5 * place.width + 0.5 * sx, place.y - 0.5 * place.height + 0.5 * sy];
  let [source, stride, ox, oy, w, h] = [plane, frame.width, 0, 0, frame.width, frame.height];
  if (block > 1) {
    // Only the blocks that the patch needs.
    const [bw, bh] = [Math.max(1, Math.floor(frame.width / block)), Math.max(1, Math.floor(frame.height / block))];
    const within = (v: number, n: number) => Math.min(n - 1, Math.max(0, v));
    ox = within(Math.floor(left / block) - 1, bw);
    oy = within(Math.floor(top / block) - 1, bh);
    w = within(Math.ceil((left + place.width) / block) + 1, bw) - ox + 1;
    h = within(Math.ceil((top + place.height) / block) + 1, bh) - oy + 1;
    source = new Float32Array(w * h);
    stride = w;
    const by = 1 / (block * block);
    for (let j = 0; j < h; j++)
      for (let v = 0; v < block; v++) {
        const y = Math.min(frame.height - 1, (oy + j) * block + v);
        let at = y * frame.width + ox * block;
        for (let i = 0, o = j * w; i < w; i++, o++) {
          let s = 0;
          for (let u = 0; u < block; u++) s += plane[at++];
          source[o] += s * by;
        }
      }
  }
  const out = new Float32Array(columns * rows);
  // Pixel centres of blocks: (k + ½) block − ½.
  const to = (v: number, o: number) => (v + 0.5) / block - 0.5 - o;
  const xs = new Int32Array(2 * columns);
  const fx = new Float32Array(columns);
  for (let i = 0; i < columns; i++) {
    const x = Math.min(w - 1, Math.max(0, to(left + i * sx, ox)));
    const k = Math.min(Math.max(0, w - 2), Math.floor(x));
    xs[2 * i] = k;
    xs[2 * i + 1] = Math.min(w - 1, k + 1);
    fx[i] = x - k;
  }
  for (let j = 0, o = 0; j < rows; j++) {
    const y = Math.min(h - 1, Math.max(0, to(top + j * sy, oy)));
    const k = Math.min(Math.max(0, h - 2), Math.floor(y));
    const f = y - k;
    const [a, b] = [k * stride, Math.min(h - 1, k + 1) * stride];
    for (let i = 0; i < columns; i++, o++) {
      const [p, q, t] = [xs[2 * i], xs[2 * i + 1], fx[i]];
      const up = source[a + p] + t * (source[a + q] - source[a + p]);
      const down = source[b + p] + t * (source[b + q] - source[b + p]);
      out[o] = up + f * (down - up);
    }
  }
  return out;
}
