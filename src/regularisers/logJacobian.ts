import { checkField, type FieldRegulariser } from "./fieldRegulariser.js";
import { barrier, determinants } from "./volume.js";

const least = 0.05;
/**
 * Log Jacobian,  S(u) = ½ mean (log J)²,  J = det(I + ∇u).  Growth and shrinkage by one factor cost the same; a steep parabola from
 * J = 0.05 down instead of the pole at a fold. A plain number.
 * @throws GridError when u does not lie on the grid
 * @see Leow et al. (2007), Statistical properties of Jacobian maps and the realization of unbiased large-deformation nonlinear image registration, IEEE TMI 26
 */
export const logJacobian = (): FieldRegulariser => {
  const l = Math.log(least);
  // ψ = ½ log²,  ψ′ = log v / v,  ψ″ = (1 − log v)/v²
  const at = [l / least, (1 - l) / least ** 2] as const;
  return {
    name: "logJacobian",
    lengthPower: 0,
    quadratic: false,
    value(u, grid) {
      checkField("logJacobian", u, grid);
      return barrier(determinants(u, grid), (v) => v.log().square().mul(0.5), at).mean();
    },
  };
};
