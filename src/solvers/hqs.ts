import { ArgumentError } from "../core/errors.js";
import type { InverseProblem, Iteration } from "../core/interfaces.js";
import type { Tensor } from "../tensor/tensor.js";
import { type InverseOptions, type InverseState, objectiveOf, proxAt, relativeChange, through } from "./inverse.js";
import { type LinearPart, solveLinear, splitOf } from "./splitting.js";

/** How the coupling grows, and how the linear part is solved. */
export interface HqsOptions extends InverseOptions, LinearPart {
  /** The couplings μ_k, one a step: rising, they tighten z = Kx. The last one stays. */
  readonly couplings: readonly number[];
  /** Steps between two values of the objective (default 1). A prior that is a denoiser may have none: 0 computes none. */
  readonly valueEvery?: number;
}
export interface HqsState extends InverseState {
  /** The split parts. */
  readonly z: readonly Tensor[];
}
/** μ_k from `first` to `last` in geometric steps. */
export const geometric = (first: number, last: number, steps: number): number[] =>
  Array.from({ length: steps }, (_, k) => (steps === 1 ? last : first * (last / first) ** (k / (steps - 1))));

/**
 * Half-quadratic splitting: z ← prox_{λR/μ_k}(Kx), x ← argmin F(Ax) + μ_k/2 ‖Kx − z‖², with μ_k rising. Few steps bring it near; with a denoiser for the prox it is the usual
 * plug-and-play method (noise of variance λ/μ_k at step k).
 * @throws ArgumentError when a part has no prox, or a coupling is not positive
 * @see Geman & Yang (1995), IEEE Trans. Image Processing 4; Zhang, Zuo, Gu & Zhang (2017), CVPR
 */
export function hqs(o: HqsOptions): Iteration<InverseProblem, Tensor, HqsState> {
  const { couplings, valueEvery = 1, tolerance = 0 } = o;
  if (couplings.length === 0 || couplings.some((m) => !(m > 0)))
    throw new ArgumentError(`hqs: couplings [${couplings}]; give positive numbers, one a step`, { couplings });
  return {
    init(p, x) {
      const { copied } = splitOf(p, "hqs");
      return { x, iteration: 0, z: copied.map((b) => through(b, x)), value: valueEvery > 0 ? objectiveOf(p, x) : undefined };
    },
    step(p, s) {
      const split = splitOf(p, "hqs");
      const mu = couplings[Math.min(s.iteration, couplings.length - 1)];
      const z = split.copied.map((b) => proxAt(b, through(b, s.x), 1 / mu));
      const x = solveLinear(
        split,
        split.copied.map(() => mu),
        z,
        s.x,
        o,
      );
      const iteration = s.iteration + 1;
      return {
        x,
        iteration,
        z,
        value: valueEvery > 0 && iteration % valueEvery === 0 ? objectiveOf(p, x) : undefined,
        change: relativeChange(x, s.x),
      };
    },
    done(s) {
      if (s.iteration >= couplings.length && tolerance === 0) return { stop: "converged", reason: "all couplings are done" };
      if (s.iteration >= couplings.length && s.change !== undefined && s.change <= tolerance)
        return { stop: "converged", reason: `a step changes x by ${s.change.toExponential(1)} of its size` };
      return undefined;
    },
  };
}
