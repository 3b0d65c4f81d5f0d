import type { Tensor } from "../tensor/index.js";

/** A picture [n, c, y, x] as a network may see it as well: mirrored left to right or not, then turned by quarters. */
export interface View {
  readonly turns: number;
  readonly mirrored: boolean;
}
/**
 * The eight symmetries of the square: what noise-free pictures look like does not depend on which way up they are, nor on left and right; what a network
 * makes of them does, a little.
 */
export const views: readonly View[] = [0, 2, 1, 3, 0, 2, 1, 3].map((turns, i) => ({ turns, mirrored: i >= 4 }));

/** A quarter turn anticlockwise, as often. */
function turned(x: Tensor, turns: number): Tensor {
  let y = x;
  for (let t = 0; t < turns; t++) y = y.transpose().flip(y.rank - 2);
  return y;
}

/** f of the picture as the view shows it, put back upright. */
export function seenAs({ turns, mirrored }: View, f: (x: Tensor) => Tensor, x: Tensor): Tensor {
  const y = turned(f(turned(mirrored ? x.flip(3) : x, turns)), (4 - turns) % 4);
  return mirrored ? y.flip(3) : y;
}
