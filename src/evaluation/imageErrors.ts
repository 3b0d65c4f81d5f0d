import { checkPair, type Samples } from "./lattice.js";

/** Root mean square error  √( Σᵢ wᵢ (aᵢ − bᵢ)² / Σᵢ wᵢ ),  w = 1 where the mask is non-zero. */
export function rmse(a: Samples, b: Samples, mask?: Samples): number {
  return Math.sqrt(mean(a, b, (x, y) => (x - y) ** 2, mask));
}

/** Mean absolute error  Σᵢ wᵢ |aᵢ − bᵢ| / Σᵢ wᵢ. */
export function mae(a: Samples, b: Samples, mask?: Samples): number {
  return mean(a, b, (x, y) => Math.abs(x - y), mask);
}

/** Peak signal-to-noise ratio  10 log₁₀( peak² / mean (a − b)² )  in dB; +∞ for equal images. */
export function psnr(a: Samples, b: Samples, { peak = 1, mask }: { peak?: number; mask?: Samples } = {}): number {
  return 10 * Math.log10(peak ** 2 / mean(a, b, (x, y) => (x - y) ** 2, mask));
}

function mean(a: Samples, b: Samples, f: (x: number, y: number) => number, mask?: Samples): number {
  checkPair("error", a, b);
  let sum = 0;
  let count = 0;
  for (let i = 0; i < a.length; i++) {
    if (mask && !mask[i]) continue;
    sum += f(a[i], b[i]);
    count++;
  }
  return sum / count;
}

/**
 * Correlation coefficient  Σ (a − ā)(b − b̄) / √( Σ (a − ā)² Σ (b − b̄)² ),  in [−1, 1]; 0 when either image is constant.
 */
export function correlation(a: Samples, b: Samples, mask?: Samples): number {
  checkPair("correlation", a, b);
  let n = 0;
  let ma = 0;
  let mb = 0;
  let aa = 0;
  let bb = 0;
  let ab = 0;
  for (let i = 0; i < a.length; i++) {
    if (mask && !mask[i]) continue;
    n++;
    const da = a[i] - ma;
    const db = b[i] - mb;
    ma += da / n;
    mb += db / n;
    aa += da * (a[i] - ma);
    bb += db * (b[i] - mb);
    ab += da * (b[i] - mb);
  }
  return aa > 0 && bb > 0 ? ab / Math.sqrt(aa * bb) : 0;
}
