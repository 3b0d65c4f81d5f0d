import { solvePositive } from "../core/cholesky.js";
import { ArgumentError } from "../core/errors.js";
import type { Iteration, Masks, Metric, NormalEquations, Objective } from "../core/interfaces.js";
import { iterate } from "../core/iterate.js";
import { type AffineMap, betweenIndices, tensorShape, voxelsOf } from "../image/grid.js";
import { type AffineSystem, affineSystem } from "../kernels/affineSystem.js";
import { engine } from "../kernels/engine.js";
import { fieldMoments } from "../kernels/planes.js";
import { sample, sampleGradient } from "../kernels/sampling.js";
import type { ImageMetric } from "../metrics/index.js";
import { adam, gradientDescent, lbfgs, momentum } from "../optimisers/index.js";
import { dispose, keep, scope, Tensor, valueAndGrad } from "../tensor/index.js";
import type { AffineModel } from "../transforms/affine.js";
import { baseOf } from "../transforms/warp.js";
import { alignDescribed } from "./described.js";
import { alignCompositional, alignInverse, type Formulation } from "./formulations.js";
import { byInformation, LinearInformation, latticeOf } from "./informationLinear.js";
import { coefficientsOf, type LevelRun, LinearFamily, type LinearLevel, type LinearResult, secondOrder } from "./linearFamily.js";
import { onTurnedLattice } from "./turnedLattice.js";

export type { LevelRun, LinearLevel, LinearResult } from "./linearFamily.js";

/** Methods for linear models: the first two need a metric with a least-squares form, the others only its slope. */
export const linearOptimisers = ["levenbergMarquardt", "gaussNewton", "lbfgs", "gradientDescent", "momentum", "adam"] as const;
/** A name in `linearOptimisers`. */
export type LinearOptimiser = (typeof linearOptimisers)[number];
/** How a linear model is estimated; what is left out is chosen by the metric. */
export interface LinearMethod {
  /** Over which image the sum goes, and where the step is taken. */
  readonly formulation?: Formulation;
  /** How the minimum is found. */
  readonly optimiser?: LinearOptimiser;
  /** About how many voxels the steps of a least-squares form look at; the last step takes all. */
  readonly samples?: number;
}

/**
 * A linear map of one model that minimises a metric on one level, from a start.  y = Δ(θ) ∘ start, Δ about the start's image of the fixed grid's
 * middle; rotations and the like are measured in the millimetres that they move a point at the radius of the image, so that all parameters are alike.
 * Metrics with a least-squares form go by Levenberg–Marquardt with the normal equations of one fused pass (gain and offset beside θ for "ncc");
 * metrics with features by the same means on descriptions of the images (`alignDescribed`); any other by L-BFGS with its slope on the warped values, pulled back to θ. `method` chooses another formulation (see `formulations`) or optimiser.
 * @throws ArgumentError when the metric does not have what the method needs
 */
