import type { Engine } from "./engine.js";
import type { PoolShape } from "./reference/pool.js";

export type { PoolShape } from "./reference/pool.js";

function withGeometry(e: Engine, s: PoolShape, use: (at: number) => void): void {
  const words = [...s.size, ...s.outputSize, ...s.kernel, ...s.stride, ...s.padding];
  const at = e.allocate(words.length * 4);
  e.i32(at, words.length).set(words);
  try {
    use(at);
  } finally {
    e.free(at);
  }
}
const taps = (s: PoolShape) => s.kernel[0] * s.kernel[1] * s.kernel[2];
const rows = (planes: number, [z, y]: PoolShape["size"]) => planes * z * y;
/** Rows of about a millisecond. */
const grain = (width: number, work: number) => Math.ceil(2 ** 18 / Math.max(1, width * work));

/** Largest value of each window (f32) and its place within its plane (i32), at the addresses out and indices. */
export function maxPool(e: Engine, x: number, out: number, indices: number, s: PoolShape): void {
  withGeometry(e, s, (g) =>
    e.parallel("maxPool", [x, out, indices, g], { extent: rows(s.planes, s.outputSize), grain: grain(s.outputSize[2], taps(s)) }),
  );
}
/** out = x at the indices of `maxPool`. */
export function poolGather(e: Engine, x: number, indices: number, out: number, s: PoolShape): void {
  const m = s.outputSize[0] * s.outputSize[1] * s.outputSize[2];
  e.parallel("poolGather", [x, indices, out, s.size[0] * s.size[1] * s.size[2], m], { extent: s.planes * m, grain: 2 ** 17 });
}
/** Its adjoint: gx = Σ g over the windows that chose an input. */
export function poolScatter(e: Engine, g: number, indices: number, gx: number, s: PoolShape): void {
  withGeometry(e, s, (at) =>
    e.parallel("poolScatter", [g, indices, gx, at], { extent: rows(s.planes, s.size), grain: grain(s.size[2], taps(s) / s.stride[2]) }),
  );
}
/** Mean of each window, outside not counted. */
export function averagePool(e: Engine, x: number, out: number, s: PoolShape): void {
  withGeometry(e, s, (g) =>
    e.parallel("averagePool", [x, out, g], { extent: rows(s.planes, s.outputSize), grain: grain(s.outputSize[2], taps(s)) }),
  );
}
/** Its adjoint. */
export function averagePoolAdjoint(e: Engine, g: number, gx: number, s: PoolShape): void {
  withGeometry(e, s, (at) =>
    e.parallel("averagePoolAdjoint", [g, gx, at], { extent: rows(s.planes, s.size), grain: grain(s.size[2], taps(s)) }),
  );
}
