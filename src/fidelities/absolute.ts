import type { Conjugable, Fidelity, Proximable } from "../core/interfaces.js";
import type { Tensor } from "../tensor/index.js";

/** Σ |zᵢ − yᵢ|, real: outliers count no more than in proportion. prox_t(v) = y + shrink(v − y, t);  conjugate ⟨p, y⟩ where |p| ≤ 1. */
export const absolute = (data: Tensor): Fidelity & Proximable & Conjugable => ({
  data,
  value: (z) => z.sub(data).abs().sum(),
  prox(v, t) {
    const r = v.sub(data);
    return data.add(r.sign().mul(r.abs().sub(t).maximum(0)));
  },
  conjugate: (p) => (p.abs().max().item() <= 1 + 1e-5 ? p.innerProduct(data).item() : Number.POSITIVE_INFINITY),
});
