import { ArgumentError, ShapeError } from "../../core/errors.js";
import { type Shape, shapeText } from "../../core/shape.js";
import { engine } from "../../kernels/engine.js";
import * as kernel from "../../kernels/pool.js";
import * as twin from "../../kernels/reference/pool.js";
import { type Applied, define, defineMany } from "../primitive.js";
import { isComplex } from "../storage.js";
import { Tensor } from "../tensor.js";
import { type PerAxis, perAxis } from "./convolution.js";
import { cast } from "./elementwise.js";

/** Size and stride of the window. */
export interface PoolOptions {
  /** Window; one number for all axes or one per axis, (z, y,) x. */
  readonly kernel: PerAxis;
  /** Default: the window, so that windows tile the image. */
  readonly stride?: PerAxis;
  /** How far windows start before the image; at most half a window. What lies outside does not count. Default 0. */
  readonly padding?: PerAxis;
}
interface P {
  readonly s: twin.PoolShape;
  readonly x: Shape;
  readonly y: Shape;
}

const maximum = defineMany<P>({
  name: "maxPool",
  forward: ([x], { s, y }) => {
    const out = Tensor.uninitialised(y, x.dtype);
    const indices = Tensor.uninitialised(y, "i32");
    if (x.dtype === "f64") twin.maxPool(x.data, out.data as Float64Array, indices.data as Int32Array, s);
    else kernel.maxPool(engine(), x.pointer, out.pointer, indices.pointer, s);
    return [out, indices];
  },
  vjp: ({ outputs: [, indices], params }, [g]) => [g && scatter([g, indices], params)], // the slope goes to the chosen element
  jvp: ({ outputs: [, indices], params }, [t]) => [t && gather([t, indices], params), undefined],
});
const gather: Applied<P> = define<P>({
  name: "poolGather",
  forward: ([x, indices], { s, y }) => {
    const out = Tensor.uninitialised(y, x.dtype);
    if (x.dtype === "f64") twin.poolGather(x.data, indices.data, out.data as Float64Array, s);
    else kernel.poolGather(engine(), x.pointer, indices.pointer, out.pointer, s);
    return out;
  },
  vjp: ({ inputs: [, indices], params }, g) => [scatter([g, indices], params), undefined],
  jvp: ({ inputs: [, indices], params }, [t]) => t && gather([t, indices], params),
});
const scatter: Applied<P> = define<P>({
  name: "poolScatter",
  forward: ([g, indices], { s, x }) => {
    const out = Tensor.uninitialised(x, g.dtype);
    if (g.dtype === "f64") twin.poolScatter(g.data, indices.data, out.data as Float64Array, s);
    else kernel.poolScatter(engine(), g.pointer, indices.pointer, out.pointer, s);
    return out;
  },
  vjp: ({ inputs: [, indices], params }, c) => [gather([c, indices], params), undefined],
  jvp: ({ inputs: [, indices], params }, [t]) => t && scatter([t, indices], params),
});
const mean: Applied<P> = define<P>({
  name: "averagePool",
  forward: ([x], { s, y }) => {
    const out = Tensor.uninitialised(y, x.dtype);
    if (x.dtype === "f64") twin.averagePool(x.data, out.data as Float64Array, s);
    else kernel.averagePool(engine(), x.pointer, out.pointer, s);
    return out;
  },
  vjp: ({ params }, g) => [spread([g], params)],
  jvp: ({ params }, [t]) => t && mean([t], params),
});
const spread: Applied<P> = define<P>({
  name: "averagePoolAdjoint",
  forward: ([g], { s, x }) => {
    const out = Tensor.uninitialised(x, g.dtype);
    if (g.dtype === "f64") twin.averagePoolAdjoint(g.data, out.data as Float64Array, s);
    else kernel.averagePoolAdjoint(engine(), g.pointer, out.pointer, s);
    return out;
  },
  vjp: ({ params }, c) => [mean([c], params)],
  jvp: ({ params }, [t]) => t && spread([t], params),
});

