import { solvePositive } from "../core/cholesky.js";
import { ArgumentError, ShapeError } from "../core/errors.js";
import type { Grid, Image, Prior, Progress, Result, Stop, Transform } from "../core/interfaces.js";
import { iterate } from "../core/iterate.js";
import { shapeText } from "../core/shape.js";
import { phaseCorrelation } from "../features/index.js";
import { dimensionOf, identityMap, tensorShape, voxelsOf } from "../image/index.js";
import { stacked } from "../operators/index.js";
import { TotalVariation, totalVariation } from "../priors/index.js";
import { dispose, gaussian, keep, requireMemory, scope, Tensor } from "../tensor/index.js";
import { dotOf } from "../tensor/variables.js";
import { AffineTransform, affineMotion, denseMotion, type MotionFamily } from "../transforms/index.js";
import { FrameOperator, frameOf, type Light, lightsOf, refinedGrid, type Sensor } from "./frameModel.js";
import { knownMotion } from "./frameMotion.js";
import { frameEquations, frameTv, solveImage } from "./frameSystem.js";
import {
  type JointOptions,
  type JointProblem,
  type JointUnknowns,
  jointMotion,
  operatorsAt,
  type ProjectionJacobian,
  partOf,
} from "./jointMotion.js";
import { noiseLevel } from "./noise.js";
import { restore } from "./restore.js";

/** How frames may move against each other in super-resolution. */
export const motionNames = ["translation", "rigid", "similarity", "affine", "dense"] as const;
/** A name in `motionNames`. */
export type MotionName = (typeof motionNames)[number];
export interface SuperResolveOptions extends Sensor {
  /** Low-resolution images of one scene, values [c, (z,) y, x]. The result is the scene as the first one saw it. */
  readonly frames: readonly Image[];
  /** Fine samples for one of the first frame's, for all axes or for each (x, y(, z)). Give this or `grid`. */
  readonly scale?: number | readonly number[];
  /** Where the fine image is to lie. */
  readonly grid?: Grid;
  /** How the frames moved: a family whose parameters are estimated (default rigid), or for each frame the transform of its points to the first frame's. */
  readonly motion?: MotionName | readonly Transform[];
  /** Where the estimate begins; default: each frame registered to the first. */
  readonly start?: readonly Transform[];
  /** "projection" (default): image and motion together. "none": the start is kept (register, then reconstruct). */
  readonly estimate?: "projection" | "none";
  /** How the slope of the projected objective is had. */
  readonly jacobian?: ProjectionJacobian;
  /** λ' of ½λ'‖∇x‖² while the motion is estimated (default: by the noise). */
  readonly motionLambda?: number;
  /** Most Gauss–Newton steps (default 10, dense 20). */
  readonly motionSteps?: number;
  /** For dense motion: distance of control points in fine samples (default 8 scale), and μ of ½μ‖∇p‖² (default σ²). */
  readonly controlSpacing?: number;
  /** The weight of the image's smoothness. */
  readonly mu?: number;
  /** "affine" (default): each frame has a gain and a bias, found with the image; their means are 1 and 0. "equal": all frames are as bright as the scene. */
  readonly brightness?: "affine" | "equal";
  /** R of the image (default total variation), and λ (default: by the noise). */
  readonly prior?: Prior;
  /** λ in ½‖Ax − d‖² + λ R(x). */
  readonly lambda?: number;
  /** σ of the frames' noise; default: what the frames say. */
  readonly noise?: number;
  /** Most steps for the final image (default 40), and how far they go. */
  readonly iterations?: number;
  /** Stop when the relative change is smaller. */
  readonly tolerance?: number;
  /** Ends the work early, with an AbortedError. */
  readonly signal?: AbortSignal;
  /** Told where the work stands, step by step. */
  readonly onProgress?: (progress: Progress<unknown>) => void;
}
/** A finer image from several frames, with their motions and how it ended. */
export interface SuperResolveResult {
  /** The image. */
  readonly image: Image;
  /** For each frame: its points ↦ the first frame's. */
  readonly transforms: readonly Transform[];
  /** Whether to trust the result; `reason` says why. */
  readonly status: "ok" | "suspect";
  /** Why it ended, in a word. */
  readonly stop: Stop;
  /** Why it ended, in a sentence. */
  readonly reason: string;
  /** Root mean square of A_t x − d_t, each frame. */
  readonly residuals: readonly number[];
  /** Frame t is gain · (what its sensor sees) + bias. */
  readonly lights: readonly Light[];
  /** How much each frame counts: 1, or (typical residual / its own)² where that is below a quarter. */
  readonly weights: readonly number[];
  /** σ that was given or found. */
  readonly noise: number;
  /** λ in ½‖Ax − d‖² + λ R(x). */
  readonly lambda: number;
  /** ½ Σ ‖A_t x − d_t‖² + λ R(x). */
  readonly objective: number;
  /** Gauss–Newton steps, φ at each, and how they ended. */
  readonly motionSteps: number;
  /** What was measured on the way, step by step. */
  readonly history: readonly number[];
  /** Why the motions' search ended. */
  readonly motionStop?: Stop;
  /** How many steps were made. */
  readonly iterations: number;
  /** What is worth knowing, a sentence each. */
  readonly warnings: readonly string[];
}

