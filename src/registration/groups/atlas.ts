import { AbortedError, ArgumentError, GridError } from "../../core/errors.js";
import type { Image } from "../../core/interfaces.js";
import {
  type AffineMap,
  centreOf,
  coarsened,
  type Grid,
  gridText,
  identityMap,
  sameGrid,
  tensorShape,
  voxelsOf,
} from "../../image/grid.js";
import { type ImageMetric, lncc, ncc } from "../../metrics/index.js";
import { bytesOf, dispose, keep, requireMemory, scope, Tensor } from "../../tensor/index.js";
import {
  AffineTransform,
  CompositeTransform,
  DisplacementTransform,
  invertDisplacement,
  type Space,
  type Transform,
  warp,
} from "../../transforms/index.js";
import { alignDiffeo, type DiffeoOptions } from "../diffeo.js";
import { massCentre, type Start } from "../initialise.js";
import { atSpacing, baseSpacing, defaultShrinks, robustRange, scaledTo } from "../levels.js";
import { alignLinear, valueUnder } from "../linear.js";
import { contentOrder } from "./contentOrder.js";
import { commonGrid, inVoxels, withoutMean, withoutMeanField } from "./groupMean.js";

/** How far images may bend towards their mean. */
export const atlasModels = ["rigid", "affine", "diffeo"] as const;
/** A name in `atlasModels`. */
export type AtlasModel = (typeof atlasModels)[number];

/** Alignments done and to be done in all rounds. */
export interface AtlasProgress {
  /** The level, coarse to fine. */
  readonly level: number;
  /** How many levels there are. */
  readonly levels: number;
  /** The step on this level, from 1. */
  readonly iteration: number;
  /** The most steps there may be. */
  readonly iterations: number;
}
/** How far images bend, over how many rounds and levels, and where they begin. */
export interface AtlasOptions {
  /** How far the images may bend towards the mean. Default diffeo, after rigid and affine. */
  readonly model?: AtlasModel;
  /** Rounds of the deformable part: align all to the mean, take the mean again. Default: two more than there are levels; early rounds are coarse. */
  readonly rounds?: number;
  /** Where to begin: the headers' places, middles on middles, masses on masses, or the one of these whose mean the images agree with best (auto). */
  readonly init?: Exclude<Start, "search" | "mind">;
  /** For the linear part, and for the deformation. Defaults: ncc and lncc, which do not mind an image's gain and offset. */
  readonly linearMetric?: ImageMetric;
  /** Of the deformation; default lncc. */
  readonly metric?: ImageMetric;
  /** Shrink factors, coarse to fine. */
  readonly levels?: readonly number[];
  /** How stiff the deformations are. */
  readonly deformation?: Pick<DiffeoOptions, "updateVoxels" | "totalVoxels" | "stepVoxels">;
  /** Ends the work early, with an AbortedError. */
  readonly signal?: AbortSignal;
  /** Told where the work stands, step by step. */
  readonly onProgress?: (p: AtlasProgress) => void;
}
/** A mean and the maps that lead from it to every image. */
export interface AtlasStage {
  /** What the maps may be. */
  readonly model: AtlasModel;
  /** In the unit of the images, averaged like them. */
  readonly mean: Image;
  /** Points of the mean's space ↦ points of image i, in the order of the images. */
  readonly transforms: readonly Transform[];
  /** Mean |∇mean|² of the mean of the normalised images, mm⁻². */
  readonly sharpness: number;
}
/** What one round came to: the metric against the mean, and how far the mean was from the middle. */
export interface AtlasRound {
  /** What the maps might be. */
  readonly stage: AtlasModel;
  /** The level's shrink factor. */
  readonly shrink: number;
  /** Mean over the images of the metric against the mean, after alignment. */
  readonly value: number;
  /** The common displacement that was taken off, mm: how far the mean's shape was from the middle. */
  readonly drift: number;
}
export interface Atlas extends AtlasStage {
  /** Where the samples lie. */
  readonly grid: Grid;
  /** Rigid, affine and diffeomorphic, as far as the model goes; the last one is the atlas itself. */
  readonly stages: readonly AtlasStage[];
  /** What is taken as 0 and as 1 of every image: robust extremes. */
  readonly ranges: readonly (readonly [number, number])[];
  /** In the order in which they were made. */
  readonly rounds: readonly AtlasRound[];
}

