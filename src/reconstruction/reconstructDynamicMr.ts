import { ArgumentError, ShapeError } from "../core/errors.js";
import type { Iteration, Progress, State, Stop } from "../core/interfaces.js";
import { iterate } from "../core/iterate.js";
import { shapeText, sizeOf } from "../core/shape.js";
import { compactMask, magneticResonanceOperator, type Operator, warpFieldOperator, waveletOperator } from "../operators/index.js";
import { complex, keep, scope, stack, Tensor } from "../tensor/index.js";
import { acceleratedShrinkage, complexTvPrimalDual, type QuadraticData } from "./frameShrinkage.js";
import { reconstructMrSeries } from "./reconstructMrSeries.js";

/** How a series from few samples per frame is reconstructed. */
export const dynamicMethods = ["lowrank+sparse", "temporalTv", "temporalWavelet", "motion", "learned"] as const;
/** A name in `dynamicMethods`. */
export type DynamicMethod = (typeof dynamicMethods)[number];
/**
 * A learned reconstruction of series: (A*y [t, h, w] complex, where frames were measured [t, h, w or 1], frequency 0 in the middle) ↦ frames [t, h, w], in
 * units in which the largest magnitude of A*y is 1. `networkSeries` of `pullback/models` makes one of a network; any function will do.
 */
export type MrSeriesNetwork = (zeroFilled: Tensor, mask: Tensor) => Tensor;

/** Method, weights and number of steps of a dynamic reconstruction. */
export interface DynamicMrOptions {
  /** Complex, centred, orthonormal: [t, h, w] of one coil, or [t, coils, h, w] with `maps`. */
  readonly kspace: Tensor;
  /** Non-zero where a frame was measured: [t, h, w], rows [t, h, 1], or [t, h]. Default: where k-space is not 0. */
  readonly mask?: Tensor;
  /** Sensitivities [coils, h, w], for several coils. */
  readonly maps?: Tensor;
  /**
   * temporalTv (default)   λ Σ |x_{t+1} − x_t|: most samples change seldom
   * temporalWavelet        λ ‖W x‖₁, W an orthogonal wavelet transform of time
   * lowrank+sparse         a background of few patterns and a moving part, see `reconstructMrSeries` (one coil)
   * motion                 one picture for all frames, carried by the motion between them, which `register` finds in a first pass
   * learned                `network` says what the frames are (one coil)
   */
  readonly method?: DynamicMethod;
  /** For data divided by the largest magnitude of the zero-filled series (default 0.01). */
  readonly lambda?: number;
  /** For "motion": u [2, h, w] in samples with moving(p + u(p)) ≈ fixed(p), of two magnitudes [h, w]. */
  readonly register?: (fixed: Tensor, moving: Tensor) => Promise<Tensor>;
  /** For "learned". */
  readonly network?: MrSeriesNetwork;
  /** The most steps there may be. */
  readonly iterations?: number;
  /** Stop where a step changes the series by less than this part of itself (default 1e-4). */
  readonly tolerance?: number;
  /** Ends the work early, with an AbortedError. */
  readonly signal?: AbortSignal;
  /** Told where the work stands, step by step. */
  readonly onProgress?: (progress: Progress<Tensor>) => void;
}
/** A series with what it was made of and how it ended. */
export interface DynamicMrResult {
  /** [t, h, w] complex, in the units of the data. */
  readonly frames: Tensor;
  /** The adjoint's image: what was not measured taken as 0. */
  readonly zeroFilled: Tensor;
  /** How it was found. */
  readonly method: DynamicMethod;
  /** λ in ½‖Ax − d‖² + λ R(x). */
  readonly lambda: number;
  /** The factor between sizes, or by which data were divided. */
  readonly scale: number;
  /** Share of k-space that was measured. */
  readonly sampled: number;
  /** Why it ended, in a word. */
  readonly stop: Stop;
  /** Why it ended, in a sentence. */
  readonly reason: string;
  /** How many steps were made. */
  readonly iterations: number;
  /** ‖x_k − x_{k−1}‖ / ‖A*y‖ of each step. */
  readonly history: readonly number[];
  /** With "motion": the picture, the frame it belongs to, and how it is carried to each frame [t, 2, h, w]. */
  readonly motion?: {
    /** The picture. */
    readonly picture: Tensor;
    /** The frame, counted from 0. */
    readonly frame: number;
    /** From the reference to every frame. */
    readonly fields: Tensor;
  };
}

