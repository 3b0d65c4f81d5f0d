import { engine } from "../../kernels/engine.js";
import * as kernels from "../../kernels/mutualInformation.js";
import { correlationRatio as ofHistogram } from "../../kernels/reference/correlationRatio.js";
import * as twins from "../../kernels/reference/mutualInformation.js";
import { type Context, define, pullback } from "../primitive.js";
import { arange, Tensor, Traced } from "../tensor.js";
import { jointInputs, windowWeights } from "./mutualInformation.js";

type Params = twins.HistogramOptions;

const pairsOf = ([warped, fixed, mask]: readonly Tensor[]) => ({
  warped: warped.pointer,
  fixed: fixed.pointer,
  mask: mask?.pointer,
  count: warped.size,
});
function ratioOf(inputs: readonly Tensor[], p: Params) {
  const [warped, fixed, mask] = inputs;
  const H =
    warped.dtype === "f32"
      ? kernels.jointHistogram(engine(), pairsOf(inputs), p)
      : twins.jointHistogram(warped.data, fixed.data, mask?.data, p);
  return ofHistogram(H, p.bins);
}
/** factor · gradients of concrete inputs, by table look-up. */
function gradients(inputs: readonly Tensor[], p: Params, slopes: Float64Array, needs: readonly boolean[], factor: number) {
  const [warped, fixed, mask] = inputs;
  const out = (["warped", "fixed"] as const).map((of, i) => {
    if (!needs[i]) return undefined;
    const g = Tensor.uninitialised(warped.shape, warped.dtype);
    if (warped.dtype === "f32") kernels.jointGradient(engine(), pairsOf(inputs), slopes, g.pointer, factor, of, p);
    else g.storage.data.set(twins.jointGradient(warped.data, fixed.data, mask?.data, slopes, of, p).map((v) => v * factor));
    return g;
  });
  return [...out, undefined];
}
/** The same function written with differentiable operations, on n × bins matrices: what derivatives of its derivative go through. */
function composed([warped, fixed, mask]: readonly Tensor[], p: Params): Tensor {
  const m = windowWeights(warped, p.range[0], p.bins, 3);
  const f = windowWeights(fixed, p.range[1], p.bins, p.order);
  const H = f.transpose().matmul(mask ? m.mul(mask.reshape(-1, 1)) : m);
  const bin = arange(0, p.bins, 1, warped.dtype);
  const N = H.sum();
  const S = H.mul(bin).sum(1);
  const squares = H.mul(bin.square())
    .sum()
    .div(N)
    .sub(1 / 3);
  const between = S.square().div(H.sum(1).maximum(1e-30)).sum().div(N);
  return squares.sub(between).div(squares.sub(S.sum().div(N).square()));
}
function pulled({ inputs, params, saved, needs }: Context<Params>, g: Tensor): readonly (Tensor | undefined)[] {
  if (inputs.some((t) => t instanceof Traced)) {
    const { pull } = pullback((...xs) => [composed([...xs, ...inputs.slice(2)], params)], inputs.slice(0, 2));
    return [...pull([g]), undefined];
  }
  const slopes = (saved as Float64Array | undefined) ?? ratioOf(inputs, params).slopes;
  if (g instanceof Traced) return gradients(inputs, params, slopes, needs, 1).map((t) => t?.mul(g));
  return gradients(inputs, params, slopes, needs, g.item());
}

const ratio = define<Params>({
  name: "correlationRatio",
  forward: (inputs, p, save) => {
    const { value, slopes } = ratioOf(inputs, p);
    save(slopes);
    return Tensor.scalar(value, inputs[0].dtype);
  },
  vjp: pulled, // the slopes of the histogram looked up for every sample
  jvp: (c, tangents) => {
    const one = Tensor.ones([], c.inputs[0].dtype);
    return pulled({ ...c, needs: tangents.map((t) => t !== undefined) }, one)
      .map((g, i) => (g && tangents[i] ? g.innerProduct(tangents[i]) : undefined))
      .reduce((a, b) => (a && b ? a.add(b) : (a ?? b)), undefined);
  },
});

/** How many classes of grey values the correlation ratio distinguishes. */
export interface CorrelationRatioOptions {
  /** Bins for each image, 4 … 256. Default 32. */
  readonly bins?: number;
  /** Weights 0 or more, of the images' shape or broadcastable to it. */
  readonly mask?: Tensor;
  /** [of warped, of fixed] Values of the first and last bin; beyond, values count as these and have no slope. Default: smallest and largest, as constants. */
  readonly range?: readonly [readonly [number, number], readonly [number, number]];
}

/**
 * What a function of the fixed values leaves unexplained of the warped ones,  D = E[Var(W | F)] / Var(W) = 1 − η²(W | F),  the classes of F being
 * cubic B-spline windows. 0 where W is a function of F (up to a window's width), 1 where F says nothing of W. Differentiable in both images.
 * @param warped  the same shape; all values are samples
 * @param fixed  of the same kind
 * @see Roche, Malandain, Pennec, Ayache (1998), The correlation ratio as a new similarity measure for multimodal image registration, MICCAI
 */
export function correlationRatio(warped: Tensor, fixed: Tensor, o: CorrelationRatioOptions = {}): Tensor {
  const { bins = 32 } = o;
  const { inputs, range } = jointInputs("correlationRatio", warped, fixed, bins, o);
  return ratio(inputs, { bins, order: 3, range });
}
