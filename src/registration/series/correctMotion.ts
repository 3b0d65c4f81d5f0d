import { ArgumentError, GridError } from "../../core/errors.js";
import type { Image, Transform } from "../../core/interfaces.js";
import {
  type AffineMap,
  applyAffine,
  centreOf,
  cornersOf,
  gridText,
  identityMap,
  sameGrid,
  tensorShape,
  voxelsOf,
} from "../../image/grid.js";
import { vectorFromRotation } from "../../image/matrix.js";
import type { ImageMetric } from "../../metrics/imageMetric.js";
import { lncc, ncc } from "../../metrics/index.js";
import { dispose, keep, scope, Tensor } from "../../tensor/index.js";
import {
  type AffineModel,
  AffineTransform,
  affineModels,
  CompositeTransform,
  DisplacementTransform,
  nearestSimilarity,
  warp,
} from "../../transforms/index.js";
import { alignDiffeo, type Midway } from "../diffeo.js";
import { atSpacing, baseSpacing, defaultShrinks, robustRange, scaledTo } from "../levels.js";
import { alignLinear, type LinearLevel, valueUnder } from "../linear.js";

/** How a frame of a series may move. */
export const motionModels = [...affineModels, "diffeo"] as const;
/** A name in `motionModels`. */
export type MotionModel = (typeof motionModels)[number];

/** How frames may move, against what they are aligned, and where they count. */
export interface MotionOptions {
  /** How a frame may move: a linear map (default rigid), or "diffeo", a rigid map and a deformation. */
  readonly model?: MotionModel;
  /** Where frames are brought: the number of a frame, or "mean" (default): first the frame nearest to all others, then the mean of the corrected frames. */
  readonly reference?: number | "mean";
  /** Times that the mean is made anew. Default 2; for a reference frame 1. */
  readonly rounds?: number;
  /** For the linear part. Default ncc. */
  readonly metric?: ImageMetric;
  /** Weights on the frames' grid: where motion is measured. */
  readonly mask?: Tensor;
  /** Ends the work early, with an AbortedError. */
  readonly signal?: AbortSignal;
  /** Frames done, of how many, all rounds together. */
  readonly onProgress?: (done: number, of: number) => void;
}
/** How one frame moved, and how well it was aligned. */
export interface FrameMotion {
  /** The frame, counted from 0. */
  readonly frame: number;
  /** What moves the middle of the grid, mm. */
  readonly shift: readonly number[];
  /** Rotation, degrees: one number in the plane; in space the axis, as long as the angle. */
  readonly rotation: readonly number[];
  /** Mean length of the displacement over the grid, mm, and of its change since the frame before (0 for the first). */
  readonly displacement: number;
  /** How far it moved against the frame before, mm. */
  readonly step: number;
  /** The metric with the reference before and after. */
  readonly before: number;
  /** At the end. */
  readonly after: number;
}
/** The corrected series with every frame's motion. */
export interface MotionResult {
  /** Points of the reference ↦ points of each frame. */
  readonly transforms: readonly Transform[];
  /** The frames on the reference. */
  readonly corrected: readonly Image[];
  /** Of the corrected frames. */
  readonly mean: Image;
  /** Frame by frame. */
  readonly frames: readonly FrameMotion[];
  /** Mean, over the voxels that change at all, of the standard deviation over time, before and after, in the frames' units. */
  readonly deviation: {
    /** At the start. */
    readonly before: number;
    /** At the end. */
    readonly after: number;
  };
  /** Whether to trust the result; `reason` says why. */
  readonly status: "ok" | "suspect";
  /** Why it ended, in a sentence. */
  readonly reason: string;
}

/**
 * Frames of a series brought onto each other:  corrected_t = frame_t ∘ y_t,  y_t from coarse to fine, each beginning where the frame before ended.
 * With a mean as reference the mean of the corrected frames is made anew in every round.
 * @throws GridError when the frames' grids differ; ArgumentError for fewer than two frames or an unknown model
 */
