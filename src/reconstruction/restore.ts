import { ArgumentError, ShapeError } from "../core/errors.js";
import type { Fidelity, InverseProblem, Iteration, LinearOperator, Prior, Progress, State, Stop } from "../core/interfaces.js";
import { iterate } from "../core/iterate.js";
import { shapeText, sizeOf } from "../core/shape.js";
import { leastSquares } from "../fidelities/index.js";
import { compose } from "../operators/index.js";
import {
  Biharmonic,
  noPrior,
  PlugAndPlay,
  Quadratic,
  Red,
  TotalGeneralizedVariation,
  TotalVariation,
  tgvRestore,
  tvDiagonal,
  tvMultipliers,
  tvRestore,
  WaveletL1,
} from "../priors/index.js";
import { conjugateGradient, fista, pdhg } from "../solvers/index.js";
import { scope, Tensor } from "../tensor/index.js";
import { conditionNumber } from "./condition.js";
import { inpaintBiharmonic } from "./inpaintBiharmonic.js";
import { chooseLambda, type LambdaChoice, type LambdaRule } from "./lambda.js";
import { lambdaOfNoise, restoreByDenoiser } from "./restoreByDenoiser.js";

/** A method for  F(Ax) + Σ λᵢ Rᵢ(Kᵢx)  with the name that results carry. */
export interface Solver {
  /** What it is called. */
  readonly name: string;
  /** The step on this level, from 1. */
  readonly iteration: Iteration<
    InverseProblem,
    Tensor,
    State<Tensor> & {
      /** Primal minus dual objective, relative: how far from the minimum at most. */
      readonly gap?: number;
    }
  >;
}
/** Weight, solver and stopping of a restoration. */
export interface RestoreOptions {
  /** A, from images to data. */
  readonly operator: LinearOperator;
  /** y, of the operator's range. */
  readonly data: Tensor;
  /** R (default none). */
  readonly prior?: Prior;
  /** λ, or "auto": chosen by the data (see `lambdaRule`). */
  readonly lambda: number | "auto";
  /** For "auto": default "sure" where `noise` is given, else "gcv". */
  readonly lambdaRule?: LambdaRule;
  /** σ of the noise in the data, where it is known. */
  readonly noise?: number;
  /** F, a functional of Ax that knows the data itself (default ½‖Ax − y‖²). */
  readonly fidelity?: Fidelity;
  /** Default: the fastest method that fits. */
  readonly solver?: Solver;
  /** Most iterations of the method. */
  readonly iterations?: number;
  /** Relative duality gap, or the method's own measure where there is none (default 1e-6 denoising, else 1e-5). */
  readonly tolerance?: number;
  /** Where to begin. */
  readonly start?: Tensor;
  /** Ends the work early, with an AbortedError. */
  readonly signal?: AbortSignal;
  /** Told where the work stands, step by step. */
  readonly onProgress?: (progress: Progress<Tensor>) => void;
}
/** The restored image with objective, λ and how it ended. */
export interface RestoreResult {
  /** x, of the operator's domain. */
  readonly image: Tensor;
  /** "suspect": the method did not converge, or diverged; the reason says how. */
  readonly status: "ok" | "suspect";
  /** Why it ended, in a word. */
  readonly stop: Stop;
  /** Why it ended, in a sentence. */
  readonly reason: string;
  /** F(Ax) + λ R(x). */
  readonly objective: number;
  /** objective − minimum is at most this, certified by a dual point; absent where the method has none. */
  readonly gap?: number;
  /** λ in ½‖Ax − d‖² + λ R(x). */
  readonly lambda: number;
  /** How λ was chosen, for "auto". */
  readonly choice?: Omit<LambdaChoice, "start">;
  /** How many steps were made. */
  readonly iterations: number;
  /** The objective on the way. */
  readonly history: readonly number[];
  /** The name of the method. */
  readonly solver: string;
  /** What is worth knowing, a sentence each. */
  readonly warnings: readonly string[];
}
type Outcome = Omit<RestoreResult, "status" | "lambda" | "choice" | "warnings">;
type Request = RestoreOptions & { readonly prior: Prior; readonly lambda: number };

