import type { Shape } from "../core/shape.js";
import type { DType } from "../tensor/index.js";
import { Operator } from "./operator.js";

/** x ↦ x. */
export const identityOperator = (shape: Shape, type: DType = "f32"): Operator & { readonly diagonal: number } =>
  Object.assign(
    new Operator({
      name: "identity",
      domain: shape,
      range: shape,
      domainType: type,
      rangeType: type,
      apply: (x) => x,
      adjoint: (y) => y,
      normal: (x) => x,
      unitary: true,
      norm: 1,
      normalInverse: (b, rho) => b.div(1 + rho),
    }),
    { diagonal: 1 },
  );
