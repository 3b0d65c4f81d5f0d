import type { Border } from "./gaussian.js";

/** An array seen along one axis: element (o, i, j) at (o·n + i)·inner + j. */
export interface Lines {
  readonly outer: number;
  readonly n: number;
  readonly inner: number;
}
/** Lines of an array of the given shape along `axis`. */
export function linesAlong(shape: readonly number[], axis: number): Lines {
  const product = (list: readonly number[]) => list.reduce((p, v) => p * v, 1);
  return { outer: product(shape.slice(0, axis)), n: shape[axis], inner: product(shape.slice(axis + 1)) };
}
export type Difference = "forward" | "backward" | "central";
type Numbers = ArrayLike<number>;
type Output = { [i: number]: number };

function everyLine({ outer, n, inner }: Lines, work: (at: (i: number) => number) => void): void {
  for (let o = 0; o < outer; o++) for (let j = 0; j < inner; j++) work((i) => (o * n + i) * inner + j);
}

/** Plain twin of `boxSum`: out_i = Σ_{|k| ≤ r} x_{i+k}, zeros outside. Its own adjoint. */
export function boxSum(x: Numbers, out: Output, lines: Lines, radius: number): void {
  const { n } = lines;
  everyLine(lines, (at) => {
    for (let i = 0; i < n; i++) {
      let sum = 0;
      for (let k = Math.max(0, i - radius); k <= Math.min(n - 1, i + radius); k++) sum += x[at(k)];
      out[at(i)] = sum;
    }
  });
}

/**
 * Plain twin of `difference`, divided by the spacing h:
 *  forward (x_{i+1} − x_i) / h, 0 at the last sample; backward (x_i − x_{i−1}) / h, 0 at the first;
 *  central (x_{i+1} − x_{i−1}) / 2h, at the ends the one-sided one. With `adjoint`, the transposed matrix.
 */
export function difference(x: Numbers, out: Output, lines: Lines, kind: Difference, spacing = 1, adjoint = false): void {
  const { n } = lines;
  everyLine(lines, (at) => {
    if (adjoint) for (let i = 0; i < n; i++) out[at(i)] = 0;
    for (let i = 0; i < n; i++) {
      const low = kind === "forward" ? i : Math.max(0, i - 1);
      const high = kind === "backward" ? i : Math.min(n - 1, i + 1);
      const scale = kind === "central" && high - low === 2 ? 0.5 / spacing : 1 / spacing;
      if (adjoint) {
        out[at(high)] += scale * x[at(i)];
        out[at(low)] -= scale * x[at(i)];
      } else out[at(i)] = scale * (x[at(high)] - x[at(low)]);
    }
  });
}

/** A pole with its weight, complex: α = [re, im], p = [re, im]. */
export interface Pole {
  readonly alpha: readonly [number, number];
  readonly pole: readonly [number, number];
}

/**
 * The two complex poles of the fourth-order recursive Gaussian, h_k = Re Σ α p^|k|, normalised to Σ_k h_k = 1:
 * exp(−x²/2) ≈ (1.68 cos 0.6318x + 3.735 sin 0.6318x) e^{−1.783x} − (0.6803 cos 1.997x + 0.2598 sin 1.997x) e^{−1.723x} at x = k/σ.
 * @see Deriche (1993), Recursively implementing the Gaussian and its derivatives, INRIA research report 1893
 */
export function recursivePoles(sigma: number): readonly [Pole, Pole] {
  const make = (ar: number, ai: number, decay: number, turn: number): Pole => ({
    alpha: [ar, ai],
    pole: [Math.exp(-decay / sigma) * Math.cos(turn / sigma), Math.exp(-decay / sigma) * Math.sin(turn / sigma)],
  });
  const poles = [make(1.68, -3.735, 1.783, 0.6318), make(-0.6803, 0.2598, 1.723, 1.997)];
  let total = 0; // Re Σ α (1 + p) / (1 − p)
  for (const { alpha: a, pole: p } of poles) {
    const [gr, gi] = inverse(1 - p[0], -p[1]);
    const [qr, qi] = [gr * (1 + p[0]) - gi * p[1], gr * p[1] + gi * (1 + p[0])];
    total += a[0] * qr - a[1] * qi;
  }
  const scaled = poles.map(({ alpha: [r, i], pole }): Pole => ({ alpha: [r / total, i / total], pole }));
  return [scaled[0], scaled[1]];
}
/** 1 / (re + i im). */
export function inverse(re: number, im: number): readonly [number, number] {
  const d = re * re + im * im;
  return [re / d, -im / d];
}
/** h_k of the recursive Gaussian, k = 0 … count − 1. */
export function recursiveResponse(sigma: number, count: number): Float64Array {
  const h = new Float64Array(count);
  for (const { alpha: a, pole: p } of recursivePoles(sigma)) {
    let [r, i] = [1, 0];
    for (let k = 0; k < count; k++) {
      h[k] += a[0] * r - a[1] * i;
      [r, i] = [r * p[0] - i * p[1], r * p[1] + i * p[0]];
    }
  }
  return h;
}
/** Tails tᵢ = Σ_{k>i} h_k, until they are below 1e-9. */
export function recursiveTails(sigma: number): Float64Array {
  const h = recursiveResponse(sigma, Math.ceil(14 * sigma) + 2);
  const tails = new Float64Array(h.length);
  for (let k = h.length - 2; k >= 0; k--) tails[k] = tails[k + 1] + h[k + 1];
  let count = tails.length;
  while (count > 1 && Math.abs(tails[count - 1]) < 1e-9) count--;
  return tails.slice(0, count);
}

/** Plain twin of `recursiveGaussian`: out_i = Σ_k h_|k| x_{i+k} along the lines by recursion both ways; with `adjoint`, transposed. */
export function recursiveGaussian(x: Numbers, out: Output, lines: Lines, sigma: number, border: Border, adjoint = false): void {
  const { n } = lines;
  const poles = recursivePoles(sigma);
  const tails = recursiveTails(sigma);
  everyLine(lines, (at) => {
    const line = Float64Array.from({ length: n }, (_, i) => x[at(i)]);
    const y = new Float64Array(n);
    for (const { alpha: a, pole: p } of poles) {
      const g = inverse(1 - p[0], -p[1]);
      const start = (v: number) => (border === "replicate" && !adjoint ? [v * g[0], v * g[1]] : [0, 0]);
      let [r, j] = start(line[0]);
      for (let i = 0; i < n; i++) {
        [r, j] = [line[i] + r * p[0] - j * p[1], r * p[1] + j * p[0]];
        y[i] += a[0] * r - a[1] * j;
      }
      [r, j] = start(line[n - 1]);
      for (let i = n - 1; i >= 0; i--) {
        [r, j] = [r * p[0] - j * p[1], r * p[1] + j * p[0]];
        y[i] += a[0] * r - a[1] * j;
        r += line[i];
      }
    }
    if (adjoint && border === "replicate")
      for (let i = 0; i < Math.min(n, tails.length); i++) {
        y[0] += tails[i] * line[i];
        y[n - 1] += tails[i] * line[n - 1 - i];
      }
    for (let i = 0; i < n; i++) out[at(i)] = y[i];
  });
}
