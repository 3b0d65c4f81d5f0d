import { ArgumentError, ShapeError } from "../core/errors.js";
import type { Iteration, Result, Run, State, Stop } from "../core/interfaces.js";
import { iterate, iterateSync } from "../core/iterate.js";
import { shapeText, sizeOf } from "../core/shape.js";
import { engine } from "../kernels/index.js";
import { type TvGeometry, tvStep, tvSums } from "../kernels/totalVariation.js";
import { dispose, scope, Tensor, where } from "../tensor/index.js";

/** How total variation measures: which axes, which differences, which size of a vector. */
export interface TvMeasure {
  /** The last so many axes are space (1 to 3; default all); those before count pictures that know nothing of each other. */
  readonly dimensions?: number;
  /** "reflect" (default): the difference at the last sample is 0. "periodic": it wraps around. */
  readonly border?: "reflect" | "periodic";
  /** √(Σ g_a²) at each sample (default), or Σ |g_a|. */
  readonly isotropic?: boolean;
  /** Huber's rounding: below this size s, s²/2α + α/2 in place of s, less α/2. Default 0: none. */
  readonly alpha?: number;
}
/** min over x  ½ Σ w (x − y)² + λ TV(x). */
export interface TvProblem {
  /** The measured data d. */
  readonly data: Tensor;
  /** Not negative; 0 where nothing is known. Default 1. */
  readonly weights?: Tensor;
  /** λ in ½‖Ax − d‖² + λ R(x). */
  readonly lambda: number;
}
export interface TvPrimalDualOptions extends TvMeasure {
  /** Converged when the duality gap is below this part of the objective (default 1e-6). */
  readonly tolerance?: number;
  /** Inner steps between two looks at the gap (default 40). */
  readonly block?: number;
  /** The first primal step (default 4/μ for a positive least weight μ, else range / 100 λ); the dual one
   * follows from it. */
  readonly tau?: number;
}
export interface TvState extends State<Tensor> {
  /** The objective there. */
  readonly value: number;
  /** Dual planes: pictures × axes (x first) × space. */
  readonly dual: Tensor;
  /** The primal step size. */
  readonly tau: number;
  /** Standard deviation of the noise, or of a Gaussian; of primal-dual methods the dual step. */
  readonly sigma: number;
  /** The largest lower bound of the optimum so far, and the least value: their difference is the certified gap. */
  readonly bound: number;
  /** The least objective so far. */
  readonly least: number;
  /** Inner steps done. */
  readonly steps: number;
  /** Looks since the gap last fell by a twentieth, and the gap then. */
  readonly idle: number;
  /** The gap when it last fell by a twentieth. */
  readonly mark: number;
}

/** The shape that the kernels see. @throws ShapeError when there are not that many axes */
export function tvLayout(
  shape: readonly number[],
  m: TvMeasure,
): { readonly pictures: number; readonly n: number; readonly geometry: TvGeometry } {
  const d = m.dimensions ?? shape.length;
  if (!(Number.isInteger(d) && d >= 1 && d <= 3 && d <= shape.length))
    throw new ShapeError(
      `total variation: ${d} spatial axes of ${shapeText(shape)}; give dimensions 1, 2 or 3, at most as many as there are`,
      {
        shape,
        dimensions: d,
      },
    );
  const size = shape.slice(shape.length - d);
  return {
    pictures: sizeOf(shape.slice(0, shape.length - d)),
    n: sizeOf(size),
    geometry: { size, periodic: m.border === "periodic", isotropic: m.isotropic ?? true },
  };
}

/** Σ w (x − y)²/2 + λ TV(x), and the largest lower bound of its minimum that a dual point gives. */
function certificate(p: TvProblem, x: Tensor, dual: Tensor, m: TvMeasure, range: number): { value: number; bound: number } {
  const { pictures, n, geometry } = tvLayout(x.shape, m);
  const alpha = m.alpha ?? 0;
  const s = { fit: 0, tv: 0, ty: 0, tt: 0, off: 0, pp: 0 };
  for (let k = 0; k < pictures; k++) {
    const at = 4 * k * n;
    const part = tvSums(
      engine(),
      x.pointer + at,
      dual.pointer + at * geometry.size.length,
      p.data.pointer + at,
      p.weights ? p.weights.pointer + at : 0,
      geometry,
      alpha,
    );
    for (const name of Object.keys(s) as (keyof typeof s)[]) s[name] += part[name];
  }
  // For c in [0, 1] the point c p is feasible with the value c⟨t, y⟩ − c² (½|t|² + α/2λ |p|²) − c Σ |t| r, where nothing is known and |x| ≤ r.
  // Projections leave |p| ≤ λ up to f32 rounding: 3e-7 below 1 is safe.
  const linear = s.ty - s.off * range;
  const square = s.tt + (p.lambda > 0 ? (alpha / (2 * p.lambda)) * s.pp : 0);
  const c = Math.max(0, Math.min(1 - 3e-7, square > 0 ? linear / (2 * square) : 1));
  return { value: s.fit + p.lambda * s.tv, bound: c * linear - c * c * square };
}

