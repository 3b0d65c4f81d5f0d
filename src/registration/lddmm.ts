import { ArgumentError } from "../core/errors.js";
import type { Grid, Image, Space } from "../core/interfaces.js";
import { iterate } from "../core/iterate.js";
import { type AffineMap, betweenIndices, identityMap, physicalToIndex, sameGrid, tensorShape, voxelsOf } from "../image/grid.js";
import { determinant, multiply } from "../image/matrix.js";
import { gaussNewton } from "../optimisers/index.js";
import { concat, dispose, jacobianDeterminant, keep, scope, Tensor, turnPlanes, warpAffine, warpField } from "../tensor/index.js";
import { AffineTransform, flow, TimeVelocityTransform } from "../transforms/index.js";
import { baseOf, warp } from "../transforms/warp.js";
import type { DiffeoInput } from "./diffeo.js";
import { type GeneralResult, inversionOf } from "./general.js";
import { atSpacing, baseSpacing } from "./levels.js";
import type { LevelRun } from "./linearFamily.js";
import { LandmarkDistance } from "./points/landmarkDistance.js";
import type { LandmarkPairs } from "./points/landmarkTerm.js";

/** Velocities in time, their order of smoothness, mass preservation, α. */
export interface LddmmOptions {
  /** α in D + α S. Default 1e-3 for order 1, 2e-4 for order 2. */
  readonly alpha?: number;
  /** S = ½ ∫₀¹ mean |∇v|² (1, default), or ½ ∫₀¹ mean ℓ² |Δv|² with ℓ five voxels of the fixed image (2, smoother). */
  readonly order?: 1 | 2;
  /** Velocity fields, evenly spaced in time and linear in between; 1: stationary. Default 3. */
  readonly velocities?: number;
  /** Runge–Kutta steps of the flow. Default 4. */
  readonly steps?: number;
  /** Match (M ∘ y) · det ∇y: mass moves with the points and is kept, as densities and tracer counts ask for. */
  readonly massPreserving?: boolean;
  /** Shrink factors, coarse to fine, and the most Gauss–Newton steps on each (default 15). */
  readonly shrinks?: readonly number[];
  /** The most steps there may be. */
  readonly iterations?: number;
}

/** Cosine transforms along the spatial axes of [..., (z,) y, x]: orthonormal, so that the inverse is the transpose. */
class Cosines {
  readonly #matrices: readonly Tensor[];
  constructor(readonly shape: readonly number[]) {
    this.#matrices = shape.map((n) =>
      Tensor.from(
        Float32Array.from({ length: n * n }, (_, i) => {
          const [k, x] = [Math.floor(i / n), i % n];
          return Math.sqrt((k === 0 ? 1 : 2) / n) * Math.cos((Math.PI * k * (x + 0.5)) / n);
        }),
        [n, n],
      ),
    );
  }
  forward = (x: Tensor): Tensor => this.#along(x, false);
  inverse = (x: Tensor): Tensor => this.#along(x, true);
  #along(x: Tensor, back: boolean): Tensor {
    const lead = x.rank - this.shape.length;
    let out = x;
    for (const [a, matrix] of this.#matrices.entries()) {
      const axis = lead + a;
      const last = out.rank - 1;
      const order = Array.from({ length: out.rank }, (_, i) => (i === axis ? last : i === last ? axis : i));
      const turned = axis === last ? out : out.permute(...order);
      const n = this.shape[a];
      const done = turned
        .reshape(turned.size / n, n)
        .matmul(back ? matrix : matrix.transpose())
        .reshape(...turned.shape);
      out = axis === last ? done : done.permute(...order);
    }
    return out;
  }
  /** Eigenvalues of minus the Laplacian by second differences with mirrored borders, mm⁻². */
  laplacian(spacing: readonly number[]): Float64Array {
    const n = this.shape.reduce((a, b) => a * b, 1);
    const out = new Float64Array(n);
    for (let k = 0; k < n; k++) {
      let rest = k;
      for (let a = this.shape.length - 1, axis = 0; a >= 0; a--, axis++) {
        const i = rest % this.shape[a];
        rest = Math.floor(rest / this.shape[a]);
        out[k] += (2 - 2 * Math.cos((Math.PI * i) / this.shape[a])) / spacing[axis] ** 2;
      }
    }
    return out;
  }
}

