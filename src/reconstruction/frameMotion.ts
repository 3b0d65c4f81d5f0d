import type { Grid, Transform } from "../core/interfaces.js";
import { tensorShape } from "../image/index.js";
import { warpOperator } from "../operators/index.js";
import { Tensor } from "../tensor/index.js";
import { AffineTransform, affineFrame, type FrameMotion } from "../transforms/index.js";

/** A motion that is known: it has no parameters. */
export function knownMotion(y: Transform, fine: Grid, target: Grid, channels = 1): FrameMotion {
  if (y instanceof AffineTransform) return affineFrame(y.map, fine, target, y.model, () => []);
  const w = warpOperator(target, y, fine, { channels });
  return {
    still: false,
    warp: (x) => w.apply(x),
    splat: (v) => w.adjoint(v),
    linearise: () => ({ push: () => Tensor.zeros([1, ...tensorShape(fine)]), pull: () => Tensor.zeros([0]) }),
    transform: () => y,
  };
}
