import { iterate } from "../core/iterate.js";
import type { AffineMap } from "../image/grid.js";
import { composeAffine, indexToPhysical, physicalToIndex, tensorShape } from "../image/grid.js";
import { type AffineInformation, affineInformation } from "../kernels/affineInformation.js";
import { affineSystem } from "../kernels/affineSystem.js";
import { engine } from "../kernels/engine.js";
import { type FixedOrder, information, valueRange } from "../kernels/mutualInformation.js";
import { binsFor, type InformationMetric } from "../metrics/mutualInformation.js";
import { lbfgs } from "../optimisers/index.js";
import { dispose, Tensor } from "../tensor/index.js";
import { baseOf } from "../transforms/warp.js";
import type { LevelRun, LinearFamily, LinearLevel, LinearResult } from "./linearFamily.js";

/** Enough samples for twelve parameters: the statistical error of the joint histogram is then below that of its bins. */
const samplesAtMost = 2 ** 17;
/**
 * How the fixed values fall into bins. Few samples need cubic windows, many fill a histogram with linear ones, a third as dear; with none (order 0)
 * the maximum lies further from the truth. On 72×64 pictures of known motion, 16 → 32 bins and 1 → 3 took the error of scales from 0.26 to 0.04 pixel.
 */
const orderFor = (samples: number): FixedOrder => (samples > 2 ** 16 ? 1 : 3);
/** Windows as wide as a bin blur the joint histogram, and the blur pulls scales: as many bins as pairs of values can fill. */
const binsOf = (samples: number) => (samples >= 2 ** 12 ? 32 : binsFor(samples));

/** Steps of a lattice with about `samplesAtMost` voxels, as alike in millimetres along the axes as whole steps can be; x, y(, z). */
export function latticeOf(size: readonly number[], spacing: readonly number[], most = samplesAtMost): number[] {
  const step = size.map(() => 1);
  const count = () => size.reduce((n, s, k) => n * Math.ceil(s / step[k]), 1);
  while (count() > 2 * most) {
    const finest = step.map((s, k) => s * spacing[k]);
    step[finest.indexOf(Math.min(...finest))]++;
  }
  return step;
}

