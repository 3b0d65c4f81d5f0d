import type { InverseProblem, Iteration } from "../core/interfaces.js";
import type { Tensor } from "../tensor/tensor.js";
import { addScaled, normOf } from "../tensor/variables.js";
import {
  type Block,
  back,
  converged,
  fidelityOf,
  gradientAt,
  type InverseOptions,
  type InverseState,
  relativeChange,
  requirePart,
  sumOf,
  termsOf,
  through,
  valueAt,
} from "./inverse.js";
import { normOfOperator } from "./operatorNorm.js";

/** The step size. */
export interface LandweberOptions extends InverseOptions {
  /** τ as a part of 1/L, L the Lipschitz constant of the gradient; between 0 and 2 (default 1). */
  readonly relaxation?: number;
  /** Stop at ‖Ax − y‖ ≤ this, Morozov's discrepancy principle: early stopping is what regularises here. About 1.02 times the noise's norm. */
  readonly discrepancy?: number;
  /** After each step: a projection, say onto numbers that are not negative. */
  readonly project?: (x: Tensor) => Tensor;
}
export interface LandweberState extends InverseState {
  /** Step size. */
  readonly step: number;
  /** A x, block by block. */
  readonly images: readonly Tensor[];
  /** ‖d − A x‖. */
  readonly misfit: number;
}

/** L of x ↦ Σ w f(Kx). */
export const smoothness = (blocks: readonly Block[]): number =>
  blocks.reduce((s, b) => s + b.weight * (b.functional.lipschitz ?? Number.POSITIVE_INFINITY) * normOfOperator(b.operator) ** 2, 0);

/**
 * x ← x − τ (A*∇F(Ax) + Σ λᵢ Kᵢ*∇Rᵢ(Kᵢx)), for a fidelity and terms with gradients; with least squares and no terms Landweber's x + τ A*(y − Ax).
 * One A and one A* a step.
 * @throws ArgumentError when a part has no gradient
 * @see Landweber (1951), American Journal of Mathematics 73
 */
export function landweber(o: LandweberOptions = {}): Iteration<InverseProblem, Tensor, LandweberState> {
  const { relaxation = 1, tolerance = 1e-5, discrepancy, project } = o;
  const blocksOf = (p: InverseProblem) => [fidelityOf(p), ...termsOf(p)];
  return {
    init(p, x) {
      const blocks = blocksOf(p);
      for (const b of blocks)
        requirePart(!!b.functional.gradient, "landweber", `${b.name} has no gradient; use fista, admm or pdhg, which take its prox`);
      const images = blocks.map((b) => through(b, x));
      const L = smoothness(blocks);
      return {
        x,
        iteration: 0,
        images,
        step: L > 0 ? relaxation / L : 0,
        value: blocks.reduce((s, b, i) => s + valueAt(b, images[i]), 0),
        misfit: normOf(images[0].sub(p.fidelity.data)),
      };
    },
    step(p, s) {
      const blocks = blocksOf(p);
      const g = sumOf(blocks.map((b, i) => back(b, gradientAt(b, s.images[i]))));
      const moved = addScaled(s.x, -s.step, g);
      const x = project ? project(moved) : moved;
      const images = blocks.map((b) => through(b, x));
      return {
        x,
        iteration: s.iteration + 1,
        images,
        step: s.step,
        value: blocks.reduce((sum, b, i) => sum + valueAt(b, images[i]), 0),
        misfit: normOf(images[0].sub(p.fidelity.data)),
        change: relativeChange(x, s.x),
      };
    },
    done(s) {
      if (discrepancy !== undefined && s.misfit <= discrepancy) return { stop: "converged", reason: "the misfit is down to the noise" };
      return converged(s, tolerance);
    },
  };
}
