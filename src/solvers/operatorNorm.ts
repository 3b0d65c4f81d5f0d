import type { LinearOperator } from "../core/interfaces.js";
import { seeded } from "../core/random.js";
import { sizeOf } from "../core/shape.js";
import { randomNormal, scope, type Tensor } from "../tensor/index.js";

/**
 * ‖A‖ by Lanczos' method on A*A, from a fixed random start: the largest eigenvalue over the Krylov space that the power method runs through, until it
 * grows by less than a twentieth of `tolerance` relative to itself three times. It approaches from below; the result is raised by the tolerance, so that steps of 1/‖A‖²
 * stay safe.
 * @see Lanczos (1950), J. Res. NBS 45; Kuczyński & Woźniakowski (1992), SIAM J. Matrix Anal. Appl. 13: why a random start suffices
 */
export function powerNorm(a: LinearOperator, { iterations = 200, tolerance = 1e-3, seed = 1 } = {}): number {
  if (sizeOf(a.domain) === 0 || sizeOf(a.range) === 0) return 0;
  return scope(() => {
    let v = randomNormal(a.domain, seeded(seed), a.domainType ?? "f32");
    v = v.div(v.norm());
    let before: Tensor | undefined;
    const [diagonal, beside]: [number[], number[]] = [[], []];
    let last = 0;
    let quiet = 0;
    for (let k = 0; k < iterations; k++) {
      let w = a.normal ? a.normal(v) : a.adjoint(a.apply(v));
      const alpha = v.innerProduct(w).item();
      diagonal.push(alpha);
      const value = largestEigenvalue(diagonal, beside);
      quiet = value - last <= 0.05 * tolerance * value ? quiet + 1 : 0;
      last = value;
      if (quiet >= 3) break;
      w = w.sub(v.mul(alpha));
      if (before) w = w.sub(before.mul(beside[k - 1]));
      const beta = w.norm().item();
      if (!(beta > 1e-6 * Math.abs(value))) break; // the space is invariant
      beside.push(beta);
      before = v;
      v = w.div(beta);
    }
    return last > 0 ? Math.sqrt(last) * (1 + tolerance) : 0;
  });
}
/** Of a symmetric tridiagonal matrix, by bisection on the signs of its leading determinants. */
function largestEigenvalue(diagonal: readonly number[], beside: readonly number[]): number {
  const n = diagonal.length;
  const bound = (s: number) => (_: number, i: number) =>
    diagonal[i] + s * (Math.abs(beside[i - 1] ?? 0) + (i < n - 1 ? Math.abs(beside[i]) : 0));
  let [low, high] = [Math.max(...diagonal), Math.max(...diagonal.map(bound(1)))];
  const above = (x: number) => {
    // Whether an eigenvalue is greater than x: a pivot of T − x that is not negative.
    let pivot = diagonal[0] - x;
    for (let i = 1; pivot < 0 && i < n; i++) pivot = diagonal[i] - x - beside[i - 1] ** 2 / pivot;
    return pivot >= 0;
  };
  while (high - low > 1e-9 * Math.abs(high)) {
    const middle = (low + high) / 2;
    if (middle <= low || middle >= high) break;
    if (above(middle)) low = middle;
    else high = middle;
  }
  return high;
}

/** ‖A‖ as the operator says, else by Lanczos' method; 1 for none (the identity). */
export const normOfOperator = (a: LinearOperator | undefined): number => (a ? (a.norm ? a.norm() : powerNorm(a)) : 1);
