import { checkLength, type Lattice, type Samples, sampleCount } from "./lattice.js";

/**
 * Exact Euclidean distance to a set,  d(p) = min { |p − q| : q in the set },  in the units of `spacing`; +∞ everywhere for an empty set.
 * One lower envelope of parabolas per line and axis, so the time is proportional to the number of samples.
 * @param set   non-zero marks a member
 * @returns     distances, x fastest
 * @see Felzenszwalb & Huttenlocher (2012), Distance Transforms of Sampled Functions, Theory of Computing 8
 */
export function distanceTransform(set: Samples, grid: Lattice): Float64Array {
  checkLength("distanceTransform", set, grid);
  const out = new Float64Array(sampleCount(grid));
  for (let i = 0; i < out.length; i++) out[i] = set[i] ? 0 : Number.POSITIVE_INFINITY;
  let stride = 1;
  for (let axis = 0; axis < grid.size.length; axis++) {
    lowerEnvelope(out, grid.size[axis], stride, grid.spacing[axis]);
    stride *= grid.size[axis];
  }
  for (let i = 0; i < out.length; i++) out[i] = Math.sqrt(out[i]);
  return out;
}

/** f(x) ← min_q (h (x − q))² + f(q) along every line of the axis with this stride. */
function lowerEnvelope(values: Float64Array, length: number, stride: number, h: number): void {
  const line = new Float64Array(length);
  const at = new Int32Array(length);
  const from = new Float64Array(length + 1);
  const lines = length === 0 ? 0 : values.length / length;
  for (let l = 0; l < lines; l++) {
    const start = Math.floor(l / stride) * stride * length + (l % stride);
    let k = -1;
    for (let q = 0; q < length; q++) {
      const f = values[start + q * stride];
      line[q] = f;
      if (f === Number.POSITIVE_INFINITY) continue;
      let s = Number.NEGATIVE_INFINITY;
      while (k >= 0) {
        const v = at[k];
        s = ((f - line[v]) / (h * h) + q * q - v * v) / (2 * (q - v));
        if (s > from[k]) break;
        k--;
      }
      if (k < 0) s = Number.NEGATIVE_INFINITY;
      k++;
      at[k] = q;
      from[k] = s;
      from[k + 1] = Number.POSITIVE_INFINITY;
    }
    if (k < 0) continue;
    let j = 0;
    for (let x = 0; x < length; x++) {
      while (from[j + 1] < x) j++;
      const dx = h * (x - at[j]);
      values[start + x * stride] = dx * dx + line[at[j]];
    }
  }
}
