import { ArgumentError, GridError } from "../../core/errors.js";
import type { Grid, Image, Transform } from "../../core/interfaces.js";
import { iterate } from "../../core/iterate.js";
import { type AffineMap, gridText, identityMap, sameGrid, tensorShape, voxelsOf } from "../../image/grid.js";
import { lncc, ncc, ssd } from "../../metrics/index.js";
import { dispose, gaussian, keep, scope, Tensor } from "../../tensor/index.js";
import {
  type AffineModel,
  AffineTransform,
  affineMotion,
  BSplineTransform,
  CompositeTransform,
  DisplacementTransform,
  denseMotion,
  type MotionFamily,
  warp,
} from "../../transforms/index.js";
import { alignDiffeo, type Midway } from "../diffeo.js";
import { atSpacing, baseSpacing, defaultShrinks, robustRange, scaledTo } from "../levels.js";
import { alignLinear } from "../linear.js";
import { type MotionModel, motionModels } from "../series/correctMotion.js";
import { curvatureOf, type JointDynamics, jointDynamics, warpedFrames } from "./jointDynamics.js";
import { constant, lowRank } from "./projection.js";
import { checkedTimes, squaredResidual, type TimeCourse } from "./timeCourse.js";

/** The model of intensity over time, the motion, and how they take turns. */
export interface DynamicsOptions {
  /** How brightness changes at one place: `constant()`, `lowRank()`, `free()`, `t1()`, `exponential()`, `gammaVariate()`, `tofts({ input })`. */
  readonly dynamics: TimeCourse;
  /** Times of the frames; without, 0, 1, 2, … for models that can do with that. */
  readonly times?: readonly number[];
  /** How a frame may move. Default "diffeo": organs move within a body that stays. */
  readonly model?: MotionModel;
  /** The frame whose geometry results have. Default 0. */
  readonly reference?: number;
  /** Weights on the frames' grid: where motion is measured. */
  readonly mask?: Tensor;
  /**
   * Where motion begins: "still", or "robust": the frames are first brought onto the reference by local correlation, which changes of contrast disturb
   * little. "auto" (default) begins there if a few time courses then explain the series clearly better (three quarters of the residual, on the coarsest level), else still. Method "joint" also takes transforms, the reference ↦ each frame.
   */
  readonly start?: "auto" | "robust" | "still" | readonly Transform[];
  /**
   * "joint": Gauss–Newton on the projected problem, all frames at once, the model eliminated at every voxel (`jointDynamics`). "alternate": the model, then
   * each frame onto its picture by the model, by turns. Default "alternate".
   */
  readonly method?: "joint" | "alternate";
  /** Times that model and motion take turns, or Gauss–Newton steps, on the finest level. Default 4. */
  readonly rounds?: number;
  /** Of method "joint", model "diffeo": distance of control points in voxels (default 8), and the root mean square strain of what is left of the motion after the start (default 0.2). */
  readonly controlVoxels?: number;
  /** Root mean square strain of what is left of the motion after the start (default 0.2). */
  readonly strain?: number;
  /** Ends the work early, with an AbortedError. */
  readonly signal?: AbortSignal;
  /** Registrations done, of how many. */
  readonly onProgress?: (done: number, of: number) => void;
}
/** Motion-corrected frames with what the model predicts, and how it ended. */
export interface DynamicsResult {
  /** Points of the reference ↦ points of each frame, with their inverses. */
  readonly transforms: readonly Transform[];
  /** The frames on the reference, and what the model says they are there. */
  readonly corrected: readonly Image[];
  /** The frames as the model has them. */
  readonly predicted: readonly Image[];
  /** The model's parameters on the reference, units of frames and times. */
  readonly maps: Readonly<Record<string, Image>>;
  /** When each frame was taken. */
  readonly times: readonly number[];
  /** Root mean square, over frames and (weighted) voxels, of frame − model before and after motion was taken out, in the frames' units. */
  readonly residual: {
    /** At the start. */
    readonly before: number;
    /** At the end. */
    readonly after: number;
  };
  /** The residual after each round, in the frames' units, level by level (coarser levels are smoothed, and so lower). */
  readonly trace: readonly {
    /** The level's shrink factor. */
    readonly shrink: number;
    /** The metric or objective, step by step. */
    readonly values: readonly number[];
  }[];
  /** Whether to trust the result; `reason` says why. */
  readonly status: "ok" | "suspect";
  /** Why it ended, in a sentence. */
  readonly reason: string;
}

