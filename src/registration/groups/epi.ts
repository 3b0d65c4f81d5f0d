import { AbortedError, ArgumentError, GridError } from "../../core/errors.js";
import type { Image } from "../../core/interfaces.js";
import { coarsened, type Grid, gridText, indexToPhysical, sameGrid, tensorShape, voxelsOf } from "../../image/grid.js";
import { scope, Tensor } from "../../tensor/index.js";
import { DisplacementTransform, identityTransform, warp } from "../../transforms/index.js";
import { atSpacing, robustRange } from "../levels.js";

/** The phase-encode axis and how smooth the field is. */
export interface EpiOptions {
  /** The phase-encode axis of the array: 0 = x, 1 = y (default), 2 = z. */
  readonly axis?: number;
  /** Weight of the smoothness S(b) = ½ ∫ |∇b|²; larger is smoother. Images count in the unit of their robust range. Default 0.003. */
  readonly alpha?: number;
  /** Most Gauss–Newton steps on each level. Default 20. */
  readonly iterations?: number;
  /** Shrink factors, coarse to fine. */
  readonly levels?: readonly number[];
  /** Ends the work early, with an AbortedError. */
  readonly signal?: AbortSignal;
}
/** The corrected pair with the field that corrects it, and whether they agree. */
export interface EpiResult {
  /** b in mm along the axis: the first image's signal of point p lies at p + b(p), the second's at p − b(p). */
  readonly field: Image;
  /** The corrected images, I₁(p + b) (1 + ∂b) and I₂(p − b) (1 − ∂b), and their mean. */
  readonly first: Image;
  /** The second image, corrected. */
  readonly second: Image;
  /** Of the corrected pair. */
  readonly mean: Image;
  /** p ↦ p + b(p) and p ↦ p − b(p). */
  readonly toFirst: DisplacementTransform;
  /** From the corrected space to the second image. */
  readonly toSecond: DisplacementTransform;
  /** Relative distance ‖C₁ − C₂‖² / ‖I₁ − I₂‖² of the corrected to the given images: smaller is better. */
  readonly distanceLeft: number;
  /** Sum of each corrected image over that of the given one: near 1, unless signal was pushed out of the picture to make the two agree. */
  readonly massKept: readonly [number, number];
  /** Least and largest 1 ± ∂b: both stay positive. */
  readonly modulation: readonly [number, number];
  /** J after every step, level by level. */
  readonly trace: readonly {
    /** The level, coarse to fine. */
    readonly level: string;
    /** The metric or objective, step by step. */
    readonly values: readonly number[];
  }[];
}

/**
 * Distortion of echo-planar images from a pair taken with opposite phase-encode directions. The field inhomogeneity b shifts signal along one axis, forth in one
 * image and back in the other, and piles it up where the shift changes; what is there is kept, so that
 *
 *   J(b) = ½ ∫ ( I₁(p + b e)(1 + ∂b) − I₂(p − b e)(1 − ∂b) )² dp + α ½ ∫ |∇b|² dp,     |∂b| < 1 (steps that would fold are shortened)
 *
 * by Gauss–Newton from coarse to fine: the derivative of the residual is a pointwise factor on b and one on ∂b, its normal equations are solved by conjugate
 * gradients preconditioned by their tridiagonal blocks along the axis. Exchanging the images changes the sign of b and nothing else.
 * @throws GridError when the grids differ; ArgumentError for an axis that the image does not have
 * @see Chang, Fitzpatrick (1992), A technique for accurate magnetic resonance imaging in the presence of field inhomogeneities, IEEE TMI 11
 * @see Ruthotto, Kugel, Olesch, Fischer, Modersitzki, Burger, Wolters (2012), Diffeomorphic susceptibility artifact correction of diffusion-weighted MR images, Phys. Med. Biol. 57
 */
