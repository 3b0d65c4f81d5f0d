import { solvePositive } from "../../core/cholesky.js";
import type { CourseFit, LinearisedCourse, TimeCourse } from "./timeCourse.js";

/** Where a non-linear parameter is looked for: nodes from low to high, evenly or by equal factors. */
export interface Range {
  /** The smallest value. */
  readonly low: number;
  /** The largest value. */
  readonly high: number;
  /** How many values. */
  readonly count: number;
  /** Whether ratios are constant, or differences. */
  readonly geometric?: boolean;
}
/** s(t) = Σⱼ cⱼ φⱼ(t; β): linear in c, not in β. */
export interface SeparableModel {
  /** What it is called. */
  readonly name: string;
  /** Fewer frames do not determine it. */
  readonly leastFrames: number;
  /** Number of φ. */
  readonly linear: number;
  /** Where its nonlinear parameters are looked for. */
  ranges(times: readonly number[]): readonly Range[];
  /** φ at all times, one function after the other: out[j T + t]. */
  basis(times: readonly number[], beta: Float64Array, out: Float64Array): void;
  /** Names of what it estimates. */
  readonly maps: readonly string[];
  /** Values of the maps. */
  describe(beta: Float64Array, c: Float64Array): readonly number[];
  /** Data are |s|: the values before the zero crossing have lost their sign, which the fit restores. */
  readonly magnitude?: boolean;
}

/** φ orthonormalised: q (same layout) and R with φ = q R. A function that depends on the earlier ones gets q = 0. */
function orthonormalise(phi: Float64Array, k: number, T: number, q: Float64Array, r: Float64Array): void {
  for (let j = 0; j < k; j++) {
    let before = 0;
    for (let t = 0; t < T; t++) {
      q[j * T + t] = phi[j * T + t];
      before += phi[j * T + t] ** 2;
    }
    // Twice is enough: what rounding leaves of the earlier functions goes in the second pass.
    for (let i = 0; i < j; i++) r[i * k + j] = 0;
    for (let pass = 0; pass < 2; pass++)
      for (let i = 0; i < j; i++) {
        let d = 0;
        for (let t = 0; t < T; t++) d += q[i * T + t] * q[j * T + t];
        r[i * k + j] += d;
        for (let t = 0; t < T; t++) q[j * T + t] -= d * q[i * T + t];
      }
    let norm = 0;
    for (let t = 0; t < T; t++) norm += q[j * T + t] ** 2;
    const usable = norm > 1e-20 * before && norm > 0;
    const length = Math.sqrt(norm);
    r[j * k + j] = usable ? length : 0;
    for (let t = 0; t < T; t++) q[j * T + t] = usable ? q[j * T + t] / length : 0;
  }
}

/**
 * Variable projection at every pixel. The linear coefficients are eliminated in closed form, c(β) = Φ(β)⁺ y, so that only β is searched:
 * the best node of a grid (bases there are the same for all pixels), then Levenberg–Marquardt on ‖(I − ΦΦ⁺) y‖² with Kaufman's Jacobian,
 * −(I − ΦΦ⁺) (∂Φ/∂β) c. The residual is orthogonal to every φ.
 * @see Golub, Pereyra (1973), The differentiation of pseudo-inverses and nonlinear least squares problems whose variables separate, SIAM J. Numer. Anal. 10;
 *      Kaufman (1975), A variable projection method for solving separable nonlinear least squares problems, BIT 15
 */
export class VariableProjection {
  /** Where the nonlinear parameters are looked for. */
  readonly ranges: readonly Range[];
  readonly #T: number;
  readonly #k: number;
  /** Orthonormal bases of all nodes, and their β in the scale of the search. */
  readonly #nodes: Float64Array;
  readonly #at: Float64Array;
  readonly #count: number;
  /** 1 when the first function is the same at all nodes (a constant), and says nothing about which is best. */
  readonly #shared: number;
  /** Frames in order of time, for signs. */
  readonly #order: readonly number[];
  readonly #phi: Float64Array;
  readonly #q: Float64Array;
  readonly #r: Float64Array;
  readonly #other: Float64Array;
  readonly #slope: Float64Array;
  readonly #y: Float64Array;
  #flipped = 0;
  /** The nonlinear parameters, voxel by voxel. */
  readonly beta: Float64Array;
  /** The linear parameters, voxel by voxel. */
  readonly coefficients: Float64Array;
  /** The frames as the model has them. */
  readonly predicted: Float64Array;

