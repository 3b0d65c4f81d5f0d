import { ArgumentError, FormatError, ShapeError } from "../core/errors.js";
import type { Progress, Stop } from "../core/interfaces.js";
import { iterate } from "../core/iterate.js";
import { shapeText, sizeOf } from "../core/shape.js";
import { complexShrink } from "../kernels/complexImage.js";
import { engine } from "../kernels/index.js";
import {
  adjointOf,
  compactMask,
  compose,
  gradientOperator,
  magneticResonanceOperator,
  type Operator,
  partsOfComplex,
  stationaryWaveletOperator,
  type WaveletName,
} from "../operators/index.js";
import { type AnyDenoiser, plugAndPlay } from "../priors/index.js";
import { conjugateGradient } from "../solvers/index.js";
import { scope, Tensor } from "../tensor/index.js";
import { type DictionaryMrOptions, dictionaryMr, dictionaryPenalty } from "./dictionaryMr.js";
import { type EspiritOptions, espirit } from "./espirit.js";
import { acceleratedShrinkage, complexTvPrimalDual, type QuadraticData } from "./frameShrinkage.js";
import { trajectoryProblem } from "./nonCartesian.js";
import { restore } from "./restore.js";

/** The priors that a reconstruction from k-space knows by name. */
export type MrPrior = "wavelet" | "tv" | "l2" | "none" | "pnp" | "learned" | "dictionary";
/**
 * A learned reconstruction: (A*y, x ↦ A*A x) ↦ image, all complex [h, w], in units in which the largest magnitude of A*y is 1. `networkReconstruction` of
 * `pullback/models` makes one of a network; any function will do.
 */
export type MrNetwork = (zeroFilled: Tensor, normal: (x: Tensor) => Tensor) => Tensor;
/** Coils, prior, weight and solver of a reconstruction from k-space. */
export interface ReconstructMrOptions {
  /**
   * Complex, centred, orthonormal: [h, w] of one coil or [coils, h, w]; 0 where nothing was measured. With a trajectory: [m] or [coils, m], laid out as
   * the trajectory is.
   */
  readonly kspace: Tensor;
  /** Where samples lie when not on the lattice: (kx, ky) in cycles per field of view, [m, 2] or [shots, samples, 2]. */
  readonly trajectory?: Tensor;
  /** With a trajectory: [h, w] of the image; default a square that the trajectory reaches the edges of. */
  readonly size?: readonly [number, number];
  /** Non-zero where k-space was measured: [h, w], a column [h, 1] of whole rows, or [w] or [1, w] of whole columns. Default: where k-space is not 0. */
  readonly mask?: Tensor;
  /** Sensitivities [coils, h, w], or "espirit" (default with several coils) to have them from the centre of k-space. */
  readonly maps?: Tensor | "espirit";
  /** How sensitivities are estimated from the data. */
  readonly espirit?: Omit<EspiritOptions, "mask">;
  /**
   * R: ‖Wx‖₁ of shift-invariant wavelets (default with maps), total variation (default of one coil, where whole copies of edges have to go),
   * ½‖x‖², patches of few atoms that are learned on the way (`dictionaryMr`, at the cost of seconds), or nothing.
   */
  readonly prior?: MrPrior;
  /** What prior "pnp" (its default then) plugs in: it takes noise off real and imaginary part, as two pictures. λ is the variance of the noise. */
  readonly denoiser?: AnyDenoiser;
  /** What prior "learned" (its default then) reconstructs with, in place of a minimisation; it has no λ, steps and tolerance. */
  readonly network?: MrNetwork;
  /**
   * λ, for data divided by `scale`. "auto" (default): 0.0024 √(share sampled) for wavelets, 0.005 for total variation, 0.01 for l2, 0.05 for a dictionary (which hardly
   * depends on it). The wavelets' rule is that of noise: what a zero-filled image has of it grows with the root of that share.
   */
  readonly lambda?: number | "auto";
  /** "auto" (default) divides the data by the largest magnitude of the zero-filled image, so that one λ suits every scanner; "none" takes them as they are. */
  readonly scaleData?: "auto" | "none";
  /** With prior "dictionary". */
  readonly dictionary?: DictionaryMrOptions;
  /** Which wavelet, over how many levels. */
  readonly wavelet?: {
    /** Its family. */
    readonly name?: WaveletName;
    /** How often the coarse part is transformed again. */
    readonly levels?: number;
  };
  /** Most steps; default 60 for wavelets, 150 for total variation, 100 for conjugate gradients; 40 with a dictionary, which takes them all. */
  readonly iterations?: number;
  /** Stop where an image changes by less than this part of itself (default 1e-3 with wavelets, 3e-4 with total variation; residual 1e-5 for l2 and none). */
  readonly tolerance?: number;
  /** Ends the work early, with an AbortedError. */
  readonly signal?: AbortSignal;
  /** Told where the work stands, step by step. */
  readonly onProgress?: (progress: Progress<Tensor>) => void;
}
/** An image from k-space, with sensitivities, the scale of the data and how it ended. */
export interface ReconstructMrResult {
  /** [h, w] complex, in the units of the data. */
  readonly image: Tensor;
  /** A*y, the zero-filled image; of a trajectory the image by gridding, with compensated density. */
  readonly zeroFilled: Tensor;
  /** The maps used, [coils, h, w]; none for one coil without. */
  readonly maps?: Tensor;
  /** A, from images to data. */
  readonly operator: Operator;
  /** Whether to trust the result; `reason` says why. */
  readonly status: "ok" | "suspect";
  /** Why it ended, in a word. */
  readonly stop: Stop;
  /** Why it ended, in a sentence. */
  readonly reason: string;
  /** How many steps were made. */
  readonly iterations: number;
  /** The prior's name. */
  readonly prior: MrPrior;
  /** For data divided by `scale`. */
  readonly lambda: number;
  /** The factor between sizes, or by which data were divided. */
  readonly scale: number;
  /** ½‖Ax − y‖² + λ R(x) of the scaled problem, at the end. */
  readonly objective: number;
  /** Share of k-space that was measured. */
  readonly sampled: number;
  /** ‖x_k − x_{k−1}‖/‖x_k‖ of each step (conjugate gradients: the objective). */
  readonly history: readonly number[];
  /** How the minimum was found. */
  readonly solver: string;
  /** What is worth knowing, a sentence each. */
  readonly warnings: readonly string[];
}

