import type { Engine } from "./engine.js";

/** The plane [H, W] at byte address `plane`, seen through the nine f32 at `map`, on an h × w lattice: into `out`, 1 and 0 into `valid`. See the twin. */
export function projectiveSample(
  e: Engine,
  plane: number,
  [H, W]: readonly [number, number],
  map: number,
  out: number,
  valid: number,
  [h, w]: readonly [number, number],
): void {
  e.parallel("projectiveSample", [plane, H, W, map, out, valid, w], { extent: h, grain: Math.max(1, Math.ceil(16384 / w)) });
}

/** Samples from one plane of columns to the next: n, brought to whole vectors. */
export const columnStride = (n: number): number => (n + 3) & ~3;
/** Bytes of scratch memory that `weightedSystem` wants for sums. */
export const systemBytes = (e: Engine, n: number, K: number): number =>
  8 * ((K * (K + 1)) / 2 + K) * Math.max(1, Math.ceil(n / e.call("systemBlock")));

/**
 * Σ w Jp Jq (lower triangle, row by row; zeros when `matrix` is false) and Σ w Jp r of columns J [K, columnStride(n)]; see the twin. Planes, r and w must be 0
 * between n and columnStride(n). `sums`: address of systemBytes.
 */
export function weightedSystem(
  e: Engine,
  J: number,
  n: number,
  K: number,
  r: number,
  w: number,
  sums: number,
  matrix = true,
): { readonly matrix: Float64Array; readonly right: Float64Array } {
  const each = (K * (K + 1)) / 2 + K;
  const blocks = Math.ceil(n / e.call("systemBlock"));
  e.parallel("weightedSystem", [J, n, columnStride(n), K, r, w, matrix ? 1 : 0, sums], {
    extent: blocks,
    grain: 4,
    workspace: e.call("weightedSystemWorkspace"),
  });
  const all = e.f64(sums, each * blocks);
  const total = new Float64Array(each);
  for (let b = 0; b < blocks; b++) for (let k = matrix ? 0 : each - K; k < each; k++) total[k] += all[b * each + k];
  return { matrix: total.subarray(0, each - K), right: total.subarray(each - K) };
}

export const residualKinds = ["none", "huber", "tukey"] as const;
/** Sums over the samples that count: how many, Σ loss, Σ w, Σ w x, Σ w y, Σ w x², Σ w x y, Σ w y². */
export type ResidualSums = Float64Array;
/** Bytes of scratch memory that `robustResidual` wants for sums. */
export const residualBytes = (e: Engine, n: number): number => 64 * Math.max(1, Math.ceil(n / e.call("systemBlock")));
/**
 * r = gain x + bias − y and its robust weight w over n samples, with what a regression of y on x needs; see the twin. Addresses of planes of columnStride(n), v 0
 * beyond n; `m` 0: everything counts. `sums`: address of residualBytes.
 */
export function robustResidual(
  e: Engine,
  planes: { readonly x: number; readonly y: number; readonly v: number; readonly m: number; readonly r: number; readonly w: number },
  n: number,
  {
    gain,
    bias,
    k,
    kind,
  }: { readonly gain: number; readonly bias: number; readonly k: number; readonly kind: (typeof residualKinds)[number] },
  sums: number,
): ResidualSums {
  const { x, y, v, m, r, w } = planes;
  const blocks = Math.ceil(n / e.call("systemBlock"));
  e.parallel("robustResidual", [x, y, v, m, n, gain, bias, k, residualKinds.indexOf(kind), r, w, sums], { extent: blocks, grain: 16 });
  const all = e.f64(sums, 8 * blocks);
  const total = new Float64Array(8);
  for (let i = 0; i < all.length; i++) total[i & 7] += all[i];
  return total;
}

/** J_k = g_x Fx_k + g_y Fy_k of the plane [h, w]; J, fx, fy: planes of columnStride(h w). See the twin. */
export function steepestRows(
  e: Engine,
  plane: number,
  [h, w]: readonly [number, number],
  fx: number,
  fy: number,
  K: number,
  J: number,
): void {
  e.parallel("steepestRows", [plane, h, w, fx, fy, K, columnStride(h * w), J], { extent: h, grain: Math.max(1, Math.ceil(8192 / w)) });
}
