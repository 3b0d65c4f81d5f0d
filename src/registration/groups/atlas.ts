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

export const atlasModels = ["rigid", "affine", "diffeo"] as const;
export type AtlasModel = (typeof atlasModels)[number];

export interface AtlasProgress {
  readonly level: number;
  readonly levels: number;
  readonly iteration: number;
  readonly iterations: number;
}
export interface AtlasOptions {
  /** How far the images may bend towards the mean. Default diffeo, after rigid and affine. */
  readonly model?: AtlasModel;
  /** Rounds of the deformable part: align all to the mean, take the mean again. Default: two more than there are levels; early rounds are coarse. */
  readonly rounds?: number;
  /** Where to begin: the headers' places, middles on middles, masses on masses, or the one of these whose mean the images agree with best (auto). */
  readonly init?: Exclude<Start, "search" | "mind">;
  /** For the linear part, and for the deformation. Defaults: ncc and lncc, which do not mind an image's gain and offset. */
  readonly linearMetric?: ImageMetric;
  readonly metric?: ImageMetric;
  /** Shrink factors, coarse to fine. */
  readonly levels?: readonly number[];
  readonly deformation?: Pick<DiffeoOptions, "updateVoxels" | "totalVoxels" | "stepVoxels">;
  readonly signal?: AbortSignal;
  readonly onProgress?: (p: AtlasProgress) => void;
}
/** A mean and the maps that lead from it to every image. */
export interface AtlasStage {
  readonly model: AtlasModel;
  /** In the unit of the images, averaged like them. */
  readonly mean: Image;
  /** Points of the mean's space ↦ points of image i, in the order of the images. */
  readonly transforms: readonly Transform[];
  /** Mean |∇mean|² of the mean of the normalised images, mm⁻². */
  readonly sharpness: number;
}
export interface AtlasRound {
  readonly stage: AtlasModel;
  readonly shrink: number;
  /** Mean over the images of the metric against the mean, after alignment. */
  readonly value: number;
  /** The common displacement that was taken off, mm: how far the mean's shape was from the middle. */
  readonly drift: number;
}
export interface Atlas extends AtlasStage {
  readonly grid: Grid;
  /** Rigid, affine and diffeomorphic, as far as the model goes; the last one is the atlas itself. */
  readonly stages: readonly AtlasStage[];
  /** What is taken as 0 and as 1 of every image: robust extremes. */
  readonly ranges: readonly (readonly [number, number])[];
  readonly rounds: readonly AtlasRound[];
}

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
  const { model = "diffeo", init = "auto", linearMetric = ncc(), metric = lncc() } = options;
  if (!atlasModels.includes(model))
    throw new ArgumentError(`atlas: no model ${model}; expected one of ${atlasModels.join(", ")}`, { model });
  if (images.length < 2) throw new ArgumentError(`atlas: ${images.length} image came; a mean needs two or more`, { count: images.length });
  if (images.some((im) => im.values.shape[0] !== images[0].values.shape[0]))
    throw new GridError("atlas: images with different numbers of channels; give all gray, or all with the same channels", {});
  if (options.rounds !== undefined && !(Number.isInteger(options.rounds) && options.rounds >= 1))
    throw new ArgumentError(`atlas: ${options.rounds} rounds; give a whole number of 1 or more`, { rounds: options.rounds });
  const order = contentOrder(images);
  const sorted = order.map((i) => images[i]);
  const grid = commonGrid(sorted.map((im) => im.grid));
  const run = new Rounds(sorted, grid, options, linearMetric, metric);
  try {
    const stages = await run.all(model, init);
    const back = (list: readonly Transform[]) => images.map((_, i) => list[order.indexOf(i)]);
    const ordered = stages.map((s) => ({ ...s, transforms: back(s.transforms) }));
    const last = ordered[ordered.length - 1];
    return { ...last, grid, stages: ordered, ranges: images.map((_, i) => run.ranges[order.indexOf(i)]), rounds: run.rounds };
  } finally {
    run.free();
  }
}