/**
 * min over x  ½‖Ax − y‖² + λ R(x), by the fastest method that fits the operator and the prior:
 *  total variation of a picture or a volume, weighted or not (denoising, known samples)   fused primal-dual steps with a certified gap
 *  total variation of a blurred picture, all on a ring                                   alternating directions, exact in the Fourier basis
 *  known samples, ½‖Δx‖² and λ = 0                                                       biharmonic interpolation
 *  an orthogonal wavelet transform, denoising                                             its exact proximal map
 *  quadratic priors and none                                                             division where all is diagonal in one basis, else conjugate gradients
 *  a denoiser (plug-and-play, regularisation by denoising)                               once, filled in, or split: see restoreByDenoiser
 *  total generalised variation                                                            primal-dual steps with its slope as a second unknown; gaps for samples
 *  all else                                                                              proximal gradient or primal-dual steps of any operator
 * @throws ShapeError when the data are not of the operator's range
 * @throws ArgumentError for a λ that is negative or no number, and for a combination that no method covers: a part without a proximal map
 */
export async function restore(options: RestoreOptions): Promise<RestoreResult> {
  const prior = bordered(options.prior ?? noPrior(), options.operator);
  const denoises = prior instanceof PlugAndPlay || prior instanceof Red;
  const automatic = options.lambda === "auto" && !denoises;
  let request: Request = {
    ...options,
    prior,
    lambda: options.lambda !== "auto" ? options.lambda : denoises ? lambdaOfNoise({ ...options, prior }, options.noise) : 0,
  };
  check(request);
  const warnings: string[] = [];
  const free = prior.terms(options.operator.domain, 1).length === 0;
  let choice: LambdaChoice | undefined;
  // Interpolation has no λ: what is known is kept.
  const exact = interpolates(request);
  if (automatic && !free && !exact) {
    choice = await chosen(request);
    request = { ...request, lambda: choice.lambda, start: options.start ?? choice.start };
  }
  if ((free || request.lambda === 0) && !exact && !denoises) {
    const condition = conditionNumber(options.operator);
    if (condition > 1e3)
      warnings.push(
        `without a prior, noise in the data grows up to ${Number.isFinite(condition) ? `${condition.toPrecision(2)}-fold` : "without bound"} (the operator's condition); a prior with λ > 0, or few iterations, keeps it small`,
      );
  }
  const outcome = await solve(request);
  const finite = Number.isFinite(outcome.objective);
  if (outcome.stop === "iterations") warnings.push(`${outcome.iterations} iterations did not reach the tolerance; allow more`);
  const fine = finite && outcome.stop !== "diverged" && outcome.stop !== "iterations";
  const { start: _, ...told } = choice ?? ({} as Partial<LambdaChoice>);
  return {
    ...outcome,
    status: fine ? "ok" : "suspect",
    lambda: request.lambda,
    ...(choice && { choice: told as Omit<LambdaChoice, "start"> }),
    warnings,
  };
}
const solve = (r: Request): Promise<Outcome> =>
  totalVariationOfSamples(r) ??
  tgvOfSamples(r) ??
  totalVariationOnRing(r) ??
  interpolated(r) ??
  exactProx(r) ??
  quadratic(r) ??
  denoised(r) ??
  general(r);
const denoised = (r: Request): Promise<Outcome> | undefined => (r.solver ? undefined : restoreByDenoiser(r));

/** λ by the data; the trials stop at a looser tolerance, which moves scores by less than their differences. */
function chosen(request: Request): Promise<LambdaChoice> {
  const { operator, data, prior, noise, lambdaRule } = request;
  if (request.fidelity) throw new ArgumentError("restore: λ can be chosen for ½‖Ax − y‖² only; give a number for other fidelities", {});
  return chooseLambda({
    operator,
    data,
    noise,
    rule: lambdaRule,
    prior: (x) => prior.value(x).item(),
    solve: async (y, lambda, start) =>
      (
        await solve({
          ...request,
          data: y,
          lambda,
          start,
          tolerance: Math.max(request.tolerance ?? 0, prior instanceof TotalGeneralizedVariation ? 1e-3 : 3e-5),
          onProgress: undefined,
        })
      ).image,
  });
}

