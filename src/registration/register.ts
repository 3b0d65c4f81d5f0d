import { ArgumentError, GridError } from "../core/errors.js";
import type { Grid, Image, Metric, Transform } from "../core/interfaces.js";
import { type AffineMap, applyAffine, centreOf, gridText, identityMap, invertAffine, tensorShape, voxelsOf } from "../image/grid.js";
import { determinant } from "../image/matrix.js";
import { engine } from "../kernels/engine.js";
import type { ImageMetric } from "../metrics/imageMetric.js";
import { lncc, type MetricFunction, metricFrom, metricNamed, metricsByName, mi, ncc } from "../metrics/index.js";
import type { InformationMetric } from "../metrics/mutualInformation.js";
import { bytesOf, dispose, keep, requireMemory, scope, type Tensor } from "../tensor/index.js";
import {
  type AffineModel,
  AffineTransform,
  CompositeTransform,
  DisplacementTransform,
  fixedSpace,
  HomographyTransform,
  homographyOfAffine,
  movingSpace,
  nearestSimilarity,
  warp,
} from "../transforms/index.js";
import { agreement } from "./agreement.js";
import { alignDiffeo, type DiffeoOptions, type DiffeoResult, planesAtPeak } from "./diffeo.js";

import { type Formulation, formulations } from "./formulations.js";
import { alignGeneral, type GeneralResult } from "./general.js";
import { traceHomotopy } from "./homotopy.js";
import { LinearInformation } from "./informationLinear.js";
import { type Candidate, candidates, placesOf, type Start } from "./initialise.js";
import { agreements, type Evidence, judge, kindOf, speaks } from "./judgement.js";
import { alignLddmm, type LddmmOptions } from "./lddmm.js";
import { type DeformationNetwork, predicted } from "./learned.js";
import { atSpacing, baseSpacing, copied, defaultShrinks, robustRange, scaledTo } from "./levels.js";
import { alignLinear, type LevelRun, type LinearLevel, type LinearOptimiser, linearOptimisers, valueUnder } from "./linear.js";
import { mindStart } from "./mindSearch.js";
import { type GeneralChoice, generalOf } from "./parts.js";
import { type LandmarkPairs, landmarkPairs } from "./points/landmarkTerm.js";
import type { PointsLike } from "./points/pointSet.js";
import { registerPoints } from "./points/registerPoints.js";
import { alignHomography, homographyUncertainty, valueUnderHomography } from "./projective.js";
import { rehearsedBytes } from "./rehearsal.js";
import { agreementUnder, convincing, type SearchResult, searchPlane } from "./search.js";
import { stiffnessFor } from "./stiffness.js";
import { hessianUncertainty, leastSquaresUncertainty, spreadOfDeformations, spreadOverStarts, type Uncertainty } from "./uncertainty.js";
import { volumeStarts } from "./volumeStarts.js";

/** What kind of transform is wanted and how much work it may take. */
export const presets = [
  "auto",
  "quick",
  "translation",
  "rigid",
  "similarity",
  "affine",
  "homography",
  "lddmm",
  "bspline",
  "svf",
  "diffeo",
  "learned",
] as const;
/** A name in `presets`. */
export type Preset = (typeof presets)[number];
/** All names in `metricsByName`. */
export const metrics: readonly string[] = Object.keys(metricsByName);

/** Where a registration stands: its level and the iteration on it. */
export interface RegisterProgress {
  /** The level, coarse to fine. */
  readonly level: number;
  /** How many levels there are. */
  readonly levels: number;
  /** The step on this level, from 1. */
  readonly iteration: number;
  /** The most steps there may be. */
  readonly iterations: number;
  /** The objective there, metric and regulariser; less is better. */
  readonly value?: number;
}
/** Metric, transform, start and effort of a registration; every part has a default that the images choose. */
export interface RegisterOptions extends Omit<GeneralChoice, "optimiser"> {
  /** auto (default): rigid, and if that does not explain the images, affine and diffeomorphic. quick: affine and a deformation without its finest level. bspline, svf: a deformation of that family, found by minimising D + α S. learned: a stationary velocity that a network proposes, and some steps of the same. */
  readonly preset?: Preset;
  /** A metric, its name, or a function of the two images' values. Default: what the images ask for. */
  readonly metric?: string | Metric | MetricFunction;
  /** Shrink factors, coarse to fine. Default: from 8 (or as coarse as the image allows) down to 1. */
  readonly levels?: readonly number[];
  /** Weights on the fixed and on the moving grid, [1, (z,) y, x]: where the images count. */
  readonly fixedMask?: Tensor;
  /** Weights on the moving grid: where the image counts. */
  readonly movingMask?: Tensor;
  /** Landmark pairs, row i of one belonging to row i of the other: every model minimises D + ½ w mean |y(fᵢ) − mᵢ|²/(10 voxels)² beside its own terms. */
  readonly fixedPoints?: PointsLike;
  /** Where the fixed landmarks are in moving. */
  readonly movingPoints?: PointsLike;
  /** w, default 1. */
  readonly pointsWeight?: number;
  /** false: two clouds without known partners, which `registerPoints` finds first; then the images may pull the pairs about. Default true. */
  readonly pointsPaired?: boolean;
  /** Where to start. Default auto: headers, middles, centres of mass and turns of these, by the metric. */
  readonly init?: Start | Transform;
  /** For linear models and homographies: over which image the sum goes and where the step is taken; see `formulations`. Default forward. */
  readonly formulation?: Formulation;
  /** The method, by name; see `linearOptimisers`, and `generalOptimisers` for families of deformations. Default: what the metric allows. */
  readonly optimiser?: LinearOptimiser;
  /** For the preset (or transform) lddmm: velocities in time, order of smoothness, mass preservation, α. */
  readonly lddmm?: Omit<LddmmOptions, "shrinks" | "iterations">;
  /** For linear models of plane images, by ssd or ncc: follow the minimum from blurred to sharp (`traceHomotopy`) instead of going level by level. */
  readonly homotopy?: boolean;
  /** Linear models and homographies by ssd or ncc come with their uncertainty; for other metrics it costs as much again and is only had when asked for. Of a deformation it is the spread over six starts, or the number given, and costs as many deformations more. */
  readonly uncertainty?: boolean | number;
  /** For the preset learned: what proposes the deformation of two pictures, `await learnedDeformation()` of pullback/models. */
  readonly network?: DeformationNetwork;
  /** For the preset learned: steps on D + α S for this pair, from the network's proposal on; never worse than that by D + α S. 0: the proposal itself. Default 10. */
  readonly instanceSteps?: number;
  /** false: families that can fold (bspline, displacement) may: no barrier in the objective, nothing smoothed at the end. Default true. */
  readonly unfold?: boolean;
  /** How stiff a deformation is and how it moves: see DiffeoOptions. */
  readonly deformation?: Pick<DiffeoOptions, "updateVoxels" | "totalVoxels" | "stepVoxels"> & {
    /** The most steps there may be. */
    readonly iterations?: readonly number[];
  };
  /** Ends the work early, with an AbortedError. */
  readonly signal?: AbortSignal;
  /** Told where the work stands, step by step. */
  readonly onProgress?: (p: RegisterProgress) => void;
}
/** A transform with what it was judged by: `status` says whether to trust it. */
export interface RegisterResult {
  /** Fixed points ↦ moving points. `inverse()` is at hand. */
  readonly transform: Transform;
  /** ok, or suspect: `reason` then says what speaks against it and what to try. */
  readonly status: "ok" | "suspect";
  /** Why it ended, in a sentence. */
  readonly reason: string;
  /** What was chosen, and why, in one line. */
  readonly plan: string;
  /** The metric's name, and its value before (at the start) and after on the finest level of the linear or dense stage. */
  readonly metric: string;
  /** At the start. */
  readonly before: number;
  /** At the end. */
  readonly after: number;
  /** The course of the metric, level by level. */
  readonly trace: readonly {
    /** The level, coarse to fine. */
    readonly level: string;
    /** The metric or objective, step by step. */
    readonly values: readonly number[];
  }[];
  /** What is worth knowing, a sentence each. */
  readonly warnings: readonly string[];
  /** Share of the fixed image that falls inside the moving one. */
  readonly overlap: number;
  /** What the status was judged by. */
  readonly evidence: Evidence;
  /** For deformations: the largest residual of the inversion and the share of voxels where it exceeds a tenth of a voxel. */
  readonly inversion?: DiffeoResult["inversion"];
  /** How sure a linear map or homography is: standard errors of where points go. For deformations when asked for, with a map. */
  readonly uncertainty?: Uncertainty;
  /** The engine's memory: what was predicted before the run, and the most it held. */
  readonly memory: {
    /** Before the run. */
    readonly predictedBytes: number;
    /** The most that was held. */
    readonly peakBytes: number;
  };
}

