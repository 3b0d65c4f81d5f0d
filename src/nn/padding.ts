import { Tensor } from "../tensor/tensor.js";

/** x [n, c, (z, y,) x] with its last samples repeated until every spatial axis is a multiple of m. */
export function padToMultiple(x: Tensor, m: number): Tensor {
  let y = x;
  for (let axis = 2; axis < x.rank; axis++) {
    const n = x.shape[axis];
    const whole = Math.ceil(n / m) * m;
    if (whole > n)
      y = y.gather(
        Tensor.from(
          Int32Array.from({ length: whole }, (_, i) => Math.min(i, n - 1)),
          [whole],
        ),
        axis,
      );
  }
  return y;
}
/** The part of y [n, c, …] that a spatial size fills. */
export const cutTo = (y: Tensor, size: readonly number[]): Tensor =>
  y.slice(
    y.shape.map(() => 0),
    [...y.shape.slice(0, 2), ...size],
  );