/** The mean of images on one grid along their maps: Σ w_i I_i(y_i(p)) / Σ w_i, w_i = 1 where y_i(p) lies inside image i; where none does, the mean of the border values. */
export function meanImage(
  images: readonly Image[],
  transforms: readonly Transform[],
  grid: Grid,
  interpolation: "linear" | "cubic" = "linear",
): Image {
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
  const out = Tensor.uninitialised([channels, ...tensorShape(grid)]);
  const y = out.data;
  for (let c = 0; c < channels; c++)
    for (let i = 0; i < n; i++) y[c * n + i] = weight[i] > 1e-3 ? sum[c * n + i] / weight[i] : border[c * n + i] / images.length;
  return { values: out, grid };
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

class Rounds {
  readonly ranges: (readonly [number, number])[];
  readonly rounds: AtlasRound[] = [];
  readonly #subjects: Subject[];
  readonly #shrinks: readonly number[];
  readonly #base: number;
  readonly #d: number;
  #done = 0;
  #jobs = 1;

  constructor(
    images: readonly Image[],
    readonly grid: Grid,
    readonly options: AtlasOptions,
    readonly linearMetric: ImageMetric,
    readonly metric: ImageMetric,
  ) {
    this.#d = grid.size.length;
    this.#base = baseSpacing(grid);
    this.#shrinks = [...(options.levels ?? defaultShrinks(grid, this.#d === 2 ? 32 : 20))].sort((a, b) => b - a);
    const voxels = images.reduce((s, im) => s + voxelsOf(im.grid), 0);
    // Every image and its pyramid, a field for each, and what one registration holds at its peak.
    const bytes = bytesOf([1]) * (1.4 * voxels + voxelsOf(grid) * ((images.length + 3) * this.#d + 24));
    requireMemory(bytes, "atlas", "give fewer or smaller images, or --levels that leave out 1");
    this.ranges = images.map(robustRange);
    this.#subjects = images.map((im, i) => ({ image: keep(scaledTo(im, this.ranges[i])), levels: new Map(), map: identityMap(this.#d) }));
  }
  free(): void {
    for (const s of this.#subjects) {
      for (const im of s.levels.values()) if (im.values !== s.image.values) dispose(im.values);
      dispose(s.image.values, s.field);
    }
  }

  async all(model: AtlasModel, init: Exclude<Start, "search" | "mind">): Promise<AtlasStage[]> {
    const linear = this.#shrinks.length > 1 ? this.#shrinks.slice(0, -1) : this.#shrinks;
    const plan = deformablePlan(this.#shrinks, this.options.rounds ?? this.#shrinks.length + 2);
    const perStage = linear.length + 1;
    this.#jobs = this.#subjects.length * (perStage * (model === "rigid" ? 1 : 2) + (model === "diffeo" ? plan.flat().length : 0));
    this.#start(linear[0], init);
    const stages: AtlasStage[] = [];
    for (const stage of ["rigid", "affine"] as const) {
      if (stage === "affine" && model === "rigid") break;
      // The first mean is blurred and its shape not yet the middle: the coarsest level is gone over twice.
      for (const shrink of [linear[0], ...linear]) await this.#linearRound(stage, shrink);
      stages.push(this.#stage(stage));
    }
    if (model !== "diffeo") return stages;
    const coarse = this.#shrinks[Math.max(0, this.#shrinks.length - 2)];
    const left = mean(scope(() => this.#against(this.#meanAt(coarse), coarse, ncc())));
    for (const shrinks of plan) await this.#deformableRound(shrinks, left < 0.03);
    stages.push(this.#stage("diffeo"));
    return stages;
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
  #transform(s: Subject, grid: Grid): Transform {
    const affine = new AffineTransform(s.map);
    return s.field ? new CompositeTransform([new DisplacementTransform(s.field, grid), affine]) : affine;
  }
  #meanAt(shrink: number, fieldGrid = this.grid): Image {
    const images = this.#subjects.map((s) => this.#level(s, shrink));
    const made = scope(() =>
      meanImage(
        images,
        this.#subjects.map((s) => this.#transform(s, fieldGrid)),
        this.#gridAt(shrink),
      ),
    );
    return made;
  }
  #against(fixed: Image, shrink: number, metric: ImageMetric): number[] {
    return this.#subjects.map((s) => valueUnder({ fixed, moving: this.#level(s, shrink) }, s.map, metric).value);
  }
  #tick(): void {
    if (this.options.signal?.aborted) throw this.options.signal.reason ?? new AbortedError("atlas: stopped");
    this.options.onProgress?.({ level: 0, levels: 1, iteration: Math.min(++this.#done, this.#jobs), iterations: this.#jobs });
  }

  /** Places to begin from, and the one whose mean the images agree with best on the coarsest level. */
  #start(shrink: number, init: Exclude<Start, "search" | "mind">): void {
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
      const values = scope(() => this.#against(this.#meanAt(shrink), shrink, ncc()));
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

  async #linearRound(stage: "rigid" | "affine", shrink: number): Promise<void> {
    const fixed = keep(this.#meanAt(shrink));
    try {
      const values: number[] = [];
      for (const s of this.#subjects) {
        const { signal } = this.options;
        const r = await alignLinear({ fixed, moving: this.#level(s, shrink) }, stage, s.map, this.linearMetric, false, {
          iterations: 30,
          level: 0,
          levels: 1,
          signal,
        });
        s.map = r.map;
        values.push(r.value);
        this.#tick();
      }
      const maps = withoutMean(this.#subjects.map((s) => s.map));
      const centre = centreOf(this.grid);
      const drift = Math.hypot(
        ...centre.map(
          (c, i) =>
            c -
            mean(
              this.#subjects.map((s) =>
                s.map.matrix.slice(i * this.#d, (i + 1) * this.#d).reduce((a, v, j) => a + v * centre[j], s.map.offset[i]),
              ),
            ),
        ),
      );
      for (const [i, s] of this.#subjects.entries()) s.map = maps[i];
      this.rounds.push({ stage, shrink, value: mean(values), drift });
    } finally {
      dispose(fixed.values);
    }
  }

  #fieldGrid: Grid | undefined;
  async #deformableRound(shrinks: readonly number[], smooth: boolean): Promise<void> {
    const finest = shrinks[shrinks.length - 1];
    // The mean of a round is made once, as fine as the round goes.
    const fixed = keep(this.#meanAt(finest, this.#fieldGrid));
    try {
      const values: number[] = [];
      let grid: Grid | undefined;
      for (const s of this.#subjects) {
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
          this.metric,
          { ...stiffness, ...this.options.deformation, shrinks: relative, iterations, onLevel: true },
          { iterations: 0, level: 0, levels: 1, signal: this.options.signal },
        );
        dispose(r.backward, s.field, start);
        s.field = keep(r.forward);
        grid = r.grid;
        const last = r.trace[r.trace.length - 1].values;
        values.push(last[last.length - 1]);
        for (const _ of shrinks) this.#tick();
      }
      this.#fieldGrid = grid as Grid;
      const { fields, largest } = withoutMeanField(
        this.#subjects.map((s) => s.field as Tensor),
        this.#fieldGrid,
      );
      for (const [i, s] of this.#subjects.entries()) s.field = keep(fields[i]);
      this.rounds.push({ stage: "diffeo", shrink: finest, value: mean(values), drift: largest });
    } finally {
      dispose(fixed.values);
    }
  }

  /** Mean and maps as they stand. */
  #stage(model: AtlasModel): AtlasStage {
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

/** Which levels each round goes through: rounds share the levels from coarse to fine; with more rounds than levels, coarse ones are gone over several times. */
export function deformablePlan(shrinks: readonly number[], rounds: number): number[][] {
  const n = shrinks.length;
  if (rounds <= n)
    return Array.from({ length: rounds }, (_, r) => shrinks.slice(Math.floor((r * n) / rounds), Math.floor(((r + 1) * n) / rounds)));
  const each = shrinks.map(() => Math.floor(rounds / n));
  for (let k = 0; k < rounds % n; k++) each[k]++;
  return shrinks.flatMap((s, k) => Array.from({ length: each[k] }, () => [s]));
}
