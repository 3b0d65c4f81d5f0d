import { solvePositive } from "../core/cholesky.js";
import type { Iteration, NormalEquations, Variables } from "../core/interfaces.js";
import { scope } from "../core/scope.js";
import { cg } from "../solvers/cg.js";
import type { Tensor } from "../tensor/tensor.js";
import { addScaled, countOf, dotOf, fromFlat, scaled, toFlat } from "../tensor/variables.js";
import { advanced, type Criteria, type Descent, exhausted, type Preconditioner, started, verdict, withDefaults } from "./descent.js";
import { gaussNewtonOperator, type LeastSquares, type LinearModel, linearise, trial } from "./leastSquares.js";
import { backtrack } from "./lineSearch.js";

export interface LeastSquaresOptions<X = Tensor> extends Criteria {
  /** Up to this many parameters the matrix is written down and factored; beyond, conjugate gradients use it without (default 64). */
  readonly dense?: number;
  /** Conjugate gradients: most steps, and the residual they stop at (default 50, 0.01). */
  readonly cgIterations?: number;
  /** How exactly each step's equations are solved, relative. */
  readonly cgResidual?: number;
  /** Conjugate gradients: P⁻¹ near (JᵀJ)⁻¹. */
  readonly preconditioner?: Preconditioner<X>;
  /** How a step d changes x: by default x + d; a compositional update puts `compose` here. */
  readonly update?: (x: X, d: X) => X;
}
export interface GaussNewtonState<X> extends Descent<X> {
  /** JᵀJ, where it was formed. */
  readonly hessian?: ArrayLike<number>;
}

/**
 * Gauss–Newton: (JᵀJ) d = −Jᵀr, x ← x + t d, t = 1, ½, ¼ … the first with sufficient decrease.
 * Second order where the residual is small or nearly linear; a singular JᵀJ gets the least multiple of its diagonal that mends it.
 * @see Nocedal & Wright (2006), Numerical optimization, section 10.3
 */
export function gaussNewton<X extends Variables = Tensor>(
  o: LeastSquaresOptions<X> = {},
): Iteration<LeastSquares<X>, X, GaussNewtonState<X>> {
  const { dense = 64, update = (x: X, d: X) => addScaled(x, 1, d) } = o;
  const criteria = withDefaults(o);
  return {
    init: (p, x) => {
      const model = linearise(p, x, dense);
      return { ...started(model), hessian: model.hessian };
    },
    step(p, before) {
      const d = scope(() => solveDamped(p, before, 0, undefined, o));
      const slope = dotOf(before.gradient, d);
      const found = backtrack(
        (t) => {
          const x = update(before.x, scaled(d, t));
          const { value, equations } = trial(p, x);
          return { value, at: { x, equations } };
        },
        { value: before.value, slope },
      );
      if (!found) return exhausted(before, -0.5 * slope, criteria);
      return accepted(p, before, found.at.x, dense, criteria, found.at.equations);
    },
    done: verdict(criteria),
  };
}

/** The state at an accepted x. */
export function accepted<X extends Variables>(
  p: LeastSquares<X>,
  before: Descent<X>,
  x: X,
  dense: number,
  criteria: Criteria,
  known?: NormalEquations,
): GaussNewtonState<X> {
  const model = linearise(p, x, dense, known);
  return { ...advanced(before, model, criteria), hessian: model.hessian };
}

/** Solve (JᵀJ + μD) d = −g. `weights` is the diagonal D (dense), 1 without. */
export function solveDamped<X extends Variables>(
  p: LeastSquares<X>,
  model: LinearModel<X>,
  mu: number,
  weights: Float64Array | undefined,
  o: LeastSquaresOptions<X>,
): X {
  const { x, gradient, hessian } = model;
  if (hessian) {
    const n = countOf(x);
    const b = toFlat(gradient).map((v) => -v);
    const a = Float64Array.from(hessian);
    for (let i = 0; i < n; i++) a[i * n + i] += mu * (weights ? weights[i] : 1);
    return fromFlat(solveMended(a, b), x);
  }
  const times = gaussNewtonOperator(p, model);
  const apply = mu > 0 ? (d: X) => addScaled(times(d), mu, d) : times;
  const { cgIterations: iterations = 50, cgResidual: relativeResidual = 0.01, preconditioner } = o;
  return cg({ apply, rhs: scaled(gradient, -1), preconditioner }, { iterations, relativeResidual }).x;
}

/** A x = b; to a singular A multiples of its diagonal are added, from 1e-12 up tenfold, until it is positive definite. */
function solveMended(a: Float64Array, b: Float64Array): Float64Array {
  const n = b.length;
  const largest = a.reduce((m, v, i) => (i % (n + 1) === 0 ? Math.max(m, v) : m), 0);
  for (let shift = 0; shift < 1e6; shift = shift === 0 ? 1e-12 : 10 * shift) {
    const mended = a.map((v, i) => (i % (n + 1) === 0 ? v + shift * (v > 0 ? v : largest || 1) : v));
    const x = solvePositive(mended, b);
    if (x) return x;
  }
  return b; // not a matrix of squares at all: the steepest descent
}
