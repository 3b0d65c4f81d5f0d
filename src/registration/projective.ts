import { solvePositive } from "../core/cholesky.js";
import { ArgumentError } from "../core/errors.js";
import type { Metric, NormalEquations } from "../core/interfaces.js";
import { iterate } from "../core/iterate.js";
import { centreOf, cornersOf, type Grid, indexToPhysical, physicalToIndex } from "../image/grid.js";
import { inverse, multiply } from "../image/matrix.js";
import { engine } from "../kernels/engine.js";
import { sample, sampleBoth, sampleGradient } from "../kernels/sampling.js";
import type { ImageMetric } from "../metrics/index.js";
import { lbfgs } from "../optimisers/index.js";
import { dispose, scope, Tensor, valueAndGrad } from "../tensor/index.js";
import {
  type HomographyTransform,
  homographyFromParameters,
  homographyOfAffine,
  homographyParameterCount,
} from "../transforms/homography.js";
import { type Formulation, Prepared, withoutOutside } from "./formulations.js";
import { coefficientsOf, type LevelRun, type LinearLevel, secondOrder } from "./linearFamily.js";
import { type Compositional, dot, following, forcesOf, inverseCompositional, quadratic, residualOf, squaresOf } from "./residual.js";
import { atCorners, covarianceOf, type Uncertainty } from "./uncertainty.js";

/** The homography of one level, and the metric on the way to it. */
export interface ProjectiveResult {
  /** H, fixed mm to moving mm. */
  readonly matrix: readonly number[];
  /** The objective there, metric and regulariser; less is better. */
  readonly value: number;
  /** The metric or objective, step by step. */
  readonly values: readonly number[];
  /** Why it ended, in a sentence. */
  readonly reason: string;
}

