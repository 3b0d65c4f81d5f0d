import { ArgumentError, ShapeError } from "../../core/errors.js";
import { sameShape, shapeText } from "../../core/shape.js";
import { engine } from "../../kernels/engine.js";
import * as kernels from "../../kernels/mutualInformation.js";
import * as twins from "../../kernels/reference/mutualInformation.js";
import { type Context, define, pullback } from "../primitive.js";
import { arange, Tensor, Traced } from "../tensor.js";
import { cast, commonType } from "./elementwise.js";

interface Params extends twins.HistogramOptions {
  readonly kind: twins.InformationKind;
}

const pairsOf = ([warped, fixed, mask]: readonly Tensor[]) => ({
  warped: warped.pointer,
  fixed: fixed.pointer,
  mask: mask?.pointer,
  count: warped.size,
});
function informationOf(inputs: readonly Tensor[], p: Params) {
  const [warped, fixed, mask] = inputs;
  const H =
    warped.dtype === "f32"
      ? kernels.jointHistogram(engine(), pairsOf(inputs), p)
      : twins.jointHistogram(warped.data, fixed.data, mask?.data, p);
  return twins.information(H, p.bins, p.kind);
}
/** factor · gradients of concrete inputs, by table look-up. */
function gradients(inputs: readonly Tensor[], p: Params, saved: Float64Array | undefined, needs: readonly boolean[], factor: number) {
  const slopes = saved ?? informationOf(inputs, p).slopes;
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

/** Weights [n, bins] of every value, written with differentiable operations. */
export function windowWeights(x: Tensor, range: readonly [number, number], bins: number, order: twins.FixedOrder): Tensor {
  const [low, scale] = twins.scaling(range);
  const s = x.reshape(-1, 1).sub(low).mul(scale).clamp(0, 1);
  const bin = arange(0, bins, 1, x.dtype);
  if (order === 0)
    return s
      .mul(bins)
      .floor()
      .minimum(bins - 1)
      .equal(bin);
  const positive = (v: Tensor) => v.relu();
  if (order === 1)
    return positive(
      s
        .mul(bins - 1)
        .sub(bin)
        .abs()
        .neg()
        .add(1),
    );
  const d = s
    .mul(bins - 3)
    .add(1)
    .sub(bin)
    .abs();
  const cube = (v: Tensor) => v.square().mul(v);
  return cube(positive(d.neg().add(2)))
    .sub(cube(positive(d.neg().add(1))).mul(4))
    .div(6);
}
/** The same function written with differentiable operations, on n × bins matrices: what derivatives of its derivative go through. */
function composed([warped, fixed, mask]: readonly Tensor[], p: Params): Tensor {
  const m = windowWeights(warped, p.range[0], p.bins, 3);
  const f = windowWeights(fixed, p.range[1], p.bins, p.order);
  const H = f.transpose().matmul(mask ? m.mul(mask.reshape(-1, 1)) : m);
  const q = H.div(H.sum());
  const entropy = (x: Tensor) => x.mul(x.maximum(1e-30).log()).sum().neg();
  const joint = entropy(q);
  const margins = entropy(q.sum(1)).add(entropy(q.sum(0)));
  return p.kind === "mattes" ? margins.sub(joint) : margins.div(joint);
}

function pulled({ inputs, params, saved, needs }: Context<Params>, g: Tensor): readonly (Tensor | undefined)[] {
  if (inputs.some((t) => t instanceof Traced)) {
    const { pull } = pullback((...xs) => [composed([...xs, ...inputs.slice(2)], params)], inputs.slice(0, 2));
    return [...pull([g]), undefined];
  }
  const table = saved as Float64Array | undefined;
  if (g instanceof Traced) return gradients(inputs, params, table, needs, 1).map((t) => t?.mul(g));
  return gradients(inputs, params, table, needs, g.item());
}

const informed = define<Params>({
  name: "mutualInformation",
  forward: (inputs, p, save) => {
    const { value, slopes } = informationOf(inputs, p);
    save(slopes);
    return Tensor.scalar(value, inputs[0].dtype);
  },
  vjp: pulled, // ∂I/∂v = Σ ∂I/∂H · ∂H/∂v: the slopes of the histogram looked up for every sample
  jvp: (c, tangents) => {
    const one = Tensor.ones([], c.inputs[0].dtype);
    return pulled({ ...c, needs: tangents.map((t) => t !== undefined) }, one)
      .map((g, i) => (g && tangents[i] ? g.innerProduct(tangents[i]) : undefined))
      .reduce((a, b) => (a && b ? a.add(b) : (a ?? b)), undefined);
  },
});

/** Bins, kind of histogram, mask and range. */
export interface MutualInformationOptions {
  /** Bins for each image, 4 … 256. Default 32. */
  readonly bins?: number;
  /** mattes: I = Σ p log(p / p_W p_F) (default); nmi: (h_W + h_F) / h. */
  readonly kind?: twins.InformationKind;
  /** Weights 0 or more, of the images' shape or broadcastable to it. */
  readonly mask?: Tensor;
  /** How fixed values fall into bins: 0, one bin each (default; no derivative in fixed), 1, linear, 3, cubic B-spline as the warped ones. */
  readonly order?: twins.FixedOrder;
  /** [of warped, of fixed] Values of the first and last bin; beyond, values count as these and have no slope. Default: smallest and largest, as constants. */
  readonly range?: readonly [readonly [number, number], readonly [number, number]];
}

/** Two images and a mask as a joint histogram takes them, in one type, with the values of its first and last bins. @throws ShapeError, ArgumentError in `who`'s name */
export function jointInputs(
  who: string,
  warped: Tensor,
  fixed: Tensor,
  bins: number,
  o: Pick<MutualInformationOptions, "mask" | "range">,
): { readonly inputs: Tensor[]; readonly range: NonNullable<MutualInformationOptions["range"]> } {
  if (!sameShape(warped.shape, fixed.shape))
    throw new ShapeError(`${who}: warped is ${shapeText(warped.shape)} and fixed is ${shapeText(fixed.shape)}; sample both on one grid`, {
      warped: warped.shape,
      fixed: fixed.shape,
    });
  if (!Number.isInteger(bins) || bins < 4 || bins > 256)
    throw new ArgumentError(`${who}: ${bins} bins; give a whole number from 4 to 256`, { bins });
  const type = commonType(commonType(warped.dtype, fixed.dtype), "f32");
  if (type !== "f32" && type !== "f64") throw new ArgumentError(`${who}: images are real, these are ${type}`, { type });
  const images = [warped, fixed].map((t) => cast(t, type));
  const mask = o.mask && cast(o.mask, type).broadcastTo(warped.shape);
  const rangeOf = (t: Tensor): readonly [number, number] => {
    if (t.dtype === "f32") return kernels.valueRange(engine(), t.pointer, t.size);
    let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const v of t.data) [low, high] = [Math.min(low, v), Math.max(high, v)];
    return [low, high];
  };
  const range = o.range ?? [rangeOf(images[0]), rangeOf(images[1])];
  return { inputs: mask ? [...images, mask] : images, range };
}

/**
 * Mutual information of a joint histogram with cubic B-spline windows: how well one image's values predict the other's. Larger is more alike.
 * Differentiable in `warped`, and in `fixed` for order 1 and 3. Second derivatives go through n × bins matrices: for thousands of samples, not millions.
 * @param warped  the same shape; all values are samples
 * @param fixed  of the same kind
 * @see Mattes, Haynor, Vesselle, Lewellen, Eubank (2003), PET-CT image registration in the chest using free-form deformations, IEEE TMI 22
 * @see Studholme, Hill, Hawkes (1999), An overlap invariant entropy measure of 3D medical image alignment, Pattern Recognition 32
 */
export function mutualInformation(warped: Tensor, fixed: Tensor, o: MutualInformationOptions = {}): Tensor {
  const { bins = 32, kind = "mattes", order = 0 } = o;
  const { inputs, range } = jointInputs("mutualInformation", warped, fixed, bins, o);
  return informed(inputs, { bins, kind, order, range });
}
