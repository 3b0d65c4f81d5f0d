import { ArgumentError } from "../core/errors.js";
import type { Fidelity, InverseProblem, Iteration, LinearOperator, Prior, Progress, State, Stop } from "../core/interfaces.js";
import { iterate } from "../core/iterate.js";
import { seeded } from "../core/random.js";
import { sizeOf } from "../core/shape.js";
import { leastSquares } from "../fidelities/index.js";
import { type Denoiser, PlugAndPlay, Red } from "../priors/index.js";
import { geometric, hqs, solveSquares } from "../solvers/index.js";
import { keep, scope, Tensor } from "../tensor/index.js";
import { inpaintBiharmonic } from "./inpaintBiharmonic.js";
import { noiseLevel } from "./noise.js";

/** Strength and number of the steps by a denoiser. */
export interface ByDenoiserOptions {
  /** A, from images to data. */
  readonly operator: LinearOperator;
  /** The measured data d. */
  readonly data: Tensor;
  /** What is known of the image beforehand. */
  readonly prior: Prior;
  /** λ; plug-and-play takes √λ for the noise's standard deviation. */
  readonly lambda: number;
  /** D(·, d); default least squares. */
  readonly fidelity?: Fidelity;
  /** Where to begin. */
  readonly start?: Tensor;
  /** Steps: default 8, for missing samples 16, for regularisation by denoising at most 50. */
  readonly iterations?: number;
  /** Stop when the relative change is smaller. */
  readonly tolerance?: number;
  /** Ends the work early, with an AbortedError. */
  readonly signal?: AbortSignal;
  /** Told where the work stands, step by step. */
  readonly onProgress?: (progress: Progress<Tensor>) => void;
}
/** The image at which denoiser and data agree, and how it ended. */
export interface ByDenoiserResult {
  /** The image. */
  readonly image: Tensor;
  /** Why it ended, in a word. */
  readonly stop: Stop;
  /** Why it ended, in a sentence. */
  readonly reason: string;
  /** ½‖Ax − d‖² + λ R(x) at the end. */
  readonly objective: number;
  /** How many steps were made. */
  readonly iterations: number;
  /** What was measured on the way, step by step. */
  readonly history: readonly number[];
  /** How the minimum was found. */
  readonly solver: string;
}

/**
 * λ by the noise: plug-and-play has λ = σ², regularisation by denoising with strength σ_f, where x − f(x) ≈ σ_f² ∇R, has λ = σ² / σ_f². Missing samples
 * without a given noise are interpolated: λ = 0.
 * @throws ArgumentError when the noise is not given and cannot be read from the data
 */
export function lambdaOfNoise({ operator, data, prior }: Pick<ByDenoiserOptions, "operator" | "data" | "prior">, noise?: number): number {
  let sigma = noise;
  if (sigma === undefined) {
    if (data.dtype === "c64" || data.dtype === "c128" || data.rank < 2)
      throw new ArgumentError(
        `restore: the noise of these data cannot be read from them; give its standard deviation (noise) for ${prior.name}`,
        {},
      );
    sigma = operator.diagonal instanceof Tensor ? 0 : noiseLevel(data);
  }
  return prior instanceof Red ? (sigma / prior.sigma) ** 2 : sigma * sigma;
}

/**
 * Restoration where the prior is a denoiser f(·, σ):
 *  A the identity      f(y, √λ)
 *  A known samples     x ← x + 1.7 m̄ (f(x, σ_k) − x) from the biharmonic interpolation, m̄ = 1 where nothing is known, σ_k falling
 *  any other A         half-quadratic splitting: z ← f(x, σ_k), x ← (A*A + ρ_k)⁻¹ (A*y + ρ_k z), ρ_k = λ / σ_k², σ_k falling geometrically to 1.5 √λ / gain,
 *                      gain² the mean eigenvalue of A*A where that is above 1: what noise of the data comes to in an image
 *  Red                 x ← (A*A + λ)⁻¹ (A*y + λ f(x, σ)) until at rest
 * σ_k begins at a quarter of the image's contrast (an eighth for missing samples), so gain and offset of the data pass through as the denoiser lets them. Undefined for other priors.
 * @see Zhang, Zuo, Gu & Zhang (2017), Learning deep CNN denoiser prior for image restoration, CVPR
 * @see Romano, Elad & Milanfar (2017), SIAM J. Imaging Sci. 10(4) (the fixed-point iteration)
 */
