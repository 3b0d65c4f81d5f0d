import { difference } from "../tensor/index.js";
import { axesOf, checkField, type FieldRegulariser, meanOfSquares, secondAlong, slopes, total } from "./fieldRegulariser.js";

/**
 * Bending energy,  S(u) = ½ mean Σⱼₖ |∂²u/∂aⱼ∂aₖ|²,  the energy of a thin plate.  Zero exactly for affine maps. mm⁻².
 * @throws GridError when u does not lie on the grid
 * @see Rueckert et al. (1999), Nonrigid registration using free-form deformations, IEEE TMI 18(8), eq. (6)
 */
export const bendingEnergy = (): FieldRegulariser => ({
  name: "bendingEnergy",
  lengthPower: 2,
  quadratic: true,
  value(u, grid) {
    checkField("bendingEnergy", u, grid);
    const pure = axesOf(grid, 3).map(({ axis, spacing }) => meanOfSquares(secondAlong(u, axis, spacing)));
    const mixed = slopes(u, grid).flatMap(({ j, slope }) =>
      axesOf(grid)
        .filter((b) => b.j > j)
        .map(({ axis, spacing }) => meanOfSquares(difference(slope, axis, { kind: "central", spacing })).mul(2)),
    );
    return total([...pure, ...mixed], u).mul(0.5);
  },
});