/**
 * A series whose brightness changes while it moves:  min over θ, y  Σ_t ½ ‖frame_t ∘ y_t − C(t; θ)‖².  The two take turns, from coarse to fine: the model is
 * fitted to the corrected frames at every voxel (linear coefficients in closed form), then each frame is registered with what the model says it should look
 * like: a picture of the same contrast. All frames are alike in that, whatever their order; at the end all are brought into the reference's geometry.
 * @param frames  gray images on one grid
 * @throws GridError when grids differ; ArgumentError for too few frames, missing times or an unknown model of motion
 * @see Buonaccorsi et al. (2007), Tracer kinetic model-driven registration for dynamic contrast-enhanced MRI time-series data, MRM 58
 */
export async function correctDynamics(frames: readonly Image[], o: DynamicsOptions): Promise<DynamicsResult> {
  const { dynamics, model = "diffeo", reference = 0, mask, start = "auto", method = "alternate", rounds = 4, signal, onProgress } = o;
  if (frames.length < dynamics.leastFrames)
    throw new ArgumentError(
      `dynamics ${dynamics.name}: ${frames.length} frame${frames.length === 1 ? "" : "s"} came; at least ${dynamics.leastFrames} were expected`,
      { frames: frames.length },
    );
  if (!motionModels.includes(model))
    throw new ArgumentError(`dynamics: no motion ${model}; expected one of ${motionModels.join(", ")}`, { model });
  if (!(Number.isInteger(reference) && reference >= 0 && reference < frames.length))
    throw new ArgumentError(`dynamics: the reference is ${reference}, but frames are numbered 0 to ${frames.length - 1}`, { reference });
  if (!(Number.isInteger(rounds) && rounds >= 0))
    throw new ArgumentError(`dynamics: ${rounds} rounds; give a whole number that is not negative`, { rounds });
  if (typeof start === "object" && (method !== "joint" || start.length !== frames.length))
    throw new ArgumentError(
      method === "joint"
        ? `dynamics: ${start.length} transforms to start from for ${frames.length} frames; give one for each`
        : 'dynamics: transforms to start from go with method "joint"',
      { start: start.length },
    );
  const times = checkedTimes(dynamics, o.times, frames.length);
  const { grid } = frames[0];
  for (const [k, f] of frames.entries()) {
    if (!sameGrid(f.grid, grid))
      throw new GridError(`dynamics: frame ${k} lies on ${gridText(f.grid)}, the first on ${gridText(grid)}; resample it first`, {});
    if (f.values.shape[0] !== 1)
      throw new GridError(`dynamics: frame ${k} has ${f.values.shape[0]} channels; gray frames were expected`, {});
  }
  if (mask && (mask.size !== voxelsOf(grid) || !(mask.max().item() > 0)))
    throw new GridError("dynamics: the mask must lie on the frames' grid and be positive somewhere", {});

  // One scale for all frames: how bright a frame is, is what the model is about.
  const ranges = frames.map(robustRange);
  const range = [Math.min(...ranges.map((r) => r[0])), Math.max(...ranges.map((r) => r[1]))] as const;
  const unit = range[1] - range[0];
  // Interpolation halfway between voxels smooths noise, so that differences of noisy frames are least at shifts by half voxels. Of frames that are
  // smooth already it takes no more.
  const scaled = frames.map((f) => kept(scope(() => ({ values: gaussian(scaledTo(f, range).values, { sigma: smoothVoxels }), grid }))));
  const motion = new Motion(scaled, mask, model, signal);
  const shrinks = defaultShrinks(grid, grid.size.length === 2 ? 24 : 16, 4);
  // Coarse levels are cheap and settle the large motion; the last rounds polish.
  const turns = shrinks.map((s) => (s === 1 ? rounds : Math.min(rounds, 3)));
  const begins = start === "auto" || start === "robust";
  const total = frames.length * (turns.reduce((a, b) => a + b, 0) + (begins ? 1 : 0));
  let done = 0;
  const trace: { shrink: number; values: number[] }[] = [];
  try {
    const levelOf = (shrink: number) => {
      const at = (im: Image) => scope(() => atSpacing(im, shrink * baseSpacing(grid)));
      return { images: scaled.map((f) => kept(at(f))), weights: mask && keep(at({ values: mask, grid }).values) };
    };
    const freeLevel = ({ images, weights }: ReturnType<typeof levelOf>) => {
      for (const [t, f] of images.entries()) if (f !== scaled[t]) dispose(f.values);
      if (weights && weights !== mask) dispose(weights);
    };
    const fitted = ({ images, weights }: ReturnType<typeof levelOf>, by = dynamics) => {
      const corrected = images.map((f, t) =>
        scope(() => Float32Array.from(warp(f, motion.at(t), f.grid, { border: "clamp" }).values.data)),
      );
      const { predicted } = by.fit(corrected, times, { quick: true });
      return { predicted, rms: squaredResidual(corrected, predicted, weights?.data).rms };
    };
    if (begins) {
      const coarse = levelOf(shrinks[0]);
      try {
        // Not by the model asked for: one that follows anything follows motion too.
        const few = frames.length > 4 ? lowRank() : constant();
        const still = fitted(coarse, few).rms;
        for (let t = 0; t < frames.length; t++) {
          if (t !== reference) await motion.robust(t, reference, shrinks);
          onProgress?.(++done, total);
        }
        if (start === "auto" && !(fitted(coarse, few).rms < 0.75 * still)) motion.reset();
      } finally {
        freeLevel(coarse);
      }
    }
    let p =
      method === "joint"
        ? motion.asParameters(familyOf(grid, model, o), reference, typeof start === "object" ? start : undefined)
        : undefined;
    const around = p && keep(Tensor.from(Float32Array.from(p.data), p.shape));
    for (const [k, shrink] of shrinks.entries()) {
      const values: number[] = [];
      const level = levelOf(shrink);
      try {
        if (p) {
          const family = familyOf(level.images[0].grid, model, o, grid);
          const settled =
            dynamics.settled?.(
              scope(() => warpedFrames({ frames: level.images, family, reference } as never, p as Tensor)),
              times,
            ) ?? dynamics;
          const problem = { frames: level.images, times, reference, dynamics: settled, family, weights: level.weights, around };
          const r = await jointLevel(problem, p, turns[k], {
            control: o.controlVoxels ?? controlVoxels,
            strain: o.strain ?? strain,
            shrink,
            signal,
          });
          if (r.p !== p) dispose(p);
          p = r.p;
          for (const v of r.values) values.push(unit * v);
          done += frames.length * turns[k];
          onProgress?.(done, total);
          trace.push({ shrink, values });
          continue;
        }
        for (let round = 0; round < turns[k]; round++) {
          const { predicted, rms } = fitted(level);
          values.push(unit * rms);
          for (const [t, f] of level.images.entries()) {
            const target = { values: Tensor.from(predicted[t], f.values.shape), grid: f.grid };
            await motion.onto(target, f, t, level.weights, shrink === 1);
            dispose(target.values);
            onProgress?.(++done, total);
          }
        }
      } finally {
        freeLevel(level);
      }
      trace.push({ shrink, values });
    }
    const transforms = p ? transformsOf(familyOf(grid, model, o), p, reference, grid) : motion.relativeTo(reference);
    if (p) dispose(p);
    if (around) dispose(around);
    const corrected = frames.map((f, t) => kept(warp(f, transforms[t], grid, { interpolation: "cubic", border: "clamp" })));
    const [still, after] = [frames, corrected].map((series) => {
      const data = series.map((f) => f.values.data as Float32Array);
      const found = dynamics.fit(data, times, { quick: series === frames });
      return { ...found, rms: squaredResidual(data, found.predicted, mask?.data).rms };
    });
    const image = (values: Float32Array): Image => kept({ values: Tensor.from(values, [1, ...tensorShape(grid)]), grid });
    const better = after.rms <= still.rms;
    return {
      transforms,
      corrected,
      predicted: after.predicted.map(image),
      maps: Object.fromEntries(Object.entries(after.maps).map(([name, values]) => [name, image(values)])),
      times,
      residual: { before: still.rms, after: after.rms },
      trace,
      status: better ? "ok" : "suspect",
      reason: better
        ? "the model explains the corrected frames better than the frames as they came"
        : "the model explains the corrected frames worse than the frames as they came; try another model, a mask of what moves, or fewer freedoms of motion",
    };
  } finally {
    motion.free();
    for (const s of scaled) dispose(s.values);
  }
}

