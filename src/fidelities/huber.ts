import { ArgumentError } from "../core/errors.js";
import type { Conjugable, Differentiable, Fidelity, Proximable } from "../core/interfaces.js";
import { type Tensor, where } from "../tensor/index.js";

/**
 * Σ h(zᵢ − yᵢ),  h(r) = r²/2δ for |r| ≤ δ, |r| − δ/2 beyond: squares for noise, absolute values for outliers.
 * @throws ArgumentError unless δ > 0
 * @see Huber (1964), Robust estimation of a location parameter, Annals of Mathematical Statistics 35
 */
export function huber(data: Tensor, delta: number): Fidelity & Proximable & Differentiable & Conjugable {
  if (!(delta > 0)) throw new ArgumentError(`huber: delta is ${delta}; expected a positive number in the data's units`, { delta });
  return {
    data,
    lipschitz: 1 / delta,
    value(z) {
      const r = z.sub(data).abs();
      return where(r.lessEqual(delta), r.square().mul(0.5 / delta), r.sub(0.5 * delta)).sum();
    },
    gradient: (z) => z.sub(data).div(delta).clamp(-1, 1),
    prox(v, t) {
      const r = v.sub(data);
      const size = r.abs();
      // r / (1 + t/δ) while that stays within δ, else shrunk by t.
      const inner = typeof t === "number" ? r.mul(delta / (delta + t)) : r.mul(delta).div(t.add(delta));
      const outer = r.sign().mul(size.sub(t));
      return data.add(where(inner.abs().lessEqual(delta), inner, outer));
    },
    conjugate: (p) =>
      p.abs().max().item() <= 1 + 1e-5 ? 0.5 * delta * p.square().sum().item() + p.innerProduct(data).item() : Number.POSITIVE_INFINITY,
  };
}