/**
 * A series from frames that were each measured in part:  min over x_t  ½ Σ_t ‖m_t F(S x_t) − y_t‖² + λ R(x), R along time.
 * @throws ShapeError, ArgumentError for arrays that do not belong together
 * @see Lustig et al. (2006), k-t SPARSE, Proc. ISMRM 14 (transforms along time); Otazo, Candès & Sodickson (2015), Magn. Reson. Med. 73
 */
export async function reconstructDynamicMr(o: DynamicMrOptions): Promise<DynamicMrResult> {
  const { method = "temporalTv", lambda = 0.01, tolerance = 1e-4 } = o;
  if (!dynamicMethods.includes(method))
    throw new ArgumentError(`dynamic mr: there is no method "${method}"; choose one of ${dynamicMethods.join(", ")}`, { method });
  if (!(lambda >= 0 && Number.isFinite(lambda)))
    throw new ArgumentError(`dynamic mr: λ is ${lambda}; give a number that is not negative`, { lambda });
  if (method === "motion" && !o.register)
    throw new ArgumentError('dynamic mr: "motion" needs register, a function that finds the motion', {});
  if (method === "learned" && !o.network) throw new ArgumentError('dynamic mr: "learned" needs network, a function that makes frames', {});
  if (method === "learned" && o.maps)
    throw new ArgumentError("dynamic mr: learned is for one coil; combine the coils or choose another method", {});
  const made = scope(() => prepare(o));
  const { problem, scale, sampled, zeroFilled, operators } = made;
  const told = { method, lambda, scale, sampled };
  const out = (x: Tensor) => scope(() => x.mul(scale));
  if (method === "learned") {
    o.signal?.throwIfAborted();
    const frames = scope(() => (o.network as MrSeriesNetwork)(zeroFilled, made.mask).mul(scale));
    if (shapeText(frames.shape) !== shapeText(zeroFilled.shape))
      throw new ShapeError(`dynamic mr: the network made ${shapeText(frames.shape)} of ${shapeText(zeroFilled.shape)}`, {
        shape: frames.shape,
      });
    return {
      ...told,
      frames,
      zeroFilled: out(zeroFilled),
      stop: "converged",
      reason: "the network has run once",
      iterations: 1,
      history: [],
    };
  }
  if (method === "lowrank+sparse") {
    if (o.maps) throw new ArgumentError("dynamic mr: lowrank+sparse is for one coil; combine the coils or choose another method", {});
    const r = await reconstructMrSeries({
      kspace: o.kspace.cast("c64"),
      mask: made.mask,
      iterations: o.iterations ?? 250,
      tolerance: o.tolerance ?? 3e-4,
      signal: o.signal,
    });
    const reason = r.stop === "converged" ? "the series does not change any more" : "the number of steps is reached";
    return { ...told, frames: r.frames, zeroFilled: out(zeroFilled), stop: r.stop, reason, iterations: r.iterations, history: [] };
  }
  const changes: number[] = [];
  const run = { signal: o.signal, onProgress: o.onProgress, keepBest: false };
  const heard = <S extends State<Tensor> & { readonly change: number }>(it: Iteration<QuadraticData, Tensor, S>) => {
    const { done } = it;
    it.done = (s) => {
      if (Number.isFinite(s.change)) changes.push(s.change);
      return done?.(s);
    };
    return it;
  };
  const solved =
    method === "temporalWavelet"
      ? await iterate(heard(temporalShrinkage(zeroFilled.shape, lambda, tolerance)), problem, zeroFilled, {
          ...run,
          iterations: o.iterations ?? 150,
        })
      : await iterate(heard(temporalDifferences(lambda, tolerance)), problem, zeroFilled, { ...run, iterations: o.iterations ?? 300 });
  const { stop, reason, iterations } = solved;
  const ended = { ...told, stop, reason, iterations, history: changes, zeroFilled: out(zeroFilled) };
  if (method !== "motion") return { ...ended, frames: out(solved.x) };

  // Motion between the magnitudes of the first pass, from the frame that is most like all others.
  const register = o.register as NonNullable<typeof o.register>;
  const [t, h, w] = zeroFilled.shape;
  const sizes = scope(() => solved.x.abs());
  const frame = scope(() => {
    const mean = sizes.mean(0);
    const far = Array.from({ length: t }, (_, k) => sizes.at(k).sub(mean).norm().item());
    return far.indexOf(Math.min(...far));
  });
  const fields: Tensor[] = [];
  for (let k = 0; k < t; k++) {
    o.signal?.throwIfAborted();
    fields.push(k === frame ? Tensor.zeros([2, h, w]) : await register(sizes.at(k), sizes.at(frame)));
  }
  const warps = fields.map((u) => warpFieldOperator([h, w], u, { channels: 2, border: "clamp", interpolation: "cubic" }));
  const parts = (x: Tensor) => stack([x.real(), x.imag()]);
  const joined = (v: Tensor) => complex(v.at(0), v.at(1));
  const carried = (x: Tensor) => {
    const p = parts(x);
    return warps.map((a) => joined(a.apply(p)));
  };
  const collected = (frames: readonly Tensor[]) => frames.map((x, k) => joined(warps[k].adjoint(parts(x)))).reduce((s, x) => s.add(x));
  const { rhs, start, lipschitz, size } = scope(() => {
    const rhs = collected(Array.from({ length: t }, (_, k) => zeroFilled.at(k)));
    // Σ_t W*W of a picture of ones bounds the operator well: rows of the warps have the sum 1.
    const weight = warps.reduce((s, a) => s.add(a.adjoint(Tensor.ones([2, h, w]))), Tensor.zeros([2, h, w]));
    return { rhs, start: solved.x.at(frame), lipschitz: 1.5 * weight.abs().max().item(), size: rhs.norm().item() };
  });
  const joint: QuadraticData = {
    rhs,
    size,
    lipschitz,
    normal: (x) => collected(carried(x).map((f, k) => (operators[k].normal as (x: Tensor) => Tensor)(f))),
  };
  const still = await iterate(heard(complexTvPrimalDual(lambda, tolerance)), joint, start, { ...run, iterations: 60 });
  // What was measured in a frame counts there as much as what all frames say: ½‖m F x − y‖² + ρ/2 ‖x − W_t picture‖².
  const rho = 0.3;
  const frames = scope(() =>
    stack(
      carried(still.x).map((f, k) => {
        const b = zeroFilled.at(k).add(f.mul(rho));
        const inverse = operators[k].normalInverse;
        if (inverse) return inverse(b, rho);
        let x = f;
        const normal = operators[k].normal as (x: Tensor) => Tensor;
        for (let i = 0; i < 20; i++)
          x = x.sub(
            normal(x)
              .add(x.mul(rho))
              .sub(b)
              .div(problem.lipschitz + rho),
          );
        return x;
      }),
    ).mul(scale),
  );
  return {
    ...ended,
    frames,
    iterations: iterations + still.iterations,
    motion: { picture: out(still.x), frame, fields: stack(fields) },
  };
}

