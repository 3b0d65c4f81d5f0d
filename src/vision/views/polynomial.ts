const valueAt = (c: readonly number[], x: number): number => {
  let v = 0;
  for (let k = c.length - 1; k >= 0; k--) v = v * x + c[k];
  return v;
};

/**
 * The real roots of  c₀ + c₁ x + … + cₙ xⁿ,  smallest first, by isolation: between the roots of the derivative a polynomial is monotone, so each change of
 * sign holds one root, closed in by bisection and Newton steps. Roots that only touch zero may be missed.
 */
export function realRoots(coefficients: readonly number[]): number[] {
  const largest = Math.max(...coefficients.map(Math.abs));
  if (!(largest > 0) || !Number.isFinite(largest)) return [];
  const c = coefficients.map((v) => v / largest);
  while (c.length > 1 && Math.abs(c[c.length - 1]) < 1e-28) c.pop();
  const n = c.length - 1;
  if (n < 1) return [];
  if (n === 1) return [-c[0] / c[1]];
  if (n === 2) {
    const [a, b, d] = [c[2], c[1], c[0]];
    const s = b * b - 4 * a * d;
    if (s < 0) return [];
    const q = -0.5 * (b + (b < 0 ? -1 : 1) * Math.sqrt(s));
    return (q === 0 ? [0, 0] : [q / a, d / q]).sort((x, y) => x - y);
  }
  const slope = c.slice(1).map((v, k) => (k + 1) * v);
  // Cauchy's bound.
  const bound = 1 + Math.max(...c.slice(0, n).map((v) => Math.abs(v / c[n])));
  const ends = [-bound, ...realRoots(slope).filter((x) => Math.abs(x) < bound), bound];
  const roots: number[] = [];
  for (let k = 0; k + 1 < ends.length; k++) {
    let [low, high] = [ends[k], ends[k + 1]];
    const [atLow, atHigh] = [valueAt(c, low), valueAt(c, high)];
    if (atLow === 0) {
      if (roots[roots.length - 1] !== low) roots.push(low);
      continue;
    }
    if (atLow > 0 === atHigh > 0) continue;
    let x = 0.5 * (low + high);
    for (let turn = 0; turn < 200; turn++) {
      const v = valueAt(c, x);
      if (v > 0 === atLow > 0) low = x;
      else high = x;
      const newton = x - v / valueAt(slope, x);
      const next = newton > low && newton < high ? newton : 0.5 * (low + high);
      if (Math.abs(next - x) <= 1e-13 * Math.abs(x) || v === 0) break;
      x = next;
    }
    roots.push(x);
  }
  return roots;
}
/** The product of two polynomials, lowest power first. */
export function multiplied(a: readonly number[], b: readonly number[]): number[] {
  const out = new Array<number>(a.length + b.length - 1).fill(0);
  for (let i = 0; i < a.length; i++) for (let j = 0; j < b.length; j++) out[i + j] += a[i] * b[j];
  return out;
}