/** ½‖r(v)‖² = ½ mean w (g M∘A∘y + o − F)² + α S(v) on one level, and the preconditioner (α∇²S + c)⁻¹ of its Gauss–Newton systems. */
class Level {
  readonly #cosines: Cosines;
  /** √(α weight eigenvalue / N) of S, [m, 1, …]. */
  readonly #root: Tensor;
  readonly #inverse: Tensor;
  readonly #weight: Tensor;
  readonly #turn: readonly number[];
  readonly #base: readonly number[];
  readonly #factor: number;
  readonly #landmarks: LandmarkDistance | undefined;
  constructor(
    readonly fixed: Image,
    readonly moving: Image,
    mask: Tensor | undefined,
    movingMask: Tensor | undefined,
    readonly map: AffineMap,
    readonly o: { alpha: number; order: 1 | 2; velocities: number; steps: number; massPreserving: boolean; length: number },
    landmarks?: LandmarkPairs,
  ) {
    this.#landmarks = landmarks && new LandmarkDistance(landmarks, map, fixed.grid);
    const { grid } = fixed;
    const shape = tensorShape(grid);
    const d = shape.length;
    const n = voxelsOf(grid);
    const m = o.velocities;
    this.#base = baseOf(betweenIndices(grid, map, moving.grid));
    this.#turn = multiply(physicalToIndex(moving.grid).matrix, map.matrix, d);
    this.#factor = Math.abs(determinant(map.matrix, d));
    const ones = movingMask ?? Tensor.ones([1, ...tensorShape(moving.grid)]);
    const inside = warp({ values: ones, grid: moving.grid }, new AffineTransform(map), grid).values;
    const weight = mask ? inside.mul(mask) : inside;
    this.#weight = weight
      .maximum(0)
      .sqrt()
      .mul(1 / Math.sqrt(Math.max(1e-9, weight.sum().item())));
    this.#cosines = new Cosines(shape);
    const laplacian = this.#cosines.laplacian(grid.spacing);
    const least = laplacian.reduce((a, v) => (v > 0 ? Math.min(a, v) : a), Number.POSITIVE_INFINITY);
    // The constant costs a tenth of the slowest wave: shifts belong to the linear map.
    const eigenvalues = laplacian.map((v) => {
      const q = v + 0.1 * least;
      return o.order === 1 ? q : o.length ** 2 * q ** 2;
    });
    const slope = meanSquaredSlope(fixed);
    // Trapezoidal weights in time.
    const time = Array.from({ length: m }, (_, i) => (m === 1 ? 1 : (i === 0 || i === m - 1 ? 0.5 : 1) / (m - 1)));
    const all = (f: (e: number, w: number) => number) =>
      Tensor.from(
        Float32Array.from({ length: m * n }, (_, k) => f(eigenvalues[k % n], time[Math.floor(k / n)])),
        [m, 1, ...shape],
      );
    this.#root = all((e, w) => Math.sqrt((o.alpha * w * e) / n));
    this.#inverse = all((e, w) => n / (w * (o.alpha * e + slope)));
  }
  #flow = (v: Tensor): Tensor => flow(v, this.fixed.grid, this.o.steps);
  #image(u: Tensor): Tensor {
    const values = warpField(this.moving.values, turnPlanes(u, this.#turn), { base: this.#base, border: "clamp" });
    if (!this.o.massPreserving) return values;
    const det = jacobianDeterminant(alongAxes(u, this.fixed.grid), { spacing: this.fixed.grid.spacing }).mul(this.#factor);
    return values.mul(det.reshape(1, ...det.shape));
  }
  /** Gain and offset of the regression of F on M ∘ y, for "ncc". */
  regression(v: Tensor): [number, number] {
    return scope(() => {
      const w = this.#weight.square();
      const [M, F] = [this.#image(this.#flow(v)), this.fixed.values];
      const mean = (x: Tensor) => x.mul(w).sum().item();
      const [m, f] = [mean(M), mean(F)];
      const variance = mean(M.sub(m).square());
      const gain = variance > 1e-12 ? mean(M.sub(m).mul(F.sub(f))) / variance : 1;
      return [gain, f - gain * m];
    });
  }
  difference(v: Tensor, gain: number, offset: number, u = this.#flow(v)): Tensor {
    return this.#image(u).mul(gain).add(offset).sub(this.fixed.values).mul(this.#weight);
  }
  objective(gain: number, offset: number) {
    return {
      residual: (v: Tensor) => {
        const u = this.#flow(v);
        const r = this.difference(v, gain, offset, u);
        const s = this.#cosines.forward(v).mul(this.#root);
        const parts = [r, s, ...(this.#landmarks ? [this.#landmarks.residual(u)] : [])];
        return concat(
          parts.map((x) => x.reshape(x.size)),
          0,
        );
      },
    };
  }
  precondition = (g: Tensor): Tensor => scope(() => this.#cosines.inverse(this.#cosines.forward(g).mul(this.#inverse)));
}
/** Planes along the grid's own axes: the derivative's rows and columns turn together, so that its determinant is the same. */
function alongAxes(u: Tensor, grid: Grid): Tensor {
  const d = grid.size.length;
  const direction = grid.direction;
  return turnPlanes(
    u,
    direction.map((_, k) => direction[(k % d) * d + Math.floor(k / d)]),
  );
}
/** mean |∇F|² in mm⁻², central differences. */
function meanSquaredSlope({ values, grid }: Image): number {
  const shape = values.shape.slice(1);
  const d = shape.length;
  const x = values.data;
  const n = voxelsOf(grid);
  let sum = 0;
  for (let a = 0, stride = 1; a < d; stride *= grid.size[a], a++)
    for (let k = 0; k < n; k++) {
      const i = Math.floor(k / stride) % grid.size[a];
      if (i > 0 && i < grid.size[a] - 1) sum += ((x[k + stride] - x[k - stride]) / (2 * grid.spacing[a])) ** 2;
    }
  return sum / n;
}

/**
 * Large deformations as flows: min over v of ½ mean (M ∘ A ∘ y − F)² + α S(v), y the flow of v (`flow`), by Gauss–Newton from coarse to
 * fine; each system by conjugate gradients with the spectral inverse of α∇²S + mean |∇F|² as preconditioner. y is a diffeomorphism as far as
 * the grid resolves v; its inverse is the flow backwards. "ncc": F is first fitted by g M + o.
 * @see Mang & Ruthotto (2017), A Lagrangian Gauss–Newton–Krylov solver for mass- and intensity-preserving diffeomorphic image registration, SIAM J. Sci. Comput. 39(5)
 * @see Beg, Miller, Trouvé, Younes (2005), Computing large deformation metric mappings via geodesic flows of diffeomorphisms, IJCV 61(2)
 * @throws ArgumentError for several channels or unusable options
 */
export async function alignLddmm(
  input: DiffeoInput,
  kind: "ssd" | "ncc",
  options: LddmmOptions,
  run: LevelRun,
  spaces: { readonly from: Space; readonly to: Space },
): Promise<GeneralResult> {
  const { order = 1, velocities = 3, steps = 4, massPreserving = false, shrinks = [1], iterations = 15 } = options;
  const alpha = options.alpha ?? (order === 1 ? 1e-3 : 2e-4);
  if (!(alpha > 0)) throw new ArgumentError(`lddmm: α = ${alpha}; a flow needs a positive number`, { alpha });
  if (!Number.isInteger(velocities) || velocities < 1 || !Number.isInteger(steps) || steps < 1)
    throw new ArgumentError(`lddmm: ${velocities} velocity fields and ${steps} steps; give whole numbers from 1`, { velocities, steps });
  if (input.fixed.values.shape[0] !== 1) throw new ArgumentError("lddmm: one channel is matched; give gray images", {});
  const base = baseSpacing(input.fixed.grid);
  let earlier: { v: Tensor; grid: Grid } | undefined;
  let likeness = Number.NaN;
  const trace: GeneralResult["trace"][number][] = [];
  for (const [k, shrink] of shrinks.entries()) {
    const at = (im: Image) => atSpacing(im, shrink * base);
    const masked = (values: Tensor | undefined, im: Image) => values && at({ values, grid: im.grid }).values;
    const from = earlier;
    const [fixed, moving] = [at(input.fixed), at(input.moving)];
    const [mask, movingMask] = [masked(input.fixedMask, input.fixed), masked(input.movingMask, input.moving)];
    const parts = { alpha, order, velocities, steps, massPreserving, length: 5 * base };
    const level = new Level(fixed, moving, mask, movingMask, input.map, parts, input.landmarks);
    const start = from
      ? carried(from.v, from.grid, fixed.grid)
      : Tensor.zeros([velocities, fixed.grid.size.length, ...tensorShape(fixed.grid)]);
    const [gain, offset] = kind === "ncc" ? level.regression(start) : [1, 0];
    const method = gaussNewton<Tensor>({
      dense: 0,
      cgIterations: 20,
      cgResidual: 0.1,
      preconditioner: level.precondition,
      relativeDecrease: 1e-3,
    });
    const result = await iterate(method, level.objective(gain, offset), start, { ...run, iterations, level: run.level + k });
    if (from && result.x !== from.v) dispose(from.v);
    if (result.x !== start && start !== from?.v) dispose(start);
    earlier = { v: keep(result.x), grid: level.fixed.grid };
    likeness = scope(() => 0.5 * level.difference(result.x, gain, offset).square().sum().item());
    trace.push({ shrink, values: result.history, reason: result.reason });
    const mine = [input.fixed.values, input.moving.values, input.fixedMask, input.movingMask];
    for (const t of [fixed.values, moving.values, mask, movingMask]) if (t && !mine.includes(t)) dispose(t);
  }
  const { v, grid } = earlier as NonNullable<typeof earlier>;
  // Twice the steps of the search: the paths, and the way back, are then followed to a thousandth of a voxel or so.
  const transform = new TimeVelocityTransform(v, grid, spaces.from, spaces.to, 2 * steps);
  return { transform, parameters: { velocity: v }, grid, trace, inversion: inversionOf(transform, input.fixed.grid), likeness };
}

/** Velocities on another grid, mm, border values continued. */
function carried(v: Tensor, from: Grid, to: Grid): Tensor {
  if (sameGrid(from, to)) return v;
  const [m, d] = v.shape;
  const base = baseOf(betweenIndices(to, identityMap(d), from));
  return warpAffine(v.reshape(m * d, ...v.shape.slice(2)), base, tensorShape(to)).reshape(m, d, ...tensorShape(to));
}
