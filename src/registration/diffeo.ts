import type { Image, Iteration, Masks, Parameters, State } from "../core/interfaces.js";
import { iterate } from "../core/iterate.js";
import { type AffineMap, betweenIndices, type Grid, identityMap, indexToPhysical, sameGrid, tensorShape, voxelsOf } from "../image/grid.js";
import { engine } from "../kernels/engine.js";
import { gaussian } from "../kernels/gaussian.js";
import { invertField } from "../kernels/invertField.js";
import { affinePlanes, fadePlanes, gradientForce, longestVector } from "../kernels/planes.js";
import { composeFields, sample } from "../kernels/sampling.js";
import type { MetricForms } from "../metrics/imageMetric.js";
import { type ImageMetric, ssd } from "../metrics/index.js";
import { bytesOf, dispose, keep, scope, Tensor, valueAndGrad } from "../tensor/index.js";
import { AffineTransform } from "../transforms/affine.js";
import { baseOf, warp } from "../transforms/warp.js";
import { atSpacing, baseSpacing } from "./levels.js";
import type { LevelRun } from "./linear.js";
import { landmarkPull, type VoxelPairs, voxelPairs } from "./points/landmarkPull.js";
import type { LandmarkPairs } from "./points/landmarkTerm.js";
import { activeRegion, cropped } from "./region.js";

/** How stiff a deformation is and how it moves, level by level. */
export interface DiffeoOptions {
  /** Shrink factors, coarse to fine. */
  readonly shrinks: readonly number[];
  /** Most steps on each. */
  readonly iterations: readonly number[];
  /** σ of the Gaussian that smooths every update, in level voxels: the fluid part. One number, or a list whose last belongs to the finest level; coarser levels than it has take its first. Default 1.7. */
  readonly updateVoxels?: number | readonly number[];
  /** σ of the Gaussian that smooths the whole deformation after every update, in level voxels: the elastic part; likewise. Default 0.4. */
  readonly totalVoxels?: number | readonly number[];
  /** Longest move of a half in one step, level voxels. Default 0.25. */
  readonly stepVoxels?: number;
  /** Return the halves too, for a later `start`. */
  readonly keepMidway?: boolean;
  /** Leave the result on the grid of the last level rather than bring it to fixed's. */
  readonly onLevel?: boolean;
}
/** Two images with the linear map that brings them near, masks, landmarks and a start. */
export interface DiffeoInput {
  /** The image that stays where it is. */
  readonly fixed: Image;
  /** What is brought onto `fixed`. */
  readonly moving: Image;
  /** Weights on the fixed grid: where the image counts. */
  readonly fixedMask?: Tensor;
  /** Weights on the moving grid: where the image counts. */
  readonly movingMask?: Tensor;
  /** Fixed points ↦ moving points, from the linear stage. */
  readonly map: AffineMap;
  /** Called when moving is not needed any more: the finest level works on its own copy, warped by the linear map. */
  readonly releaseMoving?: () => void;
  /** Landmark pairs beside the metric: + ½ factor mean |A(y(fᵢ)) − mᵢ|². */
  readonly landmarks?: LandmarkPairs;
  /** Where to begin: the halves of an earlier, similar registration under the same map (the last frame, the last round). Default: nothing is moved. */
  readonly start?: Midway;
}
/** The two halves of a symmetric deformation: from the middle to fixed and from the middle to moving, planes x, y(, z) in voxels of `grid`. */
export interface Midway {
  /** From the middle to fixed, in voxels. */
  readonly toFixed: Tensor;
  /** From the middle to moving, in voxels. */
  readonly toMoving: Tensor;
  /** Where the samples lie. */
  readonly grid: Grid;
}
/** Displacements both ways, with the course of the metric and how exactly they invert each other. */
export interface DiffeoResult {
  /** Displacements in mm on `grid`: fixed ↦ fixed-like points, to be followed by the linear map. */
  readonly forward: Tensor;
  /** Moving to fixed, on the same grid. */
  readonly backward: Tensor;
  /** Where the samples lie. */
  readonly grid: Grid;
  /** The course of the metric, level by level. */
  readonly trace: readonly {
    /** The level's shrink factor. */
    readonly shrink: number;
    /** The metric or objective, step by step. */
    readonly values: readonly number[];
    /** Why it ended, in a sentence. */
    readonly reason: string;
  }[];
  /** Largest residual of the two inversions, voxels, and the share of voxels above a tenth. */
  readonly inversion: {
    /** The largest. */
    readonly largest: number;
    /** Which part of all, 0 to 1. */
    readonly share: number;
  };
  /** The halves themselves, when they were asked for. */
  readonly midway?: Midway;
}

