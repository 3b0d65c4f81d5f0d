import { ArgumentError } from "../core/errors.js";
import type { Engine } from "./engine.js";
import { temporary } from "./temporary.js";

/**
 * The nearest and second nearest of the rows `b` for every row of `a` (see the twin): [m, 4] as index, distance, index, distance; −1 where there is none.
 * Of 128 bytes 0 … 127 by squared distance; of 32 bytes, with `bits`, by the number of differing bits.
 */
export function twoNearest(e: Engine, a: Uint8Array, b: Uint8Array, { bits = false }: { readonly bits?: boolean } = {}): Int32Array {
  const width = bits ? 32 : 128;
  if (a.length % width !== 0 || b.length % width !== 0)
    throw new ArgumentError(`twoNearest: ${a.length} and ${b.length} bytes are no rows of ${width}`, { a: a.length, b: b.length });
  const [m, n] = [a.length / width, b.length / width];
  if (m === 0) return new Int32Array(0);
  return temporary(e, (reserve) => {
    const groups = Math.ceil(m / 4);
    const pa = reserve(4 * groups * width);
    const pb = reserve(n * width);
    const po = reserve(16 * m);
    const norms = reserve(4 * n);
    const bytes = new Uint8Array(e.memory.buffer);
    bytes.fill(0, pa, pa + 4 * groups * width);
    bytes.set(a, pa);
    bytes.set(b, pb);
    if (bits) e.parallel("twoNearestBits", [pa, pb, po, n], { extent: m, grain: Math.max(16, Math.ceil(200_000 / (n + 1))) });
    else {
      e.parallel("rowNorms", [pb, norms], { extent: n, grain: 1024 });
      e.parallel("twoNearest", [pa, pb, norms, po, m, n, Number(e.build === "relaxed")], {
        extent: groups,
        grain: Math.max(1, Math.ceil(20_000 / (n + 1))),
      });
    }
    return e.i32(po, 4 * m).slice();
  });
}
