import { ArgumentError, GridError } from "../../core/errors.js";
import type { Image } from "../../core/interfaces.js";
import { gridText, sameGrid, tensorShape, voxelsOf } from "../../image/grid.js";
import { solve } from "../../kernels/linalg.js";
import { Tensor } from "../../tensor/index.js";
import { robustRange } from "../levels.js";

/** Weight of the prior, degree of the bias field, number of iterations. */
export interface EmOptions {
  /** Gaussians of each class. Default 1 each. */
  readonly components?: readonly number[];
  /** Degree of the polynomial that models a smooth multiplicative bias of the scanner; 0 (default): none. */
  readonly biasDegree?: number;
  /** The most steps there may be. */
  readonly iterations?: number;
  /** Stop when the mean log-likelihood rises by less. Default 1e-5. */
  readonly tolerance?: number;
  /** Added to every prior, so that no class is excluded anywhere. Default 1e-3. */
  readonly floor?: number;
  /** Class without tissue: the bias does not touch it. Default: class 0; −1 for none. */
  readonly background?: number;
}
/** Shares of the classes at every voxel, their means and deviations, and the bias. */
export interface EmResult {
  /** Index of the most probable class, [1, (z,) y, x]. */
  readonly labels: Image;
  /** Posterior of each class; they sum to 1. */
  readonly posteriors: readonly Image[];
  /** Means and standard deviations of the Gaussians, by class, in the image's unit (with a bias field: of the corrected image; the deviation to first order). */
  readonly means: readonly (readonly number[])[];
  /** Standard deviations of the classes. */
  readonly deviations: readonly (readonly number[])[];
  /** The factor that the model finds on the image; divide by it. */
  readonly bias?: Image;
  /** Mean log-likelihood before each iteration. It does not fall. */
  readonly logLikelihood: readonly number[];
}

/**
 * Tissue classes of an image from the probability maps of an atlas: a mixture of Gaussians whose mixing proportions are the maps,
 *   p(y_i) = Σ_k π_k(i) Σ_g γ_kg N(y_i − b(i); μ_kg, σ²_kg)     (b = 0 for the background),
 * fitted by expectation–maximisation; b is a polynomial in the logarithm of the intensities (a smooth factor), fitted along.
 * @param priors  π_k on the image's grid, in any scale: they are normalised voxel by voxel
 * @see Van Leemput, Maes, Vandermeulen, Suetens (1999), Automated model-based tissue classification of MR images of the brain, IEEE TMI 18
 */