function check({ operator, data, lambda, start }: Request): void {
  const wrong = (what: string, t: Tensor, shape: readonly number[]) => {
    if (shapeText(t.shape) !== shapeText(shape))
      throw new ShapeError(`restore: the ${what} are ${shapeText(t.shape)}; the operator's are ${shapeText(shape)}`, {
        [what]: t.shape,
        expected: shape,
      });
  };
  wrong("data", data, operator.range);
  if (start) wrong("start values", start, operator.domain);
  if (!(lambda >= 0 && Number.isFinite(lambda)))
    throw new ArgumentError(`restore: λ is ${lambda}; give a number that is not negative`, { lambda });
}

const isReal = (t: Tensor) => t.dtype !== "c64" && t.dtype !== "c128";

/** A a diagonal m, R total variation: ½ Σ m² (x − y/m)² + λ TV(x). */
function totalVariationOfSamples(r: Request): Promise<Outcome> | undefined {
  const { operator, prior, data, fidelity, solver } = r;
  const { diagonal } = operator;
  if (!(prior instanceof TotalVariation) || diagonal === undefined || fidelity || solver || !isReal(data)) return undefined;
  const problem = scope(() => {
    if (diagonal === 1) return { data, lambda: r.lambda };
    const m = diagonal instanceof Tensor ? diagonal : Tensor.full(data.shape, diagonal);
    const none = m.equal(0);
    return { data: data.div(m.add(none)), weights: m.square(), lambda: r.lambda };
  });
  const o = { ...prior.options, tolerance: r.tolerance ?? (diagonal === 1 ? 1e-6 : 1e-5), iterations: r.iterations, start: r.start };
  return tvRestore(problem, o, r).then((t) => ({ ...t, solver: "primal-dual, fused" }));
}

/** The same with total generalised variation. */
function tgvOfSamples(r: Request): Promise<Outcome> | undefined {
  const { operator, prior, data, fidelity, solver } = r;
  const { diagonal } = operator;
  if (!(prior instanceof TotalGeneralizedVariation) || diagonal === undefined || fidelity || solver || !isReal(data)) return undefined;
  const problem = scope(() => {
    if (diagonal === 1) return { data, lambda: r.lambda };
    const m = diagonal instanceof Tensor ? diagonal : Tensor.full(data.shape, diagonal);
    return { data: data.div(m.add(m.equal(0))), weights: m.square(), lambda: r.lambda };
  });
  const o = { ...prior.options, tolerance: r.tolerance ?? 1e-4, iterations: r.iterations, start: r.start };
  return tgvRestore(problem, o, r).then(({ slope: _, ...t }) => ({ ...t, solver: "primal-dual" }));
}

/** Known samples, and ½‖Δx‖² with λ → 0. */
const interpolates = (r: Request): boolean =>
  r.prior instanceof Biharmonic && r.operator.diagonal instanceof Tensor && r.lambda === 0 && !r.fidelity && !r.solver && isReal(r.data);
async function interpolatedImage({ operator, data, prior, tolerance, iterations }: Request): Promise<Outcome> {
  const mask = operator.diagonal as Tensor;
  const known = scope(() => data.div(mask.add(mask.equal(0))));
  const r = inpaintBiharmonic(known, mask, { dimensions: (prior as Biharmonic).dimensions, tolerance, iterations });
  const objective = scope(() => leastSquares(data).value(operator.apply(r.image)).item());
  return { ...r, objective, history: [objective], solver: "biharmonic, conjugate gradients" };
}
const interpolated = (r: Request): Promise<Outcome> | undefined => (interpolates(r) ? interpolatedImage(r) : undefined);

/** Blurs on a ring see differences on a ring, unless the prior says otherwise. */
function bordered(prior: Prior, operator: LinearOperator): Prior {
  if (operator.diagonal !== undefined) return prior;
  if (prior instanceof TotalGeneralizedVariation)
    return tvDiagonal(operator, { ...prior.options, border: "periodic" }) ? prior.withBorder("periodic") : prior;
  if (!(prior instanceof TotalVariation)) return prior;
  const ring = prior.withBorder("periodic");
  return tvDiagonal(operator, ring.options) ? ring : prior;
}

