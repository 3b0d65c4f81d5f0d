import type { Engine } from "./engine.js";

/** out = m · ∇*∇x, differences 0 beyond the border; addresses of floats, m: 0 for ones. Returns Σ other · out (other: 0 for none). Size [(D, (H,)) W]. */
export function laplacian(e: Engine, x: number, out: number, size: readonly number[], m = 0, other = 0): number {
  const d = size.length;
  const [D, H, W] = d === 3 ? size : d === 2 ? [size[0], 1, size[1]] : [1, 1, size[0]];
  if (H * W === 0) return 0;
  return e.parallel("laplacian", [x, out, m, other, D, H, W, d], { extent: D, grain: Math.max(1, Math.floor(32_768 / (H * W))) });
}
const grain = 32_768;
/** x += α p, r −= α q; returns Σ r². */
export const conjugateStep = (e: Engine, x: number, r: number, p: number, q: number, alpha: number, n: number): number =>
  e.parallel("conjugateStep", [x, r, p, q, alpha], { extent: n, grain });
/** p = r + β p. */
export const conjugateDirection = (e: Engine, p: number, r: number, beta: number, n: number): void => {
  e.parallel("conjugateDirection", [p, r, beta], { extent: n, grain });
};
