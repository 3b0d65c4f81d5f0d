import { ArgumentError } from "../../core/errors.js";
import type { Image } from "../../core/interfaces.js";
import { type Grid, tensorShape, voxelsOf } from "../../image/grid.js";
import { scope, Tensor } from "../../tensor/index.js";
import { type Transform, warp } from "../../transforms/index.js";

/** The labels that occur, ascending, 0 (background) always among them. */
export function classesOf(labels: readonly Image[]): number[] {
  const found = new Set<number>([0]);
  for (const { values } of labels) for (const v of values.data) found.add(Math.round(v));
  return [...found].sort((a, b) => a - b);
}

/**
 * Probability maps of labels carried along maps: P_c(p) = 1/n Σ_i w_ic(p), w_ic(p) the linear weight that the voxels of label c have at y_i(p), background
 * outside image i. One map [1, (z,) y, x] for each class in ascending order, background last, so that only one need be held at a time; they sum to 1.
 * @param budget  bytes that one batch of classes may take
 */
export function* probabilityMaps(
  labels: readonly Image[],
  transforms: readonly Transform[],
  grid: Grid,
  { classes = classesOf(labels), budget = 2 ** 26 }: { readonly classes?: readonly number[]; readonly budget?: number } = {},
): Generator<{ readonly label: number; readonly map: Image }> {
  if (labels.length !== transforms.length)
    throw new ArgumentError(`probabilityMaps: ${labels.length} label maps and ${transforms.length} transforms; give one for each`, {});
  const n = voxelsOf(grid);
  const rest = new Float64Array(n).fill(1);
  const others = classes.filter((c) => c !== 0);
  const most = Math.max(...labels.map((l) => voxelsOf(l.grid)), n);
  const batch = Math.max(1, Math.floor(budget / (8 * most)));
  for (let from = 0; from < others.length; from += batch) {
    const part = others.slice(from, from + batch);
    const place = new Map(part.map((c, k) => [c, k]));
    const sums = new Float64Array(part.length * n);
    for (const [i, { values, grid: own }] of labels.entries())
      scope(() => {
        const m = voxelsOf(own);
        const hot = Tensor.zeros([part.length, ...tensorShape(own)]);
        const [h, l] = [hot.data, values.data];
        for (let k = 0; k < m; k++) {
          const c = place.get(Math.round(l[k]));
          if (c !== undefined) h[c * m + k] = 1;
        }
        const v = warp({ values: hot, grid: own }, transforms[i], grid).values.data;
        for (let k = 0; k < v.length; k++) sums[k] += v[k];
      });
    for (const [k, label] of part.entries()) {
      const values = Tensor.uninitialised([1, ...tensorShape(grid)]);
      const y = values.data;
      for (let i = 0; i < n; i++) {
        y[i] = sums[k * n + i] / labels.length;
        rest[i] -= y[i];
      }
      yield { label, map: { values, grid } };
    }
  }
  if (classes.includes(0))
    yield {
      label: 0,
      map: {
        values: Tensor.from(
          Float32Array.from(rest, (v) => Math.max(0, v)),
          [1, ...tensorShape(grid)],
        ),
        grid,
      },
    };
}

/** Label maps on a grid along maps, by nearest neighbour, as whole numbers. */
export const carriedLabels = (labels: readonly Image[], transforms: readonly Transform[], grid: Grid): Int32Array[] =>
  labels.map((l, i) => scope(() => Int32Array.from(warp(l, transforms[i], grid, { interpolation: "nearest" }).values.data, Math.round)));

/**
 * How well the others foretell an image's labels: mean over images i, and over the points p of the mean's space where image i has a label, of
 *   log P₋ᵢ(ℓᵢ(p)),   P₋ᵢ(c) = (number of others with label c at p + 1/K) / n
 * (a uniform prior over the K classes, worth one image). Natural logarithms; 0 would be perfect.
 */
export function leaveOneOutLogLikelihood(
  labels: readonly Image[],
  transforms: readonly Transform[],
  grid: Grid,
): { readonly mean: number; readonly each: readonly number[] } {
  if (labels.length < 2) throw new ArgumentError("leaveOneOutLogLikelihood: leaving one out of one leaves nothing", {});
  const maps = carriedLabels(labels, transforms, grid);
  const n = maps.length;
  const k = classesOf(labels).length;
  const logs = Array.from({ length: n }, (_, count) => Math.log((count + 1 / k) / n));
  const each = maps.map((mine) => {
    let sum = 0;
    let voxels = 0;
    for (let p = 0; p < mine.length; p++) {
      const l = mine[p];
      if (l === 0) continue;
      let same = -1;
      for (const other of maps) if (other[p] === l) same++;
      sum += logs[same];
      voxels++;
    }
    return sum / Math.max(1, voxels);
  });
  return { mean: each.reduce((a, b) => a + b, 0) / n, each };
}