/** The two halves: from the middle to fixed and from the middle to moving, planes x, y(, z) in voxels of the level. */
interface Halves extends Parameters {
  readonly toFixed: Tensor;
  readonly toMoving: Tensor;
}
interface Problem {
  readonly fixed: Image;
  readonly moving: Image;
  readonly fixedMask?: Tensor;
  readonly movingMask?: Tensor;
  readonly metric: MetricForms;
  readonly updateSigma: readonly [number, number, number];
  readonly totalSigma: readonly [number, number, number];
  readonly step: number;
  readonly landmarks?: VoxelPairs;
  /** Moving ends within the grid, by its extent and not by a mask of the caller's. */
  readonly fades: boolean;
}
interface DiffeoState extends State<Halves> {
  readonly value: number;
  /** The smoothed direction in which both halves should go, and its longest vector. */
  readonly direction: Tensor;
  readonly longest: number;
  readonly recent: readonly number[];
}

/** The value for the level that `finer` levels follow. */
const atLevel = (v: number | readonly number[], finer: number): number =>
  typeof v === "number" ? v : v[Math.max(0, v.length - 1 - finer)];
const zeros = (d: number) => new Array<number>(d * d).fill(0);
const diagonal = (v: readonly number[]) => v.flatMap((x, i) => v.map((_, j) => (i === j ? x : 0)));
const scaledBy = (u: Tensor, out: Tensor, factors: readonly number[]) =>
  affinePlanes(engine(), u.pointer, out.pointer, u.shape.slice(1), {
    field: diagonal(factors),
    voxel: zeros(factors.length),
    constant: factors.map(() => 0),
  });
const size3 = (size: readonly number[]) => (size.length === 3 ? size : [1, ...size]) as unknown as readonly [number, number, number];

/** The metric and its slopes by the values of both images. */
function slopesOf(
  metric: MetricForms,
  warped: Image,
  fixed: Image,
  masks: Masks,
): { readonly value: number; readonly slopes: readonly Tensor[] } {
  if (metric.slopes && warped.values.dtype === "f32" && fixed.values.dtype === "f32") {
    const r = metric.slopes(warped, fixed, masks);
    return { value: r.value, slopes: [r.warped, r.fixed] };
  }
  const { value, gradients } = valueAndGrad((w, f) => metric.value({ ...warped, values: w }, { ...fixed, values: f }, masks))(
    warped.values,
    fixed.values,
  );
  return { value: value.item(), slopes: gradients };
}

