import { ArgumentError, GridError } from "../core/errors.js";
import type { Image } from "../core/interfaces.js";
import { select } from "../core/select.js";
import { brightnessOf } from "../features/gray.js";
import { matchesOf, matchFeatures, sift } from "../features/index.js";
import { type Engine, engine } from "../kernels/engine.js";
import { gaussian } from "../kernels/gaussian.js";
import { halvedPlane } from "../kernels/keypoints.js";
import { solve } from "../kernels/linalg.js";
import {
  columnStride,
  projectiveSample,
  residualBytes,
  robustResidual,
  steepestRows,
  systemBytes,
  weightedSystem,
} from "../kernels/projective.js";
import { temporary } from "../kernels/temporary.js";
import type { HomographyTransform } from "../transforms/homography.js";
import { estimateHomography } from "./estimateHomography.js";
import { type Likeness, likeness } from "./likeness.js";
import { invertHomography, multiply3, physical, project, scaled } from "./planar.js";

/** What two pictures that are aligned directly may differ by. */
export const motions = ["translation", "rigid", "similarity", "affine", "homography"] as const;
/** A name in `motions`. */
export type Motion = (typeof motions)[number];
/** Inverse compositional, forward additive, forward compositional, efficient second-order, and the enhanced correlation coefficient. */
export const alignMethods = ["ic", "fa", "fc", "esm", "ecc"] as const;
/** A name in `alignMethods`. */
export type AlignMethod = (typeof alignMethods)[number];
/** What is done about samples that do not fit: nothing, Huber's weights, or Tukey's. */
export const robustWeights = ["none", "huber", "tukey"] as const;

/** Motion, method, levels and robustness of a direct alignment. */
export interface AlignOptions {
  /** What may move. Default homography. */
  readonly motion?: Motion;
  /**
   * ic: inverse-compositional (one matrix for all steps); fc, fa: forward compositional, additive; esm: mean of both gradients; ecc: forward, largest
   * correlation. Default ic.
   */
  readonly method?: AlignMethod;
  /** H to begin with, pixel centres of a to those of b. Default the identity. */
  readonly start?: ArrayLike<number>;
  /** Halvings of the pictures to begin with; the last level is the pictures themselves. Default: until the shorter side has some 24 samples, at most 4. */
  readonly levels?: number;
  /** Most steps at each level. Default 60. */
  readonly iterations?: number;
  /** Ends when the corners move less, in pixels. Default 0.001. */
  readonly tolerance?: number;
  /** Weights against what is in the way. Default tukey. */
  readonly robust?: (typeof robustWeights)[number];
  /** Let b be brighter or of more contrast: a ≈ gain · b + bias. Default true. */
  readonly brightness?: boolean;
  /** Where a counts (not 0), on its grid. */
  readonly mask?: Image;
  /** When what is found stays unlike, begin again: from points that both show, then from some eighty shifts, turns, sizes and shears on a coarse level. Default true. */
  readonly search?: boolean;
  /** On the coarsest level with shifts, then turns, before the whole motion. Default true. */
  readonly gradual?: boolean;
}
/** The motion between two pictures, with how much of them agrees. */
export interface AlignResult {
  /** Whether to trust the result; `reason` says why. */
  readonly status: "ok" | "failed";
  /** Why it ended, in a sentence. */
  readonly reason: string;
  /** 3 × 3, row by row, pixel centres of a to those of b, h₃₃ = 1. */
  readonly h: Float64Array;
  /** The same in the pictures' physical space. */
  readonly transform: HomographyTransform;
  /** How many steps were made. */
  readonly iterations: number;
  /** Mean over a of 1 − (difference / 0.1 of its range)², not below 0. */
  readonly agreement: number;
  /** Correlation of a with b pulled back, weighted, −1 … 1. */
  readonly correlation: number;
  /** Of the blocks of a that have texture and that b covers, the share that b explains: correlation above 0.8, each with its own gain and bias. */
  readonly explained: number;
  /** Share of a that b covers. */
  readonly overlap: number;
  /** By which brightness is multiplied. */
  readonly gain: number;
  /** What is added to brightness. */
  readonly bias: number;
  /** Standard error of where the corners of a go, pixels: the largest. */
  readonly cornerError: number;
  /** Root of the mean weighted squared difference, step by step, in shares of the range of a. */
  readonly trace: readonly {
    /** The level, coarse to fine. */
    readonly level: string;
    /** The metric or objective, step by step. */
    readonly values: readonly number[];
  }[];
}

/** Generators of the plane's motions, sl(3) in the order translation, turn, scale, stretch, shear, tilts. */
const generators: readonly (readonly number[])[] = [
  [0, 0, 1, 0, 0, 0, 0, 0, 0],
  [0, 0, 0, 0, 0, 1, 0, 0, 0],
  [0, -1, 0, 1, 0, 0, 0, 0, 0],
  [1 / 3, 0, 0, 0, 1 / 3, 0, 0, 0, -2 / 3],
  [1, 0, 0, 0, -1, 0, 0, 0, 0],
  [0, 1, 0, 1, 0, 0, 0, 0, 0],
  [0, 0, 0, 0, 0, 0, 1, 0, 0],
  [0, 0, 0, 0, 0, 0, 0, 1, 0],
];
const counts: Record<Motion, number> = { translation: 2, rigid: 3, similarity: 4, affine: 6, homography: 8 };

/** Smoothing of the slopes of the first picture, in samples. */
const slopeSigma = 1.2;