/** Checks; A*y divided by its largest magnitude, and A*A frame by frame. */
function prepare(o: DynamicMrOptions) {
  const { kspace, maps } = o;
  const isComplex = (x: Tensor) => x.dtype === "c64" || x.dtype === "c128";
  if (!isComplex(kspace)) throw new ArgumentError("dynamic mr: k-space is real; it must be complex", { dtype: kspace.dtype });
  if (kspace.rank !== (maps ? 4 : 3))
    throw new ShapeError(
      `dynamic mr: k-space of ${shapeText(kspace.shape)}${maps ? " with maps" : ""}; expected ${maps ? "[t, coils, h, w]" : "[t, h, w] of one coil, or [t, coils, h, w] with maps"}`,
      { shape: kspace.shape },
    );
  const t = kspace.shape[0];
  const [h, w] = kspace.shape.slice(-2);
  if (maps && (!isComplex(maps) || shapeText(maps.shape) !== shapeText(kspace.shape.slice(1))))
    throw new ShapeError(`dynamic mr: maps of ${shapeText(maps.shape)} ${maps.dtype} for frames of ${shapeText(kspace.shape.slice(1))}`, {
      maps: maps.shape,
    });
  const y = kspace.cast("c64");
  if (!Number.isFinite(y.abs().sum().item()))
    throw new ArgumentError("dynamic mr: k-space has values that are not finite; replace them and leave their places out of the mask", {});
  const given = o.mask?.rank === 2 ? o.mask.reshape(...o.mask.shape, 1) : o.mask;
  if (
    given &&
    (isComplex(given) ||
      given.rank !== 3 ||
      given.shape[0] !== t ||
      [h, w].some((n, i) => given.shape[i + 1] !== n && given.shape[i + 1] !== 1))
  )
    throw new ShapeError(
      `dynamic mr: a mask of ${shapeText(given.shape)} for ${t} frames of ${h}×${w}; give [t, h, w], [t, h, 1] or [t, h]`,
      {
        mask: given.shape,
      },
    );
  const mask = given ? given.abs().greater(0).cast("f32") : (maps ? y.abs().sum(1) : y.abs()).greater(0).cast("f32");
  const sampled = mask.broadcastTo([t, h, w]).mean().item();
  const operators: Operator[] = Array.from({ length: t }, (_, k) =>
    magneticResonanceOperator({ mask: compactMask(mask.at(k)), maps, shape: [h, w] }),
  );
  const rhs = stack(operators.map((a, k) => a.adjoint(y.at(k).mul(mask.at(k)))));
  const scale = rhs.abs().max().item();
  if (!(scale > 0)) throw new ArgumentError("dynamic mr: k-space is 0 wherever the mask has samples", {});
  const zeroFilled = rhs.div(scale);
  const each = (f: (a: Operator, x: Tensor) => Tensor) => (x: Tensor) => stack(operators.map((a, k) => f(a, x.at(k))));
  const problem: QuadraticData = {
    rhs: zeroFilled,
    size: zeroFilled.norm().item(),
    lipschitz: maps ? Math.max(1e-12, maps.abs().square().sum(0).max().item()) : 1,
    normal: each((a, x) => (a.normal as (x: Tensor) => Tensor)(x)),
    normalInverse: maps ? undefined : (v, rho) => each((a, x) => (a.normalInverse as (b: Tensor, rho: number) => Tensor)(x, rho))(v),
  };
  return { problem, scale, sampled, zeroFilled, operators, mask };
}