export async function alignLinear(
  level: LinearLevel,
  model: AffineModel,
  start: AffineMap,
  metric: ImageMetric,
  cubic: boolean,
  run: LevelRun,
  { formulation = "forward", optimiser, samples }: LinearMethod = {},
): Promise<LinearResult> {
  const family = new LinearFamily(level, model, start);
  const squares =
    !level.movingMask && (level.fixed.values.shape[0] === 1 || (metric.leastSquares === "ssd" && formulation === "forward"))
      ? metric.leastSquares
      : undefined;
  const second = optimiser === undefined || optimiser === "levenbergMarquardt" || optimiser === "gaussNewton";
  const asked = formulation !== "forward" ? `the ${formulation} formulation` : optimiser !== undefined && second ? optimiser : undefined;
  // Descriptions move by steps of their own, which know no landmarks: these go by the slope.
  if (metric.features && !level.landmarks && formulation === "forward" && second)
    return alignDescribed(
      level,
      start,
      metric,
      (images, from) => leastSquares(images, new LinearFamily(images, model, from), "ssd", cubic, run, optimiser === "gaussNewton"),
      (images) => {
        const mine = [images.fixed.values, images.moving.values, images.fixedMask];
        dispose(mine.filter((t) => t && t !== level.fixed.values && t !== level.moving.values && t !== level.fixedMask));
      },
    );
  if (level.landmarks && formulation !== "forward")
    throw new ArgumentError(`register: landmarks go with the forward formulation; leave ${formulation} out`, { formulation });
  if (asked && !squares)
    throw new ArgumentError(
      `register: ${asked} needs a least-squares form: the metric ssd or ncc, one channel and no moving mask; ${metric.name} and these images do not have it`,
      { metric: metric.name },
    );
  if (formulation !== "forward" && !second)
    throw new ArgumentError(`register: ${asked} goes by Gauss–Newton steps; leave the optimiser ${optimiser} out`, { optimiser });
  if (squares && formulation === "inverse") return alignInverse(level, family, squares, cubic, run, optimiser === "gaussNewton");
  if (squares && formulation === "inverseCompositional") return alignCompositional(level, model, start, squares, cubic, run);
  if (metric.information && optimiser === undefined && !level.landmarks && LinearInformation.suits(level)) {
    // Volumes have more samples, and are not shifted by whole voxels: the lattice they have will do.
    const turned = cubic && level.fixed.grid.size.length === 2 ? onTurnedLattice(level) : undefined;
    const coefficients = cubic ? keep(coefficientsOf(level.moving.values)) : undefined;
    try {
      const own = turned?.level ?? level;
      return await byInformation(own, turned ? new LinearFamily(own, model, start) : family, metric.information, coefficients, run);
    } finally {
      if (coefficients) dispose(coefficients);
      turned?.free();
    }
  }
  return squares && second
    ? leastSquares(level, family, squares, cubic, run, optimiser === "gaussNewton", samples)
    : bySlope(level, family, metric.prepare?.(level.fixed, level.moving) ?? metric, cubic, run, second ? "lbfgs" : optimiser);
}

const added = (a: AffineSystem, b: AffineSystem): AffineSystem => {
  const sum = (x: ArrayLike<number>, y: ArrayLike<number>) => Float64Array.from(x, (v, i) => v + y[i]);
  return {
    ...a,
    weight: a.weight + b.weight,
    rr: a.rr + b.rr,
    jtr: sum(a.jtr, b.jtr),
    jtj: sum(a.jtj, b.jtj),
  };
};