/**
 * Primal-dual steps for  min over x  ½ Σ w (x − y)² + λ TV(x),  fused in one kernel, with the duality gap as certificate. Where every weight is
 * positive the steps are accelerated (errors fall as 1/k² and, on pictures, faster in the end); else they are over-relaxed, and the bound uses
 * that some minimiser lies between the least and the greatest datum. The data should be centred (half-range about 0), so that f32 keeps the
 * digits of small differences: `tvRestore` sees to it.
 * @see Chambolle & Pock (2011), J. Math. Imaging Vis. 40, algorithm 2; Condat (2013), J. Optim. Theory Appl. 158 (relaxation)
 */
export function tvPrimalDual(o: TvPrimalDualOptions = {}): Iteration<TvProblem, Tensor, TvState> {
  const { tolerance = 1e-6, block = 40 } = o;
  const rangeOf = (p: TvProblem) => Math.max(Math.abs(p.data.max().item()), Math.abs(p.data.min().item()));
  const leastWeight = (p: TvProblem) => (p.weights ? p.weights.min().item() : 1);
  const look = (p: TvProblem, before: Partial<TvState>, now: Pick<TvState, "x" | "dual" | "tau" | "sigma" | "steps">): TvState => {
    const { value, bound } = certificate(p, now.x, now.dual, o, rangeOf(p));
    const least = Math.min(value, before.least ?? Number.POSITIVE_INFINITY);
    const best = Math.max(bound, before.bound ?? 0); // the objective is not negative
    const gap = least - best;
    const moved = !(gap > 0.95 * (before.mark ?? Number.POSITIVE_INFINITY));
    return { ...now, value, least, bound: best, idle: moved ? 0 : (before.idle ?? 0) + 1, mark: moved ? gap : (before.mark as number) };
  };
  return {
    init(p, x) {
      if (!(p.lambda >= 0))
        throw new ArgumentError(`total variation: λ is ${p.lambda}; give a number that is not negative`, { lambda: p.lambda });
      const { pictures, geometry } = tvLayout(p.data.shape, o);
      const norm2 = 4 * geometry.size.length; // ‖∇‖² ≤ 4 d
      const mu = leastWeight(p);
      // Without strong convexity the ratio of the steps decides the speed: a hundredth of the range moves in a step of full duals.
      const tau = o.tau ?? (mu > 0 ? 4 / mu : Math.max(1e-6, (0.02 * rangeOf(p)) / Math.max(p.lambda, 1e-30)));
      const dual = Tensor.zeros([pictures, geometry.size.length, ...geometry.size]);
      return look(p, {}, { x, dual, tau, sigma: 1 / (norm2 * tau), steps: 0 });
    },
    step(p, state) {
      const { pictures, n, geometry } = tvLayout(p.data.shape, o);
      const gamma = 0.6 * leastWeight(p); // below the modulus 1 of the data term: x, not only the dual, settles fast
      const alpha = o.alpha ?? 0;
      const points = [0, 1].map(() => ({ x: Tensor.uninitialised(state.x.shape), dual: Tensor.uninitialised(state.dual.shape) }));
      let { tau, sigma } = state;
      let from: { x: Tensor; dual: Tensor } = state;
      for (let k = 0; k < block; k++) {
        const to = points[k & 1];
        const theta = gamma > 0 ? 1 / Math.sqrt(1 + 2 * gamma * tau) : 1;
        const next = sigma / theta;
        const numbers = {
          tau,
          sigma: next,
          theta,
          lambda: p.lambda,
          shrink: alpha > 0 ? 1 / (1 + (next * alpha) / p.lambda) : 1,
          rho: gamma > 0 || k === block - 1 ? 1 : 1.9, // relaxed duals leave their ball; the last one is looked at
        };
        for (let i = 0; i < pictures; i++) {
          const at = 4 * i * n;
          const planes = at * geometry.size.length;
          tvStep(
            engine(),
            from.x.pointer + at,
            from.dual.pointer + planes,
            p.data.pointer + at,
            p.weights ? p.weights.pointer + at : 0,
            to.x.pointer + at,
            to.dual.pointer + planes,
            geometry,
            numbers,
          );
        }
        tau *= theta;
        sigma = next;
        from = to;
      }
      return look(p, state, { x: from.x, dual: from.dual, tau, sigma, steps: state.steps + block });
    },
    done(s): { stop: Stop; reason: string } | undefined {
      // A tenth is left for rounding the image to its own units.
      if (s.least - s.bound <= 0.9 * tolerance * s.least)
        return { stop: "converged", reason: "the duality gap is small: no image can be much better" };
      if (s.idle >= 12) return { stop: "stalled", reason: "the duality gap does not fall any more: rounding has been reached" };
      return undefined;
    },
  };
}

