import { ArgumentError } from "../core/errors.js";
import type { Conjugable, Differentiable, Functional, Proximable } from "../core/interfaces.js";
import { Tensor, where } from "../tensor/index.js";

/** Duals that solvers make lie on the edge of their set up to f32 rounding. */
const slack = 1 + 1e-5;
const indicator = (inside: boolean): number => (inside ? 0 : Number.POSITIVE_INFINITY);
const largest = (x: Tensor): number => (x.size > 0 ? x.max().item() : 0);
/** √(Σ |x|²) over the first axis, which stays with length 1. */
const sizes = (x: Tensor): Tensor => x.abs().square().sum([0], true).sqrt();

/** ½‖x‖². prox_t(v) = v / (1 + t); conjugate ½‖p‖². Real or complex. */
export const squaredL2 = (): Functional & Proximable & Differentiable & Conjugable => ({
  lipschitz: 1,
  quadratic: {},
  value: (x) => x.innerProduct(x).mul(0.5),
  gradient: (x) => x,
  prox: (v, t) => v.div(t instanceof Tensor ? t.add(1) : 1 + t),
  conjugate: (p) => 0.5 * p.innerProduct(p).item(),
});

/** Σ |xᵢ|. prox_t(v) = v (1 − t / max(|v|, t)), soft shrinkage; conjugate 0 where all |pᵢ| ≤ 1, else ∞. Real or complex. */
export const l1 = (): Functional & Proximable & Conjugable => ({
  value: (x) => x.abs().sum(),
  prox(v, t) {
    const size = v.abs();
    return v.mul(size.sub(t).relu().div(size.maximum(1e-30)));
  },
  conjugate: (p) => indicator(largest(p.abs()) <= slack),
});

/**
 * Σ_k √(Σ_a x_{a,k}²), the sum over samples of the sizes of vectors whose components lie along the first axis: of a gradient, isotropic total
 * variation. prox_t shrinks each vector by t; conjugate 0 where every vector is at most 1 long, else ∞.
 */
export const l21 = (): Functional & Proximable & Conjugable => ({
  value: (x) => sizes(x).sum(),
  prox(v, t) {
    const size = sizes(v);
    return v.mul(size.sub(t).relu().div(size.maximum(1e-30)));
  },
  conjugate: (p) => indicator(largest(sizes(p)) <= slack),
});

/**
 * Σ_k h(|x_k|) with vectors along the first axis, h(s) = s²/2α up to α and s − α/2 beyond: `l21` with a round bottom, and so differentiable.
 * prox_t(v) = v (1 − t / max(|v|, α + t)); conjugate α/2 ‖p‖² where every vector is at most 1 long, else ∞.
 * @throws ArgumentError when α is not positive
 */
export function huberL21(alpha: number): Functional & Proximable & Differentiable & Conjugable {
  if (!(alpha > 0)) throw new ArgumentError(`huberL21: α is ${alpha}; give a positive number, or use l21`, { alpha });
  return {
    lipschitz: 1 / alpha,
    value(x) {
      const s = sizes(x);
      return where(s.less(alpha), s.square().div(2 * alpha), s.sub(alpha / 2)).sum();
    },
    gradient: (x) => x.div(sizes(x).maximum(alpha)),
    prox: (v, t) => v.sub(v.mul(t).div(sizes(v).maximum(t instanceof Tensor ? t.add(alpha) : alpha + t))),
    conjugate: (p) => indicator(largest(sizes(p)) <= slack) + 0.5 * alpha * p.innerProduct(p).item(),
  };
}

/**
 * 0 where low ≤ xᵢ ≤ high for all i, else ∞. prox clamps; conjugate Σ max(low pᵢ, high pᵢ).
 * @throws ArgumentError when low is above high
 */
export function box(low: number, high: number): Functional & Proximable & Conjugable {
  if (!(low <= high)) throw new ArgumentError(`box: from ${low} to ${high}; the lower end must not be above the upper one`, { low, high });
  const end = (p: Tensor, bound: number): number =>
    largest(p) <= 0 ? 0 : Number.isFinite(bound) ? bound * p.sum().item() : Number.POSITIVE_INFINITY;
  return {
    // The bounds as f32 numbers: what clamping gives must be inside.
    value: (x) =>
      Tensor.scalar(
        x.size === 0
          ? 0
          : indicator(x.min().item() >= Math.min(low, Math.fround(low)) && x.max().item() <= Math.max(high, Math.fround(high))),
        x.dtype,
      ),
    prox: (v) => v.clamp(low, high),
    conjugate: (p) => end(p.relu(), high) + end(p.neg().relu(), -low),
  };
}
/** 0 where no xᵢ is negative, else ∞. */
export const nonNegative = (): ReturnType<typeof box> => box(0, Number.POSITIVE_INFINITY);
