import { Tensor } from "../tensor/index.js";

/** A picture [n, c, y, x] as a network may see it as well: turned by quarters, moved by `shift` samples along y and x. */
export interface View {
  readonly turns: number;
  readonly shift: readonly [number, number];
}
/**
 * What noise-free pictures look like does not depend on which way up they are, nor on where blocks of samples begin; what a network makes of them does, a
 * little. Four turns and, with them, the four ways to lay blocks of 2 × 2.
 */
export const views: readonly View[] = [
  { turns: 0, shift: [0, 0] },
  { turns: 2, shift: [1, 1] },
  { turns: 1, shift: [0, 1] },
  { turns: 3, shift: [1, 0] },
];

/** A quarter turn anticlockwise, as often. */
function turned(x: Tensor, turns: number): Tensor {
  let y = x;
  for (let t = 0; t < turns; t++) y = y.transpose().flip(y.rank - 2);
  return y;
}
/** `by` samples more at the beginning of an axis, as the first one. */
const extended = (x: Tensor, axis: number, by: number): Tensor =>
  by === 0
    ? x
    : x.gather(
        Tensor.from(
          Int32Array.from({ length: x.shape[axis] + by }, (_, i) => Math.max(0, i - by)),
          [x.shape[axis] + by],
        ),
        axis,
      );

/** f of the picture as the view shows it, put back upright. */
export function seenAs(view: View, f: (x: Tensor) => Tensor, x: Tensor): Tensor {
  const [dy, dx] = view.shift;
  const shown = extended(extended(turned(x, view.turns), 2, dy), 3, dx);
  const [n, , h, w] = shown.shape;
  const y = f(shown);
  return turned(y.slice([0, 0, dy, dx], [n, y.shape[1], h, w]), (4 - view.turns) % 4);
}
