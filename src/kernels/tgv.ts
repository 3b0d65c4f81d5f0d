import type { Engine } from "./engine.js";
import type { TgvNumbers } from "./reference/tgv.js";

export type { TgvNumbers } from "./reference/tgv.js";

/** One step in place, see the twin; addresses of f32. `m` 0: weights of 1. xb and wb: room for one and two planes. */
export function tgvStep(
  e: Engine,
  at: { readonly x: number; readonly w: number; readonly p: number; readonly q: number; readonly xb: number; readonly wb: number },
  y: number,
  m: number,
  [H, W]: readonly [number, number],
  o: TgvNumbers,
): void {
  if (H * W === 0) return;
  const slabs = { extent: H, grain: Math.max(1, Math.min(Math.ceil(H / 4), Math.floor(2 ** 14 / W))) };
  e.parallel("tgvPrimal", [at.x, at.w, at.p, at.q, y, m, at.xb, at.wb, H, W, o.tau, o.rho], slabs);
  e.parallel("tgvDual", [at.xb, at.wb, at.p, at.q, H, W, o.sigma, o.lambda, o.mu, o.rho], slabs);
}
