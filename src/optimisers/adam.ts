import type { Iteration, Objective, Variables } from "../core/interfaces.js";
import type { Tensor } from "../tensor/tensor.js";
import { mapLeaves, zerosOf } from "../tensor/variables.js";
import { advanced, type Criteria, type Descent, started, verdict, withDefaults } from "./descent.js";
import { evaluate } from "./evaluate.js";

export interface AdamOptions extends Criteria {
  /** Step size, about the change of each number per step; or a schedule, k ↦ step, k = 0, 1, … (default 1e-3). */
  readonly step?: number | Tensor | ((k: number) => number);
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
  /** Decoupled weight decay (AdamW): x shrinks by step · decay in each step (default 0). */
  readonly decay?: number;
}
export interface AdamState<X> extends Descent<X> {
  readonly k: number;
  /** Running means of the gradient and of its square. */
  readonly mean: X;
  readonly square: X;
}

/**
 * m ← β₁m + (1−β₁)g,  v ← β₂v + (1−β₂)g²,  x ← x − s (m̂ / (√v̂ + ε) + decay · x), hats: divided by 1 − βᵏ.
 * The value may rise on the way; `iterate` keeps the best point. relativeDecrease is off unless given.
 * @see Kingma & Ba (2015), Adam, ICLR, algorithm 1; Loshchilov & Hutter (2019), Decoupled weight decay regularization, ICLR, algorithm 2
 */
export function adam<X extends Variables = Tensor>(o: AdamOptions = {}): Iteration<Objective<X>, X, AdamState<X>> {
  const { step = 1e-3, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, decay = 0 } = o;
  const criteria = withDefaults({ relativeDecrease: 0, ...o });
  return {
    init: (objective, x) => ({ ...started(evaluate(objective, x)), k: 0, mean: zerosOf(x), square: zerosOf(x) }),
    step(objective, before) {
      const k = before.k + 1;
      const size = typeof step === "function" ? step(before.k) : step;
      const mean = mapLeaves((m, g) => m.mul(beta1).add(g.mul(1 - beta1)), before.mean, before.gradient);
      const square = mapLeaves((v, g) => v.mul(beta2).add(g.square().mul(1 - beta2)), before.square, before.gradient);
      const x = mapLeaves(
        (p, m, v) => {
          // 1e-30: √ has a derivative where v is 0, so that an unrolled run has one too.
          const root = v
            .div(1 - beta2 ** k)
            .add(1e-30)
            .sqrt();
          const move = m.div(1 - beta1 ** k).div(root.add(epsilon));
          return p.sub((decay > 0 ? move.add(p.mul(decay)) : move).mul(size));
        },
        before.x,
        mean,
        square,
      );
      return { ...advanced(before, evaluate(objective, x), criteria), k, mean, square };
    },
    done: verdict(criteria),
  };
}
