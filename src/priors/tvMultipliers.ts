import { ArgumentError } from "../core/errors.js";
import type { Iteration, LinearOperator, State, Stop } from "../core/interfaces.js";
import { engine } from "../kernels/index.js";
import { tvSplit, tvSums } from "../kernels/totalVariation.js";
import { gradientOperator } from "../operators/index.js";
import { scope, Tensor } from "../tensor/index.js";
import { type TvMeasure, tvLayout } from "./tvPrimalDual.js";

/** min over x  ½‖Ax − y‖² + λ TV(x), where A*A and ∇*∇ are diagonal in one basis: convolutions and differences on a ring. */
export interface TvSplitProblem {
  /** A, from images to data. */
  readonly operator: LinearOperator;
  /** The measured data d. */
  readonly data: Tensor;
  /** λ in ½‖Ax − d‖² + λ R(x). */
  readonly lambda: number;
}
export interface TvMultipliersOptions extends TvMeasure {
  /** Converged when the primal and the dual residual are both below this part of what they are differences of (default 1.5e-4: the
   * objective is then within about 1e-5 of its minimum). */
  readonly tolerance?: number;
  /** Inner steps between two looks (default 10). */
  readonly block?: number;
  /** The first penalty; default from λ and the range of the data. It is adapted to balance the residuals. */
  readonly rho?: number;
  /** Over-relaxation, 1 to 2. */
  readonly relaxation?: number;
}
export interface TvMultipliersState extends State<Tensor> {
  /** The objective there. */
  readonly value: number;
  /** Scaled multipliers, and z − u for the split gradients z: pictures × axes × space. */
  readonly u: Tensor;
  /** z − u for the split gradients z. */
  readonly v: Tensor;
  /** ∇*(z − u). */
  readonly b: Tensor;
  /** The weight of the coupling. */
  readonly rho: number;
  /** Steps so far. */
  readonly steps: number;
  /** How often ρ was looked at. */
  readonly looks: number;
  /** How far gradients and their split parts are apart. */
  readonly primal: number;
  /** How much the split parts still move. */
  readonly dual: number;
  /** U A*y, and the eigenvalues of A*A and ∇*∇. */
  readonly rhs: Tensor;
  /** Eigenvalues of A*A. */
  readonly fit: Tensor;
  /** Eigenvalues of ∇*∇. */
  readonly smooth: Tensor;
}

/** Whether `tvMultipliers` can treat A: real, with A*A diagonal in the basis of the differences. */
export function tvDiagonal(a: LinearOperator, m: TvMeasure): boolean {
  if (!a.diagonalisation || (a.domainType ?? "f32") !== "f32" || m.border !== "periodic" || (m.alpha ?? 0) > 0) return false;
  return a.diagonalisation.basis === differences(a, m).diagonalisation?.basis;
}
function differences(a: LinearOperator, m: TvMeasure): LinearOperator {
  const d = tvLayout(a.domain, m).geometry.size.length;
  return gradientOperator(a.domain, { axes: Array.from({ length: d }, (_, i) => a.domain.length - d + i), border: "periodic" });
}

/**
 * Alternating directions for  ½‖Ax − y‖² + λ TV(x): the image is an exact division in the diagonal basis, the split gradients and multipliers one
 * fused kernel, over-relaxed, with a penalty that balances the two residuals.
 * @see Wang, Yang, Yin & Zhang (2008), SIAM J. Imaging Sci. 1 (the splitting); Wohlberg (2017), arXiv:1704.06209 (relative residuals)
 */
