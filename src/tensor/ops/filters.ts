import { ArgumentError, ShapeError } from "../../core/errors.js";
import { normalAxes, shapeText } from "../../core/shape.js";
import { engine } from "../../kernels/engine.js";
import * as gaussianKernel from "../../kernels/gaussian.js";
import * as kernels from "../../kernels/lines.js";
import { type Border, gaussianWeights, symmetricFilter } from "../../kernels/reference/gaussian.js";
import * as twins from "../../kernels/reference/lines.js";
import { type Applied, define } from "../primitive.js";
import { isComplex } from "../storage.js";
import { Tensor } from "../tensor.js";
import { complex } from "./complex.js";
import { cast } from "./elementwise.js";

/** A linear filter works on the parts of a complex tensor, and on integers as floats. */
function onParts(x: Tensor, filter: (x: Tensor) => Tensor): Tensor {
  if (isComplex(x.dtype)) return complex(filter(x.real()), filter(x.imag()));
  return filter(x.dtype === "i32" ? cast(x, "f32") : x);
}

/**
 * One number or one per spatial axis (the last ones, z, y, x), as [z, y, x] with `neutral` for missing axes.
 * A single number stands for every axis but the first, which holds channels.
 */
export function perAxis(
  values: number | readonly number[],
  shape: readonly number[],
  neutral: number,
  who: string,
): { readonly values: [number, number, number]; readonly volumes: number; readonly size: [number, number, number] } {
  const list = typeof values === "number" ? new Array<number>(Math.max(0, shape.length - 1)).fill(values) : values;
  if (list.length < 1 || list.length > 3 || list.length > shape.length)
    throw new ShapeError(
      `${who}: ${list.length} spatial axes in ${shapeText(shape)}; expected [c, z, y, x] or [c, y, x] with one number, or a number for each of the last one to three axes`,
      { shape, values },
    );
  const missing = 3 - list.length;
  const spatial = shape.slice(shape.length - list.length);
  return {
    values: [...new Array<number>(missing).fill(neutral), ...list] as [number, number, number],
    volumes: shape.slice(0, shape.length - list.length).reduce((p, n) => p * n, 1),
    size: [...new Array<number>(missing).fill(1), ...spatial] as [number, number, number],
  };
}

interface GaussianParams {
  readonly sigma: number | readonly number[];
  readonly border: Border;
  readonly truncate: number;
  readonly adjoint: boolean;
}
const filtered: Applied<GaussianParams> = define<GaussianParams>({
  name: "gaussian",
  forward: ([x], { sigma, border, truncate, adjoint }) => {
    const { values, volumes, size } = perAxis(sigma, x.shape, 0, "gaussian");
    const out = Tensor.uninitialised(x.shape, x.dtype);
    if (x.dtype === "f32")
      gaussianKernel.gaussian(engine(), x.pointer, out.pointer, volumes, size, { sigma: values, border, truncate, adjoint });
    else {
      const weights = values.map((s) => gaussianWeights(s, truncate)) as [Float64Array, Float64Array, Float64Array];
      symmetricFilter(x.data, out.storage.data, volumes, size, weights, border, adjoint);
    }
    return out;
  },
  vjp: ({ params }, g) => [filtered([g], { ...params, adjoint: !params.adjoint })], // linear: Gᵀ
  jvp: ({ params }, [t]) => t && filtered([t], params),
});

/**
 * Gaussian filter with exact truncated weights, w_k ∝ exp(−k² / 2σ²), |k| ≤ ⌈truncate·σ⌉, along the spatial axes.
 * @param x      [c, z, y, x], [c, y, x], …
 * `sigma`: in voxels: one number for every axis but the first, or one for each of the last axes (z, y, x); 0 skips an axis
 * `border`: beyond the image: its border values again (default) or zeros
 */
export function gaussian(
  x: Tensor,
  o: { readonly sigma: number | readonly number[]; readonly border?: Border; readonly truncate?: number },
): Tensor {
  const params = { sigma: o.sigma, border: o.border ?? "replicate", truncate: o.truncate ?? 4, adjoint: false };
  const list = typeof o.sigma === "number" ? [o.sigma] : o.sigma;
  if (list.some((s) => !(s >= 0 && s < 1e4)) || !(params.truncate > 0))
    throw new ArgumentError(`gaussian: sigma [${list.join(", ")}]; give 0 or more voxels, and a positive truncate`, { sigma: o.sigma });
  return onParts(x, (v) => (list.every((s) => s === 0) ? v : filtered([v], params)));
}

