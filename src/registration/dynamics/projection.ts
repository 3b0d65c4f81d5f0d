import { ArgumentError } from "../../core/errors.js";
import { eigh, scope, Tensor } from "../../tensor/index.js";
import type { CourseFit, LinearisedCourse, TimeCourse } from "./timeCourse.js";

/** T × T matrix, row-major, along time at every pixel: predicted = H frames. */
function alongTime(frames: readonly ArrayLike<number>[], h: ArrayLike<number>): Float32Array[] {
  const T = frames.length;
  const n = frames[0].length;
  return frames.map((_, t) => {
    const sum = new Float64Array(n);
    for (let s = 0; s < T; s++) {
      const w = h[t * T + s];
      const f = frames[s];
      if (w !== 0) for (let i = 0; i < n; i++) sum[i] += w * f[i];
    }
    return Float32Array.from(sum);
  });
}
function meanOver(frames: readonly ArrayLike<number>[]): Float32Array {
  const mean = new Float64Array(frames[0].length);
  for (const f of frames) for (let i = 0; i < mean.length; i++) mean[i] += f[i];
  return Float32Array.from(mean, (v) => v / frames.length);
}
/** Σ over pixels of products of frames, their temporal mean taken away when it is given. */
function products(frames: readonly ArrayLike<number>[], mean?: ArrayLike<number>): Float64Array {
  const T = frames.length;
  const out = new Float64Array(T * T);
  for (let s = 0; s < T; s++)
    for (let t = 0; t <= s; t++) {
      let sum = 0;
      for (let i = 0; i < frames[s].length; i++) {
        const m = mean ? mean[i] : 0;
        sum += (frames[s][i] - m) * (frames[t][i] - m);
      }
      out[s * T + t] = out[t * T + s] = sum;
    }
  return out;
}

/** v ← H v at every pixel. */
const following = (h: ArrayLike<number>) => (v: Float32Array[]) => {
  for (const [t, w] of alongTime(v, h).entries()) v[t].set(w);
};
/** v ← Σ_k q_k (q_k · v) at every pixel, q_k orthonormal curves: fewer sums than H has where curves are few. */
const onto = (curves: readonly Float64Array[]) => (v: Float32Array[]) => {
  const n = v[0].length;
  const parts = curves.map((q) => {
    const c = new Float64Array(n);
    for (const [t, row] of v.entries()) for (let i = 0, w = q[t]; i < n; i++) c[i] += w * row[i];
    return c;
  });
  for (const [t, row] of v.entries()) {
    row.fill(0);
    for (const [k, c] of parts.entries()) for (let i = 0, w = curves[k][t]; i < n; i++) row[i] += w * c[i];
  }
};
/** s(t) = c: nothing changes but by motion. Each frame is compared with the mean of all. */
export function constant(): TimeCourse {
  return {
    name: "none",
    needsTimes: false,
    leastFrames: 2,
    fit(frames) {
      const mean = meanOver(frames);
      return { predicted: frames.map(() => mean), maps: { mean } };
    },
    linearise(frames) {
      const mean = meanOver(frames);
      const follow = (v: Float32Array[]) => {
        const m = meanOver(v);
        for (const w of v) w.set(m);
      };
      return { predicted: frames.map(() => mean), follow };
    },
  };
}

/** How many temporal components. */
export interface LowRankOptions {
  /** Time courses beside the mean. Default 2. */
  readonly components?: number;
}
/**
 * s(t) = m + Σₖ cₖ vₖ(t), the curves v₁ … v_K learnt from the series: the principal components over all pixels. No physics and no times are needed.
 * Maps: `mean`, and `component1` … scaled to the root mean square over time of what they add.
 * @see Melbourne et al. (2007), Registration of dynamic contrast-enhanced MRI using a progressive principal component registration, Phys. Med. Biol. 52
 */
export function lowRank({ components = 2 }: LowRankOptions = {}): TimeCourse {
  if (!(Number.isInteger(components) && components >= 1))
    throw new ArgumentError(`lowRank: ${components} components; give a whole number of at least 1`, { components });
  /** The curves v_k (columns of `vectors`), and H = (mean over time) + Σ v_k v_kᵀ. */
  const learnt = (frames: readonly ArrayLike<number>[], mean: ArrayLike<number>) => {
    const T = frames.length;
    const vectors = scope(() => {
      const { vectors } = eigh(Tensor.from(products(frames, mean), [T, T]));
      return Float64Array.from(vectors.data);
    });
    const order = Array.from({ length: T }, (_, k) => k);
    const columns = order.slice(T - components).reverse();
    const h = new Float64Array(T * T).fill(1 / T);
    for (const k of columns)
      for (let s = 0; s < T; s++) for (let t = 0; t < T; t++) h[s * T + t] += vectors[s * T + k] * vectors[t * T + k];
    return { vectors, columns, h };
  };
  return {
    name: "lowrank",
    needsTimes: false,
    leastFrames: components + 3,
    fit(frames): CourseFit {
      const T = frames.length;
      const mean = meanOver(frames);
      const { vectors, columns, h } = learnt(frames, mean);
      const maps: Record<string, Float32Array> = { mean };
      for (const [j, k] of columns.entries()) {
        // The sign is the one that makes the curve's largest value positive, so that maps do not flip between runs.
        let top = 0;
        for (let t = 0; t < T; t++) if (Math.abs(vectors[t * T + k]) > Math.abs(vectors[top * T + k])) top = t;
        const sign = Math.sign(vectors[top * T + k]) / Math.sqrt(T);
        maps[`component${j + 1}`] = Float32Array.from(mean, (m, i) => {
          let c = 0;
          for (let t = 0; t < T; t++) c += (frames[t][i] - m) * vectors[t * T + k];
          return sign * c;
        });
      }
      return { predicted: alongTime(frames, h), maps };
    },
    // The curves stand still within a step: what they would take up is little beside what every pixel does for itself.
    linearise(frames): LinearisedCourse {
      const T = frames.length;
      const { vectors, columns } = learnt(frames, meanOver(frames));
      const curves = [
        new Float64Array(T).fill(1 / Math.sqrt(T)),
        ...columns.map((k) => Float64Array.from(frames, (_, t) => vectors[t * T + k])),
      ];
      const follow = onto(curves);
      const predicted = frames.map((f) => Float32Array.from(f));
      follow(predicted);
      return { predicted, follow };
    },
  };
}