/** Value and direction at a point. */
function look(p: Problem, x: Halves, recent: readonly number[]): DiffeoState {
  return scope(() => {
    const e = engine();
    const size = tensorShape(p.fixed.grid);
    const d = size.length;
    const along = (values: Tensor, field: Tensor, border: "clamp" | "constant") => {
      const out = Tensor.uninitialised(values.shape);
      sample(e, "linear", { at: values.pointer, channels: values.shape[0], size }, { field: field.pointer, size }, [], out.pointer, {
        border,
      });
      return out;
    };
    const fixed = along(p.fixed.values, x.toFixed, "clamp");
    const moving = along(p.moving.values, x.toMoving, "clamp");
    const masks: Masks = {
      fixed: p.fixedMask && along(p.fixedMask, x.toFixed, "constant"),
      warped: p.movingMask && along(p.movingMask, x.toMoving, "constant"),
    };
    const grid = p.fixed.grid;
    const { value, slopes } = slopesOf(p.metric, { values: moving, grid }, { values: fixed, grid }, masks);
    const force = Tensor.uninitialised([d, ...size]);
    const n = voxelsOf(grid);
    const channels = moving.shape[0];
    for (let c = 0; c < channels; c++) {
      const part = c === 0 ? force : Tensor.uninitialised(force.shape);
      const at = (t: Tensor) => t.pointer + 4 * n * c;
      gradientForce(e, { image: at(moving), slope: at(slopes[0]) }, { image: at(fixed), slope: at(slopes[1]) }, part.pointer, size);
      if (c > 0) force.data.set(force.add(part).data);
    }
    dispose(fixed, moving, slopes);
    if (p.fades && masks.warped) faded(force, masks.warped);
    const v = value + (p.landmarks ? landmarkPull(p.landmarks, x.toFixed, x.toMoving, force) : 0);
    const direction = Tensor.uninitialised(force.shape);
    gaussian(e, force.pointer, direction.pointer, d, size3(size), { sigma: p.updateSigma, truncate: 3 });
    return { x, value: v, direction, longest: longestVector(e, direction.pointer, size), recent: [...recent.slice(-19), v] };
  });
}

/**
 * Forces fade towards the end of what moving shows, over two voxels: windows that are cut off there compare few samples with few, and what they
 * ask for would be carried on into places where nothing speaks against it.
 */
function faded(force: Tensor, weight: Tensor): void {
  const e = engine();
  const size = weight.shape.slice(1);
  const soft = Tensor.uninitialised(weight.shape);
  const sigma = size3(size).map((n) => Math.min(2, n / 4)) as [number, number, number];
  gaussian(e, weight.pointer, soft.pointer, 1, size3(size), { sigma, truncate: 3 });
  fadePlanes(e, force.pointer, soft.pointer, size);
}

/** `u ← G(u ∘ (id + δ) + δ)`, δ = factor · direction. */
function moved(p: Problem, u: Tensor, direction: Tensor, factor: number): Tensor {
  const e = engine();
  const size = tensorShape(p.fixed.grid);
  const composed = Tensor.uninitialised(u.shape);
  composeFields(e, u.pointer, size, direction.pointer, size, composed.pointer, factor);
  dispose(u); // a step takes its state over: at full resolution both would be a gigabyte
  if (p.totalSigma.every((s) => s === 0)) return composed;
  const out = Tensor.uninitialised(u.shape);
  gaussian(e, composed.pointer, out.pointer, size.length, size3(size), { sigma: p.totalSigma, truncate: 3 });
  dispose(composed);
  return out;
}

/**
 * Greedy symmetric steps: fixed and moving are both warped to the middle, the metric's slopes on both give one force, smoothed (fluid), and the two
 * halves go along it in opposite senses by at most `step` voxels; then each is smoothed (elastic). The value of a state belongs to its halves.
 * @see Avants, Epstein, Grossman, Gee (2008), Symmetric diffeomorphic image registration with cross-correlation, Medical Image Analysis 12
 */
const symmetricSteps: Iteration<Problem, Halves, DiffeoState> = {
  init: (p, x) => look(p, x, []),
  step(p, s) {
    const factor = p.step / s.longest;
    const toMoving = moved(p, s.x.toMoving, s.direction, -factor);
    const toFixed = moved(p, s.x.toFixed, s.direction, factor);
    dispose(s.direction);
    return look(p, { toFixed, toMoving }, s.recent);
  },
  done(s) {
    const n = s.recent.length;
    const scale = Math.max(Math.abs(s.recent[0]), 1e-9);
    // The whole force, taken everywhere as large as at its largest, could change the value by this much:
    if (!(s.longest * (s.direction.size / s.direction.shape[0]) > 1e-4 * scale))
      return { stop: "converged", reason: "nothing pulls any more" };
    if (n >= 20 && s.recent[n - 11] - Math.min(...s.recent.slice(-10)) < 2e-4 * scale)
      return { stop: "converged", reason: "ten steps have brought less than 0.02 %" };
    return undefined;
  },
};

