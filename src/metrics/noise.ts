import { select } from "../core/select.js";
import type { Tensor } from "../tensor/index.js";

/**
 * Standard deviation of the noise, robustly, from second differences along x: edges are few, so the median of their sizes is noise's,
 * σ = median |I(x − 1) − 2 I(x) + I(x + 1)| / (√6 · 0.6745). Exact zeros, the empty background, are left out. From some sixty thousand voxels.
 */
export function noiseLevel(values: Tensor): number {
  const { data, shape } = values;
  const width = shape[shape.length - 1];
  if (width < 3) return 0;
  const step = Math.max(1, Math.floor(data.length / 65536)) | 1;
  const sizes = new Float64Array(Math.ceil(data.length / step));
  let count = 0;
  for (let i = 1; i + 1 < data.length; i += step) {
    const x = i % width;
    if (x === 0 || x === width - 1) continue;
    const size = Math.abs(data[i - 1] - 2 * data[i] + data[i + 1]);
    if (size > 0) sizes[count++] = size;
  }
  if (count === 0) return 0;
  return select(sizes.subarray(0, count), count >> 1) / (Math.sqrt(6) * 0.6745);
}

/** Root mean square of ∇I, central differences over the spacing along the last axes, from some sixty thousand voxels. */
export function gradientLevel(values: Tensor, spacing: readonly number[]): number {
  const { data, shape } = values;
  const step = Math.max(1, Math.floor(data.length / 65536)) | 1;
  let total = 0;
  for (const [a, h] of spacing.entries()) {
    const stride = shape.slice(a + 2).reduce((p, n) => p * n, 1);
    const n = shape[a + 1];
    let [sum, count] = [0, 0];
    for (let i = 0; i < data.length; i += step) {
      const at = Math.floor(i / stride) % n;
      if (at === 0 || at === n - 1) continue;
      sum += ((data[i + stride] - data[i - stride]) / (2 * h)) ** 2;
      count++;
    }
    if (count > 0) total += sum / count;
  }
  return Math.sqrt(total);
}

/** Standard deviation of all values. */
export function deviation({ data }: Tensor): number {
  let [sum, square] = [0, 0];
  for (const v of data) sum += v;
  const mean = sum / data.length;
  for (const v of data) square += (v - mean) ** 2;
  return Math.sqrt(square / Math.max(1, data.length));
}
