import { ArgumentError } from "../core/errors.js";
import { difference } from "../tensor/index.js";
import { axesOf, checkField, type FieldRegulariser } from "./fieldRegulariser.js";

/**
 * Total variation,  S(u) = mean( √(|∇u|² + ε²) − ε )  over all components together (forward differences).  A jump costs its height
 * only, not its square: organs may slide along each other. Zero for translations. A plain number.
 * @param epsilon  smooths the corner at 0; a plain number (default 0.01: gradients of 1 % count as small)
 * @throws ArgumentError for ε ≤ 0; GridError when u does not lie on the grid
 * @see Vishnevskiy, Gass, Szekely, Tanner, Goksel (2017), Isotropic total variation regularization of displacements in parametric image registration, IEEE TMI 36
 */
export function totalVariation({ epsilon = 0.01 }: { readonly epsilon?: number } = {}): FieldRegulariser {
  if (!(epsilon > 0)) throw new ArgumentError(`totalVariation: ε = ${epsilon}; give a number above 0`, { epsilon });
  return {
    name: "totalVariation",
    lengthPower: 0,
    quadratic: false,
    value(u, grid) {
      checkField("totalVariation", u, grid);
      const squares = axesOf(grid).map(({ axis, spacing }) => difference(u, axis, { kind: "forward", spacing }).square().sum([0]));
      if (squares.length === 0) return u.mul(0).sum();
      return squares
        .reduce((a, b) => a.add(b))
        .add(epsilon ** 2)
        .sqrt()
        .sub(epsilon)
        .mean();
    },
  };
}
