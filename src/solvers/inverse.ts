import { ArgumentError } from "../core/errors.js";
import type { Conjugable, Functional, InverseProblem, LinearOperator, PriorTerm, Proximable, State, Stop } from "../core/interfaces.js";
import { Tensor } from "../tensor/tensor.js";
import { addScaled, dotOf, normOf } from "../tensor/variables.js";

/** What every solver of F(Ax) + Σ λᵢ Rᵢ(Kᵢx) remembers. */
export interface InverseState extends State<Tensor> {
  /** Steps so far. */
  readonly iteration: number;
  /** The objective at x, where it was computed in this step. */
  readonly value?: number;
  /** objective − minimum is at most this, certified by a dual point: from the last look at it. */
  readonly gap?: number;
  /** How far x is from a fixed point of the step, relative to x. */
  readonly change?: number;
}
/** What every solver of inverse problems takes: when it stops, and what x must satisfy. */
export interface InverseOptions {
  /** Converged when gap ≤ tolerance · |objective|; where there is no gap, when the fixed-point residual ≤ tolerance · ‖x‖. Default 1e-5. */
  readonly tolerance?: number;
  /** Steps between two looks at the gap (default 10): each costs about a step. */
  readonly checkEvery?: number;
}
export const converged = (s: InverseState, tolerance: number): { stop: Stop; reason: string } | undefined => {
  if (s.iteration === 0) return undefined;
  if (s.gap !== undefined) {
    if (s.value !== undefined && s.gap <= tolerance * Math.abs(s.value))
      return {
        stop: "converged",
        reason: `the duality gap is ${(s.gap / Math.max(1e-300, Math.abs(s.value))).toExponential(1)} of the objective`,
      };
    // A dual that never gets inside gives a certificate that says nothing; then x at rest has the word.
    if (s.change !== undefined && s.change <= 1e-3 * tolerance)
      return { stop: "converged", reason: `x is at rest; the gap is certified to ${s.gap.toExponential(1)} only` };
    return undefined;
  }
  if (s.change !== undefined && s.change <= tolerance)
    return { stop: "converged", reason: `a step changes x by ${s.change.toExponential(1)} of its size` };
  return undefined;
};

/** One summand w f(Kz): the fidelity (w = 1, K = A) or a term (w = λ). */
export interface Block {
  readonly name: string;
  readonly weight: number;
  readonly functional: PriorTerm["functional"];
  readonly operator?: LinearOperator;
}
export const fidelityOf = (p: InverseProblem): Block => ({ name: "the fidelity", weight: 1, functional: p.fidelity, operator: p.operator });
/** Terms whose weight is not 0. @throws ArgumentError for a negative weight */
export function termsOf(p: InverseProblem): Block[] {
  return p.terms
    .map((t, i) => {
      if (!(t.weight >= 0)) throw new ArgumentError(`term ${i}: its weight is ${t.weight}; give 0 or more`, { weight: t.weight });
      return { ...t, name: `term ${i}` };
    })
    .filter((t) => t.weight > 0);
}
export const through = (b: Block, x: Tensor): Tensor => (b.operator ? b.operator.apply(x) : x);
export const back = (b: Block, z: Tensor): Tensor => (b.operator ? b.operator.adjoint(z) : z);
export const valueAt = (b: Block, z: Tensor): number => b.weight * b.functional.value(z).item();
export const proxAt = (b: Block, v: Tensor, t: number): Tensor => (b.functional as Functional & Proximable).prox(v, t * b.weight);
/** prox of t (w f)*, by Moreau: v − t prox_{f w / t}(v / t). */
export const dualProxAt = (b: Block, v: Tensor, t: number): Tensor => addScaled(v, -t, proxAt(b, v.mul(1 / t), 1 / t));
/** w ∇f(z). */
export const gradientAt = (b: Block, z: Tensor): Tensor => {
  const g = (b.functional as { gradient(z: Tensor): Tensor }).gradient(z);
  return b.weight === 1 ? g : g.mul(b.weight);
};
/** (w f)*(p). */
export const conjugateAt = (b: Block, p: Tensor): number =>
  b.functional.conjugate ? b.weight * (b.functional as Conjugable).conjugate(p.mul(1 / b.weight)) : Number.POSITIVE_INFINITY;
/**
 * Conjugates let duals be outside their set by 1e-5, for the rounding of those who ask; a certificate must not. So the dual is asked for again, stretched by that much
 * less a few units of its own rounding.
 */
const strict = (conjugate: (p: Tensor) => number, p: Tensor): number => {
  const value = conjugate(p);
  const rounding = p.dtype === "f64" || p.dtype === "c128" ? 1e-12 : 3e-7;
  return Number.isFinite(value) && !Number.isFinite(conjugate(p.mul((1 + 1e-5) * (1 - rounding)))) ? Number.POSITIVE_INFINITY : value;
};

/** F(Ax) + Σ λᵢ Rᵢ(Kᵢx). */
export const objectiveOf = (p: InverseProblem, x: Tensor): number =>
  [fidelityOf(p), ...termsOf(p)].reduce((s, b) => s + valueAt(b, through(b, x)), 0);

export const sumOf = (xs: readonly Tensor[]): Tensor => xs.reduce((s, x) => s.add(x));
export const zerosOfDomain = (a: LinearOperator): Tensor => Tensor.zeros(a.domain, a.domainType ?? "f32");
/** ‖x − y‖ / ‖x‖. */
export function relativeChange(x: Tensor, y: Tensor): number {
  const size = normOf(x);
  const moved = normOf(x.sub(y));
  return size > 0 ? moved / size : moved;
}

/**
 * The best lower bound of  Σ fᵢ(Kᵢx) + g(x)  from dual points c·uᵢ, 0 ≤ c ≤ 1:  −Σ fᵢ*(c uᵢ) − g*(−c Σ Kᵢ*uᵢ). Where g* is an indicator, c is the
 * largest that stays inside, found by bisection; −∞ where there is none.
 * @param back  Σ Kᵢ*uᵢ
 */
export function dualBound(blocks: readonly Block[], duals: readonly Tensor[], g: (s: Tensor) => number, backSum: Tensor): number {
  const at = (c: number): number => {
    const outer = strict(g, backSum.mul(-c));
    if (!Number.isFinite(outer)) return Number.NEGATIVE_INFINITY;
    let total = -outer;
    blocks.forEach((b, i) => {
      total -= strict((u) => conjugateAt(b, u), c === 1 ? duals[i] : duals[i].mul(c));
    });
    return Number.isNaN(total) ? Number.NEGATIVE_INFINITY : total;
  };
  const whole = at(1);
  if (Number.isFinite(whole)) return whole;
  let [low, high] = [0, 1];
  if (!Number.isFinite(at(0))) return Number.NEGATIVE_INFINITY;
  for (let k = 0; k < 24; k++) {
    const middle = (low + high) / 2;
    if (Number.isFinite(at(middle))) low = middle;
    else high = middle;
  }
  return at(low);
}
export const realDot = (x: Tensor, y: Tensor): number => dotOf(x, y);

/** @throws ArgumentError that says what the method needs and which other one may fit */
export function requirePart(ok: boolean, who: string, sentence: string): void {
  if (!ok) throw new ArgumentError(`${who}: ${sentence}`, {});
}
