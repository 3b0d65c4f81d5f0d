import { ArgumentError, GridError } from "../../core/errors.js";
import type { Grid, Image, Transform } from "../../core/interfaces.js";
import { distanceTransform } from "../../evaluation/distanceTransform.js";
import { type AffineMap, applyAffine, gridText, identityMap, indexToPhysical, sameGrid, voxelsOf, voxelVolume } from "../../image/grid.js";
import type { ImageMetric } from "../../metrics/imageMetric.js";
import { lncc, ncc } from "../../metrics/index.js";
import { dispose, keep, scope, Tensor } from "../../tensor/index.js";
import { AffineTransform, CompositeTransform, DisplacementTransform, warp } from "../../transforms/index.js";
import { alignDiffeo, type DiffeoOptions, type Midway } from "../diffeo.js";
import { atSpacing, baseSpacing, defaultShrinks, robustRange } from "../levels.js";
import { alignLinear, type LinearLevel, valueUnder } from "../linear.js";
import { cropped, pasted, type Region, regionAround, sizeOf, wholeRegion } from "../region.js";

/** How far labels may move between frames, and by which metric. */
export interface TrackLabelsOptions {
  /** The frame on which the labels lie. Default 0. */
  readonly start?: number;
  /** Default lncc in windows of 9 voxels: brightness may change from frame to frame, and frames of a series are noisy. */
  readonly metric?: ImageMetric;
  /** How stiff the motion is: see DiffeoOptions. Default: 2 and 1 voxels, tissue rather than noise. */
  readonly deformation?: Pick<DiffeoOptions, "updateVoxels" | "totalVoxels" | "stepVoxels">;
  /** Most steps on each level, coarse to fine; the last counts for all finer ones. Default 20, 12, 8. */
  readonly iterations?: readonly number[];
  /** Ends the work early, with an AbortedError. */
  readonly signal?: AbortSignal;
  /** Frames done, of how many. */
  readonly onProgress?: (done: number, of: number) => void;
}
/** Size and place of one structure on one frame. */
export interface LabelState {
  /** The frame, counted from 0. */
  readonly frame: number;
  /** The label, or the name of a figure. */
  readonly label: number;
  /** mm^d, from soft memberships: finer than a voxel count. */
  readonly volume: number;
  /** Centre of mass, physical millimetres; NaN when nothing is left. */
  readonly centre: readonly number[];
}
/** Labels carried through a series, with their volumes and where they went. */
export interface LabelTrack {
  /** One label map for each frame, on the frames' grid. */
  readonly labels: readonly Image[];
  /** Points of the labelled frame ↦ points of each frame, with their inverses. */
  readonly transforms: readonly Transform[];
  /** Curves over the frames. */
  readonly curves: readonly LabelState[];
  /** The metric on each frame at the end, and where nothing was moved. */
  readonly likeness: readonly {
    /** The frame, counted from 0. */
    readonly frame: number;
    /** The metric on it at the end. */
    readonly value: number;
    /** The metric if nothing had moved. */
    readonly still: number;
  }[];
  /** Whether to trust the result; `reason` says why. */
  readonly status: "ok" | "suspect";
  /** Why it ended, in a sentence. */
  readonly reason: string;
}

/**
 * Structures followed through a series: the labelled frame is registered with every frame (the structures and their rims: an affine map, then a
 * symmetric deformation), each beginning where its neighbour in time ended, so that motion adds up but errors do not; labels are carried along the
 * inverse map as soft memberships, of which the largest names the voxel.
 * Only the surroundings of the labels are looked at, and more when they come near the edge of that.
 * @param frames  images on one grid, in order of time
 * @param labels  whole numbers on the same grid, 0 is no structure
 * @throws GridError when grids differ; ArgumentError when there are no labels, or fewer than two frames
 */
