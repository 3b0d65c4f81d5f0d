import type { Iteration, Variables } from "../core/interfaces.js";
import { scope } from "../core/scope.js";
import type { Tensor } from "../tensor/tensor.js";
import { addScaled, countOf, dotOf, fromFlat, mapLeaves, sameNumbers } from "../tensor/variables.js";
import { exhausted, started, verdict, withDefaults } from "./descent.js";
import { accepted, type GaussNewtonState, type LeastSquaresOptions, solveDamped } from "./gaussNewton.js";
import { gaussNewtonOperator, type LeastSquares, linearise, trial } from "./leastSquares.js";

export interface LevenbergMarquardtOptions<X = Tensor> extends LeastSquaresOptions<X> {
  /** First damping relative to the size of JᵀJ (default 1e-3; 1e-6 for a start that is trusted, 1 for one that is not). */
  readonly tau?: number;
  /** How μ follows success: Nielsen's smooth rule (default), or Marquardt's factors of ten. */
  readonly damping?: "nielsen" | "marquardt";
  /** D: the diagonal of JᵀJ, so that units do not matter (default for dense systems), or the identity. */
  readonly scaling?: "diagonal" | "identity";
}
export interface LevenbergMarquardtState<X> extends GaussNewtonState<X> {
  /** The damping. */
  readonly mu: number;
  /** By how much the damping grows when a step fails. */
  readonly nu: number;
}

/**
 * Levenberg–Marquardt: (JᵀJ + μD) d = −Jᵀr, tried with growing μ until J falls; then x ← x + d, and μ follows the gain ratio
 * ρ = (J(x) − J(x + d)) / ½dᵀ(μDd − g):  Nielsen μ ← μ · max(⅓, 1 − (2ρ − 1)³), on failure μ ← νμ, ν ← 2ν;  Marquardt μ ← μ/10, 10 μ.
 * @see Marquardt (1963), J. SIAM 11; Nielsen (1999), Damping parameter in Marquardt's method, IMM-REP-1999-05
 */
export function levenbergMarquardt<X extends Variables = Tensor>(
  o: LevenbergMarquardtOptions<X> = {},
): Iteration<LeastSquares<X>, X, LevenbergMarquardtState<X>> {
  const { tau = 1e-3, damping = "nielsen", scaling = "diagonal", dense = 64, update = (x: X, d: X) => addScaled(x, 1, d) } = o;
  const criteria = withDefaults(o);
  const diagonalOf = (hessian: ArrayLike<number>, n: number) => Float64Array.from({ length: n }, (_, i) => hessian[i * (n + 1)]);
  const weightsOf = (s: { x: X; hessian?: ArrayLike<number> }) => {
    if (!s.hessian || scaling === "identity") return undefined;
    const d = diagonalOf(s.hessian, countOf(s.x));
    const floor = 1e-10 * Math.max(...d) || 1; // a parameter without any influence still gets a finite step
    return d.map((v) => Math.max(v, floor));
  };
  return {
    init(p, x) {
      const model = linearise(p, x, dense);
      let size = 1; // of JᵀJ relative to D
      if (!model.hessian)
        size =
          scope(() => dotOf(model.gradient, gaussNewtonOperator(p, model)(model.gradient)) / dotOf(model.gradient, model.gradient)) || 1;
      else if (scaling === "identity") size = Math.max(...diagonalOf(model.hessian, countOf(x))) || 1;
      return { ...started(model), hessian: model.hessian, mu: tau * size, nu: 2 };
    },
    step(p, before) {
      const weights = weightsOf(before);
      let { mu, nu } = before;
      let expected: number | undefined;
      for (;;) {
        const attempt = scope(() => {
          const d = solveDamped(p, before, mu, weights, o);
          const x = update(before.x, d);
          if (sameNumbers(x, before.x)) return "vanished" as const;
          const { value, equations } = trial(p, x);
          const damped = weights ? mapLeaves((v, w) => v.mul(w), d, fromFlat(weights, d)) : d;
          const predicted = 0.5 * (mu * dotOf(d, damped) - dotOf(d, before.gradient));
          const ratio = (before.value - value) / predicted;
          return { predicted, accepted: value < before.value ? { x, equations, ratio } : undefined };
        });
        if (attempt === "vanished") return exhausted(before, expected ?? 0, criteria);
        expected ??= attempt.predicted;
        if (attempt.accepted) {
          const shrink = damping === "marquardt" ? 0.1 : Math.max(1 / 3, 1 - (2 * attempt.accepted.ratio - 1) ** 3);
          return {
            ...accepted(p, before, attempt.accepted.x, dense, criteria, attempt.accepted.equations),
            mu: Math.max(mu * shrink, 1e-30),
            nu: 2,
          };
        }
        if (mu > 1e30) return exhausted(before, expected, criteria); // values that are not numbers however short the step
        mu *= damping === "marquardt" ? 10 : nu;
        nu *= 2;
      }
    },
    done: verdict(criteria),
  };
}