/**
 * One fine image from several coarse ones that moved against each other (or were cut along other axes):
 *   min over x, p  ½ Σ_t ‖D B W(p_t) x − d_t‖² + λ R(x),
 * W the motion, B the optics and the detector's area, D the sampling. The motion is found by variable projection, with ½λ'‖∇x‖² for R, whose
 * minimiser over x depends smoothly on p; then the image once more with R.
 * @throws ArgumentError, ShapeError, GridError
 * @see Golub & Pereyra (2003), Separable nonlinear least squares, Inverse Problems 19; Chung, Haber & Nagy (2006), Numerical methods for coupled
 *      super-resolution, Inverse Problems 22
 */
export async function superResolve(o: SuperResolveOptions): Promise<SuperResolveResult> {
  const target = checked(o);
  const { signal, onProgress, motion = "rigid" } = o;
  const frames = o.frames.map((f) => frameOf(f, target, o));
  const warnings: string[] = [];
  const shape = [frames[0].data.shape[0], ...tensorShape(target)];
  const sigma = o.noise ?? Math.max(1e-12, Math.min(...frames.map((f) => noiseLevel(f.data))));
  // A tenth of (σ / typical difference of neighbouring fine samples)², which a Gaussian prior of the gradient would have: smooth images hide motion.
  const slope = scope(() => typicalDifference(frames[0].data)) / Math.max(...frames[0].factors);
  const tikhonov = o.motionLambda ?? Math.max(1e-5, Math.min(0.01, 0.1 * (sigma / Math.max(slope, 1e-12)) ** 2));
  const blank = keep(Tensor.zeros(shape));

  let transforms: readonly Transform[];
  let operators: FrameOperator[];
  let history: readonly number[] = [];
  let motionSteps = 0;
  let motionStop: Stop | undefined;
  let motionSound = true;
  let image = blank;
  const brightness = o.brightness !== "equal" && frames.length > 1;
  let lights: readonly Light[] | undefined;
  let known = typeof motion !== "string" ? motion : undefined;
  const name = typeof motion === "string" ? motion : "rigid";
  if (!known && (frames.length === 1 || o.estimate === "none"))
    known = o.start ?? alignFrames(o.frames, name === "dense" ? "translation" : name);
  if (known) {
    transforms = known;
    operators = frames.map((f, t) => keep(new FrameOperator(f, target, knownMotion(transforms[t], f.fine, target, shape[0]))));
  } else {
    const dense = name === "dense";
    const start = o.start ?? alignFrames(o.frames, dense ? "translation" : name);
    const spacing = o.controlSpacing ?? 8 * Math.max(...frames[0].factors);
    // Coarse control points first: their deformation is the start of the finer ones'.
    const models = dense ? [2 * spacing, spacing].map((s) => denseMotion(target, { spacingVoxels: s })) : [affineMotion(name, target)];
    let from = start;
    let r: Result<JointUnknowns> | undefined;
    let problem: JointProblem | undefined;
    for (const [level, model] of models.entries()) {
      problem = { frames, target, model, lambda: tikhonov, mu: dense ? (o.mu ?? sigma * sigma) : 0, brightness, lights };
      const options: JointOptions = { jacobian: o.jacobian, ...(dense && { imageSteps: 16, jointSteps: 25 }) };
      const at: JointProblem = problem;
      const run = await iterate(
        jointMotion(options),
        at,
        { image: r ? r.x.image : blank, motion: startOf(model, from) },
        {
          iterations: o.motionSteps ?? (dense ? 20 : 10),
          signal,
          onProgress: onProgress as never,
          level,
          levels: models.length + 1,
          keepBest: false,
          keepState: true,
        },
      );
      r = run;
      lights = run.state?.lights;
      const { motion: p } = run.x;
      from = level + 1 < models.length ? [start[0], ...frames.slice(1).map((_, k) => model.transform(keep(partOf(p, k))))] : from;
      history = [...history, ...r.history];
      motionSteps += r.iterations;
    }
    if (!r || !problem) throw new ArgumentError("superResolve: there is no motion to estimate", {});
    motionStop = r.stop;
    motionSound = r.stop !== "stalled" && r.stop !== "diverged";
    if (!motionSound) warnings.push(`the motion: ${r.reason}`);
    const found = keep(r.x);
    image = found.image;
    operators = keep(operatorsAt(problem, found.motion, lights));
    transforms = operators.map((a) => a.motion.transform());
  }

  let equations = frameEquations(operators);
  if (known) {
    image = solveImage(equations, tikhonov, image, { iterations: 16, relativeResidual: 1e-4 }).x;
    if (brightness) operators = keep(relit(operators, lightsOf(operators, image)));
  }
  // A frame that the others contradict (blurred, hidden, moved otherwise) is a noisier measurement.
  const told = operators.map((a) => rootMeanSquare([a], image));
  const middle = median(told);
  const trusts = told.map((r) => (told.length > 2 && r > 2 * middle ? middle / r : 1));
  if (trusts.some((w) => w < 1)) operators = keep(operators.map((a, t) => a.in(a.light, trusts[t])));
  equations = frameEquations(operators);
  const prior = o.prior ?? totalVariation({ dimensions: dimensionOf(target) });
  const lambda = o.lambda ?? chosenLambda(rootMeanSquare(operators, image), slope, blank.size, operators, o.noise);
  const last = await finalImage(o, equations, operators, prior, lambda, image);
  const residuals = operators.map((a) => rootMeanSquare([a], last.image) / a.trust);
  const odd = trusts.flatMap((w, t) => (w < 1 ? [t] : []));
  for (const t of odd)
    warnings.push(
      `frame ${t} does not agree with the others (residual ${residuals[t].toPrecision(2)} against ${median(residuals).toPrecision(2)}): it counts ${trusts[t] ** 2 < 0.1 ? "little" : "less"}`,
    );
  const below = overshoot(frames, last.image);
  if (below)
    warnings.push(
      `the image goes down to ${below.least.toPrecision(2)} where frames have ${below.range[0].toPrecision(2)} to ${below.range[1].toPrecision(2)}: its contrast is more than the scene's, as from a blur taken too wide; give the blur (psf)`,
    );
  const result: Image = { values: keep(last.image), grid: target };
  dispose(blank);
  // One odd frame of many is nothing to the image.
  const fine = motionSound && 4 * odd.length < frames.length && last.stop !== "diverged";
  return {
    image: result,
    transforms,
    status: fine ? "ok" : "suspect",
    stop: last.stop,
    reason: fine ? last.reason : (warnings[0] ?? last.reason),
    residuals,
    lights: operators.map((a) => a.light),
    weights: trusts.map((w) => w * w),
    noise: o.noise ?? rootMeanSquare(operators, last.image),
    lambda,
    objective: last.objective,
    motionSteps,
    history,
    ...(motionStop && { motionStop }),
    iterations: last.iterations,
    warnings,
  };
}

