import { ArgumentError } from "../core/errors.js";
import type { Iteration, State, Stop } from "../core/interfaces.js";
import { iterateSync } from "../core/iterate.js";
import { seededAt } from "../core/random.js";
import { dictionaryStart, kSvd, matchingPursuit } from "../priors/index.js";
import { conjugateGradient } from "../solvers/index.js";
import { scope, Tensor } from "../tensor/index.js";
import type { QuadraticData } from "./frameShrinkage.js";

/** Patches and dictionary that are learned while an image is reconstructed. */
export interface DictionaryMrOptions {
  /** Patches of n × n samples (default 6). */
  readonly patch?: number;
  /** Atoms (default 64). */
  readonly atoms?: number;
  /** Samples from patch to patch (default 2); patches go around the edges. */
  readonly stride?: number;
  /** Most atoms of a patch (default an eighth of its samples). */
  readonly sparsity?: number;
  /** Error a sample that a patch may have, first and last, in parts of the largest magnitude of the zero-filled image (default 0.08 and 0.008). */
  readonly error?: readonly [first: number, last: number];
  /** Rounds of learning in each step (default 2), and the patches they learn from, picked by chance (default 3000). */
  readonly rounds?: number;
  /** How many examples are learned from. */
  readonly examples?: number;
  /** For what is picked (default 1). */
  readonly seed?: number;
}
export interface DictionaryMrState extends State<Tensor> {
  /** Atoms of length 1, [count, patch²]. */
  readonly atoms: Float64Array;
  /** Where the next patches are taken: x moved on the way it went. */
  readonly ahead: Tensor;
  /** The picture that the patches make. */
  readonly patches: Tensor;
  /** Steps so far. */
  readonly steps: number;
  /** How much the image still changes, relative. */
  readonly change: number;
}

/**
 * Dictionary-learning reconstruction:  min over x, D, α   ½‖Ax − y‖² + (λ/2c) Σ_p ‖P_p x − D α_p‖²   with ‖α_p‖₀ ≤ sparsity, c the number of patches over a sample. A step learns D
 * from patches of x (K-SVD), codes all of them by matching pursuit to an error that falls from step to step, as aliasing does, averages them where they overlap to z, and solves
 * (A*A + λ) x = A*y + λ z. Patches are coded without their mean, real and imaginary parts as two signals over one dictionary (the original codes complex ones).
 * @see Ravishankar & Bresler (2011), MR image reconstruction from highly undersampled k-space data by dictionary learning, IEEE Trans. Med. Imaging 30(5)
 * @throws ArgumentError for options out of range
 */
