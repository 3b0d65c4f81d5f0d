import type { Random } from "../core/random.js";
import { convolve, convolveTransposed, type PerAxis } from "../tensor/ops/convolution.js";
import { Tensor } from "../tensor/tensor.js";
import { type Initialiser, kaiming } from "./initialise.js";
import { type Layer, layer } from "./module.js";

/** Kernel, stride, padding and bias of a convolution. */
export interface ConvolutionLayerOptions {
  /** Channels that come in. */
  readonly inputs: number;
  /** Channels that go out. */
  readonly outputs: number;
  /** Where the first weights come from. */
  readonly random: Random;
  /** Spatial axes, 1 to 3 (default 2). */
  readonly axes?: number;
  /** Taps along each axis, in the order (z, y,) x (default 3). */
  readonly kernel?: PerAxis;
  /** Samples from one to the next. */
  readonly stride?: PerAxis;
  /** Samples between the kernel's. */
  readonly dilation?: PerAxis;
  /** Zeros on both sides; default: as many as keep the size with stride 1. */
  readonly padding?: number | readonly (number | readonly [number, number])[];
  /** Channels are split in so many parts that do not mix. */
  readonly groups?: number;
  /** Default true. */
  readonly bias?: boolean;
  /** Default: kaiming(). */
  readonly initialise?: Initialiser;
}
const spread = (value: PerAxis, axes: number): number[] => (typeof value === "number" ? new Array<number>(axes).fill(value) : [...value]);

/**
 * y[o] = Σ_c w[o, c] ∗ x[c] + b[o] over 1, 2 or 3 axes: see `convolve`.  x [n, inputs, (z, y,) x].
 * @throws ShapeError, ArgumentError as `convolve`
 */
export function convolution(o: ConvolutionLayerOptions): Layer {
  const { inputs, outputs, random, axes = 2, kernel = 3, stride = 1, dilation = 1, groups = 1, bias = true, initialise = kaiming() } = o;
  const taps = spread(kernel, axes);
  const reach = spread(dilation, axes).map((d, i) => d * (taps[i] - 1));
  const padding = o.padding ?? reach.map((r) => [Math.floor(r / 2), Math.ceil(r / 2)] as const);
  const parameters: Record<string, Tensor> = { weight: initialise([outputs, inputs / groups, ...taps], random) };
  if (bias) parameters.bias = Tensor.zeros([outputs]);
  return layer(parameters, (p, x: Tensor) => convolve(x, p.weight, { stride, dilation, padding, groups, bias: p.bias }));
}

/** Kernel, stride and bias of a transposed convolution. */
export interface TransposedLayerOptions extends Omit<ConvolutionLayerOptions, "padding"> {
  /** Cut off around the output; default: as much as makes the output stride times as large. */
  readonly padding?: number | readonly (number | readonly [number, number])[];
  /** Samples added at the end of each axis. */
  readonly outputPadding?: PerAxis;
}
/**
 * The adjoint of a strided convolution, as a layer with weights [inputs, outputs / groups, (z, y,) x]: see `convolveTransposed`.
 * With kernel = stride (the default, 2) blocks of the output do not overlap, and it cannot make the checkerboards of other pairs.
 */
export function transposedConvolution(o: TransposedLayerOptions): Layer {
  const { inputs, outputs, random, axes = 2, kernel = 2, stride = 2, dilation = 1, groups = 1, bias = true } = o;
  const { outputPadding = 0, initialise = kaiming({ fan: "out" }) } = o;
  const taps = spread(kernel, axes);
  const steps = spread(stride, axes);
  const extra = spread(outputPadding, axes);
  const cut = spread(dilation, axes).map((d, i) => Math.max(0, d * (taps[i] - 1) + 1 - steps[i] + extra[i]));
  const padding = o.padding ?? cut.map((c) => [Math.floor(c / 2), Math.ceil(c / 2)] as const);
  const parameters: Record<string, Tensor> = { weight: initialise([inputs, outputs / groups, ...taps], random) };
  if (bias) parameters.bias = Tensor.zeros([outputs]);
  return layer(parameters, (p, x: Tensor) =>
    convolveTransposed(x, p.weight, { stride, dilation, padding, outputPadding, groups, bias: p.bias }),
  );
}
