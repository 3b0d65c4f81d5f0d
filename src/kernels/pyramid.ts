import { type Engine, engine } from "./index.js";
import { temporary } from "./temporary.js";

function through(e: Engine, kernel: string, plane: Float32Array, H: number, W: number, size: number, extent: number): Float32Array {
  if (size === 0) return new Float32Array(0);
  return temporary(e, (reserve) => {
    const [from, to] = [reserve(4 * H * W), reserve(4 * size)];
    e.f32(from, H * W).set(plane);
    e.parallel(kernel, [from, to, H, W], {
      extent,
      grain: Math.max(4, Math.ceil(32_768 / (W + 1))),
      workspace: e.call("pyramidWorkspace", W),
    });
    return e.f32(to, size).slice();
  });
}
/** See the twins. */
export const pyramidReduce = (plane: Float32Array, H: number, W: number, e: Engine = engine()): Float32Array =>
  through(e, "pyramidReduce", plane, H, W, Math.ceil(H / 2) * Math.ceil(W / 2), Math.ceil(H / 2));
export const pyramidExpand = (plane: Float32Array, H: number, W: number, e: Engine = engine()): Float32Array =>
  through(e, "pyramidExpand", plane, H, W, 4 * H * W, H);