export function restoreByDenoiser(o: ByDenoiserOptions): Promise<ByDenoiserResult> | undefined {
  if (o.prior instanceof Red) return byRed(o, o.prior);
  if (!(o.prior instanceof PlugAndPlay)) return undefined;
  if (!o.fidelity && o.operator.diagonal === 1) return once(o, o.prior.denoiser);
  if (!o.fidelity && o.operator.diagonal instanceof Tensor) return filledIn(o, o.prior.denoiser, o.operator.diagonal);
  return split(o, o.prior);
}

const misfit = (o: ByDenoiserOptions, x: Tensor): number =>
  scope(() => (o.fidelity ?? leastSquares(o.data)).value(o.operator.apply(x)).item());

async function once(o: ByDenoiserOptions, f: Denoiser): Promise<ByDenoiserResult> {
  const image = scope(() => f.denoise(o.data, Math.sqrt(o.lambda)));
  const objective = misfit(o, image);
  const reason = `noise of standard deviation ${Math.sqrt(o.lambda).toPrecision(3)} was taken off`;
  return { image, stop: "converged", reason, objective, iterations: 1, history: [], solver: `${f.name}, once` };
}

/** From the half of one per cent to that of the largest: the extremes of noise and ringing left out. */
function contrast(x: Tensor): number {
  const all = Float32Array.from(x.dtype === "c64" || x.dtype === "c128" ? x.abs().data : x.data).sort();
  return all.length === 0 ? 0 : all[Math.floor(0.995 * (all.length - 1))] - all[Math.ceil(0.005 * (all.length - 1))];
}
/** √(mean eigenvalue of A*A), by a probe of random signs, but at least 1: operators that lose much do not make noise larger. */
function gainOf(operator: LinearOperator): number {
  const random = seeded(1);
  const n = sizeOf(operator.domain);
  const signs = Float32Array.from({ length: n }, () => (random.uniform() < 0.5 ? -1 : 1));
  return Math.max(1, scope(() => operator.apply(Tensor.from(signs, operator.domain)).norm().item()) / Math.sqrt(n));
}
/** Plug-and-play that tells its denoiser which denoising of the run this is. */
function numbered(f: Denoiser): PlugAndPlay {
  let step = 0;
  return new PlugAndPlay({ name: f.name, denoise: (image, sigma) => f.denoise(image, sigma, step++) });
}
async function split(o: ByDenoiserOptions, prior: PlugAndPlay): Promise<ByDenoiserResult> {
  const { operator, data } = o;
  const fidelity = o.fidelity ?? leastSquares(data);
  const steps = o.iterations ?? 8;
  // The step of steepest descent from 0: of the size of the image whatever the operator's.
  const rough =
    o.start ??
    scope(() => {
      const back = operator.adjoint(data);
      const forth = operator.apply(back);
      const [b, f] = [back.innerProduct(back).item(), forth.innerProduct(forth).item()];
      return back.mul(f > 0 ? b / f : 0);
    });
  const size = contrast(rough);
  // Noise far below what can be seen is treated as just that.
  const gain = gainOf(operator);
  const sigma = Math.max(Math.sqrt(o.lambda) / gain, 1e-3 * size, 1e-20);
  const lambda = (gain * sigma) ** 2;
  const levels = geometric(Math.max(0.27 * size, 1.5 * sigma), 1.5 * sigma, steps);
  const couplings = levels.map((s) => lambda / (s * s));
  const problem: InverseProblem = { operator, fidelity, terms: numbered(prior.denoiser).terms(operator.domain, lambda) };
  const sharp =
    o.start ||
    (fidelity.quadratic
      ? scope(() =>
          solveSquares({ ...problem, terms: [{ weight: couplings[0], functional: leastSquares(rough) }] }, { innerIterations: 20 }),
        )
      : rough);
  const r = await iterate(hqs({ couplings, valueEvery: 0 }), problem, sharp, {
    iterations: steps,
    keepBest: false,
    signal: o.signal,
    onProgress: o.onProgress,
  });
  return {
    image: r.x,
    stop: r.stop === "iterations" ? "converged" : r.stop,
    reason: `${steps} denoisings from σ = ${levels[0].toPrecision(3)} down to ${levels[steps - 1].toPrecision(3)}`,
    objective: misfit(o, r.x),
    iterations: r.iterations,
    history: [],
    solver: "plug-and-play, half-quadratic splitting",
  };
}

