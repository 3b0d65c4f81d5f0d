import type { InverseProblem, Iteration } from "../core/interfaces.js";
import type { Tensor } from "../tensor/tensor.js";
import { addScaled, normOf } from "../tensor/variables.js";
import {
  type Block,
  back,
  fidelityOf,
  gradientAt,
  type InverseState,
  realDot,
  requirePart,
  sumOf,
  termsOf,
  through,
  valueAt,
} from "./inverse.js";

/** When conjugate gradients on the least-squares equations stop. */
export interface CglsOptions {
  /** Converged when the gradient's norm is this part of its norm at the start (default 1e-6). */
  readonly tolerance?: number;
  /** Stop at ‖Ax − y‖ ≤ this (Morozov). */
  readonly discrepancy?: number;
}
export interface CglsState extends InverseState {
  /** Kᵢx of the fidelity and of every term. */
  readonly images: readonly Tensor[];
  /** Of the next step. */
  readonly direction: Tensor;
  /** ‖∇J‖². */
  readonly gamma: Tensor;
  /** ‖A*(d − A x)‖. */
  readonly gradientNorm: number;
  /** The same at the start. */
  readonly firstNorm: number;
  /** ‖d − A x‖. */
  readonly misfit: number;
}
/** The blocks of a problem whose every part is a weighted square. @throws ArgumentError when one is not */
export function squares(p: InverseProblem, who: string): Block[] {
  const blocks = [fidelityOf(p), ...termsOf(p)];
  for (const b of blocks)
    requirePart(!!b.functional.quadratic && !!b.functional.gradient, who, `${b.name} is not a square ½‖Kx − y‖²; use fista, admm or pdhg`);
  return blocks;
}
const weighted = (b: Block, z: Tensor): Tensor => {
  const w = b.functional.quadratic?.weights;
  const v = w ? z.mul(w) : z;
  return b.weight === 1 ? v : v.mul(b.weight);
};

/**
 * Conjugate gradients for ½‖Ax − y‖²_W + Σ ½ λᵢ‖Kᵢx − yᵢ‖² without forming the normal equations: the residuals live where the data do, which keeps digits.
 * One A and one A* a step; the objective comes for free. Coefficients are tensors: unrolled steps are differentiable.
 * @throws ArgumentError when a part is not a square
 * @see Hestenes & Stiefel (1952); Björck (1996), Numerical Methods for Least Squares Problems, SIAM, algorithm 7.4.1
 */
export function cgls(o: CglsOptions = {}): Iteration<InverseProblem, Tensor, CglsState> {
  const { tolerance = 1e-6, discrepancy } = o;
  return {
    init(p, x) {
      const blocks = squares(p, "cgls");
      const images = blocks.map((b) => through(b, x));
      const direction = sumOf(blocks.map((b, i) => back(b, gradientAt(b, images[i])))).neg();
      const norm = normOf(direction);
      // How large the gradient is far from the solution: a warm start must not have to gain six more digits.
      const scale = sumOf(blocks.map((b, i) => back(b, gradientAt(b, images[i].mul(0)))));
      return {
        x,
        iteration: 0,
        images,
        direction,
        gamma: direction.innerProduct(direction),
        gradientNorm: norm,
        firstNorm: Math.max(norm, normOf(scale)),
        value: blocks.reduce((s, b, i) => s + valueAt(b, images[i]), 0),
        misfit: normOf(images[0].sub(p.fidelity.data)),
      };
    },
    step(p, s) {
      const blocks = squares(p, "cgls");
      const moves = blocks.map((b) => through(b, s.direction));
      const curvature = blocks.map((b, i) => moves[i].innerProduct(weighted(b, moves[i]))).reduce((a, b) => a.add(b));
      if (!(curvature.item() > 0)) return { ...s, iteration: s.iteration + 1, gradientNorm: 0 };
      const alpha = s.gamma.div(curvature);
      const x = addScaled(s.x, alpha, s.direction);
      const images = s.images.map((z, i) => addScaled(z, alpha, moves[i]));
      const descent = sumOf(blocks.map((b, i) => back(b, gradientAt(b, images[i])))).neg();
      const gamma = descent.innerProduct(descent);
      return {
        x,
        iteration: s.iteration + 1,
        images,
        direction: addScaled(descent, gamma.div(s.gamma), s.direction),
        gamma,
        gradientNorm: Math.sqrt(realDot(descent, descent)),
        firstNorm: s.firstNorm,
        value: blocks.reduce((sum, b, i) => sum + valueAt(b, images[i]), 0),
        misfit: normOf(images[0].sub(p.fidelity.data)),
      };
    },
    done(s) {
      if (discrepancy !== undefined && s.misfit <= discrepancy) return { stop: "converged", reason: "the misfit is down to the noise" };
      if (s.gradientNorm <= tolerance * s.firstNorm) return { stop: "converged", reason: "the gradient is small" };
      return undefined;
    },
  };
}
