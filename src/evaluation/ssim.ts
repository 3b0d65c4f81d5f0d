import { ArgumentError } from "../core/errors.js";
import { checkLength, checkPair, type Lattice, type Samples } from "./lattice.js";

const radius = 5;
const weights = (() => {
  const w = Array.from({ length: 2 * radius + 1 }, (_, k) => Math.exp(-((k - radius) ** 2) / (2 * 1.5 * 1.5)));
  const sum = w.reduce((s, v) => s + v, 0);
  return w.map((v) => v / sum);
})();

/**
 * Structural similarity,  mean of  (2 μa μb + C₁)(2 σab + C₂) / ((μa² + μb² + C₁)(σa² + σb² + C₂)),
 * local moments under a Gaussian window of 11 samples per axis, σ = 1.5, biased (weights sum to one), C₁ = (0.01 peak)², C₂ = (0.03 peak)²;
 * the mean leaves out a border of 5 samples, where the window would stick out.
 * @param grid  2-D or 3-D, every axis at least 11 samples
 * @see Wang, Bovik, Sheikh & Simoncelli (2004), Image Quality Assessment: From Error Visibility to Structural Similarity, IEEE TIP 13
 */
export function ssim(a: Samples, b: Samples, grid: Lattice, { peak = 1 }: { peak?: number } = {}): number {
  checkPair("ssim", a, b);
  checkLength("ssim", a, grid);
  if (grid.size.some((s) => s < 2 * radius + 1))
    throw new ArgumentError(
      `ssim: the window is 11 samples wide but the image is ${grid.size.join("×")}; give an image of at least 11 samples per axis`,
      {
        size: grid.size,
      },
    );
  const n = a.length;
  const make = (f: (i: number) => number) =>
    window(
      Float64Array.from({ length: n }, (_, i) => f(i)),
      grid.size,
    );
  const ma = make((i) => a[i]);
  const mb = make((i) => b[i]);
  const aa = make((i) => a[i] * a[i]);
  const bb = make((i) => b[i] * b[i]);
  const ab = make((i) => a[i] * b[i]);
  const c1 = (0.01 * peak) ** 2;
  const c2 = (0.03 * peak) ** 2;
  let sum = 0;
  for (let i = 0; i < ma.length; i++) {
    const va = aa[i] - ma[i] * ma[i];
    const vb = bb[i] - mb[i] * mb[i];
    const cov = ab[i] - ma[i] * mb[i];
    sum += ((2 * ma[i] * mb[i] + c1) * (2 * cov + c2)) / ((ma[i] * ma[i] + mb[i] * mb[i] + c1) * (va + vb + c2));
  }
  return sum / ma.length;
}

/** Weighted sums over the window, only where it fits: every axis gets 10 samples shorter. */
function window(values: Float64Array, size: readonly number[]): Float64Array {
  let current = values;
  const now = [...size];
  for (let axis = 0; axis < size.length; axis++) {
    const stride = now.slice(0, axis).reduce((s, v) => s * v, 1);
    const length = now[axis];
    const shorter = length - 2 * radius;
    const outer = current.length / (stride * length);
    const next = new Float64Array(outer * shorter * stride);
    for (let o = 0; o < outer; o++)
      for (let x = 0; x < shorter; x++)
        for (let s = 0; s < stride; s++) {
          let v = 0;
          for (let k = 0; k <= 2 * radius; k++) v += weights[k] * current[(o * length + x + k) * stride + s];
          next[(o * shorter + x) * stride + s] = v;
        }
    current = next;
    now[axis] = shorter;
  }
  return current;
}
