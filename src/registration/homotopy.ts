import { ArgumentError } from "../core/errors.js";
import type { Image, Iteration, Metric, State } from "../core/interfaces.js";
import { iterate } from "../core/iterate.js";
import {
  type AffineMap,
  applyAffine,
  centreOf,
  composeAffine,
  cornersOf,
  identityMap,
  indexToPhysical,
  physicalToIndex,
  tensorShape,
} from "../image/grid.js";
import { eigh } from "../kernels/linalg.js";
import { ssd } from "../metrics/index.js";
import { concat, grad, hessian, jvp, scope, stack, Tensor, valueAndGrad, warpField } from "../tensor/index.js";
import { type AffineModel, affineFromParameters, parameterCount } from "../transforms/affine.js";

/** The model, and the range of blurs a minimum is followed through. */
export interface HomotopyOptions {
  /** What may be estimated, or the network. */
  readonly model: AffineModel;
  /** Where the search at the largest scale begins. Default: the identity. */
  readonly start?: AffineMap;
  /** Scales in mm: from a blur that leaves one blob (default: a sixth of the smaller extent) to the images as they are, nearly (default: half a voxel). */
  readonly fromMm?: number;
  /** The blur where the path ends. */
  readonly toMm?: number;
  /** The matrix of predictor and corrector: exact (default), or JᵀJ for squared differences. */
  readonly hessian?: "exact" | "gaussNewton";
  /** Follow the tangent (default); false: begin each correction where the last one ended, which is plain multi-level in small steps. */
  readonly predictor?: boolean;
  /** D for the exact Hessian. Default ssd. Twice differentiable. */
  readonly metric?: Metric;
  /** Ends the work early, with an AbortedError. */
  readonly signal?: AbortSignal;
  /** Told where the work stands, step by step. */
  readonly onProgress?: (step: number, sigmaMm: number) => void;
}
/** One point of the path θ(σ). */
export interface HomotopyStep {
  /** The blur. */
  readonly sigmaMm: number;
  /** Fixed points ↦ moving points, an affine map. */
  readonly map: AffineMap;
  /** The objective there, metric and regulariser; less is better. */
  readonly value: number;
  /** Newton steps of the correction. */
  readonly corrections: number;
  /** How far the prediction was from the corrected point, mm at the corners at most. */
  readonly missMm: number;
  /** ∇²J was positive definite there: the point is a minimum, and the path is smooth. */
  readonly minimum: boolean;
}
/** The minimum at the sharp end, with the path that led there. */
export interface HomotopyResult {
  /** Fixed points ↦ moving points, an affine map. */
  readonly map: AffineMap;
  /** The objective there, metric and regulariser; less is better. */
  readonly value: number;
  /** From blurred to sharp. */
  readonly path: readonly HomotopyStep[];
  /** Values, and Hessians with their gradients, that were computed. */
  readonly cost: {
    /** Evaluations of the objective. */
    readonly values: number;
    /** Evaluations of its second derivatives. */
    readonly hessians: number;
  };
  /** Why it ended, in a sentence. */
  readonly reason: string;
}

/**
 * Follow the minimiser θ(σ) of  J(θ, σ) = D((G_σ M) ∘ y_θ, G_σ F)  from blurred images to sharp ones: ∇J(θ(σ), σ) = 0 gives
 *   dθ/dσ = −(∇²J)⁻¹ ∂σ∇J         (the predictor, a step along σ)
 * and Newton steps at the new σ bring the point back onto the path (the corrector). ∇²J and ∂σ∇J are exact, by automatic differentiation
 * through cubic samples and through the Gaussian, which is a multiplier exp(−½σ²ω²) of the cosine transform and so a smooth function of σ.
 * A step of σ is shortened while the prediction misses by more than half a voxel, and lengthened after good ones. Where ∇²J stops being
 * positive definite the path of this minimum ends; the correction then goes down to another one and says so (`minimum`).
 * Linear models, plane images of one channel.
 * @see Watson, Cherry & Lang (2024), automatic differentiation for image registration, arXiv 2411.02806; Allgower & Georg (1990), Numerical continuation methods
 * @throws ArgumentError when the images or scales do not fit
 */
