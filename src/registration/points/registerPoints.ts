import { AbortedError, ArgumentError } from "../../core/errors.js";
import { type AffineMap, type Grid, grid as gridOf } from "../../image/grid.js";
import { identity } from "../../image/matrix.js";
import { keep, Tensor } from "../../tensor/index.js";
import {
  type AffineModel,
  AffineTransform,
  affineModels,
  CompositeTransform,
  DisplacementTransform,
  fixedSpace,
  invertDisplacement,
  movingSpace,
  ThinPlateSplineTransform,
  type Transform,
} from "../../transforms/index.js";
import { propagateBeliefs } from "./beliefs.js";
import { axesStarts, balanced, centred, drift, flow, moments } from "./drift.js";
import { KernelField } from "./kernelField.js";
import { spread } from "./neighbours.js";
import { alignPairs, mapOfPairs, requirePairs } from "./pairs.js";
import { type Cloud, centroid, cloudOf, mapped, type PointsLike, radius } from "./pointSet.js";

/** What may be found between two sets of points: linear models, or a deformation. */
export const pointModels = [...affineModels, "deformable"] as const;
/** A name in `pointModels`. */
export type PointModel = (typeof pointModels)[number];
/** How partners of points are found: by passing beliefs among neighbours, or as a mixture that drifts. */
export const pointMethods = ["beliefs", "drift"] as const;
/** A name in `pointMethods`. */
export type PointMethod = (typeof pointMethods)[number];

/** Model and method of a registration of points, and what is known of outliers. */
export interface RegisterPointsOptions {
  /** Default: rigid for pairs, deformable for clouds. */
  readonly model?: PointModel;
  /** Row i of one set belongs to row i of the other. Default false: partners are found. */
  readonly paired?: boolean;
  /** Deformable clouds: beliefs (default) finds partners by what neighbours agree on, then drifts; drift is annealed non-rigid drift alone. */
  readonly method?: PointMethod;
  /** How stiff the spline through pairs is (paired, deformable); 0 (default) goes through the landmarks: see ThinPlateSplineTransform. */
  readonly lambda?: number;
  /** How much each pair counts (paired, linear models). */
  readonly weights?: ArrayLike<number>;
  /** Share of moving points expected to have no partner, for linear models; 0 … 1. Default 0.1. */
  readonly outliers?: number;
  /** Width β of the deformation's kernel, mm. Default 2.3 times the spacing of the points. */
  readonly smoothnessMm?: number;
  /** How far partners may be after the first alignment, mm (method beliefs). Default 2.3 times the spacing of the points. */
  readonly reachMm?: number;
  /** Where to start: fixed ↦ moving. Default: by the clouds' moments. */
  readonly init?: AffineTransform;
  /** Ends the work early, with an AbortedError. */
  readonly signal?: AbortSignal;
  /** Told where the work stands, step by step. */
  readonly onProgress?: (p: {
    /** The level, coarse to fine. */
    readonly level: number;
    readonly levels: number;
    readonly iteration: number;
    readonly iterations: number;
    readonly value?: number;
  }) => void;
}
/** A transform between two sets of points with who belongs to whom, and how it ended. */
export interface RegisterPointsResult {
  /** Fixed points ↦ moving points; `inverse()` is at hand. */
  readonly transform: Transform;
  /** Whether to trust the result; `reason` says why. */
  readonly status: "ok" | "suspect";
  /** One sentence. */
  readonly reason: string;
  /** What may be estimated, or the network. */
  readonly model: PointModel;
  /** What was done, in one line. */
  readonly plan: string;
  /** The fixed points in moving space. */
  readonly warped: Cloud;
  /** Share of the smaller set that has a partner: 1 for pairs. */
  readonly matched: number;
  /** Root mean square distance of partners before and after, mm. */
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
}