/** How smooth a free time course is. */
export interface FreeOptions {
  /** λ in ½‖s − y‖² + ½ λ ‖D₂ s‖², D₂ second differences in units of the mean distance of times; "auto" (default): by generalised cross-validation over all pixels. */
  readonly lambda?: number | "auto";
}
/**
 * Any curve that is smooth in time:  s = (I + λ D₂ᵀD₂)⁻¹ y  at every pixel. Maps: `mean`, `first`, `rise` (largest value above the first) and `peakTime`.
 * @see Golub, Heath, Wahba (1979), Generalized cross-validation as a method for choosing a good ridge parameter, Technometrics 21
 */
export function free({ lambda = "auto" }: FreeOptions = {}): TimeCourse {
  if (lambda !== "auto" && !(lambda > 0)) throw new ArgumentError(`free: λ = ${lambda}; give a positive number or "auto"`, { lambda });
  return {
    name: "free",
    needsTimes: false,
    leastFrames: 5,
    fit(frames, times): CourseFit {
      const T = frames.length;
      const { h } = smoother(frames, times, lambda);
      const predicted = alongTime(frames, h);
      const first = times.indexOf(Math.min(...times));
      const rise = new Float32Array(frames[0].length);
      const peakTime = new Float32Array(frames[0].length);
      for (let i = 0; i < rise.length; i++) {
        let best = 0;
        for (let t = 1; t < T; t++) if (predicted[t][i] > predicted[best][i]) best = t;
        rise[i] = predicted[best][i] - predicted[first][i];
        peakTime[i] = times[best];
      }
      return { predicted, maps: { mean: meanOver(frames), first: predicted[first], rise, peakTime } };
    },
    linearise(frames, times): LinearisedCourse {
      const { h } = smoother(frames, times, lambda);
      return { predicted: alongTime(frames, h), follow: following(h) };
    },
    settled: (frames, times) => free({ lambda: smoother(frames, times, lambda).lambda }),
  };
}
/** (I + λ D₂ᵀD₂)⁻¹ and its λ. */
function smoother(frames: readonly ArrayLike<number>[], times: readonly number[], lambda: number | "auto") {
  const T = frames.length;
  const { values, vectors } = roughness(times);
  // y in the basis of the roughness' eigenvectors: energy of each over all pixels.
  const energies = () => {
    const c = products(frames);
    return values.map((_, k) => {
      let sum = 0;
      for (let s = 0; s < T; s++) for (let t = 0; t < T; t++) sum += vectors[s * T + k] * c[s * T + t] * vectors[t * T + k];
      return Math.max(0, sum);
    });
  };
  const chosen = lambda === "auto" ? crossValidated(values, energies()) : lambda;
  const h = new Float64Array(T * T);
  for (let k = 0; k < T; k++) {
    const gain = 1 / (1 + chosen * values[k]);
    for (let s = 0; s < T; s++) for (let t = 0; t < T; t++) h[s * T + t] += gain * vectors[s * T + k] * vectors[t * T + k];
  }
  return { h, lambda: chosen };
}
/** D₂ᵀD₂ for times in any order: its eigenvalues and vectors (columns, row-major). */
function roughness(times: readonly number[]): { values: number[]; vectors: Float64Array } {
  const T = times.length;
  const order = Array.from(times.keys()).sort((a, b) => times[a] - times[b]);
  const span = times[order[T - 1]] - times[order[0]];
  const unit = span > 0 ? span / (T - 1) : 1;
  const m = new Float64Array(T * T);
  for (let k = 1; k + 1 < T; k++) {
    const [a, b, c] = [order[k - 1], order[k], order[k + 1]];
    // Frames at one time are neighbours at a tenth of the mean distance: rough, but finite.
    const before = Math.max(0.1, (times[b] - times[a]) / unit);
    const after = Math.max(0.1, (times[c] - times[b]) / unit);
    const row = [2 / (before * (before + after)), -2 / (before * after), 2 / (after * (before + after))];
    for (const [i, p] of [a, b, c].entries()) for (const [j, q] of [a, b, c].entries()) m[p * T + q] += row[i] * row[j];
  }
  return scope(() => {
    const { values, vectors } = eigh(Tensor.from(m, [T, T]));
    return { values: Array.from(values.data, (v) => Math.max(0, v)), vectors: Float64Array.from(vectors.data) };
  });
}
/** The λ that minimises  ‖(I − H) y‖² / (1 − tr H / T)²,  on a ladder of factors of √2. */
function crossValidated(values: readonly number[], energy: readonly number[]): number {
  let [best, chosen] = [Number.POSITIVE_INFINITY, 1];
  for (let k = -16; k <= 24; k++) {
    const lambda = 2 ** (k / 2);
    let [left, dof] = [0, 0];
    for (const [j, v] of values.entries()) {
      const gain = 1 / (1 + lambda * v);
      left += (1 - gain) ** 2 * energy[j];
      dof += 1 - gain;
    }
    const score = left / dof ** 2;
    if (score < best) [best, chosen] = [score, lambda];
  }
  return chosen;
}
