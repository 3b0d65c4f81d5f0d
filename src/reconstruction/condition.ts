import type { LinearOperator } from "../core/interfaces.js";
import { seeded } from "../core/random.js";
import { sizeOf } from "../core/shape.js";
import { randomNormal, scope } from "../tensor/index.js";

/**
 * κ(A) = σ_max/σ_min, by which relative errors of the data may grow in A⁻¹y. Exact where A*A is diagonal in a known basis; else an estimate from
 * below by Lanczos' method on A*A (30 steps, whole reorthogonalisation): very small singular values are found small, not how small.
 * ∞ where something is mapped to 0, up to rounding.
 */
export function conditionNumber(a: LinearOperator, steps = 30): number {
  if (sizeOf(a.domain) === 0) return 1;
  return scope(() => {
    if (a.diagonalisation) {
      const v = a.diagonalisation.values(a.domainType === "c64" ? "f32" : (a.domainType ?? "f32"));
      const [low, high] = [Math.max(0, v.min().item()), v.max().item()];
      return low > 1e-13 * high ? Math.sqrt(high / low) : Number.POSITIVE_INFINITY;
    }
    if (sizeOf(a.range) < sizeOf(a.domain)) return Number.POSITIVE_INFINITY;
    let q = randomNormal(a.domain, seeded(9), a.domainType ?? "f32");
    q = q.div(q.norm().item());
    const basis = [q];
    const [alpha, beta]: number[][] = [[], []];
    for (let k = 0; k < Math.min(steps, sizeOf(a.domain)); k++) {
      let w = a.normal ? a.normal(q) : a.adjoint(a.apply(q));
      alpha.push(w.innerProduct(q).item());
      for (let twice = 0; twice < 2; twice++) for (const b of basis) w = w.sub(b.mul(w.innerProduct(b).item()));
      const size = w.norm().item();
      if (!(size > 1e-6 * Math.abs(alpha[0]))) break;
      beta.push(size);
      q = w.div(size);
      basis.push(q);
    }
    const [low, high] = extremes(alpha, beta);
    return low > 1e-7 * high ? Math.sqrt(high / low) : Number.POSITIVE_INFINITY;
  });
}

/** The least and the greatest eigenvalue of a symmetric tridiagonal matrix, by bisection on the number of negative pivots. */
function extremes(alpha: readonly number[], beta: readonly number[]): [number, number] {
  const n = alpha.length;
  const off = (k: number) => (k >= 0 && k < n - 1 ? Math.abs(beta[k]) : 0);
  const below = (t: number): number => {
    let count = 0;
    let d = 1;
    for (let k = 0; k < n; k++) {
      d = alpha[k] - t - (k > 0 ? off(k - 1) ** 2 / (d === 0 ? 1e-300 : d) : 0);
      if (d < 0) count++;
    }
    return count;
  };
  const radius = (k: number) => off(k - 1) + off(k);
  const from = Math.min(...alpha.map((v, k) => v - radius(k)));
  const to = Math.max(...alpha.map((v, k) => v + radius(k)));
  const find = (rank: number) => {
    let [a, b] = [from, to];
    for (let i = 0; i < 100; i++) {
      const t = 0.5 * (a + b);
      if (below(t) > rank) b = t;
      else a = t;
    }
    return 0.5 * (a + b);
  };
  return [Math.max(0, find(0)), find(n - 1)];
}