export function correctEpi(first: Image, second: Image, options: EpiOptions = {}): EpiResult {
  const { axis = 1, alpha = 0.003, iterations = 20, signal } = options;
  const { grid } = first;
  const d = grid.size.length;
  if (!sameGrid(grid, second.grid) || first.values.shape[0] !== 1 || second.values.shape[0] !== 1)
    throw new GridError(`epi: the pair must be gray and on one grid; ${gridText(grid)} and ${gridText(second.grid)} came`, {});
  if (!Number.isInteger(axis) || axis < 0 || axis >= d)
    throw new ArgumentError(`epi: axis ${axis} of a ${d}-D image; expected 0 to ${d - 1}`, { axis });
  if (!(alpha > 0)) throw new ArgumentError(`epi: alpha ${alpha}; the smoothness needs a positive weight`, { alpha });
  if (grid.size[axis] < 4)
    throw new GridError(`epi: ${grid.size[axis]} samples along axis ${axis}; at least 4 are needed to see a shift`, {});
  // One unit for both: their intensities mean the same, and mass is compared.
  const ranges = [robustRange(first), robustRange(second)];
  const unit = Math.max(...ranges.map((r) => r[1])) - Math.min(0, ...ranges.map((r) => r[0]));
  const base = Math.max(...grid.spacing.filter((_, i) => grid.size[i] > 1).map((s) => Math.min(s, grid.spacing[axis])));
  const longest = Math.max(...grid.size.map((n, i) => (n * grid.spacing[i]) / base));
  const shrinks = options.levels ?? [8, 4, 2, 1].filter((s) => s === 1 || longest / s >= 24);
  let b: Float64Array | undefined;
  let before: Grid | undefined;
  const trace: { level: string; values: number[] }[] = [];
  for (const shrink of [...shrinks].sort((x, y) => y - x)) {
    const level = coarsened(grid, shrink * base);
    const values = (im: Image) => scope(() => Float64Array.from(atSpacing(im, shrink * base).values.data, (v) => v / unit));
    const problem = new Pair(values(first), values(second), level, axis, alpha);
    b = b && before ? resampled(b, before, level) : new Float64Array(voxelsOf(level));
    trace.push({ level: `1/${shrink}`, values: problem.minimise(b, iterations, signal) });
    before = level;
  }
  if (before && !sameGrid(before, grid)) b = resampled(b as Float64Array, before, grid);
  return finished(first, second, b as Float64Array, axis, trace);
}

/** b from one grid to another, linear. */
function resampled(b: Float64Array, from: Grid, to: Grid): Float64Array {
  return scope(() => {
    const field = { values: Tensor.from(Float32Array.from(b), [1, ...tensorShape(from)]), grid: from };
    return Float64Array.from(warp(field, identityTransform(from.size.length), to, { border: "clamp" }).values.data);
  });
}

/** The problem on one level; b in mm. */
class Pair {
  readonly #n: number;
  readonly #volume: number;
  readonly #stride: number;
  readonly #length: number;
  readonly #h: number;
  // Residual, and the factors of its derivative on b and on ∂b.
  readonly #r: Float64Array;
  readonly #a: Float64Array;
  readonly #c: Float64Array;

  constructor(
    readonly first: Float64Array,
    readonly second: Float64Array,
    readonly grid: Grid,
    readonly axis: number,
    readonly alpha: number,
  ) {
    this.#n = voxelsOf(grid);
    this.#volume = grid.spacing.reduce((p, s) => p * s, 1);
    this.#stride = grid.size.slice(0, axis).reduce((p, s) => p * s, 1);
    this.#length = grid.size[axis];
    this.#h = grid.spacing[axis];
    this.#r = new Float64Array(this.#n);
    this.#a = new Float64Array(this.#n);
    this.#c = new Float64Array(this.#n);
  }

