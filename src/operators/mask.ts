import type { DType, Tensor } from "../tensor/index.js";
import { Operator } from "./operator.js";

/** x ↦ m · x, sample by sample, with real weights m (0 where nothing is known). Real or complex x. */
export const maskOperator = (mask: Tensor, type: DType = "f32"): Operator => {
  const square = mask.square();
  return new Operator({
    name: "mask",
    domain: mask.shape,
    range: mask.shape,
    domainType: type,
    rangeType: type,
    apply: (x) => x.mul(mask),
    adjoint: (y) => y.mul(mask),
    normal: (x) => x.mul(square),
    norm: mask.size > 0 ? mask.abs().max().item() : 0,
    normalInverse: (b, rho) => b.div(square.add(rho)),
  });
};
