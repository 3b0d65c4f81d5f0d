import type { Engine } from "./engine.js";
import type { DifferenceBorder, LineCounts, SparseRows, Strides } from "./reference/along.js";
import type { Lines } from "./reference/lines.js";
import { temporary } from "./temporary.js";

export { type DifferenceBorder, type LineCounts, type SparseRows, type Strides, sparseRows, transposedRows } from "./reference/along.js";

/**
 * A sparse matrix along an axis of a strided block (see the twin). May work in place when both strides are the same.
 * 256 × 256, 8 taps: as fast as a loop written for the filter, since 16 lines share every index and weight.
 */
export function along(
  e: Engine,
  input: number,
  from: Strides,
  out: number,
  to: Strides,
  counts: LineCounts,
  matrix: SparseRows,
  accumulate = false,
): void {
  const { m, n, rows, index, weights } = matrix;
  const { outer, middle, inner } = counts;
  const lines = outer * middle * inner;
  if (lines === 0 || m === 0) return;
  temporary(e, (reserve) => {
    const words = 12 + rows.length;
    const table = reserve(4 * (words + 2 * index.length));
    const header = e.i32(table, words + index.length);
    header.set([n, m, inner, middle, from.outer, from.middle, from.axis, to.outer, to.middle, to.axis, accumulate ? 1 : 0, lines]);
    header.set(rows, 12);
    header.set(index, words);
    const weightsAt = table + 4 * (words + index.length);
    e.f32(weightsAt, index.length).set(weights);
    e.parallel("along", [input + 4 * from.offset, out + 4 * to.offset, table, table + 48, table + 4 * words, weightsAt], {
      extent: inner >= 16 ? outer * middle * Math.ceil(inner / 16) : Math.ceil(lines / 16),
      grain: Math.max(1, Math.floor(32768 / (n + m + index.length))),
      workspace: e.call("alongWorkspace", n, m),
    });
  });
}

const borders: Record<DifferenceBorder, number> = { reflect: 0, periodic: 1, zero: 2 };
/** scale (x_{k+1} − x_k) along an axis, or its adjoint; added to what is there with `accumulate`. out ≠ input. */
export function forwardDifference(
  e: Engine,
  input: number,
  out: number,
  { outer, n, inner }: Lines,
  border: DifferenceBorder,
  scale = 1,
  adjoint = false,
  accumulate = false,
): void {
  if (outer * n * inner === 0) return;
  e.parallel("forwardDifference", [input, out, n, inner, borders[border], adjoint ? 1 : 0, accumulate ? 1 : 0, scale], {
    extent: outer * Math.ceil((n * inner) / 4096),
    grain: Math.max(1, Math.floor(65536 / Math.min(4096, n * inner))),
  });
}