function prepare(x: Tensor, options: PoolOptions, who: string): { x: Tensor; p: P } {
  const p = geometry(x, options, who);
  return { x: cast(x, x.dtype === "i32" ? "f32" : x.dtype), p };
}
function geometry(x: Pick<Tensor, "shape" | "rank" | "dtype">, options: PoolOptions, who: string): P {
  const axes = x.rank - 2;
  if (axes < 1 || axes > 3) throw new ShapeError(`${who}: x is ${shapeText(x.shape)}; expected [n, c, (z, y,) x]`, { x: x.shape });
  if (isComplex(x.dtype)) throw new ArgumentError(`${who}: of real numbers; pool the real and the imaginary part`, { dtype: x.dtype });
  const window = perAxis(options.kernel, axes, 1, 1, who, "kernel");
  const stride = perAxis(options.stride ?? window, axes, 1, 1, who, "stride");
  const padding = perAxis(options.padding, axes, 0, 0, who, "padding");
  if (padding.some((p, i) => 2 * p > window[i]))
    throw new ArgumentError(`${who}: padding [${padding}] is more than half the window [${window}]`, { padding, kernel: window });
  const size = x.shape.slice(2);
  const outputSize = size.map((n, i) => Math.floor((n + 2 * padding[i] - window[i]) / stride[i]) + 1);
  if (outputSize.some((n, i) => n < 1 || size[i] < 1))
    throw new ShapeError(`${who}: a window of ${window.join("×")} does not fit into ${size.join("×")}; use a smaller one`, {
      size,
      kernel: window,
    });
  const triple = (values: readonly number[], missing: number) =>
    [...new Array<number>(3 - axes).fill(missing), ...values] as unknown as twin.PoolShape["size"];
  const s: twin.PoolShape = {
    planes: x.shape[0] * x.shape[1],
    size: triple(size, 1),
    outputSize: triple(outputSize, 1),
    kernel: triple(window, 1),
    stride: triple(stride, 1),
    padding: triple(padding, 0),
  };
  return { s, x: x.shape, y: [...x.shape.slice(0, 2), ...outputSize] };
}

/**
 * Largest value of every window, y[n, c, p] = max over t of x[n, c, p·stride − padding + t]. Its slope goes to the first largest element;
 * a NaN in a window is its result.
 * @param x  [n, c, (z, y,) x]
 * @throws ShapeError, ArgumentError
 */
export function maxPool(x: Tensor, options: PoolOptions): Tensor {
  return maxPoolWithIndices(x, options).values;
}
/** The same with the place of each maximum within its channel, z, y, x flattened (i32). */
export function maxPoolWithIndices(x: Tensor, options: PoolOptions): { values: Tensor; indices: Tensor } {
  const { x: typed, p } = prepare(x, options, "maxPool");
  const [values, indices] = maximum([typed], p);
  return { values, indices };
}
/**
 * Mean of every window over the elements inside the image.
 * @param x  [n, c, (z, y,) x]
 * @throws ShapeError, ArgumentError
 */
export function averagePool(x: Tensor, options: PoolOptions): Tensor {
  const { x: typed, p } = prepare(x, options, "averagePool");
  return mean([typed], p);
}
/**
 * Every sample repeated `scale` times along each axis behind the second, the adjoint of `averagePool` times the number of repetitions: enlargement by nearest neighbours.
 * @param x  [n, c, (z, y,) x]
 * @returns  [n, c, (s z, s y,) s x]
 */
export function repeatSamples(x: Tensor, scale: number): Tensor {
  const large = [...x.shape.slice(0, 2), ...x.shape.slice(2).map((n) => n * scale)];
  const p = geometry({ shape: large, rank: x.rank, dtype: x.dtype }, { kernel: scale }, "repeatSamples");
  return spread([x], p).mul(scale ** (x.rank - 2));
}
