import type { LinearOperator } from "../core/interfaces.js";
import { seeded } from "../core/random.js";
import { randomNormal, scope, Tensor } from "../tensor/index.js";
import { noiseLevel } from "./noise.js";

/**
 * How λ is chosen, r = Ax̂ − y, m numbers of data, df = div_y Ax̂ (how many numbers of the data the fit uses up):
 *  gcv          least  ‖r‖² / (1 − df/m)²:  needs no noise level
 *  sure         least  ‖r‖² + 2σ² df:  Stein's unbiased estimate of ‖Ax̂ − Ax‖², up to a constant
 *  discrepancy  ‖r‖² = m σ²
 *  lcurve       where the curve of log R(x̂) over log ‖r‖ bends most: needs no noise level, and promises nothing
 */
export type LambdaRule = "gcv" | "sure" | "discrepancy" | "lcurve";
/** One λ that was tried, with what came of it. */
export interface LambdaPoint {
  /** λ in ½‖Ax − d‖² + λ R(x). */
  readonly lambda: number;
  /** ‖Ax̂ − y‖². */
  readonly residual: number;
  /** df; absent for the discrepancy. */
  readonly freedom?: number;
  /** R(x̂), for the L-curve. */
  readonly penalty?: number;
  /** What is made small (for the discrepancy: |log of residual over mσ²|; for the L-curve: minus the curvature, 0 at its ends). */
  readonly score: number;
}
/** The λ that was chosen, by which rule, and the course of the search. */
export interface LambdaChoice {
  /** λ in ½‖Ax − d‖² + λ R(x). */
  readonly lambda: number;
  /** Which chose it. */
  readonly rule: LambdaRule;
  /** σ as given or estimated from the data. */
  readonly noise: number;
  /** All that was tried, by λ. */
  readonly curve: readonly LambdaPoint[];
  /** The solution at the best λ tried, to start from. */
  readonly start: Tensor;
}
/** Where λ is looked for, and how finely. */
export interface LambdaSearch {
  /** A, from images to data. */
  readonly operator: LinearOperator;
  /** The measured data d. */
  readonly data: Tensor;
  /** σ of the noise in the data; estimated when not given. */
  readonly noise?: number;
  /** Default: sure where the noise is given, else gcv. */
  readonly rule?: LambdaRule;
  /** R at a first image, for the order of magnitude to begin at. */
  readonly prior: (x: Tensor) => number;
  /** x̂ for these data and this λ; it may begin at `start`. */
  readonly solve: (data: Tensor, lambda: number, start: Tensor | undefined) => Promise<Tensor>;
}

/** Numbers of data that say something: rows of A that are not 0. */
function counted(a: LinearOperator, data: Tensor): number {
  const parts = data.dtype === "c64" || data.dtype === "c128" ? 2 : 1;
  const n =
    a.diagonal instanceof Tensor
      ? scope(() =>
          (a.diagonal as Tensor)
            .greater(0)
            .add((a.diagonal as Tensor).less(0))
            .sum()
            .item(),
        )
      : data.size;
  return Math.max(1, parts * n);
}

/**
 * Choose λ: downhill in factors of 2 from a first guess, then the vertex of the parabola through the least three points over log λ. The
 * divergence is ⟨e, Ax̂(y + εe) − Ax̂(y)⟩/ε for one fixed random sign vector e and ε = σ/20: a larger step would look past the kinks of the
 * proximal maps and count too many.
 * The L-curve is walked through whole, in 17 factors of 2, and every bend of it is seen.
 * @see Golub, Heath & Wahba (1979), Technometrics 21; Hansen & O'Leary (1993), SIAM J. Sci. Comput. 14 (L-curve); Stein (1981), Ann. Stat. 9; Ramani, Blu & Unser (2008), IEEE Trans. Image Process. 17
 */
