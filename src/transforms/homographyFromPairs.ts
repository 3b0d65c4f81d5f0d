import { ShapeError } from "../core/errors.js";
import { shapeText } from "../core/shape.js";
import { solve } from "../tensor/ops/linalg.js";
import { broadcastTo, concat } from "../tensor/ops/shaping.js";
import { Tensor } from "../tensor/tensor.js";

/**
 * H with b ~ H a by the direct linear transform as a system of eight unknowns, h₃₃ = 1 at the middle of the points (where it fails only when that goes to
 * infinity), for any number of lists of points at once. Four pairs: exactly through them. More: least Σ wᵢ |algebraic error|².
 * Differentiable in points and weights, to any order: the derivative of the solution comes from the system itself (implicitly), by one more solve with its
 * transpose, never through the steps of an elimination. Points are brought to one size first, and solved in f64.
 * @param a  [..., n, 2], n of 4 or more, no three of four on a line
 * @param b  of the same kind
 * @param weights  [..., n], for n > 4. Default 1
 * @returns        [..., 3, 3], the last number 1
 * @throws ShapeError for other shapes; SingularError when the points do not fix a homography (three on a line in both)
 * @see Hartley & Zisserman (2004), Multiple View Geometry, 4.1.2 (inhomogeneous solution); Nguyen et al. (2018), Unsupervised deep homography, RA-L (tensor DLT)
 */
export function homographyFromPairs(a: Tensor, b: Tensor, weights?: Tensor): Tensor {
  const lead = a.shape.slice(0, -2);
  const n = a.shape[a.rank - 2];
  if (a.rank < 2 || a.shape[a.rank - 1] !== 2 || !(n >= 4) || shapeText(a.shape) !== shapeText(b.shape))
    throw new ShapeError(
      `homographyFromPairs: points of ${shapeText(a.shape)} and ${shapeText(b.shape)} came; two alike of [..., n, 2] with n of 4 or more are expected`,
      { a: a.shape, b: b.shape },
    );
  if (weights && shapeText(weights.shape) !== shapeText([...lead, n]))
    throw new ShapeError(`homographyFromPairs: weights of ${shapeText(weights.shape)} came; one for each pair are expected`, {
      weights: weights.shape,
    });
  const axis = lead.length;
  const [from, to] = [normalised(a.cast("f64")), normalised(b.cast("f64"))];
  const [x, y, u, v] = [from.x, from.y, to.x, to.y];
  const [one, zero] = [Tensor.ones(x.shape, "f64"), Tensor.zeros(x.shape, "f64")];
  const rows = concat(
    [
      concat([x, y, one, zero, zero, zero, u.mul(x).neg(), u.mul(y).neg()], axis + 1),
      concat([zero, zero, zero, x, y, one, v.mul(x).neg(), v.mul(y).neg()], axis + 1),
    ],
    axis,
  );
  const right = concat([u, v], axis);
  let h: Tensor;
  if (n === 4) h = solve(rows, right);
  else {
    const w = weights?.cast("f64").reshape(...lead, n, 1);
    const weighted = w ? rows.mul(concat([w, w], axis)) : rows;
    h = solve(weighted.transpose().matmul(rows), weighted.transpose().matmul(right));
  }
  const inner = concat([h, Tensor.ones([...lead, 1, 1], "f64")], axis).reshape(...lead, 3, 3);
  const whole = to.back.matmul(inner).matmul(from.into);
  return whole.div(whole.slice([...lead.map(() => 0), 2, 2], [...lead, 3, 3])).cast(a.dtype);
}

/** Moved to their middle, and to √2 from it in the mean square: [..., n, 1] each, with the maps to and from there. */
function normalised(p: Tensor): { x: Tensor; y: Tensor; into: Tensor; back: Tensor } {
  const lead = p.shape.slice(0, -2);
  const axis = lead.length;
  const middle = p.mean(axis, true);
  const moved = p.sub(middle);
  const size = moved
    .square()
    .sum(axis + 1, true)
    .mean(axis, true)
    .mul(0.5)
    .sqrt();
  const unit = moved.div(size);
  const part = (t: Tensor, k: number) => t.slice([...lead.map(() => 0), 0, k], [...t.shape.slice(0, -1), k + 1]);
  const [cx, cy] = [part(middle, 0), part(middle, 1)];
  const [one, zero] = [Tensor.ones([...lead, 1, 1], "f64"), Tensor.zeros([...lead, 1, 1], "f64")];
  const matrix = (...m: Tensor[]) => concat(m, axis + 1).reshape(...lead, 3, 3);
  const s = size.reciprocal();
  return {
    x: part(unit, 0),
    y: part(unit, 1),
    into: matrix(s, zero, cx.mul(s).neg(), zero, s, cy.mul(s).neg(), zero, zero, one),
    back: matrix(size, zero, cx, zero, size, cy, zero, zero, one),
  };
}

/**
 * The four-point form of a homography: how far the corners of a patch of width × height pixels go, from upper left clockwise. What networks give: eight
 * numbers of one size and one unit.
 * @param moved  [..., 4, 2], pixels
 * @returns      [..., 3, 3]; takes corner c to c + moved_c
 */
export function homographyFromCorners(moved: Tensor, width: number, height: number): Tensor {
  const corners = patchCorners(width, height, moved);
  return homographyFromPairs(corners, corners.add(moved));
}
function patchCorners(width: number, height: number, like: Tensor): Tensor {
  if (like.rank < 2 || like.shape[like.rank - 2] !== 4 || like.shape[like.rank - 1] !== 2)
    throw new ShapeError(`homographyFromCorners: ${shapeText(like.shape)} came; the shifts of four corners, [..., 4, 2], are expected`, {
      shape: like.shape,
    });
  const corners = Tensor.from(Float64Array.of(0, 0, width - 1, 0, width - 1, height - 1, 0, height - 1), [4, 2], like.dtype);
  return broadcastTo(corners, like.shape);
}