export async function traceHomotopy(fixed: Image, moving: Image, options: HomotopyOptions): Promise<HomotopyResult> {
  const d = fixed.grid.size.length;
  if (d !== 2 || moving.grid.size.length !== 2 || fixed.values.shape[0] !== 1 || moving.values.shape[0] !== 1)
    throw new ArgumentError("homotopy: it follows linear models of plane images with one channel; give two gray pictures", {});
  const spacing = Math.min(...fixed.grid.spacing);
  const extent = Math.min(...fixed.grid.size.map((n, i) => n * fixed.grid.spacing[i]));
  const { fromMm = extent / 6, toMm = 0.5 * spacing } = options;
  if (!(fromMm > toMm && toMm >= 0))
    throw new ArgumentError(`homotopy: from ${fromMm} mm to ${toMm} mm; the first scale must be the larger`, { fromMm, toMm });
  if (options.hessian === "gaussNewton" && options.metric)
    throw new ArgumentError("homotopy: JᵀJ belongs to squared differences; leave the metric out, or take the exact Hessian", {});
  const problem = new Path(fixed, moving, options);
  const method = following(problem, { fromMm, toMm, spacing, predictor: options.predictor ?? true, onProgress: options.onProgress });
  const path: HomotopyStep[] = [];
  const result = await iterate(method, undefined, new Float64Array(problem.count), {
    iterations: 400,
    keepBest: false,
    keepState: true,
    signal: options.signal,
    onProgress: () => {},
  });
  const end = result.state as Following;
  path.push(...end.path);
  return { map: problem.physical(end.x), value: end.value, path, cost: problem.cost, reason: result.reason };
}

/** J(θ, σ) and its derivatives; θ in mm that a point at the corners moves, about the start's image of the fixed middle. */
class Path {
  readonly count: number;
  readonly radius: number;
  readonly cost = { values: 0, hessians: 0 };
  readonly #start: AffineMap;
  readonly #centre: readonly number[];
  readonly #fixed: Blurred;
  readonly #moving: Blurred;
  readonly #positions: Tensor;
  readonly #shape: number[];
  readonly #metric: Metric;