/**
 * An image from undersampled k-space of one coil or several:  min over x  ½‖m F(S x) − y‖² + λ R(x)  with complex x. Without `maps`, several coils are
 * calibrated by ESPIRiT. Sampled whole and without a prior this is the inverse transform. Samples on a trajectory count by the share w of k-space that each
 * stands for, ½ Σ w |F(S x) − y|²; λ then means what it means on the lattice.
 * @throws ShapeError for arrays that do not belong together, ArgumentError for real k-space, FormatError for an empty mask and numbers that are not finite
 * @see Lustig, Donoho & Pauly (2007), Sparse MRI, Magnetic Resonance in Medicine 58; Uecker et al. (2014), ESPIRiT, ibid. 71
 */
export async function reconstructMr(options: ReconstructMrOptions): Promise<ReconstructMrResult> {
  const made = scope(() => prepare(options));
  const { operator, data, zeroFilled, scale, sampled, maps, warnings, shape } = made;
  const prior = options.prior ?? (options.network ? "learned" : options.denoiser ? "pnp" : maps ? "wavelet" : "tv");
  if ((prior === "pnp") !== (options.denoiser !== undefined))
    throw new ArgumentError(
      options.denoiser
        ? `reconstructMr: a denoiser with prior "${prior}"; it goes with "pnp"`
        : 'reconstructMr: prior "pnp" needs a denoiser, such as bm3d() or that of learnedDenoiser()',
      { prior },
    );
  checkNetwork(options, prior);
  const lambda =
    options.lambda === undefined || options.lambda === "auto"
      ? {
          wavelet: 0.0024 * Math.sqrt(sampled),
          tv: 0.005,
          l2: 0.01,
          none: 0,
          pnp: prior === "pnp" ? rimNoise(data) ** 2 : 0,
          learned: 0,
          dictionary: 0.05,
        }[prior]
      : options.lambda;
  if (!(lambda >= 0 && Number.isFinite(lambda)))
    throw new ArgumentError(`reconstructMr: λ is ${lambda}; give a number that is not negative, or auto`, { lambda });
  const lipschitz = maps || options.trajectory ? operator.norm() ** 2 : 1;
  const problem: QuadraticData = {
    normal: operator.normal ?? ((x: Tensor) => operator.adjoint(operator.apply(x))),
    rhs: zeroFilled,
    size: zeroFilled.norm().item(),
    lipschitz: Math.max(lipschitz, 1e-12),
    normalInverse: operator.normalInverse,
  };
  const changes: number[] = [];
  const run = {
    signal: options.signal,
    onProgress: options.onProgress,
    keepBest: false,
    keepState: true,
  };
  const tolerance = options.tolerance;
  let outcome: { x: Tensor; stop: Stop; reason: string; iterations: number; history: readonly number[] };
  let solver: string;
  let penalty: (x: Tensor) => number;
  const heard = <S extends { readonly change?: number }>(iteration: { done?: (s: S) => unknown }) => {
    const done = iteration.done;
    iteration.done = (s: S) => {
      if (s.change !== undefined && Number.isFinite(s.change)) changes.push(s.change);
      return done?.(s);
    };
  };
  if (prior === "learned") {
    const x = scope(() => (options.network as MrNetwork)(zeroFilled, problem.normal));
    penalty = () => 0;
    outcome = { x, stop: "converged", reason: "the network's cascades are through", iterations: 1, history: [] };
    solver = "learned";
  } else if (prior === "pnp") {
    const parts = adjointOf(partsOfComplex(shape));
    const r = await restore({
      operator: compose(operator, parts),
      data,
      prior: plugAndPlay(options.denoiser as AnyDenoiser),
      lambda,
      // Aliasing is no white noise: it goes in smaller steps than a blur.
      iterations: options.iterations ?? 24,
      signal: options.signal,
    });
    penalty = () => 0;
    outcome = { ...r, x: scope(() => parts.apply(r.image)) };
    solver = r.solver;
  } else if (prior === "dictionary") {
    const steps = options.iterations ?? 40;
    const method = dictionaryMr(lambda, steps, options.dictionary);
    heard(method as never);
    const found = await iterate(method, problem, zeroFilled, { ...run, iterations: steps });
    outcome = found;
    const z = found.state?.patches ?? zeroFilled;
    penalty = (x) => dictionaryPenalty(x, z);
    solver = "alternating: K-SVD, matching pursuit, data steps";
  } else if (prior === "wavelet") {
    const w = stationaryWaveletOperator(shape, {
      wavelet: options.wavelet?.name ?? "db2",
      levels: options.wavelet?.levels,
      type: "c64",
    });
    const n = sizeOf(shape);
    const details = (x: Tensor) => w.apply(x).slice([1, ...shape.map(() => 0)]);
    penalty = (x) => details(x).abs().sum().item();
    const method = acceleratedShrinkage((v, step) => {
      const z = w.apply(v);
      const at = z.pointer + 8 * n; // the approximation, plane 0, is not shrunk
      complexShrink(engine(), at, at, lambda * step, z.size - n);
      return w.adjoint(z);
    }, tolerance ?? 1e-3);
    heard(method as never);
    outcome = await iterate(method, problem, zeroFilled, { ...run, iterations: options.iterations ?? 60 });
    solver = "projected accelerated shrinkage of a tight frame";
  } else if (prior === "tv") {
    const k = gradientOperator(shape, { type: "c64" });
    penalty = (x) => k.apply(x).abs().square().sum(0).sqrt().sum().item();
    const method = complexTvPrimalDual(lambda, tolerance ?? 3e-4);
    heard(method as never);
    outcome = await iterate(method, problem, zeroFilled, { ...run, iterations: options.iterations ?? 150 });
    solver = problem.normalInverse ? "primal-dual, exact data steps" : "primal-dual, gradient steps";
  } else {
    penalty = (x) => 0.5 * x.innerProduct(x).item();
    const { normal } = problem;
    outcome = await iterate(
      conjugateGradient<Tensor>({ relativeResidual: tolerance ?? 1e-5 }),
      { rhs: zeroFilled, apply: (x: Tensor) => (lambda > 0 ? normal(x).add(x.mul(lambda)) : normal(x)) },
      zeroFilled,
      { ...run, iterations: options.iterations ?? 100 },
    );
    changes.push(...outcome.history);
    solver = "conjugate gradients";
  }
  const finite = Number.isFinite(outcome.x.norm().item());
  return scope(() => ({
    image: outcome.x.mul(scale),
    zeroFilled: zeroFilled.mul(scale),
    maps,
    operator,
    status: finite ? ("ok" as const) : ("suspect" as const),
    stop: finite ? outcome.stop : ("diverged" as const),
    reason: outcome.reason,
    iterations: outcome.iterations,
    prior,
    lambda,
    scale,
    objective: 0.5 * operator.apply(outcome.x).sub(data).norm().square().item() + lambda * (lambda > 0 ? penalty(outcome.x) : 0),
    sampled,
    history: changes,
    solver,
    warnings,
  }));
}

