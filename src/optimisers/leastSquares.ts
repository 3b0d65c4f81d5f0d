import { ArgumentError } from "../core/errors.js";
import type { LeastSquaresObjective, NormalEquations, NormalObjective, Variables } from "../core/interfaces.js";
import { scope } from "../core/scope.js";
import { pullback, pushforward } from "../tensor/primitive.js";
import type { Tensor } from "../tensor/tensor.js";
import { countOf, dotOf, fromFlat, leavesOf, toFlat, withLeaves } from "../tensor/variables.js";
import { type Evaluated, numberOf } from "./evaluate.js";

/** What Gauss–Newton methods accept: a residual, or a fused way to the normal equations. */
export type LeastSquares<X extends Variables> = LeastSquaresObjective<X> | NormalObjective<X>;

/** J = ½‖r‖² at x, its gradient g = Jᵀr, and the Gauss–Newton matrix JᵀJ where it is small enough to be written down. */
export interface LinearModel<X> extends Evaluated<X> {
  readonly hessian?: ArrayLike<number>;
}

const isNormal = <X extends Variables>(p: LeastSquares<X>): p is NormalObjective<X> => "normal" in p && p.normal !== undefined;
const residualOf = <X extends Variables>(p: LeastSquaresObjective<X>, x: X) => {
  if (!p.residual)
    throw new ArgumentError("gaussNewton: the objective has neither residual(x) nor normal(x); use lbfgs for a general one", {});
  return (...leaves: Tensor[]) => [p.residual(withLeaves(x, leaves))];
};

/** J(x) alone; with normal equations and no cheaper way to J, these too, so that they need not be had again. */
export function trial<X extends Variables>(p: LeastSquares<X>, x: X): { value: number; equations?: NormalEquations } {
  const { value } = p;
  if (value) return { value: scope(() => numberOf(value.call(p, x))) };
  if (isNormal(p)) {
    const equations = p.normal(x);
    return { value: equations.value, equations };
  }
  return scope(() => {
    const r = residualOf(p, x)(...leavesOf(x))[0];
    return { value: 0.5 * dotOf(r, r) };
  });
}

/** The model at x; the matrix for at most `dense` parameters, by forward mode, one column each. */
export function linearise<X extends Variables>(p: LeastSquares<X>, x: X, dense: number, known?: NormalEquations): LinearModel<X> {
  if (isNormal(p)) {
    const e = known ?? p.normal(x);
    return { x, value: e.value, gradient: fromFlat(e.gradient, x), hessian: e.hessian };
  }
  return scope(() => {
    const residual = residualOf(p, x);
    const n = countOf(x);
    if (n > dense) {
      const { values, pull } = pullback(residual, leavesOf(x));
      const r = values[0];
      return { x, value: 0.5 * dotOf(r, r), gradient: withLeaves(x, pull([r])) };
    }
    const r = residual(...leavesOf(x))[0];
    const columns: Tensor[] = [];
    for (let j = 0; j < n; j++) {
      const unit = new Float64Array(n);
      unit[j] = 1;
      columns.push(scope(() => pushforward(residual, leavesOf(x), leavesOf(fromFlat(unit, x))).tangents[0]));
    }
    const hessian = new Float64Array(n * n);
    for (let i = 0; i < n; i++) for (let j = 0; j <= i; j++) hessian[i * n + j] = hessian[j * n + i] = dotOf(columns[i], columns[j]);
    const gradient = fromFlat(
      columns.map((c) => dotOf(c, r)),
      x,
    );
    return { x, value: 0.5 * dotOf(r, r), gradient, hessian };
  });
}

/** d ↦ JᵀJ d: from the matrix, or one forward and one backward pass. Valid within the scope it is made in. */
export function gaussNewtonOperator<X extends Variables>(p: LeastSquares<X>, model: LinearModel<X>): (d: X) => X {
  const { x, hessian } = model;
  if (hessian) return (d) => fromFlat(matrixTimes(hessian, toFlat(d)), x);
  const residual = residualOf(p as LeastSquaresObjective<X>, x);
  const { pull } = pullback(residual, leavesOf(x));
  return (d) => scope(() => withLeaves(x, pull(pushforward(residual, leavesOf(x), leavesOf(d)).tangents)));
}

export function matrixTimes(a: ArrayLike<number>, v: ArrayLike<number>): Float64Array {
  const n = v.length;
  const out = new Float64Array(n);
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) out[i] += a[i * n + j] * v[j];
  return out;
}
