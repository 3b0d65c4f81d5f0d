import { ArgumentError } from "../core/errors.js";
import type { Conjugable, Differentiable, Fidelity, Proximable } from "../core/interfaces.js";
import { type Tensor, where } from "../tensor/index.js";

/**
 * Minus the log likelihood of counts y ~ Poisson(z + b), up to a constant so that its least value is 0:  Σ (zᵢ + b) − yᵢ + yᵢ log(yᵢ / (zᵢ + b)),
 * +∞ for z + b < 0 (the Kullback–Leibler divergence). `background` b ≥ 0 is what is counted without any signal.
 * prox_t(v) = ½ (v + b − t + √((v + b − t)² + 4 t y)) − b;  conjugate Σ −yᵢ log(1 − pᵢ) − b pᵢ where p < 1 (p ≤ 1 where y = 0).
 * @throws ArgumentError when a count is negative
 */
export function poisson(data: Tensor, background = 0): Fidelity & Proximable & Differentiable & Conjugable {
  if (data.size > 0 && data.min().item() < 0) throw new ArgumentError("poisson: a count is negative; counts are 0 or more", {});
  const positive = data.greater(0);
  const logs = (z: Tensor) => {
    // y log(y / z), 0 where y = 0
    const safe = where(positive, data, data.mul(0).add(1));
    return where(positive, data.mul(safe.log().sub(z.maximum(1e-30).log())), data.mul(0));
  };
  return {
    data,
    value(x) {
      const z = x.add(background);
      const inside = z.size === 0 || z.min().item() >= 0;
      const total = z.sub(data).add(logs(z)).sum();
      return inside ? total : total.mul(0).add(Number.POSITIVE_INFINITY);
    },
    gradient(x) {
      return data.div(x.add(background).maximum(1e-30)).neg().add(1);
    },
    prox(v, t) {
      const w = v.add(background).sub(t);
      return w
        .square()
        .add(data.mul(typeof t === "number" ? 4 * t : t.mul(4)))
        .sqrt()
        .add(w)
        .mul(0.5)
        .sub(background);
    },
    conjugate(p) {
      const q = p.data;
      const y = data.data;
      let sum = 0;
      for (let i = 0; i < q.length; i++) {
        if (y[i] > 0 ? q[i] >= 1 : q[i] > 1 + 1e-6) return Number.POSITIVE_INFINITY;
        if (y[i] > 0) sum -= y[i] * Math.log1p(-q[i]);
        sum -= background * q[i];
      }
      return sum;
    },
  };
}
