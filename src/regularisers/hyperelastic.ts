import { ArgumentError } from "../core/errors.js";
import { diffusion } from "./diffusion.js";
import { checkField, type FieldRegulariser } from "./fieldRegulariser.js";
import { barrier, determinants } from "./volume.js";

/** Weights of lengths and of volumes. */
export interface HyperelasticOptions {
  /** Weight of ½ |∇u|²: lengths. Default 1. */
  readonly length?: number;
  /** Weight of ((J − 1)²/J)²: volumes. Default 1. */
  readonly volume?: number;
}
const least = 0.05;
/**
 * Hyperelasticity,  S(u) = mean( length · ½ |∇u|² + volume · ((J − 1)²/J)² ),  J = det(I + ∇u).  Large smooth deformations cost little,
 * folds without bound: as far as differences show them (a steep parabola from J = 0.05 down). A plain number.
 * @throws ArgumentError for negative weights; GridError when u does not lie on the grid
 * @see Burger, Modersitzki, Ruthotto (2013), A hyperelastic regularization energy for image registration, SIAM J. Sci. Comput. 35
 */
export function hyperelastic({ length = 1, volume = 1 }: HyperelasticOptions = {}): FieldRegulariser {
  if (!(length >= 0) || !(volume >= 0))
    throw new ArgumentError(`hyperelastic: weights ${length}, ${volume}; give none below 0`, { length, volume });
  const lengths = diffusion();
  // ψ = q², q = v − 2 + 1/v:  ψ′ = 2 q q′,  ψ″ = 2 (q′² + q q″)
  const [q, q1, q2] = [least - 2 + 1 / least, 1 - 1 / least ** 2, 2 / least ** 3];
  const at = [2 * q * q1, 2 * (q1 * q1 + q * q2)] as const;
  return {
    name: "hyperelastic",
    lengthPower: 0,
    quadratic: false,
    value(u, grid) {
      checkField("hyperelastic", u, grid);
      const volumes = barrier(determinants(u, grid), (v) => v.sub(1).square().div(v).square(), at).mean();
      return lengths.value(u, grid).mul(length).add(volumes.mul(volume));
    },
  };
}
