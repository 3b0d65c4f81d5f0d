import { GridError } from "../core/errors.js";
import type { Grid } from "../core/interfaces.js";
import { determinant, identity, inverse, type Matrix, multiply, transform } from "./matrix.js";

export type { Grid } from "../core/interfaces.js";

/** A checked grid; what is left out is a plain picture's. @throws GridError saying which part is unusable */
export function grid(o: {
  readonly size: readonly number[];
  readonly spacing?: readonly number[];
  readonly origin?: readonly number[];
  readonly direction?: Matrix;
}): Grid {
  const d = o.size.length;
  const { size, spacing = o.size.map(() => 1), origin = o.size.map(() => 0), direction = identity(d) } = o;
  if (d !== 2 && d !== 3) throw new GridError(`grid: ${d} axes; images have 2 or 3`, { size });
  if (size.some((n) => !Number.isInteger(n) || n < 1))
    throw new GridError(`grid: size ${size.join("×")}; every axis needs at least one sample`, { size });
  if (spacing.length !== d || spacing.some((s) => !(s > 0 && Number.isFinite(s))))
    throw new GridError(`grid: spacing [${spacing}]; ${d} positive numbers are expected`, { spacing });
  if (origin.length !== d || origin.some((s) => !Number.isFinite(s)))
    throw new GridError(`grid: origin [${origin}]; ${d} finite numbers are expected`, { origin });
  if (direction.length !== d * d || direction.some((s) => !Number.isFinite(s)) || Math.abs(determinant(direction, d)) < 1e-6)
    throw new GridError(`grid: the direction matrix [${direction}] is singular, so the image has no place in space; check its header`, {
      direction,
    });
  return { size: [...size], spacing: [...spacing], origin: [...origin], direction: [...direction] };
}

/** 2 for pictures, 3 for volumes. */
export const dimensionOf = (g: Grid): number => g.size.length;
/** The number of samples of a grid. */
export const voxelsOf = (g: Grid): number => g.size.reduce((a, b) => a * b, 1);
/** Volume of one voxel, mm^d. */
export const voxelVolume = (g: Grid): number => g.spacing.reduce((a, b) => a * b, 1);
/** Extents as tensors have them: [z, y, x] or [y, x]. */
export const tensorShape = (g: Grid): number[] => [...g.size].reverse();

/** y = matrix · x + offset, as plain numbers in f64. */
export interface AffineMap {
  /** The matrix, row by row. */
  readonly matrix: Matrix;
  /** What is added after the matrix. */
  readonly offset: readonly number[];
}
/** A p + b. */
export const applyAffine = (a: AffineMap, p: readonly number[]): number[] => transform(a.matrix, p).map((v, i) => v + a.offset[i]);
/** outer ∘ inner. */
export function composeAffine(outer: AffineMap, inner: AffineMap): AffineMap {
  return { matrix: multiply(outer.matrix, inner.matrix, inner.offset.length), offset: applyAffine(outer, inner.offset) };
}
/** @throws GridError when the matrix is singular */
export function invertAffine(a: AffineMap): AffineMap {
  const d = a.offset.length;
  if (!(Math.abs(determinant(a.matrix, d)) > 1e-12))
    throw new GridError(`affine: the matrix [${a.matrix}] is singular and has no inverse`, { matrix: a.matrix });
  const matrix = inverse(a.matrix, d);
  return { matrix, offset: transform(matrix, a.offset).map((v) => -v) };
}
/** Index coordinates ↦ physical points. */
export function indexToPhysical(g: Grid): AffineMap {
  const d = dimensionOf(g);
  return { matrix: g.direction.map((v, i) => v * g.spacing[i % d]), offset: g.origin };
}
/** Physical points ↦ index coordinates. */
export const physicalToIndex = (g: Grid): AffineMap => invertAffine(indexToPhysical(g));
/** A physical map between two grids, seen from index to index. */
export const betweenIndices = (from: Grid, map: AffineMap, to: Grid): AffineMap =>
  composeAffine(physicalToIndex(to), composeAffine(map, indexToPhysical(from)));
/** The affine map that moves nothing, in d dimensions. */
export const identityMap = (d: number): AffineMap => ({ matrix: identity(d), offset: new Array<number>(d).fill(0) });

/** The physical point at the middle of the grid. */
export const centreOf = (g: Grid): number[] =>
  applyAffine(
    indexToPhysical(g),
    g.size.map((n) => (n - 1) / 2),
  );
/** The 2^d outermost sample points. */
export function cornersOf(g: Grid): number[][] {
  const d = dimensionOf(g);
  const m = indexToPhysical(g);
  return Array.from({ length: 2 ** d }, (_, k) =>
    applyAffine(
      m,
      g.size.map((n, i) => ((k >> i) & 1 ? n - 1 : 0)),
    ),
  );
}
/** Equal to within a thousandth of a voxel at every corner. */
export function sameGrid(a: Grid, b: Grid): boolean {
  if (a.size.length !== b.size.length || a.size.some((n, i) => n !== b.size[i])) return false;
  const tolerance = 1e-3 * Math.min(...a.spacing);
  const other = cornersOf(b);
  return cornersOf(a).every((p, k) => Math.hypot(...p.map((v, i) => v - other[k][i])) <= tolerance);
}
/**
 * A coarser grid over the same extent: along each axis the number of samples that brings its spacing closest to `spacing`
 * (never finer than now, never fewer than `least`); the physical extent, half voxels at the ends included, stays.
 */
export function coarsened(g: Grid, spacing: number, least = 4): Grid {
  const size = g.size.map((n, i) => Math.min(n, Math.max(Math.min(least, n), Math.round((n * g.spacing[i]) / spacing))));
  const step = g.spacing.map((s, i) => (s * g.size[i]) / size[i]);
  const first = step.map((s, i) => (s / g.spacing[i] - 1) / 2);
  return { size, spacing: step, origin: applyAffine(indexToPhysical(g), first), direction: g.direction };
}
/** 64×64×30, spacing 1×1×3 mm. */
export const gridText = (g: Grid): string => `${g.size.join("×")}, spacing ${g.spacing.map((s) => +s.toPrecision(4)).join("×")} mm`;
