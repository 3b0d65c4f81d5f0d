import { ArgumentError, FormatError, ShapeError } from "../core/errors.js";
import type { Iteration, Prior, Progress, State, Stop } from "../core/interfaces.js";
import { iterate } from "../core/iterate.js";
import { shapeText } from "../core/shape.js";
import { type Fan, type Operator, type RadonGeometry, radonGeometry, radonOperator } from "../operators/index.js";
import { noPrior, PlugAndPlay, Red, TotalVariation, totalVariation } from "../priors/index.js";
import { scope, Tensor } from "../tensor/index.js";
import { type CtTvOptions, ctTv } from "./ctTv.js";
import { centreOfRotation, type FbpFilter, fbp } from "./fbp.js";
import { restore } from "./restore.js";
import { lambdaOfNoise } from "./restoreByDenoiser.js";

/** How images are found from projections: a convex minimum (pdhg), filtered backprojection, or iterations on the equations. */
export const ctSolvers = ["pdhg", "fbp", "sirt", "sart", "cgls"] as const;
/** A name in `ctSolvers`. */
export type CtSolver = (typeof ctSolvers)[number];

/** A learned reconstruction: (sinogram [views, bins], its geometry) ↦ picture. `networkSlice` of `pullback/models` makes one of a network; any function will do. */
export type CtNetwork = (sinogram: Tensor, geometry: RadonGeometry) => Tensor;

/** Geometry, prior, weight and solver of a reconstruction from projections. */
export interface CtOptions {
  /** Line integrals [views, detectors], in samples of the picture times its values. */
  readonly sinogram: Tensor;
  /** Of the views, in degrees. */
  readonly angles: ArrayLike<number>;
  /** The picture, [rows, columns]; default a square of `detectors` samples. */
  readonly size?: readonly [number, number];
  /** The bin of the axis of rotation; "auto" estimates it. Default ⌊detectors / 2⌋. */
  readonly centre?: number | "auto";
  /** The axis of rotation in the picture, [row, column]; default sample [⌊rows/2⌋, ⌊columns/2⌋]. */
  readonly axis?: readonly [number, number];
  /** Width of a bin in samples of the picture (default 1). */
  readonly binWidth?: number;
  /** Default: parallel rays. */
  readonly fan?: Fan;
  /** R; default total variation. `noPrior()` for filtered back-projection and the algebraic methods. */
  readonly prior?: Prior;
  /** How much each ray counts, [views, detectors], positive: one over the variance of its noise (`photonWeights`). Multiplied so that their mean is 1. Total variation only. */
  readonly weights?: Tensor;
  /** In place of a prior: a network, which has learned it. */
  readonly network?: CtNetwork;
  /** λ in ½‖Ax − y‖² + λ R(x); "auto" (default) from the noise of the sinogram; for denoisers the noise's variance. */
  readonly lambda?: number | "auto";
  /** Default: "pdhg" with total variation, "fbp" with no prior, else what `restore` takes. */
  readonly solver?: CtSolver;
  /** Window of filtered back-projection, also of that which is the start of other methods. Default "hann". */
  readonly filter?: FbpFilter;
  /** Values below 0 are excluded (default); not by "fbp" and "cgls". */
  readonly nonNegative?: boolean;
  /** The most steps there may be. */
  readonly iterations?: number;
  /** Relative duality gap of "pdhg" (default 1e-4). */
  readonly tolerance?: number;
  /** Steps of total variation. */
  readonly pdhg?: CtTvOptions;
  /** Ends the work early, with an AbortedError. */
  readonly signal?: AbortSignal;
  /** Told where the work stands, step by step. */
  readonly onProgress?: (progress: Progress<Tensor>) => void;
}
/** An image from projections, with how it was found and how well it explains them. */
export interface CtResult {
  /** The image. */
  readonly image: Tensor;
  /** Whether to trust the result; `reason` says why. */
  readonly status: "ok" | "suspect";
  /** Why it ended, in a word. */
  readonly stop: Stop;
  /** Why it ended, in a sentence. */
  readonly reason: string;
  /** ½‖Ax − y‖² + λ R(x). */
  readonly objective: number;
  /** objective − minimum is at most this (total variation only); among pictures of at most 1.25 times the largest value of this one. */
  readonly gap?: number;
  /** λ in ½‖Ax − d‖² + λ R(x). */
  readonly lambda: number;
  /** How many steps were made. */
  readonly iterations: number;
  /** Objectives, and relative gaps, on the way. */
  readonly history: readonly number[];
  /** The gap, step by step. */
  readonly gaps: readonly number[];
  /** How the minimum was found. */
  readonly solver: string;
  /** Where the axis of rotation falls on the detector, bins. */
  readonly centre: number;
  /** Ax − y. */
  readonly residual: Tensor;
  /** The standard deviation that the sinogram's noise seems to have. */
  readonly noise: number;
  /** What is worth knowing, a sentence each. */
  readonly warnings: readonly string[];
}

