import type { LinearOperator, Prior, PriorTerm } from "../core/interfaces.js";
import { normalAxes, type Shape } from "../core/shape.js";
import { type GradientOptions, gradientOperator, Operator } from "../operators/index.js";
import type { Tensor } from "../tensor/index.js";
import { squaredL2 } from "./norms.js";

/** R(x) = ½‖Kx‖²: with a least-squares fidelity the minimiser solves (A*A + λ K*K) x = A*y. */
export class Quadratic implements Prior {
  /** ½ ‖K x‖², K by the shape of x. */
  constructor(
    /** What it is called. */
    readonly name: string,
    /** K for images of a shape; nothing for the identity. */
    readonly operatorFor: (shape: Shape) => LinearOperator | undefined,
  ) {}
  terms(shape: Shape, lambda: number): readonly PriorTerm[] {
    return [{ weight: lambda, functional: squaredL2(), operator: this.operatorFor(shape) }];
  }
  value(x: Tensor): Tensor {
    const k = this.operatorFor(x.shape);
    return squaredL2().value(k ? k.apply(x) : x);
  }
}
/** ½‖x‖². */
export const ridge = (): Quadratic => new Quadratic("l2", () => undefined);
/** ½‖∇x‖², forward differences; "dimensions": the last so many axes are space (default all). */
export const tikhonov = (o: Omit<GradientOptions, "axes"> & { readonly dimensions?: number } = {}): Quadratic =>
  new Quadratic("tikhonov", (shape) => {
    const { dimensions = shape.length, ...rest } = o;
    const axes = normalAxes(
      Array.from({ length: dimensions }, (_, i) => i - dimensions),
      shape.length,
      "tikhonov",
    );
    return gradientOperator(shape, { ...rest, axes });
  });
/** Nothing: least squares alone. */
export const noPrior = (): Prior => ({ name: "none", terms: () => [], value: (x) => x.sum().mul(0) });

/** x ↦ ∇*∇x, minus the Laplacian of x. */
function laplacian(shape: Shape, dimensions = shape.length): Operator {
  const g = gradientOperator(shape, { axes: Array.from({ length: dimensions }, (_, i) => shape.length - dimensions + i) });
  const twice = (x: Tensor) => g.adjoint(g.apply(x));
  return new Operator({ name: "laplacian", domain: shape, range: shape, apply: twice, adjoint: twice, norm: g.norm() ** 2 });
}
/** ½‖Δx‖²: surfaces as smooth as a thin plate. Known samples with λ = 0 are interpolated by it exactly. */
export class Biharmonic extends Quadratic {
  /** Over the last so many axes. */
  constructor(
    /** How many of the last axes are space. */
    readonly dimensions?: number,
  ) {
    super("biharmonic", (shape) => laplacian(shape, dimensions));
  }
}
/** ½ ‖Δx‖² as a prior: thin plates through what is known. */
export const biharmonic = (o: { readonly dimensions?: number } = {}): Biharmonic => new Biharmonic(o.dimensions);
