import { type Engine, engine } from "./index.js";
import { temporary } from "./temporary.js";

/** See the twin. */
export function cornerStrength(plane: Float32Array, H: number, W: number, r: number, e: Engine = engine()): Float32Array {
  return temporary(e, (reserve) => {
    const [from, to] = [reserve(4 * H * W), reserve(4 * H * W)];
    e.f32(from, H * W).set(plane);
    e.parallel("cornerStrength", [from, to, H, W, r], {
      extent: H,
      grain: Math.max(4, Math.ceil(16_384 / (W + 1))),
      workspace: e.call("cornerStrengthWorkspace", W),
    });
    return e.f32(to, H * W).slice();
  });
}
