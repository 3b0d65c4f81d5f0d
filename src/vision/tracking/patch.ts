import { ShapeError } from "../../core/errors.js";
import type { Image } from "../../core/interfaces.js";
import { dimensionOf } from "../../image/grid.js";

/** The brightness of a frame, 0 black and 1 white, and red, green and blue where it has colour; planes [y, x] of means over block × block pixels. */
export interface Frame {
  readonly width: number;
  readonly height: number;
  readonly block: number;
  readonly gray: Float32Array<ArrayBuffer>;
  readonly colour?: readonly Float32Array<ArrayBuffer>[];
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
/** A picture as a frame; not a finite number: black. The memory of a frame that is no longer needed is used again where its size fits. @throws ShapeError unless it is a plane */
export function frameOf(picture: Image, { low, high }: Range, block = 1, memory?: Frame): Frame {
  if (dimensionOf(picture.grid) !== 2)
    throw new ShapeError(`tracking: an image of ${dimensionOf(picture.grid)} axes came; frames are pictures (two axes)`, {
      grid: picture.grid,
    });
  const [columns, rows] = picture.grid.size;
  const [width, height] = [Math.max(1, Math.floor(columns / block)), Math.max(1, Math.floor(rows / block))];
  const n = width * height;
  const data = picture.values.data;
  const by = 1 / (high - low);
  const reused = memory && memory.gray.length === n ? memory : undefined;
  const plane = (c: number, out = new Float32Array(n)) => {
    const [scale, shift] = [by / block ** 2, low * by];
    for (let y = 0, k = 0; y < height; y++)
      for (let x = 0; x < width; x++, k++) {
        let sum = 0;
        let i = (c * rows + y * block) * columns + x * block;
        for (let v = 0; v < block; v++, i += columns) for (let u = 0; u < block; u++) sum += data[i + u];
        const value = sum * scale - shift;
        out[k] = value - value === 0 ? value : 0;
      }
    return out;
  };
  if (picture.values.shape[0] < 3) return { width, height, block, gray: plane(0, reused?.gray) };
  const [r, g, b] = [0, 1, 2].map((c) => plane(c, reused?.colour?.[c]));
  const gray = reused?.gray ?? new Float32Array(n);
  for (let k = 0; k < n; k++) gray[k] = 0.299 * r[k] + 0.587 * g[k] + 0.114 * b[k];
  return { width, height, block, gray, colour: [r, g, b] };
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
  frame: { readonly width: number; readonly height: number; readonly block: number },
  whole: Place,
  columns: number,
  rows: number,
): Float32Array {
  const b = frame.block;
  const place = { x: (whole.x + 0.5) / b - 0.5, y: (whole.y + 0.5) / b - 0.5, width: whole.width / b, height: whole.height / b };
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
    const [first, second] = [k * stride, Math.min(h - 1, k + 1) * stride];
    for (let i = 0; i < columns; i++, o++) {
      const [p, q, t] = [xs[2 * i], xs[2 * i + 1], fx[i]];
      const up = source[first + p] + t * (source[first + q] - source[first + p]);
      const down = source[second + p] + t * (source[second + q] - source[second + p]);
      out[o] = up + f * (down - up);
    }
  }
  return out;
}
