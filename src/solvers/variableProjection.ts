import type { LeastSquaresObjective, Variables } from "../core/interfaces.js";
import { unroll } from "../core/iterate.js";
import { scope } from "../core/scope.js";
import { custom, stopGradient } from "../tensor/differentiate.js";
import { concat } from "../tensor/ops/shaping.js";
import { pullback, pushforward } from "../tensor/primitive.js";
import type { Tensor } from "../tensor/tensor.js";
import { leavesOf, withLeaves } from "../tensor/variables.js";
import { cg, conjugateGradient, type LinearSystem } from "./cg.js";

/** min over p, x of ½‖A(p) x − d‖² + ½λ‖Lx‖²: linear in x, whatever in p. A and A* are written with tensor operations, differentiable in p and x. */
export interface SeparableProblem<P extends Variables = Tensor> {
  /** A(p) x. */
  apply(p: P, x: Tensor): Tensor;
  /** A(p)* y. */
  adjoint(p: P, y: Tensor): Tensor;
  /** The measured data d. */
  readonly data: Tensor;
  /** λ in ½‖Ax − d‖² + λ R(x). */
  readonly lambda: number;
  /** L and L*. */
  root(x: Tensor): Tensor;
  /** K* z of the quadratic prior ½ λ ‖K x‖². */
  rootAdjoint(z: Tensor): Tensor;
  /** An approximate inverse of the second derivative. */
  readonly preconditioner?: (r: Tensor) => Tensor;
  /** Where conjugate gradients for x begin. */
  readonly start: Tensor;
}
/**
 * The derivative of x(p) = argmin over x, with H = A*A + λL*L and r = d − Ax.
 *  implicit  dx = H⁻¹ (dA* r − A* dA x): exact where x(p) is, one system a direction (Golub & Pereyra)
 *  unrolled  the conjugate gradients themselves, differentiated step by step: exact for what was computed, and what was computed is kept in memory
 *  kaufman   dx = −H⁻¹ A* dA x: without the term in dA*, which is small where residuals are
 *  fixed     dx = 0: the projection's derivative is left out
 * All four give the same gradient of ½‖r‖² where x(p) is exact; they differ in the Gauss–Newton matrix.
 */
export type ProjectionDerivative = "implicit" | "unrolled" | "kaufman" | "fixed";
/** How the slope of a projected objective is had: exactly by implicit differentiation, through the steps, by Kaufman's approximation, or with x held fixed. */
export const projectionDerivatives: readonly ProjectionDerivative[] = ["implicit", "unrolled", "kaufman", "fixed"];
/** How exactly x is solved for, and how its change with p is minded. */
export interface VariableProjectionOptions {
  /** How the slope of the projected objective is had. */
  readonly derivative?: ProjectionDerivative;
  /** Conjugate gradients: most steps (unrolled: exactly so many), and the residual they stop at. Default 50, 1e-6. */
  readonly iterations?: number;
  /** How exactly x is solved for. */
  readonly relativeResidual?: number;
}

const systemOf = <P extends Variables>(s: SeparableProblem<P>, p: P, rhs: Tensor): LinearSystem<Tensor> => ({
  apply: (x) => s.adjoint(p, s.apply(p, x)).add(s.rootAdjoint(s.root(x)).mul(s.lambda)),
  rhs,
  ...(s.preconditioner && { preconditioner: s.preconditioner }),
});

/** x(p), differentiable in p in the way that was chosen. */
export function projection<P extends Variables = Tensor>(s: SeparableProblem<P>, o: VariableProjectionOptions = {}): (p: P) => Tensor {
  const { derivative = "implicit", iterations = 50, relativeResidual = 1e-6 } = o;
  const solve = (p: P, rhs: Tensor, start?: Tensor) =>
    scope(() => cg(systemOf(s, p, rhs), { iterations, relativeResidual, ...(start && { start }) }).x);
  const value = (p: P) => solve(p, s.adjoint(p, s.data), s.start);
  if (derivative === "unrolled")
    return (p) => unroll(conjugateGradient<Tensor>({ relativeResidual: 0 }), systemOf(s, p, s.adjoint(p, s.data)), s.start, iterations);
  return (p) => {
    if (derivative === "fixed") return value(withLeaves(p, leavesOf(p).map(stopGradient)));
    const rule = custom({
      value: (...leaves) => value(withLeaves(p, leaves)),
      // c(p) = A*(A(p) x − d) at the x that was found: H dx = −dc, with A* moving along (implicit) or standing still (kaufman).
      jvp: (tangents, x, inputs) => {
        const at = withLeaves(p, inputs);
        const all = tangents.map((t, i) => t ?? inputs[i].mul(0));
        const dc = pushforward((...q) => [normalResidual(s, withLeaves(p, q), at, x, derivative)], inputs, all).tangents[0];
        return solve(at, dc.neg());
      },
      vjp: (g, x, inputs) => {
        const at = withLeaves(p, inputs);
        const w = solve(at, g).neg();
        return pullback((...q) => [normalResidual(s, withLeaves(p, q), at, x, derivative)], inputs).pull([w]);
      },
    });
    return rule(...leavesOf(p));
  };
}
const normalResidual = <P extends Variables>(s: SeparableProblem<P>, p: P, still: P, x: Tensor, derivative: ProjectionDerivative): Tensor =>
  s.adjoint(derivative === "kaufman" ? still : p, s.apply(p, x).sub(s.data));

/**
 * Variable projection: r(p) = (A(p) x(p) − d, √λ L x(p)), for `gaussNewton` and its relatives; J(p) = ½‖r(p)‖² = min over x.
 * @see Golub & Pereyra (1973), SIAM J. Numer. Anal. 10; Kaufman (1975), BIT 15; Ruhe & Wedin (1980), SIAM Review 22
 */
export function variableProjection<P extends Variables = Tensor>(
  s: SeparableProblem<P>,
  o: VariableProjectionOptions = {},
): LeastSquaresObjective<P> {
  const x = projection(s, o);
  return {
    residual: (p) => {
      const at = x(p);
      const flat = (t: Tensor) => t.reshape(t.size);
      return concat([flat(s.apply(p, at).sub(s.data)), flat(s.root(at)).mul(Math.sqrt(s.lambda))]);
    },
  };
}