interface Last {
  readonly image: Tensor;
  readonly stop: Stop;
  readonly reason: string;
  readonly objective: number;
  readonly iterations: number;
}
/** R total variation: alternating directions, preconditioned. All else: what `restore` does. */
async function finalImage(
  o: SuperResolveOptions,
  equations: ReturnType<typeof frameEquations>,
  operators: readonly FrameOperator[],
  prior: Prior,
  lambda: number,
  start: Tensor,
): Promise<Last> {
  const { signal, onProgress } = o;
  if (prior instanceof TotalVariation && (prior.options.isotropic ?? true) && !prior.options.alpha && lambda > 0) {
    const r = await iterate(frameTv({ tolerance: o.tolerance ?? 0.01 }), { equations, lambda }, start, {
      iterations: o.iterations ?? 40,
      signal,
      onProgress: onProgress as never,
      level: 1,
      levels: 2,
      keepBest: false,
      keepState: true,
    });
    return { ...r, image: r.x, objective: r.state?.value ?? Number.NaN };
  }
  const operator = stacked(...operators);
  const data = scope(() => stackedData(operators));
  return restore({ operator, data, prior, lambda, start, signal, iterations: o.iterations, tolerance: o.tolerance });
}
const stackedData = (operators: readonly FrameOperator[]): Tensor => {
  const parts = operators.map((a) => a.data);
  const out = new Float32Array(parts.reduce((s, p) => s + p.size, 0));
  let at = 0;
  for (const p of parts) {
    out.set(p.data as Float32Array, at);
    at += p.size;
  }
  return Tensor.from(out, [out.length]);
};
/**
 * λ = 0.1 σ² / b: b the root mean square difference of neighbouring fine samples, as the frames show it, and noise of σ² = (mean square residual) (1 + q) / 2,
 * q samples of the image for each datum, as residuals say less than the noise where q is large. Where frames leave a part 1 − 1/q of the image to the
 * prior, λ is at least 0.002 of the data's standard deviation, for which steps still find their way to the interpolant of least variation.
 */
