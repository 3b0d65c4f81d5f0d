import { ArgumentError, ShapeError } from "../../core/errors.js";
import { type Shape, shapeText } from "../../core/shape.js";
import * as kernel from "../../kernels/conv.js";
import { engine } from "../../kernels/engine.js";
import * as twin from "../../kernels/reference/conv.js";
import { type Applied, define } from "../primitive.js";
import { type DType, isComplex } from "../storage.js";
import { Tensor } from "../tensor.js";
import { cast, commonType } from "./elementwise.js";
import { reshape } from "./shaping.js";

/** One number for all axes, or one per axis in the order of the axes: (z, y,) x. */
export type PerAxis = number | readonly number[];
/** Stride, dilation, padding and groups. */
export interface ConvolutionOptions {
  /** Default 1. */
  readonly stride?: PerAxis;
  /** Zeros around the input, the same on both sides or [before, after] for an axis; "same" keeps the size (stride 1). Default 0. */
  readonly padding?: "same" | number | readonly (number | readonly [number, number])[];
  /** Distance between the taps. Default 1. */
  readonly dilation?: PerAxis;
  /** Channels are cut into so many groups that do not see each other. Default 1. */
  readonly groups?: number;
  /** [outputs], added to every output channel. */
  readonly bias?: Tensor;
}
/** Stride, dilation and groups, and how much larger the output is. */
export interface TransposedOptions extends Omit<ConvolutionOptions, "padding"> {
  /** Cut off around the output: what the convolution it transposes had padded. */
  readonly padding?: number | readonly (number | readonly [number, number])[];
  /** Elements added behind the output along each axis, less than the stride: a strided convolution forgets them. Default 0. */
  readonly outputPadding?: PerAxis;
}

interface P {
  readonly s: twin.ConvolutionShape;
  /** x, w and the output as the caller sees them. */
  readonly x: Shape;
  readonly w: Shape;
  readonly y: Shape;
}

type Three<K> = (a: K, b: K, out: K, s: twin.ConvolutionShape) => void;
function compute(
  a: Tensor,
  b: Tensor,
  shape: Shape,
  s: twin.ConvolutionShape,
  fast: (e: ReturnType<typeof engine>, a: number, b: number, out: number, s: twin.ConvolutionShape) => void,
  plain: Three<Float64Array>,
): Tensor {
  const out = Tensor.uninitialised(shape, a.dtype);
  if (a.dtype === "f64") plain(a.data as Float64Array, b.data as Float64Array, out.data as Float64Array, s);
  else fast(engine(), a.pointer, b.pointer, out.pointer, s);
  return out;
}
const both = (p: Tensor | undefined, q: Tensor | undefined) => (p && q ? p.add(q) : (p ?? q));

/*
 * y = x ∗ w is linear in each factor. With ⟨y, x ∗ w⟩ = ⟨Cₓ(y, w), x⟩ = ⟨C_w(x, y), w⟩ the three are closed under differentiation:
 * every derivative of one is another.
 */
const forward: Applied<P> = define<P>({
  name: "convolve",
  forward: ([x, w], p) => compute(x, w, p.y, p.s, kernel.convolution, twin.convolution),
  vjp: ({ inputs: [x, w], params, needs }, g) => [
    needs[0] ? toInput([g, w], params) : undefined, // ⟨g, x ∗ w⟩ = ⟨Cₓ(g, w), x⟩
    needs[1] ? toWeights([x, g], params) : undefined, // = ⟨C_w(x, g), w⟩
  ],
  jvp: ({ inputs: [x, w], params }, [t, u]) => both(t && forward([t, w], params), u && forward([x, u], params)),
});
const toInput: Applied<P> = define<P>({
  name: "convolveTransposed",
  forward: ([g, w], p) => compute(g, w, p.x, p.s, kernel.convolutionInput, twin.convolutionInput),
  vjp: ({ inputs: [g, w], params, needs }, c) => [
    needs[0] ? forward([c, w], params) : undefined, // ⟨c, Cₓ(g, w)⟩ = ⟨c ∗ w, g⟩
    needs[1] ? toWeights([c, g], params) : undefined, // = ⟨C_w(c, g), w⟩
  ],
  jvp: ({ inputs: [g, w], params }, [t, u]) => both(t && toInput([t, w], params), u && toInput([g, u], params)),
});
const toWeights: Applied<P> = define<P>({
  name: "convolveWeights",
  forward: ([x, g], p) => compute(x, g, p.w, p.s, kernel.convolutionWeights, twin.convolutionWeights),
  vjp: ({ inputs: [x, g], params, needs }, c) => [
    needs[0] ? toInput([g, c], params) : undefined, // ⟨c, C_w(x, g)⟩ = ⟨Cₓ(g, c), x⟩
    needs[1] ? forward([x, c], params) : undefined, // = ⟨x ∗ c, g⟩
  ],
  jvp: ({ inputs: [x, g], params }, [t, u]) => both(t && toWeights([t, g], params), u && toWeights([x, u], params)),
});

