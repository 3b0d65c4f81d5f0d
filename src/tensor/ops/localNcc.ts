import { ArgumentError, ShapeError } from "../../core/errors.js";
import { scope } from "../../core/scope.js";
import { sameShape, shapeText } from "../../core/shape.js";
import { engine } from "../../kernels/engine.js";
import * as kernels from "../../kernels/localNcc.js";
import { leastOf, localNccEpsilon, localNcc as twin } from "../../kernels/reference/localNcc.js";
import { type Context, define, pullback, unsaved } from "../primitive.js";
import type { DType } from "../storage.js";
import { Tensor, Traced } from "../tensor.js";
import { cast, commonType } from "./elementwise.js";
import { boxSum, perAxis } from "./filters.js";

interface Params {
  readonly volumes: number;
  readonly size: readonly [number, number, number];
  readonly radius: readonly [number, number, number];
  readonly epsilon: number;
  readonly least: number;
  readonly offset: readonly [number, number];
  readonly scale: readonly [number, number];
  /** Σ w over all voxels, what the sum is divided by. */
  readonly weight: number;
  readonly symmetric: boolean;
  readonly signed: boolean;
}
/** Put aside by the forward pass in f32. */
interface Saved {
  readonly fields: Tensor;
  readonly both: boolean;
}

const imagesOf = ([warped, fixed, mask]: readonly Tensor[], { volumes, size }: Params) => ({
  warped: warped.pointer,
  fixed: fixed.pointer,
  mask: mask?.pointer,
  volumes,
  size,
});
function firstPass(inputs: readonly Tensor[], p: Params, both: boolean): { readonly sum: number; readonly saved: Saved } {
  const floats = kernels.localNccFieldBytes({ warped: 0, fixed: 0, volumes: p.volumes, size: p.size }, both) / 4;
  const fields = Tensor.uninitialised([floats]);
  return { sum: kernels.localNccForward(engine(), imagesOf(inputs, p), p, { at: fields.pointer, both }), saved: { fields, both } };
}
const volumeOf = (t: Tensor | undefined, v: number, p: Params) => {
  const n = p.size[0] * p.size[1] * p.size[2];
  return t?.data.subarray(v * n, (v + 1) * n);
};

/** factor · the gradients of the mean, of concrete inputs. */
function gradients(
  inputs: readonly Tensor[],
  p: Params,
  saved: Saved | undefined,
  needs: readonly boolean[],
  factor: number,
): (Tensor | undefined)[] {
  const [warped, fixed, mask] = inputs;
  const out = [warped, fixed].map((t, i) => (needs[i] ? Tensor.uninitialised(t.shape, t.dtype) : undefined));
  if (warped.dtype === "f32") {
    const { fields, both } = saved && (saved.both || !needs[1]) ? saved : firstPass(inputs, p, needs[1]).saved;
    kernels.localNccBackward(engine(), imagesOf(inputs, p), p, { at: fields.pointer, both }, factor / p.weight, {
      warped: out[0]?.pointer,
      fixed: out[1]?.pointer,
    });
  } else
    for (let v = 0; v < p.volumes; v++) {
      const r = twin(
        volumeOf(warped, v, p) as ArrayLike<number>,
        volumeOf(fixed, v, p) as ArrayLike<number>,
        volumeOf(mask, v, p),
        p.size,
        p,
      );
      for (const [i, g] of [r.warped, r.fixed].entries()) volumeOf(out[i], v, p)?.set(g.map((x) => (x * factor) / p.weight));
    }
  return [...out, undefined];
}

/** The same function written with differentiable operations: what derivatives of its derivative go through. */
function composed([warped, fixed, mask]: readonly Tensor[], p: Params): Tensor {
  const shape = [p.volumes, ...p.size];
  const type = warped.dtype;
  const box = (x: Tensor) => boxSum(x, { radius: p.radius });
  const J = warped
    .reshape(...shape)
    .sub(p.offset[0])
    .mul(p.scale[0]);
  const I = fixed
    .reshape(...shape)
    .sub(p.offset[1])
    .mul(p.scale[1]);
  const w = mask?.reshape(...shape);
  const count = box(w ?? Tensor.ones(shape, type));
  const mean = (x: Tensor) => box(w ? x.mul(w) : x).div(count.maximum(1e-6));
  const [mI, mJ] = [mean(I), mean(J)];
  const c = mean(I.mul(J)).sub(mI.mul(mJ));
  const vI = mean(I.square()).sub(mI.square()).maximum(0);
  const vJ = mean(J.square()).sub(mJ.square()).maximum(0);
  const den = vI.mul(vJ).add(p.epsilon);
  const cc = p.signed ? c.div(den.sqrt()) : c.square().div(den);
  return (w ? cc.mul(w).mul(count.greaterEqual(p.least)) : cc).sum().div(p.weight);
}

