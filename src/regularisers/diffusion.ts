import { difference } from "../tensor/index.js";
import { axesOf, checkField, type FieldRegulariser, meanOfSquares, total } from "./fieldRegulariser.js";

/**
 * Diffusion,  S(u) = ½ mean |∇u|²  (forward differences).  Zero for translations; whatever else changes from place to place is paid for,
 * rotations too. A plain number.
 * @throws GridError when u does not lie on the grid
 * @see Fischer & Modersitzki (2002), Fast diffusion registration, AMS Contemporary Mathematics 313
 */
export const diffusion = (): FieldRegulariser => ({
  name: "diffusion",
  lengthPower: 0,
  quadratic: true,
  value(u, grid) {
    checkField("diffusion", u, grid);
    return total(
      axesOf(grid).map(({ axis, spacing }) => meanOfSquares(difference(u, axis, { kind: "forward", spacing }))),
      u,
    ).mul(0.5);
  },
});