/** Where an image of the group lies: y_i = map ∘ (id + field), the field [d, (z,) y, x] in mm. */
export interface Placement {
  /** Fixed points ↦ moving points, an affine map. */
  readonly map: AffineMap;
  /** Displacements in mm before the map, planes. */
  readonly field?: Tensor;
}
/** One round: every image is aligned to the mean of the images as they lie, on one level or on several from coarse to fine. */
export type AtlasStep =
  | { readonly model: "rigid" | "affine"; readonly shrinks: readonly [number] }
  | { readonly model: "diffeo"; readonly shrinks: readonly number[] };
/** The rounds of an atlas, in order. */
export function atlasSteps(
  grid: Grid,
  { model = "diffeo", levels, rounds }: Pick<AtlasOptions, "model" | "levels" | "rounds">,
): AtlasStep[] {
  const shrinks = shrinksOf(grid, levels);
  const linear = shrinks.length > 1 ? shrinks.slice(0, -1) : shrinks;
  // The first mean is blurred and its shape not yet the middle: the coarsest level is gone over twice.
  const through = (m: "rigid" | "affine"): AtlasStep[] => [linear[0], ...linear].map((shrink) => ({ model: m, shrinks: [shrink] }));
  return [
    ...through("rigid"),
    ...(model === "rigid" ? [] : through("affine")),
    ...(model === "diffeo"
      ? deformablePlan(shrinks, rounds ?? shrinks.length + 2).map((s): AtlasStep => ({ model: "diffeo", shrinks: s }))
      : []),
  ];
}
const shrinksOf = (grid: Grid, levels?: readonly number[]): number[] =>
  [...(levels ?? defaultShrinks(grid, grid.size.length === 2 ? 32 : 20))].sort((a, b) => b - a);

interface Subject {
  readonly image: Image;
  readonly levels: Map<number, Image>;
  map: AffineMap;
  field?: Tensor;
}

/**
 * The mean of a group of images, in appearance and in shape: find the mean, align every image to it, take away what all alignments have in common, repeat.
 *
 *   y_i = A_i ∘ (id + u_i),   Σ log A_i = 0,   Σ u_i = 0,   mean(p) = 1/n Σ I_i(y_i(p))
 *
 * so that no image is the reference: the mean lies in the middle of the group's places, sizes and shapes, and each image counts the same (its robust range
 * is mapped to [0, 1]). Rigid maps first, then affine ones, then diffeomorphisms from coarse to fine, each round going on from the last. Sums go in an
 * order made from the images' contents: the result has the same bits in any order of the images and for any number of threads.
 * @throws ArgumentError for fewer than two images; GridError when dimensions or channels differ; MemoryError when it cannot fit; AbortedError by `signal`
 * @see Joshi, Davis, Jomier, Gerig (2004), Unbiased diffeomorphic atlas construction for computational anatomy, NeuroImage 23
 */
