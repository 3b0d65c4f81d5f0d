import type { Iteration, Objective, Variables } from "../core/interfaces.js";
import type { Tensor } from "../tensor/tensor.js";
import { addScaled, difference, dotOf, largestOf, normOf, scaled } from "../tensor/variables.js";
import { advanced, type Criteria, type Descent, exhausted, type Preconditioner, started, verdict, withDefaults } from "./descent.js";
import { evaluate } from "./evaluate.js";
import { strongWolfe, type WolfeOptions } from "./lineSearch.js";

export interface LbfgsOptions<X = Tensor> extends Criteria, WolfeOptions {
  /** Pairs remembered (default 8). */
  readonly memory?: number;
  /** How far the first trial moves the number that moves most (default 1, a voxel, a millimetre); later ones come from the curvature. */
  readonly firstMove?: number;
  /** Shape of the first inverse Hessian, γP⁻¹. */
  readonly preconditioner?: Preconditioner<X>;
}
interface Pair<X> {
  readonly s: X;
  readonly y: X;
  readonly sy: number;
}
export interface LbfgsState<X> extends Descent<X> {
  /** Steps and the changes of the gradient over them, newest last. */
  readonly pairs: readonly Pair<X>[];
}

/**
 * Limited-memory BFGS: d = −H∇J with H built from the last steps by the two-loop recursion, t by a strong Wolfe search, x ← x + t d.
 * When the search fails, the memory is dropped and the steepest descent tried once before the run ends as stalled.
 * @see Nocedal & Wright (2006), Numerical optimization, algorithms 7.4 and 7.5
 */
export function lbfgs<X extends Variables = Tensor>(o: LbfgsOptions<X> = {}): Iteration<Objective<X>, X, LbfgsState<X>> {
  const { memory = 8, firstMove = 1, preconditioner = (g: X) => g } = o;
  const criteria = withDefaults(o);
  const search = (objective: Objective<X>, from: LbfgsState<X>, pairs: readonly Pair<X>[]) => {
    const d = scaled(inverseHessianTimes(pairs, from.gradient, preconditioner), -1);
    const phi = (t: number) => {
      const at = evaluate(objective, addScaled(from.x, t, d));
      return { t, value: at.value, slope: dotOf(at.gradient, d), at };
    };
    const first = pairs.length > 0 ? 1 : firstMove / largestOf(d);
    const slope = dotOf(from.gradient, d);
    return { slope, first, found: strongWolfe(phi, { value: from.value, slope }, first, o) };
  };
  return {
    init: (objective, x) => ({ ...started(evaluate(objective, x)), pairs: [] }),
    step(objective, before) {
      let pairs = before.pairs;
      const attempt = search(objective, before, pairs);
      let { found } = attempt;
      const expected = -0.5 * attempt.first * attempt.slope; // of the quadratic whose minimum lies at the first trial
      if (!found && pairs.length > 0) {
        pairs = [];
        ({ found } = search(objective, before, pairs));
      }
      if (!found) return exhausted({ ...before, pairs }, expected, criteria);
      const { at } = found.probe;
      const s = difference(at.x, before.x);
      const y = difference(at.gradient, before.gradient);
      const sy = dotOf(s, y);
      // A pair that is flat to rounding would make H huge or indefinite; a search that met the curvature condition gives none.
      if (sy > 1e-10 * normOf(s) * normOf(y)) pairs = [...pairs.slice(Math.max(0, pairs.length + 1 - memory)), { s, y, sy }];
      return { ...advanced(before, at, criteria), pairs };
    },
    done: verdict(criteria),
  };
}

/** H g by the two-loop recursion: Nocedal & Wright (2006), algorithm 7.4. */
function inverseHessianTimes<X extends Variables>(pairs: readonly Pair<X>[], g: X, preconditioner: Preconditioner<X>): X {
  let q = g;
  const alphas: number[] = [];
  for (const { s, y, sy } of [...pairs].reverse()) {
    const alpha = dotOf(s, q) / sy;
    alphas.push(alpha);
    q = addScaled(q, -alpha, y);
  }
  let r = preconditioner(q);
  const newest = pairs[pairs.length - 1];
  if (newest) r = scaled(r, newest.sy / dotOf(newest.y, preconditioner(newest.y))); // γ = sᵀy / yᵀP⁻¹y: eq. (7.20)
  pairs.forEach(({ s, y, sy }, i) => {
    r = addScaled(r, alphas[pairs.length - 1 - i] - dotOf(y, r) / sy, s);
  });
  return r;
}
