import { ArgumentError } from "../core/errors.js";
import type { Engine } from "./engine.js";
import type { Size3 } from "./reference/gaussian.js";
import type { NgfOptions } from "./reference/ngf.js";

export { type NgfOptions, ngfChannelCount } from "./reference/ngf.js";

function channels(e: Engine, image: number, g: number, out: number, volumes: number, size: Size3, o: NgfOptions): void {
  const [D, H, W] = size;
  if (!(o.edge > 0) || o.spacing.some((s) => !(s > 0)))
    throw new ArgumentError(`ngf: edge ${o.edge}, spacing [${o.spacing.join(", ")}]; give positive numbers`, {
      edge: o.edge,
      spacing: o.spacing,
    });
  if (volumes * D * H * W === 0) return;
  const [sz, sy, sx] = o.spacing.map((s) => 1 / s);
  e.parallel("ngfChannels", [image, g, out, o.planar ? 1 : 0, volumes, D, H, W, sx, sy, sz, o.edge], {
    extent: volumes * D * H,
    grain: Math.max(1, Math.ceil(32768 / W)),
    workspace: e.call("ngfWorkspace", W),
  });
}
/** Outer products of the normalised gradients of [V, D, H, W] at `image` into `out` [V, K, D, H, W]; see the twin for the formula. */
export function ngf(e: Engine, image: number, out: number, volumes: number, size: Size3, o: NgfOptions): void {
  channels(e, image, 0, out, volumes, size, o);
}
/** The cotangent `g` [V, K, D, H, W] of the channels pulled back to ∂_x I, ∂_y I(, ∂_z I): blocks [V, D, H, W] one after another at `out`. */
export function ngfSlopes(e: Engine, image: number, g: number, out: number, volumes: number, size: Size3, o: NgfOptions): void {
  channels(e, image, g, out, volumes, size, o);
}
