import type { InverseProblem, Iteration } from "../core/interfaces.js";
import type { Tensor } from "../tensor/tensor.js";
import { addScaled, normOf } from "../tensor/variables.js";
import { squares } from "./cgls.js";
import { type Block, back, type InverseState, sumOf, through } from "./inverse.js";

/** Tolerances and damping of Paige and Saunders. */
export interface LsqrOptions {
  /** Converged when ‖A*r‖ ≤ tolerance · ‖A‖‖r‖, by the estimates of the bidiagonalisation (default 1e-6). */
  readonly tolerance?: number;
  /** Stop when the estimate of A's condition exceeds this (default ∞): going on would fit noise. */
  readonly conditionLimit?: number;
}
export interface LsqrState extends InverseState {
  /** Left vectors of the bidiagonalisation. */
  readonly u: readonly Tensor[];
  /** Right vector of the bidiagonalisation. */
  readonly v: Tensor;
  /** The direction of the next update. */
  readonly w: Tensor;
  /** αₖ of the bidiagonalisation. */
  readonly alpha: number;
  /** ρ̄ of the QR factorisation. */
  readonly rhoBar: number;
  /** φ̄ of the QR factorisation: ‖b − A x‖. */
  readonly phiBar: number;
  /** ‖A‖ in Frobenius' norm, ‖A*r‖ / (‖A‖‖r‖), and cond A: estimates. */
  readonly frobenius: number;
  /** ‖A*r‖ / (‖A‖ ‖r‖), an estimate. */
  readonly normalResidual: number;
  /** cond A, an estimate. */
  readonly condition: number;
  /** Σ ‖w/ρ‖², of which the estimate of cond A is made. */
  readonly ddnorm: number;
}

/** K scaled so that every block is ½‖·‖²: the root of weight times weights. */
const rootWeight = (b: Block, z: Tensor): Tensor => {
  const w = b.functional.quadratic?.weights;
  const v = w ? z.mul(w.sqrt()) : z;
  return b.weight === 1 ? v : v.mul(Math.sqrt(b.weight));
};

/**
 * LSQR: Golub and Kahan's bidiagonalisation of the stack of A and √λᵢKᵢ, for the same problems as `cgls` and with the same iterates in exact arithmetic; it keeps
 * more digits where A is ill-conditioned, and knows the condition. From any start.
 * @throws ArgumentError when a part is not a square
 * @see Paige & Saunders (1982), LSQR: an algorithm for sparse linear equations and sparse least squares, ACM TOMS 8
 */
export function lsqr(o: LsqrOptions = {}): Iteration<InverseProblem, Tensor, LsqrState> {
  const { tolerance = 1e-6, conditionLimit = Number.POSITIVE_INFINITY } = o;
  const scale = (xs: readonly Tensor[], c: number) => xs.map((x) => x.mul(c));
  const length = (xs: readonly Tensor[]) => Math.hypot(...xs.map((x) => normOf(x)));
  const pull = (blocks: readonly Block[], u: readonly Tensor[]) => sumOf(blocks.map((b, i) => back(b, rootWeight(b, u[i]))));
  return {
    init(p, x) {
      const blocks = squares(p, "lsqr");
      let u = blocks.map((b) => {
        const z = through(b, x);
        const y = b.functional.quadratic?.data;
        return rootWeight(b, y ? y.sub(z) : z.neg());
      });
      const beta = length(u);
      if (beta > 0) u = scale(u, 1 / beta);
      let v = pull(blocks, u);
      const alpha = normOf(v);
      if (alpha > 0) v = v.mul(1 / alpha);
      return {
        x,
        iteration: 0,
        value: 0.5 * beta * beta,
        u,
        v,
        w: v,
        alpha,
        rhoBar: alpha,
        phiBar: beta,
        frobenius: 0,
        normalResidual: alpha * beta > 0 ? 1 : 0,
        condition: 0,
        ddnorm: 0,
      };
    },
    step(p, s) {
      const blocks = squares(p, "lsqr");
      let u = blocks.map((b, i) => addScaled(rootWeight(b, through(b, s.v)), -s.alpha, s.u[i]));
      const beta = length(u);
      if (beta > 0) u = scale(u, 1 / beta);
      let v = addScaled(pull(blocks, u), -beta, s.v);
      const alpha = normOf(v);
      if (alpha > 0) v = v.mul(1 / alpha);
      const rho = Math.hypot(s.rhoBar, beta);
      const [c, sine] = [s.rhoBar / rho, beta / rho];
      const theta = sine * alpha;
      const phi = c * s.phiBar;
      const phiBar = sine * s.phiBar;
      const frobenius = Math.hypot(s.frobenius, s.alpha, beta);
      const ddnorm = s.ddnorm + (normOf(s.w) / rho) ** 2;
      return {
        x: addScaled(s.x, phi / rho, s.w),
        iteration: s.iteration + 1,
        value: 0.5 * phiBar * phiBar,
        u,
        v,
        w: addScaled(v, -theta / rho, s.w),
        alpha,
        rhoBar: -c * alpha,
        phiBar,
        frobenius,
        normalResidual: frobenius > 0 ? (alpha * Math.abs(c)) / frobenius : 0,
        condition: frobenius * Math.sqrt(ddnorm),
        ddnorm,
      };
    },
    done(s) {
      if (s.normalResidual <= tolerance) return { stop: "converged", reason: "the gradient is small" };
      if (s.phiBar === 0) return { stop: "converged", reason: "the equations are solved" };
      if (s.condition > conditionLimit) return { stop: "stalled", reason: `the condition is above ${conditionLimit}` };
      return undefined;
    },
  };
}
