/** What lies beyond the image: its border values again, or zeros. */
export type Border = "replicate" | "zero";
/** Extent of a volume along z, y, x; a plane has depth 1. */
export type Size3 = readonly [number, number, number];

/**
 * One side of a normalised sampled Gaussian, w_k = exp(−k² / 2σ²) / Σ_j exp(−j² / 2σ²), k = 0 … R, R = ⌈truncate · σ⌉.
 * σ in samples; σ = 0 gives [1].
 */
export function gaussianWeights(sigma: number, truncate = 4): Float64Array {
  const radius = sigma > 0 ? Math.ceil(truncate * sigma) : 0;
  const w = Float64Array.from({ length: radius + 1 }, (_, k) => (k === 0 ? 1 : Math.exp((-k * k) / (2 * sigma * sigma))));
  const total = w.reduce((sum, v, k) => sum + (k === 0 ? v : 2 * v), 0);
  return w.map((v) => v / total);
}

/**
 * Plain twin of `gaussian3`: out = F_z F_y F_x input for every volume, (F x)_i = Σ_k w_|k| x_{i+k} along one axis;
 * with `adjoint`, F_xᵀ F_yᵀ F_zᵀ. The zero border is its own adjoint.
 * @param weights one side of the symmetric filter for z, y, x; a single weight skips the axis
 */
export function symmetricFilter(
  input: ArrayLike<number>,
  out: { [i: number]: number },
  volumes: number,
  size: Size3,
  weights: readonly [ArrayLike<number>, ArrayLike<number>, ArrayLike<number>],
  border: Border,
  adjoint = false,
): void {
  const total = volumes * size[0] * size[1] * size[2];
  let a = Float64Array.from({ length: total }, (_, i) => input[i]);
  for (let axis = 0; axis < 3; axis++) {
    const n = size[axis];
    const w = weights[axis];
    if (w.length === 1) continue;
    const stride = axis === 0 ? size[1] * size[2] : axis === 1 ? size[2] : 1;
    const b = new Float64Array(total);
    for (let i = 0; i < total; i++) {
      const at = Math.floor(i / stride) % n;
      for (let k = 1 - w.length; k < w.length; k++) {
        const v = at + k;
        const inside = v >= 0 && v < n;
        if (!inside && border === "zero") continue;
        const j = i + ((inside ? v : v < 0 ? 0 : n - 1) - at) * stride;
        if (adjoint) b[j] += w[Math.abs(k)] * a[i];
        else b[i] += w[Math.abs(k)] * a[j];
      }
    }
    a = b;
  }
  for (let i = 0; i < total; i++) out[i] = a[i];
}