/** Mutual information under linear maps of one level, by one pass over a lattice of the fixed image. */
export class LinearInformation {
  readonly #level: LinearLevel;
  readonly #metric: InformationMetric;
  readonly #size: readonly number[];
  readonly #options: {
    readonly bins: number;
    readonly order: FixedOrder;
    readonly range: readonly [readonly [number, number], readonly [number, number]];
  };
  readonly #step: readonly number[];
  #weight: number | undefined;
  #indices: readonly [AffineMap, AffineMap] | undefined;
  constructor(level: LinearLevel, metric: InformationMetric, most?: number) {
    this.#level = level;
    this.#metric = metric;
    const { fixed, moving } = level;
    this.#size = tensorShape(fixed.grid);
    this.#step = latticeOf(fixed.grid.size, fixed.grid.spacing, most);
    const rangeOf = (t: Tensor) => valueRange(engine(), t.pointer, t.size);
    this.#options = {
      bins: metric.bins ?? binsOf(this.#lattice()),
      order: orderFor(this.#lattice()),
      range: [rangeOf(moving.values), rangeOf(fixed.values)],
    };
  }
  /** Whether a level and a metric are of this kind. */
  static suits(level: LinearLevel): boolean {
    return !level.movingMask && level.fixed.values.shape[0] === 1;
  }
  #lattice(): number {
    return this.#level.fixed.grid.size.reduce((n, s, k) => n * Math.ceil(s / this.#step[k]), 1);
  }
  /** Σ of the fixed weights over the lattice. */
  #whole(): number {
    if (this.#weight === undefined) {
      const mask = this.#level.fixedMask;
      this.#weight = 0;
      if (!mask) this.#weight = this.#lattice();
      else for (const i of this.#voxels()) this.#weight += mask.data[i];
    }
    return this.#weight;
  }
  *#voxels(): Generator<number> {
    const [D, H, W] = this.#size.length === 2 ? [1, ...this.#size] : this.#size;
    const [sx, sy, sz] = [...this.#step, 1];
    for (let z = 0; z < D; z += sz) for (let y = 0; y < H; y += sy) for (let x = 0; x < W; x += sx) yield (z * H + y) * W + x;
  }
  #at(entries: readonly number[], slopes: boolean, coefficients?: Tensor): AffineInformation {
    const { fixed, moving, fixedMask } = this.#level;
    return affineInformation(
      engine(),
      fixed.values.pointer,
      this.#size,
      fixedMask?.pointer ?? 0,
      (coefficients ?? moving.values).pointer,
      tensorShape(moving.grid),
      { ...this.#options, step: this.#step, interpolation: coefficients ? "cubic" : "linear", affine: entries, slopes },
    );
  }
  entriesOf(map: AffineMap): number[] {
    this.#indices ??= [indexToPhysical(this.#level.fixed.grid), physicalToIndex(this.#level.moving.grid)];
    return baseOf(composeAffine(this.#indices[1], composeAffine(map, this.#indices[0])));
  }
  /** Minus the information under a map, and the share of the fixed weights that falls inside the moving image. */
  under(map: AffineMap): { readonly value: number; readonly overlap: number } {
    const { histogram } = this.#at(this.entriesOf(map), false);
    const inside = histogram.reduce((s, v) => s + v, 0);
    return {
      value: inside > 0 ? -information(histogram, this.#options.bins, this.#metric.kind).value : Number.POSITIVE_INFINITY,
      overlap: inside / Math.max(1e-9, this.#whole()),
    };
  }
  /** Minus the information at θ, and its slope: the slopes of the information by the histogram times those of the histogram by the map. */
  slopeAt(family: LinearFamily, theta: ArrayLike<number>, coefficients?: Tensor) {
    const d = this.#size.length;
    const { histogram, derivative, centre } = this.#at(family.entries(theta), true, coefficients);
    const { value, slopes } = information(histogram, this.#options.bins, this.#metric.kind);
    const E = d * (d + 1);
    const byEntry = new Float64Array(E);
    const dH = derivative as Float64Array;
    for (let cell = 0; cell < slopes.length; cell++) {
      const s = slopes[cell];
      if (s !== 0) for (let e = 0, k = cell * E; e < E; e++, k++) byEntry[e] -= s * dH[k];
    }
    // A(p − c) + b': b' = b + A c, so a row's last entry moves b' by 1 and the others by c.
    const gradient = family.slopes(theta).map((row) => {
      let s = 0;
      for (let i = 0; i < d; i++) {
        let shift = row[i * (d + 1) + d];
        for (let j = 0; j < d; j++) {
          shift += row[i * (d + 1) + j] * centre[j];
          s += row[i * (d + 1) + j] * byEntry[i * (d + 1) + j];
        }
        s += shift * byEntry[i * (d + 1) + d];
      }
      return s;
    });
    return { value: -value, gradient, histogram };
  }
  /**
   * The curvature to expect: where the moving values m that meet a bin a of the fixed ones scatter with variance σ²_a, log p(m | a) curves by
   * −1/σ²_a, so the Hessian is about the mean of ∇m ∇mᵀ/σ²_a: normal equations weighted by bin. Row-major.
   */
  curvature(family: LinearFamily, theta: ArrayLike<number>, histogram: ArrayLike<number>): Float64Array {
    const { bins, range } = this.#options;
    const { fixed, moving, fixedMask } = this.#level;
    const binWidth = (range[0][1] - range[0][0]) / (bins - 3);
    const whole = moments(histogram, bins, 0, bins);
    const weights = Float64Array.from({ length: bins }, (_, a) => {
      const { mass, variance } = moments(histogram, bins, a, a + 1);
      return mass > 0 ? Math.max(0.05 / whole.variance, 1 / variance - 1 / whole.variance) / binWidth ** 2 : 0;
    });
    const plane = Tensor.zeros([1, ...this.#size]);
    try {
      const [f, w, mask] = [fixed.values.data, plane.data, fixedMask?.data];
      const [low, scale] = [range[1][0], (bins - 1) / Math.max(1e-30, range[1][1] - range[1][0])];
      for (const i of this.#voxels()) {
        const a = Math.round((f[i] - low) * scale);
        if (a >= 0) w[i] = (mask ? mask[i] : 1) * weights[Math.min(bins - 1, a)];
      }
      const s = affineSystem(engine(), fixed.values.pointer, this.#size, plane.pointer, moving.values.pointer, tensorShape(moving.grid), {
        interpolation: "linear",
        affine: family.entries(theta),
        step: this.#step,
      });
      const slopes = family.slopes(theta);
      const [n, N] = [slopes.length, Math.round(Math.sqrt(s.jtj.length))];
      const out = new Float64Array(n * n);
      const count = Math.max(1e-9, whole.mass);
      const half = slopes.map((row) => Array.from({ length: row.length }, (_, j) => row.reduce((t, v, i) => t + v * s.jtj[i * N + j], 0)));
      for (let k = 0; k < n; k++) for (let l = 0; l < n; l++) out[k * n + l] = half[k].reduce((t, v, j) => t + v * slopes[l][j], 0) / count;
      return out;
    } finally {
      dispose(plane);
    }
  }
}

/** Mass, and variance in bins, of the moving values over rows [from, to) of a histogram. */
function moments(H: ArrayLike<number>, bins: number, from: number, to: number): { mass: number; variance: number } {
  let [mass, first, second] = [0, 0, 0];
  for (let a = from; a < to; a++)
    for (let c = 0; c < bins; c++) {
      const v = H[a * bins + c];
      mass += v;
      first += v * c;
      second += v * c * c;
    }
  return { mass, variance: mass > 0 ? Math.max(1 / 3, second / mass - (first / mass) ** 2) : 1 }; // a cubic window alone has 1/3
}

/** x with A x = b for a symmetric positive definite A, made so by a little of its diagonal. */
function solver(A: Float64Array, n: number): (b: ArrayLike<number>) => Float64Array {
  const L = new Float64Array(n * n);
  const mean = A.reduce((s, v, i) => (i % (n + 1) === 0 ? s + v : s), 0) / n;
  for (let i = 0; i < n; i++)
    for (let j = 0; j <= i; j++) {
      let s = A[i * n + j] + (i === j ? 1e-3 * A[i * n + i] + 1e-6 * mean + 1e-30 : 0);
      for (let k = 0; k < j; k++) s -= L[i * n + k] * L[j * n + k];
      L[i * n + j] = i === j ? Math.sqrt(Math.max(s, 1e-9 * mean + 1e-30)) : s / L[j * n + j];
    }
  return (b) => {
    const x = Float64Array.from({ length: n }, (_, i) => b[i]);
    for (let i = 0; i < n; i++) {
      for (let k = 0; k < i; k++) x[i] -= L[i * n + k] * x[k];
      x[i] /= L[i * n + i];
    }
    for (let i = n - 1; i >= 0; i--) {
      for (let k = i + 1; k < n; k++) x[i] -= L[k * n + i] * x[k];
      x[i] /= L[i * n + i];
    }
    return x;
  };
}

/**
 * A linear map of most mutual information on one level: quasi-Newton steps that begin with the curvature of `LinearInformation.curvature`, so that
 * the first step has about the right length in every direction. `coefficients`: cubic samples; `most`: see `latticeOf`.
 */
export async function byInformation(
  level: LinearLevel,
  family: LinearFamily,
  metric: InformationMetric,
  coefficients: Tensor | undefined,
  run: LevelRun,
  most?: number,
): Promise<LinearResult> {
  const info = new LinearInformation(level, metric, most);
  const n = family.count;
  let last: { at: Float64Array; value: number; gradient: readonly number[]; histogram: Float64Array } | undefined;
  const probe = (theta: Float64Array) => {
    if (!last?.at.every((v, k) => v === theta[k])) last = { at: theta.slice(), ...info.slopeAt(family, theta, coefficients) };
    return last;
  };
  const objective = {
    value: (x: Tensor) => Tensor.scalar(probe(x.data as Float64Array).value, "f64"),
    valueAndGrad: (x: Tensor) => {
      const { value, gradient } = probe(x.data as Float64Array);
      return { value, gradient: Tensor.from(Float64Array.from(gradient), [n]) };
    },
  };
  const zero = new Float64Array(n);
  const first = probe(zero);
  const inverse = solver(info.curvature(family, zero, first.histogram), n);
  const move = inverse(first.gradient);
  // No further than a few voxels at once: the curvature is one of near images.
  const spacing = Math.min(...level.fixed.grid.spacing);
  const longest = move.reduce((s, v) => Math.max(s, Math.abs(v)), 0);
  const x0 = Tensor.zeros([n], "f64");
  try {
    const result = await iterate(
      lbfgs<Tensor>({
        firstMove: Math.max(1e-12, Math.min(longest, 2 * spacing)),
        preconditioner: (g) => Tensor.from(inverse(g.data), [n]),
        relativeDecrease: 1e-6,
        stepNorm: 1e-3 * spacing,
      }),
      objective,
      x0,
      run,
    );
    return { map: family.physical(result.x.data), value: result.value ?? Number.NaN, values: result.history, reason: result.reason };
  } finally {
    dispose(x0);
  }
}
