import { ArgumentError } from "../core/errors.js";
import type { Iteration, Objective, Variables } from "../core/interfaces.js";
import { scope } from "../core/scope.js";
import type { Tensor } from "../tensor/tensor.js";
import { dotOf, largestOf, sameNumbers } from "../tensor/variables.js";
import {
  advanced,
  type Criteria,
  type Descent,
  descend,
  exhausted,
  type Preconditioner,
  started,
  verdict,
  withDefaults,
} from "./descent.js";
import { evaluate } from "./evaluate.js";

export interface GradientDescentOptions<X = Tensor> extends Criteria {
  /**
   * adaptive     guess and check, see below (default)
   * a number     fixed; a scalar tensor, so that an unrolled descent can be differentiated with respect to it
   * { curvature } fixed 1/L for a gradient that is L-Lipschitz: J never rises
   */
  readonly step?:
    | "adaptive"
    | number
    | Tensor
    | {
        /** 1 / step along the way. */
        readonly curvature: number;
      };
  /** First guess of the adaptive step. Default: the number that moves most moves by 1. */
  readonly firstStep?: number;
  /** An approximate inverse of the second derivative. */
  readonly preconditioner?: Preconditioner<X>;
}
export interface GradientDescentState<X> extends Descent<X> {
  /** The next step size to try. */
  readonly step: number | Tensor;
}

/**
 * x ← x − s P⁻¹∇J(x).
 * Adaptive: guess x′ with the present s. If J(x′) < J(x), accept it and raise s by 10 %; else halve s, and guess and check again
 * until a guess succeeds or the step vanishes (no longer changes x), which ends the run as stalled.
 * @see Awate, Image registration (lecture notes): gradient descent, how to choose the step size
 */
export function gradientDescent<X extends Variables = Tensor>(
  o: GradientDescentOptions<X> = {},
): Iteration<Objective<X>, X, GradientDescentState<X>> {
  const { step = "adaptive", preconditioner } = o;
  const criteria = withDefaults(o);
  const direction = (at: Descent<X>) => (preconditioner ? preconditioner(at.gradient) : at.gradient);
  const adaptive = step === "adaptive";
  const fixed = typeof step === "object" && "curvature" in step ? 1 / step.curvature : step;
  if (typeof fixed === "number" && !(fixed > 0))
    throw new ArgumentError(`gradientDescent: a step of ${fixed} goes nowhere; give one above 0`, { step });
  return {
    init(objective, x) {
      const at = started(evaluate(objective, x));
      return {
        ...at,
        step: adaptive ? (o.firstStep ?? 1 / Math.max(largestOf(direction(at)), 1e-300)) : (fixed as number | Tensor),
      };
    },
    step(objective, before) {
      if (!adaptive)
        return { ...advanced(before, evaluate(objective, descend(before, before.step, preconditioner)), criteria), step: before.step };
      const first = before.step as number;
      for (let s = first; ; s /= 2) {
        const better = scope(() => {
          const x = descend(before, s, preconditioner);
          if (sameNumbers(x, before.x)) return "vanished" as const;
          const at = evaluate(objective, x);
          return at.value < before.value ? at : undefined;
        });
        if (better === "vanished")
          return exhausted({ ...before, step: s }, 0.5 * first * dotOf(before.gradient, direction(before)), criteria);
        if (better) return { ...advanced(before, better, criteria), step: 1.1 * s };
      }
    },
    done: verdict(criteria),
  };
}