export async function buildAtlas(images: readonly Image[], options: AtlasOptions = {}): Promise<Atlas> {
  const { model = "diffeo" } = options;
  if (!atlasModels.includes(model))
    throw new ArgumentError(`atlas: no model ${model}; expected one of ${atlasModels.join(", ")}`, { model });
  if (images.length < 2) throw new ArgumentError(`atlas: ${images.length} image came; a mean needs two or more`, { count: images.length });
  if (images.some((im) => im.values.shape[0] !== images[0].values.shape[0]))
    throw new GridError("atlas: images with different numbers of channels; give all gray, or all with the same channels", {});
  if (options.rounds !== undefined && !(Number.isInteger(options.rounds) && options.rounds >= 1))
    throw new ArgumentError(`atlas: ${options.rounds} rounds; give a whole number of 1 or more`, { rounds: options.rounds });
  const order = contentOrder(images);
  const sorted = order.map((i) => images[i]);
  const group = new AtlasGroup(sorted, commonGrid(sorted.map((im) => im.grid)), options);
  try {
    const { stages, rounds } = await allRounds(group, sorted.length, options);
    return atlasOf(group, stages, rounds, order);
  } finally {
    group.free();
  }
}
/** Stages and rounds as one result, in the order in which the images came: order[k] is the place of the group's k-th image. */
export function atlasOf(group: AtlasGroup, stages: readonly AtlasStage[], rounds: readonly AtlasRound[], order: readonly number[]): Atlas {
  const back = <T>(list: readonly T[]) => order.map((_, i) => list[order.indexOf(i)]);
  const ordered = stages.map((s) => ({ ...s, transforms: back(s.transforms) }));
  const last = ordered[ordered.length - 1];
  return { ...last, grid: group.grid, stages: ordered, ranges: back(group.ranges), rounds };
}

/** Sums over some images of a group, in f64: what `meanOfShares` adds. */
export interface MeanShare {
  /** Σ w_i I_i(y_i(p)) and Σ I_i(y_i(p)) with border values continued, channel by channel; Σ w_i. */
  readonly sum: Float64Array;
  /** Σ I_i(y_i(p)), border values continued. */
  readonly border: Float64Array;
  /** Σ w_i. */
  readonly weight: Float64Array;
}
/** So many images make a share: the order of a mean's sums depends on the group alone, not on who adds them. */
export const shareSize = 8;
/** The sums of some images of a group, one after the other. */
export function meanShare(
  images: readonly Image[],
  transforms: readonly Transform[],
  grid: Grid,
  interpolation: "linear" | "cubic" = "linear",
): MeanShare {
  const channels = images[0].values.shape[0];
  const n = voxelsOf(grid);
  const sum = new Float64Array(channels * n);
  const border = new Float64Array(channels * n);
  const weight = new Float64Array(n);
  for (const [k, im] of images.entries())
    scope(() => {
      const inside = warp({ values: Tensor.ones([1, ...tensorShape(im.grid)]), grid: im.grid }, transforms[k], grid).values;
      const warped = warp(im, transforms[k], grid, { interpolation, border: "clamp" }).values;
      const [w, v] = [inside.data, warped.data];
      for (let i = 0; i < n; i++) weight[i] += w[i];
      for (let c = 0; c < channels; c++)
        for (let i = 0; i < n; i++) {
          sum[c * n + i] += w[i] * v[c * n + i];
          border[c * n + i] += v[c * n + i];
        }
    });
  return { sum, border, weight };
}
/** The mean of `count` images from their shares, which are added in the order given. */
export function meanOfShares(shares: Iterable<MeanShare>, count: number, grid: Grid): Image {
  let total: MeanShare | undefined;
  for (const share of shares) {
    if (!total) total = share;
    else
      for (const key of ["sum", "border", "weight"] as const) {
        const [x, y] = [share[key], total[key]];
        for (let i = 0; i < y.length; i++) y[i] += x[i];
      }
  }
  if (!total) throw new ArgumentError("atlas: a mean of no images", {});
  const { sum, border, weight } = total;
  const n = weight.length;
  const channels = sum.length / n;
  const out = Tensor.uninitialised([channels, ...tensorShape(grid)]);
  const y = out.data;
  for (let c = 0; c < channels; c++)
    for (let i = 0; i < n; i++) y[c * n + i] = weight[i] > 1e-3 ? sum[c * n + i] / weight[i] : border[c * n + i] / count;
  return { values: out, grid };
}
/** The mean of images on one grid along their maps: Σ w_i I_i(y_i(p)) / Σ w_i, w_i = 1 where y_i(p) lies inside image i; where none does, the mean of the border values. */
export function meanImage(
  images: readonly Image[],
  transforms: readonly Transform[],
  grid: Grid,
  interpolation: "linear" | "cubic" = "linear",
): Image {
  function* shares() {
    for (let k = 0; k < images.length; k += shareSize)
      yield meanShare(images.slice(k, k + shareSize), transforms.slice(k, k + shareSize), grid, interpolation);
  }
  return meanOfShares(shares(), images.length, grid);
}