interface Filling extends State<Tensor> {
  readonly k: number;
}
async function filledIn(o: ByDenoiserOptions, f: Denoiser, mask: Tensor): Promise<ByDenoiserResult> {
  const steps = o.iterations ?? 16;
  const { y, missing, square } = scope(() => {
    const missing = mask.equal(0);
    return { missing, y: o.data.div(mask.add(missing)), square: mask.square() };
  });
  const first = o.start ?? inpaintBiharmonic(y, mask, { dimensions: Math.min(y.rank, 2) }).image;
  const size = contrast(first);
  // Down to a level of 8 bits.
  const last = Math.max(0.004 * size, 1.5 * Math.sqrt(o.lambda), 1e-20);
  const levels = geometric(Math.max(0.12 * size, last), last, steps);
  const iteration: Iteration<undefined, Tensor, Filling> = {
    init: (_, x) => ({ x, k: 0 }),
    step(_, { x, k }) {
      const z = f.denoise(x, levels[k], k);
      // What is known: m²/σ² from the data against 1/σ_k² from the denoiser. What is missing: a longer step than to z, for it is slow to flow in.
      const rho = o.lambda / (levels[k] * levels[k]);
      const known = rho > 0 ? y.mul(square).add(z.mul(rho)).div(square.add(rho)) : y;
      const filled = x.add(z.sub(x).mul(1.7));
      return { x: known.add(filled.sub(known).mul(missing)), k: k + 1 };
    },
  };
  const run = await iterate(iteration, undefined, first, {
    iterations: steps,
    keepBest: false,
    signal: o.signal,
    onProgress: o.onProgress,
  });
  // What is known still carries its noise.
  const image = o.lambda > 0 ? scope(() => f.denoise(run.x, Math.sqrt(o.lambda))) : run.x;
  return {
    image,
    stop: "converged",
    reason: `${steps} denoisings from σ = ${levels[0].toPrecision(3)} down to ${levels[steps - 1].toPrecision(3)}`,
    objective: misfit(o, image),
    iterations: run.iterations,
    history: [],
    solver: `${f.name}, filling in`,
  };
}

async function byRed(o: ByDenoiserOptions, prior: Red): Promise<ByDenoiserResult> {
  const { operator, data, lambda } = o;
  if (!(lambda > 0))
    throw new ArgumentError("restore: regularisation by denoising needs λ above 0; give λ, or the noise with auto", { lambda });
  const fidelity = o.fidelity ?? leastSquares(data);
  // The splitting whose coupling stays at λ: (A*A + λ) x = A*y + λ f(x).
  const functional = { value: prior.value.bind(prior), prox: (v: Tensor) => prior.denoiser.denoise(v, prior.sigma) };
  const problem: InverseProblem = { operator, fidelity, terms: [{ weight: 1, functional }] };
  const tolerance = Math.max(o.tolerance ?? 1e-3, 1e-12);
  const start = o.start ?? keep(operator.adjoint(data));
  const r = await iterate(hqs({ couplings: [lambda], valueEvery: 0, tolerance }), problem, start, {
    iterations: o.iterations ?? 50,
    keepBest: false,
    signal: o.signal,
    onProgress: o.onProgress,
  });
  return {
    image: r.x,
    stop: r.stop,
    reason: r.reason,
    objective: misfit(o, r.x) + lambda * scope(() => prior.value(r.x).item()),
    iterations: r.iterations,
    history: [],
    solver: "regularisation by denoising, fixed point",
  };
}
