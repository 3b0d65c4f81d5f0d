import { ArgumentError } from "../core/errors.js";
import type { InverseProblem, Iteration, LinearOperator } from "../core/interfaces.js";
import { scope } from "../core/scope.js";
import { Tensor } from "../tensor/tensor.js";
import { addScaled, normOf } from "../tensor/variables.js";
import {
  type Block,
  back,
  conjugateAt,
  converged,
  dualBound,
  fidelityOf,
  type InverseOptions,
  type InverseState,
  proxAt,
  requirePart,
  sumOf,
  termsOf,
  through,
  valueAt,
  zerosOfDomain,
} from "./inverse.js";
import { normOfOperator } from "./operatorNorm.js";

/** Step sizes of primal and dual, and how they adapt. */
export interface PdhgOptions extends InverseOptions {
  /** τ / σ for operators scaled to norm 1, the square of how large x is over how large the duals are. Default: from the data and the weights. */
  readonly ratio?: number;
  /** Move τ and σ against each other until both residuals are alike (default; ever less, so that convergence is sure). Not with acceleration. */
  readonly adaptive?: boolean;
  /** Over-relaxation between 1 and 2 (default 1.7). Not with acceleration. */
  readonly relaxation?: number;
  /** Let τ fall and σ rise under strong convexity: errors fall as 1/k² (default where the modulus is known and at least 0.1). */
  readonly accelerate?: boolean;
  /** The modulus γ of the part that x sees directly; default: 1 for unweighted least squares behind a unitary operator, else what is known. */
  readonly strongConvexity?: number;
  /** Scale every operator to norm 1 (default), else one σ for all. */
  readonly blockScaling?: boolean;
  /** Step sizes sample by sample in place of norms (see diagonalSteps), in the order of the blocks: the fidelity, unless x sees it directly, then the terms. */
  readonly steps?: {
    /** The primal step size. */
    readonly tau: Tensor;
    /** Standard deviation of the noise, or of a Gaussian; of primal-dual methods the dual step. */
    readonly sigma: readonly Tensor[];
  };
  /** Numbers between which a minimiser surely lies. Where nothing else bounds x, this makes the gap finite. It changes nothing but the certificate. */
  readonly bounds?: readonly [number, number];
}
export interface PdhgState extends InverseState {
  /** The point of the iteration, of which x is the last proximal image; with what the operators see of it. */
  readonly point: Tensor;
  /** K x, block by block. */
  readonly images: readonly Tensor[];
  /** Block by block. */
  readonly duals: readonly Tensor[];
  /** Σ Kᵢ*uᵢ. */
  readonly pulled: Tensor;
  /** The primal step size. */
  readonly tau: number;
  /** Standard deviation of the noise, or of a Gaussian; of primal-dual methods the dual step. */
  readonly sigma: number;
  /** σᵢ = sigma · scale. */
  readonly scales: readonly number[];
  /** Strong convexity that is made use of. */
  readonly gamma: number;
  /** How readily the steps still change. */
  readonly adaptivity: number;
  /** The best dual objective so far. */
  readonly lowerBound: number;
}

/** What x sees directly. */
interface Direct {
  readonly block: Block | undefined;
  readonly prox: (v: Tensor, t: number | Tensor) => Tensor;
  readonly conjugate: (q: Tensor) => number;
  readonly convexity: number;
}
interface Saddle {
  readonly direct: Direct;
  readonly blocks: readonly Block[];
}

/**
 * min max form: one part stays with x by its prox, the others get duals. With x stays the fidelity where its prox is known (A unitary, or least squares with (A*A + ρ)⁻¹ in
 * closed form), else the first term without an operator, else nothing.
 */
