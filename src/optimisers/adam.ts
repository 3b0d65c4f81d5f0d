import type { Iteration, Objective, Variables } from "../core/interfaces.js";
import type { Tensor } from "../tensor/tensor.js";
import { zerosOf } from "../tensor/variables.js";
import { advanced, type Criteria, type Descent, started, verdict, withDefaults } from "./descent.js";
import { evaluate } from "./evaluate.js";
import { adamW } from "./updates.js";

export interface AdamOptions extends Criteria {
  /** Step size, about the change of each number per step; or a schedule, k ↦ step, k = 0, 1, … (default 1e-3). */
  readonly step?: number | Tensor | ((k: number) => number);
  /** Memory of the mean of gradients (default 0.9). */
  readonly beta1?: number;
  /** Memory of the mean of their squares (default 0.999). */
  readonly beta2?: number;
  /** Added to the root of the second moment. */
  readonly epsilon?: number;
  /** Decoupled weight decay (AdamW): x shrinks by step · decay in each step (default 0). */
  readonly decay?: number;
}
export interface AdamState<X> extends Descent<X> {
  /** Steps so far. */
  readonly k: number;
  /** Running means of the gradient and of its square. */
  readonly mean: X;
  /** The mean of squared gradients. */
  readonly square: X;
}

/**
 * m ← β₁m + (1−β₁)g,  v ← β₂v + (1−β₂)g²,  x ← x − s (m̂ / (√v̂ + ε) + decay · x), hats: divided by 1 − βᵏ.
 * The value may rise on the way; `iterate` keeps the best point. relativeDecrease is off unless given.
 * @see Kingma & Ba (2015), Adam, ICLR, algorithm 1; Loshchilov & Hutter (2019), Decoupled weight decay regularization, ICLR, algorithm 2
 */
export function adam<X extends Variables = Tensor>(o: AdamOptions = {}): Iteration<Objective<X>, X, AdamState<X>> {
  const rule = adamW({ decay: 0, ...o });
  const criteria = withDefaults({ relativeDecrease: 0, ...o });
  return {
    init: (objective, x) => ({ ...started(evaluate(objective, x)), k: 0, mean: zerosOf(x), square: zerosOf(x) }),
    step(objective, before) {
      const { mean, square } = before;
      const { x, memory } = rule.step(before.x, before.gradient, { mean, square }, before.k);
      return {
        ...advanced(before, evaluate(objective, x), criteria),
        k: before.k + 1,
        mean: memory.mean,
        square: memory.square,
      };
    },
    done: verdict(criteria),
  };
}