/** A*A and ∇*∇ diagonal in one basis. */
function totalVariationOnRing(r: Request): Promise<Outcome> | undefined {
  const { operator, prior, data, lambda, fidelity, solver } = r;
  if (!(prior instanceof TotalVariation) || fidelity || solver || !isReal(data) || !(lambda > 0)) return undefined;
  if (!tvDiagonal(operator, prior.options)) return undefined;
  const block = 10;
  const iteration = tvMultipliers({ ...prior.options, tolerance: 15 * (r.tolerance ?? 1e-5), block });
  const start = r.start ?? operator.adjoint(data);
  return iterate(iteration, { operator, data, lambda }, start, {
    iterations: Math.ceil((r.iterations ?? 1000) / block),
    signal: r.signal,
    onProgress: r.onProgress,
    keepBest: false,
  }).then(({ x, stop, reason, history, iterations }) => ({
    image: x,
    stop,
    reason,
    iterations: iterations * block,
    history,
    objective: history[history.length - 1],
    solver: "alternating directions, diagonal",
  }));
}

/** A the identity and an exact proximal map: that is the answer. */
function exactProx({ operator, prior, data, lambda, fidelity, solver }: Request): Promise<Outcome> | undefined {
  if (operator.diagonal !== 1 || !(prior instanceof WaveletL1) || fidelity || solver) return undefined;
  const image = scope(() => prior.prox(data, lambda));
  const objective = scope(() => leastSquares(data).value(image).item() + lambda * prior.value(image).item());
  return Promise.resolve({
    image,
    stop: "converged",
    reason: "the proximal map is exact",
    objective,
    gap: 0,
    iterations: 1,
    history: [objective],
    solver: "proximal map",
  });
}

/** (A*A + λ K*K) x = A*y. */
function quadratic(r: Request): Promise<Outcome> | undefined {
  const { operator: a, prior, data, lambda, fidelity, solver } = r;
  if (fidelity || solver) return undefined;
  if (!(prior instanceof Quadratic) && prior.terms(a.domain, 1).length > 0) return undefined;
  const normal = (o: LinearOperator, x: Tensor) => (o.normal ? o.normal(x) : o.adjoint(o.apply(x)));
  const k = prior instanceof Quadratic ? prior.operatorFor(a.domain) : undefined;
  const penalty = (x: Tensor) => (prior instanceof Quadratic ? (k ? normal(k, x) : x).mul(lambda) : undefined);
  const exact = closedForm(r, k);
  if (exact) return exact;
  const rhs = a.adjoint(data);
  const half = 0.5 * data.innerProduct(data).item();
  const system = {
    rhs,
    apply: (x: Tensor) => {
      const p = penalty(x);
      return p ? normal(a, x).add(p) : normal(a, x);
    },
  };
  const start = r.start ?? rhs.mul(0);
  const iterations = r.iterations ?? Math.min(2000, Math.max(100, sizeOf(a.domain)));
  return iterate(conjugateGradient<Tensor>({ relativeResidual: r.tolerance ?? 1e-5 }), system, start, {
    iterations,
    keepBest: false,
    signal: r.signal,
    onProgress: r.onProgress,
  }).then(({ x, stop, reason, iterations: done, history }) => ({
    image: x,
    stop,
    reason,
    iterations: done,
    objective: scope(() => leastSquares(data).value(a.apply(x)).item() + lambda * prior.value(x).item()),
    history: history.map((v) => v + half), // ½‖Ax‖² − ⟨x, A*y⟩ lacks ½‖y‖²
    solver: "conjugate gradients",
  }));
}