export async function correctMotion(frames: readonly Image[], o: MotionOptions = {}): Promise<MotionResult> {
  const { model = "rigid", reference = "mean", metric = ncc(), mask, signal, onProgress } = o;
  const rounds = o.rounds ?? (reference === "mean" ? 2 : 1);
  if (frames.length < 2) throw new ArgumentError(`correctMotion: ${frames.length} frames came; at least two were expected`, {});
  if (!motionModels.includes(model))
    throw new ArgumentError(`correctMotion: no model ${model}; expected one of ${motionModels.join(", ")}`, { model });
  if (reference !== "mean" && !(Number.isInteger(reference) && reference >= 0 && reference < frames.length))
    throw new ArgumentError(`correctMotion: the reference is ${reference}, but frames are numbered 0 to ${frames.length - 1}`, {
      reference,
    });
  const { grid } = frames[0];
  for (const [k, f] of frames.entries()) {
    if (!sameGrid(f.grid, grid))
      throw new GridError(`correctMotion: frame ${k} lies on ${gridText(f.grid)}, the first on ${gridText(grid)}; resample it first`, {});
    if (f.values.shape[0] !== 1)
      throw new GridError(`correctMotion: frame ${k} has ${f.values.shape[0]} channels; gray frames were expected`, {});
  }
  if (mask && (mask.size !== voxelsOf(grid) || !(mask.max().item() > 0)))
    throw new GridError("correctMotion: the mask must lie on the frames' grid and be positive somewhere", {});
  const first = reference === "mean" ? centralFrame(frames) : reference;
  const range = robustRange(frames[first]);
  const scaled = frames.map((f) => kept(scaledTo(f, range)));
  let target = scaled[first];
  let ownTarget = false;
  const run = new Run(scaled, mask, model === "diffeo" ? "rigid" : model, metric, model === "diffeo", signal);
  try {
    for (let round = 0; round < rounds; round++) {
      const last = round + 1 === rounds;
      // What only makes a mean for the next round need not be as fine as that; and whoever is nearly there does not begin coarse again.
      run.aimAt(target, rounds === 1 ? "all" : last ? "fine" : "coarse");
      // Outwards from the reference, so that a neighbour's motion is always at hand.
      for (const [done, t] of outwards(first, frames.length).entries()) {
        await run.align(t, round === 0 ? neighbour(t, first) : t);
        onProgress?.(round * frames.length + done + 1, rounds * frames.length);
      }
      if (round + 1 < rounds) {
        const mean = kept(
          meanOf(frames.map((_, t) => () => warp(scaled[t], run.transform(t), grid, { interpolation: "cubic", border: "clamp" }))),
        );
        if (ownTarget) dispose(target.values);
        [target, ownTarget] = [mean, true];
      }
    }
    const transforms = frames.map((_, t) => run.transform(t));
    const corrected = frames.map((f, t) => kept(warp(f, transforms[t], grid, { interpolation: "cubic", border: "clamp" })));
    const values = run.values();
    const told = motionTable(run.maps, transforms, frames[0], values);
    const worse = told.filter((f) => !(f.after <= f.before + 1e-6 * Math.abs(f.before)));
    return {
      transforms,
      corrected,
      mean: kept(meanOf(corrected.map((c) => () => c))),
      frames: told,
      deviation: deviations(frames, corrected),
      status: worse.length > 0 ? "suspect" : "ok",
      reason:
        worse.length > 0
          ? `frame${worse.length > 1 ? "s" : ""} ${worse
              .slice(0, 5)
              .map((f) => f.frame)
              .join(", ")} ended less like the reference than before; try another reference, a mask of what moves, or another model`
          : "every frame is at least as much like the reference as before",
    };
  } finally {
    run.free();
    for (const s of scaled) dispose(s.values);
    if (ownTarget) dispose(target.values);
  }
}

const kept = (im: Image): Image => {
  keep(im.values);
  return im;
};
/** first, first + 1, …, last, first − 1, …, 0 */
const outwards = (first: number, n: number) => [
  ...Array.from({ length: n - first }, (_, k) => first + k),
  ...Array.from({ length: first }, (_, k) => first - 1 - k),
];
const neighbour = (t: number, first: number) => (t > first ? t - 1 : t < first ? t + 1 : t);

/** The frame that is nearest to all others in squared difference, from some ten thousand voxels. */
function centralFrame(frames: readonly Image[]): number {
  const n = voxelsOf(frames[0].grid);
  const step = Math.max(1, Math.floor(n / 10_000));
  const samples = frames.map((f) => {
    const data = f.values.data;
    return Float64Array.from({ length: Math.floor(n / step) }, (_, i) => data[i * step]);
  });
  const mean = samples[0].map((_, i) => samples.reduce((s, x) => s + x[i], 0) / samples.length);
  const apart = samples.map((s) => s.reduce((a, v, i) => a + (v - mean[i]) ** 2, 0));
  return apart.indexOf(Math.min(...apart));
}