export async function trackLabels(frames: readonly Image[], labels: Image, o: TrackLabelsOptions = {}): Promise<LabelTrack> {
  const { start = 0, metric = lncc({ radiusVoxels: 4 }), iterations = [20, 12, 8], deformation, signal, onProgress } = o;
  if (frames.length < 2) throw new ArgumentError(`trackLabels: ${frames.length} frames came; at least two were expected`, {});
  if (!(Number.isInteger(start) && start >= 0 && start < frames.length))
    throw new ArgumentError(`trackLabels: the labelled frame is ${start}, but frames are numbered 0 to ${frames.length - 1}`, { start });
  const grid = frames[0].grid;
  for (const [k, f] of [...frames, labels].entries())
    if (!sameGrid(f.grid, grid))
      throw new GridError(
        `trackLabels: ${k < frames.length ? `frame ${k}` : "the label map"} lies on ${gridText(f.grid)}, the first frame on ${gridText(grid)}; resample it first`,
        {},
      );
  const names = [...new Set(labels.values.data)].filter((l) => l > 0).sort((a, b) => a - b);
  if (names.length === 0) throw new ArgumentError("trackLabels: the label map marks nothing; structures are whole numbers above 0", {});

  const scale = 1 / Math.max(1e-30, range(frames[start]));
  const found = new Map<number, Followed>();
  let done = 0;
  for (const sense of [1, -1]) {
    let follower = new Follower(frames[start], labels, names, scale, metric, deformation, iterations);
    try {
      for (let t = start + sense; t >= 0 && t < frames.length; t += sense) {
        let next = await follower.follow(frames[t], signal);
        if (next.atEdge && !follower.whole) {
          dispose(next.labels, next.field, next.backward);
          const wider = follower.widened();
          follower.free();
          follower = wider;
          next = await follower.follow(frames[t], signal);
        }
        found.set(t, next);
        onProgress?.(++done, frames.length - 1);
      }
    } finally {
      follower.free();
    }
  }
  const still = stateOf(memberships(labels, names), labels.grid, names, start);
  const doubts: string[] = [];
  const curves: LabelState[] = [];
  for (let t = 0; t < frames.length; t++) {
    const f = found.get(t);
    const states = f ? stateOf(f.soft, f.grid, names, t) : still;
    curves.push(...states);
    if (!f) continue;
    const lost = states.filter((s, k) => !(s.volume > 0.2 * still[k].volume));
    if (lost.length > 0) doubts.push(`label ${lost[0].label} nearly vanishes on frame ${t}`);
    if (!(f.value <= f.still + 1e-6)) doubts.push(`frame ${t} is not more alike than without motion`);
    if (f.inversion.share > 0.01) doubts.push(`the motion to frame ${t} is not invertible everywhere`);
  }
  return {
    labels: frames.map((_, t) => ({ values: found.get(t)?.labels ?? labels.values, grid })),
    transforms: frames.map((_, t) => found.get(t)?.forward ?? identityOn(grid)),
    curves,
    likeness: [...found.entries()].sort(([a], [b]) => a - b).map(([frame, f]) => ({ frame, value: f.value, still: f.still })),
    status: doubts.length > 0 ? "suspect" : "ok",
    reason:
      doubts.length > 0
        ? `${doubts.slice(0, 3).join("; ")}${doubts.length > 3 ? `; and ${doubts.length - 3} more` : ""}; look at these frames, begin nearer to them (start), or give more frames in between`
        : "every frame became more alike, and every structure is there on every frame",
  };
}

const range = (im: Image) => {
  const [low, high] = robustRange(im);
  return high - low;
};
const identityOn = (g: Grid): Transform => new DisplacementTransform(Tensor.zeros([g.size.length, ...[...g.size].reverse()]), g);

interface Followed {
  readonly labels: Tensor;
  readonly soft: readonly Float32Array[];
  readonly grid: Grid;
  readonly forward: Transform;
  readonly field: Tensor;
  readonly backward: Tensor;
  readonly value: number;
  readonly still: number;
  readonly inversion: { readonly largest: number; readonly share: number };
  readonly atEdge: boolean;
}

/** One labelled frame in a box of the grid, and the motion found last. */
class Follower {
  readonly #box: Region;
  readonly #fixed: Image;
  readonly #soft: Image;
  /** Where the structures and their rims are. */
  readonly #rim: Tensor;
  #map: AffineMap;
  #midway: Midway | undefined;