async function leastSquares(
  level: LinearLevel,
  family: LinearFamily,
  kind: "ssd" | "ncc",
  cubic: boolean,
  run: LevelRun,
  undamped: boolean,
  samples?: number,
): Promise<LinearResult> {
  const { fixed, moving, fixedMask } = level;
  const source = cubic ? coefficientsOf(moving.values) : moving.values;
  const [size, movingSize] = [tensorShape(fixed.grid), tensorShape(moving.grid)];
  const all = size.map(() => 1);
  const free = kind === "ncc" ? 2 : 0;
  // Iterations need the way, not every voxel: they go on a lattice, and one Gauss–Newton step with all voxels ends them where all would have.
  const lattice = latticeOf(fixed.grid.size, fixed.grid.spacing, samples);
  const thinned = lattice.some((s) => s > 1);
  const systemAt = (theta: ArrayLike<number>, gain: number, offset: number, step = lattice) => {
    const affine = family.entries(theta);
    const interpolation = cubic ? "cubic" : "linear";
    const [n, m] = [voxelsOf(fixed.grid), voxelsOf(moving.grid)];
    // One channel after another; what several share is the map alone.
    const parts = Array.from({ length: fixed.values.shape[0] }, (_, c) =>
      affineSystem(engine(), fixed.values.pointer + 4 * n * c, size, fixedMask?.pointer ?? 0, source.pointer + 4 * m * c, movingSize, {
        interpolation,
        affine,
        gain,
        offset,
        step,
      }),
    );
    return parts.length === 1 ? parts[0] : parts.reduce(added);
  };
  const zero = new Float64Array(family.count);
  const first = systemAt(zero, 1, 0);
  const variance = first.mm - (first.m * first.m) / Math.max(1e-9, first.weight);
  const gain = kind === "ncc" && variance > 0 ? (first.mf - (first.m * first.f) / first.weight) / variance : 1;
  const offset = kind === "ncc" ? (first.f - gain * first.m) / Math.max(1e-9, first.weight) : 0;
  const share = lattice.reduce((n, s, k) => n * Math.ceil(fixed.grid.size[k] / s), 1) / voxelsOf(fixed.grid);
  const normal = (x: Tensor, whole = false): NormalEquations => {
    const theta = x.data;
    const s = systemAt(theta, free ? theta[family.count] : 1, free ? theta[family.count + 1] : 0, whole ? all : lattice);
    const slopes = family.slopes(theta);
    const n = family.count + free;
    const N = Math.round(Math.sqrt(s.jtj.length));
    // Rows of the chain: θ through the entries, gain and offset as they are.
    const chain = Array.from({ length: n }, (_, k) =>
      k < family.count ? [...slopes[k], 0, 0] : Array.from({ length: N }, (_, i) => (i === N - 2 + k - family.count ? 1 : 0)),
    );
    const scale = 1 / Math.max(s.weight, 1e-9);
    const gradient = chain.map((row) => scale * row.reduce((a, v, i) => a + v * s.jtr[i], 0));
    const half = chain.map((row) => Array.from({ length: N }, (_, j) => row.reduce((a, v, i) => a + v * s.jtj[i * N + j], 0)));
    const hessian = half.flatMap((row) => chain.map((other) => scale * row.reduce((a, v, j) => a + v * other[j], 0)));
    const marks = family.landmarks(theta);
    if (marks)
      for (let k = 0; k < family.count; k++) {
        gradient[k] += marks.gradient[k];
        for (let j = 0; j < family.count; j++) hessian[k * n + j] += marks.hessian[k * family.count + j];
      }
    // A mean over what overlaps. Sliding out of each other must not pay, so less than half of the first overlap is no candidate.
    return {
      value: s.weight * (whole ? share : 1) > 0.5 * first.weight ? 0.5 * scale * s.rr + (marks?.value ?? 0) : Number.POSITIVE_INFINITY,
      gradient,
      hessian,
    };
  };
  const x0 = Tensor.from(Float64Array.from([...zero, ...(free ? [gain, offset] : [])]), [family.count + free]);
  try {
    const result = await iterate(secondOrder(undamped), { normal: (x: Tensor) => normal(x) }, x0, run);
    const found = { map: family.physical(result.x.data), value: result.value ?? Number.NaN, values: result.history, reason: result.reason };
    if (!thinned) return found;
    const { value, gradient, hessian } = normal(result.x, true);
    const step = Number.isFinite(value) ? solvePositive(hessian, gradient) : undefined;
    // Further than a voxel: what is left out by the lattice decides, and no one step of theirs is to be trusted.
    const far = Math.min(...fixed.grid.spacing);
    if (!step?.every((v, k) => (k < family.count ? Math.abs(v) <= far : Number.isFinite(v)))) return found;
    return { ...found, value, map: family.physical(Float64Array.from(result.x.data, (v, k) => v - step[k])) };
  } finally {
    dispose(x0);
    if (cubic) dispose(source);
  }
}

async function bySlope(
  level: LinearLevel,
  family: LinearFamily,
  metric: Metric,
  cubic: boolean,
  run: LevelRun,
  optimiser: LinearOptimiser,
): Promise<LinearResult> {
  const { fixed, moving } = level;
  const source = keep(cubic ? coefficientsOf(moving.values) : moving.values);
  const valueAndGradient = (x: Tensor) => {
    const found = slopeAt(level, family.entries(x.data), metric, cubic ? source : undefined);
    const slopes = family.slopes(x.data);
    const marks = family.landmarks(x.data);
    return {
      value: found.value + (marks?.value ?? 0),
      gradient: Tensor.from(
        Float64Array.from(slopes, (row, k) => row.reduce((s, v, i) => s + v * found.entries[i], marks?.gradient[k] ?? 0)),
        [family.count],
      ),
    };
  };
  const objective = { value: (x: Tensor) => Tensor.scalar(valueAndGradient(x).value, "f64"), valueAndGrad: valueAndGradient };
  const x0 = Tensor.zeros([family.count], "f64");
  const method = (move: number): Iteration<Objective<Tensor>, Tensor> => {
    const first = move * Math.min(...fixed.grid.spacing);
    const criteria = { relativeDecrease: 1e-6, stepNorm: 1e-4 };
    if (optimiser === "lbfgs") return lbfgs<Tensor>({ firstMove: first, ...criteria });
    if (optimiser === "adam") return adam<Tensor>({ step: (k) => (0.2 * first) / (1 + k / 50), ...criteria, relativeDecrease: 0 });
    // The first step moves the parameter that moves most by `first`; an inner product of θ has no better scale.
    const g = scope(() => Math.max(...Array.from(valueAndGradient(x0).gradient.data, Math.abs)));
    const step = first / Math.max(g, 1e-300);
    return optimiser === "momentum"
      ? momentum<Tensor>({ step: 0.1 * step, momentum: 0.9, ...criteria, relativeDecrease: 0 })
      : gradientDescent<Tensor>({ firstStep: step, ...criteria });
  };
  const patient = optimiser === "lbfgs" ? run : { ...run, iterations: 5 * run.iterations }; // first order: many cheap steps
  try {
    // Interpolation makes the objective a little rough, and a curvature learnt across a kink ends a run early: begin anew, with shorter first moves, while that helps.
    // Not with cubic samples on the finest level: they are smooth, and dear.
    let result = await iterate(method(0.5), objective, x0, patient);
    const values = [...result.history];
    for (const move of cubic || optimiser !== "lbfgs" ? [] : [0.1, 0.02]) {
      const before = result.value ?? Number.NaN;
      const next = await iterate(method(move), objective, result.x, run);
      values.push(...next.history.slice(1));
      dispose(result.x);
      result = next;
      if (!(before - (next.value ?? before) > 1e-5 * Math.abs(before))) break;
    }
    return { map: family.physical(result.x.data), value: result.value ?? Number.NaN, values, reason: result.reason };
  } finally {
    dispose(x0);
    if (cubic) dispose(source);
  }
}

