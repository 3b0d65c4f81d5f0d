import type { Conjugable, Differentiable, Fidelity, Proximable } from "../core/interfaces.js";
import { Tensor } from "../tensor/index.js";

/**
 * ½ Σ wᵢ |zᵢ − yᵢ|²; without weights ½‖z − y‖². Real or complex; weights are real and not negative (one over the noise's variance).
 * prox_t(v) = (v + t w y) / (1 + t w);  conjugate ½ Σ |pᵢ|²/wᵢ + Re⟨p, y⟩.
 */
export function leastSquares(data: Tensor, weights?: Tensor): Fidelity & Proximable & Differentiable & Conjugable {
  const weighted = (x: Tensor) => (weights ? x.mul(weights) : x);
  return {
    data,
    quadratic: { data, weights },
    lipschitz: weights ? Math.max(0, weights.max().item()) : 1,
    value(z) {
      const r = z.sub(data);
      return r.innerProduct(weighted(r)).mul(0.5);
    },
    gradient: (z) => weighted(z.sub(data)),
    prox(v, t) {
      if (!weights) return v.add(data.mul(t)).div(t instanceof Tensor ? t.add(1) : 1 + t);
      const tw = weights.mul(t);
      return v.add(data.mul(tw)).div(tw.add(1));
    },
    conjugate(p) {
      const linear = p.innerProduct(data).item();
      if (!weights) return 0.5 * p.innerProduct(p).item() + linear;
      // Where a weight is 0 the term is 0 for every z, so its conjugate is ∞ unless p is 0 there.
      const q = p.mul(weights.equal(0));
      if (q.abs().max().item() > 1e-6 * Math.max(1, p.abs().max().item())) return Number.POSITIVE_INFINITY;
      return 0.5 * p.innerProduct(p.div(weights.add(weights.equal(0)))).item() + linear;
    },
  };
}