/**
 * Align two point sets: y with y(fixed) ≈ moving.
 *
 * Pairs: the closed form of the model (`alignPairs`); deformable: the thin-plate spline through them.
 * Clouds: coherent point drift for linear models, from the best of several starts (centroids, principal axes); deformable: moments, then belief
 * propagation over near neighbours (`propagateBeliefs`), then drift with falling deviation (`flow`).
 * The result does not depend on the order of the points (but for rounding).
 * @throws ArgumentError for unknown names, unequal dimensions or counts of pairs, too few points, coordinates that are not finite
 * @throws AbortedError when `signal` fires
 */
export function registerPoints(fixed: PointsLike, moving: PointsLike, options: RegisterPointsOptions = {}): RegisterPointsResult {
  const { paired = false, model = paired ? "rigid" : "deformable", method = "beliefs", outliers = 0.1 } = options;
  if (!pointModels.includes(model))
    throw new ArgumentError(`registerPoints: no model ${model}; expected one of ${pointModels.join(", ")}`, { model });
  if (!pointMethods.includes(method))
    throw new ArgumentError(`registerPoints: no method ${method}; expected one of ${pointMethods.join(", ")}`, { method });
  if (!(outliers >= 0 && outliers < 1))
    throw new ArgumentError(`registerPoints: outliers is ${outliers}; a share from 0 up to, but not, 1 was expected`, { outliers });
  const f = cloudOf("registerPoints: fixed", fixed, 3);
  const m = cloudOf("registerPoints: moving", moving, 3);
  if (f.dimension !== m.dimension)
    throw new ArgumentError(
      `registerPoints: fixed points are ${f.dimension}-D and moving points ${m.dimension}-D; both must be the same`,
      {},
    );
  if (paired) return ofPairs(f, m, model, options);
  for (const [name, c] of [
    ["fixed", f],
    ["moving", m],
  ] as const)
    if (!(radius(c, centroid(c)) > 0))
      throw new ArgumentError(`registerPoints: all ${name} points are on one spot; give points apart from each other`, {});
  return model === "deformable" ? deformable(f, m, method, options) : linear(f, m, model, { ...options, outliers });
}

const check = (signal: AbortSignal | undefined) => () => {
  if (signal?.aborted) throw new AbortedError("registerPoints: stopped", {});
};

function ofPairs(f: Cloud, m: Cloud, model: PointModel, options: RegisterPointsOptions): RegisterPointsResult {
  requirePairs("registerPoints", f, m);
  let transform: Transform;
  if (model === "deformable")
    transform = new ThinPlateSplineTransform({
      fixed: Tensor.from(f.points, [f.count, f.dimension]),
      moving: Tensor.from(m.points, [m.count, m.dimension]),
      lambda: options.lambda,
    });
  else transform = alignPairs(f, m, { model, weights: options.weights });
  const warped = warpedBy(transform, f);
  const [before, after] = [rms(f.points, m.points, f.dimension), rms(warped.points, m.points, f.dimension)];
  return {
    transform,
    status: "ok",
    reason: `${f.count} pairs, left apart by ${show(after)} mm (root mean square)`,
    model,
    plan: `${f.count} pairs, ${model}: ${model === "deformable" ? "thin-plate spline" : "least squares in closed form"}`,
    warped,
    matched: 1,
    before,
    after,
    trace: [{ level: model, values: [before, after] }],
  };
}

/** Clouds of more points are thinned while partners are searched: the cost grows with the product. */
const enough = 1500;

function linear(f: Cloud, m: Cloud, model: AffineModel, options: RegisterPointsOptions): RegisterPointsResult {
  const signal = check(options.signal);
  const [few, fewMoving] = [spread(f, 400), spread(m, 400)];
  const simple = model === "similarity" || model === "affine" ? "similarity" : model;
  const starts = options.init ? [options.init.map] : [centred(f, m), ...(model === "translation" ? [] : axesStarts(f, m))];
  // One start is tried in the same way as any other: on few points, with the simplest of maps, to the end.
  const tries = starts.map((start) => drift(few, fewMoving, simple, { start, outliers: options.outliers, iterations: 60, signal }));
  const best = tries.reduce((a, b) => (b.values[b.values.length - 1] < a.values[a.values.length - 1] - 1e-9 ? b : a));
  const end = drift(spread(f, enough), spread(m, enough), model, {
    start: best.map,
    sigma: Math.max(2 * best.sigma, spacingOf(m) / 2),
    outliers: options.outliers,
    signal,
  });
  const transform = new AffineTransform(end.map, fixedSpace(), movingSpace(), model);
  const level = `${model} drift`;
  return finish(
    f,
    m,
    transform,
    model,
    `${model}: coherent point drift from the best of ${starts.length} starts`,
    [{ level, values: end.values }],
    0.11 * spacingOf(m),
  );
}

