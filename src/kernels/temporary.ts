import type { Engine } from "./engine.js";

/** Run `work` with a function that reserves blocks; all are freed when it ends, be it by an error or an abort. */
export function temporary<T>(e: Engine, work: (reserve: (bytes: number) => number) => T): T {
  const blocks: number[] = [];
  try {
    return work((bytes) => {
      const at = e.allocate(bytes);
      blocks.push(at);
      return at;
    });
  } finally {
    for (const at of blocks) e.free(at);
  }
}