/**
 * A slice from its line integrals:  min over x ≥ 0  ½‖Ax − y‖² + λ R(x), A by Joseph's method. With total variation by preconditioned primal-dual steps from
 * filtered back-projection, until the certified gap is small.
 * @throws ShapeError when angles and views differ in number, FormatError for values that are not finite, ArgumentError for what describes no scanner
 */
export async function reconstructCt(o: CtOptions): Promise<CtResult> {
  const { sinogram, angles } = o;
  if (sinogram.rank !== 2) throw new ShapeError(`ct: the sinogram is ${shapeText(sinogram.shape)}; [views, detectors] was expected`, {});
  const [views, detectors] = sinogram.shape;
  if (angles.length !== views)
    throw new ShapeError(
      `ct: ${angles.length} angles came for a sinogram of ${views} views and ${detectors} bins; one for each view was expected${angles.length === detectors ? ": is it transposed?" : ""}`,
      { angles: angles.length, views },
    );
  let bad = 0;
  for (const v of sinogram.data) if (!Number.isFinite(v)) bad++;
  if (bad > 0)
    throw new FormatError(
      `ct: ${bad} of ${sinogram.size} values of the sinogram are NaN or infinite; fill in dead bins first, or cut them off`,
      {
        bad,
      },
    );
  if (o.solver !== undefined && !ctSolvers.includes(o.solver))
    throw new ArgumentError(`ct: there is no solver "${o.solver}"; choose one of ${ctSolvers.join(", ")}`, {});
  const idle =
    o.network && (["prior", "lambda", "solver", "iterations", "tolerance", "pdhg"] as const).find((name) => o[name] !== undefined);
  if (idle) throw new ArgumentError(`ct: a network has no ${idle}; leave it out`, { [idle]: o[idle] });
  const warnings: string[] = [];
  const centre = o.centre === "auto" ? centreOfRotation(sinogram, angles) : (o.centre ?? Math.floor(detectors / 2));
  if (!(centre >= 0 && centre <= detectors - 1))
    throw new ArgumentError(
      `ct: the axis of rotation at bin ${centre} of a detector with bins 0 to ${detectors - 1}; give one of these, or auto`,
      {
        centre,
      },
    );
  const geometry = radonGeometry({ ...o, detectors, centre });
  const operator = radonOperator(geometry);
  const noise = sinogramNoise(sinogram);
  const seen = o.weights ? scope(() => sinogramNoise(sinogram.mul(meanOne(o.weights as Tensor, sinogram).sqrt()))) : noise;
  const prior = o.network ? noPrior() : (o.prior ?? (o.solver === undefined || o.solver === "pdhg" ? totalVariation() : noPrior()));
  const tv =
    prior instanceof TotalVariation && !prior.options.alpha && prior.options.isotropic !== false && prior.options.border !== "periodic";
  const none = prior.terms(operator.domain, 1).length === 0;
  const solver = o.network ? undefined : (o.solver ?? (tv ? "pdhg" : none ? "fbp" : undefined));
  if (solver === "pdhg" && !tv)
    throw new ArgumentError(`ct: "pdhg" is for total variation, not for the prior ${prior.name}; leave the solver out`, {});
  if (solver !== undefined && solver !== "pdhg" && !none)
    throw new ArgumentError(`ct: "${solver}" knows no prior; ${prior.name} came. Leave one of them out`, { solver, prior: prior.name });
  const denoises = prior instanceof PlugAndPlay || prior instanceof Red;
  const rule = denoises ? lambdaOfNoise({ operator, data: sinogram, prior }, noise) : seen * Math.sqrt(views);
  const lambda = none ? 0 : o.lambda === undefined || o.lambda === "auto" ? rule : o.lambda;
  if (!(lambda >= 0 && Number.isFinite(lambda)))
    throw new ArgumentError(`ct: λ is ${lambda}; give a number that is not negative`, { lambda });
  if (o.weights && solver !== "pdhg") throw new ArgumentError("ct: weights of rays go with total variation; leave them out", { solver });
  const weights = o.weights && meanOne(o.weights, sinogram);
  const floor = (o.nonNegative ?? true) ? 0 : Number.NEGATIVE_INFINITY;
  const run = { signal: o.signal, onProgress: o.onProgress };

  const start = scope(() => fbp(sinogram, { ...geometry, filter: o.filter ?? "hann" }));
  const finish = (
    image: Tensor,
    r: {
      stop: Stop;
      reason: string;
      iterations: number;
      history: readonly number[];
      gaps?: readonly number[];
      gap?: number;
      objective?: number;
    },
  ): CtResult => {
    const residual = scope(() => operator.apply(image).sub(sinogram));
    const objective =
      r.objective ?? scope(() => 0.5 * residual.innerProduct(residual).item() + (lambda > 0 ? lambda * prior.value(image).item() : 0));
    const fine = r.stop !== "diverged" && (solver !== "pdhg" || r.stop === "converged");
    return {
      image,
      status: fine ? "ok" : "suspect",
      stop: r.stop,
      reason: r.reason,
      objective,
      gap: r.gap,
      lambda,
      iterations: r.iterations,
      history: r.history,
      gaps: r.gaps ?? [],
      solver: solver ?? (o.network ? "learned" : "restore"),
      centre,
      residual,
      noise,
      warnings,
    };
  };
  if (o.network) {
    const image = scope(() => (o.network as CtNetwork)(sinogram, geometry).maximum(floor === 0 ? 0 : -3e38));
    if (shapeText(image.shape) !== shapeText(geometry.size))
      throw new ShapeError(`ct: the network's picture is ${shapeText(image.shape)}; expected ${shapeText(geometry.size)}`, {});
    return finish(image, { stop: "converged", reason: "the network is through", iterations: 1, history: [] });
  }
  if (solver === "fbp") return finish(start, { stop: "converged", reason: "a closed form", iterations: 0, history: [] });
  if (solver === "pdhg") {
    const { x, stop, reason, iterations, history, state } = await iterate(
      ctTv({ tolerance: o.tolerance, ...o.pdhg }),
      { operator, geometry, data: sinogram, weights, lambda, low: floor },
      start.maximum(floor === 0 ? 0 : -3e38),
      { iterations: o.iterations ?? 1000, keepState: true, ...run },
    );
    const gap = state ? state.gap : undefined;
    const share = state && state.gaps.length > 0 ? state.gaps[state.gaps.length - 1] : Number.NaN;
    const said =
      stop === "iterations" ? `the relative gap is ${share.toExponential(1)} after ${iterations} iterations; allow more` : reason;
    return finish(x, { stop, reason: said, iterations, history, gap, gaps: state?.gaps, objective: state?.least });
  }
  if (solver === "sirt" || solver === "sart") {
    const method =
      solver === "sirt" ? sirt(operator, floor) : sart(geometry.angles, (a) => radonOperator({ ...geometry, angles: a }), floor);
    const r = await iterate(method, sinogram, solver === "sirt" ? start.maximum(Math.max(floor, -3e38)) : Tensor.zeros(operator.domain), {
      iterations: o.iterations ?? (solver === "sirt" ? 50 : 4),
      keepBest: false,
      ...run,
    });
    return finish(r.x, r);
  }
  const r = await restore({
    operator,
    data: sinogram,
    prior,
    lambda,
    iterations: o.iterations ?? (none ? 15 : undefined),
    tolerance: o.tolerance,
    start,
    ...run,
  });
  return finish(denoises && floor === 0 ? scope(() => r.image.maximum(0)) : r.image, r);
}

