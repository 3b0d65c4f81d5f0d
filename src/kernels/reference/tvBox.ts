export interface TvBox {
  readonly tau: number;
  readonly low: number;
  readonly high: number;
}
/** x(r) = clamp(v − τ ∇*r) on [rows, columns]; r: planes along the rows' axis, then along x, 0 at the last samples. */
export function tvBoxPrimal(v: ArrayLike<number>, r: ArrayLike<number>, [H, W]: readonly [number, number], o: TvBox): Float64Array {
  const n = H * W;
  return Float64Array.from({ length: n }, (_, k) => {
    const [i, j] = [Math.floor(k / W), k % W];
    const g = (i > 0 ? r[k - W] : 0) - r[k] + (j > 0 ? r[n + k - 1] : 0) - r[n + k];
    return Math.min(o.high, Math.max(o.low, v[k] - o.tau * g));
  });
}
/**
 * A step of accelerated projected gradients on the dual of  min over x in [low, high]  ½‖x − v‖² + τ λ TV(x):
 * p⁺ = P(r + s ∇x(r)), r⁺ = p⁺ + β (p⁺ − p), P the projection of each vector to size λ.
 */
export function tvBoxStep(
  v: ArrayLike<number>,
  r: ArrayLike<number>,
  p: ArrayLike<number>,
  size: readonly [number, number],
  o: TvBox & { readonly s: number; readonly lambda: number; readonly beta: number },
): { readonly p: Float64Array; readonly r: Float64Array } {
  const [H, W] = size;
  const n = H * W;
  const x = tvBoxPrimal(v, r, size, o);
  const [next, ahead] = [new Float64Array(2 * n), new Float64Array(2 * n)];
  for (let k = 0; k < n; k++) {
    const a = r[k] + (k + W < n ? o.s * (x[k + W] - x[k]) : 0);
    const b = r[n + k] + (k % W < W - 1 ? o.s * (x[k + 1] - x[k]) : 0);
    const length = Math.hypot(a, b);
    const c = length > o.lambda ? o.lambda / length : 1;
    next[k] = a * c;
    next[n + k] = b * c;
    ahead[k] = next[k] + o.beta * (next[k] - p[k]);
    ahead[n + k] = next[n + k] + o.beta * (next[n + k] - p[n + k]);
  }
  return { p: next, r: ahead };
}
