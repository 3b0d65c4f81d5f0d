import type { Grid, Image } from "../core/interfaces.js";
import {
  type AffineMap,
  applyAffine,
  composeAffine,
  cornersOf,
  indexToPhysical,
  invertAffine,
  physicalToIndex,
  tensorShape,
  voxelsOf,
} from "../image/grid.js";
import { Tensor } from "../tensor/index.js";

/** A box of voxels: first and one past the last, x, y(, z). */
export interface Region {
  readonly low: readonly number[];
  readonly high: readonly number[];
}

export const wholeRegion = (g: Grid): Region => ({ low: g.size.map(() => 0), high: g.size });
export const sizeOf = (r: Region): number[] => r.high.map((h, k) => h - r.low[k]);

/** The box around the values above `floor`, wider by `margin` voxels on every side. Undefined when there are none. */
export function regionAround(values: ArrayLike<number>, g: Grid, margin: readonly number[], floor = 0): Region | undefined {
  const [W, H, D = 1] = g.size;
  const low = g.size.slice();
  const high = g.size.map(() => 0);
  for (let z = 0; z < D; z++)
    for (let y = 0; y < H; y++) {
      // From both ends of a row to its first and last: what lies between need not be looked at.
      const row = (z * H + y) * W;
      let first = 0;
      while (first < W && !(values[row + first] > floor)) first++;
      if (first === W) continue;
      let last = W - 1;
      while (!(values[row + last] > floor)) last--;
      for (const [k, at] of [first, y, z].slice(0, g.size.length).entries()) if (at < low[k]) low[k] = at;
      for (const [k, at] of [last, y, z].slice(0, g.size.length).entries()) if (at >= high[k]) high[k] = at + 1;
    }
  if (high[0] === 0) return undefined;
  return { low: low.map((v, k) => Math.max(0, v - margin[k])), high: high.map((v, k) => Math.min(g.size[k], v + margin[k])) };
}

/**
 * The box of the fixed grid in which either image shows more than its darkest value (by 2 % of its range), the moving one brought over by a linear
 * map, with a margin. Undefined when that is nearly everything, or nothing.
 */
export function activeRegion(fixed: Image, moving: Image, map: AffineMap): Region | undefined {
  const g = fixed.grid;
  const shown = (im: Image): Region | undefined => {
    const data = im.values.data.subarray(0, voxelsOf(im.grid)) as Float32Array;
    let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let i = 0; i < data.length; i++) {
      if (data[i] < low) low = data[i];
      if (data[i] > high) high = data[i];
    }
    const floor = low + 0.02 * (high - low);
    return regionAround(
      data,
      im.grid,
      im.grid.size.map(() => 0),
      floor,
    );
  };
  const [a, b] = [shown(fixed), shown(moving)];
  if (!a || !b) return undefined;
  const corners = cornersOf(gridOf(b, moving.grid));
  const toFixed = composeAffine(physicalToIndex(g), invertAffine(map));
  const brought = corners.map((p) => applyAffine(toFixed, p));
  const box = g.size.map((n, k) => {
    const low = Math.min(a.low[k], ...brought.map((p) => Math.floor(p[k])));
    const high = Math.max(a.high[k], ...brought.map((p) => Math.ceil(p[k]) + 1));
    const margin = n > 1 ? Math.max(8, Math.round(0.05 * (high - low))) : 0;
    return [Math.max(0, low - margin), Math.min(n, high + margin)];
  });
  const region = { low: box.map(([l]) => l), high: box.map(([, h]) => h) };
  if (region.high.some((h, k) => h - region.low[k] < Math.min(16, g.size[k]))) return undefined;
  return sizeOf(region).reduce((x, y) => x * y, 1) < 0.85 * voxelsOf(g) ? region : undefined;
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
