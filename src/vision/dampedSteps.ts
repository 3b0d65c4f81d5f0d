import { solve } from "../kernels/linalg.js";

/** ½ Σ w r² about x and, when asked for, its normal equations JᵀWJ (lower triangle is enough) and JᵀWr. */
export interface NormalEquations<X> {
  /** Number of parameters of a step. */
  readonly size: number;
  evaluate(x: X, normal?: Float64Array, gradient?: Float64Array): number;
  /** x moved by a step; x itself stays as it is. */
  move(x: X, step: Float64Array): X;
}
export interface DampedResult<X> {
  readonly x: X;
  readonly value: number;
  readonly steps: number;
}

/**
 * Levenberg–Marquardt for a few tens of parameters whose normal equations are summed directly:  (JᵀWJ + μ diag) d = −JᵀWr,  μ falls by ten after a step
 * that lowers the value and grows by ten after one that does not. Synchronous and in f64: the geometry of views calls it inside a robust search.
 * @see Marquardt (1963), J. SIAM 11
 */
export function dampedSteps<X>(problem: NormalEquations<X>, start: X, steps = 20, tolerance = 1e-10): DampedResult<X> {
  const n = problem.size;
  const normal = new Float64Array(n * n);
  const gradient = new Float64Array(n);
  let x = start;
  let value = problem.evaluate(x, normal, gradient);
  let mu = 1e-4;
  let k = 0;
  for (; k < steps && Number.isFinite(value); ) {
    const damped = new Float64Array(n * n);
    let most = 0;
    for (let p = 0; p < n; p++) most = Math.max(most, normal[p * n + p]);
    for (let p = 0; p < n; p++) {
      for (let q = 0; q <= p; q++) damped[p * n + q] = damped[q * n + p] = normal[p * n + q];
      damped[p * n + p] += mu * normal[p * n + p] + 1e-12 * most + 1e-300;
    }
    let next: X | undefined;
    let then = Number.POSITIVE_INFINITY;
    try {
      next = problem.move(
        x,
        solve(damped, n, gradient).map((v) => -v),
      );
      then = problem.evaluate(next);
    } catch {
      // A singular system: more damping.
    }
    if (next !== undefined && then < value) {
      const small = value - then <= tolerance * value;
      x = next;
      k++;
      mu = Math.max(1e-12, mu / 10);
      if (small) return { x, value: then, steps: k };
      normal.fill(0);
      gradient.fill(0);
      value = problem.evaluate(x, normal, gradient);
    } else {
      mu *= 10;
      if (mu > 1e8) break;
    }
  }
  return { x, value, steps: k };
}