const triple = (values: readonly number[], missing: number): twin.Triple =>
  [...new Array<number>(3 - values.length).fill(missing), ...values] as unknown as twin.Triple;

/** One positive (or non-negative) integer per axis. */
export function perAxis(value: PerAxis | undefined, axes: number, least: number, missing: number, who: string, what: string): number[] {
  const list = value === undefined ? missing : value;
  const out = typeof list === "number" ? new Array<number>(axes).fill(list) : [...list];
  if (out.length !== axes || out.some((v) => !Number.isInteger(v) || v < least))
    throw new ArgumentError(
      `${who}: ${what} [${out.join(", ")}]; give one integer of at least ${least}, or one for each of the ${axes} axes`,
      {
        [what]: value,
      },
    );
  return out;
}

/** Padding before and after along every axis. */
export function paddingOf(
  padding: ConvolutionOptions["padding"],
  reach: readonly number[],
  stride: readonly number[],
  who: string,
): { before: number[]; after: number[] } {
  const axes = reach.length;
  if (padding === "same") {
    if (stride.some((s) => s !== 1))
      throw new ArgumentError(`${who}: padding "same" goes with stride 1 only; give the padding in numbers`, { stride });
    return { before: reach.map((r) => Math.floor(r / 2)), after: reach.map((r) => Math.ceil(r / 2)) };
  }
  const list = typeof padding === "number" || padding === undefined ? new Array<number>(axes).fill(padding ?? 0) : padding;
  const pairs = list.map((p) => (typeof p === "number" ? [p, p] : p));
  if (pairs.length !== axes || pairs.flat().some((v) => !Number.isInteger(v) || v < 0))
    throw new ArgumentError(
      `${who}: padding ${JSON.stringify(padding)}; give one integer of at least 0, or a number or a pair [before, after] for each of the ${axes} axes`,
      { padding },
    );
  return { before: pairs.map((p) => p[0]), after: pairs.map((p) => p[1]) };
}

function checkRanks(x: Tensor, w: Tensor, who: string): number {
  const axes = w.rank - 2;
  if (x.rank !== w.rank || axes < 1 || axes > 3)
    throw new ShapeError(
      `${who}: x is ${shapeText(x.shape)} and w ${shapeText(w.shape)}; expected [n, c, (z, y,) x] and [outputs, inputs / groups, (z, y,) x]`,
      { x: x.shape, w: w.shape },
    );
  return axes;
}

function typed(x: Tensor, w: Tensor, who: string): [Tensor, Tensor] {
  const common = commonType(x.dtype, w.dtype);
  if (isComplex(common))
    throw new ArgumentError(`${who}: convolutions are of real numbers; convolve the real and the imaginary part`, {
      x: x.dtype,
      w: w.dtype,
    });
  const type: DType = common === "i32" ? "f32" : common;
  return [cast(x, type), cast(w, type)];
}

function biased(y: Tensor, bias: Tensor | undefined, who: string): Tensor {
  if (!bias) return y;
  if (bias.size !== y.shape[1] || bias.rank !== 1)
    throw new ShapeError(`${who}: the bias is ${shapeText(bias.shape)} and there are ${y.shape[1]} output channels`, { bias: bias.shape });
  return y.add(reshape(bias, [y.shape[1], ...y.shape.slice(2).map(() => 1)]));
}

/**
 * Convolution as networks mean it (a correlation), over one, two or three spatial axes:
 *   y[b, o, p] = Σ_{c, t} w[o, c, t] · x[b, c, p·stride − before + t·dilation] (+ bias[o]),   x = 0 outside.
 * With n inputs along an axis there are ⌊(n + before + after − dilation·(k − 1) − 1) / stride⌋ + 1 outputs.
 * @param x  [batch, inputs, (z, y,) x]
 * @param w  [outputs, inputs / groups, (z, y,) x]
 * @returns  [batch, outputs, (z, y,) x]
 * @throws ShapeError when the shapes do not fit each other, ArgumentError for options outside their domain
 */
