import type { Grid, Image } from "../../core/interfaces.js";
import { applyAffine, indexToPhysical, tensorShape, voxelsOf } from "../../image/grid.js";
import { Tensor } from "../../tensor/index.js";

/** A box of voxels: first and one past the last, x, y(, z). */
export interface Region {
  readonly low: readonly number[];
  readonly high: readonly number[];
}

export const wholeRegion = (g: Grid): Region => ({ low: g.size.map(() => 0), high: g.size });
export const sizeOf = (r: Region): number[] => r.high.map((h, k) => h - r.low[k]);

/** The box around the positive values, wider by `margin` voxels on every side. Undefined when nothing is positive. */
export function regionAround(values: ArrayLike<number>, g: Grid, margin: readonly number[]): Region | undefined {
  const low = g.size.slice();
  const high = g.size.map(() => 0);
  for (let i = 0, n = voxelsOf(g); i < n; i++) {
    if (!(values[i] > 0)) continue;
    for (let k = 0, rest = i; k < g.size.length; k++) {
      const at = rest % g.size[k];
      rest = Math.floor(rest / g.size[k]);
      if (at < low[k]) low[k] = at;
      if (at >= high[k]) high[k] = at + 1;
    }
  }
  if (high[0] === 0) return undefined;
  return { low: low.map((v, k) => Math.max(0, v - margin[k])), high: high.map((v, k) => Math.min(g.size[k], v + margin[k])) };
}

export const gridOf = (r: Region, g: Grid): Grid => ({ ...g, size: sizeOf(r), origin: applyAffine(indexToPhysical(g), r.low) });

/** The values of a box, each through `of`. */
export function cropped(im: Image, r: Region, of: (v: number) => number = (v) => v): Image {
  const size = sizeOf(r);
  const channels = im.values.shape[0];
  const out = Tensor.uninitialised([channels, ...[...size].reverse()]);
  const [from, to] = [im.values.data, out.data];
  eachLine(r, im.grid, (source, target, length) => {
    for (let c = 0; c < channels; c++) {
      const [s, t] = [c * voxelsOf(im.grid) + source, c * size.reduce((a, b) => a * b, 1) + target];
      for (let x = 0; x < length; x++) to[t + x] = of(from[s + x]);
    }
  });
  return { values: out, grid: gridOf(r, im.grid) };
}

/** A box of values put into a whole image of zeros. */
export function pasted(values: ArrayLike<number>, r: Region, g: Grid): Tensor {
  const out = Tensor.zeros([1, ...tensorShape(g)]);
  const data = out.data;
  eachLine(r, g, (whole, part, length) => {
    for (let x = 0; x < length; x++) data[whole + x] = values[part + x];
  });
  return out;
}

/** Lines along x of a box: where each begins in the whole image and in the box. */
function eachLine(r: Region, g: Grid, work: (whole: number, part: number, length: number) => void): void {
  const [w, h, d = 1] = sizeOf(r);
  const [W, H] = g.size;
  const [x0, y0, z0 = 0] = r.low;
  for (let z = 0; z < d; z++) for (let y = 0; y < h; y++) work(((z0 + z) * H + y0 + y) * W + x0, (z * h + y) * w, w);
}
