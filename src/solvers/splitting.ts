import type { Diagonalisation, InverseProblem, LinearOperator } from "../core/interfaces.js";
import type { Tensor } from "../tensor/tensor.js";
import { cg } from "./cg.js";
import { type Block, back, fidelityOf, requirePart, sumOf, termsOf, through } from "./inverse.js";

/** F(Ax) + Σ w R(Kx) with the parts that get copies z = Kx of their own, and the fidelity where it stays in the linear equations. */
export interface Split {
  /** Blocks that are split off. */
  readonly copied: readonly Block[];
  /** Least squares stays: its minimisation together with the quadratic couplings is a linear system. */
  readonly kept: Block | undefined;
}
/** @throws ArgumentError when a part has no prox */
export function splitOf(p: InverseProblem, who: string): Split {
  const fidelity = fidelityOf(p);
  const terms = termsOf(p);
  for (const b of terms) requirePart(!!b.functional.prox, who, `${b.name} has no prox; use fista or landweber where it has a gradient`);
  if (fidelity.functional.quadratic) return { copied: terms, kept: fidelity };
  requirePart(!!fidelity.functional.prox, who, "the fidelity has no prox; use fista or landweber where it has a gradient");
  return { copied: [fidelity, ...terms], kept: undefined };
}

/** How (A*A + ρ K*K) x = b is solved inside a splitting. */
export interface LinearPart {
  /** Steps of conjugate gradients at most, where the system has no closed form (default 20), from the last x. */
  readonly innerIterations?: number;
  /** Their relative residual (default 1e-5; of admm: as exact as its own residuals ask). */
  readonly innerTolerance?: number;
}

/**
 * argmin over x of F(Ax) + Σ ρᵢ/2 ‖Kᵢx − cᵢ‖², F least squares or none: (A*WA + Σ ρᵢ Kᵢ*Kᵢ) x = A*Wy + Σ ρᵢ Kᵢ*cᵢ. In closed form where all are diagonal in one basis,
 * or A has a normalInverse and all Kᵢ are identities or unitary; else by conjugate gradients.
 */
export function solveLinear(split: Split, rho: readonly number[], targets: readonly Tensor[], from: Tensor, o: LinearPart): Tensor {
  const { copied, kept } = split;
  const right: Tensor[] = copied.map((b, i) => back(b, targets[i]).mul(rho[i]));
  const weights = kept?.functional.quadratic?.weights;
  if (kept) {
    const y = kept.functional.quadratic?.data;
    if (y) right.push(back(kept, weights ? y.mul(weights) : y));
  }
  const b = sumOf(right);
  const plain = (k: Block) => !k.operator || k.operator.unitary;
  const all = [...copied.map((k, i) => ({ k, w: rho[i] })), ...(kept ? [{ k: kept, w: 1 }] : [])];
  if (!weights) {
    const inBasis = all.filter(({ k }) => !plain(k));
    const basis = inBasis[0]?.k.operator?.diagonalisation;
    const constant = all.filter(({ k }) => plain(k)).reduce((s, { w }) => s + w, 0);
    if (inBasis.length === 0) return b.div(constant);
    if (basis && inBasis.every(({ k }) => k.operator?.diagonalisation?.basis === basis.basis)) {
      const values = inBasis
        .map(({ k, w }) => {
          const v = (k.operator as LinearOperator & { diagonalisation: Diagonalisation }).diagonalisation.values(b.dtype);
          return w === 1 ? v : v.mul(w);
        })
        .reduce((s, v) => s.add(v));
      const floor = constant > 0 ? constant : 1e-12; // constants have eigenvalue 0 where nothing holds them
      return basis.synthesise(basis.analyse(b).div(values.add(floor)));
    }
    if (inBasis.length === 1 && inBasis[0].k === kept && kept?.operator?.normalInverse) return kept.operator.normalInverse(b, constant);
  }
  const apply = (x: Tensor) =>
    sumOf(
      all.map(({ k, w }) => {
        const a = k.operator;
        const v =
          k === kept && weights
            ? back(k, through(k, x).mul(weights))
            : !a || a.unitary
              ? x
              : a.normal
                ? a.normal(x)
                : a.adjoint(a.apply(x));
        return w === 1 ? v : v.mul(w);
      }),
    );
  return cg({ apply, rhs: b }, { iterations: o.innerIterations ?? 20, relativeResidual: o.innerTolerance ?? 1e-5, start: from }).x;
}