/**
 * Weights of rays by the photons they brought: e^(−a y), which is one over the variance of the logarithm of a Poisson count, up to a factor. Values of y below 0 count as 0.
 * @param attenuation  a: 1 where the sinogram is −log of intensities, else that of one unit of it
 */
export function photonWeights(sinogram: Tensor, attenuation = 1): Tensor {
  if (!(attenuation > 0 && Number.isFinite(attenuation)))
    throw new ArgumentError(`photonWeights: the attenuation is ${attenuation}; give a positive number`, { attenuation });
  return scope(() => sinogram.maximum(0).mul(-attenuation).exp().maximum(1e-4));
}
function meanOne(weights: Tensor, sinogram: Tensor): Tensor {
  if (shapeText(weights.shape) !== shapeText(sinogram.shape))
    throw new ShapeError(`ct: weights ${shapeText(weights.shape)} for a sinogram ${shapeText(sinogram.shape)}; give one for each ray`, {
      weights: weights.shape,
    });
  if (!weights.data.every((w) => w > 0 && Number.isFinite(w)))
    throw new ArgumentError("ct: a weight is not a positive number; rays to be left out get a small one", {});
  return scope(() => weights.div(weights.mean()));
}

/**
 * The noise of a sinogram: second differences along the detector, scaled to the noise's deviation by their median size in blocks of 16 bins, and the
 * root of the mean square over the blocks (noise differs much from bin to bin).
 */