const controlVoxels = 8;
const strain = 0.2;
const familyOf = (level: Grid, model: MotionModel, o: DynamicsOptions, over: Grid = level): MotionFamily =>
  model === "diffeo"
    ? denseMotion(level, { spacingVoxels: o.controlVoxels ?? controlVoxels, over, border: "clamp" })
    : affineMotion(model, level, { border: "clamp", over });
/** Gauss–Newton on one level; the weight of stiffness by what the model leaves there, noise and motion that is yet to be found. */
async function jointLevel(
  problem: Omit<JointDynamics, "mu">,
  start: Tensor,
  iterations: number,
  o: { readonly control: number; readonly strain: number; readonly shrink: number; readonly signal?: AbortSignal },
): Promise<{ p: Tensor; values: number[] }> {
  const { family, frames, times, dynamics, weights } = problem;
  const rmsOf = (p: Tensor) => {
    const f = warpedFrames({ ...problem, mu: 0 }, p);
    return squaredResidual(f, dynamics.fit(f, times, { quick: true }).predicted, weights?.data).rms;
  };
  const before = rmsOf(start);
  // ‖r‖²/σ² + ‖∇u‖²/strain², summed over the level's voxels: a control point stands for (control/shrink)^d of them, a difference of neighbours is control · ∇u.
  const d = frames[0].grid.size.length;
  // Of a few parameters all that frames can tell outweighs a fiftieth of what they would tell without a model.
  const mu = family.penalty
    ? (before / o.strain) ** 2 * ((o.control / o.shrink) ** d / o.control ** 2)
    : 0.02 * curvatureOf({ ...problem, mu: 0 }, start);
  const r = await iterate(jointDynamics({ longest: 2 * o.shrink }), { ...problem, mu, stepMu: family.penalty ? 4 * mu : 0 }, start, {
    iterations,
    signal: o.signal,
    keepBest: false,
  });
  return { p: keep(r.x), values: [before, rmsOf(r.x)] };
}
function transformsOf(family: MotionFamily, p: Tensor, reference: number, grid: Grid): Transform[] {
  const from = { name: "reference", grid };
  return Array.from({ length: p.shape[0] + 1 }, (_, t) => {
    const to = { name: `frame ${t}`, grid };
    const k = t < reference ? t : t - 1;
    const y = t === reference ? undefined : family.transform(p.slice([k], [k + 1]).reshape(...family.shape));
    if (y instanceof BSplineTransform) return new BSplineTransform(keep(y.control), y.controlGrid, from, to);
    if (y instanceof AffineTransform) return new AffineTransform(y.map, from, to, y.model);
    if (family.penalty) {
      const nothing = () => keep(Tensor.zeros([grid.size.length, ...tensorShape(grid)]));
      return new DisplacementTransform(nothing(), grid, from, to, { field: nothing(), grid });
    }
    return new AffineTransform(identityMap(grid.size.length), from, to, family.name as AffineModel);
  });
}
const smoothVoxels = 0.6;
const kept = (im: Image): Image => {
  keep(im.values);
  return im;
};