/** exp of a 3 × 3 matrix by scaling and a series. */
function exponential(m: Float64Array): Float64Array {
  const size = Math.hypot(...m);
  const halvings = Math.max(0, Math.ceil(Math.log2(Math.max(1e-300, size / 0.25))));
  const x = m.map((v) => v / 2 ** halvings);
  let out: Float64Array = Float64Array.from([1, 0, 0, 0, 1, 0, 0, 0, 1]);
  let term = out;
  for (let k = 1; k <= 9; k++) {
    term = multiply3(term, x).map((v) => v / k);
    out = out.map((v, i) => v + term[i]);
  }
  for (let k = 0; k < halvings; k++) out = multiply3(out, out);
  return out;
}

/** 1 where a sample and its four neighbours count: only there is a slope one of what counts. */
function withinOf(counted: ArrayLike<number>, W: number, H: number): Float32Array {
  const out = new Float32Array(W * H);
  for (let y = 0, i = 0; y < H; y++)
    for (let x = 0; x < W; x++, i++)
      out[i] =
        counted[i] !== 0 &&
        (x === 0 || counted[i - 1] !== 0) &&
        (x === W - 1 || counted[i + 1] !== 0) &&
        (y === 0 || counted[i - W] !== 0) &&
        (y === H - 1 || counted[i + W] !== 0)
          ? 1
          : 0;
  return out;
}

interface Plane {
  readonly at: number;
  readonly H: number;
  readonly W: number;
}
/** Everything of one level that stays while steps are taken; all addresses lie in the engine's memory. */
class Level {
  readonly n: number;
  readonly stride: number;
  readonly radius: number;
  readonly #centre: readonly [number, number];
  readonly #fields: readonly [number, number];
  readonly #map: number;
  readonly #seen: number;
  readonly #valid: number;
  readonly #weights: number;
  readonly #residual: number;
  readonly #columns: number;
  readonly #sums: number;
  readonly #looks: number;
  /** Address of the mask, 0 for none, and how many samples count. */
  readonly #mask: number;
  readonly #all: number;
  readonly #gradients: readonly [number, number];
  /** Columns of the first picture's own slopes, for esm. */
  readonly #own: number;
  #matrix: Float64Array | undefined;
  #scale = 1;
  #known = false;
  readonly count: number;
  correlation = 0;
  overlap = 0;
  gain = 1;
  bias = 0;