/**
 * The standard deviation of the noise in real and imaginary part, from the samples at the rim of k-space, where there is least else: the median of their squares is
 * 2 ln 2 variances.
 * @throws ArgumentError for samples on a trajectory
 */
function rimNoise(data: Tensor): number {
  if (data.rank < 2 || data.shape[data.rank - 1] < 8)
    throw new ArgumentError(
      "reconstructMr: noise off the lattice cannot be read from the data; give λ, its variance for data divided by the scale",
      {},
    );
  const [h, w] = data.shape.slice(-2);
  const squares = data.abs().square().data;
  const rim: number[] = [];
  for (let k = 0; k < squares.length; k++) {
    const [y, x] = [Math.floor(k / w) % h, k % w];
    if (squares[k] > 0 && Math.max(Math.abs(y / h - 0.5), Math.abs(x / w - 0.5)) > 0.45) rim.push(squares[k]);
  }
  rim.sort((a, b) => a - b);
  return rim.length > 0 ? Math.sqrt(rim[rim.length >> 1] / (2 * Math.LN2)) : 0;
}

function checkNetwork(o: ReconstructMrOptions, prior: MrPrior): void {
  if ((prior === "learned") !== (o.network !== undefined))
    throw new ArgumentError(
      o.network
        ? `reconstructMr: a network with prior "${prior}"; it goes with "learned"`
        : 'reconstructMr: prior "learned" needs the network; see loadModel and networkReconstruction',
      { prior },
    );
  if (prior !== "learned") return;
  const idle = (["lambda", "iterations", "tolerance"] as const).find((name) => o[name] !== undefined);
  if (idle) throw new ArgumentError(`reconstructMr: a network has no ${idle}; leave it out`, { [idle]: o[idle] });
  if (o.scaleData === "none") throw new ArgumentError("reconstructMr: a network expects scaled data; leave scaleData out", {});
}

