import type { Engine } from "./engine.js";
import type { ProductShape } from "./reference/gemm.js";

export type { ProductShape } from "./reference/gemm.js";

/** Multiply-adds that make a slab of roughly a millisecond. */
const slabWork = 1 << 23;
/** Slabs of `work` multiply-adds each: about a millisecond, and at least sixteen where there are so many. */
export const grainFor = (extent: number, work: number): number =>
  Math.max(1, Math.min(Math.ceil(slabWork / Math.max(1, work)), Math.ceil(extent / 16)));

/**
 * C[b] = alpha · op(A[b]) · op(B[b]) + beta · C[b] in f32 at the addresses a, b, c; see `ProductShape`. C must not overlap A or B.
 * B is packed once (a copy of it, freed on return); a single column or row takes a dot-product kernel instead.
 */
export function gemm(e: Engine, a: number, b: number, c: number, s: ProductShape): void {
  const { m, n, k, alpha = 1, beta = 0, batch = 1, strideA = m * k, strideB = k * n } = s;
  if (m === 0 || n === 0 || batch === 0) return;
  const [rowA, stepA] = s.transposeA ? [1, m] : [k, 1];
  const [rowB, stepB] = s.transposeB ? [1, k] : [n, 1];
  if (n === 1) {
    const extent = batch * Math.ceil(m / 16);
    e.parallel("gemv", [a, b, c, m, k, strideA, rowA, stepA, strideB, alpha, beta], {
      extent,
      grain: grainFor(extent, 64 * k),
      workspace: 128,
    });
    return;
  }
  if (m === 1) {
    // cᵀ = op(B)ᵀ aᵀ
    const extent = batch * Math.ceil(n / 16);
    e.parallel("gemv", [b, a, c, n, k, strideB, stepB, rowB, strideA, alpha, beta], {
      extent,
      grain: grainFor(extent, 64 * k),
      workspace: 128,
    });
    return;
  }
  const packed = strideB === 0 ? 1 : batch;
  const panels = Math.ceil(n / 8);
  const item = panels * k * 32;
  const panelsAt = e.allocate(packed * item);
  try {
    e.parallel("gemmPack", [b, panelsAt, k, n, strideB, rowB, stepB], {
      extent: packed * panels,
      grain: grainFor(packed * panels, 128 * k),
    });
    const extent = batch * Math.ceil(m / 64) * Math.ceil(n / 512);
    const work = (Math.min(m, 64) + 3) * Math.min(n, 512) * (k + 8);
    e.parallel("gemm", [a, panelsAt, c, m, n, k, strideA, rowA, stepA, strideB === 0 ? 0 : item, alpha, beta], {
      extent,
      grain: grainFor(extent, work),
      workspace: 64 * 256 * 4 + 128,
    });
  } finally {
    e.free(panelsAt);
  }
}
