/**
 * One minus the correlation ratio of a joint histogram H[f, w] with cubic B-spline windows, and its slope with respect to each entry, Σ H held:
 *   D = (Q − Σ_f S_f² / N_f) / (Q − S² / N),  N_f = Σ_w H[f, w],  S_f = Σ_w w H[f, w],  Q = Σ w² H − N / 3,
 * w the numbers of the warped image's bins. Such windows reproduce sums of values exactly, and sums of squares but for a third for every sample.
 * A warped image without variance, or an empty histogram, has D = 1 and no slope.
 */
export function correlationRatio(H: ArrayLike<number>, bins: number): { readonly value: number; readonly slopes: Float64Array } {
  const slopes = new Float64Array(bins * bins);
  const [counts, sums] = [new Float64Array(bins), new Float64Array(bins)];
  let squares = 0;
  for (let a = 0, i = 0; a < bins; a++)
    for (let b = 0; b < bins; b++, i++) {
      counts[a] += H[i];
      sums[a] += b * H[i];
      squares += b * b * H[i];
    }
  const N = counts.reduce((s, v) => s + v, 0);
  const mean = N > 0 ? sums.reduce((s, v) => s + v, 0) / N : 0;
  const variance = N > 0 ? squares / N - 1 / 3 - mean * mean : 0;
  if (!(variance > 1e-12)) return { value: 1, slopes };
  const means = sums.map((s, a) => (counts[a] > 0 ? s / counts[a] : 0));
  const within = squares / N - 1 / 3 - sums.reduce((s, v, a) => s + v * means[a], 0) / N;
  const value = within / variance;
  for (let a = 0, i = 0; a < bins; a++)
    for (let b = 0; b < bins; b++, i++)
      slopes[i] = (b * b - 2 * b * means[a] + means[a] ** 2 - value * (b * b - 2 * b * mean)) / (N * variance);
  return { value, slopes };
}
