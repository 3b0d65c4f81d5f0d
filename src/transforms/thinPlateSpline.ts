import { ArgumentError, PullbackError } from "../core/errors.js";
import { type Grid, indexToPhysical, tensorShape } from "../image/grid.js";
import { inverse as inverseMatrix, transform as times } from "../image/matrix.js";
import { solve } from "../tensor/ops/linalg.js";
import { concat } from "../tensor/ops/shaping.js";
import { scope } from "../tensor/storage.js";
import { Tensor } from "../tensor/tensor.js";
import { CompositeTransform } from "./composite.js";
import { fixedSpace, movingSpace, type Space, type Transform } from "./transform.js";

/** Landmarks pᵢ (fixed) and qᵢ (moving), [n, d] in mm. */
export interface ThinPlateSplineOptions {
  /** Points [n, d]. */
  readonly fixed: Tensor;
  /** Where they go, [n, d]. */
  readonly moving: Tensor;
  /** λ ≥ 0 in the units of its formula (mm² in the plane, mm in space); 0 (default) goes through the landmarks. Larger is smoother. */
  readonly lambda?: number;
}

/**
 * The map that minimises  ½ Σᵢ |y(pᵢ) − qᵢ|² + λ ½ ∫ |D²y|² dx,  over all maps of the plane or of space: y(x) = a + A x + Σᵢ wᵢ U(|x − pᵢ|) with
 * U(r) = r² log r / 8π in 2-D and −r / 8π in 3-D, from (K + λI) w + P a = q, Pᵀw = 0, Kᵢⱼ = U(|pᵢ − pⱼ|), P = [1 p]. λ = 0 interpolates.
 * Differentiable in the points and in the moving landmarks (`with({ moving })`).
 * @throws ArgumentError with fewer than d + 1 landmarks, with two in one place (λ = 0), or when they lie on one line or plane
 * @see Duchon (1977); Wahba (1990), Spline models for observational data, SIAM, chapter 2; Bookstein (1989), IEEE TPAMI 11(6)
 */
export class ThinPlateSplineTransform implements Transform {
  /** Which of the alternatives this is. */
  readonly kind = "thinPlateSpline";
  /** 2 or 3. */
  readonly dimension: number;
  /** What stays. */
  readonly fixed: Tensor;
  /** What is brought onto `fixed`. */
  readonly moving: Tensor;
  /** 0: through the points; more is smoother. */
  readonly lambda: number;
  /** [n + d + 1, d] in scaled coordinates: w, then a and A. */
  readonly #coefficients: Tensor;
  readonly #scaling: Scaling;