const isComplex = (t: Tensor) => t.dtype === "c64" || t.dtype === "c128";

interface Prepared {
  readonly shape: readonly number[];
  readonly operator: Operator;
  readonly maps: Tensor | undefined;
  readonly sampled: number;
  readonly scale: number;
  readonly warnings: readonly string[];
  readonly data: Tensor;
  readonly zeroFilled: Tensor;
}
/** Checks, the mask, maps and the operator; data and zero-filled image divided by the scale. */
function prepare(o: ReconstructMrOptions): Prepared {
  const warnings: string[] = [];
  const { kspace } = o;
  if (o.trajectory) return prepareTrajectory(o, o.trajectory);
  if (o.size) throw new ArgumentError("reconstructMr: a size is for trajectories; k-space on its lattice has its own", { size: o.size });
  if (kspace.rank !== 2 && kspace.rank !== 3)
    throw new ShapeError(`reconstructMr: k-space of ${shapeText(kspace.shape)}; expected [h, w] of one coil or [coils, h, w]`, {
      shape: kspace.shape,
    });
  if (!isComplex(kspace))
    throw new ArgumentError("reconstructMr: k-space is real; it must be complex (a complex .npy, or a tensor of c64)", {
      dtype: kspace.dtype,
    });
  const shape = kspace.shape.slice(-2);
  if (shape.some((n) => n < 2))
    throw new ShapeError(`reconstructMr: k-space of ${shapeText(kspace.shape)} is no picture`, { shape: kspace.shape });
  const y = kspace.cast("c64");
  if (!Number.isFinite(y.abs().sum().item()))
    throw new FormatError("reconstructMr: k-space has values that are not finite; replace them and leave their places out of the mask", {});
  const mask = maskOf(o.mask, y, shape);
  const sampled = mask.broadcastTo(shape).mean().item();
  if (!(sampled > 0)) throw new FormatError("reconstructMr: the mask is empty: nothing was measured", {});
  const compact = compactMask(mask);
  const measured = y.mul(mask);
  if (measured.abs().max().item() === 0) throw new FormatError("reconstructMr: k-space is 0 wherever the mask has samples", {});
  const coils = kspace.rank === 3 ? kspace.shape[0] : 0;
  let maps: Tensor | undefined;
  if (o.maps instanceof Tensor) {
    maps = o.maps;
    if (!isComplex(maps)) throw new ArgumentError("reconstructMr: the maps are real; sensitivities are complex", { dtype: maps.dtype });
    if (coils === 0 || shapeText(maps.shape) !== shapeText(kspace.shape))
      throw new ShapeError(`reconstructMr: maps of ${shapeText(maps.shape)} for k-space of ${shapeText(kspace.shape)}; they must agree`, {
        maps: maps.shape,
        kspace: kspace.shape,
      });
    if (!Number.isFinite(maps.abs().sum().item())) throw new FormatError("reconstructMr: the maps have values that are not finite", {});
  } else if (coils > 0) {
    maps = coils === 1 && o.maps === undefined ? Tensor.ones(kspace.shape, "c64") : espirit(measured, { ...o.espirit, mask }).maps;
  } else if (o.maps === "espirit") warnings.push("one coil needs no maps; none were estimated");
  const operator = magneticResonanceOperator({ mask: compact, maps, shape });
  const combined = operator.adjoint(measured);
  const largest = combined.abs().max().item();
  if (!(largest > 0)) throw new FormatError("reconstructMr: the maps are 0 wherever there is signal", {});
  const scale = o.scaleData === "none" ? 1 : largest;
  return {
    shape,
    operator,
    maps,
    sampled,
    scale,
    warnings,
    data: measured.div(scale),
    zeroFilled: combined.div(scale),
  };
}