export function emSegmentation(image: Image, priors: readonly Image[], options: EmOptions = {}): EmResult {
  const { biasDegree = 0, iterations = 60, tolerance = 1e-5, floor = 1e-3, background = 0 } = options;
  const { grid } = image;
  const K = priors.length;
  if (K < 2) throw new ArgumentError(`emSegmentation: ${K} classes; give the probability maps of two or more`, { classes: K });
  for (const p of priors)
    if (!sameGrid(p.grid, grid))
      throw new GridError(
        `emSegmentation: a prior lies on ${gridText(p.grid)} but the image on ${gridText(grid)}; warp it there first`,
        {},
      );
  const components = options.components ?? priors.map(() => 1);
  if (components.length !== K || components.some((c) => !Number.isInteger(c) || c < 1))
    throw new ArgumentError(
      `emSegmentation: components ${components.join(", ")}; give a whole number of 1 or more for each of the ${K} classes`,
      {},
    );
  const n = voxelsOf(grid);
  const [low, high] = robustRange(image);
  const logs = biasDegree > 0;
  const soft = 0.05; // keeps logarithms of dark voxels finite: a twentieth of the image's range
  const y = Float64Array.from(image.values.data.subarray(0, n), (v) => {
    const x = (v - low) / (high - low);
    return logs ? Math.log(Math.max(0, x) + soft) : x;
  });
  const back = (v: number) => low + (high - low) * (logs ? Math.exp(v) - soft : v);
  const pi = priors.map((p) => Float32Array.from(p.values.data.subarray(0, n)));
  for (let i = 0; i < n; i++) {
    let s = 0;
    for (const p of pi) s += Math.max(0, p[i]) + floor;
    for (const p of pi) p[i] = (Math.max(0, p[i]) + floor) / s;
  }
  const classOf: number[] = components.flatMap((c, k) => new Array<number>(c).fill(k));
  const G = classOf.length;
  const mu = new Float64Array(G);
  const variance = new Float64Array(G);
  const gamma = new Float64Array(G);
  // First guess: moments under the priors where they are sure (their square as the weight); several Gaussians of a class are spread by one deviation.
  for (let k = 0, g = 0; k < K; k++) {
    let [w, s, q] = [0, 0, 0];
    for (let i = 0; i < n; i++) {
      const p = pi[k][i] ** 2;
      w += p;
      s += p * y[i];
      q += p * y[i] * y[i];
    }
    const sd = Math.sqrt(Math.max(q / w - (s / w) ** 2, 1e-6));
    for (let c = 0; c < components[k]; c++, g++) {
      const t = components[k] === 1 ? 0 : (2 * c) / (components[k] - 1) - 1;
      mu[g] = s / w + t * sd;
      variance[g] = sd ** 2;
      gamma[g] = 1 / components[k];
    }
  }
  const least = 1e-6 * (logs ? 4 : 1);
  const basis = logs ? polynomials(grid.size, biasDegree) : [];
  const coefficients = new Float64Array(basis.length);
  const bias = new Float64Array(n);
  const posterior = Array.from({ length: G }, () => new Float32Array(n));
  const trace: number[] = [];
  // Air has no signal for a coil to scale: its class is compared with the values as they are.
  const seen = (g: number, i: number) => (classOf[g] === background ? y[i] : y[i] - bias[i]);
  const expectation = (): number => {
    const scale = Array.from(variance, (v, g) => gamma[g] / Math.sqrt(2 * Math.PI * v));
    let total = 0;
    for (let i = 0; i < n; i++) {
      let s = 0;
      for (let g = 0; g < G; g++) {
        const x = seen(g, i);
        const p = pi[classOf[g]][i] * scale[g] * Math.exp((-0.5 * (x - mu[g]) ** 2) / variance[g]);
        posterior[g][i] = p;
        s += p;
      }
      if (s > 1e-30) for (let g = 0; g < G; g++) posterior[g][i] /= s;
      else for (let g = 0; g < G; g++) posterior[g][i] = pi[classOf[g]][i] * gamma[g]; // an outlier: only the place speaks
      total += Math.log(Math.max(s, 1e-30));
    }
    return total / n;
  };
  for (let k = 0; k < iterations; k++) {
    const value = expectation();
    const before = trace[trace.length - 1] ?? Number.NEGATIVE_INFINITY;
    trace.push(value);
    if (value - before < tolerance) break;
    const mass = new Float64Array(K);
    for (let g = 0; g < G; g++) {
      let [w, s] = [0, 0];
      const p = posterior[g];
      for (let i = 0; i < n; i++) {
        w += p[i];
        s += p[i] * seen(g, i);
      }
      if (w > 1e-6) mu[g] = s / w;
      let q = 0;
      for (let i = 0; i < n; i++) q += p[i] * (seen(g, i) - mu[g]) ** 2;
      if (w > 1e-6) variance[g] = Math.max(q / w, least);
      gamma[g] = w;
      mass[classOf[g]] += w;
    }
    for (let g = 0; g < G; g++) gamma[g] = mass[classOf[g]] > 0 ? gamma[g] / mass[classOf[g]] : 1 / components[classOf[g]];
    if (logs) fitBias();
  }

  /** Weighted least squares of what the Gaussians leave, on the polynomials; a common factor belongs to the means. */
  function fitBias(): void {
    const B = basis.length;
    const A = new Float64Array(B * B);
    const r = new Float64Array(B);
    for (let i = 0; i < n; i++) {
      let [w, target] = [0, 0];
      for (let g = 0; g < G; g++) {
        if (classOf[g] === background) continue;
        const p = posterior[g][i] / variance[g];
        w += p;
        target += p * (y[i] - mu[g]);
      }
      if (!(w > 0)) continue;
      for (let a = 0; a < B; a++) {
        const f = basis[a][i];
        r[a] += f * target;
        for (let b = 0; b <= a; b++) A[a * B + b] += w * f * basis[b][i];
      }
    }
    for (let a = 0; a < B; a++) {
      A[a * B + a] *= 1 + 1e-9;
      for (let b = 0; b < a; b++) A[b * B + a] = A[a * B + b];
    }
    if (!(A[0] > 0)) return;
    coefficients.set(solve(A, B, r));
    bias.fill(0);
    for (let a = 0; a < B; a++) for (let i = 0; i < n; i++) bias[i] += coefficients[a] * basis[a][i];
    // What all tissue has in common belongs to the means: the same likelihood, and a factor of 1 on average.
    let [w, common] = [0, 0];
    for (let i = 0; i < n; i++)
      for (let g = 0; g < G; g++)
        if (classOf[g] !== background) {
          w += posterior[g][i];
          common += posterior[g][i] * bias[i];
        }
    common /= Math.max(w, 1e-9);
    for (let i = 0; i < n; i++) bias[i] -= common;
    for (let g = 0; g < G; g++) if (classOf[g] !== background) mu[g] += common;
  }

  const shape = [1, ...tensorShape(grid)];
  const byClass = Array.from({ length: K }, (_, k) => {
    const out = new Float32Array(n);
    for (let g = 0; g < G; g++) if (classOf[g] === k) for (let i = 0; i < n; i++) out[i] += posterior[g][i];
    return out;
  });
  const labels = new Float32Array(n);
  for (let i = 0; i < n; i++) for (let k = 1; k < K; k++) if (byClass[k][i] > byClass[labels[i]][i]) labels[i] = k;
  const grouped = (f: (g: number) => number) => Array.from({ length: K }, (_, k) => classOf.flatMap((c, g) => (c === k ? [f(g)] : [])));
  return {
    labels: { values: Tensor.from(labels, shape), grid },
    posteriors: byClass.map((p) => ({ values: Tensor.from(p, shape), grid })),
    means: grouped((g) => back(mu[g])),
    deviations: grouped((g) => Math.sqrt(variance[g]) * (high - low) * (logs ? Math.exp(mu[g]) : 1)),
    bias: logs ? { values: Tensor.from(Float32Array.from(bias, Math.exp), shape), grid } : undefined,
    logLikelihood: trace,
  };
}

