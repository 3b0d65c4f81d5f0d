/** mattes: mutual information; nmi: normalised mutual information. */
export type InformationKind = "mattes" | "nmi";
/** How the fixed image falls into bins: one bin, two (linear) or four (cubic B-spline). The warped image always takes four. */
export type FixedOrder = 0 | 1 | 3;
export interface HistogramOptions {
  /** Bins for each image, 4 … 256. */
  readonly bins: number;
  readonly order: FixedOrder;
  /** Values of the first and the last bin, [of warped, of fixed]; values beyond count as these and have no slope. */
  readonly range: readonly [readonly [number, number], readonly [number, number]];
}
type Numbers = ArrayLike<number>;

/** Low end and scale: s = (v − low)·scale runs from 0 to 1 over the range. */
export const scaling = ([low, high]: readonly [number, number]): readonly [number, number] => [low, high > low ? 1 / (high - low) : 0];

const cubic = (t: number) => [(1 - t) ** 3 / 6, (4 - 6 * t * t + 3 * t ** 3) / 6, (1 + 3 * t + 3 * t * t - 3 * t ** 3) / 6, t ** 3 / 6];
const cubicSlope = (t: number) => [-((1 - t) ** 2) / 2, -2 * t + 1.5 * t * t, 0.5 + t - 1.5 * t * t, (t * t) / 2];

/** First bin, weights and slopes (with respect to the value) of one value. */
export function spread(v: number, range: readonly [number, number], bins: number, order: FixedOrder) {
  const [low, scale] = scaling(range);
  const raw = (v - low) * scale;
  const s = Math.min(1, Math.max(0, raw));
  const cells = order === 0 ? bins : order === 1 ? bins - 1 : bins - 3;
  const first = Math.min(Math.floor(s * cells), cells - 1);
  const t = s * cells - first;
  const weights = order === 0 ? [1] : order === 1 ? [1 - t, t] : cubic(t);
  const slopes = order === 0 ? [0] : order === 1 ? [-1, 1] : cubicSlope(t);
  const chain = raw === s ? scale * cells : 0;
  return { first, weights, slopes: slopes.map((x) => x * chain) };
}

/** Plain twin of `jointHistogram`: H[a, b] = Σᵢ wᵢ β_a(fixedᵢ) β_b(warpedᵢ), row-major, the fixed image's bins are rows. */
export function jointHistogram(warped: Numbers, fixed: Numbers, mask: Numbers | undefined, o: HistogramOptions): Float64Array {
  const { bins, order, range } = o;
  const H = new Float64Array(bins * bins);
  for (let i = 0; i < warped.length; i++) {
    const m = spread(warped[i], range[0], bins, 3);
    const f = spread(fixed[i], range[1], bins, order);
    const w = mask ? mask[i] : 1;
    for (const [k, a] of f.weights.entries()) for (const [l, b] of m.weights.entries()) H[(f.first + k) * bins + m.first + l] += w * a * b;
  }
  return H;
}

/** Plain twin of `jointGradient`: the derivative of Σ T·H with respect to every value of one of the images. */
export function jointGradient(
  warped: Numbers,
  fixed: Numbers,
  mask: Numbers | undefined,
  table: Numbers,
  of: "warped" | "fixed",
  o: HistogramOptions,
): Float64Array {
  const { bins, order, range } = o;
  return Float64Array.from({ length: warped.length }, (_, i) => {
    const m = spread(warped[i], range[0], bins, 3);
    const f = spread(fixed[i], range[1], bins, order);
    let sum = 0;
    for (let k = 0; k < f.weights.length; k++)
      for (let l = 0; l < 4; l++) {
        const w = of === "warped" ? f.weights[k] * m.slopes[l] : f.slopes[k] * m.weights[l];
        sum += w * table[(f.first + k) * bins + m.first + l];
      }
    return sum * (mask ? mask[i] : 1);
  });
}

/**
 * From a joint histogram its information and the slope with respect to each of its entries, for p = H / Σ H with Σ H held:
 *  mattes  I = Σ p log(p / p_f p_w),      ∂I/∂p = log(p / p_f p_w) − 1
 *  nmi     N = (h_f + h_w) / h,           h = −Σ p log p, h_f and h_w of the margins
 * A constant of the slopes is of no matter (weights sum to 1 for every sample); empty entries get slope 0. An empty histogram gives 0.
 */
export function information(H: Numbers, bins: number, kind: InformationKind): { readonly value: number; readonly slopes: Float64Array } {
  let total = 0;
  for (let i = 0; i < bins * bins; i++) total += H[i];
  const slopes = new Float64Array(bins * bins);
  if (!(total > 0)) return { value: 0, slopes };
  const f = new Float64Array(bins);
  const m = new Float64Array(bins);
  for (let a = 0, i = 0; a < bins; a++)
    for (let b = 0; b < bins; b++, i++) {
      f[a] += H[i] / total;
      m[b] += H[i] / total;
    }
  const plogp = (p: number) => (p > 0 ? p * Math.log(p) : 0);
  let joint = 0;
  for (let i = 0; i < bins * bins; i++) joint -= plogp(H[i] / total);
  const ofFixed = -f.reduce((s, p) => s + plogp(p), 0);
  const ofWarped = -m.reduce((s, p) => s + plogp(p), 0);
  const flat = joint < 1e-12; // everything in one bin: nothing to share
  const [logF, logM] = [f.map(Math.log), m.map(Math.log)];
  for (let a = 0, i = 0; a < bins; a++)
    for (let b = 0; b < bins; b++, i++) {
      if (!(H[i] > 0)) continue;
      const lf = logF[a];
      const lm = logM[b];
      const lj = Math.log(H[i] / total);
      if (kind === "mattes") slopes[i] = (lj - lf - lm - 1) / total;
      else if (!flat) slopes[i] = (-(lf + 1) - (lm + 1) + ((ofFixed + ofWarped) / joint) * (lj + 1)) / (joint * total);
    }
  return { value: kind === "mattes" ? ofFixed + ofWarped - joint : flat ? 1 : (ofFixed + ofWarped) / joint, slopes };
}