function saddle(p: InverseProblem, o: PdhgOptions): Saddle {
  const fidelity = fidelityOf(p);
  const terms = termsOf(p);
  const square = fidelity.functional.quadratic;
  const a = p.operator;
  for (const b of terms) requirePart(!!b.functional.prox, "pdhg", `${b.name} has no prox; use fista or landweber where it has a gradient`);
  if (a.unitary && fidelity.functional.prox) {
    const weights = square?.weights;
    return {
      direct: {
        block: fidelity,
        prox: (v, t) => back(fidelity, proxWith(fidelity, through(fidelity, v), t)),
        conjugate: (q) => conjugateAt(fidelity, through(fidelity, q)),
        convexity: square ? (weights ? Math.max(0, weights.min().item()) : 1) : 0,
      },
      blocks: terms,
    };
  }
  if (square && !square.weights && a.normalInverse && !o.steps) {
    const y = square.data;
    const values = a.diagonalisation?.values(a.domainType ?? "f32");
    return {
      direct: {
        block: fidelity,
        // argmin ½‖x − v‖² + t ½‖Ax − y‖²
        prox: (v, t) => {
          const rho = 1 / (t as number);
          const b = v.mul(rho);
          return (a.normalInverse as NonNullable<LinearOperator["normalInverse"]>)(y ? b.add(a.adjoint(y)) : b, rho);
        },
        conjugate: () => Number.POSITIVE_INFINITY,
        convexity: values && values.size > 0 ? Math.max(0, values.min().item()) : 0,
      },
      blocks: terms,
    };
  }
  requirePart(!!fidelity.functional.prox, "pdhg", "the fidelity has no prox; use fista or landweber where it has a gradient");
  const at = terms.findIndex((b) => !b.operator || b.operator.unitary);
  if (at >= 0) {
    const block = terms[at];
    return {
      direct: {
        block,
        prox: (v, t) => back(block, proxWith(block, through(block, v), t)),
        conjugate: (q) => conjugateAt(block, through(block, q)),
        convexity: block.functional.quadratic && !block.functional.quadratic.weights ? block.weight : 0,
      },
      blocks: [fidelity, ...terms.filter((_, i) => i !== at)],
    };
  }
  const { bounds } = o;
  return {
    direct: {
      block: undefined,
      prox: (v) => v,
      conjugate: (q) =>
        bounds && q.dtype !== "c64" && q.dtype !== "c128"
          ? bounds[1] * q.maximum(0).sum().item() + bounds[0] * q.minimum(0).sum().item()
          : Number.POSITIVE_INFINITY,
      convexity: 0,
    },
    blocks: [fidelity, ...terms],
  };
}
const proxWith = (b: Block, v: Tensor, t: number | Tensor): Tensor =>
  typeof t === "number"
    ? proxAt(b, v, t)
    : (b.functional as { prox(v: Tensor, t: Tensor): Tensor }).prox(v, b.weight === 1 ? t : t.mul(b.weight));
/** v − t prox_{f/t}(v/t). */
const dualProx = (b: Block, v: Tensor, t: number | Tensor): Tensor =>
  typeof t === "number" ? addScaled(v, -t, proxAt(b, v.mul(1 / t), 1 / t)) : v.sub(proxWith(b, v.div(t), t.reciprocal()).mul(t));

/**
 * The steps of Pock & Chambolle from row and column sums of |K|: τ = 1 / Σ |Kᵢ|*1, σᵢ = 1 / |Kᵢ| 1. Give operators with the absolute values of the entries: a projector without
 * negative entries is its own. Rows that nothing reaches get 0.
 * @see Pock & Chambolle (2011), Diagonal preconditioning for first order primal-dual algorithms in convex optimization, ICCV
 */
export function diagonalSteps(absolutes: readonly LinearOperator[]): { tau: Tensor; sigma: Tensor[] } {
  const invert = (t: Tensor) => {
    const floor = 1e-6 * Math.max(1e-30, t.size > 0 ? t.max().item() : 0);
    return t.maximum(floor).reciprocal();
  };
  return scope(() => ({
    tau: invert(sumOf(absolutes.map((a) => a.adjoint(Tensor.ones(a.range, a.rangeType ?? "f32"))))),
    sigma: absolutes.map((a) => invert(a.apply(Tensor.ones(a.domain, a.domainType ?? "f32")))),
  }));
}