/** Products of Legendre polynomials of the place in [−1, 1]^d, total degree 1 … degree. */
function polynomials(size: readonly number[], degree: number): Float32Array[] {
  const along = size.map((length) => {
    const t = Float64Array.from({ length }, (_, i) => (length === 1 ? 0 : (2 * i) / (length - 1) - 1));
    const list = [t.map(() => 1), t];
    for (let k = 1; k < degree; k++) list.push(t.map((x, i) => ((2 * k + 1) * x * list[k][i] - k * list[k - 1][i]) / (k + 1)));
    return list;
  });
  const n = size.reduce((a, b) => a * b, 1);
  const out: Float32Array[] = [];
  const [nx, ny] = size;
  for (let c = 0; c <= (size.length === 3 ? degree : 0); c++)
    for (let b = 0; b + c <= degree; b++)
      for (let a = 0; a + b + c <= degree; a++) {
        if (a + b + c === 0 || size.some((length, i) => length === 1 && [a, b, c][i] > 0)) continue;
        const values = new Float32Array(n);
        for (let i = 0; i < n; i++)
          values[i] =
            along[0][a][i % nx] * along[1][b][Math.floor(i / nx) % ny] * (size.length === 3 ? along[2][c][Math.floor(i / (nx * ny))] : 1);
        out.push(values);
      }
  return out;
}