function chosenLambda(level: number, slope: number, size: number, operators: readonly FrameOperator[], given?: number): number {
  const perDatum = size / operators.reduce((sum, a) => sum + a.range.reduce((m, k) => m * k, 1), 0);
  const contrast = scope(() => {
    const d = operators[0].frame.data;
    return Math.sqrt(d.sub(d.mean()).square().mean().item());
  });
  const variance = given !== undefined ? given * given : (level * level * (1 + perDatum)) / 2;
  const finest = Math.max(...operators[0].frame.factors);
  const b = Math.sqrt(Math.max(slope * slope - (2 * variance) / finest ** 2, 0.01 * slope * slope, 1e-30));
  return Math.max((0.1 * variance) / b, 0.002 * contrast * Math.max(0, 1 - 1 / perDatum), 1e-12);
}
const median = (v: readonly number[]): number => [...v].sort((a, b) => a - b)[v.length >> 1];
function relit(operators: readonly FrameOperator[], lights: readonly Light[]): FrameOperator[] {
  return operators.map((a, t) => a.in(lights[t]));
}
function rootMeanSquare(operators: readonly FrameOperator[], x: Tensor): number {
  return scope(() => {
    let sum = 0;
    let count = 0;
    for (const a of operators) {
      const r = a.apply(x).sub(a.data);
      sum += dotOf(r, r);
      count += a.weights ? a.weights.sum().item() : r.size;
    }
    return Math.sqrt(sum / Math.max(1, count));
  });
}
/**
 * Light is not negative: where frames are not, an image whose thousandth part lies below minus a quarter of their range was sharpened for a blur that is wider
 * than what the frames have seen.
 */
function overshoot(
  frames: readonly { readonly data: Tensor }[],
  x: Tensor,
): { least: number; range: readonly [number, number] } | undefined {
  const range = scope(() => [
    Math.min(...frames.map((f) => f.data.min().item())),
    Math.max(...frames.map((f) => f.data.max().item())),
  ]) as unknown as readonly [number, number];
  if (!(range[0] > -0.1 * range[1])) return undefined; // noise takes a dark background below 0 a little
  const limit = -0.25 * (range[1] - range[0]);
  let [least, count] = [0, 0];
  for (const v of x.data) {
    if (v < limit) count++;
    if (v < least) least = v;
  }
  return count > 0.001 * x.size ? { least, range } : undefined;
}
function typicalDifference(x: Tensor): number {
  const last = x.rank - 1;
  const n = x.shape[last];
  if (n < 2) return 1;
  const low = x.shape.map(() => 0);
  const d = x
    .slice(
      low.map((_, i) => (i === last ? 1 : 0)),
      x.shape,
    )
    .sub(
      x.slice(
        low,
        x.shape.map((m, i) => (i === last ? m - 1 : m)),
      ),
    );
  return Math.sqrt(dotOf(d, d) / d.size);
}
function checked(o: SuperResolveOptions): Grid {
  const { frames, scale, motion, start } = o;
  if (frames.length === 0) throw new ArgumentError("superResolve: no frames came; give at least one image", {});
  if ((scale === undefined) === (o.grid === undefined))
    throw new ArgumentError("superResolve: give either a scale or the grid of the fine image", { scale });
  const channels = frames[0].values.shape[0];
  for (const f of frames) {
    if (f.values.shape[0] !== channels || f.values.rank !== dimensionOf(f.grid) + 1)
      throw new ShapeError(
        `superResolve: a frame of ${shapeText(f.values.shape)} beside one of ${shapeText(frames[0].values.shape)}; expected [c, (z,) y, x] with ${channels} channels`,
        {},
      );
  }
  for (const [what, list] of [
    ["motion", typeof motion === "string" ? undefined : motion],
    ["start", start],
  ] as const)
    if (list && list.length !== frames.length)
      throw new ArgumentError(
        `superResolve: ${list.length} transforms as ${what} for ${frames.length} frames; give one for each, the first the identity`,
        {},
      );
  if (o.lambda !== undefined && !(o.lambda >= 0))
    throw new ArgumentError(`superResolve: λ is ${o.lambda}; give a number that is not negative`, {});
  const target = o.grid ?? refinedGrid(frames[0].grid, scale as number | readonly number[]);
  // The image and its split differences, and for each frame its warped image, the slopes of that and the motion's columns.
  requireMemory(
    4 * channels * voxelsOf(target) * (20 + 10 * (frames.length - 1)),
    `superResolve: an image of ${target.size.join("×")} from ${frames.length} frame${frames.length === 1 ? "" : "s"}`,
    "choose a smaller scale, or crop the frames first",
  );
  return target;
}
const startOf = (model: MotionFamily, start: readonly Transform[]): Tensor => {
  const n = model.shape.reduce((a, b) => a * b, 1);
  const out = new Float32Array((start.length - 1) * n);
  start.slice(1).forEach((y, k) => {
    if (model.from) out.set(model.from(y).data as Float32Array, k * n);
  });
  return keep(Tensor.from(out, [start.length - 1, ...model.shape]));
};

