import type { InverseProblem, Iteration } from "../core/interfaces.js";
import type { Tensor } from "../tensor/tensor.js";
import { addScaled, normOf } from "../tensor/variables.js";
import {
  type Block,
  back,
  conjugateAt,
  converged,
  dualBound,
  fidelityOf,
  gradientAt,
  type InverseOptions,
  type InverseState,
  proxAt,
  realDot,
  requirePart,
  sumOf,
  termsOf,
  through,
  valueAt,
} from "./inverse.js";
import { smoothness } from "./landweber.js";

/** Step size, restart, and whether there is momentum at all. */
export interface FistaOptions extends InverseOptions {
  /** Momentum (default); false: ISTA, x ← prox(x − ∇/L), whose objective never rises. */
  readonly momentum?: boolean;
  /** Begin the momentum anew where it points uphill (default). */
  readonly restart?: boolean;
  /** 1/L to start from; default from the norms. With `backtracking` it may be anything. */
  readonly step?: number;
  /** Halve the step where the quadratic bound does not hold (default: only when no Lipschitz constant is known), and try a little more each time. */
  readonly backtracking?: boolean;
}
export interface FistaState extends InverseState {
  /** The extrapolated point and what the smooth parts see there and at x. */
  readonly y: Tensor;
  /** A x, block by block. */
  readonly atX: readonly Tensor[];
  /** A at the extrapolated point. */
  readonly atY: readonly Tensor[];
  /** The momentum's number. */
  readonly t: number;
  /** Step size. */
  readonly step: number;
}

/** Smooth parts, and the one that has a prox. */
function divided(p: InverseProblem, who: string): { smooth: Block[]; rough: Block | undefined } {
  const smooth = [fidelityOf(p)];
  requirePart(!!p.fidelity.gradient, who, "the fidelity has no gradient; use admm or pdhg, which take its prox");
  let rough: Block | undefined;
  for (const b of termsOf(p)) {
    const direct = !b.operator || b.operator.unitary;
    if (b.functional.gradient && (!direct || !b.functional.prox || rough)) smooth.push(b);
    else if (b.functional.prox && direct && !rough) rough = b;
    else
      requirePart(
        false,
        who,
        b.functional.prox && direct
          ? `${b.name} is a second one without a gradient; use admm or pdhg, which split all of them`
          : `${b.name} has a prox only behind an operator that is not unitary; use admm or pdhg, which split it`,
      );
  }
  return { smooth, rough };
}
/** prox of t w R(Wx), W unitary or none. */
const roughProx = (b: Block | undefined, v: Tensor, t: number): Tensor => (b ? back(b, proxAt(b, through(b, v), t)) : v);

/**
 * Accelerated proximal gradient for F(Ax) + smooth terms + at most one term with a prox (alone, or behind a unitary operator such as an orthogonal wavelet
 * transform): x⁺ = prox(y − ∇(y)/L), y⁺ = x⁺ + (t − 1)/t⁺ (x⁺ − x). One A and one A* a step: A is linear, so Ay is known from Ax; the objective is free.
 * @throws ArgumentError when the parts do not fit, saying what fits
 * @see Beck & Teboulle (2009), SIAM J. Imaging Sciences 2; O'Donoghue & Candès (2015), Found. Comput. Math. 15: restarts by the gradient
 */
export function fista(o: FistaOptions = {}): Iteration<InverseProblem, Tensor, FistaState> {
  const { momentum = true, restart = true, tolerance = 1e-5, checkEvery = 10 } = o;
  const who = momentum ? "fista" : "ista";
  return {
    init(p, x) {
      const { smooth, rough } = divided(p, who);
      const at = smooth.map((b) => through(b, x));
      const L = o.step === undefined ? smoothness(smooth) : 1 / o.step;
      return {
        x,
        iteration: 0,
        y: x,
        atX: at,
        atY: at,
        t: 1,
        step: o.step ?? (Number.isFinite(L) && L > 0 ? 1 / L : 1),
        value: smooth.reduce((s, b, i) => s + valueAt(b, at[i]), 0) + (rough ? valueAt(rough, through(rough, x)) : 0),
      };
    },
    step(p, s) {
      const { smooth, rough } = divided(p, who);
      const backtracking = o.backtracking ?? (o.step === undefined && smooth.some((b) => b.functional.lipschitz === undefined));
      const gradient = sumOf(smooth.map((b, i) => back(b, gradientAt(b, s.atY[i]))));
      const before = backtracking ? smooth.reduce((sum, b, i) => sum + valueAt(b, s.atY[i]), 0) : 0;
      let step = backtracking && s.iteration > 0 ? 1.1 * s.step : s.step;
      let x: Tensor;
      let atX: Tensor[];
      let smoothValue: number;
      for (let trial = 0; ; trial++) {
        x = roughProx(rough, addScaled(s.y, -step, gradient), step);
        const candidate = x;
        atX = smooth.map((b) => through(b, candidate));
        smoothValue = smooth.reduce((sum, b, i) => sum + valueAt(b, atX[i]), 0);
        if (!backtracking || trial >= 60) break;
        const d = x.sub(s.y);
        const bound = before + realDot(gradient, d) + (0.5 / step) * realDot(d, d);
        // Objectives agree to rounding, so the bound gets that much room.
        if (smoothValue <= bound + (x.dtype === "f64" || x.dtype === "c128" ? 1e-13 : 1e-6) * Math.abs(before)) break;
        step *= 0.5;
      }
      const move = x.sub(s.x);
      const offset = normOf(x.sub(s.y));
      const size = normOf(x);
      const uphill = restart && momentum && realDot(s.y.sub(x), move) > 0;
      const t = uphill ? 1 : s.t;
      const next = momentum ? (1 + Math.sqrt(1 + 4 * t * t)) / 2 : 1;
      const beta = momentum && !uphill ? (t - 1) / next : 0;
      const iteration = s.iteration + 1;
      const value = smoothValue + (rough ? valueAt(rough, through(rough, x)) : 0);
      let gap = s.gap;
      if (rough?.functional.conjugate && smooth.every((b) => b.functional.conjugate) && iteration % checkEvery === 0) {
        const duals = smooth.map((b, i) => gradientAt(b, atX[i]));
        const sum = sumOf(smooth.map((b, i) => back(b, duals[i])));
        const bound = dualBound(smooth, duals, (q) => conjugateAt(rough, through(rough, q)), sum);
        if (Number.isFinite(bound)) gap = value - bound;
      }
      return {
        x,
        iteration,
        y: beta === 0 ? x : addScaled(x, beta, move),
        atX,
        atY: beta === 0 ? atX : atX.map((z, i) => z.add(z.sub(s.atX[i]).mul(beta))),
        t: uphill ? 1 : next,
        step,
        value,
        gap,
        change: size > 0 ? offset / size : offset,
      };
    },
    done: (s) => converged(s, tolerance),
  };
}
/** Proximal gradient without momentum: the objective never rises. @see Daubechies, Defrise & De Mol (2004), CPAM 57 */
export const ista = (o: Omit<FistaOptions, "momentum" | "restart"> = {}): Iteration<InverseProblem, Tensor, FistaState> =>
  fista({ ...o, momentum: false });
