import type { InverseProblem } from "../core/interfaces.js";
import { Tensor } from "../tensor/tensor.js";
import { squares } from "./cgls.js";
import { requirePart, zerosOfDomain } from "./inverse.js";
import { type LinearPart, solveLinear } from "./splitting.js";

/**
 * The minimiser of ½‖Ax − y‖²_W + Σ ½ λᵢ‖Kᵢx − yᵢ‖² (Tikhonov) at once: in closed form where A and all Kᵢ are diagonal in one basis (a blur and a gradient on a ring, samples,
 * Fourier samples), or A has (A*A + ρ)⁻¹ and the Kᵢ are unitary or none; else by conjugate gradients on the normal equations.
 * @throws ArgumentError when a part is not a square, or a term has weights for its samples
 */
export function solveSquares(p: InverseProblem, o: LinearPart & { readonly start?: Tensor } = {}): Tensor {
  const [kept, ...copied] = squares(p, "solveSquares");
  for (const b of copied) requirePart(!b.functional.quadratic?.weights, "solveSquares", `${b.name} has weights for its samples; use cgls`);
  const targets = copied.map((b) => {
    const shape = b.operator?.range ?? p.operator.domain;
    return b.functional.quadratic?.data ?? Tensor.zeros(shape, b.operator?.rangeType ?? p.operator.domainType ?? "f32");
  });
  return solveLinear(
    { copied, kept },
    copied.map((b) => b.weight),
    targets,
    o.start ?? zerosOfDomain(p.operator),
    { innerIterations: 200, innerTolerance: 1e-6, ...o },
  );
}