/**
 * Align `moving` with `fixed`: a transform y with moving ∘ y ≈ fixed.
 *
 * Linear models go from coarse to fine with the metric's least-squares form (Levenberg–Marquardt) or its slope (L-BFGS); deformations by greedy
 * symmetric steps (see `alignDiffeo`). The result does not depend on the number of threads, nor on the images' direction words.
 * @throws GridError when dimensions differ or nothing overlaps; ArgumentError for unknown names; MemoryError when it cannot fit
 * @throws AbortedError when `signal` fires
 */
export async function register(fixed: Image, moving: Image, given: RegisterOptions = {}): Promise<RegisterResult> {
  const options = asPreset(given);
  const { preset = "auto", init = "auto" } = options;
  if (!presets.includes(preset))
    throw new ArgumentError(`register: no preset ${preset}; expected one of ${presets.join(", ")}`, { preset });
  const d = fixed.grid.size.length;
  if (moving.grid.size.length !== d)
    throw new GridError(
      `register: fixed is ${d}-D (${gridText(fixed.grid)}) and moving is ${moving.grid.size.length}-D; both must have the same dimension`,
      {},
    );
  if (fixed.values.shape[0] !== moving.values.shape[0])
    throw new GridError(
      `register: fixed has ${fixed.values.shape[0]} channels and moving ${moving.values.shape[0]}; give both the same, or gray`,
      {},
    );
  checkMethod(preset, d, options);
  checkMask("fixedMask", options.fixedMask, fixed);
  checkMask("movingMask", options.movingMask, moving);
  const named = typeof options.metric === "string" ? metricNamed(options.metric) : options.metric && metricFrom(options.metric);
  const warnings: string[] = [];
  if (typeof options.uncertainty === "number" && !(Number.isInteger(options.uncertainty) && options.uncertainty > 1))
    throw new ArgumentError(`register: uncertainty over ${options.uncertainty} starts; give a whole number from 2`, {
      uncertainty: options.uncertainty,
    });
  checkLearned(preset, d, options);
  const general = generalOf(options, preset);
  if (options.unfold === false && !general?.family.folds)
    throw new ArgumentError(
      `register: unfold is for families that can fold, bspline and displacement; ${general?.family.name ?? `the preset ${preset}`} does not`,
      { preset },
    );
  const run = new Steps(fixed, moving, options, named, warnings);
  try {
    return await run.all(preset, init, general);
  } finally {
    run.free();
  }
}

/** What `transform` may name beside the families of the general path: transforms that come with a method of their own. */
export const ownTransforms = ["translation", "rigid", "similarity", "affine", "homography", "diffeo", "timeVelocity", "lddmm"] as const;
/** Those by the preset that finds them. */
function asPreset(given: RegisterOptions): RegisterOptions {
  const { transform } = given;
  const own = typeof transform === "string" && (ownTransforms as readonly string[]).includes(transform);
  const preset = own ? ((transform === "timeVelocity" ? "lddmm" : transform) as Preset) : given.preset;
  if (own && given.preset !== undefined && given.preset !== preset)
    throw new ArgumentError(`register: the transform ${transform} and the preset ${given.preset} contradict each other; leave one out`, {
      transform,
      preset: given.preset,
    });
  if (preset === "lddmm") {
    const lddmm = { ...given.lddmm, alpha: given.alpha ?? given.lddmm?.alpha };
    return { ...given, preset, transform: undefined, alpha: undefined, lddmm };
  }
  return own ? { ...given, preset, transform: undefined } : given;
}