function copied(u: Tensor): Tensor {
  const out = Tensor.uninitialised(u.shape);
  out.data.set(u.data);
  return out;
}

/** A field of one level on the next: sampled there, and counted in its voxels. */
function onGrid(u: Tensor, from: Grid, to: Grid): Tensor {
  const d = from.size.length;
  const out = Tensor.uninitialised([d, ...tensorShape(to)]);
  const positions = { size: tensorShape(to), base: baseOf(betweenIndices(to, identityMap(d), from)) };
  sample(engine(), "linear", { at: u.pointer, channels: d, size: tensorShape(from) }, positions, [], out.pointer, { border: "clamp" });
  scaledBy(
    out,
    out,
    from.spacing.map((s, i) => s / to.spacing[i]),
  );
  return out;
}

/**
 * Floats per voxel of the finest level that are alive at the peak, beside the caller's images: both images of the level, the halves, and what the
 * metric keeps for its slopes; masks and their warped selves (of the moving image's extent alone, where none was given). Moving itself has been released.
 */
export const planesAtPeak = (d: number, masks: boolean): number => 2 + 2 * d + (2 + 5 + 2) + (masks ? 4 : 2) - 1;

/**
 * Symmetric diffeomorphic registration from coarse to fine, starting at a linear map:  y = A ∘ (id + u₂) ∘ (id + u₁)⁻¹,  u₁, u₂ the halves.
 * The inverse is (id + u₁) ∘ (id + u₂)⁻¹ ∘ A⁻¹; both inversions are by Newton's method, and their residuals are reported.
 */