/**
 * The primal-dual hybrid gradient method of Chambolle and Pock for F(Ax) + Σ λᵢRᵢ(Kᵢx), any parts with a prox behind any operators:
 *  x̃ = prox_{τG}(x − τ Σ Kᵢ*uᵢ),   ũᵢ = prox_{σᵢ fᵢ*}(uᵢ + σᵢ Kᵢ(2x̃ − x)),   (x, u) ← (x, u) + ρ ((x̃, ũ) − (x, u))
 * with σᵢ = σ/‖Kᵢ‖², τ σ m ≤ 1 for m blocks. One Kᵢ and one Kᵢ* a step; the objective comes for free. The gap comes from the duals where the conjugates are finite.
 * @throws ArgumentError when a part has no prox
 * @see Chambolle & Pock (2011), J. Math. Imaging Vision 40, algorithms 1 and 2; Condat (2013), J. Optim. Theory Appl. 158: relaxation;
 *      Goldstein, Li, Yuan, Esser & Baraniuk (2013), arXiv:1305.0546: balancing
 */
export function pdhg(o: PdhgOptions = {}): Iteration<InverseProblem, Tensor, PdhgState> {
  const { tolerance = 1e-5, checkEvery = 10, blockScaling = true } = o;
  if (o.relaxation !== undefined && !(o.relaxation > 0 && o.relaxation < 2))
    throw new ArgumentError(`pdhg: relaxation ${o.relaxation}; give a number between 0 and 2`, { relaxation: o.relaxation });
  const accelerates = (gamma: number) => (o.accelerate ?? gamma >= 0.1) && gamma > 0;
  return {
    init(p, x) {
      const { direct, blocks } = saddle(p, o);
      const images = blocks.map((b) => through(b, x));
      const norms = o.steps ? blocks.map(() => 1) : blocks.map((b) => normOfOperator(b.operator) || 1);
      const total = Math.sqrt(norms.reduce((s, n) => s + n * n, 0));
      const scales = norms.map((n) => (blockScaling ? 1 / (n * n * norms.length) : 1 / (total * total)));
      const gamma = o.strongConvexity ?? direct.convexity;
      const root = Math.sqrt(o.ratio ?? (o.steps ? 1 : guessRatio(p, x, direct, blocks, norms)));
      const step = o.steps ? 1 : 0.99;
      // Under strong convexity τ falls by itself: begin far above 1/γ.
      const free = accelerates(gamma) && o.ratio === undefined && !o.steps;
      const tau = free ? Math.max(root, 30 / gamma) : root;
      return {
        x,
        iteration: 0,
        point: x,
        images,
        duals: images.map((z) => z.mul(0)),
        pulled: zerosOfDomain(p.operator),
        tau,
        sigma: step / tau,
        scales: o.steps ? norms.map(() => 1) : scales,
        gamma,
        adaptivity: 0.5,
        lowerBound: Number.NEGATIVE_INFINITY,
        value:
          (direct.block ? valueAt(direct.block, through(direct.block, x)) : 0) + blocks.reduce((s, b, i) => s + valueAt(b, images[i]), 0),
      };
    },
    step(p, s) {
      const { direct, blocks } = saddle(p, o);
      const accelerated = accelerates(s.gamma);
      const relaxation = accelerated ? 1 : (o.relaxation ?? 1.7);
      const primalStep = o.steps ? o.steps.tau.mul(s.tau) : s.tau;
      const x = direct.prox(
        primalStep instanceof Tensor ? s.point.sub(s.pulled.mul(primalStep)) : addScaled(s.point, -primalStep, s.pulled),
        primalStep,
      );
      const theta = accelerated ? 1 / Math.sqrt(1 + 2 * s.gamma * s.tau) : 1;
      const tau = s.tau * theta;
      const sigma = s.sigma / theta;
      const images = blocks.map((b) => through(b, x));
      const duals = blocks.map((b, i) => {
        const ahead = addScaled(images[i], theta, images[i].sub(s.images[i]));
        const t = o.steps ? o.steps.sigma[i].mul(sigma) : sigma * s.scales[i];
        return dualProx(b, t instanceof Tensor ? s.duals[i].add(ahead.mul(t)) : addScaled(s.duals[i], t, ahead), t);
      });
      const pulled = blocks.length > 0 ? sumOf(blocks.map((b, i) => back(b, duals[i]))) : s.pulled;
      const iteration = s.iteration + 1;

      // Residuals of the optimality conditions, relative to what could add up in them: both Σ Kᵢ*uᵢ and Kᵢx may rightly be 0.
      const over = (v: Tensor, t: number | Tensor) => (typeof t === "number" ? v.mul(1 / t) : v.div(t));
      const roots = s.scales.map((c) => Math.sqrt(c));
      const forces = duals.reduce((sum, u, i) => sum + normOf(u) / roots[i], 0) / Math.sqrt(Math.max(1, blocks.length));
      const primal = normOf(over(s.point.sub(x), primalStep).sub(s.pulled.sub(pulled))) / Math.max(1e-30, forces);
      const parts = blocks.map((_, i) => {
        const t = o.steps ? o.steps.sigma[i].mul(sigma) : sigma * s.scales[i];
        return roots[i] * normOf(over(s.duals[i].sub(duals[i]), t).sub(s.images[i].sub(images[i])));
      });
      const dual = Math.hypot(...parts) / Math.max(1e-30, normOf(x));

      const value =
        (direct.block ? valueAt(direct.block, through(direct.block, x)) : 0) + blocks.reduce((sum, b, i) => sum + valueAt(b, images[i]), 0);
      let { lowerBound, gap } = s;
      if (iteration % checkEvery === 0) {
        lowerBound = Math.max(lowerBound, dualBound(blocks, duals, direct.conjugate, pulled));
        if (Number.isFinite(lowerBound)) gap = Math.max(0, value - lowerBound);
      }
      const between = (a: Tensor, b: Tensor) => (relaxation === 1 ? b : addScaled(a, relaxation, b.sub(a)));
      let [nextTau, nextSigma, adaptivity] = [tau, sigma, s.adaptivity];
      if (!accelerated && (o.adaptive ?? true) && blocks.length > 0 && adaptivity > 1e-3) {
        const shift = primal > 1.5 * dual ? 1 / (1 - adaptivity) : dual > 1.5 * primal ? 1 - adaptivity : 1;
        if (shift !== 1) {
          nextTau *= shift;
          nextSigma /= shift;
          adaptivity *= 0.95;
        }
      }
      return {
        x,
        iteration,
        point: between(s.point, x),
        images: images.map((z, i) => between(s.images[i], z)),
        duals: duals.map((u, i) => between(s.duals[i], u)),
        pulled: between(s.pulled, pulled),
        tau: nextTau,
        sigma: nextSigma,
        scales: s.scales,
        gamma: s.gamma,
        adaptivity,
        lowerBound,
        value,
        gap,
        change: Math.max(primal, dual),
      };
    },
    done: (s) => converged(s, tolerance),
  };
}

/** (how large x is / how large the duals are)²: x as the start or A*y/‖A‖², duals as far as the weights let them. */
function guessRatio(p: InverseProblem, x: Tensor, direct: Direct, blocks: readonly Block[], norms: readonly number[]): number {
  const a = normOfOperator(p.operator);
  const primal = Math.max(normOf(x), a > 0 ? normOf(p.operator.adjoint(p.fidelity.data)) / (a * a) : 0);
  let dual = 0;
  blocks.forEach((b, i) => {
    if (b.operator === p.operator && b.functional === p.fidelity) return;
    const size = (b.operator?.range ?? p.operator.domain).reduce((s, n) => s * n, 1);
    dual = Math.hypot(dual, norms[i] * b.weight * Math.sqrt(size));
  });
  const ratio = dual > 0 && primal > 0 && direct ? (0.3 * primal * Math.sqrt(norms.length)) / dual : 1;
  return ratio * ratio;
}