const isTraced = (t: Tensor) => t instanceof Traced;
function pulled({ inputs, params, saved, needs }: Context<Params>, g: Tensor): readonly (Tensor | undefined)[] {
  if (inputs.some(isTraced)) {
    const { pull } = pullback((...xs) => [composed([...xs, ...inputs.slice(2)], params)], inputs.slice(0, 2));
    return [...pull([g]), undefined];
  }
  if (isTraced(g)) return gradients(inputs, params, saved as Saved | undefined, needs, 1).map((t) => t?.mul(g));
  return gradients(inputs, params, saved as Saved | undefined, needs, g.item());
}

const correlation = define<Params>({
  name: "localNcc",
  forward: (inputs, p, save) => {
    const type = inputs[0].dtype;
    if (type === "f32") {
      if (save === unsaved) return Tensor.scalar(kernels.localNccForward(engine(), imagesOf(inputs, p), p) / p.weight);
      const { sum, saved } = firstPass(inputs, p, p.symmetric);
      save(saved);
      return Tensor.scalar(sum / p.weight);
    }
    let sum = 0;
    for (let v = 0; v < p.volumes; v++) {
      const [warped, fixed, mask] = inputs.map((t) => volumeOf(t, v, p) as ArrayLike<number>);
      sum += twin(warped, fixed, mask, p.size, p).sum;
    }
    return Tensor.scalar(sum / p.weight, type);
  },
  vjp: pulled, // by two passes of box sums; see the kernel
  jvp: (c, tangents) => {
    const one = Tensor.ones([], c.inputs[0].dtype);
    return pulled({ ...c, needs: tangents.map((t) => t !== undefined) }, one)
      .map((g, i) => (g && tangents[i] ? g.innerProduct(tangents[i]) : undefined))
      .reduce((a, b) => (a && b ? a.add(b) : (a ?? b)), undefined);
  },
});

/**
 * From some four thousand evenly spaced values what to subtract and to multiply by: 1 / standard deviation, and the mean, or the smallest
 * value when a fifth of all values are equal to it. That is a background, and where it becomes exactly 0 the kernel skips it.
 */
function roughStatistics(x: Tensor): { readonly offset: number; readonly scale: number } {
  const data = x.data;
  const step = Math.max(1, Math.floor(data.length / 4096)) | 1;
  let n = 0;
  let sum = 0;
  let least = Number.POSITIVE_INFINITY;
  let ties = 0;
  for (let i = 0; i < data.length; i += step, n++) {
    sum += data[i];
    if (data[i] < least) [least, ties] = [data[i], 0];
    if (data[i] === least) ties++;
  }
  const mean = n > 0 ? sum / n : 0;
  let square = 0;
  for (let i = 0; i < data.length; i += step) square += (data[i] - mean) ** 2;
  return { offset: ties > n / 5 ? least : mean, scale: square > 0 ? 1 / Math.sqrt(square / n) : 1 };
}

/** The window of local correlation, and whether its sign counts. */
export interface LocalNccOptions {
  /** Half the window in voxels: (2r + 1) along each axis. One number for every axis but the first, or one for each of the last axes. */
  readonly radius: number | readonly number[];
  /** Weights 0 … 1, of the images' shape or broadcastable to it (several masks: their product). Windows see only what is inside. */
  readonly mask?: Tensor;
  /** ε, in the unit (variance of a scaled image)². Default 1e-6: windows much flatter than 3 % of the image's contrast count little. */
  readonly epsilon?: number;
  /** [of warped, of fixed] Subtracted before summing: no influence but rounding. Default: a rough mean, or the background value. */
  readonly offset?: readonly [number, number];
  /** [of warped, of fixed] Multiplied before summing: gives ε its meaning. Default: 1 / a rough standard deviation, taken as a constant. */
  readonly scale?: readonly [number, number];
  /** Least Σ of weights of a window that counts when there is a mask. Default: an eighth of the window. */
  readonly least?: number;
  /** cc = c / √(v_W v_F + ε), between −1 and 1: opposite contrast is not alike. Default false: its square. */
  readonly signed?: boolean;
  /** Both gradients will be wanted: one pass prepares both. (Without it they are right as well, and cost a pass more.) */
  readonly symmetric?: boolean;
}