  constructor(
    readonly frame: Image,
    readonly labels: Image,
    readonly names: readonly number[],
    readonly scale: number,
    readonly metric: ImageMetric,
    readonly deformation: TrackLabelsOptions["deformation"],
    readonly iterations: readonly number[],
    box?: Region,
    from?: { readonly map: AffineMap; readonly midway: Midway | undefined },
  ) {
    const grid = frame.grid;
    const tight = regionAround(
      labels.values.data,
      grid,
      grid.size.map(() => 0),
    ) as Region;
    // Room for motion of the structures' own size, and for what lies around them.
    const room = sizeOf(tight).map((n, k) => (grid.size[k] > 1 ? Math.max(16, Math.ceil(0.75 * n)) : 0));
    const around = regionAround(labels.values.data, grid, room) as Region;
    this.#box = box ?? (volume(around) > 0.6 * voxelsOf(grid) ? wholeRegion(grid) : around);
    this.#fixed = cropped(frame, this.#box, (v) => v * scale);
    keep(this.#fixed.values);
    this.#soft = keepImage({ values: membershipTensor(cropped(labels, this.#box), names), grid: this.#fixed.grid });
    this.#rim = keep(rimOf(cropped(labels, this.#box)));
    this.#map = from?.map ?? identityMap(grid.size.length);
    this.#midway = from?.midway;
  }
  get whole(): boolean {
    return volume(this.#box) === voxelsOf(this.frame.grid);
  }
  /** The same over the whole image, from where this one was. */
  widened(): Follower {
    const midway = this.#midway;
    this.#midway = undefined;
    const { frame, labels, names, scale, metric, deformation, iterations } = this;
    return new Follower(frame, labels, names, scale, metric, deformation, iterations, wholeRegion(frame.grid), { map: this.#map, midway });
  }
  free(): void {
    dispose(this.#fixed.values, this.#soft.values, this.#rim, this.#midway?.toFixed, this.#midway?.toMoving);
  }

  async follow(frame: Image, signal: AbortSignal | undefined): Promise<Followed> {
    const moving = cropped(frame, this.#box, (v) => v * this.scale);
    const grid = this.#fixed.grid;
    const shrinks = defaultShrinks(grid, grid.size.length === 2 ? 24 : 16, 4);
    const counts = shrinks.map(
      (_, k) => this.iterations[Math.min(this.iterations.length - 1, k + 3 - shrinks.length)] ?? this.iterations[0],
    );
    const before = this.#midway;
    try {
      this.#map = await this.#linear(moving, shrinks, signal);
      const r = await alignDiffeo(
        { fixed: this.#fixed, moving, fixedMask: this.#rim, map: this.#map, start: before },
        this.metric,
        { updateVoxels: 2, totalVoxels: 1, ...this.deformation, shrinks, iterations: counts, keepMidway: true },
        { iterations: 0, level: 0, levels: 1, signal },
      );
      this.#midway = r.midway;
      keep(r.midway as Midway & Record<string, never>);
      if (before) dispose(before.toFixed, before.toMoving);
      const aligned = { name: "aligned", grid };
      const forward = new CompositeTransform([
        new DisplacementTransform(keep(r.forward), r.grid, { name: "labelled", grid }, aligned, { field: keep(r.backward), grid: r.grid }),
        new AffineTransform(this.#map, aligned, { name: "frame", grid }),
      ]);
      const ready = this.metric.prepare?.(this.#fixed, moving, true) ?? this.metric;
      const masks = { fixed: this.#rim };
      const still = scope(() => ready.value(moving, this.#fixed, masks).item());
      const last = r.trace[r.trace.length - 1].values;
      const carried = scope(() => warp(this.#soft, forward.inverse(), grid));
      const n = voxelsOf(grid);
      const all = carried.values.data;
      const soft = this.names.map((_, k) => Float32Array.from(all.subarray(k * n, (k + 1) * n)));
      dispose(carried.values);
      const hard = argmax(soft, this.names);
      return {
        labels: keep(pasted(hard, this.#box, frame.grid)),
        soft,
        grid,
        forward,
        field: r.forward,
        backward: r.backward,
        value: Math.min(...last),
        still,
        inversion: r.inversion,
        atEdge: this.#nearEdge(hard),
      };
    } finally {
      dispose(moving.values);
    }
  }

  /** The linear part of the motion of the structures with their rims, from the last frame's; kept only where it helps. */
  async #linear(moving: Image, shrinks: readonly number[], signal: AbortSignal | undefined): Promise<AffineMap> {
    let map = this.#map;
    // A deformation follows: the linear part only has to be near, and the finest level has nothing to add to that.
    for (const shrink of shrinks.length > 1 ? shrinks.slice(0, -1) : shrinks) {
      const spacing = shrink * baseSpacing(this.#fixed.grid);
      const rim = { values: this.#rim, grid: this.#fixed.grid };
      const level: LinearLevel = scope(() => ({
        fixed: atSpacing(this.#fixed, spacing),
        moving: atSpacing(moving, spacing),
        fixedMask: atSpacing(rim, spacing).values,
      }));
      try {
        const metric = ncc();
        const before = valueUnder(level, map, metric);
        const r = await alignLinear(level, "affine", map, metric, false, { iterations: 15, level: 0, levels: 1, signal });
        const after = valueUnder(level, r.map, metric);
        if (after.value < before.value && after.overlap > 0.5) map = r.map;
      } finally {
        if (level.fixed.values !== this.#fixed.values) dispose(level.fixed.values);
        if (level.moving.values !== moving.values) dispose(level.moving.values);
        if (level.fixedMask !== this.#rim) dispose(level.fixedMask as Tensor);
      }
    }
    return map;
  }

  /** A structure within four voxels of a side of the box where the image goes on. */
  #nearEdge(hard: ArrayLike<number>): boolean {
    const grid = this.#fixed.grid;
    const near = regionAround(
      hard,
      grid,
      grid.size.map(() => 4),
    );
    if (!near) return false;
    return grid.size.some(
      (n, k) =>
        n > 1 && ((near.low[k] === 0 && this.#box.low[k] > 0) || (near.high[k] === n && this.#box.high[k] < this.frame.grid.size[k])),
    );
  }
}

/** 1 on the structures and around them: as far out as half of what a ball of their size measures from its middle, four voxels at least. */
function rimOf(labels: Image): Tensor {
  const { grid } = labels;
  const set = labels.values.data;
  const d = grid.size.filter((n) => n > 1).length;
  let count = 0;
  for (const v of set) if (v > 0) count++;
  const radius = d === 3 ? Math.cbrt((3 * count) / (4 * Math.PI)) : Math.sqrt(count / Math.PI);
  const reach = Math.max(4, 0.5 * radius);
  const distance = distanceTransform(set, { size: grid.size, spacing: grid.size.map(() => 1) });
  const out = Tensor.uninitialised(labels.values.shape);
  const data = out.data;
  for (let i = 0; i < data.length; i++) data[i] = distance[i] <= reach ? 1 : 0;
  dispose(labels.values);
  return out;
}

const volume = (r: Region) => sizeOf(r).reduce((a, b) => a * b, 1);
const keepImage = (im: Image): Image => {
  keep(im.values);
  return im;
};

/** One plane for each name: 1 where the label is that. */
const memberships = (labels: Image, names: readonly number[]): Float32Array[] =>
  names.map((l) => Float32Array.from(labels.values.data, (v) => (v === l ? 1 : 0)));
function membershipTensor(labels: Image, names: readonly number[]): Tensor {
  const n = voxelsOf(labels.grid);
  const out = Tensor.uninitialised([names.length, ...labels.values.shape.slice(1)]);
  const [from, to] = [labels.values.data, out.data];
  for (const [k, l] of names.entries()) for (let i = 0; i < n; i++) to[k * n + i] = from[i] === l ? 1 : 0;
  dispose(labels.values);
  return out;
}
/** The name with the largest membership, if that is larger than what is left for none. */
function argmax(soft: readonly Float32Array[], names: readonly number[]): Float32Array {
  const out = new Float32Array(soft[0].length);
  for (let i = 0; i < out.length; i++) {
    let [best, left] = [0, 1];
    for (let k = 0; k < soft.length; k++) {
      const m = soft[k][i];
      left -= m;
      if (m > best) [best, out[i]] = [m, names[k]];
    }
    if (best < left) out[i] = 0;
  }
  return out;
}
function stateOf(soft: readonly Float32Array[], g: Grid, names: readonly number[], frame: number): LabelState[] {
  const toPhysical = indexToPhysical(g);
  const cell = voxelVolume(g);
  return soft.map((m, k) => {
    let total = 0;
    const sums = g.size.map(() => 0);
    for (let i = 0; i < m.length; i++) {
      if (m[i] === 0) continue;
      total += m[i];
      for (let a = 0, rest = i; a < g.size.length; a++) {
        sums[a] += m[i] * (rest % g.size[a]);
        rest = Math.floor(rest / g.size[a]);
      }
    }
    return {
      frame,
      label: names[k],
      volume: total * cell,
      centre: applyAffine(
        toPhysical,
        sums.map((s) => s / total),
      ),
    };
  });
}
