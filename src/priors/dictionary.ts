import { ArgumentError } from "../core/errors.js";
import { type Random, seeded } from "../core/random.js";
import { Tensor } from "../tensor/index.js";
import type { Denoiser } from "./denoiser.js";
import { pictures } from "./nonLocalMeans.js";
import { matchingPursuit } from "./sparseCoding.js";

/** Size of patches and dictionary, and how many atoms a patch may use. */
export interface DictionaryOptions {
  /** Patches of n × n samples (default 8). */
  readonly patch?: number;
  /** Atoms that are learned (default 256, those of a cosine dictionary of 16 × 16 to begin with). */
  readonly atoms?: number;
  /** Rounds of coding and updating (default 8; 0 keeps the cosines). */
  readonly rounds?: number;
  /** Patches that are learned from, picked by chance (default 6000). */
  readonly examples?: number;
  /** For what is picked (default 1). */
  readonly seed?: number;
  /** Atoms that are known, [count, n, n]: nothing is learned. */
  readonly dictionary?: Tensor;
}
/** The residual that noise leaves: (1.15 σ)² a sample. */
const gain = 1.15 * 1.15;

/**
 * Sparse coding over a dictionary that is learned from the noisy picture itself: every patch, less its mean, becomes the sum of the fewest atoms that come as near as
 * the noise allows (‖P − Dγ‖² ≤ 1.15² n² σ²), and patches are averaged where they overlap. Learning alternates between coding and, atom by atom, one power step towards the
 * leading singular pair of what the other atoms leave (K-SVD). The last two axes are a picture, those before count pictures of their own. Gain and offset pass through; the same
 * seed gives the same result. f32; no derivative.
 * @see Elad & Aharon (2006), Image denoising via sparse and redundant representations over learned dictionaries, IEEE Trans. Image Process. 15(12)
 * @throws ArgumentError for options out of range
 */
export function dictionary(options: DictionaryOptions = {}): Denoiser {
  const { patch = 8, atoms = 256, rounds = 8, examples = 6000, seed = 1 } = options;
  const given = options.dictionary;
  const n = given ? given.shape[given.rank - 1] : patch;
  if (![n, atoms, examples].every((v) => Number.isInteger(v) && v >= 1) || n < 2 || !(Number.isInteger(rounds) && rounds >= 0))
    throw new ArgumentError(
      `dictionary: patches of ${n}, ${atoms} atoms, ${rounds} rounds, ${examples} examples; give whole numbers, patches of 2 at least`,
      {
        ...options,
      },
    );
  const known = given && unitAtoms(Float64Array.from(given.data), n * n);
  return {
    name: "dictionary",
    denoise(image, sigma) {
      const { h, w, out } = pictures("dictionary", image, sigma);
      if (sigma > 0)
        for (let at = 0; at < out.length; at += h * w) {
          const picture = out.subarray(at, at + h * w);
          if (Math.min(h, w) < n) continue; // no patch fits
          const d = known ?? learned(picture, h, w, sigma, n, atoms, rounds, examples, seed);
          picture.set(coded(picture, h, w, sigma, n, d));
        }
      return Tensor.from(out, image.shape, image.dtype === "f64" ? "f64" : "f32");
    },
  };
}

/** The atoms [count, n, n] that `dictionary` learns from a picture with noise of standard deviation σ > 0. */
export function learnDictionary(image: Tensor, sigma: number, options: Omit<DictionaryOptions, "dictionary"> = {}): Tensor {
  const { patch = 8, atoms = 256, rounds = 8, examples = 6000, seed = 1 } = options;
  const { h, w, out } = pictures("dictionary", image, sigma);
  if (image.rank !== 2 || Math.min(h, w) < patch || !(sigma > 0))
    throw new ArgumentError(`dictionary: a picture of two axes that holds patches of ${patch} and a σ above 0 are needed to learn from`, {
      shape: image.shape,
      sigma,
    });
  const d = learned(out, h, w, sigma, patch, atoms, rounds, examples, seed);
  return Tensor.from(Float32Array.from(d), [d.length / (patch * patch), patch, patch]);
}

/** Atoms less their mean, of length 1; those without any length are left out. */
function unitAtoms(d: Float64Array, length: number): Float64Array {
  const kept: number[] = [];
  for (let at = 0; at < d.length; at += length) {
    const a = d.subarray(at, at + length);
    const mean = a.reduce((s, v) => s + v, 0) / length;
    const size = Math.sqrt(a.reduce((s, v) => s + (v - mean) ** 2, 0));
    if (size > 1e-9) for (const v of a) kept.push((v - mean) / size);
  }
  return Float64Array.from(kept);
}
/** Atoms to begin with: products of about √count cosines of n samples along each axis, of more frequencies than n. */
export function dictionaryStart(n: number, count: number): Float64Array {
  const side = Math.ceil(Math.sqrt(count + 1));
  const out: number[] = [];
  for (let k = 1; k <= count; k++) {
    const [u, v] = [Math.floor(k / side), k % side];
    const wave = (f: number, i: number) => Math.cos((Math.PI * f * (i + 0.5)) / Math.max(side, n));
    for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) out.push(wave(u, i) * wave(v, j));
  }
  return unitAtoms(Float64Array.from(out), n * n);
}
/** A patch less its mean into `out` at `to`; returns the mean. */
function takePatch(y: Float32Array, w: number, n: number, i: number, j: number, out: Float32Array, to: number): number {
  let mean = 0;
  for (let a = 0; a < n; a++) for (let b = 0; b < n; b++) mean += y[(i + a) * w + j + b];
  mean /= n * n;
  for (let a = 0; a < n; a++) for (let b = 0; b < n; b++) out[to + a * n + b] = y[(i + a) * w + j + b] - mean;
  return mean;
}

