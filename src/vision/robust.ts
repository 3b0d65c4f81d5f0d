import type { Random } from "../core/random.js";

/** A model of the plane or of two views, as the robust search sees it: n data, smallest samples, errors in units of their own noise. */
export interface RobustProblem<M> {
  /** How many there are. */
  readonly count: number;
  /** Matches that determine a model. */
  readonly sampleSize: number;
  /** Models through a sample; none when it is degenerate. */
  solve(sample: Int32Array): readonly M[];
  /** Squared errors of all data, in squared pixels of noise. */
  errors(model: M, out: Float64Array): void;
  /** The weighted least-squares model near this one, or undefined. */
  refine(model: M, weights: Float64Array): M | undefined;
}
/** Threshold, confidence, number of trials and seed of a robust estimate. */
export interface RobustOptions {
  /** Largest noise that is thought of, σ in pixels: errors above 3.64 of it count nothing. Default 2. */
  readonly sigma?: number;
  /** Most samples drawn. Default 5000. */
  readonly iterations?: number;
  /** Stop when a better model would have been seen with this chance. Default 0.999. */
  readonly confidence?: number;
  /** Where random numbers come from. */
  readonly random: Random;
}
/** The best model, who agrees with it, and whether that could be chance. */
export interface RobustResult<M> {
  /** The best. */
  readonly model: M;
  /** Σ of gains, one at most a datum. */
  readonly gain: number;
  /** Squared errors of the data, and their weights in [0, 1]. */
  readonly errors: Float64Array;
  /** How much each counts. */
  readonly weights: Float64Array;
  /** How many steps were made. */
  readonly iterations: number;
}

/** Quantile .99 of the length of a normal vector of four coordinates. */
const cut = 3.64;
const steps = 1024;
/** erfc to 1.2e-7 (Numerical Recipes' rational Chebyshev form is not needed: a series and a continued fraction). */
function erfc(x: number): number {
  if (x < 2) {
    let [term, sum] = [x, x];
    for (let n = 1; n < 60; n++) {
      term *= (-x * x) / n;
      sum += term / (2 * n + 1);
    }
    return 1 - (2 / Math.sqrt(Math.PI)) * sum;
  }
  let f = 0;
  for (let k = 60; k > 0; k--) f = k / 2 / (x + f);
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + f);
}
/**
 * Weight and gain of an error r when its σ is unknown between 0 and σmax, all alike likely:  w(r) ∝ Γ(3/2, r²/2σ²max) − Γ(3/2, k²/2),
 * gain(r) = 1 − ∫₀ʳ x w dx / ∫₀ᵏ x w dx. Tables over r² / σ²max in [0, k²].
 * @see Barath, Noskova, Ivashechkin, Matas (2020), MAGSAC++, a fast, reliable and accurate robust estimator, CVPR, eqs. 5–7
 */
const table = (() => {
  const gamma = (x: number) => Math.sqrt(x) * Math.exp(-x) + (Math.sqrt(Math.PI) / 2) * erfc(Math.sqrt(x));
  const end = gamma((cut * cut) / 2);
  const weight = new Float64Array(steps + 2);
  for (let k = 0; k <= steps; k++) weight[k] = Math.max(0, gamma((cut * cut * k) / (2 * steps)) - end);
  const loss = new Float64Array(steps + 2);
  for (let k = 1; k <= steps; k++) loss[k] = loss[k - 1] + 0.5 * (weight[k - 1] + weight[k]); // ∫ x w dx = ½ ∫ w d(x²)
  const [w0, all] = [weight[0], loss[steps]];
  return { weight: weight.map((w) => w / w0), gain: loss.map((l, k) => (k <= steps ? 1 - l / all : 0)) };
})();

/** Σ gains of squared errors; with `weights`, those are written. */
export function marginalGain(errors: Float64Array, sigma: number, weights?: Float64Array): number {
  const by = steps / (cut * cut * sigma * sigma);
  let sum = 0;
  for (let i = 0; i < errors.length; i++) {
    const at = errors[i] * by;
    if (!(at < steps)) {
      if (weights) weights[i] = 0;
      continue;
    }
    const k = Math.floor(at);
    const f = at - k;
    sum += table.gain[k] + f * (table.gain[k + 1] - table.gain[k]);
    if (weights) weights[i] = table.weight[k] + f * (table.weight[k + 1] - table.weight[k]);
  }
  return sum;
}

/**
 * The model with the largest marginal gain over data that may be mostly wrong. Samples come from the best data first (PROSAC: the data must be in the
 * order of their quality) and from all of them in the end; every model that leads is polished by reweighted least squares before it is kept; ends when
 * a better one would have been seen with the confidence asked for.
 * @returns undefined when no sample gave a model
 * @see Chum & Matas (2005), Matching with PROSAC, CVPR; Chum, Matas, Kittler (2003), Locally optimized RANSAC, DAGM; Barath et al. (2020)
 */
export function robustModel<M>(problem: RobustProblem<M>, o: RobustOptions): RobustResult<M> | undefined {
  const { sigma = 2, iterations = 5000, confidence = 0.999, random } = o;
  const { count, sampleSize: m } = problem;
  if (count < m) return undefined;
  let errors = new Float64Array(count);
  let weights = new Float64Array(count);
  let best: { model: M; gain: number; errors: Float64Array; weights: Float64Array } | undefined;
  const sample = new Int32Array(m);
  const judge = (model: M): number => {
    problem.errors(model, errors);
    return marginalGain(errors, sigma, weights);
  };
  const keep = (model: M, gain: number) => {
    best = { model, gain, errors, weights };
    errors = new Float64Array(count);
    weights = new Float64Array(count);
  };
  const polish = () => {
    for (let turn = 0; turn < 10 && best; turn++) {
      const model = problem.refine(best.model, best.weights);
      const gain = model ? judge(model) : Number.NEGATIVE_INFINITY;
      if (!model || !(gain > best.gain)) return;
      const small = gain - best.gain < 1e-4 * best.gain;
      keep(model, gain);
      if (small) return;
    }
  };
  // PROSAC's growth: T samples of all data would hold T'ₙ of the best n only.
  let n = m;
  let drawn = 1;
  let expected = iterations;
  for (let k = 0; k < m; k++) expected *= (n - k) / (count - k);
  let needed = iterations;
  let t = 0;
  for (; t < needed; t++) {
    if (t + 1 >= drawn && n < count) {
      const next = (expected * (n + 1)) / (n + 1 - m);
      drawn += Math.max(1, Math.ceil(next - expected));
      expected = next;
      n++;
    }
    const from = t + 1 >= drawn || n >= count ? count : n;
    // The newest of the best n is in the sample, the others are among those before it.
    const fixed = from === n && n < count && t < drawn;
    for (let k = 0; k < m; k++) {
      let pick: number;
      do pick = fixed && k === 0 ? n - 1 : random.integer(fixed ? n - 1 : from);
      while (sample.subarray(0, k).includes(pick));
      sample[k] = pick;
    }
    for (const model of problem.solve(sample)) {
      const gain = judge(model);
      if (best && gain <= best.gain) continue;
      keep(model, gain);
      polish();
      const share = Math.min(1, (best?.gain ?? 0) / count);
      const chance = share ** m;
      if (chance > 0)
        needed = Math.min(iterations, Math.max(20, Math.ceil(Math.log(1 - confidence) / Math.log(Math.max(1e-300, 1 - chance)))));
    }
  }
  return best && { ...best, iterations: t };
}