  /** Of a model at some times. */
  constructor(
    /** What may be estimated, or the network. */
    readonly model: SeparableModel,
    /** When each frame was taken. */
    readonly times: readonly number[],
    /** The most steps there may be. */
    readonly iterations = 20,
  ) {
    const T = times.length;
    const k = model.linear;
    this.#T = T;
    this.#k = k;
    this.ranges = model.ranges(times);
    const p = this.ranges.length;
    this.#count = this.ranges.reduce((n, r) => n * r.count, 1);
    this.#at = new Float64Array(this.#count * p);
    this.#nodes = new Float64Array(this.#count * k * T);
    this.#phi = new Float64Array(k * T);
    this.#q = new Float64Array(k * T);
    this.#r = new Float64Array(k * k);
    this.#other = new Float64Array(k * T);
    this.#slope = new Float64Array(p * T);
    this.#y = new Float64Array(T);
    this.#order = Array.from(times.keys()).sort((a, b) => times[a] - times[b]);
    this.beta = new Float64Array(p);
    this.coefficients = new Float64Array(k);
    this.predicted = new Float64Array(T);
    for (let node = 0; node < this.#count; node++) {
      for (let j = 0, rest = node; j < p; j++) {
        const { count, geometric } = this.ranges[j];
        const [low, high] = this.#limits(j);
        this.#at[node * p + j] = low + ((high - low) * (rest % count)) / Math.max(1, count - 1);
        this.beta[j] = geometric ? Math.exp(this.#at[node * p + j]) : this.#at[node * p + j];
        rest = Math.floor(rest / count);
      }
      model.basis(times, this.beta, this.#phi);
      orthonormalise(this.#phi, k, T, this.#nodes.subarray(node * k * T, (node + 1) * k * T), this.#r);
    }
    let same = !model.magnitude && k > 1;
    for (let i = 0; same && i < this.#count * k * T; i += k * T)
      for (let t = 0; t < T; t++) if (this.#nodes[i + t] !== this.#nodes[t]) same = false;
    this.#shared = same ? 1 : 0;
  }
  #limits(j: number): readonly [number, number] {
    const { low, high, geometric } = this.ranges[j];
    return geometric ? [Math.log(low), Math.log(high)] : [low, high];
  }
  #physical(u: ArrayLike<number>, out: Float64Array): void {
    for (let j = 0; j < out.length; j++) out[j] = this.ranges[j].geometric ? Math.exp(u[j]) : u[j];
  }
  /** ‖(I − ΦΦ⁺) y‖² at u; leaves φ, its basis and R behind. */
  #residual(u: ArrayLike<number>): number {
    const T = this.#T;
    const k = this.#k;
    this.#physical(u, this.beta);
    this.model.basis(this.times, this.beta, this.#phi);
    orthonormalise(this.#phi, k, T, this.#q, this.#r);
    this.predicted.fill(0);
    for (let j = 0; j < k; j++) {
      let d = 0;
      for (let t = 0; t < T; t++) d += this.#q[j * T + t] * this.#y[t];
      this.coefficients[j] = d;
      for (let t = 0; t < T; t++) this.predicted[t] += d * this.#q[j * T + t];
    }
    for (let j = k - 1; j >= 0; j--) {
      let d = this.coefficients[j];
      for (let i = j + 1; i < k; i++) d -= this.#r[j * k + i] * this.coefficients[i];
      this.coefficients[j] = this.#r[j * k + j] > 0 ? d / this.#r[j * k + j] : 0;
    }
    let sum = 0;
    for (let t = 0; t < T; t++) sum += (this.#y[t] - this.predicted[t]) ** 2;
    return sum;
  }
  /** Node (and number of first values with lost sign) whose space holds most of y. */
  #search(): { node: number; flipped: number } {
    const T = this.#T;
    const k = this.#k;
    let [most, node, flipped] = [-1, 0, 0];
    for (let m = 0; m <= (this.model.magnitude ? T - 1 : 0); m++) {
      if (m > 0) this.#y[this.#order[m - 1]] *= -1;
      for (let a = 0; a < this.#count; a++) {
        let energy = 0;
        for (let j = this.#shared; j < k; j++) {
          let d = 0;
          const from = (a * k + j) * T;
          for (let t = 0; t < T; t++) d += this.#nodes[from + t] * this.#y[t];
          energy += d * d;
        }
        if (energy > most * (1 + 1e-9)) [most, node, flipped] = [energy, a, m];
      }
    }
    if (this.model.magnitude) for (let m = flipped; m < T - 1; m++) this.#y[this.#order[m]] *= -1;
    return { node, flipped };
  }
  /** Fit one pixel; the results are in `beta`, `coefficients` and `predicted` (as the data came: magnitudes stay magnitudes). Returns the squared residual. */
  fit(y: ArrayLike<number>): number {
    const T = this.#T;
    const p = this.ranges.length;
    for (let t = 0; t < T; t++) this.#y[t] = y[t];
    const { node, flipped } = this.#search();
    const u = Array.from(this.#at.subarray(node * p, (node + 1) * p));
    let value = this.#residual(u);
    let damping = 1e-3;
    for (let iteration = 0; iteration < this.iterations && p > 0; iteration++) {
      this.#slopes(u);
      const hessian = new Array<number>(p * p);
      const gradient = new Array<number>(p);
      for (let i = 0; i < p; i++) {
        let g = 0;
        for (let t = 0; t < T; t++) g += this.#slope[i * T + t] * (this.#y[t] - this.predicted[t]);
        gradient[i] = g;
        for (let j = 0; j <= i; j++) {
          let h = 0;
          for (let t = 0; t < T; t++) h += this.#slope[i * T + t] * this.#slope[j * T + t];
          hessian[i * p + j] = hessian[j * p + i] = h;
        }
      }
      let next: number[] | undefined;
      let found = value;
      for (let attempt = 0; attempt < 6; attempt++) {
        const damped = hessian.map((h, i) => (i % (p + 1) === 0 ? h * (1 + damping) + 1e-30 : h));
        const step = solvePositive(damped, gradient);
        const trial = step && u.map((v, j) => Math.min(Math.max(v + step[j], this.#limits(j)[0]), this.#limits(j)[1]));
        const at = trial ? this.#residual(trial) : Number.POSITIVE_INFINITY;
        if (trial && at < value) {
          [next, found] = [trial, at];
          damping = Math.max(1e-9, damping / 5);
          break;
        }
        damping *= 8;
      }
      const gained = value - found;
      if (next) for (let j = 0; j < p; j++) u[j] = next[j];
      value = found;
      if (!(gained > 1e-4 * value)) break;
    }
    value = this.#residual(u);
    for (let m = 0; m < flipped; m++) this.predicted[this.#order[m]] *= -1;
    this.#flipped = flipped;
    return value;
  }
  /**
   * An orthonormal basis of how the last fit's curve can change: Φ, then (∂Φ/∂β) c where β may still move (Kaufman's tangent space), for the data as they
   * came. out[j T + t], functions that depend on earlier ones 0.
   */
  tangent(out: Float64Array): void {
    const T = this.#T;
    const [k, p] = [this.#k, this.ranges.length];
    const all = new Float64Array((k + p) * T);
    all.set(this.#phi);
    const u = Array.from(this.beta, (b, j) => (this.ranges[j].geometric ? Math.log(b) : b));
    this.#slopes(u);
    let size = 0;
    for (let t = 0; t < T; t++) size += this.predicted[t] ** 2;
    for (let i = 0; i < p; i++) {
      const [low, high] = this.#limits(i);
      const inside = u[i] > low + 1e-6 * (high - low) && u[i] < high - 1e-6 * (high - low);
      let most = 0;
      for (let t = 0; t < T; t++) most += this.#slope[i * T + t] ** 2;
      // A parameter that hardly changes the curve (that of an amplitude of 0) is none.
      if (inside && most > 1e-8 * size) for (let t = 0; t < T; t++) all[(k + i) * T + t] = this.#slope[i * T + t];
    }
    orthonormalise(all, k + p, T, out, new Float64Array((k + p) ** 2));
    for (let m = 0; m < this.#flipped; m++) for (let j = 0; j < k + p; j++) out[j * T + this.#order[m]] *= -1;
  }
  /** Columns (I − ΦΦ⁺) (∂Φ/∂u) c at the u that was looked at last: φ by central differences, which cost no digits that matter here. */
  #slopes(u: readonly number[]): void {
    const T = this.#T;
    const k = this.#k;
    const p = u.length;
    for (let i = 0; i < p; i++) {
      const [low, high] = this.#limits(i);
      const h = 1e-5 * (high - low || 1);
      const column = this.#slope.subarray(i * T, (i + 1) * T).fill(0);
      for (const side of [1, -1]) {
        const beta = new Float64Array(p);
        this.#physical(
          u.map((v, j) => (j === i ? v + side * h : v)),
          beta,
        );
        this.model.basis(this.times, beta, this.#other);
        for (let j = 0; j < k; j++)
          for (let t = 0; t < T; t++) column[t] += (side * this.coefficients[j] * this.#other[j * T + t]) / (2 * h);
      }
      for (let j = 0; j < k; j++) {
        let d = 0;
        for (let t = 0; t < T; t++) d += this.#q[j * T + t] * column[t];
        for (let t = 0; t < T; t++) column[t] -= d * this.#q[j * T + t];
      }
    }
  }
}

/** A model of one curve at every pixel of a series. */
export function separable(model: SeparableModel): TimeCourse {
  return {
    name: model.name,
    needsTimes: true,
    leastFrames: model.leastFrames,
    fit(frames, times, { quick = false } = {}): CourseFit {
      const n = frames[0].length;
      const predicted = frames.map(() => new Float32Array(n));
      const maps = Object.fromEntries(model.maps.map((name) => [name, new Float32Array(n)]));
      const projection = new VariableProjection(model, times, quick ? 2 : 20);
      const y = new Float64Array(frames.length);
      for (let i = 0; i < n; i++) {
        for (let t = 0; t < y.length; t++) y[t] = frames[t][i];
        projection.fit(y);
        for (let t = 0; t < y.length; t++) predicted[t][i] = projection.predicted[t];
        const values = model.describe(projection.beta, projection.coefficients);
        for (const [m, name] of model.maps.entries()) maps[name][i] = values[m];
      }
      return { predicted, maps };
    },
    linearise(frames, times): LinearisedCourse {
      const n = frames[0].length;
      const T = frames.length;
      const predicted = frames.map(() => new Float32Array(n));
      const projection = new VariableProjection(model, times, 3);
      const dimension = model.linear + projection.ranges.length;
      const bases = new Float32Array(n * dimension * T);
      const basis = new Float64Array(dimension * T);
      const y = new Float64Array(T);
      for (let i = 0; i < n; i++) {
        for (let t = 0; t < T; t++) y[t] = frames[t][i];
        projection.fit(y);
        for (let t = 0; t < T; t++) predicted[t][i] = projection.predicted[t];
        projection.tangent(basis);
        bases.set(basis, i * dimension * T);
      }
      const follow = (v: Float32Array[]) => {
        for (let i = 0, at = 0; i < n; i++) {
          for (let t = 0; t < T; t++) y[t] = 0;
          for (let j = 0; j < dimension; j++, at += T) {
            let d = 0;
            for (let t = 0; t < T; t++) d += bases[at + t] * v[t][i];
            if (d !== 0) for (let t = 0; t < T; t++) y[t] += d * bases[at + t];
          }
          for (let t = 0; t < T; t++) v[t][i] = y[t];
        }
      };
      return { predicted, follow };
    },
  };
}