  /** ∂b along the axis by central differences, one-sided at the ends. */
  #slope(b: Float64Array, i: number, at: number): number {
    const s = this.#stride;
    if (at === 0) return (b[i + s] - b[i]) / this.#h;
    if (at === this.#length - 1) return (b[i] - b[i - s]) / this.#h;
    return (b[i + s] - b[i - s]) / (2 * this.#h);
  }
  /** out += ∂ᵀ x. */
  #slopeAdjoint(x: Float64Array, out: Float64Array): void {
    const [s, h] = [this.#stride, this.#h];
    for (let i = 0; i < this.#n; i++) {
      const at = Math.floor(i / s) % this.#length;
      if (at === 0) {
        out[i + s] += x[i] / h;
        out[i] -= x[i] / h;
      } else if (at === this.#length - 1) {
        out[i] += x[i] / h;
        out[i - s] -= x[i] / h;
      } else {
        out[i + s] += x[i] / (2 * h);
        out[i - s] -= x[i] / (2 * h);
      }
    }
  }
  /** J(b), Infinity where a line folds; with `slopes` the residual's derivative is kept as well. */
  #value(b: Float64Array, slopes: boolean): number {
    const [s, h, length] = [this.#stride, this.#h, this.#length];
    let sum = 0;
    for (let i = 0; i < this.#n; i++) {
      const at = Math.floor(i / s) % length;
      const slope = this.#slope(b, i, at);
      if (!(Math.abs(slope) < 0.99)) return Number.POSITIVE_INFINITY;
      const start = i - at * s;
      let [v1, g1, v2, g2] = [0, 0, 0, 0];
      for (const sign of [1, -1]) {
        const image = sign > 0 ? this.first : this.second;
        const q = Math.min(length - 1, Math.max(0, at + (sign * b[i]) / h));
        const k = Math.min(length - 2, Math.floor(q));
        const t = q - k;
        const [x, y] = [image[start + k * s], image[start + (k + 1) * s]];
        const inside = at + (sign * b[i]) / h >= 0 && at + (sign * b[i]) / h <= length - 1;
        if (sign > 0) [v1, g1] = [x + t * (y - x), inside ? (y - x) / h : 0];
        else [v2, g2] = [x + t * (y - x), inside ? (y - x) / h : 0];
      }
      const r = v1 * (1 + slope) - v2 * (1 - slope);
      sum += r * r;
      if (slopes) {
        this.#r[i] = r;
        this.#a[i] = g1 * (1 + slope) + g2 * (1 - slope);
        this.#c[i] = v1 + v2;
      }
    }
    return this.#volume * (0.5 * sum + 0.5 * this.alpha * this.#roughness(b));
  }
  #roughness(b: Float64Array): number {
    let sum = 0;
    let stride = 1;
    for (const [axis, length] of this.grid.size.entries()) {
      const w = 1 / this.grid.spacing[axis] ** 2;
      for (let i = 0; i < this.#n; i++) if (Math.floor(i / stride) % length < length - 1) sum += w * (b[i + stride] - b[i]) ** 2;
      stride *= length;
    }
    return sum;
  }
  /** out += α (−Δ) x, forward differences with free ends. */
  #smoothness(x: Float64Array, out: Float64Array): void {
    let stride = 1;
    for (const [axis, length] of this.grid.size.entries()) {
      const w = this.alpha / this.grid.spacing[axis] ** 2;
      for (let i = 0; i < this.#n; i++)
        if (Math.floor(i / stride) % length < length - 1) {
          const v = w * (x[i + stride] - x[i]);
          out[i + stride] += v;
          out[i] -= v;
        }
      stride *= length;
    }
  }
  /** (JᵀJ + α(−Δ)) x. */
  #hessian(x: Float64Array, out: Float64Array, part: Float64Array): void {
    out.fill(0);
    for (let i = 0; i < this.#n; i++) {
      const at = Math.floor(i / this.#stride) % this.#length;
      const y = this.#a[i] * x[i] + this.#c[i] * this.#slope(x, i, at);
      out[i] = this.#a[i] * y;
      part[i] = this.#c[i] * y;
    }
    this.#slopeAdjoint(part, out);
    this.#smoothness(x, out);
  }
  /** z = P⁻¹ r: along each line of the axis the tridiagonal part of the Hessian, other neighbours on its diagonal. */
  #precondition(r: Float64Array, z: Float64Array, upper: Float64Array): void {
    const [s, h, length] = [this.#stride, this.#h, this.#length];
    let cross = 0;
    for (const [axis, n] of this.grid.size.entries())
      if (axis !== this.axis && n > 1) cross += (2 * this.alpha) / this.grid.spacing[axis] ** 2;
    const w = this.alpha / h ** 2;
    for (let start = 0; start < this.#n; start++) {
      if (Math.floor(start / s) % length !== 0) continue;
      let previous = 0;
      for (let k = 0; k < length; k++) {
        const i = start + k * s;
        // c² ∂ᵀ∂ of central differences couples next neighbours but one; its weight goes to the diagonal.
        const near = (k > 0 ? this.#c[i - s] ** 2 : 0) + (k < length - 1 ? this.#c[i + s] ** 2 : 0);
        const diagonal = this.#a[i] ** 2 + near / (4 * h * h) + cross + (k > 0 ? w : 0) + (k < length - 1 ? w : 0) + 1e-12;
        const m = diagonal + w * previous;
        upper[i] = k < length - 1 ? -w / m : 0;
        z[i] = (r[i] + (k > 0 ? w * z[i - s] : 0)) / m;
        previous = upper[i];
      }
      for (let k = length - 2; k >= 0; k--) z[start + k * s] -= upper[start + k * s] * z[start + (k + 1) * s];
    }
  }

  /** Gauss–Newton from b, in place; J after every step. */
  minimise(b: Float64Array, iterations: number, signal: AbortSignal | undefined): number[] {
    const n = this.#n;
    const [gradient, step, r, z, p, hp, part, upper, trial] = Array.from({ length: 9 }, () => new Float64Array(n));
    let value = this.#value(b, true);
    // A finer grid may see folds where a coarse one saw none: flatten until there are none.
    while (!Number.isFinite(value)) {
      for (let i = 0; i < n; i++) b[i] *= 0.9;
      value = this.#value(b, true);
    }
    const trace = [value];
    for (let k = 0; k < iterations; k++) {
      if (signal?.aborted) throw signal.reason ?? new AbortedError("epi: stopped");
      gradient.fill(0);
      for (let i = 0; i < n; i++) {
        gradient[i] = this.#a[i] * this.#r[i];
        part[i] = this.#c[i] * this.#r[i];
      }
      this.#slopeAdjoint(part, gradient);
      this.#smoothness(b, gradient);
      step.fill(0);
      for (let i = 0; i < n; i++) r[i] = -gradient[i];
      this.#precondition(r, z, upper);
      p.set(z);
      let rz = dot(r, z);
      const enough = 1e-4 * rz; // two digits of the step: the line search forgives the rest
      for (let inner = 0; inner < 60 && rz > enough; inner++) {
        this.#hessian(p, hp, part);
        const a = rz / dot(p, hp);
        for (let i = 0; i < n; i++) {
          step[i] += a * p[i];
          r[i] -= a * hp[i];
        }
        this.#precondition(r, z, upper);
        const next = dot(r, z);
        for (let i = 0; i < n; i++) p[i] = z[i] + (next / rz) * p[i];
        rz = next;
      }
      const descent = this.#volume * dot(gradient, step);
      let t = 1;
      let next = Number.POSITIVE_INFINITY;
      for (; t > 1e-4; t /= 2) {
        for (let i = 0; i < n; i++) trial[i] = b[i] + t * step[i];
        next = this.#value(trial, false);
        if (next <= value + 1e-4 * t * descent) break;
      }
      if (!(next < value)) break;
      b.set(trial);
      const change = value - next;
      value = this.#value(b, true);
      trace.push(value);
      if (change < 1e-4 * trace[0]) break;
    }
    return trace;
  }
}

function dot(a: Float64Array, b: Float64Array): number {
  let s = 0;
  for (let i = 0; i < a.length; i++) s += a[i] * b[i];
  return s;
}

function finished(first: Image, second: Image, b: Float64Array, axis: number, trace: EpiResult["trace"]): EpiResult {
  const { grid } = first;
  const d = grid.size.length;
  const n = voxelsOf(grid);
  const shape = tensorShape(grid);
  const stride = grid.size.slice(0, axis).reduce((p, s) => p * s, 1);
  const length = grid.size[axis];
  const h = grid.spacing[axis];
  const unit = indexToPhysical(grid)
    .matrix.filter((_, i) => i % d === axis)
    .map((v) => v / h); // the axis's direction in space
  const transforms = [1, -1].map((sign) => {
    const u = new Float32Array(d * n);
    for (let c = 0; c < d; c++) for (let i = 0; i < n; i++) u[c * n + i] = sign * b[i] * unit[c];
    return new DisplacementTransform(Tensor.from(u, [d, ...shape]), grid);
  });
  let [low, high] = [1, 1];
  const corrected = [first, second].map((im, k): Image => {
    const warped = scope(() => Float32Array.from(warp(im, transforms[k], grid, { border: "clamp" }).values.data));
    const sign = k === 0 ? 1 : -1;
    for (let i = 0; i < n; i++) {
      const at = Math.floor(i / stride) % length;
      const [from, to] = [at > 0 ? i - stride : i, at < length - 1 ? i + stride : i];
      const factor = 1 + (sign * (b[to] - b[from])) / (h * ((to - from) / stride));
      warped[i] *= factor;
      if (factor < low) low = factor;
      if (factor > high) high = factor;
    }
    return { values: Tensor.from(warped, [1, ...shape]), grid };
  });
  const distance = (x: ArrayLike<number>, y: ArrayLike<number>) => {
    let s = 0;
    for (let i = 0; i < n; i++) s += (x[i] - y[i]) ** 2;
    return s;
  };
  const [c1, c2] = corrected.map((im) => im.values.data);
  const total = (im: Image) => {
    let s = 0;
    for (const v of im.values.data) s += Math.abs(v);
    return s;
  };
  const kept = [first, second].map((im, k) => total(corrected[k]) / Math.max(1e-300, total(im)));
  const mean = Float32Array.from(c1, (v, i) => 0.5 * (v + c2[i]));
  const left = distance(c1, c2) / Math.max(1e-300, distance(first.values.data, second.values.data));
  return {
    field: { values: Tensor.from(Float32Array.from(b), [1, ...shape]), grid },
    first: corrected[0],
    second: corrected[1],
    mean: { values: Tensor.from(mean, [1, ...shape]), grid },
    toFirst: transforms[0],
    toSecond: transforms[1],
    distanceLeft: left,
    massKept: [kept[0], kept[1]],
    modulation: [low, high],
    trace,
  };
}
