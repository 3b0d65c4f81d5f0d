import { ArgumentError } from "../core/errors.js";
import { normalAxes, type Shape, sizeOf } from "../core/shape.js";
import { type DifferenceBorder, forwardDifference } from "../kernels/along.js";
import { engine } from "../kernels/index.js";
import { linesAlong } from "../kernels/lines.js";
import * as twin from "../kernels/reference/along.js";
import { type DType, Tensor } from "../tensor/index.js";
import { fourierBasis, spectrumShape } from "./fourierBasis.js";
import { Operator } from "./operator.js";
import { inEveryPrecision } from "./typed.js";

/** Which axes are differenced, by which spacing. */
export interface GradientOptions {
  /** Axes to differentiate along, first in the range's first axis; default all. Leave out that of channels: [1, 2] for [c, y, x]. */
  readonly axes?: readonly number[];
  /** Distance of samples: one number, or one for each of `axes`. */
  readonly spacing?: number | readonly number[];
  /** "reflect" (default): the last difference is 0; "periodic": the first sample follows the last; "zero": zeros follow. */
  readonly border?: DifferenceBorder;
  /** Type of the numbers; default f32. */
  readonly type?: DType;
}

/**
 * x ↦ ∇x by forward differences, (∇x)_a = (x_{i + e_a} − x_i) / h_a: [d, …shape] for d axes. Its adjoint is minus the divergence. Real or complex,
 * any number of axes. The norm is known exactly; it is at most 2 √(Σ 1/h²). On a ring, ∇*∇ is diagonal in the Fourier basis.
 * @throws ArgumentError for a spacing that is not positive
 */
export function gradientOperator(
  shape: Shape,
  o: GradientOptions = {},
): Operator & { readonly axes: readonly number[]; readonly border: DifferenceBorder } {
  const { border = "reflect", type = "f32" } = o;
  const axes = normalAxes(o.axes, shape.length, "gradient");
  const spacing = axes.map((_, i) => (typeof o.spacing === "object" ? o.spacing[i] : (o.spacing ?? 1)));
  if (spacing.some((h) => !(h > 0)))
    throw new ArgumentError(`gradient: spacing [${spacing}]; give a positive length for each of ${axes.length} axes`, { spacing });
  const range = [axes.length, ...shape];
  const size = sizeOf(shape);
  const components = type === "c64" || type === "c128" ? 2 : 1;
  const lines = axes.map((a) => {
    const l = linesAlong(shape, a);
    return { ...l, inner: l.inner * components };
  });
  const half = components === 1 && axes.includes(shape.length - 1);
  const symbol = inEveryPrecision((precision) => {
    const bins = spectrumShape(shape, axes, half);
    return axes
      .map((a, i) => {
        const values = Float64Array.from({ length: bins[a] }, (_, k) => (2 - 2 * Math.cos((2 * Math.PI * k) / shape[a])) / spacing[i] ** 2);
        return Tensor.from(
          values,
          bins.map((n, j) => (j === a ? n : 1)),
          precision,
        );
      })
      .reduce((s, t) => s.add(t));
  });
  const run = (into: Tensor, from: Tensor, i: number, adjoint: boolean) => {
    const [scale, plane] = [1 / spacing[i], i * size * components];
    const accumulate = adjoint && i > 0;
    if (from.dtype === "f32" || from.dtype === "c64")
      forwardDifference(
        engine(),
        from.pointer + (adjoint ? 4 * plane : 0),
        into.pointer + (adjoint ? 0 : 4 * plane),
        lines[i],
        border,
        scale,
        adjoint,
        accumulate,
      );
    else
      twin.forwardDifference(
        from.data.subarray(adjoint ? plane : 0),
        into.storage.data.subarray(adjoint ? 0 : plane),
        lines[i],
        border,
        scale,
        adjoint,
        accumulate,
      );
  };
  const apply = (x: Tensor) => {
    const out = Tensor.uninitialised(range, x.dtype);
    axes.forEach((_, i) => {
      run(out, x, i, false);
    });
    return out;
  };
  const adjoint = (y: Tensor) => {
    if (axes.length === 0) return Tensor.zeros(shape, y.dtype);
    const out = Tensor.uninitialised(shape, y.dtype);
    axes.forEach((_, i) => {
      run(out, y, i, true);
    });
    return out;
  };
  const operator = new Operator({
    name: "gradient",
    domain: shape,
    range,
    domainType: type,
    rangeType: type,
    apply,
    adjoint,
    norm: size === 0 ? 0 : Math.sqrt(axes.reduce((s, a, i) => s + largest(shape[a], border) / spacing[i] ** 2, 0)),
    normal: (x) => adjoint(apply(x)), // cheaper than two transforms
    diagonalisation: border === "periodic" && axes.length > 0 ? fourierBasis(shape, axes, type, symbol) : undefined,
  });
  return Object.assign(operator, { axes, border });
}

/** The largest eigenvalue of ∂*∂ on n samples. */
function largest(n: number, border: DifferenceBorder): number {
  if (border === "zero") return 4 * Math.cos(Math.PI / (2 * n + 1)) ** 2;
  if (n === 1) return 0;
  if (border === "periodic") return n % 2 === 0 ? 4 : 4 * Math.cos(Math.PI / (2 * n)) ** 2;
  return 4 * Math.cos(Math.PI / (2 * n)) ** 2;
}