function checkMethod(preset: Preset, d: number, { formulation, optimiser, homotopy }: RegisterOptions): void {
  if (homotopy && (d !== 2 || !(preset in chain) || preset === "homography"))
    throw new ArgumentError(`register: homotopy follows linear models of plane images; the images are ${d}-D and the preset is ${preset}`, {
      preset,
    });
  if (preset === "homography" && d !== 2)
    throw new ArgumentError(`register: a homography maps planes, and the images are ${d}-D; choose affine or a deformation`, { preset });
  if (formulation !== undefined && !formulations.includes(formulation))
    throw new ArgumentError(`register: no formulation ${formulation}; expected one of ${formulations.join(", ")}`, { formulation });
  if (formulation !== undefined && formulation !== "forward" && !(preset in chain))
    throw new ArgumentError(
      `register: the ${formulation} formulation is for linear models and homographies; choose one of ${Object.keys(chain).join(", ")} as preset`,
      { formulation, preset },
    );
  if (optimiser !== undefined && preset in chain && !linearOptimisers.includes(optimiser))
    throw new ArgumentError(`register: no optimiser ${optimiser} for linear models; expected one of ${linearOptimisers.join(", ")}`, {
      optimiser,
    });
}

function checkLearned(preset: Preset, d: number, { network, instanceSteps, transform }: RegisterOptions): void {
  if (preset !== "learned") {
    const unused = network ? "network" : instanceSteps !== undefined ? "instanceSteps" : undefined;
    if (unused) throw new ArgumentError(`register: ${unused} belongs to the preset learned, and the preset is ${preset}`, { preset });
    return;
  }
  if (!network)
    throw new ArgumentError(
      "register: the preset learned takes a network; give network: await learnedDeformation() of pullback/models",
      {},
    );
  if (transform !== undefined)
    throw new ArgumentError("register: the preset learned finds a stationary velocity; leave transform out", { transform });
  if (d !== 2) throw new ArgumentError(`register: the preset learned is for pictures, and the images are ${d}-D; take diffeo`, { d });
  if (instanceSteps !== undefined && !(Number.isInteger(instanceSteps) && instanceSteps >= 0))
    throw new ArgumentError(`register: ${instanceSteps} instance steps; give a whole number from 0`, { instanceSteps });
}

function checkMask(name: string, mask: Tensor | undefined, image: Image): void {
  if (!mask) return;
  const expected = [1, ...tensorShape(image.grid)];
  if (mask.rank !== expected.length || expected.some((n, i) => n !== mask.shape[i]))
    throw new GridError(
      `register: ${name} has shape ${mask.shape.join("×")} for an image of ${expected.join("×")}; both must be on one grid`,
      { mask: mask.shape },
    );
  if (mask.max().item() <= 0) throw new ArgumentError(`register: ${name} is empty; it is positive where the image counts`, {});
}

const chain: Record<string, readonly AffineModel[]> = {
  translation: ["translation"],
  rigid: ["rigid"],
  similarity: ["rigid", "similarity"],
  affine: ["rigid", "affine"],
  homography: ["rigid", "affine"],
};

/** The search for a deformation from a linear map on. */
type Deform = (map: AffineMap, run: Pick<LevelRun, "level" | "levels" | "signal" | "onProgress">) => Promise<DiffeoResult | GeneralResult>;

class Steps {
  readonly #fixed: Image;
  readonly #scaledMoving: () => Image;
  #movingNow?: Image;
  readonly #fixedMask?: Tensor;
  readonly #movingMask?: Tensor;
  readonly #pairs?: LandmarkPairs;
  readonly #trace: { level: string; values: readonly number[] }[] = [];
  readonly #levels = new Set<LinearLevel>();
  #stage = 0;
  #finest = 1;
  #predicted = 0;
  #peak = 0;
  #stages = 1;

  constructor(
    readonly fixed: Image,
    readonly moving: Image,
    readonly options: RegisterOptions,
    readonly named: ImageMetric | undefined,
    readonly warnings: string[],
  ) {
    // Some metrics compare the values themselves: one scale for both. Others see each image on its own scale.
    const range = robustRange(fixed);
    engine().resetPeak();
    const scaled = (image: Image, to: readonly [number, number]) => keep(named?.scaling === "none" ? copied(image) : scaledTo(image, to));
    this.#fixed = scaled(fixed, range);
    const movingRange = named?.scaling === "shared" ? range : robustRange(moving);
    this.#scaledMoving = () => scaled(moving, movingRange);
    this.#pairs = pairsOf(options, fixed.grid);
    this.#fixedMask = options.fixedMask && keep(options.fixedMask.cast("f32"));
    this.#movingMask = options.movingMask && keep(options.movingMask.cast("f32"));
  }
  free(): void {
    for (const level of this.#levels) this.#release(level);
    dispose(this.#fixed.values, this.#movingNow?.values);
  }
  /** Moving on the metric's scale: made when it is wanted, and let go of while a deformation needs the room. */
  get #moving(): Image {
    this.#movingNow ??= this.#scaledMoving();
    return this.#movingNow;
  }

  async all(preset: Preset, init: Start | Transform, general: ReturnType<typeof generalOf>): Promise<RegisterResult> {
    const d = this.fixed.grid.size.length;
    const least = d === 2 ? 32 : 20;
    const shrinks = [...(this.options.levels ?? defaultShrinks(this.fixed.grid, least))].sort((a, b) => b - a);
    const deforms = general !== undefined || preset === "lddmm" || preset === "diffeo" || preset === "auto" || preset === "quick";
    const dense = deforms
      ? await this.#affordable(
          preset === "quick" && !this.options.levels && shrinks.length > 1 ? shrinks.filter((s) => s > 1) : shrinks,
          preset,
          general,
        )
      : [];
    this.#finest = (deforms ? dense : shrinks).at(-1) as number;
    if (!deforms) {
      // Coefficients, warped values, extent and the force on every position; descriptions of both images, at most twelve channels, and coefficients.
      const planes = 6 + 2 * d + (this.named?.features ? (d === 3 ? 36 : 12) : 0);
      const bytes = (planes * bytesOf([voxelsOf(this.fixed.grid)])) / this.#finest ** d;
      requireMemory(bytes, "register: the finest level", "give --levels with larger factors, or downsample the images");
      this.#predicted = engine().memoryUse.used + bytes + 4 * this.moving.values.size;
    }
    const models = chain[deforms ? "affine" : preset];
    // A deformation follows: the affine map then only has to be near.
    const linear = deforms && shrinks.length > 1 && preset !== "auto" ? shrinks.slice(0, -1) : shrinks;
    this.#stages = linear.length * (models.length + (preset === "homography" ? 1 : 0)) + dense.length;

    const coarse = this.#level(linear[0]);
    const richest = models[models.length - 1];
    const usual =
      init === "search" ? undefined : init === "mind" ? this.#matched(coarse, richest) : await this.#start(coarse, models[0], init);
    const credible = usual && init === "auto" ? await this.#credible(coarse, usual.map, richest) : undefined;
    const found = this.options.homotopy || credible ? undefined : this.#search(richest, init);
    const sure = found?.refined.find(convincing);
    const chosen = sure
      ? { map: sure.map, before: identityMap(d) }
      : usual && !found
        ? { ...usual, map: credible ?? usual.map }
        : await this.#start(
            coarse,
            models[0],
            "auto",
            found?.refined.map((r) => r.map),
          );
    const fit = valueUnder(coarse, chosen.map, ncc()).value;
    const same = Number.isFinite(fit) && fit < 0.03;
    const linearMetric = this.named && !(this.named.local && (deforms || this.named.name === "lncc")) ? this.named : same ? ncc() : mi();
    const why = this.named
      ? "as asked"
      : same
        ? `the contrasts agree (correlation ${(1 - fit).toFixed(2)} on the coarsest level)`
        : "the contrasts differ";