export function convolve(x: Tensor, w: Tensor, options: ConvolutionOptions = {}): Tensor {
  const who = "convolve";
  const axes = checkRanks(x, w, who);
  const { groups = 1 } = options;
  const stride = perAxis(options.stride, axes, 1, 1, who, "stride");
  const dilation = perAxis(options.dilation, axes, 1, 1, who, "dilation");
  const kernelSize = w.shape.slice(2);
  const size = x.shape.slice(2);
  const reach = kernelSize.map((k, i) => (k - 1) * dilation[i]);
  const { before, after } = paddingOf(options.padding, reach, stride, who);
  checkGroups(groups, x.shape[1], w.shape[1] * groups, w.shape[0], who, x, w);
  const outputSize = size.map((n, i) => Math.floor((n + before[i] + after[i] - reach[i] - 1) / stride[i]) + 1);
  if (outputSize.some((n) => n < 1) || kernelSize.some((k) => k < 1))
    throw new ShapeError(
      `${who}: a kernel that spans ${reach.map((r) => r + 1).join("×")} does not fit into ${size.join("×")} with padding before ${before} and after ${after}; pad more`,
      { size, kernel: kernelSize, before, after },
    );
  const y = [x.shape[0], w.shape[0], ...outputSize];
  const s: twin.ConvolutionShape = {
    batch: x.shape[0],
    groups,
    inputs: x.shape[1],
    outputs: w.shape[0],
    size: triple(size, 1),
    outputSize: triple(outputSize, 1),
    kernel: triple(kernelSize, 1),
    stride: triple(stride, 1),
    padding: triple(before, 0),
    dilation: triple(dilation, 1),
  };
  return biased(forward(typed(x, w, who), { s, x: x.shape, w: w.shape, y }), options.bias, who);
}

/**
 * Transposed convolution: the adjoint of `convolve` with the same weights and options, from its outputs to its inputs. An input x[b, o, p]
 * adds x·w[o, c, t] to the output [b, c, p·stride − before + t·dilation].
 * With n inputs along an axis there are (n − 1)·stride − before − after + dilation·(k − 1) + 1 + outputPadding outputs.
 * @param x  [batch, inputs, (z, y,) x]
 * @param w  [inputs, outputs / groups, (z, y,) x]
 * @returns  [batch, outputs, (z, y,) x]
 * @throws ShapeError, ArgumentError as `convolve`
 */
export function convolveTransposed(x: Tensor, w: Tensor, options: TransposedOptions = {}): Tensor {
  const who = "convolveTransposed";
  const axes = checkRanks(x, w, who);
  const { groups = 1 } = options;
  const stride = perAxis(options.stride, axes, 1, 1, who, "stride");
  const dilation = perAxis(options.dilation, axes, 1, 1, who, "dilation");
  const extra = perAxis(options.outputPadding, axes, 0, 0, who, "outputPadding");
  if (extra.some((e, i) => e >= stride[i]))
    throw new ArgumentError(`${who}: outputPadding [${extra}] must be less than the stride [${stride}]`, { outputPadding: extra, stride });
  const kernelSize = w.shape.slice(2);
  const size = x.shape.slice(2);
  const reach = kernelSize.map((k, i) => (k - 1) * dilation[i]);
  const { before, after } = paddingOf(options.padding, reach, stride, who);
  checkGroups(groups, x.shape[1], w.shape[0], w.shape[1] * groups, who, x, w);
  const outputSize = size.map((n, i) => (n - 1) * stride[i] - before[i] - after[i] + reach[i] + 1 + extra[i]);
  if (outputSize.some((n) => n < 1) || kernelSize.some((k) => k < 1))
    throw new ShapeError(
      `${who}: padding ${before} and ${after} cut everything away from an output that would be ${outputSize.join("×")}`,
      {
        size,
        kernel: kernelSize,
      },
    );
  const y = [x.shape[0], w.shape[1] * groups, ...outputSize];
  const s: twin.ConvolutionShape = {
    batch: x.shape[0],
    groups,
    inputs: y[1],
    outputs: x.shape[1],
    size: triple(outputSize, 1),
    outputSize: triple(size, 1),
    kernel: triple(kernelSize, 1),
    stride: triple(stride, 1),
    padding: triple(before, 0),
    dilation: triple(dilation, 1),
  };
  return biased(toInput(typed(x, w, who), { s, x: y, w: w.shape, y: x.shape }), options.bias, who);
}

function checkGroups(groups: number, channels: number, expected: number, outputs: number, who: string, x: Tensor, w: Tensor): void {
  if (!Number.isInteger(groups) || groups < 1 || channels !== expected || channels % groups !== 0 || outputs % groups !== 0)
    throw new ShapeError(
      `${who}: x ${shapeText(x.shape)} has ${channels} channels and w ${shapeText(w.shape)} with ${groups} groups takes ${expected}, giving ${outputs}; both must be equal and divisible by the groups`,
      { x: x.shape, w: w.shape, groups },
    );
}