/**
 * Each frame registered to the first, both as they are: a shift by phase correlation, then Gauss–Newton on ½‖W(p) d₀ − d_t‖², from blurred to sharp.
 * @returns for each frame: its points ↦ the first one's
 */
export function alignFrames(frames: readonly Image[], model: Exclude<MotionName, "dense">): Transform[] {
  const [first, ...others] = frames;
  const d = dimensionOf(first.grid);
  const family = affineMotion(model, first.grid);
  const one = new AffineTransform(identityMap(d), undefined, undefined, model);
  return [one, ...others.map((f) => scope(() => alignedTo(first, f, family, d)))];
}
function alignedTo(first: Image, frame: Image, family: MotionFamily, d: number): Transform {
  const shifted = (shift: readonly number[]) => new AffineTransform({ matrix: identityMap(d).matrix, offset: shift });
  let p = new Float64Array(family.shape[0]);
  const trust = sameExtent(first, frame) ? phaseCorrelation(frame, first) : undefined;
  const begin = trust && trust.peakRatio > 1.5 && family.from ? Float64Array.from(family.from(shifted(trust.shift)).data) : p;
  for (const sigma of [2, 1, 0.5]) {
    const [a, b] = [first, frame].map((i) => gaussian(i.values.cast("f32"), { sigma }));
    const at = (q: Float64Array) => {
      const m = family.at(Tensor.from(Float32Array.from(q), family.shape), frame.grid);
      const inside = m
        .warp(Tensor.ones([1, ...a.shape.slice(1)]))
        .greater(0.99)
        .cast("f32");
      const r = m.warp(a).sub(b).mul(inside);
      return { m, inside, r, value: dotOf(r, r) / Math.max(1, inside.sum().item()) };
    };
    if (sigma === 2) p = at(begin).value < at(p).value ? begin : p;
    let now = at(p);
    for (let k = 0; k < 12; k++) {
      const { columns } = now.m.linearise(a);
      const n = p.length;
      const g = Array.from({ length: n }, (_, j) =>
        (columns as Tensor)
          .slice([j], [j + 1])
          .reshape(...b.shape)
          .mul(now.inside),
      );
      const gram = new Float64Array(n * n);
      for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) gram[i * n + j] = dotOf(g[i], g[j]);
      const largest = Math.max(1e-30, ...g.map((_, i) => gram[i * (n + 1)]));
      for (let i = 0; i < n; i++) gram[i * (n + 1)] += 1e-6 * largest;
      const step = solvePositive(
        gram,
        g.map((c) => -dotOf(c, now.r)),
      );
      if (!step) break;
      let moved = false;
      for (let t = Math.min(1, 2 / Math.max(...step.map(Math.abs))); t > 0.05; t *= 0.5) {
        const q = p.map((v, i) => v + t * step[i]);
        const next = at(q);
        if (next.value < now.value) {
          moved = t * Math.max(...step.map(Math.abs)) > 2e-3;
          p = q;
          now = next;
          break;
        }
      }
      if (!moved) break;
    }
  }
  return family.transform(Tensor.from(Float32Array.from(p), family.shape));
}
const sameExtent = (a: Image, b: Image) => a.grid.size.join() === b.grid.size.join();