export function tvMultipliers(o: TvMultipliersOptions = {}): Iteration<TvSplitProblem, Tensor, TvMultipliersState> {
  const { tolerance = 1.5e-4, block = 10, relaxation = 1.8 } = o;
  const objective = (p: TvSplitProblem, x: Tensor): number => {
    const { pictures, n, geometry } = tvLayout(x.shape, o);
    let tv = 0;
    for (let k = 0; k < pictures; k++) tv += tvSums(engine(), x.pointer + 4 * k * n, 0, x.pointer + 4 * k * n, 0, geometry).tv;
    const r = p.operator.apply(x).sub(p.data);
    return 0.5 * r.innerProduct(r).item() + p.lambda * tv;
  };
  return {
    init(p, x) {
      const { operator: a } = p;
      if (!tvDiagonal(a, o))
        throw new ArgumentError("tvMultipliers: the operator is not diagonal in the basis of the differences; use a general solver", {});
      const diagonal = a.diagonalisation as NonNullable<LinearOperator["diagonalisation"]>;
      const { pictures, geometry } = tvLayout(x.shape, o);
      const planes = [pictures, geometry.size.length, ...geometry.size];
      const range = x.max().item() - x.min().item();
      return {
        x,
        value: objective(p, x),
        u: Tensor.zeros(planes),
        v: Tensor.zeros(planes),
        b: Tensor.zeros(x.shape),
        rho: o.rho ?? p.lambda / Math.max(1e-12, 0.02 * range),
        steps: 0,
        looks: 0,
        primal: Number.POSITIVE_INFINITY,
        dual: Number.POSITIVE_INFINITY,
        rhs: diagonal.analyse(a.adjoint(p.data)),
        fit: diagonal.values("f32"),
        smooth: (differences(a, o).diagonalisation as typeof diagonal).values("f32"),
      };
    },
    step(p, s) {
      const { pictures, n, geometry } = tvLayout(p.operator.domain, o);
      const diagonal = p.operator.diagonalisation as NonNullable<LinearOperator["diagonalisation"]>;
      const scale = s.fit.add(s.smooth.mul(s.rho)).maximum(1e-20).reciprocal();
      const next = [0, 1].map(() => [s.u, s.v].map((t) => Tensor.uninitialised(t.shape)));
      let [u, v, b, x] = [s.u, s.v, s.b, s.x];
      let before = [u, v];
      for (let k = 0; k < block; k++) {
        before = [u, v];
        const [uo, vo] = next[k & 1];
        [x, b] = scope(() => {
          const image = diagonal.synthesise(diagonal.analyse(b).mul(s.rho).add(s.rhs).mul(scale));
          const out = Tensor.uninitialised(image.shape);
          for (let i = 0; i < pictures; i++) {
            const [at, planes] = [4 * i * n, 4 * i * n * geometry.size.length];
            tvSplit(
              engine(),
              image.pointer + at,
              u.pointer + planes,
              v.pointer + planes,
              uo.pointer + planes,
              vo.pointer + planes,
              out.pointer + at,
              geometry,
              relaxation,
              p.lambda / s.rho,
            );
          }
          return [image, out];
        });
        [u, v] = [uo, vo];
      }
      return scope(() => {
        const z = v.add(u);
        const moved = z.sub(before[1]).sub(before[0]);
        const du = u.sub(before[0]); // ω (∇x − z) up to relaxation: what the constraint lacks
        const primal = du.norm().item() / Math.max(1e-30, z.norm().item());
        const dual = moved.norm().item() / Math.max(1e-30, u.norm().item());
        // Balanced: the penalty grows where the constraint lags. Ever more timid, so that it settles.
        const factor = Math.min(4, Math.max(0.25, Math.sqrt(primal / Math.max(dual, 1e-30)))) ** (1 / (1 + s.looks / 3));
        const rho = s.looks < 12 && factor > 0 && Number.isFinite(factor) ? s.rho * factor : s.rho;
        const turned = s.rho / rho;
        const scaled = turned === 1 ? u : u.mul(turned);
        const shifted = turned === 1 ? v : z.sub(scaled);
        let rest = b;
        if (turned !== 1) {
          const gradient = differences(p.operator, o);
          // b = ∇*(z − u) with the new u; the operator's planes are in the other order.
          const all = Array.from({ length: geometry.size.length }, (_, a) => a).reverse();
          const turn = (t: Tensor) =>
            t.gather(Tensor.from(Int32Array.from(all), [all.length]), 1).reshape(pictures, all.length, ...geometry.size);
          const parts = turn(shifted).permute(1, 0, ...geometry.size.map((_, i) => i + 2));
          rest = gradient.adjoint(parts.reshape(all.length, ...p.operator.domain));
        }
        return {
          ...s,
          x,
          value: objective(p, x),
          u: scaled,
          v: shifted,
          b: rest,
          rho,
          steps: s.steps + block,
          looks: s.looks + 1,
          primal,
          dual,
        };
      });
    },
    done(s): { stop: Stop; reason: string } | undefined {
      if (s.looks > 2 && Math.max(s.primal, s.dual) <= tolerance) return { stop: "converged", reason: "both residuals are small" };
      return undefined;
    },
  };
}
