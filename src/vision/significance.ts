import type { Correspondences } from "./estimateHomography.js";

/** log₁₀ n! */
const logFactorial = (() => {
  const table = [0, 0];
  return (n: number): number => {
    for (let k = table.length; k <= n; k++) table.push(table[k - 1] + Math.log10(k));
    return table[n];
  };
})();
const logChoose = (n: number, k: number) => logFactorial(n) - logFactorial(k) - logFactorial(n - k);

/**
 * log₁₀ of the number of false alarms: how many models through four of n pairs with k agreements within a radius are to be expected when the pairs'
 * second places are anywhere in an area by chance:  (n − 4) C(n, k) C(k, 4) p^{k−4},  p = π r² / area, least over k. Places within a pixel of one that
 * has been counted do not count again.
 * @see Moisan & Stival (2004), A probabilistic criterion to detect rigid point matches between two images, IJCV 57(3)
 */
export function logFalseAlarms(pairs: Correspondences, errors: Float64Array, sigma: number, area: number): number {
  const seen = new Set<string>();
  const list: number[] = [];
  const order = Array.from({ length: pairs.count }, (_, i) => i).sort((i, j) => errors[i] - errors[j]);
  for (const i of order) {
    const place = [pairs.a[2 * i], pairs.a[2 * i + 1], pairs.b[2 * i], pairs.b[2 * i + 1]].map((v) => Math.round(v / 3));
    const [one, two] = [`a${place[0]},${place[1]}`, `b${place[2]},${place[3]}`];
    if (seen.has(one) || seen.has(two)) continue;
    seen.add(one).add(two);
    list.push(errors[i]);
  }
  const n = list.length;
  if (n < 6) return 0;
  // Errors are in units of noise: about one pixel of the finest keypoints.
  const floor = (0.5 * sigma) ** 2;
  let best = 0;
  for (let k = 6; k <= n; k++) {
    const r2 = Math.max(floor, list[k - 1]);
    if (r2 > (20 * sigma) ** 2) break;
    const p = Math.min(1, (Math.PI * r2) / area);
    best = Math.min(best, Math.log10(n - 4) + logChoose(n, k) + logChoose(k, 4) + (k - 4) * Math.log10(p));
  }
  return best;
}
