import { GridError } from "../core/errors.js";
import type { Grid, Regulariser } from "../core/interfaces.js";
import { shapeText } from "../core/shape.js";
import { gridText, tensorShape } from "../image/grid.js";
import { identity, inverse } from "../image/matrix.js";
import { difference, type Tensor, turnPlanes } from "../tensor/index.js";

/**
 * S(u), a mean over the samples of a grid, of a displacement u in mm, planes [d, (z,) y, x]. Means, not sums: refining the grid does not
 * change the scale. Distances are the grid's, in mm along its axes (orthonormal directions); turning image and field together changes nothing.
 */
export interface FieldRegulariser extends Regulariser<Tensor> {
  /** What it is called. */
  readonly name: string;
  /** The power of millimetres that α needs to make α S a plain number: 0 for first derivatives, 2 for squared second ones. */
  readonly lengthPower: 0 | 2;
  /** S is quadratic in u: its second derivative is a constant matrix. */
  readonly quadratic: boolean;
}

/** @throws GridError when the field does not lie on the grid */
export function checkField(who: string, u: Tensor, grid: Grid): void {
  const expected = [grid.size.length, ...tensorShape(grid)];
  if (u.rank !== expected.length || expected.some((n, i) => n !== u.shape[i]))
    throw new GridError(`${who}: a field ${shapeText(u.shape)} on the grid ${gridText(grid)}; expected ${shapeText(expected)}`, {
      u: u.shape,
      grid,
    });
}
/** The axes x, y(, z) of a grid that have neighbours to compare, as tensor axes of planes. */
export const axesOf = (grid: Grid, least = 2): { readonly axis: number; readonly spacing: number; readonly j: number }[] =>
  grid.size.flatMap((n, j) => (n >= least ? [{ axis: grid.size.length - j, spacing: grid.spacing[j], j }] : []));

/** The components of u along the grid's axes, so that ∂wᵢ/∂aⱼ with a the millimetres along the axes is all there is to know. */
export function alongAxes(u: Tensor, grid: Grid): Tensor {
  const d = grid.size.length;
  const plain = identity(d);
  return grid.direction.every((v, i) => Math.abs(v - plain[i]) < 1e-12) ? u : turnPlanes(u, inverse(grid.direction, d));
}

/** ∂u/∂aⱼ for each axis with neighbours, by central differences (one-sided at the ends): exact for affine u everywhere. */
export const slopes = (u: Tensor, grid: Grid): { readonly j: number; readonly slope: Tensor }[] =>
  axesOf(grid).map(({ axis, spacing, j }) => ({ j, slope: difference(u, axis, { kind: "central", spacing }) }));

/** ∂²u/∂aⱼ² at the samples with both neighbours along that axis: (u₊ − 2u + u₋)/h². */
export function secondAlong(u: Tensor, axis: number, spacing: number): Tensor {
  const n = u.shape[axis];
  const part = (from: number) =>
    u.slice(
      u.shape.map((_, a) => (a === axis ? from : 0)),
      u.shape.map((s, a) => (a === axis ? from + n - 2 : s)),
    );
  return part(0)
    .add(part(2))
    .sub(part(1).mul(2))
    .mul(1 / spacing ** 2);
}
/** Σ over components and mean over samples. */
export const meanOfSquares = (x: Tensor): Tensor =>
  x
    .square()
    .sum()
    .mul(x.shape[0] / Math.max(1, x.size));
export const total = (terms: readonly Tensor[], none: Tensor): Tensor =>
  terms.length === 0 ? none.mul(0).sum() : terms.reduce((a, b) => a.add(b));
