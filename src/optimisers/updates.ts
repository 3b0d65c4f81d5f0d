import type { UpdateRule } from "../core/interfaces.js";
import type { Tensor } from "../tensor/tensor.js";
import { mapLeaves, zerosOf } from "../tensor/variables.js";

/** Memory of the two moments and the decay of weights. */
export interface AdamWOptions {
  /** Step size, about the change of each number per step; or a schedule, k ↦ step, k = 0, 1, … (default 1e-3). */
  readonly step?: number | Tensor | ((k: number) => number);
  /** Memory of the mean of gradients. */
  readonly beta1?: number;
  /** Memory of the mean of their squares. */
  readonly beta2?: number;
  /** Added to the root of the second moment. */
  readonly epsilon?: number;
  /** Decoupled weight decay: x shrinks by step · decay in each step (default 0.01). */
  readonly decay?: number;
}

/**
 * m ← β₁m + (1−β₁)g,  v ← β₂v + (1−β₂)g²,  x ← x − s (m̂ / (√v̂ + ε) + decay · x), hats: divided by 1 − βᵏ.
 * @see Kingma & Ba (2015), Adam, ICLR, algorithm 1; Loshchilov & Hutter (2019), Decoupled weight decay regularization, ICLR, algorithm 2
 */
export function adamW(o: AdamWOptions = {}): UpdateRule {
  const { step = 1e-3, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, decay = 0.01 } = o;
  return {
    init: (x) => ({ mean: zerosOf(x), square: zerosOf(x) }),
    step(before, gradient, memory, done, factor = 1) {
      const k = done + 1;
      const full = typeof step === "function" ? step(done) : step;
      const size = typeof full === "number" ? full * factor : factor === 1 ? full : full.mul(factor);
      const mean = mapLeaves((m, g) => m.mul(beta1).add(g.mul(1 - beta1)), memory.mean, gradient);
      const square = mapLeaves((v, g) => v.mul(beta2).add(g.square().mul(1 - beta2)), memory.square, gradient);
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
        before,
        mean,
        square,
      );
      return { x, memory: { mean, square } };
    },
  };
}

/** Step size, momentum and the decay of weights. */
export interface SgdOptions {
  /** The step size. */
  readonly step: number;
  /** β, the part of the velocity that stays (default 0.9; 0: plain descent). */
  readonly momentum?: number;
  /** Look ahead: the step is g + βv rather than v. */
  readonly nesterov?: boolean;
  /** Decoupled weight decay (default 0). */
  readonly decay?: number;
}

/**
 * v ← βv + g,  x ← x − s (v + decay · x); Nesterov: x ← x − s (g + βv + decay · x) with the new v.
 * @see Sutskever, Martens, Dahl & Hinton (2013), On the importance of initialization and momentum in deep learning, ICML
 */
export function sgd({ step, momentum = 0.9, nesterov = false, decay = 0 }: SgdOptions): UpdateRule {
  return {
    init: (x) => ({ velocity: zerosOf(x) }),
    step(before, gradient, memory, _, factor = 1) {
      const velocity = mapLeaves((v, g) => v.mul(momentum).add(g), memory.velocity, gradient);
      const x = mapLeaves(
        (p, v, g) => {
          const move = nesterov ? g.add(v.mul(momentum)) : v;
          return p.sub((decay > 0 ? move.add(p.mul(decay)) : move).mul(step * factor));
        },
        before,
        velocity,
        gradient,
      );
      return { x, memory: { velocity } };
    },
  };
}
