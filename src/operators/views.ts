import type { Shape } from "../core/shape.js";
import { complex, type DType, stack } from "../tensor/index.js";
import { Operator } from "./operator.js";

/** Real numbers seen as complex ones, x ↦ x + 0i; the adjoint is the real part. Before a Fourier operator it says that the image is real. */
export const complexOfReal = (shape: Shape, precision: "f32" | "f64" = "f32"): Operator =>
  new Operator({
    name: "complexOfReal",
    domain: shape,
    range: shape,
    domainType: precision,
    rangeType: precision === "f64" ? "c128" : "c64",
    apply: (x) => complex(x),
    adjoint: (y) => y.real(),
    normal: (x) => x,
    norm: 1,
    normalInverse: (b, rho) => b.div(1 + rho),
  });

/** Complex numbers as two real planes [2, …shape], real parts first: what real networks and real priors see. */
export const partsOfComplex = (shape: Shape, type: DType = "c64"): Operator =>
  new Operator({
    name: "partsOfComplex",
    domain: shape,
    range: [2, ...shape],
    domainType: type,
    rangeType: type === "c128" ? "f64" : "f32",
    apply: (x) => stack([x.real(), x.imag()]),
    adjoint: (y) => complex(y.at(0), y.at(1)),
    normal: (x) => x,
    norm: 1,
    normalInverse: (b, rho) => b.div(1 + rho),
  });