/** The same for samples off the lattice. */
function prepareTrajectory(o: ReconstructMrOptions, trajectory: Tensor): Prepared {
  const { kspace } = o;
  if (o.mask) throw new ArgumentError("reconstructMr: a mask is for k-space on its lattice; leave out samples of a trajectory instead", {});
  if (!isComplex(kspace)) throw new ArgumentError("reconstructMr: k-space is real; it must be complex", { dtype: kspace.dtype });
  if (!Number.isFinite(kspace.abs().sum().item()))
    throw new FormatError("reconstructMr: k-space has values that are not finite; leave these samples and their places out", {});
  const p = trajectoryProblem({ ...o, trajectory });
  const combined = p.operator.adjoint(p.data);
  const largest = combined.abs().max().item();
  if (!(largest > 0)) throw new FormatError("reconstructMr: k-space is 0, or the maps are wherever there is signal", {});
  const scale = o.scaleData === "none" ? 1 : largest;
  return {
    shape: p.shape,
    operator: p.operator,
    maps: p.maps,
    sampled: p.sampled,
    scale,
    warnings: p.warnings,
    data: p.data.div(scale),
    zeroFilled: combined.div(scale),
  };
}

function maskOf(given: Tensor | undefined, y: Tensor, shape: readonly number[]): Tensor {
  const [h, w] = shape;
  if (!given) return (y.rank === 3 ? y.abs().sum(0) : y.abs()).greater(0);
  if (isComplex(given))
    throw new ArgumentError("reconstructMr: the mask is complex; give real weights, non-zero where k-space was measured", {});
  const m = given.cast("f32");
  if (!Number.isFinite(m.abs().sum().item())) throw new FormatError("reconstructMr: the mask has values that are not finite", {});
  const text = shapeText(m.shape);
  // A list of lines goes along the axis that it fits: of squares, along the last one, as arrays stretch.
  const fits =
    text === shapeText(shape) || text === `${h}×1` || text === `1×${w}`
      ? m
      : m.rank === 1 && m.shape[0] === w
        ? m.reshape(1, w)
        : m.rank === 1 && m.shape[0] === h
          ? m.reshape(h, 1)
          : undefined;
  if (!fits)
    throw new ShapeError(`reconstructMr: a mask of ${text} for k-space of ${shapeText(shape)}; give [h, w], [h, 1] or [w]`, {
      mask: m.shape,
      shape,
    });
  return fits.abs().greater(0);
}
