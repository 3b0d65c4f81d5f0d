type Numbers = ArrayLike<number>;

/** The plane [H, W] at the projections of (column, row) of an h × w lattice by nine numbers, bilinear; 0 outside, where `valid` is 0 too. */
export function projectiveSample(
  plane: Numbers,
  H: number,
  W: number,
  map: Numbers,
  h: number,
  w: number,
): { values: Float64Array; valid: Uint8Array } {
  const values = new Float64Array(h * w);
  const valid = new Uint8Array(h * w);
  for (let y = 0, k = 0; y < h; y++)
    for (let x = 0; x < w; x++, k++) {
      const z = map[6] * x + map[7] * y + map[8];
      const px = (map[0] * x + map[1] * y + map[2]) / z;
      const py = (map[3] * x + map[4] * y + map[5]) / z;
      if (!(z > 0 && px >= 0 && py >= 0 && px <= W - 1 && py <= H - 1)) continue;
      const [ix, iy] = [Math.min(W - 2, Math.floor(px)), Math.min(H - 2, Math.floor(py))];
      const at = iy * W + ix;
      const [fx, fy] = [px - ix, py - iy];
      const top = plane[at] + fx * (plane[at + 1] - plane[at]);
      const bottom = plane[at + W] + fx * (plane[at + W + 1] - plane[at + W]);
      values[k] = top + fy * (bottom - top);
      valid[k] = 1;
    }
  return { values, valid };
}
/** Σ w Jp Jq for q ≤ p, row by row, and Σ w Jp r. J: K planes of n. */
export function weightedSystem(J: Numbers, n: number, K: number, r: Numbers, w: Numbers): { matrix: Float64Array; right: Float64Array } {
  const matrix = new Float64Array((K * (K + 1)) / 2);
  const right = new Float64Array(K);
  for (let p = 0, at = 0; p < K; p++) {
    for (let i = 0; i < n; i++) right[p] += w[i] * J[p * n + i] * r[i];
    for (let q = 0; q <= p; q++, at++) for (let i = 0; i < n; i++) matrix[at] += w[i] * J[p * n + i] * J[q * n + i];
  }
  return { matrix, right };
}
/**
 * r = gain x + bias − y where v is not 0, else 0; w = v m ρ'(r) / 2r for the loss ρ: r² (none), r² up to k and k (2|r| − k) beyond (Huber),
 * k²/3 (1 − (1 − r²/k²)³) up to k and k²/3 beyond (Tukey). `sums`: Σ v m, Σ v m ρ, Σ w, Σ w x, Σ w y, Σ w x², Σ w x y, Σ w y².
 * @see Huber (1964), Ann. Math. Stat. 35; Beaton & Tukey (1974), Technometrics 16
 */
export function robustResidual(
  { x, y, v, m }: { readonly x: Numbers; readonly y: Numbers; readonly v: Numbers; readonly m?: Numbers },
  { gain, bias, k, kind }: { readonly gain: number; readonly bias: number; readonly k: number; readonly kind: "none" | "huber" | "tukey" },
): { r: Float64Array; w: Float64Array; sums: Float64Array } {
  const r = new Float64Array(x.length);
  const w = new Float64Array(x.length);
  const sums = new Float64Array(8);
  for (let i = 0; i < x.length; i++) {
    if (v[i] === 0) continue;
    const d = gain * x[i] + bias - y[i];
    const a = Math.abs(d);
    const t = Math.max(0, 1 - (a / k) ** 2);
    const weight = kind === "tukey" ? t * t : kind === "huber" && a > k ? k / a : 1;
    const loss = kind === "tukey" ? ((k * k) / 3) * (1 - t ** 3) : kind === "huber" && a > k ? k * (2 * a - k) : a * a;
    const c = m ? m[i] : 1;
    r[i] = d;
    w[i] = c * weight;
    for (const [j, s] of [c, c * loss, w[i], w[i] * x[i], w[i] * y[i], w[i] * x[i] ** 2, w[i] * x[i] * y[i], w[i] * y[i] ** 2].entries())
      sums[j] += s;
  }
  return { r, w, sums };
}
/** g_x Fx_k + g_y Fy_k, K planes of h × w; gradients by central differences, one-sided at the border. */
export function steepestRows(plane: Numbers, h: number, w: number, fx: Numbers, fy: Numbers, K: number): Float64Array {
  const out = new Float64Array(K * h * w);
  const slope = (k: number, i: number, n: number, step: number) =>
    (plane[i < n - 1 ? k + step : k] - plane[i > 0 ? k - step : k]) * (i > 0 && i < n - 1 ? 0.5 : 1);
  for (let y = 0, i = 0; y < h; y++)
    for (let x = 0; x < w; x++, i++)
      for (let k = 0; k < K; k++) out[k * h * w + i] = slope(i, x, w, 1) * fx[k * h * w + i] + slope(i, y, h, w) * fy[k * h * w + i];
  return out;
}
