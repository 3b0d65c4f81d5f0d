import type { Engine } from "./engine.js";

const rowsOf = (size: readonly number[]) => size.slice(0, -1).reduce((a, b) => a * b, 1);
const grainFor = (width: number) => Math.max(1, Math.floor(40_000 / Math.max(1, width)));

/** Coefficients of `affinePlanes`: M (field part), N (voxel part), c, each row-major d × d (c: d). */
export interface PlaneMap {
  readonly field: readonly number[];
  readonly voxel: readonly number[];
  readonly constant: readonly number[];
}

/** out_i(p) = Σ_j M_ij u_j(p) + Σ_j N_ij p_j + c_i over a grid of size [(D,) H, W]; planes in the order x, y(, z). u = 0: no field. In place is allowed. */
export function affinePlanes(e: Engine, u: number, out: number, size: readonly number[], map: PlaneMap): void {
  const d = size.length;
  const n = size.reduce((a, b) => a * b, 1);
  const table = e.allocate(8 * d * (2 * d + 1));
  const c = e.f64(table, d * (2 * d + 1));
  for (let i = 0; i < d; i++) {
    for (let j = 0; j < d; j++) {
      c[i * (2 * d + 1) + j] = map.field[i * d + j];
      c[i * (2 * d + 1) + d + j] = map.voxel[i * d + j];
    }
    c[i * (2 * d + 1) + 2 * d] = map.constant[i];
  }
  const width = size[d - 1];
  e.parallel("affinePlanes", [u, out, table, d, size[d - 2], width, n], { extent: rowsOf(size), grain: grainFor(width) });
  e.free(table);
}

/** Σ_p f_i(p) · (p, 1): d × (d + 1) numbers in f64, added row by row in order. */
export function fieldMoments(e: Engine, f: number, size: readonly number[]): Float64Array {
  const d = size.length;
  const n = size.reduce((a, b) => a * b, 1);
  const rows = rowsOf(size);
  const each = d * (d + 1);
  const table = e.allocate(8 * each * rows);
  e.parallel("fieldMoments", [f, table, d, size[d - 2], size[d - 1], n], { extent: rows, grain: grainFor(size[d - 1]) });
  const sums = new Float64Array(each);
  const all = e.f64(table, each * rows);
  for (let r = 0; r < rows; r++) for (let k = 0; k < each; k++) sums[k] += all[r * each + k];
  e.free(table);
  return sums;
}

/** The length of the longest vector of a field. */
export function longestVector(e: Engine, f: number, size: readonly number[]): number {
  const d = size.length;
  const n = size.reduce((a, b) => a * b, 1);
  const rows = rowsOf(size);
  const table = e.allocate(4 * rows);
  e.parallel("longestSquared", [f, table, d, size[d - 1], n], { extent: rows, grain: grainFor(size[d - 1]) });
  let best = 0;
  for (const v of e.f32(table, rows)) best = Math.max(best, v);
  e.free(table);
  return Math.sqrt(best);
}

/** f_i(p) *= min(1, max(0, 2 w(p) − 1)) in place: what a soft weight w, one plane, leaves of a field beyond its half. */
export function fadePlanes(e: Engine, f: number, w: number, size: readonly number[]): void {
  const d = size.length;
  const n = size.reduce((a, b) => a * b, 1);
  e.parallel("fadePlanes", [f, w, d, size[d - 1], n], { extent: rowsOf(size), grain: grainFor(size[d - 1]) });
}

/**
 * What two images pull at a field that warps both: out = g ∇I − h ∇J (central differences in voxels, 0 where a neighbour is missing), planes x, y(, z).
 * Without `second` the first term alone.
 */
export function gradientForce(
  e: Engine,
  first: { readonly image: number; readonly slope: number },
  second: { readonly image: number; readonly slope: number } | undefined,
  out: number,
  size: readonly number[],
): void {
  const d = size.length;
  const [D, H, W] = d === 3 ? size : [1, ...size];
  if (D * H * W === 0) return;
  e.parallel("gradientForce", [first.image, first.slope, second?.image ?? 0, second?.slope ?? 0, out, 1, d, D, H, W], {
    extent: D * H,
    grain: grainFor(W),
  });
}