/** Sum in order of time, so that the same frames give the same bits. */
function meanOf(images: readonly (() => Image)[]): Image {
  return scope(() => {
    let [sum, grid]: [Float64Array | undefined, Image["grid"] | undefined] = [undefined, undefined];
    for (const image of images)
      scope(() => {
        const im = image();
        sum ??= new Float64Array(im.values.size);
        grid = im.grid;
        const data = im.values.data;
        for (let i = 0; i < data.length; i++) sum[i] += data[i];
      });
    const total = sum as unknown as Float64Array;
    return {
      values: Tensor.from(
        Float32Array.from(total, (v) => v / images.length),
        [1, ...tensorShape(grid as unknown as Image["grid"])],
      ),
      grid: grid as unknown as Image["grid"],
    };
  });
}

/** Mean of the standard deviation over time, before and after, over (some fifty thousand of) the voxels that change at all. */
function deviations(frames: readonly Image[], corrected: readonly Image[]): MotionResult["deviation"] {
  const n = voxelsOf(frames[0].grid);
  const step = Math.max(1, Math.floor(n / 50_000));
  const spread = (data: readonly ArrayLike<number>[], i: number) => {
    const mean = data.reduce((s, d) => s + d[i], 0) / data.length;
    return Math.sqrt(data.reduce((s, d) => s + (d[i] - mean) ** 2, 0) / data.length);
  };
  const [from, to] = [frames, corrected].map((series) => series.map((f) => f.values.data));
  let [before, after, count] = [0, 0, 0];
  for (let i = 0; i < n; i += step) {
    const s = spread(from, i);
    if (!(s > 0)) continue;
    before += s;
    after += spread(to, i);
    count++;
  }
  return { before: before / Math.max(1, count), after: after / Math.max(1, count) };
}

/** Steps find the way on so many voxels; the last one of a level takes all. */
const samples = 2 ** 14;

/** The state of all frames while they are aligned with one target. */
class Run {
  readonly maps: AffineMap[];
  readonly #dense: ({ forward: DisplacementTransform; midway: Midway } | undefined)[];
  readonly #levels: { shrink: number; fixed: Image; mask: Tensor | undefined }[] = [];
  readonly #first: number[] = [];
  readonly #last: number[] = [];
  #target: Image | undefined;

