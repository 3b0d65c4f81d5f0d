/**
 * The q-quantile of numbers, 0 ≤ q ≤ 1, interpolating linearly between order statistics (position q·(n − 1)); NaN for none.
 * Sorts a copy; NaN values are left out.
 */
export function quantile(values: ArrayLike<number>, q: number): number {
  const sorted = Float64Array.from(values)
    .filter((v) => !Number.isNaN(v))
    .sort();
  return sortedQuantile(sorted, q);
}

/** The same for numbers that are sorted already. */
export function sortedQuantile(sorted: ArrayLike<number>, q: number): number {
  if (sorted.length === 0) return Number.NaN;
  const at = q * (sorted.length - 1);
  const low = Math.floor(at);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low] === sorted[high] ? sorted[low] : sorted[low] + (at - low) * (sorted[high] - sorted[low]);
}
