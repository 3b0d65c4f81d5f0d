import { ArgumentError } from "../core/errors.js";
import type { Tensor } from "../tensor/index.js";
import { alongAxes, checkField, type FieldRegulariser, slopes, total } from "./fieldRegulariser.js";

/** Lamé's constants. */
export interface ElasticOptions {
  /** Lamé's λ ≥ 0: resistance to changes of volume beyond that of μ. Default 0. */
  readonly lambda?: number;
  /** Lamé's μ > 0: resistance to shear and stretch. Default 1. */
  readonly mu?: number;
}
/** ∂wᵢ/∂aⱼ as planes [(z,) y, x]; undefined along an axis of one sample. */
export function gradientMatrix(w: Tensor, grid: Parameters<typeof slopes>[1]): (i: number, j: number) => Tensor | undefined {
  const all = slopes(w, grid);
  return (i, j) => all.find((s) => s.j === j)?.slope.slice([i], [i + 1]);
}

/**
 * Linear elasticity,  S(u) = mean( μ |ε|² + ½ λ (tr ε)² ),  ε = ½ (∇u + ∇uᵀ)  (central differences).  Zero for translations and
 * infinitesimal rotations. A plain number, in units of μ.
 * @throws ArgumentError for μ ≤ 0 or λ < 0; GridError when u does not lie on the grid
 * @see Broit (1981), Optimal registration of deformed images, University of Pennsylvania; Modersitzki (2009), FAIR, SIAM
 */
export function elastic({ lambda = 0, mu = 1 }: ElasticOptions = {}): FieldRegulariser {
  if (!(mu > 0) || !(lambda >= 0)) throw new ArgumentError(`elastic: λ = ${lambda}, μ = ${mu}; λ ≥ 0 and μ > 0 are needed`, { lambda, mu });
  return {
    name: "elastic",
    lengthPower: 0,
    quadratic: true,
    value(u, grid) {
      checkField("elastic", u, grid);
      const d = grid.size.length;
      const of = gradientMatrix(alongAxes(u, grid), grid);
      const terms: Tensor[] = [];
      let trace: Tensor | undefined;
      for (let i = 0; i < d; i++) {
        const g = of(i, i);
        if (g) {
          terms.push(g.square().mean().mul(mu));
          trace = trace ? trace.add(g) : g;
        }
        for (let j = 0; j < i; j++) {
          const [a, b] = [of(i, j), of(j, i)];
          const shear = a && b ? a.add(b) : (a ?? b);
          if (shear)
            terms.push(
              shear
                .square()
                .mean()
                .mul(mu / 2),
            ); // twice (½ shear)²
        }
      }
      if (trace && lambda > 0)
        terms.push(
          trace
            .square()
            .mean()
            .mul(lambda / 2),
        );
      return total(terms, u);
    },
  };
}