interface Dense {
  readonly forward: DisplacementTransform;
  readonly midway: Midway;
}
/** y_t of all frames: a common space ↦ frame t. */
class Motion {
  readonly #maps: AffineMap[];
  readonly #dense: (Dense | undefined)[];
  constructor(
    readonly frames: readonly Image[],
    readonly mask: Tensor | undefined,
    readonly model: MotionModel,
    readonly signal: AbortSignal | undefined,
  ) {
    this.#maps = frames.map(() => identityMap(frames[0].grid.size.length));
    this.#dense = frames.map(() => undefined);
  }
  at(t: number): Transform {
    return this.#dense[t]?.forward ?? new AffineTransform(this.#maps[t]);
  }
  /** By local correlation (linear models: correlation), which looks at structure rather than brightness. */
  async robust(t: number, reference: number, shrinks: readonly number[]): Promise<void> {
    const run = { level: 0, levels: 1, signal: this.signal };
    const [fixed, moving] = [this.frames[reference], this.frames[t]];
    if (this.model !== "diffeo") {
      for (const shrink of shrinks) {
        const spacing = shrink * baseSpacing(fixed.grid);
        const level = scope(() => {
          const mask = this.mask && atSpacing({ values: this.mask, grid: fixed.grid }, spacing).values;
          return { fixed: atSpacing(fixed, spacing), moving: atSpacing(moving, spacing), fixedMask: mask };
        });
        const r = await alignLinear(level, this.model as AffineModel, this.#maps[t], ncc(), false, { ...run, iterations: 30 });
        this.#maps[t] = r.map;
        for (const [a, b] of [
          [level.fixed.values, fixed.values],
          [level.moving.values, moving.values],
          [level.fixedMask, this.mask],
        ] as const)
          if (a && a !== b) dispose(a);
      }
      return;
    }
    const r = await alignDiffeo(
      { fixed, moving, fixedMask: this.mask, map: this.#maps[t] },
      lncc({ radiusVoxels: 3 }),
      // As stiff as organs are: where contrast comes, an edge without a partner must not pull its surroundings along.
      { updateVoxels: 6, totalVoxels: 2, shrinks, iterations: shrinks.map((s) => (s > 1 ? 40 : 15)), keepMidway: true },
      { ...run, iterations: 0 },
    );
    this.#set(t, r);
  }
  /** Frame t with its own picture by the model, beginning where it is. */
  async onto(target: Image, frame: Image, t: number, mask: Tensor | undefined, finest: boolean): Promise<void> {
    const run = { level: 0, levels: 1, signal: this.signal };
    if (this.model !== "diffeo") {
      const r = await alignLinear({ fixed: target, moving: frame, fixedMask: mask }, this.model, this.#maps[t], ssd(), finest, {
        ...run,
        iterations: 10,
      });
      this.#maps[t] = r.map;
      return;
    }
    const r = await alignDiffeo(
      { fixed: target, moving: frame, fixedMask: mask, map: this.#maps[t], start: this.#dense[t]?.midway },
      ssd(),
      { updateVoxels: 3, totalVoxels: 1, stepVoxels: 0.2, shrinks: [1], iterations: [15], keepMidway: true, onLevel: true },
      { ...run, iterations: 0 },
    );
    const [values] = r.trace.map((l) => l.values);
    // Steps that only stiffness asks for: the frame stays where it was.
    if (this.#dense[t] && !(values[values.length - 1] < values[0])) {
      dispose(r.forward, r.backward, r.midway?.toFixed as Tensor, r.midway?.toMoving as Tensor);
      return;
    }
    this.#set(t, r);
  }
  #set(t: number, r: Awaited<ReturnType<typeof alignDiffeo>>): void {
    const before = this.#dense[t];
    const midway = r.midway as Midway;
    keep({ toFixed: midway.toFixed, toMoving: midway.toMoving });
    this.#dense[t] = {
      forward: new DisplacementTransform(keep(r.forward), r.grid, undefined, undefined, { field: keep(r.backward), grid: r.grid }),
      midway,
    };
    if (before) release(before);
  }
  /** The start as parameters of a family, frame after frame without the reference, which has not moved. */
  asParameters(family: MotionFamily, reference: number, given?: readonly Transform[]): Tensor {
    const moving = this.frames.flatMap((_, t) => (t === reference ? [] : [t]));
    const n = family.shape.reduce((a, b) => a * b, 1);
    const out = Tensor.zeros([moving.length, ...family.shape]);
    const data = new Float32Array(moving.length * n);
    scope(() => {
      moving.forEach((t, k) => {
        if (given || this.#dense[t] || this.model !== "diffeo")
          data.set((family.from as (y: Transform) => Tensor)(given?.[t] ?? this.at(t)).data as Float32Array, k * n);
      });
    });
    out.data.set(data);
    return keep(out);
  }
  /** y_t ∘ y_r⁻¹: reference ↦ frame t. */
  relativeTo(reference: number): Transform[] {
    const { grid } = this.frames[0];
    const from = { name: "reference", grid };
    const back = this.at(reference).inverse();
    return this.frames.map((_, t) => {
      const to = { name: `frame ${t}`, grid };
      if (this.model !== "diffeo") {
        const y = back as AffineTransform;
        const map = (new AffineTransform(this.#maps[t]).compose(y) as AffineTransform).map;
        return new AffineTransform(t === reference ? identityMap(grid.size.length) : map, from, to, this.model as AffineModel);
      }
      if (t === reference) {
        const nothing = () => keep(Tensor.zeros([grid.size.length, ...tensorShape(grid)]));
        return new DisplacementTransform(nothing(), grid, from, to, { field: nothing(), grid });
      }
      const y = new CompositeTransform([back, this.at(t)]);
      const field = keep(scope(() => y.displacement(grid)));
      return new DisplacementTransform(field, grid, from, to, { field: keep(scope(() => y.inverse().displacement(grid))), grid });
    });
  }
  /** Nothing has moved. */
  reset(): void {
    for (const [t, d] of this.#dense.entries()) {
      if (d) release(d);
      this.#dense[t] = undefined;
      this.#maps[t] = identityMap(this.frames[0].grid.size.length);
    }
  }
  free(): void {
    for (const d of this.#dense) if (d) release(d);
  }
}
const release = (d: Dense): void => dispose(d.forward.field, d.forward.backward?.field as Tensor, d.midway.toFixed, d.midway.toMoving);
