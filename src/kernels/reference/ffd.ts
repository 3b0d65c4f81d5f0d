import { axisTaps } from "./sampling.js";

/**
 * Plain twin of the free-form deformation kernels. A control grid of sizes g holds the coefficients of a cubic B-spline; control point j of
 * an axis sits at  origin + j · spacing  [voxels of the dense lattice]. At voxel i the spline is Σ_j B((i − origin)/spacing − j) c_j, one
 * axis after the other; `orders` asks for derivatives in voxels. Beyond the control grid positions are clamped and coefficients mirrored,
 * exactly as in cubic sampling: ffd(control) = warp of the control grid by the affine map p ↦ (p − origin)/spacing.
 */
export interface Ffd {
  /** dense lattice, [(D,) H, W] */
  readonly size: readonly number[];
  /** voxels between control points, x, y(, z) */
  readonly spacing: readonly number[];
  /** voxel coordinates of control point 0, x, y(, z) */
  readonly origin: readonly number[];
  /** order of derivative, x, y(, z); default 0 */
  readonly orders?: readonly number[];
}
export interface Tap {
  readonly index: number;
  readonly weight: number;
}
/** For each of n voxels of one axis the control points that count, and how much. */
export function ffdAxis(n: number, g: number, spacing: number, origin: number, order: number): readonly (readonly Tap[])[] {
  return Array.from({ length: n }, (_, i) => {
    const taps = axisTaps("cubic", (i - origin) / spacing, g);
    return taps.index.map((index, k) => ({ index, weight: taps.weights[order][k] / spacing ** order }));
  });
}
const product = (s: readonly number[]) => s.reduce((a, b) => a * b, 1);

/** [outer, g, inner] ↦ [outer, n, inner], or its transpose. */
function alongAxis(
  data: ArrayLike<number>,
  outer: number,
  g: number,
  inner: number,
  rows: readonly (readonly Tap[])[],
  transpose: boolean,
) {
  const n = rows.length;
  const out = new Float64Array(outer * (transpose ? g : n) * inner);
  for (let o = 0; o < outer; o++)
    for (let i = 0; i < n; i++)
      for (const { index, weight } of rows[i])
        for (let x = 0; x < inner; x++) {
          const dense = (o * n + i) * inner + x;
          const control = (o * g + index) * inner + x;
          if (transpose) out[control] += weight * data[dense];
          else out[dense] += weight * data[control];
        }
  return out;
}
export const ffdTables = (gridSize: readonly number[], { size, spacing, origin, orders }: Ffd) =>
  size.map((n, k) => {
    const a = size.length - 1 - k;
    return ffdAxis(n, gridSize[k], spacing[a], origin[a], orders?.[a] ?? 0);
  });

/** out [C, …size] = the spline of control [C, …gridSize] on the dense lattice. */
export function ffd(control: ArrayLike<number>, channels: number, gridSize: readonly number[], f: Ffd, out: { [i: number]: number }): void {
  let data: ArrayLike<number> = control;
  const shape = [...gridSize];
  ffdTables(gridSize, f).forEach((rows, k) => {
    data = alongAxis(data, channels * product(shape.slice(0, k)), gridSize[k], product(shape.slice(k + 1)), rows, false);
    shape[k] = f.size[k];
  });
  for (let i = 0; i < data.length; i++) out[i] = data[i];
}
/** control [C, …gridSize] = the transpose of `ffd` applied to g [C, …size]. */
export function ffdAdjoint(
  g: ArrayLike<number>,
  channels: number,
  gridSize: readonly number[],
  f: Ffd,
  control: { [i: number]: number },
): void {
  let data: ArrayLike<number> = g;
  const shape = [...f.size];
  ffdTables(gridSize, f).forEach((rows, k) => {
    data = alongAxis(data, channels * product(shape.slice(0, k)), gridSize[k], product(shape.slice(k + 1)), rows, true);
    shape[k] = gridSize[k];
  });
  for (let i = 0; i < data.length; i++) control[i] = data[i];
}