  constructor(
    readonly e: Engine,
    reserve: (bytes: number) => number,
    readonly a: Plane,
    readonly b: Plane,
    readonly mask: Float32Array | undefined,
    readonly motion: Motion,
    readonly o: Required<Pick<AlignOptions, "method" | "robust" | "brightness">>,
  ) {
    const { H, W } = a;
    this.n = H * W;
    this.stride = columnStride(this.n);
    this.count = counts[motion];
    this.#centre = [(W - 1) / 2, (H - 1) / 2];
    this.radius = Math.max(1, 0.5 * Math.hypot(W - 1, H - 1));
    const K = this.count + 2;
    const planes = (k: number) => {
      const p = reserve(4 * this.stride * k);
      e.f32(p, this.stride * k).fill(0);
      return p;
    };
    this.#map = reserve(36);
    this.#seen = planes(1);
    this.#valid = planes(1);
    this.#weights = planes(1);
    this.#residual = planes(1);
    this.#columns = planes(K);
    this.#fields = [planes(this.count), planes(this.count)];
    this.#sums = reserve(systemBytes(e, this.n, K));
    this.#looks = reserve(residualBytes(e, this.n));
    this.#mask = mask ? planes(1) : 0;
    if (mask) e.f32(this.#mask, this.n).set(mask);
    this.#all = mask ? mask.reduce((s, v) => s + v, 0) : this.n;
    this.#gradients = o.method === "fa" ? [planes(1), planes(1)] : [0, 0];
    this.#own = o.method === "esm" ? planes(this.count) : 0;
    if (o.method !== "fa") this.#fillFields();
    if (o.method === "esm") steepestRows(e, a.at, [H, W], ...this.#fields, this.count, this.#own);
    if (o.method === "ic") {
      // Slopes of a little smoothed: what they are multiplied with carries the same noise. Where they vanish stays where they did.
      const soft = reserve(4 * this.n);
      gaussian(e, a.at, soft, 1, [1, H, W], { sigma: [0, slopeSigma, slopeSigma], truncate: 3 });
      steepestRows(e, soft, [H, W], ...this.#fields, this.count, this.#columns);
      e.f32(this.#columns + 4 * this.stride * this.count, this.n).set(e.f32(soft, this.n));
      e.f32(this.#columns + 4 * this.stride * (this.count + 1), this.n).fill(1);
    } else e.f32(this.#columns + 4 * this.stride * (this.count + 1), this.n).fill(1);
  }
  /** Where the generators take a pixel, in pixels for a parameter of 1. */
  #fillFields(): void {
    const { W, H } = this.a;
    const [cx, cy] = this.#centre;
    for (let k = 0; k < this.count; k++) {
      const g = generators[k];
      const [fx, fy] = this.#fields.map((f) => this.e.f32(f + 4 * this.stride * k, this.n));
      for (let y = 0, i = 0; y < H; y++)
        for (let x = 0; x < W; x++, i++) {
          const [u, v] = [(x - cx) / this.radius, (y - cy) / this.radius];
          const w = g[6] * u + g[7] * v + g[8];
          fx[i] = this.radius * (g[0] * u + g[1] * v + g[2] - u * w);
          fy[i] = this.radius * (g[3] * u + g[4] * v + g[5] - v * w);
        }
    }
  }
  /** exp(Σ pₖ Gₖ) about the middle of a. */
  motionOf(p: ArrayLike<number>): Float64Array {
    const m = new Float64Array(9);
    for (let k = 0; k < this.count; k++) for (let i = 0; i < 9; i++) m[i] += p[k] * generators[k][i];
    const [cx, cy] = this.#centre;
    const r = this.radius;
    return multiply3([r, 0, cx, 0, r, cy, 0, 0, 1], multiply3(exponential(m), [1 / r, 0, -cx / r, 0, 1 / r, -cy / r, 0, 0, 1]));
  }

  /** b through H; brightness, residual and weights; the mean robust square of what is left, by the spread in force (`renew`: measured here). */
  look(h: ArrayLike<number>, renew = false): number {
    const { e, a, b, n } = this;
    e.f32(this.#map, 9).set(h);
    projectiveSample(e, b.at, [b.H, b.W], this.#map, this.#seen, this.#valid, [a.H, a.W]);
    const { robust, method } = this.o;
    // Slopes of what is seen of b are wrong along its border.
    if (method !== "ic" && method !== "fa") {
      const V = e.f32(this.#valid, n);
      V.set(withinOf(V, a.W, a.H));
    }
    if (!this.#known) {
      // Brightness and weights in turn, at first from all, or from what most agree on.
      this.#regress(this.#weigh("none"));
      if (robust !== "none" && this.o.brightness) this.#most();
      if (robust !== "none") for (let round = 0; round < 5; round++) this.#turn(renew);
      this.#known = true;
    }
    return this.#turn(renew);
  }
  /** Where `look` has looked: the spread measured anew, weights by it; the mean robust square of what is left. */
  renew(): number {
    this.#scale = this.#spread();
    const sums = this.#weigh();
    return sums[0] > 0 ? sums[1] / sums[0] : Number.POSITIVE_INFINITY;
  }
  /** Weights by the brightness in force, brightness by the weights, and both once more; the mean robust square. */
  #turn(renew: boolean): number {
    const { robust } = this.o;
    let sums = this.#weigh();
    if (renew && robust !== "none") {
      this.#scale = this.#spread();
      sums = this.#weigh();
    }
    this.#regress(sums);
    sums = this.#weigh();
    this.overlap = this.#all > 0 ? sums[0] / this.#all : 0;
    if (renew && robust !== "none") return this.renew();
    return sums[0] > 0 ? sums[1] / sums[0] : Number.POSITIVE_INFINITY;
  }
  /**
   * Gain and bias that leave the least median distance |g x + b − y| / √(1 + g²) over some four hundred samples, gains in steps of a fifth: half of them may be
   * something else, where a regression from all would already be led astray.
   */
  #most(): void {
    const [I, T, V] = [this.#seen, this.a.at, this.#valid].map((p) => this.e.f32(p, this.n));
    const mask = this.#mask ? this.e.f32(this.#mask, this.n) : undefined;
    const places: number[] = [];
    const step = Math.max(1, Math.floor(this.n / 400)) | 1;
    for (let i = 0; i < this.n; i += step) if (V[i] !== 0 && (!mask || mask[i] !== 0)) places.push(i);
    const n = places.length;
    if (n < 8) return;
    const list = new Float64Array(n);
    const median = () => select(list, n >> 1);
    let least = Number.POSITIVE_INFINITY;
    for (let k = -6; k <= 6; k++) {
      const gain = 1.2 ** k;
      for (let i = 0; i < n; i++) list[i] = T[places[i]] - gain * I[places[i]];
      const bias = median();
      for (let i = 0; i < n; i++) list[i] = Math.abs(T[places[i]] - gain * I[places[i]] - bias);
      const far = median() / Math.hypot(1, gain);
      if (far < least) {
        least = far;
        this.gain = gain;
        this.bias = bias;
      }
    }
    this.#weigh();
    this.#scale = this.#spread();
  }
  #weigh(kind = this.o.robust): Float64Array {
    const planes = { x: this.#seen, y: this.a.at, v: this.#valid, m: this.#mask, r: this.#residual, w: this.#weights };
    const k = (kind === "huber" ? 1.345 : 4.685) * this.#scale;
    return robustResidual(this.e, planes, this.n, { gain: this.gain, bias: this.bias, k, kind }, this.#looks);
  }
  #regress([, , s, sx, sy, sxx, sxy, syy]: Float64Array): void {
    const [cxx, cxy, cyy] = [sxx - (sx * sx) / s, sxy - (sx * sy) / s, syy - (sy * sy) / s];
    this.correlation = cxx > 0 && cyy > 0 ? cxy / Math.sqrt(cxx * cyy) : 0;
    if (!this.o.brightness || !(s > 0)) return;
    // A contrast that is turned over, or nearly nothing, is no brightness.
    this.gain = cxx > 0 ? Math.min(5, Math.max(0.2, cxy / cxx)) : 1;
    this.bias = (sy - this.gain * sx) / s;
  }
  /**
   * Over the samples that `counts` names: how many of them b covers; the mean of 1 − (r / 0.1)², not below 0, which is 1 where the pictures are equal, 0 where they
   * differ by a tenth of the range or b is not there; and what b explains.
   */
  judge(counts?: Float32Array): { readonly overlap: number; readonly agreement: number; readonly likeness: Likeness } {
    const [T, I, V, r] = [this.a.at, this.#seen, this.#valid, this.#residual].map((p) => this.e.f32(p, this.n));
    let [sum, seen, all] = [0, 0, 0];
    for (let i = 0; i < this.n; i++) {
      const m = counts ? counts[i] : 1;
      all += m;
      if (V[i] === 0) continue;
      seen += m;
      sum += m * Math.max(0, 1 - 100 * r[i] * r[i]);
    }
    const share = (v: number) => (all > 0 ? v / all : 0);
    return { overlap: share(seen), agreement: share(sum), likeness: likeness(T, I, V, [this.a.W, this.a.H], counts) };
  }
  /** 1.48 times the median of |r| where b is seen, from some four thousand places; at least half a step of eight bits. */
  #spread(): number {
    const [r, valid] = [this.e.f32(this.#residual, this.n), this.e.f32(this.#valid, this.n)];
    const step = Math.max(1, Math.floor(this.n / 4096)) | 1;
    const list: number[] = [];
    for (let i = 0; i < this.n; i += step) if (valid[i] !== 0) list.push(Math.abs(r[i]));
    if (list.length === 0) return 1;
    return Math.max(0.5 / 255, 1.4826 * select(Float64Array.from(list), list.length >> 1));
  }

  /** The normal equations of a Gauss–Newton step where `look` has looked, and the step. */
  step(h: Float64Array, damping: number): { readonly h: Float64Array; readonly moved: number } | undefined {
    const { e, a, n, count, o } = this;
    const { method } = o;
    const K = count + (o.brightness ? 2 : method === "ecc" ? 2 : 0);
    const column = (k: number) => this.#columns + 4 * this.stride * k;
    const [I, r] = [e.f32(this.#seen, n), e.f32(this.#residual, n)];
    if (method !== "ic") {
      const fixed = e.f32(this.#columns + 4 * this.stride * count, n);
      for (let i = 0; i < n; i++) fixed[i] = this.gain * I[i] + this.bias;
      if (method === "fa") this.#additive(h);
      else {
        steepestRows(e, column(count), [a.H, a.W], ...this.#fields, count, this.#columns);
        if (method === "esm") {
          const [J, JT] = [this.#columns, this.#own].map((p) => e.f32(p, this.stride * count));
          for (let i = 0; i < J.length; i++) J[i] = 0.5 * (J[i] + JT[i]);
        }
      }
    }
    const fresh = method !== "ic" || o.robust !== "none" || this.overlap < 1 || this.#matrix === undefined;
    const system = (right: number, matrix: boolean) => weightedSystem(e, this.#columns, n, K, right, this.#weights, this.#sums, matrix);
    const { matrix, right } = system(this.#residual, fresh);
    const lower = fresh ? matrix : (this.#matrix as Float64Array);
    if (fresh) this.#matrix = matrix;
    const full = new Float64Array(K * K);
    for (let p = 0, at = 0; p < K; p++)
      for (let q = 0; q <= p; q++, at++) {
        full[p * K + q] = lower[at];
        full[q * K + p] = lower[at];
      }
    for (let p = 0; p < K; p++) full[p * K + p] *= 1 + (p < count ? damping : 1e-9);
    for (let p = 0; p < K; p++) full[p * K + p] += 1e-12;
    let delta: Float64Array;
    try {
      if (method !== "ecc") delta = solve(full, K, right);
      else {
        // T and I without their means (the column of ones takes them): Δ = G⁺(λ T − I), λ by the projections (Evangelidis & Psarakis 2008, eq. 20).
        const T = e.f32(a.at, n);
        const kept = r.slice();
        const [w, i1] = [e.f32(this.#weights, n), e.f32(column(count), n)];
        r.set(i1);
        const toI = system(this.#residual, false).right;
        r.set(T);
        const toT = system(this.#residual, false).right;
        r.set(kept);
        // Without the column of brightness, which is I itself.
        const keep = Array.from({ length: K }, (_, k) => k).filter((k) => k !== count);
        const m = Float64Array.from({ length: (K - 1) ** 2 }, (_, k) => full[keep[Math.floor(k / (K - 1))] * K + keep[k % (K - 1)]]);
        const pick = (x: Float64Array) => Float64Array.from(keep, (k) => x[k]);
        const [gi, gt] = [pick(toI), pick(toT)];
        const solved = solve(m, K - 1, gi);
        const dot = (x: Float64Array, y: Float64Array) => x.reduce((s, v, k) => s + v * y[k], 0);
        let [ii, ti] = [0, 0];
        for (let i = 0; i < n; i++) {
          ii += w[i] * i1[i] * i1[i];
          ti += w[i] * T[i] * i1[i];
        }
        const lambda = (ii - dot(gi, solved)) / (ti - dot(gt, solved));
        if (!(lambda > 0) || !Number.isFinite(lambda)) return undefined;
        const both = solve(
          m,
          K - 1,
          Float64Array.from(gt, (v, k) => gi[k] - lambda * v),
        );
        delta = Float64Array.from({ length: K }, (_, k) => (k < count ? both[k] : 0));
      }
    } catch {
      return undefined;
    }
    // The residual is I − T: in ic the template moves towards I, and its motion is undone in H; else I moves towards T.
    const p = delta.subarray(0, count);
    if (!p.every(Number.isFinite)) return undefined;
    if (method === "fa") return { h: this.#added(h, p), moved: this.#movedBy(h, this.#added(h, p)) };
    const size = Math.hypot(...p);
    const bounded = size > 0.5 ? p.map((v) => (v * 0.5) / size) : p;
    const next = multiply3(h, this.motionOf(bounded.map((v) => -v)));
    return { h: next, moved: this.#movedBy(h, next) };
  }

  /** Mean motion of the corners of a between two maps, in pixels of this level. */
  #movedBy(h: Float64Array, g: Float64Array): number {
    const { W, H } = this.a;
    let sum = 0;
    for (const [x, y] of [
      [0, 0],
      [W - 1, 0],
      [0, H - 1],
      [W - 1, H - 1],
    ]) {
      const [u, v] = project(h, x, y);
      const [s, t] = project(g, x, y);
      sum += Math.hypot(u - s, v - t) / 4;
    }
    return sum;
  }
  /** Columns of the forward additive form: ∇I at H p times ∂(H p)/∂entries, entries of H ∘ N⁻¹ with the last one 1. */
  #additive(h: Float64Array): void {
    const { e, a, b, n, count } = this;
    const [gx, gy] = this.#gradients;
    const columnsAt = (k: number) => e.f32(this.#columns + 4 * this.stride * k, n);
    // Central differences of b, seen at H p.
    const slopes = e.allocate(8 * b.H * b.W);
    try {
      const [sx, sy] = [slopes, slopes + 4 * b.H * b.W].map((p) => e.f32(p, b.H * b.W));
      const B = e.f32(b.at, b.H * b.W);
      for (let y = 0, i = 0; y < b.H; y++)
        for (let x = 0; x < b.W; x++, i++) {
          sx[i] = x > 0 && x < b.W - 1 ? 0.5 * (B[i + 1] - B[i - 1]) : 0;
          sy[i] = y > 0 && y < b.H - 1 ? 0.5 * (B[i + b.W] - B[i - b.W]) : 0;
        }
      projectiveSample(e, slopes, [b.H, b.W], this.#map, gx, this.#valid, [a.H, a.W]);
      projectiveSample(e, slopes + 4 * b.H * b.W, [b.H, b.W], this.#map, gy, this.#valid, [a.H, a.W]);
    } finally {
      e.free(slopes);
    }
    const [GX, GY] = [e.f32(gx, n), e.f32(gy, n)];
    const J = Array.from({ length: count }, (_, k) => columnsAt(k));
    const [cx, cy] = this.#centre;
    const turn = this.#local(h);
    for (let y = 0, i = 0; y < a.H; y++)
      for (let x = 0; x < a.W; x++, i++) {
        const [u, v] = [(x - cx) / this.radius, (y - cy) / this.radius];
        const [px, py, z] = project(h, x, y);
        const [g, k] = [this.gain * GX[i], this.gain * GY[i]];
        if (count <= 4) {
          J[0][i] = g;
          J[1][i] = k;
          // Of the turn: ∂/∂θ; of the size: ∂/∂ log s.
          if (count > 2) J[2][i] = -g * (py - turn[5]) + k * (px - turn[2]);
          if (count > 3) J[3][i] = g * (px - turn[2]) + k * (py - turn[5]);
          continue;
        }
        J[0][i] = (g * u) / z;
        J[1][i] = (g * v) / z;
        J[2][i] = g / z;
        J[3][i] = (k * u) / z;
        J[4][i] = (k * v) / z;
        J[5][i] = k / z;
        if (count > 6) {
          const f = -(g * px + k * py) / z;
          J[6][i] = f * u;
          J[7][i] = f * v;
        }
      }
  }
  /** H ∘ N⁻¹ with its last entry 1: from normalised coordinates of a to pixels of b. */
  #local(h: Float64Array): Float64Array {
    const [cx, cy] = this.#centre;
    return scaled(multiply3(h, [this.radius, 0, cx, 0, this.radius, cy, 0, 0, 1]));
  }
  #added(h: Float64Array, p: Float64Array): Float64Array {
    const [cx, cy] = this.#centre;
    const r = this.radius;
    const m = this.#local(h);
    if (this.count <= 4) {
      const [c, s] = [Math.cos(-(p[2] ?? 0)), Math.sin(-(p[2] ?? 0))];
      const by = this.count > 3 ? 1 - p[3] : 1;
      m.set([
        by * (c * m[0] - s * m[3]),
        by * (c * m[1] - s * m[4]),
        m[2] - p[0],
        by * (s * m[0] + c * m[3]),
        by * (s * m[1] + c * m[4]),
        m[5] - p[1],
      ]);
    } else for (let k = 0; k < this.count; k++) m[k] -= p[k];
    return scaled(multiply3(m, [1 / r, 0, -cx / r, 0, 1 / r, -cy / r, 0, 0, 1]));
  }
  /** Standard error of the corners of a, pixels of this level: σ̂² (JᵀW J)⁻¹ through the motion of each. */
  cornerError(h: Float64Array, value: number): number {
    if (this.#matrix === undefined || this.o.method === "fa") return Number.NaN;
    const { count } = this;
    const full = new Float64Array(count * count);
    for (let p = 0; p < count; p++)
      for (let q = 0; q < count; q++) full[p * count + q] = this.#matrix[p >= q ? (p * (p + 1)) / 2 + q : (q * (q + 1)) / 2 + p];
    let inverse: Float64Array;
    try {
      inverse = solve(
        full,
        count,
        Float64Array.from({ length: count * count }, (_, k) => (k % (count + 1) === 0 ? 1 : 0)),
        count,
      );
    } catch {
      return Number.NaN;
    }
    const { W, H } = this.a;
    let most = 0;
    for (const [x, y] of [
      [0, 0],
      [W - 1, 0],
      [0, H - 1],
      [W - 1, H - 1],
    ]) {
      const rows = [0, 1].map(() => new Float64Array(count));
      const [u, v] = project(h, x, y);
      for (let k = 0; k < count; k++) {
        const p = new Float64Array(count);
        p[k] = 1e-5;
        const [s, t] = project(multiply3(h, this.motionOf(p)), x, y);
        rows[0][k] = (s - u) / 1e-5;
        rows[1][k] = (t - v) / 1e-5;
      }
      let variance = 0;
      for (const row of rows)
        for (let p = 0; p < count; p++) for (let q = 0; q < count; q++) variance += row[p] * inverse[p * count + q] * row[q];
      most = Math.max(most, Math.sqrt(Math.max(0, variance * value)));
    }
    return most;
  }
}

const identity = Float64Array.from([1, 0, 0, 0, 1, 0, 0, 0, 1]);
/** H between pixels of two levels that are 2^k coarser. */
const atLevel = (h: Float64Array, k: number): Float64Array => {
  const s = 2 ** k;
  return scaled(multiply3([1 / s, 0, 0, 0, 1 / s, 0, 0, 0, 1], multiply3(h, [s, 0, 0, 0, s, 0, 0, 0, 1])));
};

/** Pictures are aligned when one explains this share of the other's blocks, and so many blocks at least have texture. */
const convincing = { share: 0.5, blocks: 4 };
/** Shifts by a fifth of a, alone and with turns, sizes and shears, about its middle. */
function perturbations(motion: Motion, W: number, H: number): Float64Array[] {
  const c = [(W - 1) / 2, (H - 1) / 2];
  const shapes: number[][] = [[1, 0, 0, 1]];
  const turn = (t: number) => [Math.cos(t), -Math.sin(t), Math.sin(t), Math.cos(t)];
  if (counts[motion] >= 3) shapes.push(turn(0.3), turn(-0.3));
  if (counts[motion] >= 4) shapes.push([0.75, 0, 0, 0.75], [1.3, 0, 0, 1.3]);
  if (counts[motion] >= 6) shapes.push([0.8, 0, 0, 1.25], [1.25, 0, 0, 0.8], [1, 0.3, 0.3, 1], [1, -0.3, -0.3, 1]);
  const out: Float64Array[] = [];
  for (const dy of [0, -1, 1])
    for (const dx of [0, -1, 1])
      for (const [p, q, r, s] of shapes) {
        const [x, y] = [c[0] + 0.2 * dx * W, c[1] + 0.2 * dy * H];
        out.push(Float64Array.from([p, q, x - p * c[0] - q * c[1], r, s, y - r * c[0] - s * c[1], 0, 0, 1]));
      }
  return out;
}

/** A start from points that both pictures show, if chance does not explain how they agree; for homographies, and for affine maps what it is about the middle. */
function byFeatures(a: Image, b: Image, motion: Motion, mask?: Image): Float64Array | undefined {
  if (motion !== "homography" && motion !== "affine") return undefined;
  const [fa, fb] = [sift(a), sift(b)];
  const [W, H] = a.grid.size;
  const all = matchFeatures(fa, fb);
  const counts = (k: number) => !mask || mask.values.data[Math.round(fa.y[all.a[k]]) * W + Math.round(fa.x[all.a[k]])] !== 0;
  const list = Array.from({ length: all.count }, (_, k) => k).filter(counts);
  const matches = matchesOf(list.map((k) => ({ a: all.a[k], b: all.b[k], ratio: all.ratio[k], distance: all.distance[k] })));
  const [width, height] = b.grid.size;
  const { status, h } = estimateHomography(fa, fb, matches, {}, { width, height, area: width * height });
  if (status !== "ok" || !h || motion === "homography") return h;
  const [x, y] = [(W - 1) / 2, (H - 1) / 2];
  const [u, v] = project(h, x, y);
  const [[p, q], [r, s]] = [project(h, x + 0.5, y), project(h, x, y + 0.5)].map(([s, t]) => [2 * (s - u), 2 * (t - v)]);
  return Float64Array.from([p, r, u - p * x - r * y, q, s, v - q * x - s * y, 0, 0, 1]);
}

/** Steps at one level; the best map seen. */
function descend(level: Level, start: Float64Array, iterations: number, tolerance: number) {
  let h = start;
  let value = level.look(h, true);
  const values = [Math.sqrt(value)];
  let damping = level.o.method === "ic" ? 0 : 1e-6;
  let k = 0;
  let converged = false;
  for (; k < iterations; k++) {
    if (!(level.overlap > 0.05)) break;
    const s = level.step(h, damping);
    if (!s) break;
    const then = level.look(s.h);
    if (then <= value * (1 + 1e-9) && level.overlap > 0.05) {
      const small = s.moved < tolerance;
      [h, value] = [s.h, level.o.robust === "none" ? then : level.renew()];
      values.push(Math.sqrt(value));
      damping = damping > 1e-5 ? damping / 8 : damping;
      if (small) {
        converged = true;
        break;
      }
      continue;
    }
    // Worse: shorter steps from where it was.
    if (s.moved < tolerance) {
      converged = true;
      level.look(h);
      break;
    }
    damping = Math.max(1e-3, damping * 10);
    level.look(h);
    if (damping > 1e5) break;
  }
  return { h, value, values, iterations: k, converged };
}

/**
 * The motion of the plane that makes picture b, pulled back, most like picture a:  min Σ w (gain · b(H p) + bias − a(p))²  by Gauss–Newton over the group of
 * the motion (exponentials of sl(3) in coordinates about the middle of a), coarse to fine, both pictures smoothed alike and not at all at the end, with robust
 * weights. Does not throw when it does not converge: `status` and `reason` say how it ended.
 * @throws ShapeError for images that are no pictures, GridError for pictures too small or a mask on another grid, ArgumentError for options out of range
 * @see Lucas & Kanade (1981); Baker & Matthews (2004), Lucas–Kanade 20 years on, IJCV 56(3) (fa, fc, ic); Benhimane & Malis (2004), Real-time image-based
 * tracking of planes using efficient second-order minimization, IROS (esm); Evangelidis & Psarakis (2008), Parametric image alignment using enhanced
 * correlation coefficient maximization, PAMI 30(10) (ecc)
 */
export function align(a: Image, b: Image, options: AlignOptions = {}): AlignResult {
  const {
    motion = "homography",
    method = "ic",
    iterations = 60,
    tolerance = 1e-3,
    robust = "tukey",
    brightness = true,
    gradual = true,
    search = true,
  } = options;
  const [ga, gb] = [brightnessOf(a), brightnessOf(b)];
  // One scale for both, so that equal brightness stays equal: the range of a is 1.
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const v of ga.values) {
    if (v < low) low = v;
    if (v > high) high = v;
  }
  const by = high > low ? 1 / (high - low) : 1;
  for (const g of [ga, gb]) for (let i = 0; i < g.values.length; i++) g.values[i] = (g.values[i] - low) * by;
  const least = Math.min(ga.width, ga.height, gb.width, gb.height);
  if (least < 4)
    throw new GridError(
      `align: pictures of ${ga.width}×${ga.height} and ${gb.width}×${gb.height} pixels came; at least 4 each way are needed`,
    );
  const { levels = Math.max(0, Math.min(4, Math.floor(Math.log2(Math.min(ga.width, ga.height) / 24)))) } = options;
  if (!(levels >= 0 && Number.isInteger(levels)) || !(iterations >= 0) || !(tolerance >= 0))
    throw new ArgumentError(`align: levels ${levels}, iterations ${iterations}, tolerance ${tolerance}; whole levels, nothing negative`, {
      levels,
    });
  if (!(motions as readonly string[]).includes(motion) || !(alignMethods as readonly string[]).includes(method))
    throw new ArgumentError(
      `align: motion ${motion}, method ${method}; choose among ${motions.join(", ")} and ${alignMethods.join(", ")}`,
      { motion },
    );
  const begin = options.start ? scaled(options.start) : identity;
  if (begin.length !== 9 || !begin.every(Number.isFinite) || !invertHomography(begin))
    throw new ArgumentError(
      `align: the start [${Array.from(options.start ?? [])}] is no homography; nine numbers of a matrix with an inverse are expected`,
    );
  const { mask } = options;
  if (mask && (mask.grid.size[0] !== ga.width || mask.grid.size[1] !== ga.height))
    throw new GridError(`align: the mask has ${mask.grid.size.join("×")} pixels, picture a ${ga.width}×${ga.height}`, {});
  const e = engine();
  return temporary(e, (reserve) => {
    // Pyramids: smoothed by σ 1, every second sample.
    const pyramid = (values: Float32Array, W: number, H: number): Plane[] => {
      const at = reserve(4 * W * H);
      e.f32(at, W * H).set(values);
      const list = [{ at, H, W }];
      for (let k = 0; k < levels && Math.min(list[k].H, list[k].W) >= 8; k++) {
        const { H: h, W: w, at: from } = list[k];
        const soft = reserve(4 * h * w);
        gaussian(e, from, soft, 1, [1, h, w], { sigma: [0, 1, 1], truncate: 3 });
        const half = reserve(4 * Math.ceil(h / 2) * Math.ceil(w / 2));
        halvedPlane(e, soft, half, h, w);
        list.push({ at: half, H: Math.ceil(h / 2), W: Math.ceil(w / 2) });
      }
      return list;
    };
    const [pa, pb] = [pyramid(ga.values, ga.width, ga.height), pyramid(gb.values, gb.width, gb.height)];
    const top = Math.min(pa.length, pb.length) - 1;
    const maskAt = (k: number): Float32Array | undefined => {
      if (!mask) return undefined;
      const { H, W } = pa[k];
      const m = mask.values.data;
      const counted = Float32Array.from({ length: H * W }, (_, i) => m[(Math.floor(i / W) << k) * ga.width + ((i % W) << k)]);
      return withinOf(counted, W, H);
    };
    let total = 0;
    const trace: { level: string; values: readonly number[] }[] = [];
    interface Found {
      readonly h: Float64Array;
      readonly agreement: number;
      readonly correlation: number;
      readonly overlap: number;
      readonly gain: number;
      readonly bias: number;
      readonly converged: boolean;
      readonly error: number;
      readonly likeness: Likeness;
    }
    /** Steps of one motion at one level, from and to pixels of the pictures themselves. */
    const at = (
      k: number,
      m: Motion,
      from: Float64Array,
      steps: number,
      by: AlignMethod,
      told: boolean,
      weights = robust,
      region = maskAt(k),
    ): Found =>
      temporary(e, (mine) => {
        const level = new Level(e, mine, pa[k], pb[k], region, m, { method: by, robust: weights, brightness });
        const r = descend(level, atLevel(from, k), steps, tolerance);
        total += r.iterations;
        if (told) trace.push({ level: `1/${2 ** k}${m === motion ? "" : `, ${m}`}`, values: r.values });
        level.look(r.h);
        const { correlation, gain, bias } = level;
        const error = k === 0 && m === motion ? level.cornerError(r.h, r.value) : Number.NaN;
        return { h: atLevel(r.h, -k), ...level.judge(maskAt(k)), correlation, gain, bias, converged: r.converged, error };
      });
    const gradually = (k: number) =>
      k > 0 && gradual ? motions.filter((m) => counts[m] < counts[motion] && (m === "translation" || m === "affine")) : [];
    /** From a level to the pictures themselves. */
    const down = (from: Float64Array, first: number, told: boolean): Found => {
      let found: Found | undefined;
      for (let k = first; k >= 0; k--) {
        for (const m of k === first && first === top ? gradually(k) : []) found = at(k, m, found?.h ?? from, iterations, method, told);
        // Weights that forget what is far off come last: before, they would forget what is not yet aligned.
        if (robust === "tukey") found = at(k, motion, found?.h ?? from, iterations, method, told, "huber");
        if (k === 0 || robust !== "tukey") found = at(k, motion, found?.h ?? from, iterations, method, told);
      }
      // What is in the way often is one thing: without the blocks that stay unlike, those that agree may draw in more.
      for (let round = 0; round < 3 && robust !== "none" && found && found.likeness.share < 0.95; round++) {
        const { share, blocks, where } = found.likeness;
        if (share * blocks < convincing.blocks) break;
        const next = at(0, motion, found.h, iterations, method, told, robust, where);
        if (!(next.likeness.share * next.overlap >= share * found.overlap)) break;
        found = next;
        if (next.likeness.share === share) break;
      }
      return found as Found;
    };
    let best = down(begin, top, true);
    const aligned = ({ likeness: l, overlap }: Found) => l.share >= convincing.share && l.blocks >= convincing.blocks && overlap > 0.2;
    const better = (r: Found) => {
      const [p, q] = [aligned(r), aligned(best)];
      if (p === q ? r.likeness.share * r.overlap > best.likeness.share * best.overlap : p) best = r;
    };
    // Without the coarse levels: they may have lost what was near.
    if (search && !aligned(best) && top > 0) better(down(begin, 0, false));
    if (search && !aligned(best)) {
      const h = byFeatures(a, b, motion, mask);
      if (h) better(down(h, 0, false));
    }
    if (search && !aligned(best)) {
      const k = Math.min(top, Math.max(0, Math.floor(Math.log2(Math.min(ga.width, ga.height) / 24))));
      const starts = perturbations(motion, ga.width, ga.height).map((p) => {
        const r = at(
          k,
          counts[motion] > 6 ? "affine" : motion,
          multiply3(begin, p),
          8,
          "esm",
          false,
          robust === "tukey" ? "huber" : robust,
        );
        return r.overlap > 0.5 ? r : { ...r, agreement: -1 };
      });
      starts.sort((p, q) => q.agreement - p.agreement);
      const tried: Float64Array[] = [];
      const corner = (h: ArrayLike<number>) => project(h, 0, 0);
      for (const { h } of starts) {
        // Starts that came to one place are one.
        if (tried.some((t) => Math.hypot(corner(t)[0] - corner(h)[0], corner(t)[1] - corner(h)[1]) < 0.02 * ga.width)) continue;
        if (tried.length >= 5) break;
        tried.push(h);
        const middle = at(k, motion, h, 20, "esm", false, robust === "tukey" ? "huber" : robust);
        better(down(middle.h, k, false));
        if (aligned(best)) break;
      }
    }
    // ic measures along slopes of a, whose noise is in what it compares as well: the last steps go along the slopes of b, those of the very sum that is least.
    if (method === "ic" && iterations > 0) {
      const aside = robust !== "none" && aligned(best) && best.likeness.share < 0.8;
      const last = at(0, motion, best.h, Math.min(10, iterations), "fc", true, robust, aside ? best.likeness.where : maskAt(0));
      // In noise a block or two may cross the line.
      if (last.likeness.share > best.likeness.share - 0.05 && last.overlap > 0.9 * best.overlap)
        best = { ...last, error: best.error, converged: best.converged };
    }
    return finished();

    function finished(): AlignResult {
      const { h, agreement, correlation, overlap, gain, bias, converged, error, likeness: l } = best;
      const ok = aligned(best);
      const percent = (v: number) => `${Math.round(100 * v)} %`;
      return {
        status: ok ? "ok" : "failed",
        reason: ok
          ? `${converged ? "the corners came to rest" : "the steps asked for are done"}; ${percent(l.share)} of ${l.blocks} blocks with texture agree, over ${percent(overlap)} of the first picture`
          : overlap <= 0.2
            ? "the second picture hardly covers the first: give a start (features find one)"
            : l.blocks < convincing.blocks
              ? `too little texture to tell whether the pictures are aligned (${l.blocks} blocks of it; at least ${convincing.blocks} are wanted): take more of the scene`
              : `the pictures stay unlike (${percent(l.share)} of ${l.blocks} blocks with texture agree): a better start, another motion, or features may help`,
        h: scaled(h),
        transform: physical(scaled(h), a.grid, b.grid),
        iterations: total,
        agreement,
        correlation,
        explained: l.share,
        overlap,
        gain,
        bias,
        cornerError: error,
        trace,
      };
    }
  });
}