export async function alignDiffeo(input: DiffeoInput, metric: ImageMetric, o: DiffeoOptions, run: LevelRun): Promise<DiffeoResult> {
  const { updateVoxels = 1.7, totalVoxels = 0.4, stepVoxels = 0.25 } = o;
  const d = input.fixed.grid.size.length;
  const affine = new AffineTransform(input.map);
  const base = baseSpacing(input.fixed.grid);
  let halves: Halves | undefined;
  let before: Grid | undefined = input.start?.grid;
  // A step takes its state over, so a start is copied.
  if (input.start) halves = { toFixed: copied(input.start.toFixed), toMoving: copied(input.start.toMoving) };
  const trace: DiffeoResult["trace"][number][] = [];
  // Background costs as much as anatomy: leave out what shows nothing in either image. Beyond the box a deformation goes on as at its border.
  const region = input.start || input.landmarks || o.onLevel ? undefined : activeRegion(input.fixed, input.moving, input.map);
  const whole = region ? cropped(input.fixed, region) : input.fixed;
  if (region) keep(whole.values);
  for (const [k, shrink] of o.shrinks.entries()) {
    const level = scope(() => {
      const fixed = atSpacing(whole, shrink * base);
      const { grid } = fixed;
      const source = atSpacing(input.moving, shrink * base);
      const moving = warp(source, affine, grid, { border: "clamp", interpolation: shrink === 1 ? "cubic" : "linear" });
      const ones = (im: Image, mask: Tensor | undefined): Image => ({
        values: mask ?? Tensor.ones([1, ...tensorShape(im.grid)]),
        grid: im.grid,
      });
      const inside = warp(ones(input.moving, input.movingMask), affine, grid);
      const everywhere = !input.movingMask && inside.values.min().item() > 0.99;
      const fixedMask = input.fixedMask && warp(ones(input.fixed, input.fixedMask), new AffineTransform(identityMap(d)), grid).values;
      const sigma = (s: number): [number, number, number] => {
        const [x, y, z = 0] = grid.spacing
          .map((q, i) => (grid.size[i] > 1 ? (s * shrink * base) / q : 0))
          .map((v, i) => Math.min(v, s, grid.size[i]));
        return [z, y, x];
      };
      const ready = metric.prepare?.(fixed, moving, true) ?? metric;
      const movingMask = everywhere ? undefined : inside.values;
      // Where descriptions are dear, both images are described once and their descriptions warped.
      const f = metric.describeOnce ? ready.features?.(fixed, "fixed", fixedMask) : undefined;
      const m = metric.describeOnce ? ready.features?.(moving, "moving", movingMask) : undefined;
      return {
        fixed: f?.image ?? fixed,
        moving: m?.image ?? moving,
        fixedMask: f ? f.mask : fixedMask,
        movingMask: m ? m.mask : movingMask,
        metric: f ? ssd() : ready,
        updateSigma: sigma(atLevel(updateVoxels, o.shrinks.length - 1 - k)),
        totalSigma: sigma(atLevel(totalVoxels, o.shrinks.length - 1 - k)),
        step: stepVoxels,
        fades: !everywhere && !input.movingMask,
        landmarks: input.landmarks && voxelPairs(input.landmarks, input.map, grid),
      };
    });
    if (k === o.shrinks.length - 1) input.releaseMoving?.();
    const { grid } = level.fixed;
    const zero = () => Tensor.zeros([d, ...tensorShape(grid)]);
    const start: Halves =
      halves && before
        ? { toFixed: onGrid(halves.toFixed, before, grid), toMoving: onGrid(halves.toMoving, before, grid) }
        : { toFixed: zero(), toMoving: zero() };
    if (halves) dispose(halves);
    halves = undefined;
    try {
      const result = await iterate(symmetricSteps, level, start, {
        ...run,
        iterations: o.iterations[k],
        level: run.level + k,
        keepBest: false,
      });
      halves = keep(result.x);
      before = grid;
      trace.push({ shrink, values: result.history, reason: result.reason });
    } finally {
      if (halves?.toFixed !== start.toFixed) dispose(start);
      for (const t of [level.fixed.values, level.moving.values, level.fixedMask, level.movingMask])
        if (t && t !== whole.values && t !== input.fixedMask) dispose(t);
    }
  }
  if (region) dispose(whole.values);
  let { toFixed, toMoving } = halves as Halves;
  let grid = before as Grid;
  const midway = o.keepMidway ? { toFixed: copied(toFixed), toMoving: copied(toMoving), grid } : undefined;
  const { used, limit } = engine().memoryUse;
  if (!o.onLevel && !sameGrid(grid, input.fixed.grid) && used + 5 * d * bytesOf([voxelsOf(input.fixed.grid)]) < limit) {
    // On the fixed grid the field covers every sample; a coarser grid ends half a voxel further in, and outside a field is 0.
    const coarse = [toFixed, toMoving];
    [toFixed, toMoving] = coarse.map((u) => onGrid(u, grid, input.fixed.grid));
    dispose(coarse);
    grid = input.fixed.grid;
  }
  const a = through(toFixed, toMoving, grid);
  const b = through(toMoving, toFixed, grid);
  dispose(toFixed, toMoving);
  return {
    forward: a.field,
    backward: b.field,
    grid,
    trace,
    inversion: { largest: Math.max(a.largest, b.largest), share: Math.max(a.share, b.share) },
    midway,
  };
}

/** (id + second) ∘ (id + first)⁻¹ in millimetres, the halves in voxels of the grid. */
function through(first: Tensor, second: Tensor, grid: Grid): { readonly field: Tensor; readonly largest: number; readonly share: number } {
  const e = engine();
  const size = tensorShape(grid);
  const back = Tensor.uninitialised(first.shape);
  const quality = invertField(e, first.pointer, size, back.pointer);
  const field = Tensor.uninitialised(first.shape);
  composeFields(e, second.pointer, size, back.pointer, size, field.pointer);
  dispose(back);
  const d = size.length;
  affinePlanes(e, field.pointer, field.pointer, size, {
    field: indexToPhysical(grid).matrix,
    voxel: zeros(d),
    constant: new Array<number>(d).fill(0),
  });
  return { field, ...quality };
}