/** θ ↦ H = start ∘ N⁻¹ exp(Σ θₖ Gₖ) N between voxels; θ in the mm that a point at the corners of the fixed image moves. */
class Family {
  readonly #centre: readonly number[];
  readonly #radius: number;
  constructor(
    readonly level: LinearLevel,
    readonly start: readonly number[],
    readonly to: Grid = level.moving.grid,
  ) {
    this.#centre = centreOf(level.fixed.grid);
    this.#radius = 0.5 * Math.max(...cornersOf(level.fixed.grid).map((p) => Math.hypot(...p.map((v, i) => v - this.#centre[i]))));
  }
  physical(theta: ArrayLike<number>): number[] {
    const p = Array.from({ length: homographyParameterCount }, (_, k) => theta[k] / this.#radius);
    return multiply(this.start, homographyFromParameters(p, this.#centre, this.#radius), 3);
  }
  /** The nine entries, fixed voxels to moving voxels. */
  entries(theta: ArrayLike<number>): number[] {
    return betweenVoxels(this.physical(theta), this.level.fixed.grid, this.to);
  }
  /** ∂entries/∂θ, a row for each parameter, by central differences of a smooth cheap function. */
  slopes(theta: ArrayLike<number>): number[][] {
    const h = 1e-4 * this.#radius;
    return Array.from({ length: homographyParameterCount }, (_, k) => {
      const at = (s: number) => this.entries(Array.from({ length: homographyParameterCount }, (_, i) => theta[i] + (i === k ? s : 0)));
      const [up, down] = [at(h), at(-h)];
      return up.map((v, i) => (v - down[i]) / (2 * h));
    });
  }
}
const betweenVoxels = (matrix: readonly number[], from: Grid, to: Grid): number[] =>
  multiply(homographyOfAffine(physicalToIndex(to)), multiply(matrix, homographyOfAffine(indexToPhysical(from)), 3), 3);
const identity3 = [1, 0, 0, 0, 1, 0, 0, 0, 1];

/** Positions in moving voxels under H, as the shift from the voxel's own index; planes x, y. Behind the horizon: far outside. */
function fieldOf(h: readonly number[], [height, width]: readonly number[]): Tensor {
  const out = Tensor.uninitialised([2, height, width]);
  const u = out.data;
  const n = width * height;
  const front = h[6] * (width - 1) * 0.5 + h[7] * (height - 1) * 0.5 + h[8] > 0 ? 1 : -1;
  for (let y = 0, k = 0; y < height; y++)
    for (let x = 0; x < width; x++, k++) {
      const w = h[6] * x + h[7] * y + h[8];
      const ok = front * w > 1e-9;
      u[k] = ok ? (h[0] * x + h[1] * y + h[2]) / w - x : 1e7;
      u[n + k] = ok ? (h[3] * x + h[4] * y + h[5]) / w - y : 1e7;
    }
  return out;
}

interface Sums {
  readonly ofDifference: Float64Array;
  readonly ofOwn: Float64Array;
  readonly ofOne: Float64Array;
  readonly products: Float64Array;
  readonly weight: number;
  readonly t: number;
  readonly tt: number;
  readonly u: number;
  readonly uu: number;
  readonly ut: number;
}
/**
 * Sums over the fixed voxels of J = ∇ᵀ ∂q/∂H, q = the projected position: nine entries, ∂q_a/∂H_aj = X_j / w, ∂q_a/∂H_3j = −q_a X_j / w,
 * times t = v − u, u, 1 and, if asked, J itself.
 */
function sumsOver(
  h: readonly number[],
  [height, width]: readonly number[],
  v: ArrayLike<number>,
  u: ArrayLike<number>,
  gradient: ArrayLike<number>,
  inside: ArrayLike<number>,
  mask: ArrayLike<number> | undefined,
  withProducts: boolean,
): Sums {
  const n = width * height;
  const [ofDifference, ofOwn, ofOne, products, J] = [9, 9, 9, 81, 9].map((m) => new Float64Array(m));
  let [weight, st, stt, su, suu, sut] = [0, 0, 0, 0, 0, 0];
  for (let y = 0, k = 0; y < height; y++)
    for (let x = 0; x < width; x++, k++) {
      const m = mask ? mask[k] * inside[k] : inside[k];
      if (!(m > 0)) continue;
      const w = h[6] * x + h[7] * y + h[8];
      const [gx, gy] = [gradient[k] / w, gradient[n + k] / w];
      const g3 = -(gx * (h[0] * x + h[1] * y + h[2]) + gy * (h[3] * x + h[4] * y + h[5])) / w;
      J[0] = gx * x;
      J[1] = gx * y;
      J[2] = gx;
      J[3] = gy * x;
      J[4] = gy * y;
      J[5] = gy;
      J[6] = g3 * x;
      J[7] = g3 * y;
      J[8] = g3;
      const own = u[k];
      const t = v[k] - own;
      for (let i = 0; i < 9; i++) {
        const a = m * J[i];
        ofDifference[i] += a * t;
        ofOwn[i] += a * own;
        ofOne[i] += a;
        if (withProducts) for (let j = i; j < 9; j++) products[9 * i + j] += a * J[j];
      }
      weight += m;
      st += m * t;
      stt += m * t * t;
      su += m * own;
      suu += m * own * own;
      sut += m * own * t;
    }
  for (let i = 0; i < 9; i++) for (let j = 0; j < i; j++) products[9 * i + j] = products[9 * j + i];
  return { ofDifference, ofOwn, ofOne, products, weight, t: st, tt: stt, u: su, uu: suu, ut: sut };
}

/**
 * A homography that minimises a metric on one level, from a start (fixed mm to moving mm). Metrics with a least-squares form go by
 * Levenberg–Marquardt on the pixels, or by inverse-compositional steps; any other by L-BFGS. Plane, one channel.
 * @throws ArgumentError for the inverse formulation, which is for linear models
 */
export async function alignHomography(
  level: LinearLevel,
  start: readonly number[],
  metric: ImageMetric,
  cubic: boolean,
  run: LevelRun,
  formulation: Formulation = "forward",
): Promise<ProjectiveResult> {
  if (formulation === "inverse")
    throw new ArgumentError(
      "register: the inverse formulation is for linear models; for a homography take forward or inverseCompositional",
      {},
    );
  const kind = !level.movingMask && level.fixed.values.shape[0] === 1 ? metric.leastSquares : undefined;
  if (formulation === "inverseCompositional" && !kind)
    throw new ArgumentError(
      `register: the inverseCompositional formulation needs a least-squares form: the metric ssd or ncc, one channel and no moving mask`,
      { metric: metric.name },
    );
  const source = cubic ? coefficientsOf(level.moving.values) : level.moving.values;
  try {
    if (!kind) return await bySlope(level, start, metric.prepare?.(level.fixed, level.moving) ?? metric, source, cubic, run);
    return formulation === "forward"
      ? await additive(level, start, kind, source, cubic, run)
      : await compositional(level, start, kind, source, cubic, run);
  } finally {
    if (cubic) dispose(source);
  }
}

/** J, ∇J and JᵀJ as sums at θ, gain and offset following; cubic: `source` holds coefficients. */
function normalEquations(
  level: LinearLevel,
  family: Family,
  theta: ArrayLike<number>,
  kind: "ssd" | "ncc",
  source: Tensor,
  cubic: boolean,
) {
  return scope(() => {
    const size = level.fixed.values.shape.slice(1);
    const h = family.entries(theta);
    const [v, inside] = [Tensor.uninitialised([1, ...size]), Tensor.uninitialised([1, ...size])];
    const gradient = Tensor.uninitialised([2, ...size]);
    const image = { at: source.pointer, channels: 1, size: source.shape.slice(1) };
    const positions = { field: fieldOf(h, size).pointer, size };
    sampleBoth(engine(), cubic ? "cubic" : "linear", image, positions, v.pointer, gradient.pointer, { inside: inside.pointer });
    const s = sumsOver(h, size, v.data, level.fixed.values.data, gradient.data, inside.data, level.fixedMask?.data, true);
    const r = residualOf(s, kind, "fixed");
    const chain = family.slopes(theta);
    const forces = forcesOf(s, r);
    let hessian = quadratic(chain, s.products);
    if (kind === "ncc") {
      const one = chain.map((row) => dot(row, s.ofOne));
      const m = chain.map((row) => dot(row, s.ofOwn) + dot(row, s.ofDifference));
      hessian = following(hessian, m, one, { mm: s.uu + 2 * s.ut + s.tt, m: s.u + s.t, w: s.weight });
    }
    return {
      weight: s.weight,
      squares: squaresOf(s, r),
      gradient: chain.map((row) => r.gain * dot(row, forces)),
      hessian: hessian.map((q) => r.gain * r.gain * q),
    };
  });
}

async function additive(level: LinearLevel, start: readonly number[], kind: "ssd" | "ncc", source: Tensor, cubic: boolean, run: LevelRun) {
  const family = new Family(level, start);
  let first: number | undefined;
  const normal = (x: Tensor): NormalEquations => {
    const s = normalEquations(level, family, x.data, kind, source, cubic);
    first ??= s.weight;
    const scale = 1 / Math.max(s.weight, 1e-9);
    return {
      value: s.weight > 0.5 * first ? 0.5 * scale * s.squares : Number.POSITIVE_INFINITY,
      gradient: s.gradient.map((q) => scale * q),
      hessian: s.hessian.map((q) => scale * q),
    };
  };
  const x0 = Tensor.zeros([homographyParameterCount], "f64");
  try {
    const result = await iterate(secondOrder(false), { normal }, x0, run);
    return { matrix: family.physical(result.x.data), value: result.value ?? Number.NaN, values: result.history, reason: result.reason };
  } finally {
    dispose(x0);
  }
}

/** As `leastSquaresUncertainty`, for a homography: parameters of `homographyFromParameters` times the radius. */
export function homographyUncertainty(level: LinearLevel, matrix: readonly number[], kind: "ssd" | "ncc"): Uncertainty | undefined {
  const family = new Family(level, matrix);
  const source = coefficientsOf(level.moving.values);
  try {
    const s = normalEquations(level, family, new Float64Array(homographyParameterCount), kind, source, true);
    const left = s.weight - homographyParameterCount - (kind === "ncc" ? 2 : 0);
    const covariance = left > 0 ? covarianceOf(s.hessian, s.squares / left) : undefined;
    if (!covariance) return undefined;
    const mapped = (t: readonly number[], [x, y]: readonly number[]) => {
      const h = family.physical(t);
      const w = h[6] * x + h[7] * y + h[8];
      return [(h[0] * x + h[1] * y + h[2]) / w, (h[3] * x + h[4] * y + h[5]) / w];
    };
    const corners = atCorners(covariance, cornersOf(level.fixed.grid), mapped, 1e-2 * Math.min(...level.fixed.grid.spacing));
    return {
      method: "least squares",
      standardErrorMm: Math.max(...corners.map((c) => c.standardErrorMm)),
      corners,
      covariance,
    };
  } finally {
    dispose(source);
  }
}

async function compositional(
  level: LinearLevel,
  start: readonly number[],
  kind: "ssd" | "ncc",
  source: Tensor,
  cubic: boolean,
  run: LevelRun,
) {
  const size = level.fixed.values.shape.slice(1);
  const seen = withoutOutside(level.fixed.values, level.fixedMask);
  const own = new Prepared(seen, level.fixedMask);
  const family = new Family(level, identity3, level.fixed.grid);
  const chain = family.slopes(new Float64Array(homographyParameterCount));
  const gradient = own.gradient.data.slice();
  const all = new Float32Array(seen.size).fill(1);
  const fixed = sumsOver(identity3, size, seen.data, seen.data, gradient, all, level.fixedMask?.data, true);
  const fixedHessian = quadratic(chain, fixed.products);
  let first: number | undefined;
  const at = (matrix: readonly number[]): Compositional<readonly number[]> =>
    scope(() => {
      const [v, inside] = [Tensor.uninitialised([1, ...size]), Tensor.uninitialised([1, ...size])];
      const image = { at: source.pointer, channels: 1, size: source.shape.slice(1) };
      const positions = { field: fieldOf(betweenVoxels(matrix, level.fixed.grid, level.moving.grid), size).pointer, size };
      sample(engine(), cubic ? "cubic" : "linear", image, positions, [], v.pointer, { inside: inside.pointer });
      const s = sumsOver(identity3, size, v.data, seen.data, gradient, inside.data, level.fixedMask?.data, false);
      first ??= s.weight;
      if (!(s.weight > 0.5 * first)) return { x: matrix, value: Number.POSITIVE_INFINITY };
      const r = residualOf(s, kind, "fixed");
      const share = s.weight / fixed.weight;
      let hessian = fixedHessian.map((q) => share * q);
      if (kind === "ncc") {
        const one = chain.map((row) => dot(row, s.ofOne));
        const m = chain.map((row) => dot(row, s.ofOwn) + dot(row, s.ofDifference));
        hessian = following(hessian, m, one, { mm: s.uu + 2 * s.ut + s.tt, m: s.u + s.t, w: s.weight });
      }
      const forces = forcesOf(s, r);
      const step = solvePositive(
        hessian,
        chain.map((row) => dot(row, forces)),
      );
      return { x: matrix, value: (0.5 * squaresOf(s, r)) / s.weight, step: step && [...step] };
    });
  const move = (x: readonly number[], delta: readonly number[]) => multiply(x, inverse(family.physical(delta), 3), 3);
  try {
    const result = await iterate(inverseCompositional(at, move), undefined, start, run);
    return { matrix: result.x, value: result.value ?? Number.NaN, values: result.history, reason: result.reason };
  } finally {
    own.free();
    dispose(seen);
  }
}

async function bySlope(level: LinearLevel, start: readonly number[], metric: Metric, source: Tensor, cubic: boolean, run: LevelRun) {
  const family = new Family(level, start);
  const [channels, ...movingSize] = level.moving.values.shape;
  const size = level.fixed.values.shape.slice(1);
  const valueAndGradient = (x: Tensor) =>
    scope(() => {
      const e = engine();
      const h = family.entries(x.data);
      const positions = { field: fieldOf(h, size).pointer, size };
      const image = { at: source.pointer, channels, size: movingSize };
      const kind = cubic ? "cubic" : "linear";
      const [warped, inside] = [Tensor.uninitialised([channels, ...size]), Tensor.uninitialised([1, ...size])];
      sample(e, kind, image, positions, [], warped.pointer, { border: "clamp", inside: inside.pointer });
      const masks = masksUnder(level, positions, inside);
      const { value, gradients } = valueAndGrad((w) => metric.value({ values: w, grid: level.fixed.grid }, level.fixed, masks))(warped);
      const force = Tensor.uninitialised([2, ...size]);
      sampleGradient(e, kind, image, positions, gradients[0].pointer, [], force.pointer, { border: "clamp" });
      const one = new Float32Array(inside.size).fill(1);
      const s = sumsOver(h, size, one, one, force.data, inside.data, undefined, false);
      const gradient = Float64Array.from(family.slopes(x.data), (row) => dot(row, s.ofOne));
      return { value: value.item(), gradient: Tensor.from(gradient, [homographyParameterCount]) };
    });
  const objective = { value: (x: Tensor) => Tensor.scalar(valueAndGradient(x).value, "f64"), valueAndGrad: valueAndGradient };
  const x0 = Tensor.zeros([homographyParameterCount], "f64");
  try {
    const method = (move: number) =>
      lbfgs<Tensor>({ firstMove: move * Math.min(...level.fixed.grid.spacing), relativeDecrease: 1e-6, stepNorm: 1e-4 });
    // As for linear models: begin anew, with shorter first moves, while that helps.
    let result = await iterate(method(0.5), objective, x0, run);
    for (const move of cubic ? [] : [0.1, 0.02]) {
      const before = result.value ?? Number.NaN;
      result = await iterate(method(move), objective, result.x, run);
      if (!(before - (result.value ?? before) > 1e-5 * Math.abs(before))) break;
    }
    return { matrix: family.physical(result.x.data), value: result.value ?? Number.NaN, values: result.history, reason: result.reason };
  } finally {
    dispose(x0);
  }
}

function masksUnder(level: LinearLevel, positions: { readonly field: number; readonly size: readonly number[] }, inside: Tensor) {
  let warped = inside;
  if (level.movingMask) {
    const [, ...size] = level.movingMask.shape;
    warped = Tensor.uninitialised(inside.shape);
    sample(engine(), "linear", { at: level.movingMask.pointer, channels: 1, size }, positions, [], warped.pointer, { border: "constant" });
  }
  return { fixed: level.fixedMask, warped };
}

/** The metric under a homography, and the share of the fixed weights that falls inside the moving image. */
export function valueUnderHomography(level: LinearLevel, y: HomographyTransform, metric: Metric) {
  return scope(() => {
    const { fixed, moving } = level;
    const [channels, ...size] = moving.values.shape;
    const grid = fixed.values.shape.slice(1);
    const positions = { field: fieldOf(betweenVoxels(y.matrix, fixed.grid, moving.grid), grid).pointer, size: grid };
    const [warped, inside] = [Tensor.uninitialised([channels, ...grid]), Tensor.uninitialised([1, ...grid])];
    const image = { at: moving.values.pointer, channels, size };
    sample(engine(), "linear", image, positions, [], warped.pointer, { border: "clamp", inside: inside.pointer });
    const masks = masksUnder(level, positions, inside);
    const overlap = level.fixedMask
      ? inside.mul(level.fixedMask).sum().item() / Math.max(1e-9, level.fixedMask.sum().item())
      : inside.mean().item();
    const value = overlap > 0 ? metric.value({ values: warped, grid: fixed.grid }, fixed, masks).item() : Number.POSITIVE_INFINITY;
    return { value, overlap };
  });
}
