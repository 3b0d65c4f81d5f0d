import { type DType, keep, type Tensor } from "../tensor/index.js";
import { samplesBasis } from "./fourierBasis.js";
import { Operator } from "./operator.js";
import { inEveryPrecision } from "./typed.js";

/** x ↦ m · x, sample by sample, with real weights m (0 where nothing is known). Real or complex x. */
export const maskOperator = (mask: Tensor, type: DType = "f32"): Operator & { readonly diagonal: Tensor } => {
  const weights = keep(mask);
  const square = inEveryPrecision((precision) => weights.cast(precision).square());
  const operator = new Operator({
    name: "mask",
    domain: mask.shape,
    range: mask.shape,
    domainType: type,
    rangeType: type,
    apply: (x) => x.mul(weights),
    adjoint: (y) => y.mul(weights),
    norm: mask.size > 0 ? mask.abs().max().item() : 0,
    diagonalisation: samplesBasis(mask.shape, type, square),
  });
  return Object.assign(operator, { diagonal: weights });
};
