/**
 * Copy an n-dimensional block between any two strided layouts: the one loop under permute, slice, pad, flip, broadcast and concat.
 * Strides and offsets count elements; an element is `components` consecutive numbers.
 */
export function stridedCopy(
  from: ArrayLike<number>,
  fromOffset: number,
  fromStrides: readonly number[],
  to: { [i: number]: number },
  toOffset: number,
  toStrides: readonly number[],
  shape: readonly number[],
  components = 1,
): void {
  const rank = shape.length;
  if (shape.some((n) => n === 0)) return;
  const inner = rank === 0 ? 1 : shape[rank - 1];
  const fi = (rank === 0 ? 0 : fromStrides[rank - 1]) * components;
  const ti = (rank === 0 ? 0 : toStrides[rank - 1]) * components;
  const index = new Array<number>(Math.max(0, rank - 1)).fill(0);
  let f = fromOffset * components;
  let t = toOffset * components;
  // Runs of neighbours in arrays of one kind are moved as a whole.
  const runs =
    inner >= 8 &&
    fi === components &&
    ti === components &&
    ((from instanceof Float32Array && to instanceof Float32Array) || (from instanceof Float64Array && to instanceof Float64Array));
  for (;;) {
    if (runs) (to as Float32Array).set((from as Float32Array).subarray(f, f + inner * components), t);
    else if (components === 1) for (let k = 0, a = f, b = t; k < inner; k++, a += fi, b += ti) to[b] = from[a];
    else
      for (let k = 0, a = f, b = t; k < inner; k++, a += fi, b += ti) {
        to[b] = from[a];
        to[b + 1] = from[a + 1];
      }
    let axis = rank - 2;
    for (; axis >= 0; axis--) {
      f += fromStrides[axis] * components;
      t += toStrides[axis] * components;
      if (++index[axis] < shape[axis]) break;
      f -= fromStrides[axis] * components * shape[axis];
      t -= toStrides[axis] * components * shape[axis];
      index[axis] = 0;
    }
    if (axis < 0) return;
  }
}
