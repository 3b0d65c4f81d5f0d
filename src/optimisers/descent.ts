import type { Stop, Variables } from "../core/interfaces.js";
import { type addScaled, difference, mapLeaves, normOf } from "../tensor/variables.js";
import type { Evaluated } from "./evaluate.js";

/** When a descent has converged: any one suffices, and 0 switches one off. All are relative, so units do not matter. */
export interface Criteria {
  /** J fell by at most this part of |J| in the last step. */
  readonly relativeDecrease?: number;
  /** ‖∇J‖ is at most this part of what it was at the start. */
  readonly gradientNorm?: number;
  /** The last step was at most this part of 1 + ‖x‖. */
  readonly stepNorm?: number;
}

/** What a descent knows about its last step, for its criteria. */
export interface Descent<X> extends Evaluated<X> {
  /** J at the start. */
  readonly value0: number;
  /** ‖∇J‖ at the start. */
  readonly gradientNorm0: number;
  /** J before minus J after the last step; undefined before the first. */
  readonly decrease?: number;
  /** Length of the last step over 1 + ‖x‖; known when asked for. */
  readonly relativeStep?: number;
  /** No acceptable step exists from here, although the model expects one. */
  readonly stalled?: boolean;
  /** No acceptable step exists from here, and none is expected. */
  readonly exhausted?: boolean;
}

export const started = <X extends Variables>(at: Evaluated<X>): Descent<X> => ({
  ...at,
  value0: at.value,
  gradientNorm0: normOf(at.gradient),
});

/** The state after a step that was accepted. */
export function advanced<X extends Variables>(before: Descent<X>, at: Evaluated<X>, criteria: Criteria): Descent<X> {
  return {
    ...at,
    value0: before.value0,
    gradientNorm0: before.gradientNorm0,
    decrease: before.value - at.value,
    relativeStep: criteria.stepNorm ? normOf(difference(at.x, before.x)) / (1 + normOf(before.x)) : undefined,
  };
}

/**
 * The state when no step lowers J any more. Where the model expects no more than the criterion of decrease of |J|, or of all that J has
 * fallen (J may be near 0, a difference of larger numbers), the method has converged: the rest is below the rounding of J.
 */
export function exhausted<X extends Variables, S extends Descent<X>>(s: S, expected: number, criteria: Criteria): S {
  const scale = Math.max(Math.abs(s.value), s.value0 - s.value);
  return expected >= 0 && expected <= (criteria.relativeDecrease ?? 0) * scale ? { ...s, exhausted: true } : { ...s, stalled: true };
}

/** Default criteria with the user's on top: 1e-6 of J, a hundred times what f32 tells apart. */
export const withDefaults = (c: Criteria): Required<Criteria> => ({ relativeDecrease: 1e-6, gradientNorm: 0, stepNorm: 0, ...c });

/** `done` for a descent. */
export const verdict =
  (criteria: Required<Criteria>) =>
  (s: Descent<Variables>): { stop: Stop; reason: string } | undefined => {
    const converged = (reason: string) => ({ stop: "converged" as const, reason });
    const g = normOf(s.gradient);
    if (g <= criteria.gradientNorm * s.gradientNorm0) return converged(g === 0 ? "the gradient is zero" : "the gradient is small");
    if (s.stalled) return { stop: "stalled", reason: "no step along the search direction lowers the value" };
    const { relativeDecrease } = criteria;
    const fell = s.decrease !== undefined && s.decrease >= 0 && s.decrease <= relativeDecrease * Math.abs(s.value + s.decrease);
    if (s.exhausted || (fell && relativeDecrease > 0)) return converged("the value hardly falls any more");
    if (s.relativeStep !== undefined && s.relativeStep <= criteria.stepNorm) return converged("the steps are small");
    return undefined;
  };

/** P⁻¹: gradient ↦ direction, symmetric positive definite. It is where parameters of unlike units are made comparable. */
export type Preconditioner<X> = (gradient: X) => X;
/**
 * For parameters measured in units s, x = s ∘ u: the gradient descent of u is that of x with P⁻¹ = s².
 * A rotation of 1 rad moves a voxel 100 mm away by as much as a shift of 100 mm: scales 0.01 and 1.
 */
export const diagonal =
  <X extends Variables>(scales: X): Preconditioner<X> =>
  (g) =>
    mapLeaves((leaf, s) => leaf.mul(s.square()), g, scales);

/** x − t P⁻¹ ∇J. */
export const descend = <X extends Variables>(
  s: Evaluated<X>,
  t: Parameters<typeof addScaled>[1],
  preconditioner?: Preconditioner<X>,
): X => {
  const direction = preconditioner ? preconditioner(s.gradient) : s.gradient;
  return mapLeaves((a, b) => a.sub(b.mul(t)), s.x, direction);
};
