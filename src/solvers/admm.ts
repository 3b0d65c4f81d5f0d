import { ArgumentError } from "../core/errors.js";
import type { InverseProblem, Iteration } from "../core/interfaces.js";
import type { Tensor } from "../tensor/tensor.js";
import { addScaled, normOf } from "../tensor/variables.js";
import {
  type Block,
  back,
  converged,
  type InverseOptions,
  type InverseState,
  objectiveOf,
  proxAt,
  relativeChange,
  sumOf,
  through,
} from "./inverse.js";
import { type LinearPart, solveLinear, splitOf } from "./splitting.js";

/** ρ, over-relaxation, and how the linear part is solved. */
export interface AdmmOptions extends InverseOptions, LinearPart {
  /** The coupling ρ of every copy; a number, or one for each of them. Default: from the weights and the data, then balanced. */
  readonly rho?: number | readonly number[];
  /** Over-relaxation between 1 and 1.8 (default 1.6). */
  readonly relaxation?: number;
  /** Double or halve ρ when one residual is thirty times the other (default). It stops after 60 steps, so that convergence is sure. */
  readonly adaptive?: boolean;
  /** Steps between two values of the objective (default 10): each costs an A. */
  readonly valueEvery?: number;
}
export interface AdmmState extends InverseState {
  /** The weight of the coupling in a splitting. */
  readonly rho: readonly number[];
  /** Copies z = Kx and scaled duals u. */
  readonly z: readonly Tensor[];
  /** Scaled multipliers, block by block. */
  readonly u: readonly Tensor[];
  /** ‖Kx − z‖ and ρ‖K*(z − z⁻)‖, relative. */
  readonly primal: number;
  /** How much the split parts still move. */
  readonly dual: number;
}

/**
 * The alternating direction method of multipliers: every term gets a copy zᵢ = Kᵢx,
 *  x ← argmin F(Ax) + Σ ρᵢ/2 ‖Kᵢx − zᵢ + uᵢ‖²   a linear system, in closed form where the operators allow (see solveLinear)
 *  zᵢ ← prox_{λᵢRᵢ/ρᵢ}(Kᵢx + uᵢ)                 a shrinkage, a denoiser, a network
 *  uᵢ ← uᵢ + Kᵢx − zᵢ
 * A fidelity that is not least squares is split off as well. Converged when both residuals are below the tolerance, relative to what they compare.
 * @throws ArgumentError when a part has no prox
 * @see Boyd, Parikh, Chu, Peleato & Eckstein (2011), Found. Trends Mach. Learn. 3, sections 3.2 to 3.4
 */
export function admm(o: AdmmOptions = {}): Iteration<InverseProblem, Tensor, AdmmState> {
  const { relaxation = 1.6, adaptive = true, tolerance = 1e-5, valueEvery = 10 } = o;
  if (!(relaxation > 0 && relaxation < 2))
    throw new ArgumentError(`admm: relaxation ${relaxation}; give a number between 0 and 2`, { relaxation });
  const rhoOf = (blocks: readonly Block[], z: readonly Tensor[]) =>
    blocks.map((b, i) => {
      const given = typeof o.rho === "object" ? o.rho[i] : o.rho;
      if (given !== undefined) {
        if (!(given > 0)) throw new ArgumentError(`admm: rho is ${given}; give a positive number`, { rho: given });
        return given;
      }
      // λ/ρ is the threshold of the shrinkage: the size of what it shrinks is its natural measure.
      const size = z[i].size > 0 ? normOf(z[i]) / Math.sqrt(z[i].size) : 0;
      return b.weight / (size > 0 ? size : 1);
    });
  return {
    init(p, x) {
      const { copied } = splitOf(p, "admm");
      const z = copied.map((b) => through(b, x));
      // From an empty image the size of Kx says nothing: A*y stands in.
      const hint = z.every((t) => normOf(t) === 0) ? p.operator.adjoint(p.fidelity.data) : undefined;
      return {
        x,
        iteration: 0,
        rho: rhoOf(copied, hint ? copied.map((b) => through(b, hint)) : z),
        z,
        u: z.map((t) => t.mul(0)),
        primal: Number.POSITIVE_INFINITY,
        dual: Number.POSITIVE_INFINITY,
        value: objectiveOf(p, x),
      };
    },
    step(p, s) {
      const split = splitOf(p, "admm");
      const { copied } = split;
      const x = solveLinear(
        split,
        s.rho,
        s.z.map((z, i) => z.sub(s.u[i])),
        s.x,
        // Inexact solutions suffice while the outer steps are large.
        { innerTolerance: Math.max(1e-9, Math.min(1e-3, 0.03 * (s.change ?? 1e-2))), ...o },
      );
      const images = copied.map((b) => through(b, x));
      const relaxed = images.map((k, i) => addScaled(s.z[i], relaxation, k.sub(s.z[i])));
      const z = copied.map((b, i) => proxAt(b, relaxed[i].add(s.u[i]), 1 / s.rho[i]));
      let u = s.u.map((v, i) => v.add(relaxed[i]).sub(z[i]));
      const iteration = s.iteration + 1;
      const sizes = (xs: readonly Tensor[]) => Math.hypot(...xs.map((t) => normOf(t)));
      const primal = sizes(images.map((k, i) => k.sub(z[i]))) / Math.max(1e-30, sizes(images), sizes(z));
      const pulled = (ts: readonly Tensor[]) => ts.map((t, i) => back(copied[i], t.mul(s.rho[i])));
      const moved = pulled(z.map((t, i) => t.sub(s.z[i])));
      // Relative to the forces one by one: their sum may rightly be 0.
      const dual = (moved.length > 0 ? normOf(sumOf(moved)) : 0) / Math.max(1e-30, sizes(pulled(u)));
      let rho = s.rho;
      if (adaptive && iteration <= 60 && iteration % 5 === 0) {
        const factor = primal > 30 * dual ? 2 : dual > 30 * primal ? 0.5 : 1;
        if (factor !== 1) {
          rho = rho.map((r) => r * factor);
          u = u.map((v) => v.mul(1 / factor)); // u = (multiplier) / ρ
        }
      }
      return {
        x,
        iteration,
        rho,
        z,
        u,
        primal,
        dual,
        value: iteration % valueEvery === 0 ? objectiveOf(p, x) : undefined,
        change: Math.max(primal, dual, copied.length === 0 ? relativeChange(x, s.x) : 0),
      };
    },
    done(s) {
      const end = converged(s, tolerance);
      return end && { ...end, reason: `both residuals are below ${tolerance} of what they compare` };
    },
  };
}
