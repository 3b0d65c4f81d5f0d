import type { Iteration, State } from "../core/interfaces.js";
import type { GradientSums } from "../kernels/gradientSums.js";

type Moments = Pick<GradientSums, "weight" | "t" | "tt" | "u" | "uu" | "ut">;
/** r = a t + b u + o for the sums of t = v − u and u: what a linear intensity map between the two images makes of them. */
export interface Residual {
  readonly a: number;
  readonly b: number;
  readonly o: number;
  readonly gain: number;
}
/** gain and offset that fit  F ≈ g M + o  best ("ncc"), or 1 and 0. `own`: which of the two the grid belongs to. */
export function residualOf(s: Moments, kind: "ssd" | "ncc", own: "moving" | "fixed"): Residual {
  let [gain, o] = [1, 0];
  if (kind === "ncc" && s.weight > 0) {
    const [v, vv, uv] = [s.u + s.t, s.uu + 2 * s.ut + s.tt, s.uu + s.ut];
    const [m, mm, f] = own === "moving" ? [s.u, s.uu, v] : [v, vv, s.u];
    const variance = mm - (m * m) / s.weight;
    if (variance > 1e-12 * mm) gain = (uv - (m * f) / s.weight) / variance;
    o = (f - gain * m) / s.weight;
  }
  return { a: own === "moving" ? -1 : gain, b: gain - 1, o, gain };
}
export const squaresOf = (s: Moments, { a, b, o }: Residual): number =>
  Math.max(0, a * a * s.tt + b * b * s.uu + o * o * s.weight + 2 * (a * b * s.ut + a * o * s.t + b * o * s.u));
/** Σ w r ∇ ⊗ (p, 1) */
export const forcesOf = (s: Pick<GradientSums, "ofDifference" | "ofOwn" | "ofOne">, { a, b, o }: Residual): Float64Array =>
  s.ofOne.map((one, k) => a * s.ofDifference[k] + b * s.ofOwn[k] + o * one);

/** H − C S⁻¹ Cᵀ: the Hessian of θ when gain and offset follow it; C = (Σ J M, Σ J), S their own 2 × 2 part. */
export function following(
  hessian: number[],
  jm: readonly number[],
  j1: readonly number[],
  s: { mm: number; m: number; w: number },
): number[] {
  const det = s.mm * s.w - s.m * s.m;
  if (!(det > 1e-12 * s.mm * s.w)) return hessian;
  const n = jm.length;
  return hessian.map((h, k) => {
    const [i, j] = [Math.floor(k / n), k % n];
    return h - (s.w * jm[i] * jm[j] - s.m * (jm[i] * j1[j] + j1[i] * jm[j]) + s.mm * j1[i] * j1[j]) / det;
  });
}
export const dot = (a: ArrayLike<number>, b: ArrayLike<number>) => {
  let s = 0;
  for (let k = 0; k < a.length; k++) s += a[k] * b[k];
  return s;
};
/** R C Rᵀ for rows R [m][n] and C n × n. */
export function quadratic(rows: readonly ArrayLike<number>[], c: ArrayLike<number>): number[] {
  const n = rows[0].length;
  const half = rows.map((r) =>
    Float64Array.from({ length: n }, (_, j) =>
      dot(
        r,
        Float64Array.from({ length: n }, (_, i) => c[i * n + j]),
      ),
    ),
  );
  return half.flatMap((h) => rows.map((r) => dot(h, r)));
}

/** A point on the way of `inverseCompositional`: J there and the Gauss–Newton step from it. */
export interface Compositional<X> extends State<X> {
  readonly value: number;
  readonly step?: readonly number[];
  readonly decrease?: number;
  readonly stepNorm?: number;
  readonly stalled?: boolean;
}
/** x ← move(x, tδ) with the first of t = 1, ½, ¼, … that lowers J; δ comes with the evaluation, in mm. */
export function inverseCompositional<X>(
  at: (x: X) => Compositional<X>,
  move: (x: X, delta: readonly number[]) => X,
): Iteration<undefined, X, Compositional<X>> {
  return {
    init: (_, x) => at(x),
    step(_, before) {
      for (let t = 1; before.step && t > 1e-2; t /= 2) {
        const delta = before.step.map((v) => t * v);
        const next = at(move(before.x, delta));
        if (next.value < before.value) return { ...next, decrease: before.value - next.value, stepNorm: Math.hypot(...delta) };
      }
      return { ...before, stalled: true };
    },
    done: (s) =>
      s.stalled
        ? { stop: "converged", reason: "no composed step lowers the value any more" }
        : s.decrease !== undefined && s.decrease <= 1e-7 * s.value
          ? { stop: "converged", reason: "the value hardly falls any more" }
          : s.stepNorm !== undefined && s.stepNorm <= 1e-5
            ? { stop: "converged", reason: "the steps are small" }
            : undefined,
  };
}