interface DifferenceState extends State<Tensor> {
  readonly dual: Tensor;
  readonly steps: number;
  readonly change: number;
}
/** Primal-dual steps for  data(x) + λ Σ |x_{t+1} − x_t|, the data term exactly where there is a closed form. */
function temporalDifferences(lambda: number, tolerance: number): Iteration<QuadraticData, Tensor, DifferenceState> {
  const later = (x: Tensor) => x.slice([1, 0, 0], [...x.shape]).sub(x.slice([0, 0, 0], [x.shape[0] - 1, ...x.shape.slice(1)]));
  const back = (p: Tensor) => p.pad([1, 0, 0], [0, 0, 0]).sub(p.pad([0, 0, 0], [1, 0, 0]));
  return {
    init: (_, x) => ({ x, dual: Tensor.zeros([x.shape[0] - 1, ...x.shape.slice(1)], "c64"), steps: 0, change: Number.POSITIVE_INFINITY }),
    step(p, s) {
      const norm2 = 4; // differences of two
      const tau = p.normalInverse ? 8 : 1 / p.lipschitz;
      const sigma = p.normalInverse ? 1 / (tau * norm2) : p.lipschitz / (2 * norm2);
      const pull = back(s.dual);
      const x = p.normalInverse
        ? p.normalInverse(p.rhs.add(s.x.mul(1 / tau)).sub(pull), 1 / tau)
        : s.x.sub(p.normal(s.x).sub(p.rhs).add(pull).mul(tau));
      const moved = x.sub(s.x);
      const raised = s.dual.add(later(x.add(moved)).mul(sigma));
      const dual = raised.mul(raised.abs().maximum(Math.max(lambda, 1e-30)).reciprocal().mul(lambda));
      return { x, dual, steps: s.steps + 1, change: moved.norm().item() / Math.max(p.size, 1e-30) };
    },
    done: (s): { stop: Stop; reason: string } | undefined =>
      s.steps >= 10 && s.change <= tolerance ? { stop: "converged", reason: "the series does not change any more" } : undefined,
  };
}

/** Shrinkage of the details of an orthogonal wavelet transform of time. */
function temporalShrinkage(shape: readonly number[], lambda: number, tolerance: number) {
  const levels = Math.max(1, Math.floor(Math.log2(Math.max(2, shape[0])))); // down to the mean of all frames
  const w = waveletOperator(shape, { axes: [0], type: "c64", wavelet: "haar", levels });
  const coarse = w.coarse[0];
  const details = keep(
    Tensor.from(
      Float32Array.from({ length: shape[0] }, (_, k) => Number(k >= coarse)),
      [shape[0], ...shape.slice(1).map(() => 1)],
    ),
  );
  if (sizeOf(shape) === 0) throw new ShapeError("dynamic mr: an empty series", { shape });
  return acceleratedShrinkage((v, step) => {
    const z = w.apply(v);
    const size = z.abs();
    return w.adjoint(
      z.mul(
        size
          .sub(details.mul(lambda * step))
          .relu()
          .div(size.maximum(1e-30)),
      ),
    );
  }, tolerance);
}
