import type { Iteration, Objective, Variables } from "../core/interfaces.js";
import { scope } from "../core/scope.js";
import { cg } from "../solvers/cg.js";
import type { Tensor } from "../tensor/tensor.js";
import { addScaled, dotOf, normOf, sameNumbers, scaled } from "../tensor/variables.js";
import { advanced, type Criteria, type Descent, exhausted, type Preconditioner, started, verdict, withDefaults } from "./descent.js";
import { evaluate, hessianTimes, valueAt } from "./evaluate.js";

export interface NewtonOptions<X = Tensor> extends Criteria {
  /** First radius of the trust region (default: none, the first step is a full Newton step if the Hessian is positive definite). */
  readonly radius?: number;
  /** Conjugate gradients on the Hessian: most steps, and the residual they stop at (default 100 and min(½, √‖∇J‖/√‖∇J₀‖) · 0.1). */
  readonly cgIterations?: number;
  /** How exactly each step's equations are solved, relative. */
  readonly cgResidual?: number;
  /** An approximate inverse of the second derivative. */
  readonly preconditioner?: Preconditioner<X>;
}
export interface NewtonState<X> extends Descent<X> {
  /** Of the region that the model is trusted in. */
  readonly radius: number;
}

/**
 * Newton's method in a trust region with the exact Hessian: d minimises the quadratic model ∇Jᵀd + ½dᵀ∇²J d over ‖d‖ ≤ Δ by Steihaug's
 * truncated conjugate gradients; accepted when J falls by a tenth of a thousandth of what the model promised; Δ follows their ratio.
 * The Hessian is never written down: n conjugate-gradient steps need n products, as many as its n columns would. An objective may put
 * another matrix behind `hvp`: with JᵀJ + α∇²S this is Gauss–Newton for a least-squares metric with a regulariser.
 * @see Nocedal & Wright (2006), Numerical optimization, algorithms 4.1 and 7.2
 */
export function newton<X extends Variables = Tensor>(o: NewtonOptions<X> = {}): Iteration<Objective<X>, X, NewtonState<X>> {
  const { radius: firstRadius = Number.POSITIVE_INFINITY, cgIterations: iterations = 100, preconditioner } = o;
  const criteria = withDefaults(o);
  return {
    init: (objective, x) => ({ ...started(evaluate(objective, x)), radius: firstRadius }),
    step(objective, before) {
      const { x, gradient, value } = before;
      const relativeResidual = o.cgResidual ?? 0.1 * Math.min(0.5, Math.sqrt(normOf(gradient) / before.gradientNorm0));
      let expected: number | undefined;
      for (let radius = before.radius; ; ) {
        const attempt = scope(() => {
          const apply = (d: X) => hessianTimes(objective, x, d);
          const d = trustRegionStep(apply, gradient, radius, { iterations, relativeResidual, preconditioner });
          const next = addScaled(x, 1, d);
          if (sameNumbers(next, x)) return "vanished" as const;
          const predicted = -(dotOf(gradient, d) + 0.5 * dotOf(d, apply(d)));
          const ratio = (value - valueAt(objective, next)) / predicted;
          return { next, ratio, predicted, length: normOf(d) };
        });
        if (attempt === "vanished") return exhausted({ ...before, radius }, expected ?? 0, criteria);
        expected ??= attempt.predicted;
        const { next, ratio, length } = attempt;
        const grown = ratio > 0.75 && length > 0.99 * radius ? 2 * radius : radius;
        if (ratio > 1e-4) return { ...advanced(before, evaluate(objective, next), criteria), radius: ratio < 0.25 ? length / 4 : grown };
        radius = length / 4; // also when the ratio is not a number
      }
    },
    done: verdict(criteria),
  };
}

function trustRegionStep<X extends Variables>(
  apply: (d: X) => X,
  gradient: X,
  radius: number,
  o: { iterations: number; relativeResidual: number; preconditioner?: Preconditioner<X> },
): X {
  const rhs = scaled(gradient, -1);
  const found = cg({ apply, rhs, preconditioner: o.preconditioner }, { ...o, radius });
  const p = found.negativeCurvature;
  if (!p || found.onBoundary) return found.x;
  // No radius yet, and J curves down along p: go as far as the curvature's size suggests; the next radius comes from how that went.
  const t = dotOf(rhs, p) / Math.max(Math.abs(dotOf(p, apply(p))), Number.MIN_VALUE);
  return addScaled(found.x, Math.min(t, 1e6 / normOf(p)), p);
}
