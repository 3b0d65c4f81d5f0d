import { tvGradient, tvGradientAdjoint } from "./totalVariation.js";

/** Plain twin of `laplacian`: m · ∇*∇x. Size [(D, (H,)) W]. */
export function laplacian(x: ArrayLike<number>, size: readonly number[], m?: ArrayLike<number>): Float64Array {
  const geometry = { size, periodic: false };
  return tvGradientAdjoint(tvGradient(x, geometry), geometry).map((v, k) => v * (m ? m[k] : 1));
}