    let map = chosen.map;
    if (this.options.homotopy) map = await this.#followed(models[models.length - 1], linear, map, linearMetric);
    // Edges decide between unlike contrasts: a histogram's finest steps would not improve on them. Like ones are refined to a hundredth of a pixel.
    const settled = sure !== undefined && !this.named && !same && !this.options.homotopy;
    for (const [k, model] of settled ? [] : models.entries()) {
      // A richer model begins at the coarsest level again: a scale of 0.8 is out of reach of a fine one. Its forerunner only has to be near, unless it may be the answer.
      // Where the search is sure, coarse levels have nothing to add, and a forerunner only where it may be the answer.
      const ready = sure !== undefined || init === "mind" || (credible !== undefined && credible !== usual?.map);
      if (ready && k < models.length - 1 && preset !== "auto") continue;
      if (ready && k > 0) map = chosen.map;
      if (ready && k < models.length - 1) map = nearestRigid(map, centreOf(this.fixed.grid));
      const levels =
        sure || init === "mind"
          ? linear.slice(-2)
          : k === models.length - 1 || preset === "auto"
            ? linear
            : linear.slice(0, Math.max(1, linear.length - 2));
      if (this.options.homotopy && k < models.length - 1) continue; // its path was that of the richest model
      for (const shrink of this.options.homotopy ? levels.slice(-1) : levels) map = await this.#linear(model, shrink, map, linearMetric);
      if (k === 0 && preset === "auto" && !general && models.length > 1) {
        const finest = this.#level(linear[linear.length - 1]);
        const left = valueUnder(finest, map, ncc()).value;
        this.#release(finest);
        if (same && left < 0.03)
          return this.#finish(
            map,
            undefined,
            linearMetric,
            chosen.before,
            `preset auto: rigid, because that explains the images (correlation ${(1 - left).toFixed(3)}); metric ${linearMetric.name}: ${why}`,
            undefined,
            await this.#uncertainty(model, map, linearMetric),
          );
      }
    }
    this.#release(coarse);
    let kept = "";
    // What a histogram makes of a matched start has to convince: more edges, clearly.
    const matched = init === "mind" && d === 2 && this.#fixed.values.shape[0] === 1;
    if ((sure && !settled) || matched) {
      const [ours, theirs] = [chosen.map, map].map((m) => agreementUnder(this.#images(), m).score);
      if (ours > (matched ? 0.95 : 1.05) * theirs) {
        map = chosen.map;
        kept = `; the start is kept, because under ${linearMetric.name} fewer edges agree`;
      }
    }
    const searched = sure
      ? `; start by search: ${sure.home} of ${sure.blocks} blocks at home${kept}`
      : init === "mind"
        ? `; start by descriptions of self-similarity${kept}`
        : found
          ? "; start: best of search, headers, middles and masses by the metric"
          : "";
    const plan = `preset ${preset}${searched}${preset === "auto" ? ": affine and diffeomorphic, because a rigid motion does not explain the images" : ""}; metric ${linearMetric.name}: ${why}`;
    if (preset === "homography") {
      let matrix: readonly number[] = homographyOfAffine(map);
      for (const shrink of linear) matrix = await this.#homography(shrink, matrix, linearMetric);
      return this.#finish(
        map,
        undefined,
        linearMetric,
        chosen.before,
        plan,
        new HomographyTransform(matrix),
        this.#homographyUncertainty(matrix, linearMetric),
      );
    }
    if (!deforms) {
      const uncertainty = await this.#uncertainty(models[models.length - 1], map, linearMetric);
      return this.#finish(map, undefined, linearMetric, chosen.before, plan, undefined, uncertainty);
    }

    if (preset === "lddmm") {
      // Squared differences want one scale; anything that is not "ssd" is fitted by a gain and an offset first.
      const squares = this.named ?? ncc();
      const kind = squares.leastSquares;
      if (!kind)
        throw new ArgumentError(
          `register: lddmm goes by squared differences, the metric ssd or ncc; ${squares.name} has no such form, take preset svf`,
          {
            metric: squares.name,
          },
        );
      const deform: Deform = (map, run) =>
        alignLddmm(
          { ...this.#images(), map, landmarks: this.#pairs },
          kind,
          { ...this.options.lddmm, shrinks: dense },
          { iterations: 0, ...run },
          { from: fixedSpace(this.fixed.grid), to: { name: "aligned", grid: this.fixed.grid } },
        );
      const result = (await deform(map, this.#run())) as GeneralResult;
      for (const t of result.trace) this.#trace.push({ level: `lddmm 1/${t.shrink}`, values: t.values });
      const { velocities = 3, massPreserving } = this.options.lddmm ?? {};
      const what = `lddmm: ${velocities === 1 ? "a stationary velocity" : `${velocities} velocities in time`}${massPreserving ? ", mass kept" : ""}`;
      // `before` and `after` are the metric's own values; the flow's trace is D + α S of what it fits.
      const warped = warp(this.#moving, new CompositeTransform([result.transform, new AffineTransform(map)]), this.fixed.grid, {
        border: "clamp",
      });
      const likeness = scope(() => squares.value(warped, this.#fixed, { fixed: this.#fixedMask }).item());
      return this.#finish(
        map,
        { ...result, likeness: massPreserving ? result.likeness : likeness },
        squares,
        chosen.before,
        `${plan}; ${what}`,
        undefined,
        await this.#spread(map, result, dense[0], deform),
      );
    }
    // One object in one contrast (breathing, a later visit): what is dark stays dark. Two people, two scanners: only how closely two patches follow each other counts.
    const finest = this.#level(linear[linear.length - 1]);
    const left = valueUnder(finest, map, ncc()).value;
    this.#release(finest);
    const smooth = left < 0.03;
    if (general) {
      const spaces = { from: fixedSpace(this.fixed.grid), to: { name: "aligned", grid: this.fixed.grid } };
      const family = general.suited(smooth, d);
      const alpha = general.alpha(family, this.fixed.grid);
      // About a hundred samples in a window, in the plane too.
      const likeness = this.named ?? lncc({ radiusVoxels: d === 2 ? (preset === "learned" ? 3 : 4) : 2 });
      const { network, instanceSteps = 10 } = this.options;
      // From a network's proposal on the finest level is all there is to do, and one level is one objective: its least value is kept.
      const shrinks = network ? dense.slice(-1) : dense;
      const iterations = network ? [instanceSteps] : (this.options.deformation?.iterations ?? dense.map(() => 60));
      const deform: Deform = async (map, run) => {
        const input = { ...this.#images(), map, landmarks: this.#pairs };
        const start = network && predicted(input, network);
        try {
          const parts = { ...general, family, alpha, unfold: this.options.unfold, shrinks, iterations };
          return await alignGeneral(input, likeness, parts, { iterations: 0, ...run }, spaces, start);
        } finally {
          if (start) dispose(start.parameters);
        }
      };
      const result = (await deform(map, this.#run())) as GeneralResult;
      for (const t of result.trace) this.#trace.push({ level: `${family.name} 1/${t.shrink}`, values: t.values });
      if (result.folds?.before)
        this.warnings.push(
          `the deformation folded at ${result.folds.before} voxels, which were smoothed${result.folds.after ? `; ${result.folds.after} still do: a larger alpha prevents that` : ""}`,
        );
      const smoothness = general.regulariser ? `${general.regulariser.name} with α = ${+alpha.toPrecision(3)}` : "no regulariser";
      return this.#finish(
        map,
        result,
        likeness,
        chosen.before,
        `${plan}; ${network ? `a network's proposal, then ${instanceSteps} steps of ` : ""}${likeness.name} for a ${family.name} deformation, ${smoothness}, ${general.optimiser}`,
        undefined,
        await this.#spread(map, result, dense[0], deform),
      );
    }
    const signed = !this.named && smooth;
    const metric = this.named ?? lncc({ signed, radiusVoxels: signed ? 2 : 3 });
    const voxels = (s: number) => voxelsOf(this.fixed.grid) / s ** d;
    // Pictures settle sooner than volumes, and a finest level of many samples only refines.
    const rounds = d === 2 ? 50 : 80;
    const iterations = dense.map((s, k) =>
      k < dense.length - 1 ? (voxels(s) < 1e6 ? rounds : 50) : d === 3 && voxels(s) < 1e6 ? rounds + 20 : 30,
    );
    const { noise, ...stiffness } = stiffnessFor(this.#fixed, this.#moving, smooth, metric.local === true);
    const deform: Deform = (map, run) =>
      alignDiffeo(
        {
          ...this.#images(),
          map,
          landmarks: this.#pairs,
          releaseMoving: () => {
            dispose(this.#movingNow?.values);
            this.#movingNow = undefined;
          },
        },
        metric,
        { ...stiffness, ...this.options.deformation, shrinks: dense, iterations: this.options.deformation?.iterations ?? iterations },
        { iterations: 0, ...run },
      );
    const result = (await deform(map, this.#run())) as DiffeoResult;
    for (const t of result.trace) this.#trace.push({ level: `diffeo 1/${t.shrink}`, values: t.values });
    return this.#finish(
      map,
      result,
      metric,
      chosen.before,
      `${plan}; ${signed ? "signed " : ""}${metric.name} for the deformation${signed ? `, because the linear map already gives a correlation of ${(1 - left).toFixed(2)}` : ""}; updates smoothed by ${stiffness.updateVoxels[3].toFixed(1)} voxels, for a noise of ${(100 * noise).toFixed(1)} %`,
      undefined,
      await this.#spread(map, result, dense[0], deform),
    );
  }

  #run() {
    const { signal, onProgress } = this.options;
    const level = this.#stage++;
    return { level, levels: this.#stages, signal, onProgress };
  }

  /** The levels that fit into memory; a finer one that does not is left out, and said so. @throws MemoryError when none fits */
  async #affordable(shrinks: readonly number[], preset: Preset, general: ReturnType<typeof generalOf>): Promise<number[]> {
    const { fixed, moving } = this;
    const d = fixed.grid.size.length;
    const masks = Boolean(this.#fixedMask || this.#movingMask);
    // A description is some channels for each image, its slope as many.
    const features = this.named?.features ? (d === 3 ? 72 : 24) : 0;
    const whole = bytesOf([voxelsOf(fixed.grid)]);
    const rehearsed = general !== undefined || preset === "lddmm";
    if (rehearsed) void this.#moving; // it stays
    const { used, limit } = engine().memoryUse;
    const afterwards = moving.values.size * 4 + 5 * d * whole; // both ways on the fixed grid, if there is room
    const bytes = async (s: number): Promise<number> => {
      const own = rehearsed ? await this.#rehearsal(s, general) : undefined;
      if (own !== undefined) return own;
      const level = ((planesAtPeak(d, masks) + features) * whole) / s ** d;
      return s > 1 && used + afterwards < limit ? Math.max(level, afterwards) : level;
    };
    const fits: number[] = [];
    let [needed, refused] = [0, 0];
    // The finest that fits; coarser ones need less.
    for (let k = shrinks.length - 1; k >= 0 && fits.length === 0; k--) {
      needed = await bytes(shrinks[k]);
      if (used + needed <= limit) fits.push(...shrinks.slice(0, k + 1));
      else if (refused === 0) refused = needed;
    }
    const mb = (b: number) => Math.round(b / 2 ** 20);
    if (fits.length === 0)
      requireMemory(
        needed,
        "register: the coarsest level of the deformation",
        "give --levels with larger factors, or downsample the images",
      );
    if (fits.length < shrinks.length)
      this.warnings.push(
        `the deformation is estimated at 1/${fits[fits.length - 1]} of the resolution: 1/${shrinks[shrinks.length - 1]} needs about ${mb(refused)} MB, and ${mb(limit - used)} MB are left`,
      );
    this.#predicted = used + needed;
    return fits;
  }
  /** What the general path or lddmm holds with this finest level: a few steps on small copies. */
  async #rehearsal(shrink: number, general: ReturnType<typeof generalOf>): Promise<number | undefined> {
    this.#peak = Math.max(this.#peak, engine().memoryUse.peak);
    const d = this.fixed.grid.size.length;
    const run = { iterations: 0, level: 0, levels: 1, signal: this.options.signal };
    const shrinks = [shrink];
    const bytes = await rehearsedBytes(this.#images(), shrink, (input) => {
      const spaces = { from: fixedSpace(input.fixed.grid), to: { name: "aligned", grid: input.fixed.grid } };
      if (!general)
        return alignLddmm(
          input,
          (this.named ?? ncc()).leastSquares ?? "ncc",
          { ...this.options.lddmm, shrinks, iterations: 1 },
          run,
          spaces,
        );
      // As many steps as L-BFGS remembers, and none left out.
      const rest = { shrinks, iterations: [general.optimiser === "lbfgs" ? 10 : 2], relativeDecrease: 0, unfold: this.options.unfold };
      const alpha = general.alpha(general.family, input.fixed.grid);
      const metric = this.named ?? lncc({ radiusVoxels: d === 2 ? 4 : 2 });
      valueUnder(input, input.map, metric.prepare?.(input.fixed, input.moving) ?? metric); // as at the end, on the fixed grid
      return alignGeneral(input, metric, { ...general, alpha, ...rest }, run, spaces);
    });
    engine().resetPeak();
    return bytes;
  }

  #level(shrink: number): LinearLevel {
    const spacing = shrink * baseSpacing(this.fixed.grid);
    const mask = (t: Tensor | undefined, im: Image) => t && atSpacing({ values: t, grid: im.grid }, spacing).values;
    const level = scope(() => ({
      fixed: atSpacing(this.#fixed, spacing),
      moving: atSpacing(this.#moving, spacing),
      fixedMask: mask(this.#fixedMask, this.fixed),
      movingMask: mask(this.#movingMask, this.moving),
    }));
    Object.assign(level, { landmarks: this.#pairs });
    this.#levels.add(level);
    return level;
  }
  #release(level: LinearLevel): void {
    this.#levels.delete(level);
    const mine = [this.#fixed.values, this.#movingNow?.values, this.#fixedMask, this.#movingMask];
    for (const t of [level.fixed.values, level.moving.values, level.fixedMask, level.movingMask]) if (t && !mine.includes(t)) dispose(t);
  }

  async #linear(model: AffineModel, shrink: number, map: AffineMap, metric: ImageMetric): Promise<AffineMap> {
    const level = this.#level(shrink);
    try {
      const { preset = "auto", formulation, optimiser } = this.options;
      const method = preset in chain ? { formulation, optimiser } : {}; // before a deformation, the linear part is a means only
      const result = await alignLinear(level, model, map, metric, shrink === 1, { iterations: 60, ...this.#run() }, method);
      this.#trace.push({ level: `${model} 1/${shrink}`, values: result.values });
      return result.map;
    } finally {
      this.#release(level);
    }
  }

  /** On the finest level: from the normal equations; or, when asked for, from the metric's Hessian or from other starts. */
  async #uncertainty(model: AffineModel, map: AffineMap, metric: ImageMetric): Promise<Uncertainty | undefined> {
    const level = this.#level(this.#finest);
    try {
      const squares = !level.movingMask && level.fixed.values.shape[0] === 1 ? metric.leastSquares : undefined;
      if (squares) return leastSquaresUncertainty(level, model, map, squares);
      if (!this.options.uncertainty) return undefined;
      if (metric.name === "mi" && !level.movingMask)
        return hessianUncertainty(level, model, map, metric.prepare?.(level.fixed, level.moving) ?? metric);
      const { signal } = this.options;
      const align = async (start: AffineMap) =>
        (await alignLinear(level, model, start, metric, false, { iterations: 60, level: 0, levels: 1, signal })).map;
      const starts = this.options.uncertainty === true ? undefined : this.options.uncertainty;
      return await spreadOverStarts(level, model, map, align, { shiftMm: baseSpacing(level.fixed.grid), starts });
    } finally {
      this.#release(level);
    }
  }
  /** When asked for: the deformation again from linear maps two voxels away. */
  async #spread(map: AffineMap, found: DiffeoResult | GeneralResult, coarsest: number, deform: Deform): Promise<Uncertainty | undefined> {
    const { uncertainty, signal } = this.options;
    if (!uncertainty) return undefined;
    const level = this.#level(coarsest);
    let last: DiffeoResult | GeneralResult | undefined;
    const letGo = () => last && "forward" in last && dispose(last.forward, last.backward);
    try {
      const align = async (start: AffineMap) => {
        letGo();
        last = await deform(start, { level: this.#stages - 1, levels: this.#stages, signal });
        return this.#deformed(start, last);
      };
      return await spreadOfDeformations(level, map, this.#deformed(map, found), this.fixed.grid, align, {
        shiftMm: 2 * baseSpacing(this.fixed.grid),
        starts: uncertainty === true ? undefined : uncertainty,
      });
    } finally {
      letGo();
      this.#release(level);
    }
  }
  #homographyUncertainty(matrix: readonly number[], metric: ImageMetric): Uncertainty | undefined {
    const level = this.#level(this.#finest);
    try {
      const squares = !level.movingMask && level.fixed.values.shape[0] === 1 ? metric.leastSquares : undefined;
      return squares && homographyUncertainty(level, matrix, squares);
    } finally {
      this.#release(level);
    }
  }

  /** From blurred to sharp on the finest level that is cheap to transform as a whole; the levels begin where it ends. */
  async #followed(model: AffineModel, shrinks: readonly number[], start: AffineMap, metric: ImageMetric): Promise<AffineMap> {
    if (!metric.leastSquares || this.#fixedMask || this.#movingMask || this.fixed.values.shape[0] !== 1)
      throw new ArgumentError(
        `register: homotopy takes ssd or ncc on whole gray images; the metric is ${metric.name}, ${this.#fixedMask || this.#movingMask ? "with a mask" : `${this.fixed.values.shape[0]} channels`}`,
        { metric: metric.name },
      );
    const least = Math.max(1, Math.max(...this.fixed.grid.size, ...this.moving.grid.size) / 256);
    const level = this.#level(shrinks.findLast((s) => s >= least) ?? least);
    try {
      const { signal } = this.options;
      const traced = await traceHomotopy(level.fixed, level.moving, {
        model,
        start,
        metric: metric.leastSquares === "ncc" ? ncc() : undefined,
        signal,
      });
      this.#trace.push({ level: `${model} homotopy`, values: traced.path.map((p) => p.value) });
      return traced.map;
    } finally {
      this.#release(level);
    }
  }

  async #homography(shrink: number, matrix: readonly number[], metric: ImageMetric): Promise<readonly number[]> {
    const level = this.#level(shrink);
    try {
      const run = { iterations: 60, ...this.#run() };
      const result = await alignHomography(level, matrix, metric, shrink === 1, run, this.options.formulation);
      this.#trace.push({ level: `homography 1/${shrink}`, values: result.values });
      return result.matrix;
    } finally {
      this.#release(level);
    }
  }

  #images = () => ({ fixed: this.#fixed, moving: this.#moving, fixedMask: this.#fixedMask, movingMask: this.#movingMask });
  /** No header says how plain pictures lie. */
  #plain(): boolean {
    const plain = ({ grid }: Image) => grid.size.length === 2 && grid.spacing.every((v) => v === 1) && grid.origin.every((v) => v === 0);
    return plain(this.fixed) && plain(this.moving);
  }
  /** The usual start, or what a few coarse steps of the richest model make of it, if edges agree there: then a search has nothing to find. */
  async #credible(level: LinearLevel, map: AffineMap, model: AffineModel): Promise<AffineMap | undefined> {
    if (!this.#plain() || this.#fixed.values.shape[0] !== 1) return undefined;
    const agrees = (m: AffineMap) => speaks(agreement(this.#images(), new AffineTransform(m), 64, 8), 0, "free");
    if (agrees(map)) return map;
    if (model !== "similarity" && model !== "affine") return undefined;
    const metric = this.named && !this.named.local ? this.named : mi();
    const run = { iterations: 20, level: 0, levels: this.#stages, signal: this.options.signal };
    const richer = (await alignLinear(level, model, map, metric, false, run)).map;
    return agrees(richer) ? richer : undefined;
  }
  /** Plane pictures are searched where that is asked for, or where no header says how they lie. */
  #search(model: AffineModel, init: Start | Transform): SearchResult | undefined {
    const wanted = init === "search" || (init === "auto" && this.#plain());
    const possible = [this.#fixed, this.#moving].every((im) => im.grid.size.length === 2 && Math.min(...im.grid.size) >= 32);
    return wanted && possible ? searchPlane(this.#images(), model) : undefined;
  }

  /** The linear map that self-similarities find from where headers, middles or masses put the images. */
  #matched(level: LinearLevel, model: AffineModel): { map: AffineMap; before: AffineMap } {
    const list = (["identity", "center", "moments"] as const).flatMap((how) => candidates(level, how, mi(), false).map((c) => c.map));
    const start = list[0] ?? identityMap(this.fixed.grid.size.length);
    const masks = { fixedMask: this.#fixedMask, movingMask: this.#movingMask, signal: this.options.signal };
    return { map: mindStart(this.#fixed, this.#moving, model, list, masks) ?? start, before: start };
  }

  /** The start: as told, or the best of several after a few coarse steps. */
  async #start(
    level: LinearLevel,
    model: AffineModel,
    init: Start | Transform,
    more: readonly AffineMap[] = [],
  ): Promise<{ map: AffineMap; before: AffineMap }> {
    const search = this.named && !this.named.local ? this.named : mi();
    if (typeof init === "object") {
      if (!(init instanceof AffineTransform))
        throw new ArgumentError("register: a start is a linear transform; give the matrix of a deformation's linear part", {});
      if (valueUnder(level, init.map, search).overlap < 0.01) throw noOverlap(this.fixed, this.moving, "under the given start");
      return { map: init.map, before: init.map };
    }
    const ready = search.prepare?.(level.fixed, level.moving) ?? search;
    const everyTurn = this.options.init === "search" && this.fixed.grid.size.length === 3;
    const information =
      init === "auto" && model !== "translation" && this.fixed.grid.size.length === 3
        ? (search.information ?? (everyTurn ? mi().information : undefined))
        : undefined;
    const byVolume = information && LinearInformation.suits(level);
    const found = candidates(level, init, ready, init === "auto" && model !== "translation" && !byVolume);
    if (found.length === 0) {
      if (init === "identity") throw noOverlap(this.fixed, this.moving, "where the headers place them");
      return { map: identityMap(this.fixed.grid.size.length), before: identityMap(this.fixed.grid.size.length) };
    }
    if (init !== "auto") return { map: found[0].map, before: found[0].map };
    if (byVolume) {
      const map = await this.#startOfVolume(level, model, information, found);
      return { map: map ?? found[0].map, before: (found.find((c) => c.from === "the headers") ?? found[0]).map };
    }
    const upright = found.filter((c) => !c.turned).slice(0, 2);
    const turned = found.filter((c) => c.turned).slice(0, 3);
    let best: { map: AffineMap; value: number; turned: boolean } | undefined;
    const searched = more
      .map((map) => ({ map, turned: true, from: "the search", ...valueUnder(level, map, ready) }))
      .filter((c) => c.overlap > 0.1);
    for (const c of [...upright, ...turned, ...searched]) {
      const r = await alignLinear(level, model, c.map, search, false, {
        iterations: 20,
        level: 0,
        levels: this.#stages,
        signal: this.options.signal,
      });
      const under = valueUnder(level, r.map, ready);
      if (under.overlap < 0.1) continue;
      // A turned start must be clearly better: anatomy is nearly symmetric, and people mostly stand upright.
      const margin = c.turned && best && !best.turned ? 0.03 * Math.abs(best.value) : 0;
      if (!best || under.value < best.value - margin) best = { map: r.map, value: under.value, turned: c.turned };
    }
    // What the figures call "before" is where the headers put the images, when they overlap there.
    const before = (found.find((c) => !c.turned && c.from === "the headers") ?? found[0]).map;
    return { map: best?.map ?? found[0].map, before };
  }

  /** The best of upright and turned starts, on a level that is coarser still: hundreds of turns at the cost of one pass over the image. */
  async #startOfVolume(
    level: LinearLevel,
    model: AffineModel,
    metric: InformationMetric,
    found: readonly Candidate[],
  ): Promise<AffineMap | undefined> {
    const spacing = Math.max(...level.fixed.grid.size.map((n, i) => (n * level.fixed.grid.spacing[i]) / 14));
    const shrink = Math.floor(spacing / baseSpacing(this.fixed.grid));
    const wide = shrink * baseSpacing(this.fixed.grid) > 1.5 * Math.min(...level.fixed.grid.spacing) ? this.#level(shrink) : level;
    try {
      const every = this.options.init === "search";
      const run = { levels: this.#stages, signal: this.options.signal, every };
      const upright = found.slice(0, 2).map((c) => c.map);
      const starts = await volumeStarts(wide, model, metric, upright, placesOf(wide), run);
      const info = new LinearInformation(level, metric);
      const seen = starts.map(({ map, turned }) => ({ map, turned, ...info.under(map) })).filter((c) => c.overlap > 0.1);
      // A turned start must be clearly better: anatomy is nearly symmetric, and people mostly stand upright. Where all turns are asked for, none is preferred.
      const margin = every ? 0 : 0.03;
      const best = (list: typeof seen) => list.reduce((a, b) => (b.value < a.value ? b : a), list[0]);
      const [straight, turned] = [false, true].map((t) => best(seen.filter((c) => c.turned === t)));
      return (
        straight && turned ? (turned.value < straight.value - margin * Math.abs(straight.value) ? turned : straight) : (straight ?? turned)
      )?.map;
    } finally {
      if (wide !== level) this.#release(wide);
    }
  }

  #finish(
    map: AffineMap,
    dense: DiffeoResult | GeneralResult | undefined,
    metric: ImageMetric,
    start: AffineMap,
    plan: string,
    projective?: HomographyTransform,
    uncertainty?: Uncertainty,
  ): RegisterResult {
    const [from, to] = [fixedSpace(this.fixed.grid), movingSpace(this.moving.grid)];
    const linear = new AffineTransform(map, from, to, this.#modelOf(map));
    let transform: Transform = projective ? new HomographyTransform(projective.matrix, from, to) : linear;
    if (dense) transform = this.#deformed(map, dense);
    const level: LinearLevel = { fixed: this.#fixed, moving: this.#moving, fixedMask: this.#fixedMask, movingMask: this.#movingMask };
    // Levels end when they have converged, and early exits leave some out: say that all is done.
    this.options.onProgress?.({ level: this.#stages - 1, levels: this.#stages, iteration: 1, iterations: 1 });
    const ready = metric.prepare?.(this.#fixed, this.#moving) ?? metric;
    const before = valueUnder(level, start, ready);
    const end = projective ? valueUnderHomography(level, projective, ready) : valueUnder(level, map, ready);
    this.#release(level);
    const last = this.#trace[this.#trace.length - 1]?.values ?? [];
    const after = dense && "likeness" in dense ? dense.likeness : dense ? (last[last.length - 1] ?? end.value) : end.value;
    const gray = this.#fixed.values.shape[0] === 1;
    const kind = dense || projective ? "free" : kindOf(shapeOf(map));
    const evidence: Evidence = {
      overlap: end.overlap,
      before: before.value,
      after,
      ...shapeOf(map),
      agreement: gray ? agreements(this.#images(), transform, kind) : [],
      linear: gray && dense ? agreements(this.#images(), linear, "before") : undefined,
    };
    const { status, reason } = judge(evidence);
    return {
      transform,
      status,
      reason,
      plan,
      metric: metric.name,
      before: before.value,
      after,
      trace: this.#trace,
      warnings: this.warnings,
      overlap: end.overlap,
      evidence,
      inversion: dense?.inversion,
      uncertainty,
      memory: { predictedBytes: this.#predicted, peakBytes: Math.max(this.#peak, engine().memoryUse.peak) },
    };
  }

  /** A deformation and the linear map that follows it. */
  #deformed(map: AffineMap, dense: DiffeoResult | GeneralResult): Transform {
    const from = fixedSpace(this.fixed.grid);
    const grid = "transform" in dense ? this.fixed.grid : dense.grid;
    const aligned = { name: "aligned", grid };
    const backward = "transform" in dense ? undefined : { field: dense.backward, grid };
    const y = "transform" in dense ? dense.transform : new DisplacementTransform(dense.forward, grid, from, aligned, backward);
    return new CompositeTransform([y, new AffineTransform(map, aligned, movingSpace(this.moving.grid), this.#modelOf(map))]);
  }

  #modelOf(map: AffineMap): AffineModel {
    const d = map.offset.length;
    const { rotation, scale } = nearestSimilarity(map.matrix, d);
    if (map.matrix.some((v, i) => Math.abs(v - scale * rotation[i]) > 1e-9)) return "affine";
    if (Math.abs(scale - 1) > 1e-9) return "similarity";
    return rotation.every((v, i) => Math.abs(v - (i % (d + 1) === 0 ? 1 : 0)) < 1e-12) ? "translation" : "rigid";
  }
}

/** How much a linear map changes volumes, and its longest over its shortest axis (from the norms of the matrix and of its inverse). */
function shapeOf({ matrix, offset }: AffineMap): { volume: number; stretch: number } {
  const d = offset.length;
  const volume = Math.abs(determinant(matrix, d));
  if (!(volume > 1e-9)) return { volume: 0, stretch: Number.POSITIVE_INFINITY };
  const norm = (m: readonly number[]) => Math.sqrt(m.reduce((q, v) => q + v * v, 0) / d);
  return { volume, stretch: norm(matrix) * norm(invertAffine({ matrix, offset }).matrix) };
}
/** The rigid map nearest to a linear one: it agrees with it at a point. */
function nearestRigid(map: AffineMap, at: readonly number[]): AffineMap {
  const { rotation } = nearestSimilarity(map.matrix, at.length);
  const target = applyAffine(map, at);
  return { matrix: rotation, offset: applyAffine({ matrix: rotation, offset: at.map(() => 0) }, at).map((v, i) => target[i] - v) };
}

/** The landmarks as pairs: as they came, or clouds with the partners that a registration of the points alone finds. */
function pairsOf(o: RegisterOptions, grid: Grid): LandmarkPairs | undefined {
  const { fixedPoints, pointsWeight = 1, pointsPaired = true, signal } = o;
  let { movingPoints } = o;
  if (!pointsPaired && fixedPoints && movingPoints)
    movingPoints = registerPoints(fixedPoints, movingPoints, { model: "deformable", signal }).warped;
  return landmarkPairs(fixedPoints, movingPoints, pointsWeight, 10 * baseSpacing(grid), grid.size.length);
}
const noOverlap = (fixed: Image, moving: Image, where: string) =>
  new GridError(
    `register: the images do not overlap ${where} (fixed ${gridText(fixed.grid)}, moving ${gridText(moving.grid)}); try init "center", init "moments", or a start of your own`,
    { fixed: fixed.grid, moving: moving.grid },
  );
