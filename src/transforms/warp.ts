import { GridError } from "../core/errors.js";
import { type AffineMap, betweenIndices, type Grid, identityMap, physicalToIndex, tensorShape } from "../image/grid.js";
import type { Image } from "../image/image.js";
import { engine } from "../kernels/engine.js";
import { affinePlanes } from "../kernels/planes.js";
import { bsplinePrefilter, type Positions, sample } from "../kernels/sampling.js";
import { dispose, scope } from "../tensor/storage.js";
import { Tensor } from "../tensor/tensor.js";
import { AffineTransform } from "./affine.js";
import { requireDimension, type Transform } from "./transform.js";

/** How values between samples are found. */
export const interpolations = ["nearest", "linear", "cubic"] as const;

/** Interpolation, and what lies outside of the image. */
export interface WarpOptions {
  /** nearest (labels), linear (default) or cubic B-spline. */
  readonly interpolation?: (typeof interpolations)[number];
  /** Outside the moving image: its border value goes on ("clamp"), or a constant (default, 0). */
  readonly border?: "clamp" | "constant";
  /** The value outside. */
  readonly fill?: number;
}

/** Row-major [A | b] as the sampling kernels take it. */
export const baseOf = ({ matrix, offset }: { readonly matrix: readonly number[]; readonly offset: readonly number[] }): number[] =>
  offset.flatMap((b, i) => [...matrix.slice(i * offset.length, (i + 1) * offset.length), b]);

/** The same for a physical map between two grids, index to index. */
export const baseBetween = (from: Grid, map: AffineMap, to: Grid): number[] => baseOf(betweenIndices(from, map, to));
/** Where the samples of `grid` lie in voxels of `target` under y, as the sampling kernels take it. `free` the field when done. */
export function positionsIn(
  y: Transform,
  grid: Grid,
  target: Grid,
): { readonly positions: Positions<number>; readonly field: Tensor | undefined } {
  const size = tensorShape(grid);
  if (y instanceof AffineTransform) return { positions: { size, base: baseOf(betweenIndices(grid, y.map, target)) }, field: undefined };
  const toIndex = physicalToIndex(target);
  const u = y.displacement(grid);
  const d = y.dimension;
  const field = Tensor.uninitialised(u.shape);
  affinePlanes(engine(), u.pointer, field.pointer, size, {
    field: toIndex.matrix,
    voxel: new Array<number>(d * d).fill(0),
    constant: new Array<number>(d).fill(0),
  });
  const base = baseOf(betweenIndices(grid, identityMap(d), target));
  return { positions: { field: field.pointer, size, base }, field };
}

/**
 * The moving image pulled back along y onto a grid: warped(p) = moving(y(p)).
 * @throws GridError when the dimensions differ
 */
export function warp(moving: Image, y: Transform, grid: Grid, options: WarpOptions = {}): Image {
  requireDimension("warp", y, moving.grid.size.length);
  if (grid.size.length !== moving.grid.size.length)
    throw new GridError(`warp: a ${moving.grid.size.length}-D image cannot be sampled on a ${grid.size.length}-D grid`, {});
  const { interpolation = "linear", border = "constant", fill = 0 } = options;
  return scope(() => {
    const e = engine();
    const [channels, ...size] = moving.values.shape;
    let source = moving.values.dtype === "f32" ? moving.values : moving.values.cast("f32");
    if (interpolation === "cubic") {
      const coefficients = Tensor.uninitialised(source.shape);
      coefficients.data.set(source.data);
      bsplinePrefilter(e, coefficients.pointer, channels, size);
      source = coefficients;
    }
    const { positions, field } = positionsIn(y, grid, moving.grid);
    const out = Tensor.uninitialised([channels, ...tensorShape(grid)]);
    sample(e, interpolation, { at: source.pointer, channels, size }, positions, [], out.pointer, { border, fill });
    if (field) dispose(field);
    return { values: out, grid };
  });
}