/** Gradient energy of an image: the mean over the grid of |∇I|² by central differences, per mm², all channels added. */
export function gradientEnergy({ values, grid }: Image): number {
  const data = values.data;
  const n = voxelsOf(grid);
  const channels = values.shape[0];
  let total = 0;
  let stride = 1;
  for (const [axis, length] of grid.size.entries()) {
    const scale = 1 / (2 * grid.spacing[axis]);
    for (let c = 0; c < channels; c++)
      for (let i = 0; i < n; i++) {
        const at = Math.floor(i / stride) % length;
        if (at === 0 || at === length - 1) continue;
        total += ((data[c * n + i + stride] - data[c * n + i - stride]) * scale) ** 2;
      }
    stride *= length;
  }
  return total / n;
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

/** A placement after a round, with the metric against the mean; fields are on `fieldGrid`. */
export interface Aligned extends Placement {
  /** The objective there, metric and regulariser; less is better. */
  readonly value: number;
  /** Where the field's samples lie. */
  readonly fieldGrid?: Grid;
}
/** All placements after a round, what they have in common taken off. */
export interface Centred {
  /** With nothing in common any more. */
  readonly placements: readonly Placement[];
  /** How far the common part reached, mm. */
  readonly drift: number;
}

/**
 * Some images of a group, or all of them, with where they lie: what the rounds of an atlas are made of. Whoever holds all images can do every part;
 * `share` and `align` also serve where each of several workers holds a few, the results of one round being written down before the next begins.
 */
export class AtlasGroup {
  /** What is taken as 0 and as 1 of every image. */
  readonly ranges: readonly (readonly [number, number])[];
  readonly #subjects: Subject[];
  readonly #shrinks: readonly number[];
  readonly #base: number;
  readonly #d: number;
  #fieldGrid: Grid | undefined;

  /**
   * @param images  some of the group's, in the order in which its sums go
   * @param grid    of the group
   * @throws MemoryError when they do not fit
   */
  constructor(
    images: readonly Image[],
    readonly grid: Grid,
    /** What the atlas was asked for. */
    readonly options: AtlasOptions,
  ) {
    this.#d = grid.size.length;
    this.#base = baseSpacing(grid);
    this.#shrinks = shrinksOf(grid, options.levels);
    const voxels = images.reduce((s, im) => s + voxelsOf(im.grid), 0);
    // Every image and its pyramid, a field for each, and what one registration holds at its peak.
    const bytes = bytesOf([1]) * (1.4 * voxels + voxelsOf(grid) * ((images.length + 3) * this.#d + 24));
    requireMemory(bytes, "atlas", "give fewer or smaller images, or --levels that leave out 1");
    this.ranges = images.map(robustRange);
    this.#subjects = images.map((im, i) => ({ image: keep(scaledTo(im, this.ranges[i])), levels: new Map(), map: identityMap(this.#d) }));
  }
  /** Give all memory back. */
  free(): void {
    for (const s of this.#subjects) {
      for (const im of s.levels.values()) if (im.values !== s.image.values) dispose(im.values);
      dispose(s.image.values, s.field);
    }
  }

  /** Where the images lie; the fields belong to the group. */
  get placements(): readonly Placement[] {
    return this.#subjects.map(({ map, field }) => ({ map, field }));
  }
  /** Where the fields' samples lie; none while there are none. */
  get fieldGrid(): Grid | undefined {
    return this.#fieldGrid;
  }
  /** Take over where the images lie, and the fields with it; the old fields are the caller's. */
  place(placements: readonly Placement[], fieldGrid?: Grid): void {
    for (const [i, s] of this.#subjects.entries()) {
      s.map = placements[i].map;
      s.field = placements[i].field && keep(placements[i].field);
    }
    this.#fieldGrid = fieldGrid;
  }

  #level(s: Subject, shrink: number): Image {
    let level = s.levels.get(shrink);
    if (!level) {
      level = scope(() => atSpacing(s.image, shrink * this.#base));
      keep(level.values);
      s.levels.set(shrink, level);
    }
    return level;
  }
  #gridAt(shrink: number): Grid {
    const grid = coarsened(this.grid, shrink * this.#base);
    return sameGrid(grid, this.grid) ? this.grid : grid;
  }
  #transform(s: Subject): Transform {
    const affine = new AffineTransform(s.map);
    return s.field ? new CompositeTransform([new DisplacementTransform(s.field, this.#fieldGrid ?? this.grid), affine]) : affine;
  }
  /** The level that a round's mean is made on: as fine as the round goes. */
  meanGrid({ shrinks }: AtlasStep): Grid {
    return this.#gridAt(shrinks[shrinks.length - 1]);
  }
  #imagesAt(shrink: number): [Image[], Transform[]] {
    return [this.#subjects.map((s) => this.#level(s, shrink)), this.#subjects.map((s) => this.#transform(s))];
  }
  /** What these images add to the mean that a round goes by. */
  share(step: AtlasStep): MeanShare {
    const [images, transforms] = this.#imagesAt(step.shrinks[step.shrinks.length - 1]);
    return meanShare(images, transforms, this.meanGrid(step));
  }
  /** The mean that a round goes by, of all these images. */
  mean(step: AtlasStep): Image {
    return this.#meanAt(step.shrinks[step.shrinks.length - 1]);
  }
  #meanAt(shrink: number): Image {
    const [images, transforms] = this.#imagesAt(shrink);
    return scope(() => meanImage(images, transforms, this.#gridAt(shrink)));
  }
  #against(fixed: Image, shrink: number): number[] {
    return this.#subjects.map((s) => valueUnder({ fixed, moving: this.#level(s, shrink) }, s.map, ncc()).value);
  }

  /** Places to begin from, and the one whose mean the images agree with best on the coarsest level. All images must be here. */
  start(): void {
    const { init = "auto" } = this.options;
    const shrink = this.#shrinks[0];
    const d = this.#d;
    const middle = centreOf(this.grid);
    const levels = this.#subjects.map((s) => this.#level(s, shrink));
    const shift = (to: readonly number[], from: readonly number[]): AffineMap => ({
      ...identityMap(d),
      offset: to.map((v, i) => v - from[i]),
    });
    const centred = (points: readonly number[][]): AffineMap[] => {
      const middleOfAll = points[0].map((_, i) => mean(points.map((p) => p[i])));
      return points.map((p) => shift(p, middleOfAll));
    };
    const ways: Record<Exclude<Start, "auto" | "search" | "mind">, () => AffineMap[]> = {
      identity: () => this.#subjects.map(() => identityMap(d)),
      center: () => this.#subjects.map((s) => shift(centreOf(s.image.grid), middle)),
      moments: () => centred(levels.map((im) => massCentre(im))),
    };
    const names = init === "auto" ? (["identity", "center", "moments"] as const) : ([init] as const);
    let best: { maps: AffineMap[]; value: number } | undefined;
    for (const name of names) {
      const maps = ways[name]();
      for (const [i, s] of this.#subjects.entries()) s.map = maps[i];
      const values = scope(() => this.#against(this.#meanAt(shrink), shrink));
      const value = values.every(Number.isFinite) ? mean(values) : Number.POSITIVE_INFINITY;
      // Headers that are as good as anything else are believed.
      if (!best || value < 0.98 * best.value) best = { maps, value };
    }
    if (!best || (best.value === Number.POSITIVE_INFINITY && init !== "auto"))
      throw new GridError(
        `atlas: the images do not overlap when started from "${init}" (grid ${gridText(this.grid)}); try init "center" or "moments"`,
        {},
      );
    for (const [i, s] of this.#subjects.entries()) s.map = best.maps[i];
  }

  /** Whether the linear maps explain the group so well that what is left is smooth. All images must be here. */
  get smooth(): boolean {
    const coarse = this.#shrinks[Math.max(0, this.#shrinks.length - 2)];
    return mean(scope(() => this.#against(this.#meanAt(coarse), coarse))) < 0.03;
  }

  /** Align the i-th of these images to the mean of a round, from where it lies. */
  async align(step: AtlasStep, fixed: Image, i: number, smooth: boolean): Promise<Aligned> {
    const s = this.#subjects[i];
    const { linearMetric = ncc(), metric = lncc(), signal, deformation } = this.options;
    if (step.model !== "diffeo") {
      const moving = this.#level(s, step.shrinks[0]);
      const run = { iterations: 30, level: 0, levels: 1, signal };
      const r = await alignLinear({ fixed, moving }, step.model, s.map, linearMetric, false, run);
      s.map = r.map;
      return { map: r.map, value: r.value };
    }
    const { shrinks } = step;
    const finest = shrinks[shrinks.length - 1];
    // The whole way is laid into the half that moves the image: the mean has just been made anew, and its half begins at rest.
    const start =
      s.field && this.#fieldGrid
        ? { toFixed: Tensor.zeros(s.field.shape), toMoving: inVoxels(s.field, this.#fieldGrid), grid: this.#fieldGrid }
        : undefined;
    const moving = this.#level(s, finest);
    const relative = shrinks.map((k) => k / finest);
    const iterations = shrinks.map((k) => (voxelsOf(this.#gridAt(k)) < 1e6 ? 40 : 20));
    const stiffness = smooth ? { updateVoxels: 5, totalVoxels: 0.5 } : { updateVoxels: 2.2, totalVoxels: 0.4 };
    const r = await alignDiffeo(
      { fixed, moving, map: s.map, start },
      metric,
      { ...stiffness, ...deformation, shrinks: relative, iterations, onLevel: true },
      { iterations: 0, level: 0, levels: 1, signal },
    );
    dispose(r.backward, s.field, start);
    s.field = keep(r.forward);
    const last = r.trace[r.trace.length - 1].values;
    return { map: s.map, field: s.field, fieldGrid: r.grid, value: last[last.length - 1] };
  }

  /** Mean and maps as they lie. All images must be here; a group whose stage with deformations has been made has given its fields away. */
  stage(model: AtlasModel): AtlasStage {
    const atlasSpace: Space = { name: "atlas", grid: this.grid };
    const transforms = this.#subjects.map((s, i): Transform => {
      const to: Space = { name: `image ${i + 1}`, grid: s.image.grid };
      if (!s.field || !this.#fieldGrid) return new AffineTransform(s.map, atlasSpace, to, model === "rigid" ? "rigid" : "affine");
      const coarse = new DisplacementTransform(s.field, this.#fieldGrid);
      const field = sameGrid(this.#fieldGrid, this.grid) ? s.field : keep(coarse.displacement(this.grid));
      s.field = field === s.field ? undefined : s.field; // handed over
      const { field: backward } = keep(invertDisplacement(new DisplacementTransform(field, this.grid)));
      const between: Space = { name: "aligned", grid: this.grid };
      return new CompositeTransform([
        new DisplacementTransform(field, this.grid, atlasSpace, between, { field: backward, grid: this.grid }),
        new AffineTransform(s.map, between, to, "affine"),
      ]);
    });
    const normal = scope(() =>
      meanImage(
        this.#subjects.map((s) => s.image),
        transforms,
        this.grid,
        "cubic",
      ),
    );
    const sharpness = gradientEnergy(normal);
    const low = mean(this.ranges.map((r) => r[0]));
    const high = mean(this.ranges.map((r) => r[1]));
    const y = normal.values.data;
    for (let i = 0; i < y.length; i++) y[i] = low + (high - low) * y[i];
    return { model, mean: keep(normal), transforms, sharpness };
  }
}

/** The placements of a whole group after a round with what they have in common taken off; the old fields are freed. */
export function centred(placements: readonly Placement[], grid: Grid, fieldGrid: Grid | undefined): Centred {
  if (fieldGrid) {
    const { fields, largest } = withoutMeanField(
      placements.map((p) => p.field as Tensor),
      fieldGrid,
    );
    return { placements: placements.map(({ map }, i) => ({ map, field: keep(fields[i]) })), drift: largest };
  }
  const d = grid.size.length;
  const centre = centreOf(grid);
  const old = placements.map((p) => p.map);
  const maps = withoutMean(old);
  const moved = centre.map(
    (c, i) => c - mean(old.map((m) => m.matrix.slice(i * d, (i + 1) * d).reduce((a, v, j) => a + v * centre[j], m.offset[i]))),
  );
  return { placements: maps.map((map) => ({ map })), drift: Math.hypot(...moved) };
}

/** All rounds here, one image after the other. */
async function allRounds(group: AtlasGroup, count: number, options: AtlasOptions): Promise<{ stages: AtlasStage[]; rounds: AtlasRound[] }> {
  const steps = atlasSteps(group.grid, options);
  const jobs = steps.reduce((n, s) => n + count * s.shrinks.length, 0);
  let done = 0;
  const stages: AtlasStage[] = [];
  const rounds: AtlasRound[] = [];
  let smooth: boolean | undefined;
  group.start();
  for (const [k, step] of steps.entries()) {
    if (step.model === "diffeo") smooth ??= group.smooth;
    const fixed = keep(group.mean(step));
    try {
      const aligned: Aligned[] = [];
      for (let i = 0; i < count; i++) {
        aligned.push(await group.align(step, fixed, i, smooth ?? false));
        if (options.signal?.aborted) throw options.signal.reason ?? new AbortedError("atlas: stopped");
        done += step.shrinks.length;
        options.onProgress?.({ level: 0, levels: 1, iteration: done, iterations: jobs });
      }
      rounds.push(roundOf(step, aligned, group.grid, (c, fieldGrid) => group.place(c.placements, fieldGrid)));
    } finally {
      dispose(fixed.values);
    }
    if (steps[k + 1]?.model !== step.model) stages.push(group.stage(step.model));
  }
  return { stages, rounds };
}
/** The end of a round: the common part is taken off and the placements are handed on. */
export function roundOf(
  step: AtlasStep,
  aligned: readonly Aligned[],
  grid: Grid,
  place: (c: Centred, fieldGrid: Grid | undefined) => void,
): AtlasRound {
  const fieldGrid = aligned[0].fieldGrid;
  const c = centred(aligned, grid, fieldGrid);
  place(c, fieldGrid);
  return { stage: step.model, shrink: step.shrinks[step.shrinks.length - 1], value: mean(aligned.map((a) => a.value)), drift: c.drift };
}

/** Which levels each round goes through: rounds share the levels from coarse to fine; with more rounds than levels, coarse ones are gone over several times. */
export function deformablePlan(shrinks: readonly number[], rounds: number): number[][] {
  const n = shrinks.length;
  if (rounds <= n)
    return Array.from({ length: rounds }, (_, r) => shrinks.slice(Math.floor((r * n) / rounds), Math.floor(((r + 1) * n) / rounds)));
  const each = shrinks.map(() => Math.floor(rounds / n));
  for (let k = 0; k < rounds % n; k++) each[k]++;
  return shrinks.flatMap((s, k) => Array.from({ length: each[k] }, () => [s]));
}
