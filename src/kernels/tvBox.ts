import type { Engine } from "./engine.js";
import type { TvBox } from "./reference/tvBox.js";

export type { TvBox } from "./reference/tvBox.js";

const grain = (H: number, W: number) => Math.max(1, Math.min(Math.ceil(H / 4), Math.floor(2 ** 14 / Math.max(1, W))));

/** x = clamp(v − τ ∇*r); pointers to f32, see the twin. */
export function tvBoxPrimal(e: Engine, v: number, r: number, x: number, [H, W]: readonly [number, number], o: TvBox): void {
  if (H * W > 0) e.parallel("tvBoxPrimal", [v, r, x, H, W, o.tau, o.low, o.high], { extent: H, grain: grain(H, W) });
}
/** One dual step: r to `ahead` (another block), p in place. */
export function tvBoxStep(
  e: Engine,
  v: number,
  r: number,
  p: number,
  ahead: number,
  [H, W]: readonly [number, number],
  o: TvBox & { readonly s: number; readonly lambda: number; readonly beta: number },
): void {
  if (H * W > 0)
    e.parallel("tvBoxStep", [v, r, p, ahead, H, W, o.tau, o.low, o.high, o.s, o.lambda, o.beta], {
      extent: H,
      grain: grain(H, W),
      workspace: 8 * (W + 8),
    });
}
