import type { Objective, State, Variables } from "../core/interfaces.js";
import { scope } from "../core/scope.js";
import { valueAndGrad } from "../tensor/differentiate.js";
import { pushforward } from "../tensor/primitive.js";
import type { Tensor } from "../tensor/tensor.js";
import { leavesOf, withLeaves } from "../tensor/variables.js";

/** A point with J and ∇J there. */
export interface Evaluated<X> extends State<X> {
  /** The objective there. */
  readonly value: number;
  /** The slope. */
  readonly gradient: X;
}

export const numberOf = (v: number | Tensor): number => (typeof v === "number" ? v : v.item());

/** J(x), a plain number. */
export const valueAt = <X extends Variables>(objective: Objective<X>, x: X): number => scope(() => objective.value(x).item());

/** J(x) and ∇J(x), by the objective's own way or by automatic differentiation. */
export function evaluate<X extends Variables>(objective: Objective<X>, x: X): Evaluated<X> {
  if (objective.valueAndGrad) {
    const { value, gradient } = objective.valueAndGrad(x);
    return { x, value: numberOf(value), gradient };
  }
  const { value, gradients } = valueAndGrad((...leaves) => objective.value(withLeaves(x, leaves)))(...leavesOf(x));
  return { x, value: value.item(), gradient: withLeaves(x, gradients) };
}

/** ∇²J(x) d, by the objective's own way or by forward-over-reverse differentiation. */
export function hessianTimes<X extends Variables>(objective: Objective<X>, x: X, d: X): X {
  if (objective.hvp) return objective.hvp(x, d);
  const gradient = valueAndGrad((...leaves) => objective.value(withLeaves(x, leaves)));
  return withLeaves(
    x,
    scope(() => pushforward((...leaves) => gradient(...leaves).gradients, leavesOf(x), leavesOf(d)).tangents),
  );
}