/** The metric under one map between voxels, and its derivative with respect to the map's entries [A | b]. */
function slopeAt(
  level: LinearLevel,
  entries: readonly number[],
  metric: Metric,
  coefficients: Tensor | undefined,
): { value: number; entries: Float64Array } {
  return scope(() => {
    const e = engine();
    const { fixed, moving } = level;
    const [channels, ...movingSize] = moving.values.shape;
    const size = tensorShape(fixed.grid);
    const positions = { size, base: entries };
    const image = { at: (coefficients ?? moving.values).pointer, channels, size: movingSize };
    const kind = coefficients ? "cubic" : "linear";
    const warped = Tensor.uninitialised([channels, ...size]);
    const inside = Tensor.uninitialised([1, ...size]);
    sample(e, kind, image, positions, [], warped.pointer, { border: "clamp", inside: inside.pointer });
    const masks = masksOf(level, positions, inside);
    const { value, gradients } = valueAndGrad((w) => metric.value({ values: w, grid: fixed.grid }, fixed, masks))(warped);
    const force = Tensor.uninitialised([size.length, ...size]);
    sampleGradient(e, kind, image, positions, gradients[0].pointer, [], force.pointer, { border: "clamp" });
    return { value: value.item(), entries: fieldMoments(e, force.pointer, size) };
  });
}

/** Weights on the fixed grid: the fixed mask, and the moving image's extent and mask brought over. */
function masksOf(
  level: LinearLevel,
  positions: { readonly size: readonly number[]; readonly base: readonly number[] },
  inside: Tensor,
): Masks {
  let warped = inside;
  if (level.movingMask) {
    const [, ...size] = level.movingMask.shape;
    warped = Tensor.uninitialised(inside.shape);
    sample(engine(), "linear", { at: level.movingMask.pointer, channels: 1, size }, positions, [], warped.pointer, { border: "constant" });
  }
  return { fixed: level.fixedMask, warped };
}

/** The metric under a linear map, and the share of the fixed weights that falls inside the moving image. */
export function valueUnder(level: LinearLevel, map: AffineMap, metric: Metric): { readonly value: number; readonly overlap: number } {
  return scope(() => {
    const { fixed, moving } = level;
    const [channels, ...size] = moving.values.shape;
    const positions = { size: tensorShape(fixed.grid), base: baseOf(betweenIndices(fixed.grid, map, moving.grid)) };
    const warped = Tensor.uninitialised([channels, ...positions.size]);
    const inside = Tensor.uninitialised([1, ...positions.size]);
    sample(engine(), "linear", { at: moving.values.pointer, channels, size }, positions, [], warped.pointer, {
      border: "clamp",
      inside: inside.pointer,
    });
    const masks = masksOf(level, positions, inside);
    const weight = level.fixedMask
      ? inside.mul(level.fixedMask).sum().item() / Math.max(1e-9, level.fixedMask.sum().item())
      : inside.mean().item();
    return {
      value: weight > 0 ? metric.value({ values: warped, grid: fixed.grid }, fixed, masks).item() : Number.POSITIVE_INFINITY,
      overlap: weight,
    };
  });
}
