import { ArgumentError } from "../core/errors.js";
import type {
  Grid,
  Image,
  Iteration,
  Masks,
  Metric,
  Objective,
  Parameters,
  Space,
  State,
  Transform,
  TransformFamily,
} from "../core/interfaces.js";
import { iterate } from "../core/iterate.js";
import { betweenIndices, physicalToIndex, sameGrid, tensorShape, voxelsOf } from "../image/grid.js";
import { multiply } from "../image/matrix.js";
import { engine } from "../kernels/engine.js";
import { longestVector } from "../kernels/planes.js";
import type { ImageMetric } from "../metrics/index.js";
import { adam, evaluate, gradientDescent, lbfgs, momentum, newton } from "../optimisers/index.js";
import type { FieldRegulariser } from "../regularisers/index.js";
import {
  bsplinePrefilter,
  dispose,
  keep,
  scope,
  stopGradient,
  Tensor,
  turnPlanes,
  valueAndGrad,
  vjp,
  warpField,
  warpFieldWithGradient,
} from "../tensor/index.js";
import { largestOf, leavesOf, mapLeaves, withLeaves } from "../tensor/variables.js";
import { AffineTransform } from "../transforms/affine.js";
import { baseOf, warp } from "../transforms/warp.js";
import type { DiffeoInput } from "./diffeo.js";
import { atSpacing, baseSpacing } from "./levels.js";
import type { LevelRun } from "./linear.js";
import { LandmarkDistance } from "./points/landmarkDistance.js";
import type { LandmarkPairs } from "./points/landmarkTerm.js";
import { foldBarrier, unfolded } from "./unfold.js";

/** Methods that a family's parameters can be found with. */
export const generalOptimisers = ["lbfgs", "gaussNewton", "gradientDescent", "momentum", "adam"] as const;
/** A name in `generalOptimisers`. */
export type GeneralOptimiser = (typeof generalOptimisers)[number];

/** Family, regulariser, its weight and optimiser of D + α S, and the levels. */
export interface GeneralOptions {
  /** Which deformations. */
  readonly family: TransformFamily;
  /** S; none: the family alone keeps y smooth. */
  readonly regulariser?: FieldRegulariser;
  /** α in  D + α S  as S is defined (mm² where its `lengthPower` is 2). */
  readonly alpha?: number;
  /** How gradients become steps. */
  readonly optimiser?: GeneralOptimiser;
  /** Shrink factors, coarse to fine, and the most steps on each. */
  readonly shrinks: readonly number[];
  /** The most steps there may be. */
  readonly iterations: readonly number[];
  /** Keep families that can fold from it: a barrier in the objective, and what is left smoothed at the end. Default true. */
  readonly unfold?: boolean;
  /** A step that brings less than this part of the value ends a level. Default 1e-4 (L-BFGS), 1e-3 (Gauss–Newton). */
  readonly relativeDecrease?: number;
}
/** Where the first level begins: a family's parameters on a grid, in mm (a network's prediction). */
export interface GeneralStart {
  /** What optimisers move and files keep. */
  readonly parameters: Parameters;
  /** Where the samples lie. */
  readonly grid: Grid;
}
/** A deformation with the parameters that make it, the objective's course and its folds. */
export interface GeneralResult {
  /** y, fixed points ↦ points that the linear map follows. */
  readonly transform: Transform;
  /** What optimisers move and files keep. */
  readonly parameters: Parameters;
  /** Where the samples lie. */
  readonly grid: Grid;
  /** The course of the metric, level by level. */
  readonly trace: readonly {
    /** The level's shrink factor. */
    readonly shrink: number;
    /** The metric or objective, step by step. */
    readonly values: readonly number[];
    /** Why it ended, in a sentence. */
    readonly reason: string;
  }[];
  /** Largest |v + u(q + v)| of the inverse in voxels of the fixed grid, and the share of voxels above a tenth; partners within the grid count. */
  readonly inversion: {
    /** The largest. */
    readonly largest: number;
    /** Which part of all, 0 to 1. */
    readonly share: number;
  };
  /** D alone at the end of the last level. */
  readonly likeness: number;
  /** Voxels that folded before the end's smoothing, and after it. */
  readonly folds?: {
    /** At the start. */
    readonly before: number;
    /** At the end. */
    readonly after: number;
  };
}