/** The same by division, where A*A, and K*K with it, are diagonal in a known basis. */
function closedForm({ operator: a, prior, data, lambda }: Request, k: LinearOperator | undefined): Promise<Outcome> | undefined {
  const [u, v] = [a.diagonalisation, k?.diagonalisation];
  if (!(prior instanceof Quadratic) || !(lambda > 0) || !u || (k && u.basis !== v?.basis)) return undefined;
  const type = data.dtype === "f64" || data.dtype === "c128" ? "f64" : "f32";
  const floor = 1e-12; // constants have eigenvalue 0 where nothing holds them
  const image = scope(() => {
    const penalty = v ? v.values(type).mul(lambda) : lambda;
    return u.synthesise(u.analyse(a.adjoint(data)).div(u.values(type).add(penalty).maximum(floor)));
  });
  const objective = scope(() => leastSquares(data).value(a.apply(image)).item() + lambda * prior.value(image).item());
  return Promise.resolve({
    image,
    stop: "converged",
    reason: "solved in closed form",
    objective,
    iterations: 1,
    history: [objective],
    solver: "closed form",
  });
}

/**
 * Any operator, any prior: proximal gradient steps with momentum where the one term has its proximal map in x itself, else primal-dual steps.
 */
function general(r: Request): Promise<Outcome> {
  if (r.prior instanceof TotalGeneralizedVariation && !r.solver && isReal(r.data)) return lifted(r, r.prior);
  const { operator, prior, data, lambda } = r;
  const problem: InverseProblem = { operator, fidelity: r.fidelity ?? leastSquares(data), terms: prior.terms(operator.domain, lambda) };
  const direct = problem.fidelity.gradient && problem.terms.every((t) => !t.operator && t.functional.prox) && problem.terms.length <= 1;
  const o = { tolerance: r.tolerance ?? 1e-5 };
  const solver: Solver =
    r.solver ??
    (direct
      ? { name: "proximal gradient with momentum", iteration: fista(o) as Solver["iteration"] }
      : { name: "primal-dual", iteration: pdhg(o) as Solver["iteration"] });
  const start = r.start ?? operator.adjoint(data);
  return iterate(solver.iteration, problem, start, {
    iterations: r.iterations ?? 2000,
    signal: r.signal,
    onProgress: r.onProgress,
    keepState: true,
    keepBest: false,
  }).then(({ x, stop, reason, iterations, history, state }) => ({
    image: x,
    stop,
    reason,
    iterations,
    history,
    objective: scope(() => problem.fidelity.value(operator.apply(x)).item() + lambda * prior.value(x).item()),
    gap: state?.gap,
    solver: solver.name,
  }));
}

/** TGV with the slope of the picture as an unknown of its own: every part then has its proximal map. */
function lifted(r: Request, prior: TotalGeneralizedVariation): Promise<Outcome> {
  const { operator, data, lambda } = r;
  const { image, terms, size } = prior.lifted(operator.domain, lambda);
  const problem: InverseProblem = { operator: compose(operator, image), fidelity: r.fidelity ?? leastSquares(data), terms };
  const n = sizeOf(operator.domain);
  const start = scope(() => (r.start ?? operator.adjoint(data)).reshape(n).pad([0], [size - n]));
  // The images' range over the size of the duals, λ; residuals alone would drift to ever larger primal steps: slopes are few and cheap.
  const norm = operator.norm?.() ?? 1;
  const back = scope(() => operator.adjoint(data).div(Math.max(1e-30, norm * norm)));
  const ratio = ((0.01 * Math.max(1e-30, back.max().item() - back.min().item())) / Math.max(1e-30, lambda)) ** 2;
  const iteration = pdhg({ tolerance: r.tolerance ?? 1e-5, adaptive: false, ratio }) as Solver["iteration"];
  return iterate(iteration, problem, start, {
    iterations: r.iterations ?? 2000,
    signal: r.signal,
    onProgress: r.onProgress && ((p) => r.onProgress?.({ ...p, x: scope(() => image.apply(p.x)) })),
    keepState: true,
    keepBest: false,
  }).then(({ x, stop, reason, iterations, history, state }) => ({
    image: scope(() => image.apply(x)),
    stop,
    reason,
    iterations,
    history,
    objective: scope(
      () =>
        problem.fidelity.value(problem.operator.apply(x)).item() +
        terms.reduce((s, t) => s + t.weight * t.functional.value((t.operator as LinearOperator).apply(x)).item(), 0),
    ),
    gap: state?.gap,
    solver: "primal-dual, with the slope",
  }));
}
