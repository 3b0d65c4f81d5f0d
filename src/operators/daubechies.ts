import { ArgumentError } from "../core/errors.js";

/** Haar's wavelet and Daubechies's with up to eight vanishing moments. */
export const waveletNames = ["haar", "db1", "db2", "db3", "db4", "db5", "db6", "db7", "db8"] as const;
/** A name in `waveletNames`. */
export type WaveletName = (typeof waveletNames)[number];
const known = new Map<number, Float64Array>();

/**
 * Daubechies' low-pass filter h of p vanishing moments and 2p taps, Σ h = √2, Σ_k h_k h_{k+2m} = δ_m; the one whose zeros lie inside the unit
 * circle. Computed rather than tabled:  |H|² = 2 cos^{2p}(ω/2) P(sin²(ω/2)),  P(y) = Σ_{k<p} C(p − 1 + k, k) y^k;  each root y of P gives the zero z
 * of least modulus with y = (2 − z − 1/z) / 4.
 * @see Daubechies (1988), Orthonormal bases of compactly supported wavelets, Communications on Pure and Applied Mathematics 41
 * @throws ArgumentError for a name that is none of these
 */
export function daubechies(name: WaveletName): Float64Array {
  const p = name === "haar" ? 1 : Number(/^db([1-8])$/.exec(name)?.[1]);
  if (!(p >= 1)) throw new ArgumentError(`wavelet: "${name}" is not known; give one of ${waveletNames.join(", ")}`, { name });
  let h = known.get(p);
  if (!h) {
    h = filter(p);
    known.set(p, h);
  }
  return h;
}
/** The high-pass filter that goes with it, g_j = (−1)^j h_{n−1−j}. */
export const mirrorFilter = (h: Float64Array): Float64Array => h.map((_, j) => (j % 2 === 0 ? 1 : -1) * h[h.length - 1 - j]);

type Complex = readonly [number, number];
const times = (a: Complex, b: Complex): Complex => [a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]];
const over = (a: Complex, b: Complex): Complex => {
  const d = b[0] * b[0] + b[1] * b[1];
  return [(a[0] * b[0] + a[1] * b[1]) / d, (a[1] * b[0] - a[0] * b[1]) / d];
};
const minus = (a: Complex, b: Complex): Complex => [a[0] - b[0], a[1] - b[1]];

function filter(p: number): Float64Array {
  const coefficients: number[] = [1];
  for (let k = 1; k < p; k++) coefficients.push((coefficients[k - 1] * (p - 1 + k)) / k);
  let product: Complex[] = [[1, 0]];
  const multiply = (zero: Complex) => {
    const next: Complex[] = [...product.map((): Complex => [0, 0]), [0, 0]];
    product.forEach((c, i) => {
      const t = times(c, zero);
      next[i] = minus(next[i], t);
      next[i + 1] = [next[i + 1][0] + c[0], next[i + 1][1] + c[1]];
    });
    product = next;
  };
  for (let k = 0; k < p; k++) multiply([-1, 0]);
  for (const y of roots(coefficients)) {
    // z + 1/z = 2 − 4y =: 2b, so z = b ± √(b² − 1).
    const b: Complex = [1 - 2 * y[0], -2 * y[1]];
    const s = root(minus(times(b, b), [1, 0]));
    const [z1, z2]: Complex[] = [
      [b[0] + s[0], b[1] + s[1]],
      [b[0] - s[0], b[1] - s[1]],
    ];
    multiply(Math.hypot(...z1) < Math.hypot(...z2) ? z1 : z2);
  }
  const h = Float64Array.from(product, (c) => c[0]).reverse();
  const total = h.reduce((s, v) => s + v, 0);
  return h.map((v) => (v * Math.SQRT2) / total);
}
function root([re, im]: Complex): Complex {
  const r = Math.hypot(re, im);
  const a = Math.sqrt((r + re) / 2);
  const b = Math.sqrt(Math.max(0, (r - re) / 2));
  return [a, im < 0 ? -b : b];
}
/** All roots of Σ c_k y^k by the iteration of Weierstrass and Durand–Kerner: the degrees here are 7 and less, the roots simple. */
function roots(c: readonly number[]): Complex[] {
  const n = c.length - 1;
  const at = (y: Complex): Complex => {
    let v: Complex = [c[n], 0];
    for (let k = n - 1; k >= 0; k--) {
      const t = times(v, y);
      v = [t[0] + c[k], t[1]];
    }
    return over(v, [c[n], 0]);
  };
  let z: Complex[] = Array.from({ length: n }, (_, k) => [0.6 * Math.cos(2.4 * k + 0.4), 0.6 * Math.sin(2.4 * k + 0.4)]);
  for (let step = 0; step < 500; step++) {
    let most = 0;
    z = z.map((y, k) => {
      let d: Complex = [1, 0];
      z.forEach((w, j) => {
        if (j !== k) d = times(d, minus(y, w));
      });
      const change = over(at(y), d);
      most = Math.max(most, Math.hypot(...change));
      return minus(y, change);
    });
    if (most < 1e-16) break;
  }
  return z;
}
