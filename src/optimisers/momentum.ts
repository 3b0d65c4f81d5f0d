import type { Iteration, Objective, Variables } from "../core/interfaces.js";
import type { Tensor } from "../tensor/tensor.js";
import { addScaled, mapLeaves, zerosOf } from "../tensor/variables.js";
import { advanced, type Criteria, type Descent, type Preconditioner, started, verdict, withDefaults } from "./descent.js";
import { evaluate } from "./evaluate.js";

export interface MomentumOptions<X = Tensor> extends Criteria {
  /** Step size. */
  readonly step: number | Tensor;
  /** β, the part of the velocity that stays (default 0.9). */
  readonly momentum?: number | Tensor;
  /** Take the gradient where the velocity leads rather than where we are. */
  readonly nesterov?: boolean;
  /** An approximate inverse of the second derivative. */
  readonly preconditioner?: Preconditioner<X>;
}
export interface MomentumState<X> extends Descent<X> {
  /** The mean of past steps. */
  readonly velocity: X;
}

/**
 * Heavy ball:  v ← βv − s P⁻¹∇J(x),       x ← x + v.
 * Nesterov:    v ← βv − s P⁻¹∇J(x + βv),  x ← x + v.
 * The value may rise on the way; `iterate` keeps the best point. relativeDecrease is off unless given.
 * @see Polyak (1964), Some methods of speeding up the convergence of iteration methods; Sutskever et al. (2013), ICML, eqs. (3, 4)
 */
export function momentum<X extends Variables = Tensor>(o: MomentumOptions<X>): Iteration<Objective<X>, X, MomentumState<X>> {
  const { step, momentum: beta = 0.9, nesterov = false, preconditioner = (g: X) => g } = o;
  const criteria = withDefaults({ relativeDecrease: 0, ...o });
  return {
    init: (objective, x) => ({ ...started(evaluate(objective, x)), velocity: zerosOf(x) }),
    step(objective, before) {
      const gradient = nesterov ? evaluate(objective, addScaled(before.x, beta, before.velocity)).gradient : before.gradient;
      const velocity = mapLeaves((v, g) => v.mul(beta).sub(g.mul(step)), before.velocity, preconditioner(gradient));
      return { ...advanced(before, evaluate(objective, addScaled(before.x, 1, velocity)), criteria), velocity };
    },
    done: verdict(criteria),
  };
}