function learned(
  y: Float32Array,
  h: number,
  w: number,
  sigma: number,
  n: number,
  atoms: number,
  rounds: number,
  examples: number,
  seed: number,
): Float64Array {
  const length = n * n;
  const random = seeded(seed);
  const error = gain * length * sigma * sigma;
  const places = (h - n + 1) * (w - n + 1);
  const count = Math.min(examples, places);
  const signals = new Float32Array(count * length);
  for (let s = 0; s < count; s++) {
    const at = count === places ? s : random.integer(places);
    takePatch(y, w, n, Math.floor(at / (w - n + 1)), at % (w - n + 1), signals, s * length);
  }
  const d = dictionaryStart(n, atoms);
  kSvd(d, signals, length, { error, rounds, random });
  return d;
}

/** How many rounds K-SVD makes, and how sparse its codes are. */
export interface KSvdOptions {
  /** Of coding: ‖signal − Dγ‖² ≤ this. */
  readonly error: number;
  /** Most atoms of a signal (default half its length). */
  readonly most?: number;
  /** Of sparse coding and new atoms. */
  readonly rounds: number;
  /** Where random numbers come from. */
  readonly random: Random;
}
/**
 * K-SVD with one power step for each atom: codes all signals, then moves atom by atom towards the leading singular pair of what the other atoms leave; atoms that nobody uses
 * become the signals that are explained worst.
 * @param d        atoms of length 1, [count, length]; changed in place
 * @param signals  [any number, length]
 * @see Aharon, Elad & Bruckstein (2006), K-SVD, IEEE Trans. Signal Process. 54(11); Rubinstein, Zibulevsky & Elad (2008), Efficient implementation of the K-SVD algorithm, Technion
 */
export function kSvd(d: Float64Array, signals: Float32Array, length: number, { error, most, rounds, random }: KSvdOptions): void {
  const K = d.length / length;
  const count = signals.length / length;
  for (let round = 0; round < rounds; round++) {
    const { first, atoms: used, values } = matchingPursuit(d, signals, length, { error, most });
    const residual = Float64Array.from(signals);
    const users: number[][] = Array.from({ length: K }, () => []);
    const owner = new Int32Array(used.length);
    for (let s = 0; s < count; s++)
      for (let k = first[s]; k < first[s + 1]; k++) {
        owner[k] = s;
        users[used[k]].push(k);
        for (let i = 0; i < length; i++) residual[s * length + i] -= values[k] * d[used[k] * length + i];
      }
    for (let a = 0; a < K; a++) {
      const atom = d.subarray(a * length, (a + 1) * length);
      if (users[a].length === 0) {
        // An atom that nobody uses becomes the patch that is explained worst, of a few picked by chance.
        let [worst, size] = [-1, error];
        for (let t = 0; t < 100; t++) {
          const s = random.integer(count);
          let e = 0;
          for (let i = 0; i < length; i++) e += residual[s * length + i] ** 2;
          if (e > size) [worst, size] = [s, e];
        }
        if (worst >= 0) {
          const norm = Math.sqrt(signals.subarray(worst * length, (worst + 1) * length).reduce((s, v) => s + v * v, 0));
          for (let i = 0; i < length; i++) atom[i] = signals[worst * length + i] / norm;
        }
        continue;
      }
      // E = residual + atom γᵀ over its users; atom ← E γ / ‖E γ‖, γ ← Eᵀ atom.
      const next = new Float64Array(length);
      let squares = 0;
      for (const k of users[a]) {
        const g = values[k];
        squares += g * g;
        const r = owner[k] * length;
        for (let i = 0; i < length; i++) next[i] += g * residual[r + i];
      }
      let norm = 0;
      for (let i = 0; i < length; i++) {
        next[i] += squares * atom[i];
        norm += next[i] * next[i];
      }
      norm = Math.sqrt(norm);
      if (!(norm > 0)) continue;
      for (let i = 0; i < length; i++) next[i] /= norm;
      for (const k of users[a]) {
        const r = owner[k] * length;
        let g = 0;
        for (let i = 0; i < length; i++) {
          residual[r + i] += values[k] * atom[i];
          g += residual[r + i] * next[i];
        }
        values[k] = g;
        for (let i = 0; i < length; i++) residual[r + i] -= g * next[i];
      }
      atom.set(next);
    }
  }
}

/** All patches coded, put back and averaged. */
function coded(y: Float32Array, h: number, w: number, sigma: number, n: number, d: Float64Array): Float32Array {
  const length = n * n;
  const [total, cover] = [new Float64Array(h * w), new Float64Array(h * w)];
  const columns = w - n + 1;
  const signals = new Float32Array(columns * length);
  const means = new Float64Array(columns);
  const found = new Float64Array(length);
  for (let i = 0; i + n <= h; i++) {
    for (let j = 0; j < columns; j++) means[j] = takePatch(y, w, n, i, j, signals, j * length);
    const { first, atoms, values } = matchingPursuit(d, signals, length, { error: gain * length * sigma * sigma });
    for (let j = 0; j < columns; j++) {
      found.fill(means[j]);
      for (let k = first[j]; k < first[j + 1]; k++) for (let c = 0; c < length; c++) found[c] += values[k] * d[atoms[k] * length + c];
      for (let a = 0; a < n; a++)
        for (let b = 0; b < n; b++) {
          total[(i + a) * w + j + b] += found[a * n + b];
          cover[(i + a) * w + j + b]++;
        }
    }
  }
  return Float32Array.from(total, (t, k) => t / cover[k]);
}
