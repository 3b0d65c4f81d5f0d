/** Steps and weights of one step. */
export interface TgvNumbers {
  readonly tau: number;
  readonly sigma: number;
  readonly lambda: number;
  /** β λ. */
  readonly mu: number;
  /** How far to go: 1, or up to 2 for over-relaxation. */
  readonly rho: number;
}
export interface TgvPlanes {
  /** [H, W]. */
  readonly x: Float64Array;
  /** [2, H, W], along y then x; and the dual of ∇x − w. */
  readonly w: Float64Array;
  readonly p: Float64Array;
  /** [4, H, W]: yy, xy, yx, xx of the dual of E w. */
  readonly q: Float64Array;
}
/**
 * One over-relaxed primal-dual step for  ½ Σ m (x − y)² + λ Σ |∇x − w| + μ Σ |E w|,  in place: forward differences, 0 where they would leave the picture (for
 * E: where one of the slopes would not exist). p and w must be 0 where ∇x is, q where E w is, and stay so.
 */
export function tgvStep(
  s: TgvPlanes,
  y: ArrayLike<number>,
  m: ArrayLike<number> | undefined,
  [H, W]: readonly [number, number],
  o: TgvNumbers,
): void {
  const n = H * W;
  const { x, w, p, q } = s;
  const get = (v: Float64Array, plane: number, i: number, j: number) => (i < 0 || j < 0 ? 0 : v[plane * n + i * W + j]);
  const xb = new Float64Array(n);
  const wb = new Float64Array(2 * n);
  const [xr, wr] = [x.slice(), w.slice()];
  for (let i = 0; i < H; i++)
    for (let j = 0; j < W; j++) {
      const k = i * W + j;
      const g = get(p, 0, i - 1, j) - p[k] + get(p, 1, i, j - 1) - p[n + k];
      const d = o.tau * (m ? m[k] : 1);
      const x1 = (x[k] - o.tau * g + d * y[k]) / (1 + d);
      const ey = get(q, 0, i - 1, j) - q[k] + get(q, 1, i, j - 1) - q[n + k];
      const ex = get(q, 3, i, j - 1) - q[3 * n + k] + get(q, 1, i - 1, j) - q[n + k];
      const w1 = [w[k] - o.tau * (ey - p[k]), w[n + k] - o.tau * (ex - p[n + k])];
      xb[k] = 2 * x1 - x[k];
      xr[k] = x[k] + o.rho * (x1 - x[k]);
      for (const a of [0, 1]) {
        wb[a * n + k] = 2 * w1[a] - w[a * n + k];
        wr[a * n + k] = w[a * n + k] + o.rho * (w1[a] - w[a * n + k]);
      }
    }
  x.set(xr);
  w.set(wr);
  const toward = (v: Float64Array, at: number, to: number) => {
    v[at] += o.rho * (to - v[at]);
  };
  for (let i = 0; i < H; i++)
    for (let j = 0; j < W; j++) {
      const k = i * W + j;
      const a = p[k] + o.sigma * ((i + 1 < H ? xb[k + W] - xb[k] : 0) - wb[k]);
      const b = p[n + k] + o.sigma * ((j + 1 < W ? xb[k + 1] - xb[k] : 0) - wb[n + k]);
      const c = Math.min(1, o.lambda / Math.max(1e-300, Math.hypot(a, b)));
      toward(p, k, a * c);
      toward(p, n + k, b * c);
      const mixed = i + 1 < H && j + 1 < W ? 0.5 * (wb[k + 1] - wb[k] + wb[n + k + W] - wb[n + k]) : 0;
      const yy = q[k] + o.sigma * (i + 2 < H ? wb[k + W] - wb[k] : 0);
      const xy = q[n + k] + o.sigma * mixed;
      const xx = q[3 * n + k] + o.sigma * (j + 2 < W ? wb[n + k + 1] - wb[n + k] : 0);
      const e = Math.min(1, o.mu / Math.max(1e-300, Math.hypot(yy, xx, Math.SQRT2 * xy)));
      toward(q, k, yy * e);
      toward(q, n + k, xy * e);
      q[2 * n + k] = q[n + k];
      toward(q, 3 * n + k, xx * e);
    }
}