/** What `localNcc` of two images means: its inputs and parameters. */
function problemOf(warped: Tensor, fixed: Tensor, o: LocalNccOptions): { readonly inputs: readonly Tensor[]; readonly params: Params } {
  if (!sameShape(warped.shape, fixed.shape))
    throw new ShapeError(`localNcc: warped is ${shapeText(warped.shape)} and fixed is ${shapeText(fixed.shape)}; sample both on one grid`, {
      warped: warped.shape,
      fixed: fixed.shape,
    });
  const { values, volumes, size } = perAxis(o.radius, warped.shape, 0, "localNcc");
  if (values.some((r) => !Number.isInteger(r) || r < 0 || r > 1000))
    throw new ArgumentError(`localNcc: radius ${o.radius}; give whole voxels, 0 or more`, { radius: o.radius });
  const radius = values.map((r, axis) => Math.min(r, Math.max(0, size[axis] - 1))) as [number, number, number];
  const common = commonType(commonType(warped.dtype, fixed.dtype), "f32");
  if (common !== "f32" && common !== "f64") throw new ArgumentError(`localNcc: images are real, these are ${common}`, { common });
  const type: DType = common;
  const images = [warped, fixed].map((t) => cast(t, type));
  const mask = o.mask && cast(o.mask, type).broadcastTo(warped.shape);
  const rough = o.offset && o.scale ? [] : images.map(roughStatistics);
  const params: Params = {
    volumes,
    size,
    radius,
    epsilon: o.epsilon ?? localNccEpsilon,
    least: o.least ?? leastOf(values),
    offset: o.offset ?? [rough[0].offset, rough[1].offset],
    scale: o.scale ?? [rough[0].scale, rough[1].scale],
    weight: (mask ? mask.sum().item() : warped.size) || 1,
    symmetric: o.symmetric ?? false,
    signed: o.signed ?? false,
  };
  return { inputs: mask ? [...images, mask] : images, params };
}

/**
 * Mean local correlation, squared,  C = Σ w cc / Σ w,  cc = c² / (v_W v_F + ε),  c = E[WF] − E[W]E[F],  v_X = E[X²] − E[X]²,
 * E the mean over the window around a voxel: its part inside the image, weighted by the mask w. Between 0 and 1, larger is more alike;
 * unchanged by local contrast and brightness. Differentiable in both images (not in the mask).
 * @param warped  the same shape [c, z, y, x] or [c, y, x]; channels are averaged
 * @param fixed  of the same kind
 * @see Avants, Epstein, Grossman, Gee (2008), Symmetric diffeomorphic image registration with cross-correlation, Medical Image Analysis 12
 */
export function localNcc(warped: Tensor, fixed: Tensor, o: LocalNccOptions): Tensor {
  const { inputs, params } = problemOf(warped, fixed, o);
  return correlation(inputs, params);
}

/** factor · `localNcc` and its gradients by both images at once, without a tape: the same bits, for loops that ask for nothing else. */
export function localNccWithGradients(
  warped: Tensor,
  fixed: Tensor,
  o: LocalNccOptions,
  factor = 1,
): { readonly value: number; readonly gradients: readonly [Tensor, Tensor] } {
  const { inputs, params } = problemOf(warped, fixed, { ...o, symmetric: true });
  if (inputs[0].dtype !== "f32" || inputs.some(isTraced))
    throw new ArgumentError("localNccWithGradients: plain images in f32 are expected; take valueAndGrad of localNcc", {});
  return scope(() => {
    const { sum, saved } = firstPass(inputs, params, true);
    const [w, f] = gradients(inputs, params, saved, [true, true], factor);
    return { value: (factor * sum) / params.weight, gradients: [w as Tensor, f as Tensor] };
  });
}