  constructor(
    readonly frames: readonly Image[],
    readonly mask: Tensor | undefined,
    readonly model: AffineModel,
    readonly metric: ImageMetric,
    readonly deforms: boolean,
    readonly signal: AbortSignal | undefined,
  ) {
    this.maps = frames.map(() => identityMap(frames[0].grid.size.length));
    this.#dense = frames.map(() => undefined);
  }
  free(): void {
    this.#drop();
    for (const d of this.#dense) if (d) dispose(d.midway.toFixed, d.midway.toMoving);
  }
  #drop(): void {
    for (const l of this.#levels.splice(0)) {
      if (l.fixed !== this.#target) dispose(l.fixed.values);
      if (l.mask && l.mask !== this.mask) dispose(l.mask);
    }
  }
  /** Bring the frames onto this image from now on. */
  aimAt(target: Image, which: "all" | "coarse" | "fine"): void {
    this.#drop();
    this.#target = target;
    const { grid } = target;
    const shrinks = defaultShrinks(grid, grid.size.length === 2 ? 24 : 16, 4);
    const wanted = shrinks.length === 1 || which === "all" ? shrinks : which === "coarse" ? shrinks.slice(0, -1) : shrinks.slice(-1);
    for (const shrink of wanted) {
      const spacing = shrink * baseSpacing(grid);
      const mask = this.mask;
      const fixed = scope(() => atSpacing(target, spacing));
      const weights = mask && scope(() => atSpacing({ values: mask, grid }, spacing).values);
      this.#levels.push({ shrink, fixed, mask: weights });
    }
  }
  transform(t: number): Transform {
    const { grid } = this.frames[t];
    const reference = { name: "reference", grid };
    const frame = { name: `frame ${t}`, grid };
    const dense = this.#dense[t];
    if (!dense) return new AffineTransform(this.maps[t], reference, frame, this.model);
    return new CompositeTransform([dense.forward, new AffineTransform(this.maps[t], { name: "aligned", grid }, frame, this.model)]);
  }
  /** The metric of every frame with the last target, before and after. */
  values(): { readonly before: number; readonly after: number }[] {
    return this.frames.map((_, t) => ({ before: this.#first[t], after: this.#last[t] }));
  }

  /** Align one frame, beginning where another one is. */
  async align(t: number, from: number): Promise<void> {
    const frame = this.frames[t];
    const target = this.#target as Image;
    const full: LinearLevel = { fixed: target, moving: frame, fixedMask: this.mask };
    const ready = this.metric.prepare?.(target, frame) ?? this.metric;
    const at = (map: AffineMap) => valueUnder(full, map, ready);
    const still = at(identityMap(frame.grid.size.length));
    // Where the neighbour is, or where nothing moves: what fits better.
    const near = at(this.maps[from]);
    let map = near.overlap > 0.5 && near.value < still.value ? this.maps[from] : identityMap(frame.grid.size.length);
    const start = map;
    for (const { shrink, fixed, mask } of this.#levels) {
      const moving = scope(() => atSpacing(frame, shrink * baseSpacing(target.grid)));
      try {
        const run = { iterations: 30, level: 0, levels: 1, signal: this.signal };
        const r = await alignLinear({ fixed, moving, fixedMask: mask }, this.model, map, this.metric, shrink === 1, run, { samples });
        map = r.map;
      } finally {
        if (moving !== frame) dispose(moving.values);
      }
    }
    const end = at(map);
    const [begun, value] = [at(start), end.overlap > 0.5 ? end.value : Number.POSITIVE_INFINITY];
    this.maps[t] = value <= begun.value ? map : start;
    this.#first[t] = still.value;
    this.#last[t] = Math.min(value, begun.value);
    if (this.deforms) await this.#deform(t, from);
  }

  async #deform(t: number, from: number): Promise<void> {
    const target = this.#target as Image;
    const { grid } = target;
    const shrinks = this.#levels.map((l) => l.shrink);
    const metric = lncc({ radiusVoxels: 4 });
    const r = await alignDiffeo(
      { fixed: target, moving: this.frames[t], fixedMask: this.mask, map: this.maps[t], start: this.#dense[from]?.midway },
      metric,
      { updateVoxels: 3, totalVoxels: 1, shrinks, iterations: shrinks.map((s) => (s > 2 ? 30 : 20)), keepMidway: true },
      { iterations: 0, level: 0, levels: 1, signal: this.signal },
    );
    const before = this.#dense[t];
    const midway = r.midway as Midway;
    keep({ toFixed: midway.toFixed, toMoving: midway.toMoving });
    this.#dense[t] = {
      forward: new DisplacementTransform(
        keep(r.forward),
        r.grid,
        { name: "reference", grid },
        { name: "aligned", grid: r.grid },
        { field: keep(r.backward), grid: r.grid },
      ),
      midway,
    };
    if (before) dispose(before.forward.field, before.forward.backward?.field as Tensor, before.midway.toFixed, before.midway.toMoving);
    this.#last[t] = scope(() => {
      const warped = warp(this.frames[t], this.transform(t), grid, { border: "clamp" });
      const masks = this.mask && { fixed: this.mask };
      return (this.metric.prepare?.(target, this.frames[t]) ?? this.metric).value(warped, target, masks).item();
    });
  }
}

function motionTable(
  maps: readonly AffineMap[],
  transforms: readonly Transform[],
  frame: Image,
  values: readonly { readonly before: number; readonly after: number }[],
): FrameMotion[] {
  const { grid } = frame;
  const d = grid.size.length;
  const middle = centreOf(grid);
  // The corners and points half way to the middle stand for the grid; the Jacobian of a linear map needs no more.
  const corners = cornersOf(grid);
  const places = [middle, ...corners, ...corners.map((c) => c.map((v, i) => (v + middle[i]) / 2))];
  const points = Tensor.from(Float64Array.from(places.flat()), [places.length, d]);
  const mapped = transforms.map((y) => Array.from(scope(() => y.apply(points)).data));
  const apart = (a: readonly number[], b: readonly number[]) =>
    places.reduce((s, _, k) => s + Math.hypot(...Array.from({ length: d }, (_, i) => a[k * d + i] - b[k * d + i])), 0) / places.length;
  const still = places.flat();
  return transforms.map((_, t) => {
    const { rotation } = nearestSimilarity(maps[t].matrix, d);
    const radians = d === 2 ? [Math.atan2(rotation[2], rotation[0])] : vectorFromRotation(rotation);
    return {
      frame: t,
      shift: applyAffine(maps[t], middle).map((v, i) => v - middle[i]),
      rotation: radians.map((a) => (a * 180) / Math.PI),
      displacement: apart(mapped[t], still),
      step: t > 0 ? apart(mapped[t], mapped[t - 1]) : 0,
      ...values[t],
    };
  });
}
