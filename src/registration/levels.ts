import type { Image } from "../core/interfaces.js";
import { select } from "../core/select.js";
import { coarsened, type Grid, sameGrid, tensorShape } from "../image/grid.js";
import { engine } from "../kernels/engine.js";
import { gaussian } from "../kernels/gaussian.js";
import { scope, Tensor } from "../tensor/index.js";
import { identityTransform, warp } from "../transforms/index.js";

/** A level of the Gaussian pyramid: smoothed by half the new spacing and sampled on a coarser grid over the same extent; the image itself where nothing is coarser. */
export function atSpacing(image: Image, spacing: number): Image {
  const grid = coarsened(image.grid, spacing);
  if (sameGrid(grid, image.grid)) return image;
  return scope(() => {
    const d = grid.size.length;
    const shape = tensorShape(image.grid);
    const smooth = Tensor.uninitialised(image.values.shape);
    const sigma = grid.spacing.map((s, i) => (s > image.grid.spacing[i] * 1.01 ? (0.5 * s) / image.grid.spacing[i] : 0));
    const [sx, sy, sz] = [...sigma, 0];
    const size = (d === 3 ? shape : [1, ...shape]) as [number, number, number];
    gaussian(engine(), image.values.pointer, smooth.pointer, image.values.shape[0], size, {
      sigma: d === 3 ? [sz, sy, sx] : [0, sy, sx],
      truncate: 3,
    });
    return warp({ values: smooth, grid: image.grid }, identityTransform(d), grid, { border: "clamp" });
  });
}

/** The spacing that a shrink factor multiplies: the finest of the fixed image's axes. */
export const baseSpacing = (grid: Grid): number => Math.min(...grid.spacing);

/** Shrink factors from coarse to fine such that the coarsest level keeps about `least` samples along its longest axis. */
export function defaultShrinks(grid: Grid, least: number, coarsest = 8): number[] {
  const longest = Math.max(...grid.size.map((n, i) => (n * grid.spacing[i]) / baseSpacing(grid)));
  const shrinks = [1];
  while (shrinks[0] * 2 <= coarsest && longest / (shrinks[0] * 2) >= least) shrinks.unshift(shrinks[0] * 2);
  return shrinks;
}

/** The 0.1 % and 99.9 % quantiles of (some sixty thousand of) the values. */
export function robustRange(image: Image): readonly [number, number] {
  const data = image.values.data;
  const step = Math.max(1, Math.floor(data.length / 65536));
  const sample = new Float64Array(Math.ceil(data.length / step));
  for (let i = 0; i < sample.length; i++) sample[i] = data[i * step];
  const [first, last] = [Math.floor(0.001 * (sample.length - 1)), Math.ceil(0.999 * (sample.length - 1))];
  const low = select(sample, first);
  const high = select(sample, last, first);
  if (high > low) return [low, high];
  const [least, most] = [select(sample, 0), select(sample, sample.length - 1)];
  return [least, most > least ? most : least + 1];
}
/** A range of values mapped to [0, 1], and clipped at half a range outside: metrics see one scale, and no outlier. */
export function scaledTo(image: Image, [low, high]: readonly [number, number], beyond = 0.5): Image {
  const out = Tensor.uninitialised(image.values.shape);
  const [x, y] = [image.values.data, out.data];
  const factor = 1 / (high - low);
  const [least, most] = [-beyond, 1 + beyond];
  for (let i = 0, n = y.length; i < n; i++) {
    const v = (x[i] - low) * factor;
    y[i] = Math.min(most, Math.max(least, v));
  }
  return { values: out, grid: image.grid };
}
/** The values as they are, in a block of their own. */
export const copied = (image: Image): Image => scaledTo(image, [0, 1], Number.POSITIVE_INFINITY);
