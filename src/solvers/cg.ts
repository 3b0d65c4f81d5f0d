import type { Iteration, State, Stop, Variables } from "../core/interfaces.js";
import { iterateSync } from "../core/iterate.js";
import type { Tensor } from "../tensor/tensor.js";
import { addScaled, difference, dotOf, innerProduct, mapLeaves, normOf, zerosOf } from "../tensor/variables.js";

/** A x = b with A symmetric positive definite, known by what it does. */
export interface LinearSystem<X extends Variables = Tensor> {
  /** A x. */
  apply(x: X): X;
  /** b in A x = b. */
  readonly rhs: X;
  /** r ↦ P⁻¹r, symmetric positive definite and near A⁻¹. */
  readonly preconditioner?: (r: X) => X;
  /** A x at the start, where it is known: a run that goes on from another one need not apply A for it. */
  readonly applied?: X;
}
/** When conjugate gradients stop, their preconditioner, and the region they must stay in. */
export interface CgOptions {
  /** Converged when ‖b − Ax‖ ≤ this · ‖b‖ (default 1e-6). */
  readonly relativeResidual?: number;
  /** Stay within ‖x‖ ≤ radius (start at 0): Steihaug's method for the trust-region subproblem min ½xᵀAx − bᵀx. */
  readonly radius?: number;
}
export interface CgState<X> extends State<X> {
  /** b − Ax. */
  readonly residual: X;
  /** Of the next step. */
  readonly direction: X;
  /** rᵀP⁻¹r. */
  readonly rho: Tensor;
  /** ‖b − A x‖. */
  readonly residualNorm: number;
  /** ‖b‖. */
  readonly rhsNorm: number;
  /** A direction p with pᵀAp ≤ 0: A is not positive definite. */
  readonly negativeCurvature?: X;
  /** x lies on the sphere of the radius. */
  readonly onBoundary?: boolean;
}

/**
 * Conjugate gradients: the k-th x minimises ½xᵀAx − bᵀx (the state's value) over the k-th Krylov space, so that n steps solve n equations.
 * The coefficients are tensors: an unrolled run is differentiable in everything. It ends at the first direction of curvature ≤ 0.
 * @see Hestenes & Stiefel (1952), J. Res. NBS 49; Steihaug (1983), SIAM J. Numer. Anal. 20; Nocedal & Wright (2006), algorithms 5.3, 7.2
 */
export function conjugateGradient<X extends Variables = Tensor>(o: CgOptions = {}): Iteration<LinearSystem<X>, X, CgState<X>> {
  const { relativeResidual = 1e-6, radius = Number.POSITIVE_INFINITY } = o;
  const conditioned = (p: LinearSystem<X>, r: X) => (p.preconditioner ? p.preconditioner(r) : r);
  const energy = (p: LinearSystem<X>, x: X, r: X) => -0.5 * (dotOf(x, p.rhs) + dotOf(x, r)); // Ax = b − r
  return {
    init(p, x) {
      const residual = difference(p.rhs, p.applied ?? p.apply(x));
      const direction = conditioned(p, residual);
      return {
        x,
        value: energy(p, x, residual),
        residual,
        direction,
        rho: innerProduct(residual, direction),
        residualNorm: normOf(residual),
        rhsNorm: normOf(p.rhs),
      };
    },
    step(p, s) {
      const image = p.apply(s.direction);
      const curvature = innerProduct(s.direction, image);
      const positive = curvature.item() > 0;
      const alpha = positive ? s.rho.div(curvature) : undefined;
      const x = alpha && addScaled(s.x, alpha, s.direction);
      if (!alpha || !x || normOf(x) >= radius) {
        const negativeCurvature = positive ? undefined : s.direction;
        if (radius === Number.POSITIVE_INFINITY) return { ...s, negativeCurvature };
        const t = toSphere(s.x, s.direction, radius);
        const edge = addScaled(s.x, t, s.direction);
        const residual = addScaled(s.residual, -t, image);
        return {
          ...s,
          x: edge,
          residual,
          value: energy(p, edge, residual),
          residualNorm: normOf(residual),
          negativeCurvature,
          onBoundary: true,
        };
      }
      const residual = mapLeaves((r, q) => r.sub(q.mul(alpha)), s.residual, image);
      const z = conditioned(p, residual);
      const rho = innerProduct(residual, z);
      return {
        ...s,
        x,
        value: energy(p, x, residual),
        residual,
        direction: addScaled(z, rho.div(s.rho), s.direction),
        rho,
        residualNorm: normOf(residual),
      };
    },
    done(s): { stop: Stop; reason: string } | undefined {
      if (s.residualNorm <= relativeResidual * s.rhsNorm) return { stop: "converged", reason: "the residual is small" };
      if (s.onBoundary) return { stop: "converged", reason: "the edge of the trust region is reached" };
      if (s.negativeCurvature) return { stop: "stalled", reason: "the operator is not positive definite" };
      return undefined;
    },
  };
}

/** The t ≥ 0 with ‖x + t d‖ = radius. */
function toSphere<X extends Variables>(x: X, d: X, radius: number): number {
  const a = dotOf(d, d);
  const b = dotOf(x, d);
  const c = dotOf(x, x) - radius * radius;
  return c >= 0 || a === 0 ? 0 : -c / (b + Math.sqrt(b * b - a * c));
}

/** The solution with why it ended; a direction of negative curvature if one was met. */
export interface CgResult<X> {
  /** The solution. */
  readonly x: X;
  /** Why it ended, in a word. */
  readonly stop: Stop;
  /** Why it ended, in a sentence. */
  readonly reason: string;
  /** How many steps were made. */
  readonly iterations: number;
  /** ‖b − Ax‖ / ‖b‖. */
  readonly relativeResidual: number;
  /** A direction along which the form goes down for ever. */
  readonly negativeCurvature?: X;
  /** Whether it ended on the region's border. */
  readonly onBoundary: boolean;
}
/** Solve at once, from 0 unless told otherwise: for the inside of steps. */
export function cg<X extends Variables = Tensor>(
  system: LinearSystem<X>,
  o: CgOptions & { readonly iterations?: number; readonly start?: X } = {},
): CgResult<X> {
  const { iterations = 100, start = zerosOf(system.rhs) } = o;
  const run = iterateSync(conjugateGradient<X>(o), system, start, { iterations, keepBest: false, keepState: true });
  const s = run.state as CgState<X>;
  return {
    x: run.x,
    stop: run.stop,
    reason: run.reason,
    iterations: run.iterations,
    relativeResidual: s.rhsNorm > 0 ? s.residualNorm / s.rhsNorm : s.residualNorm,
    negativeCurvature: s.negativeCurvature,
    onBoundary: s.onBoundary ?? false,
  };
}