interface AxisParams {
  readonly axis: number;
}
type BoxParams = AxisParams & { readonly radius: number };
const boxed: Applied<BoxParams> = define<BoxParams>({
  name: "boxSum",
  forward: ([x], { axis, radius }) => {
    const out = Tensor.uninitialised(x.shape, x.dtype);
    const lines = twins.linesAlong(x.shape, axis);
    if (x.dtype === "f32") kernels.boxSum(engine(), x.pointer, out.pointer, lines, radius);
    else twins.boxSum(x.data, out.storage.data, lines, radius);
    return out;
  },
  vjp: ({ params }, g) => [boxed([g], params)], // symmetric
  jvp: ({ params }, [t]) => t && boxed([t], params),
});
/**
 * Σ of the neighbours within `radius` along each spatial axis, zeros outside: Σ_{|k| ≤ r} x_{i+k}, one axis after another.
 * `radius`: in voxels: one number for every axis but the first, or one for each of the last axes
 */
export function boxSum(x: Tensor, o: { readonly radius: number | readonly number[] }): Tensor {
  const { values } = perAxis(o.radius, x.shape, 0, "boxSum");
  return onParts(x, (v) => values.reduce((a, radius, k) => (radius === 0 ? a : boxed([a], { axis: x.rank - 3 + k, radius })), v));
}

type DifferenceParams = AxisParams & { readonly kind: twins.Difference; readonly spacing: number; readonly adjoint: boolean };
const differenced: Applied<DifferenceParams> = define<DifferenceParams>({
  name: "difference",
  forward: ([x], { axis, kind, spacing, adjoint }) => {
    const out = Tensor.uninitialised(x.shape, x.dtype);
    const lines = twins.linesAlong(x.shape, axis);
    if (x.dtype === "f32") kernels.difference(engine(), x.pointer, out.pointer, lines, kind, spacing, adjoint);
    else twins.difference(x.data, out.storage.data, lines, kind, spacing, adjoint);
    return out;
  },
  vjp: ({ params }, g) => [differenced([g], { ...params, adjoint: !params.adjoint })], // linear: the transposed matrix
  jvp: ({ params }, [t]) => t && differenced([t], params),
});
/**
 * Finite difference along an axis over the spacing h: forward (x_{i+1} − x_i)/h, 0 at the last sample; backward (x_i − x_{i−1})/h,
 * 0 at the first; central (x_{i+1} − x_{i−1})/2h, one-sided at the ends. Same shape. `adjoint`: the transposed matrix.
 */
export function difference(
  x: Tensor,
  axis: number,
  o: { readonly kind?: twins.Difference; readonly spacing?: number; readonly adjoint?: boolean } = {},
): Tensor {
  const { kind = "forward", spacing = 1, adjoint = false } = o;
  const [a] = normalAxes(axis, x.rank, "difference");
  if (!(spacing > 0)) throw new ArgumentError(`difference: spacing ${spacing}; give a positive length`, { spacing });
  return onParts(x, (v) => differenced([v], { axis: a, kind, spacing, adjoint }));
}

type RecursiveParams = AxisParams & { readonly sigma: number; readonly border: Border; readonly adjoint: boolean };
const recursive: Applied<RecursiveParams> = define<RecursiveParams>({
  name: "recursiveGaussian",
  forward: ([x], { axis, sigma, border, adjoint }) => {
    const out = Tensor.uninitialised(x.shape, x.dtype);
    const lines = twins.linesAlong(x.shape, axis);
    if (x.dtype === "f32") kernels.recursiveGaussian(engine(), x.pointer, out.pointer, lines, sigma, border, adjoint);
    else twins.recursiveGaussian(x.data, out.storage.data, lines, sigma, border, adjoint);
    return out;
  },
  vjp: ({ params }, g) => [recursive([g], { ...params, adjoint: !params.adjoint })], // linear
  jvp: ({ params }, [t]) => t && recursive([t], params),
});
/**
 * Gaussian filter by recursion, for large σ: its cost does not depend on σ; it deviates from the exact response by less than 0.1 % of the peak.
 * `sigma`: in voxels, 0 (skip) or at least 1: one number for every axis but the first, or one for each of the last axes
 */
export function recursiveGaussian(x: Tensor, o: { readonly sigma: number | readonly number[]; readonly border?: Border }): Tensor {
  const { values } = perAxis(o.sigma, x.shape, 0, "recursiveGaussian");
  if (values.some((s) => s !== 0 && !(s >= 1)))
    throw new ArgumentError(`recursiveGaussian: sigma [${values.join(", ")}]; from 1 voxel on, for less use gaussian`, { sigma: o.sigma });
  const border = o.border ?? "replicate";
  return onParts(x, (v) =>
    values.reduce((a, sigma, k) => (sigma === 0 ? a : recursive([a], { axis: x.rank - 3 + k, sigma, border, adjoint: false })), v),
  );
}