export function sinogramNoise(sinogram: Tensor): number {
  const [views, bins] = sinogram.shape;
  const data = sinogram.data;
  let [sum, blocks] = [0, 0];
  for (let v = 0; v < views; v++)
    for (let from = 1; from < bins - 1; from += 16) {
      const d: number[] = [];
      for (let j = from; j < Math.min(from + 16, bins - 1); j++)
        d.push(Math.abs(data[v * bins + j - 1] - 2 * data[v * bins + j] + data[v * bins + j + 1]));
      if (d.length < 4) continue;
      d.sort((a, b) => a - b);
      sum += (d[d.length >> 1] / (0.6745 * Math.sqrt(6))) ** 2;
      blocks++;
    }
  return blocks > 0 ? Math.sqrt(sum / blocks) : 0;
}

const safeInverse = (t: Tensor) => t.greater(1e-6).div(t.maximum(1e-6));

/**
 * Simultaneous iterative reconstruction: x ← max(low, x + C A*R (y − Ax)), R and C one over the sums of rows and columns.
 * @see Gilbert (1972), J. Theor. Biol. 36
 */
export function sirt(operator: Operator, low = 0): Iteration<Tensor, Tensor, State<Tensor>> {
  const inverse = () => ({
    rows: safeInverse(operator.apply(Tensor.full(operator.domain, 1))),
    columns: safeInverse(operator.adjoint(Tensor.full(operator.range, 1))),
  });
  const misfit = (r: Tensor) => 0.5 * r.innerProduct(r).item();
  type Sirt = State<Tensor> & ReturnType<typeof inverse> & { readonly residual: Tensor };
  return {
    init(y, x): Sirt {
      const residual = y.sub(operator.apply(x));
      return { x, value: misfit(residual), residual, ...inverse() };
    },
    step(y, state): Sirt {
      const s = state as Sirt;
      const x = s.x.add(operator.adjoint(s.residual.mul(s.rows)).mul(s.columns)).maximum(Math.max(low, -3e38));
      const residual = y.sub(operator.apply(x));
      return { ...s, x, value: misfit(residual), residual };
    },
  };
}

/**
 * Simultaneous algebraic reconstruction: the same view by view, in an order in which neighbours in time are far in angle; one step is all views.
 * @see Andersen & Kak (1984), Ultrasonic Imaging 6
 */
export function sart(
  angles: Float64Array,
  operatorOf: (angles: Float64Array) => Operator,
  low = 0,
  relaxation = 0.15,
): Iteration<Tensor, Tensor, State<Tensor>> {
  const n = angles.length;
  const stride = Math.max(1, Math.round(n * 0.382));
  const order: number[] = [];
  const seen = new Set<number>();
  for (let k = 0, v = 0; k < n; k++, v = (v + stride) % n) {
    while (seen.has(v)) v = (v + 1) % n;
    seen.add(v);
    order.push(v);
  }
  const parts = order.map((v) => {
    const a = operatorOf(angles.slice(v, v + 1));
    return { v, a };
  });
  return {
    init: (_, x) => ({ x }),
    step(y, s) {
      let { x } = s;
      for (const { v, a } of parts) {
        const before = x;
        x = scope(() => {
          const rows = safeInverse(a.apply(Tensor.full(a.domain, 1)));
          const columns = safeInverse(a.adjoint(Tensor.full(a.range, 1)));
          const residual = y.slice([v, 0], [v + 1, y.shape[1]]).sub(a.apply(before));
          return before.add(a.adjoint(residual.mul(rows)).mul(columns).mul(relaxation)).maximum(Math.max(low, -3e38));
        });
      }
      return { x };
    },
  };
}
