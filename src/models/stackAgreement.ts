import { ShapeError } from "../core/errors.js";
import { scope } from "../core/scope.js";
import { shapeText } from "../core/shape.js";
import { Tensor } from "../tensor/index.js";
import { type StackAxis, stackAxes, type ThickStacks } from "./throughPlaneNetwork.js";

const width = 2 * Math.sqrt(2 * Math.LN2); // of a Gaussian at half its height, in standard deviations

/** Slices [z / scale, z] of a Gaussian profile as wide at half its height as they are apart. */
function profile(fine: number, scale: number): number[][] {
  const sigma = scale / width;
  return Array.from({ length: fine / scale }, (_, k) => {
    const row = Array.from({ length: fine }, (_, i) => Math.exp(-((i - scale * k - (scale - 1) / 2) ** 2) / (2 * sigma * sigma)));
    const sum = row.reduce((a, b) => a + b, 0);
    return row.map((v) => v / sum);
  });
}
const tensorOf = (rows: readonly (readonly number[])[]) => Tensor.from(Float32Array.from(rows.flat()), [rows.length, rows[0].length]);
/** Axes of [n, z, y, x] with those of an axis first; the same order takes it back. */
const order = (axis: StackAxis): number[] => ({ z: [0, 1, 2, 3], y: [0, 2, 1, 3], x: [0, 3, 2, 1] })[axis];
/** M x along an axis of [n, z, y, x]. */
function along(matrix: Tensor, x: Tensor, axis: StackAxis): Tensor {
  const first = x.permute(...order(axis));
  const [n, d, h, w] = first.shape;
  return matrix
    .matmul(first.reshape(n, d, h * w))
    .reshape(n, matrix.shape[0], h, w)
    .permute(...order(axis));
}

/**
 * A volume [n, z, y, x] ↦ the same with slices `scale` times thicker (default 5) across an axis, whose profile is a Gaussian as wide at half its height as they are apart.
 * Slice k lies where sample scale·k + (scale − 1)/2 did.
 * @throws ShapeError when the samples along the axis are no multiple of the scale
 */
export function thickSlices(fine: Tensor, axis: StackAxis, scale = 5): Tensor {
  const n = fine.shape[1 + stackAxes.indexOf(axis)];
  if (fine.rank !== 4 || n % scale !== 0)
    throw new ShapeError(`thickSlices: ${shapeText(fine.shape)}; expected [n, z, y, x] with a multiple of ${scale} samples along ${axis}`, {
      shape: fine.shape,
    });
  return along(tensorOf(profile(n, scale)), fine, axis);
}

/** Aᵀ (A Aᵀ + ρ)⁻¹ of slices of a profile; A Aᵀ is positive definite. */
function backward(rows: readonly (readonly number[])[], ridge: number): Tensor {
  const m = rows.length;
  const system = rows.map((a, p) => [
    ...rows.map((b, q) => a.reduce((s, v, i) => s + v * b[i], 0) + (p === q ? ridge : 0)),
    ...rows.map((_, q) => (p === q ? 1 : 0)),
  ]);
  for (let c = 0; c < m; c++) {
    const pivot = system[c][c];
    system[c] = system[c].map((v) => v / pivot);
    for (let r = 0; r < m; r++) {
      const f = system[r][c];
      if (r !== c && f !== 0) system[r] = system[r].map((v, j) => v - f * system[c][j]);
    }
  }
  return tensorOf(rows[0].map((_, i) => Array.from({ length: m }, (_, k) => rows.reduce((s, a, j) => s + a[i] * system[j][m + k], 0))));
}

/**
 * The volume [z, y, x] nearest to x that agrees with stacks, for A that make thick slices (`thickSlices`) of it: for each stack in turn  x ← x + Aᵀ (A Aᵀ + ρ)⁻¹ (y − A x).
 * With ρ = 0 the result agrees exactly, and is never further from a truth that the stacks were made of than x is; profiles across different axes do not disturb one another, so that
 * one turn is enough. ρ is the variance of the noise by that of what x is off by: 0 for data without noise.
 * @param o  ridge: ρ (default 0.02; A Aᵀ has 0.13 on its diagonal, for slices five times thicker); scale: default 5
 * @throws ShapeError for stacks that do not show the field of x
 */
export function agreeingWithStacks(
  x: Tensor,
  stacks: ThickStacks,
  { ridge = 0.02, scale = 5 }: { readonly ridge?: number; readonly scale?: number } = {},
): Tensor {
  let now = x.reshape(1, ...x.shape);
  for (const axis of stackAxes) {
    const stack = stacks[axis];
    if (!stack) continue;
    const wanted = x.shape.map((n, a) => (stackAxes[a] === axis ? n / scale : n));
    if (shapeText(stack.shape) !== shapeText(wanted))
      throw new ShapeError(
        `agreeingWithStacks: the stack across ${axis} is ${shapeText(stack.shape)}; of ${shapeText(x.shape)} it is ${shapeText(wanted)}`,
        {
          axis,
          shape: stack.shape,
        },
      );
    now = scope(() => {
      const rows = profile(x.shape[stackAxes.indexOf(axis)], scale);
      const missing = stack.reshape(1, ...stack.shape).sub(along(tensorOf(rows), now, axis));
      return now.add(along(backward(rows, ridge), missing, axis));
    });
  }
  return now.reshape(...x.shape);
}