function deformable(f: Cloud, m: Cloud, method: PointMethod, options: RegisterPointsOptions): RegisterPointsResult {
  const signal = check(options.signal);
  const [x, target] = [spread(f, enough), spread(m, enough)];
  let map: AffineMap =
    options.init?.map ?? (method === "drift" ? drift(x, target, "affine", { start: moments(x, target), signal }).map : moments(x, target));
  let base = mapped(x, map);
  const h = spacingOf(target);
  const beta = options.smoothnessMm ?? 2.3 * h;
  const reach = options.reachMm ?? 2.3 * h;
  let field = KernelField.on(base, beta);
  const trace: { level: string; values: readonly number[] }[] = [];
  const levels = method === "beliefs" ? 4 : 1;
  const say = (level: number, value?: number) => options.onProgress?.({ level, levels, iteration: 1, iterations: 1, value });
  let c = field.zero;
  let from = h;
  if (method === "beliefs") {
    // A stiff field first: partners that are wrong in one corner must not bend it.
    for (const [k, [part, candidates, bend]] of (
      [
        [1, 50, 5],
        [0.8, 35, 1],
        [0.6, 25, 1],
      ] as const
    ).entries()) {
      signal();
      const u = field.values(c);
      const now = { ...base, points: base.points.map((v, i) => v + u[i]) };
      const { displacement, weight } = propagateBeliefs(base, now, target, {
        reach: part * reach,
        candidates,
        neighbours: 12,
        slack: 0.18 * h,
        stretch: 0.3,
        iterations: 20,
      });
      const partner = now.points.map((v, i) => v + displacement[i]);
      // The partners know the linear part better than moments do, and bumps that vanish far away cannot make up for it.
      if (k === 0 && sum(weight) > 10 * (x.dimension + 1)) {
        map = mapOfPairs(x, { ...x, points: partner }, "affine", weight);
        base = mapped(x, map);
        field = KernelField.on(base, beta);
      }
      c = field.fit(
        partner.map((v, i) => v - base.points[i]),
        weight,
        bend,
      );
      trace.push({ level: `beliefs within ${show(part * reach)} mm`, values: [weight.reduce((s, w) => s + 1 - w, 0) / weight.length] });
      say(k);
    }
    from = 0.36 * h;
  }
  const end = flow(field, base, target, c, { from, to: 0.11 * h, lambda: 12 / (h * h), signal });
  trace.push({ level: "drift", values: end.values });
  say(levels - 1, end.values[end.values.length - 1]);
  const transform = withField(map, field, end.coefficients, m);
  return finish(
    f,
    m,
    transform,
    "deformable",
    `deformable: moments, ${method === "beliefs" ? "beliefs of neighbours, drift" : "affine and non-rigid drift"}; kernel of ${show(beta)} mm`,
    trace,
    0.11 * h,
  );
}

/** The side of the cube (square) that a point has to itself, were they spread evenly over a box of their deviations. */
export function spacingOf(cloud: Cloud): number {
  const d = cloud.dimension;
  const c = centroid(cloud);
  const size = radius(cloud, c);
  let v = 1;
  for (let a = 0; a < d; a++) {
    let s = 0;
    for (let i = 0; i < cloud.count; i++) s += (cloud.points[i * d + a] - c[a]) ** 2;
    v *= Math.max(Math.sqrt((12 * s) / cloud.count), 0.05 * size);
  }
  return (v / cloud.count) ** (1 / d);
}

