import type { Engine } from "./engine.js";

/** For each of `rows` rows of n floats the order (i32) that sorts it; stable, NaN last both ways. */
export function argsort(e: Engine, src: number, indices: number, rows: number, n: number, descending = false): void {
  e.parallel("argsortRows", [src, indices, n, descending ? 1 : 0], {
    extent: n === 0 ? 0 : rows,
    grain: Math.max(1, Math.min(Math.ceil(rows / 8), Math.floor(16384 / Math.max(n, 1)))),
    workspace: e.call("argsortWorkspace", n),
  });
}