/** D(M ∘ A ∘ y(θ), F) + α S(y(θ)) on one level. */
class Level {
  readonly grid: Grid;
  readonly #turn: readonly number[];
  readonly #base: readonly number[];
  readonly #source: Tensor;
  readonly #inside: Tensor | undefined;
  readonly #metric: Metric;
  readonly #sGrid: Grid;
  readonly #landmarks: LandmarkDistance | undefined;
  /** What is freed with the level. */
  readonly #own: readonly unknown[];
  #model: Model | undefined;
  constructor(
    readonly fixed: Image,
    readonly moving: Image,
    readonly fixedMask: Tensor | undefined,
    movingMask: Tensor | undefined,
    map: DiffeoInput["map"],
    readonly imageMetric: ImageMetric,
    readonly o: GeneralOptions,
    readonly cubic: boolean,
    landmarks: LandmarkPairs | undefined,
  ) {
    const d = fixed.grid.size.length;
    this.grid = fixed.grid;
    this.#base = baseOf(betweenIndices(fixed.grid, map, moving.grid));
    this.#turn = multiply(physicalToIndex(moving.grid).matrix, map.matrix, d); // mm of y − p ↦ voxels of moving
    const kept = scope(() => {
      const affine = new AffineTransform(map);
      const ones = movingMask ?? Tensor.ones([1, ...tensorShape(moving.grid)]);
      const partly =
        movingMask !== undefined || scope(() => warp({ values: ones, grid: moving.grid }, affine, fixed.grid).values.min().item()) < 0.99;
      const near = warp(moving, affine, fixed.grid, { border: "clamp" });
      return keep({
        source: cubic ? bsplinePrefilter(moving.values) : moving.values,
        inside: partly ? ones : undefined,
        metric: imageMetric.prepare?.(fixed, near) ?? imageMetric,
      });
    });
    [this.#source, this.#inside, this.#metric] = [kept.source, kept.inside, kept.metric];
    this.#own = [kept.source, kept.inside].filter((t) => t !== undefined && t !== moving.values && t !== movingMask);
    this.#landmarks = landmarks && new LandmarkDistance(landmarks, map, fixed.grid);
    this.#sGrid = o.family.regularisationGrid?.(fixed.grid) ?? fixed.grid;
  }
  get #kind() {
    return this.cubic ? ("bspline" as const) : ("linear" as const);
  }
  /** Where moving is sampled, relative to the linear map: voxels of moving. */
  #field(u: Tensor): Tensor {
    return turnPlanes(u, this.#turn);
  }
  #masks(field: Tensor): Masks {
    const warped = this.#inside && warpField(this.#inside, stopGradient(field), { base: this.#base, border: "constant" });
    return { fixed: this.fixedMask, warped };
  }
  #data(field: Tensor): Tensor {
    const values = warpField(this.#source, field, { base: this.#base, border: "clamp", interpolation: this.#kind });
    return this.#metric.value({ values, grid: this.grid }, this.fixed, this.#masks(field));
  }
  #smoothness(p: Parameters, u: Tensor | undefined): Tensor | undefined {
    const { family, regulariser, alpha = 0 } = this.o;
    if (!regulariser || !(alpha > 0)) return undefined;
    const closed = family.closedForm?.(regulariser.name, p, this.grid);
    if (closed) return closed.mul(alpha);
    const on = this.#sGrid;
    const seen = family.regularised?.(p, this.grid, on) ?? (u && sameGrid(on, this.grid) ? u : family.displacement(p, this.grid, on));
    return regulariser.value(seen, on).mul(alpha);
  }
  #value(p: Parameters): Tensor {
    const u = this.o.family.displacement(p, this.grid);
    const data = this.#data(this.#field(u));
    const { family, unfold = true } = this.o;
    const terms = [
      this.#smoothness(p, u),
      this.#landmarks?.value(u),
      family.folds && unfold ? foldBarrier(u, this.grid) : undefined,
    ].filter((t) => t !== undefined);
    return terms.reduce((sum, t) => sum.add(t), data);
  }
  /** D alone. */
  likeness(p: Parameters): number {
    return scope(() => this.#data(this.#field(this.o.family.displacement(p, this.grid))).item());
  }
  objective(): Objective<Parameters> {
    return {
      value: (p) => this.#value(p),
      valueAndGrad: (p) => {
        const { value, gradients } = valueAndGrad((...leaves) => this.#value(withLeaves(p, leaves)))(...leavesOf(p));
        return { value: value.item(), gradient: withLeaves(p, gradients) };
      },
      ...(this.imageMetric.curvature && { hvp: (p: Parameters, d: Parameters) => this.#curvatureTimes(p, d) }),
    };
  }

  /** (Bᵀ ∇M h ∇Mᵀ B + α ∇²S) d, B = ∂y/∂θ: no image is sampled here, so that a product costs a fraction of an evaluation. */
  #curvatureTimes(p: Parameters, d: Parameters): Parameters {
    const m = this.#modelAt(p);
    return scope(() => {
      const { family, regulariser, alpha = 0 } = this.o;
      const along = vjp((...leaves) => family.displacement(withLeaves(p, leaves), this.grid), ...leavesOf(d));
      // For families that are linear in θ this is B d itself.
      const moved = along.value;
      const seen = m.slope.mul(m.slope.mul(moved).sum([0], true).mul(m.weight));
      const weighted = this.#landmarks ? seen.add(this.#landmarks.curvatureTimes(moved)) : seen;
      let out = along.pull(weighted);
      if (regulariser && alpha > 0) {
        const smooth = valueAndGrad((...leaves) => this.#smoothness(withLeaves(p, leaves), undefined) as Tensor)(...leavesOf(d));
        out = out.map((g, i) => g.add(smooth.gradients[i]));
      }
      return withLeaves(d, out);
    });
  }
  /** ∇(M ∘ y) in mm of the fixed side and the metric's curvature at θ. */
  #modelAt(p: Parameters): Model {
    const leaf = leavesOf(p)[0];
    if (this.#model?.at === leaf) return this.#model;
    this.free();
    const made = scope(() => {
      const field = this.#field(this.o.family.displacement(p, this.grid));
      const { value, gradient } = warpFieldWithGradient(this.#source, field, {
        base: this.#base,
        border: "clamp",
        interpolation: this.#kind,
      });
      const h = this.imageMetric.curvature?.({ values: value, grid: this.grid }, this.fixed, this.#masks(field)) as Tensor;
      const size = tensorShape(this.grid);
      const d = size.length;
      const across = this.#turn.map((_, k) => this.#turn[(k % d) * d + Math.floor(k / d)]);
      return { slope: turnPlanes(gradient.reshape(d, ...size), across), weight: h.reshape(1, ...size) };
    });
    this.#model = { at: leaf, slope: keep(made.slope), weight: keep(made.weight) };
    return this.#model;
  }
  free(): void {
    if (this.#model) dispose(this.#model.slope, this.#model.weight);
    this.#model = undefined;
  }
  end(): void {
    this.free();
    dispose(this.#own);
  }
}
interface Model {
  readonly at: Tensor;
  readonly slope: Tensor;
  readonly weight: Tensor;
}

const gradientAt = (objective: Objective<Parameters>, p: Parameters): Parameters => evaluate(objective, p).gradient;

type Method = Iteration<Objective<Parameters>, Parameters, State<Parameters>>;
/** The method of a name, with first moves that suit millimetres on a grid. */
function methodOf(o: GeneralOptions, grid: Grid, curved: boolean, longest: () => number): Method {
  const { optimiser = "lbfgs", family } = o;
  const mm = Math.min(...grid.spacing);
  const preconditioner =
    family.precondition && ((g: Parameters) => (family.precondition as NonNullable<typeof family.precondition>)(g, grid));
  const relativeDecrease = o.relativeDecrease;
  switch (optimiser) {
    case "lbfgs":
      return lbfgs<Parameters>({
        firstMove: 0.5 * mm,
        preconditioner,
        relativeDecrease: relativeDecrease ?? (preconditioner ? 2e-5 : 1e-4),
      }) as Method;
    case "gaussNewton":
      if (!curved)
        throw new ArgumentError("register: gaussNewton needs a metric of squares: ssd, ncc or lncc, one channel; use lbfgs", { optimiser });
      return newton<Parameters>({
        cgIterations: 30,
        cgResidual: 0.1,
        preconditioner,
        relativeDecrease: relativeDecrease ?? 1e-3,
      }) as Method;
    case "gradientDescent":
      return gradientDescent<Parameters>({ preconditioner, relativeDecrease: relativeDecrease ?? 1e-5 }) as Method;
    case "momentum":
      return momentum<Parameters>({
        step: (0.05 * mm) / longest(),
        preconditioner,
        relativeDecrease: relativeDecrease ?? 0,
      }) as unknown as Method;
    case "adam":
      return adam<Parameters>({ step: 0.1 * mm, relativeDecrease: relativeDecrease ?? 0 }) as unknown as Method;
  }
}

/**
 * min over θ  D(M ∘ A ∘ y(θ), F) + α S(y(θ))  from coarse to fine, A the linear map found before; each level starts at the last one's θ.
 * Metric, family, regulariser and method are the caller's.
 */
export async function alignGeneral(
  input: DiffeoInput,
  metric: ImageMetric,
  o: GeneralOptions,
  run: LevelRun,
  spaces: { readonly from: Space; readonly to: Space },
  begin?: GeneralStart,
): Promise<GeneralResult> {
  const base = baseSpacing(input.fixed.grid);
  let earlier: GeneralStart | undefined = begin;
  const trace: GeneralResult["trace"][number][] = [];
  let likeness = Number.NaN;
  for (const [k, shrink] of o.shrinks.entries()) {
    const at = (im: Image) => atSpacing(im, shrink * base);
    const masked = (values: Tensor | undefined, im: Image) => values && at({ values, grid: im.grid }).values;
    const images = scope(() => ({
      fixed: at(input.fixed),
      moving: at(input.moving),
      fixedMask: masked(input.fixedMask, input.fixed),
      movingMask: masked(input.movingMask, input.moving),
    }));
    const { fixed, moving, fixedMask, movingMask } = images;
    const from = earlier;
    const start = scope(() => o.family.start(fixed.grid, from));
    let level: Level | undefined;
    try {
      level = new Level(fixed, moving, fixedMask, movingMask, input.map, metric, o, false, input.landmarks);
      const objective = level.objective();
      const longest = () =>
        scope(() => largestOf(o.family.precondition?.(gradientAt(objective, start), fixed.grid) ?? gradientAt(objective, start)));
      const method = methodOf(o, fixed.grid, metric.curvature !== undefined && fixed.values.shape[0] === 1, longest);
      const result = await iterate(method, objective, start, { ...run, iterations: o.iterations[k], level: run.level + k });
      if (from && from !== begin) dispose(from.parameters);
      earlier = { parameters: mapLeaves((t) => keep(t), result.x), grid: fixed.grid };
      likeness = level.likeness(result.x);
      trace.push({ shrink, values: result.history, reason: result.reason });
      if (leavesOf(result.x)[0] !== leavesOf(start)[0]) dispose(start);
    } finally {
      level?.end();
      const mine = [input.fixed.values, input.moving.values, input.fixedMask, input.movingMask];
      for (const t of [fixed.values, moving.values, fixedMask, movingMask]) if (t && !mine.includes(t)) dispose(t);
    }
  }
  const { grid } = earlier as NonNullable<typeof earlier>;
  let { parameters } = earlier as NonNullable<typeof earlier>;
  let folds: GeneralResult["folds"];
  if (o.family.folds && (o.unfold ?? true)) {
    const flat = unfolded(o.family, parameters, grid, input.fixed.grid);
    if (flat.parameters !== parameters) dispose(parameters);
    parameters = flat.parameters;
    folds = { before: flat.folded, after: flat.left };
  }
  const transform = o.family.transform(parameters, grid, spaces.from, spaces.to);
  return { transform, parameters, grid, trace, inversion: inversionOf(transform, input.fixed.grid), likeness, folds };
}

/** How far y⁻¹ then y is from the identity, in voxels of a grid, over the samples whose partner lies within it. */
export function inversionOf(y: Transform, grid: Grid): { readonly largest: number; readonly share: number } {
  return scope(() => {
    const { matrix } = physicalToIndex(grid);
    const size = tensorShape(grid);
    // Each step lets go of what it made: fields of the fixed grid are what a run holds at most when its levels were coarse.
    const v = scope(() => y.inverse().displacement(grid));
    const sum = scope(() => {
      const u = y.displacementAt?.(grid, v);
      return u && v.add(u);
    });
    if (!sum) return { largest: Number.NaN, share: Number.NaN };
    const inside = scope(() =>
      warpField(Tensor.ones([1, ...size]), turnPlanes(v, matrix), { border: "constant" })
        .greater(0.999)
        .cast("f32"),
    );
    const voxels = scope(() => turnPlanes(sum, matrix));
    dispose(sum);
    const left = scope(() => voxels.mul(inside));
    dispose(voxels, inside);
    const over = scope(() => left.square().sum([0]).greater(0.01).sum().item());
    return { largest: longestVector(engine(), left.pointer, size), share: over / voxelsOf(grid) };
  });
}