export function dictionaryMr(
  lambda: number,
  steps: number,
  o: DictionaryMrOptions = {},
): Iteration<QuadraticData, Tensor, DictionaryMrState> {
  const { patch: n = 6, atoms = 64, stride = 2, error: [first, last] = [0.08, 0.008], rounds = 2, examples = 3000, seed = 1 } = o;
  const most = o.sparsity ?? Math.max(1, Math.round((n * n) / 8));
  if (
    ![n, atoms, stride, examples, most].every((v) => Number.isInteger(v) && v >= 1) ||
    n < 2 ||
    stride > n ||
    !(Number.isInteger(rounds) && rounds >= 0)
  )
    throw new ArgumentError(
      `dictionary: patches of ${n}, ${stride} apart, ${atoms} atoms, ${most} of them in a patch, ${examples} examples, ${rounds} rounds; give whole numbers, patches of 2 at least that leave no gaps`,
      { ...o },
    );
  if (!(first >= last && last > 0))
    throw new ArgumentError(`dictionary: errors ${first} to ${last}; the first is the larger one, both above 0`, { first, last });
  if (!(lambda > 0)) throw new ArgumentError("dictionary: λ is 0: patches would count for nothing; give a positive λ", { lambda });
  const length = n * n;
  return {
    init(_, x) {
      if (Math.min(...x.shape) < n)
        throw new ArgumentError(`dictionary: a picture of ${x.shape.join("×")} holds no patch of ${n}`, { shape: x.shape });
      return { x, ahead: x, atoms: dictionaryStart(n, atoms), patches: x, steps: 0, change: Number.POSITIVE_INFINITY };
    },
    step(p, s) {
      const [h, w] = s.x.shape;
      const sigma = first * (last / first) ** (steps > 1 ? s.steps / (steps - 1) : 1);
      const error = length * sigma * sigma;
      const { signals, means, places } = patchesOf(s.ahead.data, h, w, n, stride);
      const d = s.atoms.slice();
      if (rounds > 0) {
        const random = seededAt(seed, s.steps);
        const count = Math.min(examples, means.length);
        const learn = new Float32Array(count * length);
        for (let k = 0; k < count; k++) {
          const at = (count === means.length ? k : random.integer(means.length)) * length;
          learn.set(signals.subarray(at, at + length), k * length);
        }
        kSvd(d, learn, length, { error, most, rounds, random });
      }
      const codes = matchingPursuit(d, signals, length, { error, most });
      const sum = new Float64Array(2 * h * w);
      const cover = new Float64Array(h * w);
      const found = new Float64Array(length);
      for (let k = 0; k < means.length; k++) {
        found.fill(means[k]);
        for (let i = codes.first[k]; i < codes.first[k + 1]; i++)
          for (let c = 0, a = codes.atoms[i] * length; c < length; c++) found[c] += codes.values[i] * d[a + c];
        const [y, x] = places[k >> 1];
        for (let a = 0; a < n; a++)
          for (let b = 0; b < n; b++) {
            const at = ((y + a) % h) * w + ((x + b) % w);
            sum[2 * at + (k & 1)] += found[a * n + b];
            if ((k & 1) === 0) cover[at]++;
          }
      }
      const z = Tensor.from(
        Float32Array.from(sum, (v, k) => v / cover[k >> 1]),
        [h, w],
        "c64",
      );
      const rhs = p.rhs.add(z.mul(lambda));
      const x = p.normalInverse
        ? p.normalInverse(rhs, lambda)
        : iterateSync(
            conjugateGradient<Tensor>({ relativeResidual: 1e-4 }),
            { rhs, apply: (v: Tensor) => p.normal(v).add(v.mul(lambda)) },
            s.x,
            { iterations: 20 },
          ).x;
      // Aliasing goes slowly, always the same way; steps that run ahead, as Nesterov's, halve their number and more.
      const moved = x.sub(s.x);
      const ahead = x.add(moved.mul(s.steps / (s.steps + 3)));
      return { x, ahead, atoms: d, patches: z, steps: s.steps + 1, change: moved.norm().item() / Math.max(p.size, 1e-30) };
    },
    done: (s): { stop: Stop; reason: string } | undefined =>
      s.steps >= steps ? { stop: "converged", reason: "the errors of the patches have come down" } : undefined,
  };
}

/** Patches less their means, of real and imaginary part in turn; every `stride` samples along both axes, around the edges. */
function patchesOf(z: ArrayLike<number>, h: number, w: number, n: number, stride: number) {
  const [rows, columns] = [Math.ceil(h / stride), Math.ceil(w / stride)];
  const signals = new Float32Array(2 * rows * columns * n * n);
  const means = new Float64Array(2 * rows * columns);
  const places: [number, number][] = [];
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) {
      const [y, x] = [i * stride, j * stride];
      for (let part = 0; part < 2; part++) {
        const k = 2 * places.length + part;
        const to = k * n * n;
        let mean = 0;
        for (let a = 0; a < n; a++)
          for (let b = 0; b < n; b++) {
            const v = z[2 * (((y + a) % h) * w + ((x + b) % w)) + part];
            signals[to + a * n + b] = v;
            mean += v / (n * n);
          }
        for (let c = 0; c < n * n; c++) signals[to + c] -= mean;
        means[k] = mean;
      }
      places.push([y, x]);
    }
  return { signals, means, places };
}

/** ½‖x − z‖² with z the picture that the patches make. */
export const dictionaryPenalty = (x: Tensor, z: Tensor): number => scope(() => 0.5 * x.sub(z).norm().square().item());
