import { GridError } from "../../core/errors.js";
import type { Image, Transform } from "../../core/interfaces.js";
import { sameGrid, voxelsOf } from "../../image/grid.js";
import { scope } from "../../tensor/index.js";
import { partialVolume } from "./partialVolume.js";

/** One region on one frame. */
export interface RegionState {
  /** The frame, counted from 0. */
  readonly frame: number;
  /** The label, or the name of a figure. */
  readonly label: number;
  /** Number of voxels. */
  readonly voxels: number;
  /** Brightness of the region: its mean over the voxels and frames, and its change at this frame without what blur mixes in from its neighbours; see `partialVolume`. */
  readonly value: number;
  /** Mean over the region's voxels, as they are. */
  readonly mean: number;
  /** The same over the voxels whose neighbours belong to the region too: free of what interpolation mixes in from outside. All voxels where a quarter would not remain. */
  readonly core: number;
  /** The model's mean over the region; NaN without a model. */
  readonly model: number;
  /** Mean displacement of the region, mm. */
  readonly shift: readonly number[];
}

/** Brightness and motion of labelled regions over time; the labels (whole numbers, 0 is no region) lie on the corrected frames. @throws GridError when they do not */
export function regionCurves(
  result: { readonly corrected: readonly Image[]; readonly transforms: readonly Transform[]; readonly predicted?: readonly Image[] },
  labels: Image,
): RegionState[] {
  const { corrected, transforms, predicted } = result;
  const { grid } = corrected[0];
  if (!sameGrid(labels.grid, grid) || labels.values.shape[0] !== 1)
    throw new GridError("regionCurves: one label map on the frames' grid was expected; resample it first", {});
  const regions = new Map<number, { all: number[]; core: number[] }>();
  const data = labels.values.data;
  const d = grid.size.length;
  const strides = grid.size.map((_, k) => grid.size.slice(0, k).reduce((a, b) => a * b, 1));
  const neighbours = Array.from({ length: 3 ** d }, (_, k) => grid.size.map((_, i) => (Math.floor(k / 3 ** i) % 3) - 1));
  for (let i = 0; i < voxelsOf(grid); i++) {
    const label = data[i];
    if (!(label > 0)) continue;
    const region = regions.get(label) ?? { all: [], core: [] };
    regions.set(label, region);
    region.all.push(i);
    const at = grid.size.map((n, k) => Math.floor(i / strides[k]) % n);
    const within = neighbours.every((o) => {
      const q = o.map((v, k) => at[k] + v);
      return q.every((v, k) => v >= 0 && v < grid.size[k]) && data[q.reduce((s, v, k) => s + v * strides[k], 0)] === label;
    });
    if (within) region.core.push(i);
  }
  if (regions.size === 0) throw new GridError("regionCurves: the label map marks nothing; labels are numbers above 0", {});
  const mean = (values: ArrayLike<number>, where: readonly number[], from = 0) =>
    where.reduce((s, i) => s + values[from + i], 0) / where.length;
  const out: RegionState[] = [];
  const n = voxelsOf(grid);
  const order = [...regions.keys()].sort((a, b) => a - b);
  const series = corrected.map((im) => im.values.data as Float32Array);
  const { changes, own } = partialVolume(series, data as Float32Array, grid.size, order);
  const means = order.map((label) => series.map((v) => mean(v, (regions.get(label) as { all: number[] }).all)));
  const overTime = means.map((m) => m.reduce((a, b) => a + b, 0) / m.length);
  for (const [frame, im] of corrected.entries()) {
    const field = scope(() => Float32Array.from(transforms[frame].displacement(grid).data));
    for (const [k, label] of order.entries()) {
      const { all, core } = regions.get(label) as { all: number[]; core: number[] };
      out.push({
        frame,
        label,
        voxels: all.length,
        // Of a region that hardly shows there is no more than its mean.
        value: own[k] > 0.5 ? overTime[k] + changes[k][frame] : means[k][frame],
        mean: means[k][frame],
        core: mean(im.values.data, 4 * core.length >= all.length ? core : all),
        model: predicted ? mean(predicted[frame].values.data, all) : Number.NaN,
        shift: grid.size.map((_, a) => mean(field, all, a * n)),
      });
    }
  }
  return out;
}