/** The restored image with objective and gap at the end. */
export interface TvResult {
  /** The image. */
  readonly image: Tensor;
  /** Why it ended, in a word. */
  readonly stop: Stop;
  /** Why it ended, in a sentence. */
  readonly reason: string;
  /** ½ Σ w (x − y)² + λ TV(x) of the image that is returned, from f64 sums, and how much it can be above the minimum at most. */
  readonly objective: number;
  /** Primal minus dual objective, relative: how far from the minimum at most. */
  readonly gap: number;
  /** Primal-dual steps. */
  readonly iterations: number;
  /** The objective at each look. */
  readonly history: readonly number[];
}
export interface TvRestoreOptions extends TvPrimalDualOptions {
  /** Most primal-dual steps (default 10 000). */
  readonly iterations?: number;
  /** Where to begin; default the data. */
  readonly start?: Tensor;
}
/** The problem about the middle of its data, where f32 numbers have the most digits for differences. */
function centred(p: TvProblem, o: TvRestoreOptions): { middle: Tensor; problem: TvProblem; start: Tensor; steps: number } {
  if (p.weights && shapeText(p.weights.shape) !== shapeText(p.data.shape))
    throw new ShapeError(
      `total variation: weights of ${shapeText(p.weights.shape)} for data of ${shapeText(p.data.shape)}; they must agree`,
      {
        weights: p.weights.shape,
        data: p.data.shape,
      },
    );
  const data = p.data.cast("f32");
  const known = p.weights?.cast("f32").greater(0);
  const high = known ? where(known, data, Number.NEGATIVE_INFINITY).max() : data.max();
  const low = known ? where(known, data, Number.POSITIVE_INFINITY).min() : data.min();
  const middle = Tensor.scalar(known && !Number.isFinite(high.item()) ? 0 : 0.5 * (high.item() + low.item()));
  const shifted = data.sub(middle);
  const safe = known ? where(known, shifted, 0) : shifted;
  const start = o.start ? o.start.cast("f32").sub(middle) : safe;
  return {
    middle,
    problem: { data: safe, weights: p.weights?.cast("f32"), lambda: p.lambda },
    start,
    steps: Math.ceil((o.iterations ?? 10_000) / (o.block ?? 40)),
  };
}
function finished(c: ReturnType<typeof centred>, o: TvRestoreOptions, r: Result<Tensor, TvState>): TvResult {
  const s = r.state as TvState;
  const image = r.x.add(c.middle);
  const problem = { ...c.problem, data: c.problem.data.add(c.middle) };
  const { value } = certificate(problem, image, s.dual, o, 0);
  return {
    image,
    stop: r.stop,
    reason: r.reason,
    objective: value,
    gap: value - s.bound,
    iterations: s.steps,
    history: r.history,
  };
}
/** Solve min over x ½ Σ w (x − y)² + λ TV(x). The event loop turns meanwhile; the run's signal and progress are heard between blocks of steps. */
export async function tvRestore(
  p: TvProblem,
  o: TvRestoreOptions = {},
  run: Pick<Run<Tensor>, "signal" | "onProgress"> = {},
): Promise<TvResult> {
  const c = scope(() => centred(p, o));
  try {
    const r = await iterate(tvPrimalDual(o), c.problem, c.start, { ...run, iterations: c.steps, keepState: true });
    return scope(() => {
      const result = finished(c, o, r);
      dispose(r.x, r.state?.dual);
      return result;
    });
  } finally {
    dispose(c.middle, c.problem.data);
  }
}
/** The same at once, for the inside of steps: the proximal map of λ TV is its image. */
export const tvRestoreSync = (p: TvProblem, o: TvRestoreOptions = {}): TvResult =>
  scope(() => {
    const c = centred(p, o);
    return finished(c, o, iterateSync(tvPrimalDual(o), c.problem, c.start, { iterations: c.steps, keepState: true }));
  });