export async function chooseLambda(s: LambdaSearch): Promise<LambdaChoice> {
  const { operator: a, data } = s;
  const noise = s.noise ?? noiseLevel(data);
  const rule = s.rule ?? (s.noise === undefined ? "gcv" : "sure");
  const m = counted(a, data);
  const power = data.innerProduct(data).item() / m;
  const sigma = noise > 0 ? noise : 1e-3 * Math.sqrt(power); // data without noise: a thousandth
  const signs = scope(() => randomNormal(data.shape, seeded(1), data.dtype === "c64" ? "c64" : "f32"));
  const e = data.dtype === "c64" ? signs : signs.sign();
  const eps = sigma / 20;
  const shaken = scope(() => data.add(e.mul(eps)));
  const first = scope(() => {
    const norm = a.norm?.() ?? 1;
    return s.prior(a.adjoint(data).div(Math.max(norm * norm, 1e-30)));
  });
  const curve = new Map<number, LambdaPoint & { readonly start: Tensor }>();
  const guess = first > 0 ? (0.5 * m * sigma * sigma) / first : 1;
  let start: Tensor | undefined;
  if (rule === "lcurve") return { ...(await bendOfCurve(s, guess)), noise };
  const at = async (k: number): Promise<number> => {
    const known = curve.get(k);
    if (known) return known.score;
    const lambda = guess * 2 ** k;
    const x = await s.solve(data, lambda, start);
    const [residual, fit] = scope(() => {
      const z = a.apply(x);
      const r = z.sub(data);
      return [r.innerProduct(r).item(), z];
    });
    let freedom: number | undefined;
    let score = Math.abs(Math.log(residual / (m * sigma * sigma)));
    if (rule !== "discrepancy") {
      // The same start and so the same way: what stops early in one stops early in the other.
      const other = await s.solve(shaken, lambda, start);
      freedom = scope(() => e.innerProduct(a.apply(other).sub(fit)).item() / eps);
      const left = Math.max(1e-3, 1 - freedom / m);
      score = rule === "gcv" ? residual / m / (left * left) : residual / m + (2 * sigma * sigma * freedom) / m;
    }
    curve.set(k, { lambda, residual, freedom, score, start: x });
    start = x;
    return score;
  };
  let best = 0;
  for (const way of [1, -1]) {
    for (let k = best + way; Math.abs(k) <= 12; k += way) {
      if ((await at(k)) < (await at(best))) best = k;
      else break;
    }
    if (best !== 0) break;
  }
  for (const k of [best - 1, best + 1]) await at(k);
  const [low, middle, high] = [await at(best - 1), await at(best), await at(best + 1)];
  const bend = low - 2 * middle + high;
  const shift = bend > 0 ? Math.max(-0.5, Math.min(0.5, (0.5 * (low - high)) / bend)) : 0;
  const points = [...curve.values()].sort((p, q) => p.lambda - q.lambda);
  return {
    lambda: rule === "discrepancy" ? crossing(points, m * sigma * sigma) : guess * 2 ** (best + shift),
    rule,
    noise,
    curve: points.map(({ lambda, residual, freedom, score }) => ({ lambda, residual, freedom, score })),
    start: (curve.get(best) as { start: Tensor }).start,
  };
}

/** Over log ‖r‖ and log R: the greatest curvature of the circle through three successive points, from the smoothest image on. */
async function bendOfCurve(s: LambdaSearch, guess: number): Promise<Omit<LambdaChoice, "noise">> {
  const points: { lambda: number; residual: number; penalty: number; start: Tensor }[] = [];
  let start: Tensor | undefined;
  for (let k = 8; k >= -8; k--) {
    const lambda = guess * 2 ** k;
    const x = await s.solve(s.data, lambda, start);
    const residual = scope(() => {
      const r = s.operator.apply(x).sub(s.data);
      return r.innerProduct(r).item();
    });
    points.push({ lambda, residual, penalty: s.prior(x), start: x });
    start = x;
  }
  points.reverse();
  const at = points.map((p) => [0.5 * Math.log(Math.max(p.residual, 1e-300)), Math.log(Math.max(p.penalty, 1e-300))]);
  const curvature = points.map((_, k) => {
    if (k === 0 || k === points.length - 1) return 0;
    const [[ax, ay], [bx, by], [cx, cy]] = [at[k - 1], at[k], at[k + 1]];
    // With λ the curve goes down, then right: it turns to the left at the corner.
    const area = (bx - ax) * (cy - by) - (by - ay) * (cx - bx);
    const sides = Math.hypot(bx - ax, by - ay) * Math.hypot(cx - bx, cy - by) * Math.hypot(cx - ax, cy - ay);
    return sides > 1e-12 ? (2 * area) / sides : 0;
  });
  let best = 1;
  for (let k = 2; k < points.length - 1; k++) if (curvature[k] > curvature[best]) best = k;
  return {
    lambda: points[best].lambda,
    rule: "lcurve",
    curve: points.map(({ lambda, residual, penalty }, k) => ({ lambda, residual, penalty, score: -curvature[k] })),
    start: points[best].start,
  };
}

/** Where the residual crosses a level, between the points around it (log–log); the nearest end when it does not. */
function crossing(points: readonly LambdaPoint[], level: number): number {
  const k = points.findIndex((p) => p.residual >= level);
  if (k <= 0) return points[k < 0 ? points.length - 1 : 0].lambda;
  const [p, q] = [points[k - 1], points[k]];
  const t = Math.log(level / p.residual) / Math.log(q.residual / p.residual);
  return Number.isFinite(t) ? p.lambda * (q.lambda / p.lambda) ** t : q.lambda;
}
