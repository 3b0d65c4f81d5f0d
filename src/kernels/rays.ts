import type { Engine } from "./engine.js";
import type { RayList, Rays } from "./reference/rays.js";
import { temporary } from "./temporary.js";

export type { RayList, Rays } from "./reference/rays.js";

/** Where a list of rays lies in the engine's memory: f32, the index i32. */
export interface RayPointers {
  readonly a: number;
  readonly b: number;
  readonly w: number;
  readonly index: number;
  readonly count: number;
}
/** A bundle of parallel rays from the picture's side; see parallelAdjoint. */
export interface ParallelPointers {
  /** u₀, du, dv, r, w of each view. */
  readonly table: number;
  readonly views: number;
  readonly bins: number;
  readonly pairs: number;
}
const pad = 2;
/** Steps that make up a slab: about half a millisecond. */
const slabSteps = 2 ** 17;

/** out[index] = line integrals of a picture [rows, columns] along the rays; every index must be some ray's. See the twin. */
export function raysForward(
  e: Engine,
  picture: number,
  size: readonly [number, number],
  rays: { readonly alongY: RayPointers; readonly alongX: RayPointers },
  out: number,
): void {
  const [rows, columns] = size;
  if (rows * columns === 0) return;
  temporary(e, (reserve) => {
    const walk = (list: RayPointers, kernel: "padRows" | "padColumns", steps: number, n: number) => {
      if (list.count === 0) return;
      const stride = n + 2 * pad;
      const wide = reserve(4 * steps * stride);
      e.parallel(kernel, kernel === "padRows" ? [picture, wide, n, stride, pad] : [picture, wide, n, steps, stride, pad], {
        extent: steps,
        grain: Math.max(32, steps / 8),
      });
      e.parallel("raysForward", [wide + 4 * pad, stride, n, steps, list.a, list.b, list.w, list.index, list.count, out], {
        extent: Math.ceil(list.count / 4),
        grain: Math.max(1, slabSteps / (4 * steps)),
      });
    };
    walk(rays.alongY, "padRows", rows, columns);
    walk(rays.alongX, "padColumns", columns, rows);
  });
}

/** The transpose of raysForward for any rays: out [rows, columns]. */
export function raysAdjoint(
  e: Engine,
  data: number,
  size: readonly [number, number],
  rays: { readonly alongY: RayPointers; readonly alongX: RayPointers },
  out: number,
): void {
  const [rows, columns] = size;
  if (rows * columns === 0) return;
  temporary(e, (reserve) => {
    const walk = (list: RayPointers, to: number, steps: number, n: number) => {
      const values = reserve(4 * list.count);
      e.parallel("raysGather", [data, list.w, list.index, values], { extent: list.count, grain: 2 ** 16 });
      e.parallel("raysAdjoint", [values, list.a, list.b, list.count, to, n], {
        extent: steps,
        grain: Math.max(1, slabSteps / Math.max(1, list.count)),
        workspace: 4 * (n + 2 * pad),
      });
    };
    walk(rays.alongY, out, rows, columns);
    if (rays.alongX.count === 0) return;
    const turned = reserve(4 * rows * columns);
    walk(rays.alongX, turned, columns, rows);
    e.parallel("addTransposed", [turned, out, rows, columns], { extent: rows, grain: Math.max(32, rows / 8) });
  });
}

/** The same for parallel rays, faster; data [views, bins]. */
export function parallelAdjoint(e: Engine, data: number, size: readonly [number, number], p: ParallelPointers, out: number): void {
  const [rows, columns] = size;
  if (rows * columns === 0) return;
  temporary(e, (reserve) => {
    const before = 2 * p.pairs;
    const pitch = p.bins + 4 * p.pairs + 1;
    const wide = reserve(4 * p.views * pitch);
    e.parallel("padRows", [data, wide, p.bins, pitch, before], { extent: p.views, grain: Math.max(32, p.views / 8) });
    e.parallel("parallelAdjoint", [wide + 4 * before, pitch, p.bins, p.table, p.views, p.pairs, out, columns], {
      extent: rows,
      grain: Math.max(1, slabSteps / Math.max(1, p.views * columns)),
    });
  });
}

/** Lists of numbers in the engine's memory, for tests: tensors are the usual owners. */
export function uploadRays(e: Engine, rays: Rays, reserve: (bytes: number) => number): { alongY: RayPointers; alongX: RayPointers } {
  const one = ({ a, b, w, index }: RayList): RayPointers => {
    const floats = (x: ArrayLike<number>) => {
      const at = reserve(4 * x.length);
      e.f32(at, x.length).set(x);
      return at;
    };
    const at = reserve(4 * index.length);
    e.i32(at, index.length).set(index);
    return { a: floats(a), b: floats(b), w: floats(w), index: at, count: a.length };
  };
  return { alongY: one(rays.alongY), alongX: one(rays.alongX) };
}
