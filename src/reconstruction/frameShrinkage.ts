import type { Iteration, State, Stop } from "../core/interfaces.js";
import { tvPull, tvPush } from "../kernels/complexImage.js";
import { engine } from "../kernels/index.js";
import { Tensor } from "../tensor/index.js";

/** x ↦ ½⟨x, N x⟩ − Re⟨x, b⟩ with N = A*A and b = A*y: the data term, but for a constant, by what it does to an image. */
export interface QuadraticData {
  /** A*A. */
  normal(x: Tensor): Tensor;
  /** A*y. */
  readonly rhs: Tensor;
  /** Of N: a bound of its largest eigenvalue. */
  readonly lipschitz: number;
  /** ‖A*y‖, the size of images. */
  readonly size: number;
  /** (A*A + ρ)⁻¹ v, where there is a closed form. */
  normalInverse?(v: Tensor, rho: number): Tensor;
}
export interface ShrinkageState extends State<Tensor> {
  /** Where the next gradient is taken. */
  readonly ahead: Tensor;
  readonly momentum: number;
  /** ‖x_k − x_{k−1}‖ / ‖A*y‖. */
  readonly change: number;
}

/**
 * Accelerated proximal gradient steps:  x ← P(z − ∇/L),  z ← x + momentum · (x − x before),  with the momentum restarted where it points uphill.
 * With P = prox_{λR/L} this is FISTA; with P = W* ∘ shrink ∘ W for a tight frame W it is the projected method of Liu et al., whose limit is
 * within O(λ) of the analysis problem ½‖Ax − y‖² + λ‖Wx‖₁ and which needs no inner loop.
 * @see Beck & Teboulle (2009), SIAM J. Imaging Sciences 2; O'Donoghue & Candès (2015), Found. Comput. Math. 15 (restart);
 *      Liu et al. (2016), Projected iterative soft-thresholding algorithm for tight frames in compressed sensing MRI, IEEE TMI 35
 */
export function acceleratedShrinkage(
  shrink: (v: Tensor, step: number) => Tensor,
  tolerance: number,
): Iteration<QuadraticData, Tensor, ShrinkageState> {
  return {
    init: (_, x) => ({ x, ahead: x, momentum: 1, change: Number.POSITIVE_INFINITY }),
    step(p, s) {
      const step = 1 / p.lipschitz;
      const x = shrink(s.ahead.sub(p.normal(s.ahead).sub(p.rhs).mul(step)), step);
      const moved = x.sub(s.x);
      const uphill = s.ahead.sub(x).innerProduct(moved).item() > 0;
      const momentum = uphill ? 1 : (1 + Math.sqrt(1 + 4 * s.momentum ** 2)) / 2;
      const ahead = uphill ? x : x.add(moved.mul((s.momentum - 1) / momentum));
      return { x, ahead, momentum, change: moved.norm().item() / Math.max(p.size, 1e-30) };
    },
    done: (s): { stop: Stop; reason: string } | undefined =>
      s.change <= tolerance ? { stop: "converged", reason: "the image does not change any more" } : undefined,
  };
}

export interface TvPrimalDualState extends State<Tensor> {
  /** Two planes, of differences along y and along x. */
  readonly dual: Tensor;
  readonly steps: number;
  readonly change: number;
}

/**
 * Primal-dual steps for  data(x) + λ TV(x)  of one complex picture, TV isotropic over both differences and both parts: the data term exactly where
 * (A*A + ρ)⁻¹ has a closed form (Chambolle–Pock), else by its gradient (Condat–Vũ). Images of values about 1 are expected: the ratio of the
 * steps suits them.
 * @see Chambolle & Pock (2011), J. Math. Imaging Vis. 40; Condat (2013), J. Optim. Theory Appl. 158; Vũ (2013), Adv. Comput. Math. 38
 */
export function complexTvPrimalDual(lambda: number, tolerance: number): Iteration<QuadraticData, Tensor, TvPrimalDualState> {
  const norm2 = 8; // ‖∇‖² < 8
  return {
    init: (p, x) => ({ x, dual: Tensor.zeros([2, ...p.rhs.shape], "c64"), steps: 0, change: Number.POSITIVE_INFINITY }),
    step(p, s) {
      const [h, w] = p.rhs.shape;
      const tau = p.normalInverse ? 8 : 1 / p.lipschitz;
      const sigma = p.normalInverse ? 1 / (tau * norm2) : p.lipschitz / (2 * norm2); // 1/τ − σ‖∇‖² ≥ L/2
      const e = engine();
      let x = Tensor.uninitialised([h, w], "c64");
      if (p.normalInverse) {
        // argmin ½‖x − v‖²/τ + data = (A*A + 1/τ)⁻¹ (A*y + v/τ),  v = s.x − τ ∇*p
        tvPull(e, s.x.pointer, s.dual.pointer, p.rhs.pointer, x.pointer, 1 / tau, h, w);
        x = p.normalInverse(x, 1 / tau);
      } else {
        const gradient = p.rhs.sub(p.normal(s.x));
        tvPull(e, s.x.pointer, s.dual.pointer, gradient.pointer, x.pointer, 1 / tau, h, w);
        x = x.mul(tau);
      }
      const dual = Tensor.uninitialised(s.dual.shape, "c64");
      const moved = tvPush(e, x.pointer, s.x.pointer, s.dual.pointer, dual.pointer, sigma, lambda, h, w);
      return { x, dual, steps: s.steps + 1, change: Math.sqrt(moved) / Math.max(p.size, 1e-30) };
    },
    // The dual starts at 0, and the first steps move little.
    done: (s): { stop: Stop; reason: string } | undefined =>
      s.steps >= 10 && s.change <= tolerance ? { stop: "converged", reason: "the image does not change any more" } : undefined,
  };
}