  constructor(
    readonly fixed: Image,
    readonly moving: Image,
    readonly options: HomotopyOptions,
  ) {
    this.#start = options.start ?? identityMap(2);
    this.count = parameterCount(options.model, 2);
    const middle = centreOf(fixed.grid);
    this.#centre = applyAffine(this.#start, middle);
    this.radius = 0.5 * Math.max(...cornersOf(fixed.grid).map((p) => Math.hypot(...p.map((v, i) => v - middle[i]))));
    this.#fixed = new Blurred(fixed);
    this.#moving = new Blurred(moving);
    this.#shape = tensorShape(fixed.grid);
    this.#metric = options.metric ?? ssd();
    const [height, width] = this.#shape;
    const n = width * height;
    this.#positions = Tensor.from(
      Float32Array.from({ length: 3 * n }, (_, k) => (k < n ? k % width : k < 2 * n ? Math.floor((k - n) / width) : 1)),
      [3, n],
    );
  }
  physical(theta: ArrayLike<number>): AffineMap {
    const p = Array.from({ length: this.count }, (_, i) => (i < 2 ? theta[i] : theta[i] / this.radius));
    return composeAffine(affineFromParameters(this.options.model, p, this.#centre), this.#start);
  }
  value(theta: ArrayLike<number>, sigma: number): number {
    this.cost.values++;
    return scope(() => this.#objective(this.#joint(theta, sigma)).item());
  }
  /** J, ∇J and ∂σ∇J, and the matrix. */
  derivatives(theta: ArrayLike<number>, sigma: number) {
    this.cost.hessians++;
    return scope(() => {
      const p = this.count;
      const z = this.#joint(theta, sigma);
      const J = (v: Tensor) => this.#objective(v);
      const { value, gradients } = valueAndGrad(J)(z);
      const gradient = Array.from(gradients[0].data.slice(0, p));
      if (this.options.hessian === "gaussNewton") {
        // ∇²J ≈ JᵀJ; ∂σ∇J is exact, one directional derivative of the gradient.
        const axis = (k: number) =>
          Tensor.from(
            Float32Array.from({ length: p + 1 }, (_, i) => (i === k ? 1 : 0)),
            [p + 1],
          );
        const columns = Array.from({ length: p }, (_, k) => jvp((v) => this.#residual(v), [z], [axis(k)]).tangent);
        const matrix = columns.flatMap((a) => columns.map((b) => a.innerProduct(b).item()));
        const across = Array.from(jvp(grad(J), [z], [axis(p)]).tangent.data.slice(0, p));
        return { value: value.item(), gradient, matrix, across };
      }
      const H = hessian(J)(z).data;
      const at = (i: number, j: number) => 0.5 * (H[i * (p + 1) + j] + H[j * (p + 1) + i]);
      const matrix = Array.from({ length: p * p }, (_, k) => at(Math.floor(k / p), k % p));
      return { value: value.item(), gradient, matrix, across: Array.from({ length: p }, (_, i) => at(i, p)) };
    });
  }
  /** How far two parameter vectors take the corners apart, mm at most. */
  apart(a: ArrayLike<number>, b: ArrayLike<number>): number {
    const [f, g] = [this.physical(a), this.physical(b)];
    return Math.max(
      ...cornersOf(this.fixed.grid).map((p) => {
        const q = applyAffine(g, p);
        return Math.hypot(...applyAffine(f, p).map((v, i) => v - q[i]));
      }),
    );
  }

  #joint(theta: ArrayLike<number>, sigma: number): Tensor {
    return Tensor.from(Float32Array.from([...Array.from({ length: this.count }, (_, i) => theta[i]), sigma]), [this.count + 1]);
  }
  #images(z: Tensor): { warped: Tensor; fixed: Tensor } {
    const sigma = z.slice([this.count], [this.count + 1]);
    const u = this.#entries(z)
      .matmul(this.#positions)
      .reshape(2, ...this.#shape);
    const moving = this.#moving.at(sigma);
    const warped = warpField(moving, u, { base: [0, 0, 0, 0, 0, 0], interpolation: "cubic", border: "clamp" });
    return { warped, fixed: this.#fixed.at(sigma) };
  }
  #objective(z: Tensor): Tensor {
    const { warped, fixed } = this.#images(z);
    const { grid } = this.fixed;
    return this.#metric.value({ values: warped, grid }, { values: fixed, grid });
  }
  /** √(2D) split over the voxels, so that JᵀJ is on the scale of D: D of a difference of 1 everywhere tells the factor. */
  #residual(z: Tensor): Tensor {
    const { warped, fixed } = this.#images(z);
    const { grid } = this.fixed;
    const one = Tensor.ones(fixed.shape);
    const unit = this.#metric.value({ values: one, grid }, { values: one.mul(0), grid }).item();
    return warped.sub(fixed).mul(Math.sqrt((2 * unit) / fixed.size));
  }
  /** [A | b] between voxels as a tensor [2, 3], differentiable in θ. */
  #entries(z: Tensor): Tensor {
    const { model } = this.options;
    const t = (k: number) => z.at(k);
    const angle = (k: number) => z.at(k).div(this.radius);
    const one = Tensor.scalar(1);
    let delta: Tensor; // A of the update
    if (model === "translation") delta = stack([one, one.mul(0), one.mul(0), one]).reshape(2, 2);
    else if (model === "affine") delta = stack([angle(2).add(1), angle(3), angle(4), angle(5).add(1)]).reshape(2, 2);
    else {
      const [c, s] = [angle(2).cos(), angle(2).sin()];
      delta = stack([c, s.neg(), s, c]).reshape(2, 2);
      if (model === "similarity") delta = delta.mul(angle(3).exp());
    }
    const column = (v: readonly number[]) => Tensor.from(Float32Array.from(v), [2, 1]);
    const square = (m: readonly number[]) => Tensor.from(Float32Array.from(m), [2, 2]);
    const c = column(this.#centre);
    // y = Δ(s(x) − c) + c + t between physical points; indices before and after.
    const into = composeAffine(this.#start, indexToPhysical(this.fixed.grid));
    const out = physicalToIndex(this.moving.grid);
    const shifted = column(into.offset.map((v, i) => v - this.#centre[i]));
    const matrix = square(out.matrix).matmul(delta).matmul(square(into.matrix));
    const y0 = delta
      .matmul(shifted)
      .add(c)
      .add(stack([t(0), t(1)]).reshape(2, 1));
    return concat([matrix, square(out.matrix).matmul(y0).add(column(out.offset))], 1);
  }
}

/** G_σ I on mirrored borders: Cᵀ (exp(−½σ²ω²) ∘ C I), C the cosine transform of each axis; differentiable in σ [1], in mm. */
class Blurred {
  readonly #coefficients: Tensor;
  readonly #squares: Tensor;
  readonly #x: Tensor;
  readonly #y: Tensor;
  readonly #shape: readonly number[];
  constructor(image: Image) {
    const [width, height] = image.grid.size;
    this.#shape = image.values.shape;
    this.#x = cosines(width);
    this.#y = cosines(height);
    this.#coefficients = this.#y.matmul(image.values.reshape(height, width)).matmul(this.#x.transpose());
    const w = (n: number, spacing: number, k: number) => ((Math.PI * k) / (n * spacing)) ** 2;
    this.#squares = Tensor.from(
      Float32Array.from(
        { length: width * height },
        (_, k) => w(width, image.grid.spacing[0], k % width) + w(height, image.grid.spacing[1], Math.floor(k / width)),
      ),
      [height, width],
    );
  }
  at(sigma: Tensor): Tensor {
    const factor = this.#squares.mul(sigma.square().mul(-0.5)).exp();
    return this.#y
      .transpose()
      .matmul(this.#coefficients.mul(factor))
      .matmul(this.#x)
      .reshape(...this.#shape);
  }
}
/** The orthonormal cosine transform (DCT-II) as a matrix. */
function cosines(n: number): Tensor {
  return Tensor.from(
    Float32Array.from({ length: n * n }, (_, i) => {
      const [k, x] = [Math.floor(i / n), i % n];
      return Math.sqrt((k === 0 ? 1 : 2) / n) * Math.cos((Math.PI * k * (x + 0.5)) / n);
    }),
    [n, n],
  );
}

interface Following extends State<Float64Array> {
  readonly value: number;
  readonly sigma: number;
  /** The next step of σ to try, mm. */
  readonly step: number;
  /** dθ/dσ here. */
  readonly tangent: readonly number[] | undefined;
  readonly path: readonly HomotopyStep[];
}

function following(
  problem: Path,
  o: {
    readonly fromMm: number;
    readonly toMm: number;
    readonly spacing: number;
    readonly predictor: boolean;
    readonly onProgress?: (step: number, sigmaMm: number) => void;
  },
): Iteration<undefined, Float64Array, Following> {
  const settled = (theta: Float64Array, sigma: number, most: number) => {
    const c = correct(problem, theta, sigma, o.spacing, most);
    return { ...c, sigma };
  };
  return {
    init(_, x) {
      const c = settled(x, o.fromMm, 60);
      const first = {
        sigmaMm: o.fromMm,
        map: problem.physical(c.theta),
        value: c.value,
        corrections: c.steps,
        missMm: 0,
        minimum: c.minimum,
      };
      return { x: c.theta, value: c.value, sigma: o.fromMm, step: 0.15 * o.fromMm, tangent: c.tangent, path: [first] };
    },
    step(_, before) {
      for (let step = before.step; ; step /= 2) {
        // The last stretch is taken whole rather than left as a crumb.
        const sigma = before.sigma - 1.3 * step <= o.toMm ? o.toMm : before.sigma - step;
        const along = sigma - before.sigma;
        const predicted = before.x.map((v, i) => v + (o.predictor && before.tangent ? along * before.tangent[i] : 0));
        const c = settled(predicted, sigma, 12);
        const miss = problem.apart(predicted, c.theta);
        // Further steps than these are taken where the path ends, for then no step is short enough.
        if (miss > 0.5 * o.spacing && step > 0.02 * before.sigma) continue;
        const point = {
          sigmaMm: sigma,
          map: problem.physical(c.theta),
          value: c.value,
          corrections: c.steps,
          missMm: miss,
          minimum: c.minimum,
        };
        o.onProgress?.(before.path.length, sigma);
        const next = Math.min(miss < 0.1 * o.spacing ? 2 * step : miss < 0.25 * o.spacing ? 1.3 * step : step, 0.3 * sigma);
        return {
          x: c.theta,
          value: c.value,
          sigma,
          step: Math.max(next, 1e-3 * o.fromMm),
          tangent: c.tangent,
          path: [...before.path, point],
        };
      }
    },
    done: (s) => (s.sigma <= o.toMm ? { stop: "converged", reason: "the path has reached the sharp images" } : undefined),
  };
}

/** Newton's method at one scale, on |∇²J| (eigenvalues by size), steps no longer than 2σ or two voxels, halved while they do not lower J. */
function correct(problem: Path, start: Float64Array, sigma: number, spacing: number, most: number) {
  const longest = Math.max(2 * sigma, 2 * spacing);
  let theta = start;
  for (let steps = 0; ; steps++) {
    const { value, gradient, matrix, across } = problem.derivatives(theta, sigma);
    const { values, vectors } = eigh(matrix, gradient.length);
    const largest = Math.max(...Array.from(values, Math.abs));
    const solve = (b: readonly number[], bySize: boolean) => {
      const out = new Float64Array(b.length);
      for (let k = 0; k < b.length; k++) {
        const size = Math.max(Math.abs(values[k]), 1e-6 * largest);
        let c = 0;
        for (let i = 0; i < b.length; i++) c += vectors[i * b.length + k] * b[i];
        for (let i = 0; i < b.length; i++)
          out[i] += (vectors[i * b.length + k] * c) / (bySize ? size : Math.sign(values[k]) * size || size);
      }
      return out;
    };
    const minimum = Math.min(...values) > 1e-6 * largest;
    const ended = () => ({
      theta,
      value,
      steps,
      minimum,
      tangent: minimum ? Array.from(solve(across, false), (v) => -v) : undefined,
    });
    const full = solve(gradient, true);
    const length = Math.hypot(...full);
    if (steps >= most || !(length > 1e-3 * spacing)) return ended();
    const cut = Math.min(1, longest / length);
    let better: Float64Array | undefined;
    for (let t = cut; t > 1e-3 * cut && !better; t /= 2) {
      const next = theta.map((v, i) => v - t * full[i]);
      if (problem.value(next, sigma) < value) better = next;
    }
    if (!better) return ended();
    theta = better;
  }
}
