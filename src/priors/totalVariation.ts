import { ArgumentError } from "../core/errors.js";
import type { Functional, Prior, PriorTerm, Proximable } from "../core/interfaces.js";
import type { Shape } from "../core/shape.js";
import { gradientOperator } from "../operators/index.js";
import { Tensor } from "../tensor/index.js";
import { huberL21, l1, l21 } from "./norms.js";
import { type TvMeasure, tvLayout, tvRestoreSync } from "./tvPrimalDual.js";

export interface TotalVariationOptions extends TvMeasure {
  /** How exactly `prox` solves: duality gap relative to its objective (default 1e-6). */
  readonly tolerance?: number;
}

/**
 * TV(x) = Σ_k |(∇x)_k| with forward differences; |·| Euclidean (isotropic) or Σ |g_a|; with α > 0, Huber's rounding of |·|. As a prior it is one
 * term, a norm of ∇x, for methods that split it; as a functional of x it has a proximal map, solved inside to a certified gap.
 * @see Rudin, Osher & Fatemi (1992), Physica D 60
 */
export class TotalVariation implements Prior, Functional, Proximable {
  /** What it is called. */
  readonly name = "tv";
  /** With its border and axes. */
  constructor(
    /** What it was made with. */
    readonly options: TotalVariationOptions = {},
  ) {
    const { alpha = 0, isotropic = true } = options;
    if (!(alpha >= 0) || (alpha > 0 && !isotropic))
      throw new ArgumentError(`totalVariation: α is ${alpha}; give a number that is not negative, and 0 where it is not isotropic`, {
        alpha,
      });
  }
  terms(shape: Shape, lambda: number): readonly PriorTerm[] {
    const { alpha = 0, isotropic = true, border = "reflect" } = this.options;
    const d = tvLayout(shape, this.options).geometry.size.length;
    const axes = Array.from({ length: d }, (_, i) => shape.length - d + i);
    const functional = alpha > 0 ? huberL21(alpha) : isotropic ? l21() : l1();
    return [{ weight: lambda, functional, operator: gradientOperator(shape, { axes, border }) }];
  }
  /** The same with a border, where none was asked for. */
  withBorder(border: "reflect" | "periodic"): TotalVariation {
    return this.options.border ? this : new TotalVariation({ ...this.options, border });
  }
  value(x: Tensor): Tensor {
    const [{ functional, operator }] = this.terms(x.shape, 1);
    return functional.value(operator ? operator.apply(x) : x);
  }
  /** argmin over x of ½‖x − v‖² + t R(x). */
  prox(v: Tensor, t: number | Tensor): Tensor {
    return tvRestoreSync({ data: v, lambda: t instanceof Tensor ? t.item() : t }, this.options).image;
  }
}
/** Σ |∇x| as a prior: piecewise constant images. */
export const totalVariation = (o: TotalVariationOptions = {}): TotalVariation => new TotalVariation(o);