/** The linear map, then the field sampled on a lattice around the mapped points and the moving ones, with both directions. */
function withField(map: AffineMap, field: KernelField, c: Float64Array, moving: Cloud): Transform {
  const d = moving.dimension;
  const low = new Array<number>(d).fill(Number.POSITIVE_INFINITY);
  const high = new Array<number>(d).fill(Number.NEGATIVE_INFINITY);
  for (const { points, count } of [field.points, moving])
    for (let i = 0; i < count; i++)
      for (let a = 0; a < d; a++) {
        low[a] = Math.min(low[a], points[i * d + a]);
        high[a] = Math.max(high[a], points[i * d + a]);
      }
  // A fifth of β: linear interpolation of a Gaussian is then within 0.5 % of its height. Beyond 2.5 β less than 5 % of a kernel is left.
  const margin = 2.5 * field.beta;
  let spacing = field.beta / 5;
  const extent = high.map((v, a) => v - low[a] + 2 * margin);
  const most = 2e6; // samples
  const samples = extent.reduce((s, v) => s * (v / spacing + 1), 1);
  if (samples > most) spacing *= (samples / most) ** (1 / d);
  const size = extent.map((v) => Math.ceil(v / spacing) + 1);
  const origin = low.map((v) => v - margin);
  const lattice: Grid = gridOf({ size, spacing: new Array<number>(d).fill(spacing), origin, direction: identity(d) });
  const planes = field.planes(c, origin, spacing, size);
  const tensor = keep(Tensor.from(planes, [d, ...[...size].reverse()], "f32"));
  const aligned = { name: "fixed, aligned linearly" };
  const back = keep(invertDisplacement(new DisplacementTransform(tensor, lattice)).field);
  return new CompositeTransform([
    new AffineTransform(map, fixedSpace(), aligned, "affine"),
    new DisplacementTransform(tensor, lattice, aligned, movingSpace(), { field: back, grid: lattice }),
  ]);
}

export const warpedBy = (t: Transform, c: Cloud): Cloud => ({
  ...c,
  points: Float64Array.from(t.apply(Tensor.from(c.points, [c.count, c.dimension])).data),
});

function finish(
  f: Cloud,
  m: Cloud,
  transform: Transform,
  model: PointModel,
  plan: string,
  trace: RegisterPointsResult["trace"],
  tolerance: number,
): RegisterPointsResult {
  const d = f.dimension;
  const warped = warpedBy(transform, f);
  const { partner, weight } = balanced(warped, m, tolerance, 0.2);
  let total = 0;
  let s = 0;
  let s0 = 0;
  for (let i = 0; i < f.count; i++) {
    total += weight[i];
    for (let a = 0; a < d; a++) {
      s += weight[i] * (partner[i * d + a] - warped.points[i * d + a]) ** 2;
      s0 += weight[i] * (partner[i * d + a] - f.points[i * d + a]) ** 2;
    }
  }
  const matched = Math.min(1, total / Math.min(f.count, m.count));
  const [before, after] = total > 0 ? [Math.sqrt(s0 / total), Math.sqrt(s / total)] : [Number.NaN, Number.NaN];
  const ok = matched >= 0.25;
  return {
    transform,
    status: ok ? "ok" : "suspect",
    reason: ok
      ? `${Math.round(100 * matched)} % of the points have a partner`
      : `only ${Math.round(100 * matched)} % of the points have a partner; try another model or a start (init)`,
    model,
    plan,
    warped,
    matched,
    before,
    after,
    trace,
  };
}

const rms = (a: Float64Array, b: Float64Array, d: number) => Math.sqrt(a.reduce((s, v, i) => s + (v - b[i]) ** 2, 0) / (a.length / d));
const sum = (x: Float64Array) => x.reduce((s, v) => s + v, 0);
const show = (v: number) => `${+v.toPrecision(3)}`;
