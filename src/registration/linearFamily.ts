import type { Image, Iteration, NormalObjective, Progress } from "../core/interfaces.js";
import { type AffineMap, applyAffine, centreOf, composeAffine, cornersOf, indexToPhysical, physicalToIndex } from "../image/grid.js";
import { engine } from "../kernels/engine.js";
import { bsplinePrefilter } from "../kernels/sampling.js";
import { gaussNewton, levenbergMarquardt } from "../optimisers/index.js";
import { Tensor } from "../tensor/index.js";
import { type AffineModel, affineFromParameters, parameterCount } from "../transforms/affine.js";
import { baseOf } from "../transforms/warp.js";
import { type LandmarkPairs, landmarkTerm } from "./points/landmarkTerm.js";

/** Two images of one level with their masks. */
export interface LinearLevel {
  /** What stays. */
  readonly fixed: Image;
  /** What is brought onto `fixed`. */
  readonly moving: Image;
  /** Weights on the two grids. */
  readonly fixedMask?: Tensor;
  /** Weights on the moving grid: where the image counts. */
  readonly movingMask?: Tensor;
  /** A term beside the metric. */
  readonly landmarks?: LandmarkPairs;
}
/** The part of a run that a level needs. */
export interface LevelRun {
  /** The most steps there may be. */
  readonly iterations: number;
  /** Ends the work early, with an AbortedError. */
  readonly signal?: AbortSignal;
  /** Told where the work stands, step by step. */
  readonly onProgress?: (p: Progress<unknown>) => void;
  /** The level, coarse to fine. */
  readonly level: number;
  /** How many levels there are. */
  readonly levels: number;
}
/** The linear map of one level, and the metric on the way to it. */
export interface LinearResult {
  /** Fixed points ↦ moving points, an affine map. */
  readonly map: AffineMap;
  /** The objective there, metric and regulariser; less is better. */
  readonly value: number;
  /** The metric or objective, step by step. */
  readonly values: readonly number[];
  /** Why it ended, in a sentence. */
  readonly reason: string;
}

/** θ ↦ the map between voxels, and its derivative. */
export class LinearFamily {
  readonly count: number;
  readonly #centre: readonly number[];
  /** Distance in mm from the middle of the fixed grid to its corners. */
  readonly radius: number;
  readonly #d: number;
  /** Fixed voxels to where `start` puts them, and moving space to its voxels: what is the same for all θ. */
  readonly #inner: AffineMap;
  readonly #outer: AffineMap;
  constructor(
    readonly level: LinearLevel,
    readonly model: AffineModel,
    readonly start: AffineMap,
  ) {
    this.#d = start.offset.length;
    this.count = parameterCount(model, this.#d);
    const middle = centreOf(level.fixed.grid);
    this.#centre = applyAffine(start, middle);
    this.#inner = composeAffine(start, indexToPhysical(level.fixed.grid));
    this.#outer = physicalToIndex(level.moving.grid);
    this.radius = 0.5 * Math.max(...cornersOf(level.fixed.grid).map((p) => Math.hypot(...p.map((v, i) => v - middle[i]))));
  }
  #delta(theta: ArrayLike<number>): AffineMap {
    const p: number[] = [];
    for (let i = 0; i < this.count; i++) p.push(i < this.#d ? theta[i] : theta[i] / this.radius);
    return affineFromParameters(this.model, p, this.#centre);
  }
  physical(theta: ArrayLike<number>): AffineMap {
    return composeAffine(this.#delta(theta), this.start);
  }
  /** The landmarks' term, if there are any. */
  landmarks(theta: ArrayLike<number>) {
    const pairs = this.level.landmarks;
    return pairs && landmarkTerm(pairs, (t) => this.physical(t), theta, this.count, 1e-4 * this.radius);
  }
  /** [A | b] rows, fixed voxels to moving voxels. */
  entries(theta: ArrayLike<number>): number[] {
    return baseOf(composeAffine(this.#outer, composeAffine(this.#delta(theta), this.#inner)));
  }
  /** ∂entries/∂θ, one row for each parameter: the entries are smooth and cheap, so central differences are exact to ten digits. */
  slopes(theta: ArrayLike<number>): number[][] {
    const h = 1e-4 * this.radius;
    return Array.from({ length: this.count }, (_, k) => {
      const at = (s: number) => this.entries(Array.from({ length: this.count }, (_, i) => theta[i] + (i === k ? s : 0)));
      const [up, down] = [at(h), at(-h)];
      return up.map((v, i) => (v - down[i]) / (2 * h));
    });
  }
}

/** B-spline coefficients of an image's values [c, (z,) y, x]. */
export function coefficientsOf(values: Tensor): Tensor {
  const out = Tensor.uninitialised(values.shape);
  out.data.set(values.data);
  bsplinePrefilter(engine(), out.pointer, values.shape[0], values.shape.slice(1));
  return out;
}

/** Levenberg–Marquardt, or Gauss–Newton with a line search, for linear models. */
export const secondOrder = (undamped: boolean): Iteration<NormalObjective<Tensor>, Tensor> => {
  const criteria = { relativeDecrease: 1e-7, stepNorm: 1e-5 };
  return (undamped ? gaussNewton<Tensor>(criteria) : levenbergMarquardt<Tensor>({ tau: 1e-4, ...criteria })) as Iteration<
    NormalObjective<Tensor>,
    Tensor
  >;
};
