import { median, scope, type Tensor } from "../tensor/index.js";

/**
 * The standard deviation of white noise in an image: the median size of the finest diagonal differences (a − b − c + d)/2 of its last two axes
 * (of (a − b)/√2 for a single axis), over 0.6745. Smooth images add nothing to it; fine texture adds a little.
 * @see Donoho & Johnstone (1994), Biometrika 81 (the median of the finest wavelet coefficients)
 */
export function noiseLevel(image: Tensor): number {
  if (image.size < 2) return 0;
  return scope(() => {
    const real = image.dtype === "c64" || image.dtype === "c128" ? image.real() : image;
    const last = real.rank - 1;
    const differences = (x: Tensor, axis: number) => {
      const n = x.shape[axis];
      const [low, high] = [x.shape.map(() => 0), [...x.shape]];
      const next = [...low];
      next[axis] = 1;
      const end = [...high];
      end[axis] = n - 1;
      return x.slice(next, high).sub(x.slice(low, end)).div(Math.SQRT2);
    };
    let d = real;
    for (const axis of [last, last - 1]) if (axis >= 0 && d.shape[axis] > 1) d = differences(d, axis);
    return median(d.abs().reshape(d.size)).item() / 0.6745;
  });
}