  /** Through pairs of points, or near them. */
  constructor(
    options: ThinPlateSplineOptions,
    /** The space of the points it takes. */
    readonly from: Space = fixedSpace(),
    /** The space of the points it gives. */
    readonly to: Space = movingSpace(),
  ) {
    const { lambda = 0 } = options;
    this.fixed = options.fixed.cast("f64");
    this.moving = options.moving.cast("f64");
    this.lambda = lambda;
    const [n, d] = this.fixed.shape;
    this.dimension = d;
    if (this.fixed.rank !== 2 || (d !== 2 && d !== 3) || this.moving.rank !== 2 || this.moving.shape[0] !== n || this.moving.shape[1] !== d)
      throw new ArgumentError(
        `thin-plate spline: landmarks ${this.fixed.shape.join("×")} and ${this.moving.shape.join("×")}; both must be n×2 or n×3`,
        { fixed: this.fixed.shape, moving: this.moving.shape },
      );
    if (n < d + 1) throw new ArgumentError(`thin-plate spline: ${n} landmarks; at least ${d + 1} are needed in ${d}-D`, { count: n });
    if (!(lambda >= 0)) throw new ArgumentError(`thin-plate spline: λ = ${lambda}; expected a number that is not negative`, { lambda });
    this.#scaling = scalingOf(this.fixed);
    this.#coefficients = this.#solve();
  }
  /** What optimisers move and files keep. */
  get parameters(): { readonly moving: Tensor } {
    return { moving: this.moving };
  }
  /** The same with other parameters. */
  with({ moving }: { readonly moving: Tensor }): ThinPlateSplineTransform {
    return new ThinPlateSplineTransform({ fixed: this.fixed, moving, lambda: this.lambda }, this.from, this.to);
  }
  apply(points: Tensor): Tensor {
    // Differences of all points with all landmarks: in pieces, unless the whole is small.
    const n = points.shape[0];
    const piece = Math.max(1, Math.floor(2e6 / (this.fixed.shape[0] * this.dimension)));
    if (n <= piece) return this.#at(points);
    return scope(() => {
      const parts: Tensor[] = [];
      for (let k = 0; k < n; k += piece) parts.push(this.#at(points.slice([k, 0], [Math.min(n, k + piece), this.dimension])));
      return concat(parts, 0);
    });
  }
  /** The inverse by Newton's method, point by point; `InverseThinPlateSpline.error` says how good it is. */
  inverse(): InverseThinPlateSpline {
    return new InverseThinPlateSpline(this);
  }
  compose(inner: Transform): Transform {
    return new CompositeTransform([inner, this]);
  }
  displacement(grid: Grid): Tensor {
    return this.displacementAt(grid, undefined);
  }
  displacementAt(grid: Grid, shift: Tensor | undefined): Tensor {
    const y = this.evaluator();
    return onGrid(grid, shift, (p, out) => {
      y(p, out);
    });
  }

  /** y at one point in plain numbers; with `slope`, the matrix ∂y/∂x as well (row-major). */
  evaluator(): (p: ArrayLike<number>, out: Float64Array, slope?: Float64Array) => void {
    const d = this.dimension;
    const n = this.fixed.shape[0];
    const { centre, scale } = this.#scaling;
    const landmarks = scaledPoints(this.fixed, this.#scaling);
    const c = Float64Array.from(this.#coefficients.data);
    const x = new Float64Array(d);
    return (p, out, slope) => {
      for (let k = 0; k < d; k++) x[k] = (p[k] - centre[k]) / scale;
      for (let k = 0; k < d; k++) {
        let v = c[n * d + k];
        for (let j = 0; j < d; j++) {
          const a = c[(n + 1 + j) * d + k];
          v += a * x[j];
          if (slope) slope[k * d + j] = a / scale;
        }
        out[k] = v;
      }
      for (let i = 0; i < n; i++) {
        let r2 = 0;
        for (let j = 0; j < d; j++) r2 += (x[j] - landmarks[i * d + j]) ** 2;
        if (r2 === 0) continue;
        const r = Math.sqrt(r2);
        const u = d === 2 ? (r2 * Math.log(r)) / (8 * Math.PI) : -r / (8 * Math.PI);
        const derivative = d === 2 ? (2 * Math.log(r) + 1) / (8 * Math.PI) : -1 / (8 * Math.PI * r); // U′(r) / r
        for (let k = 0; k < d; k++) {
          const w = c[i * d + k];
          out[k] += w * u;
          if (slope) for (let j = 0; j < d; j++) slope[k * d + j] += (w * derivative * (x[j] - landmarks[i * d + j])) / scale;
        }
      }
    };
  }

  #at(points: Tensor): Tensor {
    const p = points
      .cast("f64")
      .sub(Tensor.from(this.#scaling.centre, [this.dimension]))
      .div(this.#scaling.scale);
    const landmarks = Tensor.from(scaledPoints(this.fixed, this.#scaling), this.fixed.shape);
    return design(p, landmarks).matmul(this.#coefficients).cast(points.dtype);
  }
  /** In coordinates of mean 0 and mean square 1 the system is well conditioned whatever the units; λ scales as U does: r² or r. */
  #solve(): Tensor {
    const [n, d] = this.fixed.shape;
    const { scale } = this.#scaling;
    const p = Tensor.from(scaledPoints(this.fixed, this.#scaling), [n, d]);
    const rows = design(p, p);
    const lambda = this.lambda / (d === 2 ? scale ** 2 : scale);
    const bottom = concat([rows.slice([0, n], [n, n + d + 1]).transpose(), Tensor.zeros([d + 1, d + 1], "f64")], 1);
    const smoothing = Float64Array.from({ length: n * (n + d + 1) }, (_, k) =>
      Math.floor(k / (n + d + 1)) === k % (n + d + 1) ? lambda : 0,
    );
    const matrix = concat([rows.add(Tensor.from(smoothing, [n, n + d + 1])), bottom], 0);
    try {
      const out = solve(matrix, concat([this.moving, Tensor.zeros([d + 1, d], "f64")], 0));
      if (out.data.some((v) => !Number.isFinite(v))) throw new PullbackError("no finite solution", {});
      return out;
    } catch (cause) {
      if (!(cause instanceof PullbackError)) throw cause;
      throw new ArgumentError(
        `thin-plate spline: the landmarks do not determine it; they lie on one ${d === 2 ? "line" : "plane"}, or two are in one place (then take λ > 0)`,
        {},
        { cause },
      );
    }
  }
}

/**
 * x with y(x) = q for a thin-plate spline y, by Newton's method with halved steps, from the inverse of its linear part.
 * A spline that folds has no inverse there: `error` says what is left.
 */
export class InverseThinPlateSpline implements Transform {
  /** Which of the alternatives this is. */
  readonly kind = "thinPlateSpline";
  /** 2 or 3. */
  readonly dimension: number;
  /** The space of the points it takes. */
  readonly from: Space;
  /** The space of the points it gives. */
  readonly to: Space;
  /** Of a spline, by Newton's method at each point. */
  constructor(
    /** The spline. */
    readonly of: ThinPlateSplineTransform,
    /** Newton steps at most, and the distance in mm at which a point is done. */
    readonly iterations = 30,
    /** How exactly a point is found. */
    readonly toleranceMm = 1e-9,
  ) {
    this.dimension = of.dimension;
    this.from = of.to;
    this.to = of.from;
  }
  /** One Newton step more, from where they ended, as an expression: it moves nothing, and carries the derivatives of the implicit function. */
  apply(points: Tensor): Tensor {
    return scope(() => {
      const [n, d] = points.shape;
      const q = points.data;
      const x = new Float64Array(q.length);
      const invert = this.#newton();
      const y = this.of.evaluator();
      const back = new Float64Array(n * d * d);
      const [value, slope] = [new Float64Array(d), new Float64Array(d * d)];
      for (let k = 0; k < n; k++) {
        const at = x.subarray(k * d, k * d + d);
        invert(q.subarray(k * d, k * d + d) as ArrayLike<number>, at);
        y(at, value, slope);
        back.set(inverseMatrix(Array.from(slope), d), k * d * d);
      }
      const start = Tensor.from(x, [n, d]);
      const left = this.of.apply(start).sub(points.cast("f64")).reshape(n, 1, d);
      return start.sub(Tensor.from(back, [n, d, d]).mul(left).sum([2])).cast(points.dtype);
    });
  }
  /** The largest |y(x) − q| over the samples q of a grid, mm. */
  error(grid: Grid): number {
    let worst = 0;
    const invert = this.#newton();
    onGrid(grid, undefined, (p, out) => {
      worst = Math.max(worst, invert(p, out));
    });
    return worst;
  }
  inverse(): ThinPlateSplineTransform {
    return this.of;
  }
  compose(inner: Transform): Transform {
    return new CompositeTransform([inner, this]);
  }
  displacement(grid: Grid): Tensor {
    return this.displacementAt(grid, undefined);
  }
  displacementAt(grid: Grid, shift: Tensor | undefined): Tensor {
    const invert = this.#newton();
    return onGrid(grid, shift, (p, out) => {
      invert(p, out);
    });
  }

  /** q ↦ x into `out`; returns |y(x) − q|. */
  #newton(): (q: ArrayLike<number>, out: Float64Array) => number {
    const d = this.dimension;
    const y = this.of.evaluator();
    const start = linearStart(this.of);
    const [value, slope, trial] = [new Float64Array(d), new Float64Array(d * d), new Float64Array(d)];
    const off = (q: ArrayLike<number>) => {
      let s = 0;
      for (let k = 0; k < d; k++) s += (value[k] - q[k]) ** 2;
      return Math.sqrt(s);
    };
    return (q, out) => {
      out.set(start(q));
      y(out, value, slope);
      let error = off(q);
      for (let k = 0; k < this.iterations && error > this.toleranceMm; k++) {
        const residual = Array.from(value, (v, i) => v - q[i]);
        const step = times(inverseMatrix(Array.from(slope), d), residual);
        let better = false;
        for (let t = 1; t > 1e-4 && !better; t /= 2) {
          for (let i = 0; i < d; i++) trial[i] = out[i] - t * step[i];
          y(trial, value, slope);
          const e = off(q);
          if (e < error) {
            [error, better] = [e, true];
            out.set(trial);
          }
        }
        if (!better) break;
      }
      return error;
    };
  }
}

/** The inverse of the mean slope about the middle: a start for Newton. */
function linearStart(t: ThinPlateSplineTransform): (q: ArrayLike<number>) => number[] {
  const [n, d] = t.fixed.shape;
  const y = t.evaluator();
  const { centre } = scalingOf(t.fixed);
  const [at, slope] = [new Float64Array(d), new Float64Array(d * d)];
  // Half-way between the middle and the landmarks: beside them, where the kernel in 3-D has a kink.
  const mean = new Float64Array(d * d);
  for (let i = 0; i < n; i++) {
    const p = Array.from({ length: d }, (_, k) => 0.5 * (t.fixed.data[i * d + k] + centre[k]));
    y(p, at, slope);
    for (let k = 0; k < d * d; k++) mean[k] += slope[k] / n;
  }
  y(centre, at);
  const back = inverseMatrix(Array.from(mean), d);
  const offset = Array.from(at);
  const usable = back.every(Number.isFinite);
  return (q) => {
    const away = offset.map((v, k) => q[k] - v);
    return usable ? times(back, away).map((v, k) => v + centre[k]) : Array.from(q);
  };
}

interface Scaling {
  readonly centre: Float64Array;
  readonly scale: number;
}
function scalingOf(p: Tensor): Scaling {
  const [n, d] = p.shape;
  const centre = new Float64Array(d);
  p.data.forEach((v, i) => {
    centre[i % d] += v / n;
  });
  let square = 0;
  p.data.forEach((v, i) => {
    square += (v - centre[i % d]) ** 2 / n;
  });
  return { centre, scale: Math.sqrt(square) || 1 };
}
function scaledPoints(p: Tensor, { centre, scale }: Scaling): Float64Array {
  const d = p.shape[1];
  return Float64Array.from(p.data, (v, i) => (v - centre[i % d]) / scale);
}
/** Rows [U(|x − pᵢ|)…, 1, x] for points x [m, d]. */
function design(x: Tensor, p: Tensor): Tensor {
  const [m, d] = x.shape;
  const n = p.shape[0];
  const r2 = x
    .reshape(m, 1, d)
    .sub(p.reshape(1, n, d))
    .square()
    .sum([2]);
  const safe = r2.maximum(1e-300); // at a landmark: U = 0, and no derivative from here
  const u = d === 2 ? r2.mul(safe.log()).div(16 * Math.PI) : safe.sqrt().div(-8 * Math.PI);
  return concat([u, Tensor.ones([m, 1], "f64"), x], 1);
}
/** f(p + w(p)) − (p + w(p)) over the samples p of a grid, planes of f32. */
function onGrid(grid: Grid, shift: Tensor | undefined, f: (p: Float64Array, out: Float64Array) => void): Tensor {
  const d = grid.size.length;
  const n = grid.size.reduce((a, b) => a * b, 1);
  const { matrix, offset } = indexToPhysical(grid);
  const u = new Float32Array(d * n);
  const s = shift?.data;
  const [p, q, index] = [new Float64Array(d), new Float64Array(d), new Array<number>(d).fill(0)];
  for (let k = 0; k < n; k++) {
    for (let i = 0; i < d; i++) {
      p[i] = offset[i] + (s ? s[i * n + k] : 0);
      for (let j = 0; j < d; j++) p[i] += matrix[i * d + j] * index[j];
    }
    f(p, q);
    for (let i = 0; i < d; i++) u[i * n + k] = q[i] - p[i];
    for (let j = 0; j < d && ++index[j] === grid.size[j]; j++) index[j] = 0;
  }
  return Tensor.from(u, [d, ...tensorShape(grid)]);
}
