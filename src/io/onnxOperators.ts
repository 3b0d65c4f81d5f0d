import { FormatError } from "../core/errors.js";
import { pixelShuffle, softplusOf } from "../nn/index.js";
import {
  acos,
  asin,
  atan,
  averagePool,
  convolve,
  convolveTransposed,
  cosh,
  maximum,
  maxPool,
  minimum,
  sinh,
  where,
} from "../tensor/index.js";
import { concat } from "../tensor/ops/shaping.js";
import type { DType } from "../tensor/storage.js";
import { Tensor } from "../tensor/tensor.js";
import { type OnnxNode, type OnnxTensor, quoted } from "./onnx.js";

/** A node as its rule sees it. Whole numbers of all widths are i32 tensors, truth values 0 and 1. */
export interface Call {
  readonly inputs: readonly (Tensor | undefined)[];
  readonly node: OnnxNode;
  /** Version of the standard's operators. */
  readonly version: number;
}
export type Operator = (call: Call) => Tensor | readonly Tensor[];

const fault = (c: Call, what: string) =>
  new FormatError(`onnx: ${c.node.operator} ${quoted(c.node.name || (c.node.outputs[0] ?? ""))} ${what}`, { operator: c.node.operator });
const x = (c: Call, i = 0): Tensor => {
  const t = c.inputs[i];
  if (!t) throw fault(c, `lacks its input ${i}`);
  return t;
};
const attribute = <K extends string, V>(c: Call, name: string, kind: K, otherwise: V): V => {
  const a = Object.hasOwn(c.node.attributes, name) ? c.node.attributes[name] : undefined;
  if (!a) return otherwise;
  if (!(kind in a)) throw fault(c, `has an attribute ${name} of an unexpected type; the file is damaged`);
  return (a as unknown as Record<K, V>)[kind];
};
const integer = (c: Call, name: string, otherwise: number) => attribute(c, name, "integer", otherwise);
const float = (c: Call, name: string, otherwise: number) => attribute(c, name, "float", otherwise);
const text = (c: Call, name: string, otherwise: string) => attribute(c, name, "text", otherwise);
const integers = (c: Call, name: string): readonly number[] | undefined =>
  attribute<"integers", readonly number[] | undefined>(c, name, "integers", undefined);
/** Whole numbers from an input, or in older versions from an attribute. */
const numbersOf = (c: Call, i: number, name: string): number[] | undefined => {
  const t = c.inputs[i];
  if (t) return Array.from(t.data);
  const list = integers(c, name);
  return list && [...list];
};
const axisOf = (c: Call, axis: number, rank: number): number => {
  const a = axis < 0 ? axis + rank : axis;
  if (!(a >= 0 && a < Math.max(1, rank))) throw fault(c, `has axis ${axis} for a tensor of ${rank} axes`);
  return a;
};
const spatialAxes = (t: Tensor) => t.shape.slice(2).map((_, i) => i + 2);
const perChannel = (p: Tensor, like: Tensor) => p.reshape(p.size, ...like.shape.slice(2).map(() => 1));

const limit = 2147483647;
/** An array of a file as a tensor. */
export function tensorOf({ data, shape, type }: OnnxTensor): Tensor {
  const whole = data instanceof BigInt64Array || data instanceof BigUint64Array;
  if (whole || !(data instanceof Float32Array || data instanceof Float64Array))
    return Tensor.from(
      Int32Array.from({ length: data.length }, (_, i) => Math.max(-limit, Math.min(limit, Number(data[i])))),
      shape,
      "i32",
    );
  return Tensor.from(data, shape, type === "float64" ? "f64" : "f32");
}
const dtypes: Readonly<Record<number, DType>> = {
  1: "f32",
  10: "f32",
  16: "f32",
  11: "f64",
  2: "i32",
  3: "i32",
  4: "i32",
  5: "i32",
  6: "i32",
  7: "i32",
  9: "i32",
  12: "i32",
  13: "i32",
};
const listed = (values: readonly number[]) => Tensor.from(Int32Array.from(values), [values.length], "i32");
const floats = (t: Tensor) => (t.dtype === "i32" ? t.cast("f32") : t);

const unary =
  (f: (t: Tensor, c: Call) => Tensor): Operator =>
  (c) =>
    f(x(c), c);
const binary =
  (f: (a: Tensor, b: Tensor) => Tensor): Operator =>
  (c) =>
    f(x(c), x(c, 1));
const variadic =
  (f: (a: Tensor, b: Tensor) => Tensor): Operator =>
  (c) =>
    c.inputs.map((_, i) => x(c, i)).reduce(f);
const truth =
  (f: (a: Tensor, b: Tensor) => Tensor): Operator =>
  (c) =>
    f(x(c), x(c, 1)).cast("i32");
const reduction =
  (f: (t: Tensor, axes: number[] | undefined, keep: boolean) => Tensor): Operator =>
  (c) => {
    const axes = numbersOf(c, 1, "axes");
    if (!axes?.length && integer(c, "noop_with_empty_axes", 0) === 1) return x(c);
    return f(floats(x(c)), axes?.length ? axes.map((a) => axisOf(c, a, x(c).rank)) : undefined, integer(c, "keepdims", 1) !== 0);
  };

/** Padding before and after along the spatial axes, "auto_pad" understood. */
function pads(c: Call, size: readonly number[], kernel: readonly number[], stride: readonly number[], dilation: readonly number[]) {
  const auto = text(c, "auto_pad", "NOTSET");
  if (auto === "NOTSET" || auto === "") {
    const p = integers(c, "pads") ?? new Array<number>(2 * size.length).fill(0);
    if (p.length !== 2 * size.length || p.some((v) => v < 0)) throw fault(c, `has the padding [${p}], which cannot be used`);
    return size.map((_, i) => [p[i], p[size.length + i]] as const);
  }
  if (auto === "VALID") return size.map(() => [0, 0] as const);
  return size.map((n, i) => {
    const all = Math.max(0, (Math.ceil(n / stride[i]) - 1) * stride[i] + (kernel[i] - 1) * dilation[i] + 1 - n);
    const less = Math.floor(all / 2);
    return auto === "SAME_LOWER" ? ([all - less, less] as const) : ([less, all - less] as const);
  });
}
const spread = (c: Call, name: string, axes: number) => {
  const list = integers(c, name) ?? new Array<number>(axes).fill(1);
  if (list.length !== axes || list.some((v) => v < 1)) throw fault(c, `has ${name} [${list}] for ${axes} axes`);
  return list;
};

const conv: Operator = (c) => {
  const [input, w] = [x(c), x(c, 1)];
  const axes = w.rank - 2;
  const [stride, dilation] = [spread(c, "strides", axes), spread(c, "dilations", axes)];
  const padding = pads(c, input.shape.slice(2), w.shape.slice(2), stride, dilation);
  return convolve(input, w, { stride, dilation, padding, groups: integer(c, "group", 1), bias: c.inputs[2] });
};
const convTranspose: Operator = (c) => {
  const [input, w] = [x(c), x(c, 1)];
  const axes = w.rank - 2;
  if (integers(c, "output_shape") || !["NOTSET", "", "VALID"].includes(text(c, "auto_pad", "")))
    throw fault(c, "leaves its padding to output_shape or auto_pad, which is not read; export it with pads");
  const [stride, dilation] = [spread(c, "strides", axes), spread(c, "dilations", axes)];
  const padding = pads(c, input.shape.slice(2), w.shape.slice(2), stride, dilation);
  const outputPadding = integers(c, "output_padding") ?? 0;
  return convolveTransposed(input, w, { stride, dilation, padding, outputPadding, groups: integer(c, "group", 1), bias: c.inputs[2] });
};

const least = -3.4028234663852886e38;
/** The input with its padding made explicit, and by how much windows that are cut off at the end (ceil_mode) reach farther. */
function window(c: Call) {
  const input = x(c);
  const axes = input.rank - 2;
  const kernel = integers(c, "kernel_shape");
  if (kernel?.length !== axes) throw fault(c, `has kernel_shape [${kernel}] for ${axes} axes`);
  const [stride, dilation] = [spread(c, "strides", axes), spread(c, "dilations", axes)];
  if (dilation.some((d) => d !== 1)) throw fault(c, "has windows with gaps, which are not read");
  const size = input.shape.slice(2);
  const padding = pads(c, size, kernel, stride, dilation);
  const extra = size.map((n, i) => {
    if (integer(c, "ceil_mode", 0) === 0) return 0;
    const [a, b] = padding[i];
    let out = Math.ceil((n + a + b - kernel[i]) / stride[i]) + 1;
    if ((out - 1) * stride[i] >= n + a) out--;
    return Math.max(0, (out - 1) * stride[i] + kernel[i] - n - a - b);
  });
  const padded = (t: Tensor, value: number, more = true) =>
    t.pad([0, 0, ...padding.map(([a]) => a)], [0, 0, ...padding.map(([, b], i) => b + (more ? extra[i] : 0))], value);
  const simple = extra.every((e) => e === 0) && padding.every(([a, b], i) => a === b && 2 * a <= kernel[i]);
  return { input, kernel, stride, padding, extra, padded, simple };
}
const maxPooling: Operator = (c) => {
  if (c.node.outputs.length > 1 && c.node.outputs[1] !== "") throw fault(c, "gives the places of its maxima, which are not read");
  const { input, kernel, stride, padding, padded, simple } = window(c);
  return simple
    ? maxPool(input, { kernel, stride, padding: padding.map(([a]) => a) })
    : maxPool(padded(input, input.dtype === "f64" ? -Number.MAX_VALUE : least), { kernel, stride });
};
const averagePooling: Operator = (c) => {
  const { input, kernel, stride, padding, extra, padded, simple } = window(c);
  if (integer(c, "count_include_pad", 0) === 0) {
    if (simple) return averagePool(input, { kernel, stride, padding: padding.map(([a]) => a) });
    const share = averagePool(padded(Tensor.ones([1, 1, ...input.shape.slice(2)], input.dtype), 0), { kernel, stride });
    return averagePool(padded(input, 0), { kernel, stride }).div(share);
  }
  if (extra.some((e) => e > 0)) throw fault(c, "counts its padding and rounds its size up, which is not read together");
  return averagePool(padded(input, 0), { kernel, stride });
};

const gemm: Operator = (c) => {
  const turned = (t: Tensor, name: string) => (integer(c, name, 0) ? t.transpose() : t);
  const y = turned(x(c), "transA").matmul(turned(x(c, 1), "transB"));
  const [alpha, beta] = [float(c, "alpha", 1), float(c, "beta", 1)];
  const scaled = alpha === 1 ? y : y.mul(alpha);
  const bias = c.inputs[2];
  return bias ? scaled.add(beta === 1 ? bias : bias.mul(beta)) : scaled;
};

const depthToSpace: Operator = (c) => {
  const s = integer(c, "blocksize", 1);
  const [n, channels, h, w] = x(c).shape;
  if (text(c, "mode", "DCR") === "CRD") return pixelShuffle(x(c), s);
  const k = channels / (s * s);
  return x(c)
    .reshape(n, s, s, k, h, w)
    .permute(0, 3, 4, 1, 5, 2)
    .reshape(n, k, h * s, w * s);
};
const spaceToDepth: Operator = (c) => {
  const s = integer(c, "blocksize", 1);
  const [n, k, h, w] = x(c).shape;
  return x(c)
    .reshape(n, k, h / s, s, w / s, s)
    .permute(0, 3, 5, 1, 2, 4)
    .reshape(n, k * s * s, h / s, w / s);
};

/** Keys' kernel with the slope a at 1. */
const keys = (t: number, a: number): number => {
  const r = Math.abs(t);
  return r <= 1 ? ((a + 2) * r - (a + 3)) * r * r + 1 : r < 2 ? ((a * r - 5 * a) * r + 8 * a) * r - 4 * a : 0;
};
/** Which samples make up sample j of the larger axis, and with which weights. */
function tapsOf(c: Call, n: number, m: number, scale: number): { readonly places: number[]; readonly weights: number[] }[] {
  const mode = text(c, "mode", "nearest");
  const where = text(c, "coordinate_transformation_mode", c.node.operator === "Upsample" ? "asymmetric" : "half_pixel");
  // In single precision, as others do: it decides which of two samples is the nearest.
  const half = (j: number) => Math.fround(Math.fround((j + 0.5) / scale) - 0.5);
  const at = (j: number): number => {
    if (where === "asymmetric") return Math.fround(j / scale);
    if (where === "half_pixel") return half(j);
    if (where === "pytorch_half_pixel") return m > 1 ? half(j) : 0;
    if (where === "align_corners") return m > 1 ? (j * (n - 1)) / (m - 1) : 0;
    throw fault(c, `places samples by ${quoted(where)}, which is not read`);
  };
  const inside = (i: number) => Math.max(0, Math.min(n - 1, i));
  const one = { places: new Array<number>(m), weights: new Array<number>(m).fill(1) };
  if (mode === "nearest") {
    const rounding = text(c, "nearest_mode", c.node.operator === "Upsample" ? "floor" : "round_prefer_floor");
    for (let j = 0; j < m; j++) {
      const u = at(j);
      const whole =
        rounding === "floor"
          ? Math.floor(u)
          : rounding === "ceil"
            ? Math.ceil(u)
            : rounding === "round_prefer_ceil"
              ? Math.floor(u + 0.5)
              : Math.ceil(u - 0.5);
      one.places[j] = inside(whole);
    }
    return [one];
  }
  const reach = mode === "cubic" ? 2 : mode === "linear" ? 1 : 0;
  if (reach === 0) throw fault(c, `interpolates by ${quoted(mode)}, which is not read`);
  const slope = float(c, "cubic_coeff_a", -0.75);
  return Array.from({ length: 2 * reach }, (_, t) => {
    const offset = t + 1 - reach;
    const places = one.places.slice();
    const weights = one.weights.slice();
    for (let j = 0; j < m; j++) {
      const u = mode === "linear" ? Math.max(0, Math.min(n - 1, at(j))) : at(j);
      const i = Math.floor(u) + offset;
      places[j] = inside(i);
      weights[j] = mode === "linear" ? Math.max(0, 1 - Math.abs(u - i)) : keys(u - i, slope);
    }
    return { places, weights };
  });
}
const resize: Operator = (c) => {
  const input = x(c);
  if (integer(c, "antialias", 0) || integer(c, "exclude_outside", 0)) throw fault(c, "smooths before it reduces, which is not read");
  const attribute = c.node.attributes.scales;
  const upsample = c.node.operator === "Upsample" || c.version < 11;
  const given = c.inputs[upsample ? 1 : 2];
  let scales = given && given.size > 0 ? Array.from(given.data) : attribute && "floats" in attribute ? [...attribute.floats] : undefined;
  let sizes = !upsample && c.inputs[3] && c.inputs[3].size > 0 ? Array.from(c.inputs[3].data) : undefined;
  const axes = integers(c, "axes");
  if (axes) {
    const whole = <T>(list: T[] | undefined, otherwise: (i: number) => T) =>
      list &&
      input.shape.map((_, i) =>
        axes.some((a) => axisOf(c, a, input.rank) === i) ? list[axes.findIndex((a) => axisOf(c, a, input.rank) === i)] : otherwise(i),
      );
    scales = whole(scales, () => 1);
    sizes = whole(sizes, (i) => input.shape[i]);
  }
  if ((scales ?? sizes)?.length !== input.rank || text(c, "keep_aspect_ratio_policy", "stretch") !== "stretch")
    throw fault(c, `says neither scales nor sizes for the ${input.rank} axes of its input`);
  let y = input;
  input.shape.forEach((n, axis) => {
    const m = sizes ? sizes[axis] : Math.floor(Math.fround(n * (scales as number[])[axis]));
    const scale = sizes ? m / n : (scales as number[])[axis];
    if (!(m >= 1)) throw fault(c, `makes an axis of ${n} one of ${m}`);
    if (m === n && scale === 1) return;
    const shape = y.shape.map((_, i) => (i === axis ? m : 1));
    y = tapsOf(c, n, m, scale)
      .map(({ places, weights }) => {
        const part = y.gather(listed(places), axis);
        return weights.every((w) => w === 1) ? part : part.mul(Tensor.from(Float64Array.from(weights), shape, input.dtype));
      })
      .reduce((a, b) => a.add(b));
  });
  return y;
};

const pad: Operator = (c) => {
  let t = x(c);
  const given = numbersOf(c, 1, "pads") ?? [];
  const axes = c.inputs[3] ? Array.from(c.inputs[3].data, (a) => axisOf(c, a, t.rank)) : t.shape.map((_, i) => i);
  if (given.length !== 2 * axes.length) throw fault(c, `has ${given.length} widths for ${axes.length} axes`);
  const [from, to] = [t.shape.map(() => 0), t.shape.map(() => 0)];
  axes.forEach((a, i) => {
    from[a] = given[i];
    to[a] = given[axes.length + i];
  });
  const mode = text(c, "mode", "constant");
  const value = c.inputs[2] && c.inputs[2].size > 0 ? c.inputs[2].data[0] : float(c, "value", 0);
  t = t.slice(
    from.map((v) => Math.max(0, -v)),
    t.shape.map((n, i) => n - Math.max(0, -to[i])),
  );
  const [before, after] = [from.map((v) => Math.max(0, v)), to.map((v) => Math.max(0, v))];
  if (mode === "constant") return t.pad(before, after, value);
  if (mode !== "reflect" && mode !== "edge") throw fault(c, `pads by ${quoted(mode)}, which is not read`);
  for (let axis = 0; axis < t.rank; axis++) {
    const n = t.shape[axis];
    if (before[axis] === 0 && after[axis] === 0) continue;
    const place = (i: number) => {
      if (mode === "edge" || n === 1) return Math.max(0, Math.min(n - 1, i));
      const k = ((i % (2 * n - 2)) + 2 * n - 2) % (2 * n - 2);
      return k < n ? k : 2 * n - 2 - k;
    };
    t = t.gather(listed(Array.from({ length: before[axis] + n + after[axis] }, (_, i) => place(i - before[axis]))), axis);
  }
  return t;
};
const slice: Operator = (c) => {
  const t = x(c);
  const [starts, ends] = [numbersOf(c, 1, "starts") ?? [], numbersOf(c, 2, "ends") ?? []];
  const axes = numbersOf(c, 3, "axes") ?? starts.map((_, i) => i);
  const steps = c.inputs[4] ? Array.from(c.inputs[4].data) : starts.map(() => 1);
  if (ends.length !== starts.length || axes.length !== starts.length || steps.length !== starts.length || steps.includes(0))
    throw fault(c, "has starts, ends, axes and steps that do not belong together");
  const [begin, end, step] = [t.shape.map(() => 0), [...t.shape], t.shape.map(() => 1)];
  axes.forEach((named, i) => {
    const a = axisOf(c, named, t.rank);
    const n = t.shape[a];
    const back = steps[i] < 0;
    const place = (v: number, low: number, high: number) => Math.max(low, Math.min(high, v < 0 ? v + n : v));
    begin[a] = place(starts[i], 0, back ? n - 1 : n);
    end[a] = back ? (ends[i] < -n ? -1 : place(ends[i], -1, n - 1)) : place(ends[i], 0, n);
    step[a] = steps[i];
  });
  const backwards = step.some((s) => s < 0);
  if (!backwards) return t.slice(begin, end, step);
  // Ends before the first element have no name in `slice`: by places.
  let y = t;
  t.shape.forEach((_, a) => {
    const places: number[] = [];
    for (let i = begin[a]; step[a] > 0 ? i < end[a] : i > end[a]; i += step[a]) places.push(i);
    y = y.gather(listed(places), a);
  });
  return y;
};
const reshape: Operator = (c) => {
  const t = x(c);
  const asked = numbersOf(c, 1, "shape") ?? [];
  return t.reshape(...asked.map((n, i) => (n === 0 && !integer(c, "allowzero", 0) ? (t.shape[i] ?? 0) : n)));
};
const flatten: Operator = (c) => {
  const t = x(c);
  const axis = integer(c, "axis", 1);
  const a = axis < 0 ? axis + t.rank : axis;
  const outer = t.shape.slice(0, a).reduce((p, n) => p * n, 1);
  return t.reshape(outer, outer === 0 ? 0 : t.size / outer);
};
const squeeze: Operator = (c) => {
  const t = x(c);
  const axes = numbersOf(c, 1, "axes")?.map((a) => axisOf(c, a, t.rank)) ?? t.shape.flatMap((n, i) => (n === 1 ? [i] : []));
  return t.reshape(...t.shape.filter((_, i) => !axes.includes(i)));
};
const unsqueeze: Operator = (c) => {
  const t = x(c);
  const given = numbersOf(c, 1, "axes") ?? [];
  const rank = t.rank + given.length;
  const axes = given.map((a) => axisOf(c, a, rank));
  const rest = [...t.shape];
  return t.reshape(...Array.from({ length: rank }, (_, i) => (axes.includes(i) ? 1 : (rest.shift() as number))));
};
const split: Operator = (c) => {
  const t = x(c);
  const axis = axisOf(c, integer(c, "axis", 0), t.rank);
  const n = t.shape[axis];
  const parts = integer(c, "num_outputs", c.node.outputs.length);
  const each = Math.ceil(n / parts);
  const sizes = numbersOf(c, 1, "split") ?? Array.from({ length: parts }, (_, i) => Math.min(each, n - i * each));
  let at = 0;
  return sizes.map((s) => {
    const begin = t.shape.map((_, i) => (i === axis ? at : 0));
    at += s;
    return t.slice(
      begin,
      t.shape.map((m, i) => (i === axis ? at : m)),
    );
  });
};
const expand: Operator = (c) => {
  const t = x(c);
  const asked = Array.from(x(c, 1).data);
  const rank = Math.max(asked.length, t.rank);
  const extent = (list: readonly number[], i: number) => list[i - rank + list.length] ?? 1;
  return t.broadcastTo(Array.from({ length: rank }, (_, i) => (extent(asked, i) === 1 ? extent(t.shape, i) : extent(asked, i))));
};
const tile: Operator = (c) =>
  Array.from(x(c, 1).data).reduce<Tensor>((t, times, axis) => (times === 1 ? t : concat(new Array<Tensor>(times).fill(t), axis)), x(c));
const gather: Operator = (c) => {
  const axis = axisOf(c, integer(c, "axis", 0), x(c).rank);
  const n = x(c).shape[axis];
  const places = x(c, 1).cast("i32");
  const k = places.data;
  const positive = k.some((i) => i < 0)
    ? Tensor.from(
        Int32Array.from(k, (i) => (i < 0 ? i + n : i)),
        places.shape,
        "i32",
      )
    : places;
  return x(c).gather(positive, axis);
};
const constantNode: Operator = (c) => {
  const a = c.node.attributes;
  for (const [name, v] of Object.entries(a)) {
    if (name === "value" && "tensor" in v) return tensorOf(v.tensor);
    if (name === "value_float" && "float" in v) return Tensor.scalar(v.float);
    if (name === "value_int" && "integer" in v) return Tensor.scalar(v.integer, "i32");
    if (name === "value_floats" && "floats" in v) return Tensor.from(Float32Array.from(v.floats), [v.floats.length]);
    if (name === "value_ints" && "integers" in v) return listed(v.integers);
  }
  throw fault(c, "has no value that can be read");
};
const constantOfShape: Operator = (c) => {
  const v = attribute<"tensor", OnnxTensor | undefined>(c, "value", "tensor", undefined);
  const value = v ? tensorOf(v) : Tensor.scalar(0);
  return Tensor.full(Array.from(x(c).data), value.data[0] ?? 0, value.dtype);
};
const batchNorm: Operator = (c) => {
  if (integer(c, "training_mode", 0)) throw fault(c, "is in training; export the network as it is used");
  const [t, weight, bias, mean, variance] = [0, 1, 2, 3, 4].map((i) => x(c, i));
  const factor = weight.div(variance.add(float(c, "epsilon", 1e-5)).sqrt());
  return t.mul(perChannel(factor, t)).add(perChannel(bias.sub(mean.mul(factor)), t));
};
const standardised = (t: Tensor, axes: number[], epsilon: number) => {
  const centred = t.sub(t.mean(axes, true));
  return centred.div(centred.square().mean(axes, true).add(epsilon).sqrt());
};
const instanceNorm: Operator = (c) =>
  standardised(x(c), spatialAxes(x(c)), float(c, "epsilon", 1e-5))
    .mul(perChannel(x(c, 1), x(c)))
    .add(perChannel(x(c, 2), x(c)));
const groupNorm: Operator = (c) => {
  const t = x(c);
  const groups = integer(c, "num_groups", 1);
  const y = standardised(t.reshape(t.shape[0], groups, t.size / (t.shape[0] * groups)), [2], float(c, "epsilon", 1e-5)).reshape(...t.shape);
  const each = (p: Tensor) =>
    perChannel(
      p.size === t.shape[1]
        ? p
        : p
            .reshape(groups, 1)
            .broadcastTo([groups, t.shape[1] / groups])
            .reshape(t.shape[1]),
      t,
    );
  return y.mul(each(x(c, 1))).add(each(x(c, 2)));
};
const layerNorm: Operator = (c) => {
  const t = x(c);
  const axis = axisOf(c, integer(c, "axis", -1), t.rank);
  const y = standardised(
    t,
    t.shape.map((_, i) => i).filter((i) => i >= axis),
    float(c, "epsilon", 1e-5),
  ).mul(x(c, 1));
  return c.inputs[2] ? y.add(c.inputs[2]) : y;
};
/** Along one axis; before version 13 over all axes from there on. */
const softmaxed = (c: Call, logarithm: boolean): Tensor => {
  const t = x(c);
  const axis = axisOf(c, integer(c, "axis", c.version < 13 ? 1 : -1), t.rank);
  const axes = c.version < 13 ? t.shape.map((_, i) => i).filter((i) => i >= axis) : [axis];
  const shifted = t.sub(t.max(axes, true));
  return logarithm ? shifted.sub(shifted.exp().sum(axes, true).log()) : shifted.exp().div(shifted.exp().sum(axes, true));
};
const clip: Operator = (c) => {
  const bound = (i: number, name: string) => c.inputs[i] ?? (c.node.attributes[name] ? float(c, name, 0) : undefined);
  let t = x(c);
  const [low, high] = [bound(1, "min"), bound(2, "max")];
  if (low !== undefined) t = t.maximum(low);
  if (high !== undefined) t = t.minimum(high);
  return t;
};
const negative = (t: Tensor) => t.sub(t.relu()); // min(x, 0)

/** What the operators of the standard's domain do. */
export const operators: Readonly<Record<string, Operator>> = {
  Abs: unary((t) => t.abs()),
  Acos: unary(acos),
  Add: binary((a, b) => a.add(b)),
  And: truth((a, b) => a.mul(b)),
  ArgMax: (c) => arg(c, (t, axis) => t.argmax(axis)),
  ArgMin: (c) => arg(c, (t, axis) => t.argmin(axis)),
  Asin: unary(asin),
  Atan: unary(atan),
  AveragePool: averagePooling,
  BatchNormalization: batchNorm,
  Cast: unary((t, c) => {
    const type = dtypes[integer(c, "to", 1)];
    if (!type) throw fault(c, `makes numbers of type ${integer(c, "to", 1)}, which are not read`);
    return integer(c, "to", 1) === 9 ? t.equal(0).neg().add(1).cast("i32") : t.cast(type);
  }),
  Ceil: unary((t) => t.ceil()),
  Clip: clip,
  Concat: (c) =>
    concat(
      c.inputs.map((_, i) => x(c, i)),
      axisOf(c, integer(c, "axis", 1), x(c).rank),
    ),
  Constant: constantNode,
  ConstantOfShape: constantOfShape,
  Conv: conv,
  ConvTranspose: convTranspose,
  Cos: unary((t) => t.cos()),
  Cosh: unary(cosh),
  CumSum: (c) => {
    if (integer(c, "exclusive", 0)) throw fault(c, "leaves out each element itself, which is not read");
    const axis = axisOf(c, x(c, 1).data[0], x(c).rank);
    return integer(c, "reverse", 0) ? x(c).flip(axis).cumsum(axis).flip(axis) : x(c).cumsum(axis);
  },
  DepthToSpace: depthToSpace,
  Div: binary((a, b) => (a.dtype === "i32" && b.dtype === "i32" ? truncated(a.cast("f64").div(b.cast("f64"))) : a.div(b))),
  Dropout: unary((t) => t),
  Elu: unary((t, c) =>
    t.relu().add(
      negative(t)
        .expm1()
        .mul(float(c, "alpha", 1)),
    ),
  ),
  Equal: truth((a, b) => a.equal(b)),
  Erf: unary((t) => t.erf()),
  Exp: unary((t) => t.exp()),
  Expand: expand,
  Flatten: flatten,
  Floor: unary((t) => t.floor()),
  Gather: gather,
  Gelu: unary((t, c) =>
    text(c, "approximate", "none") === "tanh"
      ? t
          .add(t.mul(t).mul(t).mul(0.044715))
          .mul(Math.sqrt(2 / Math.PI))
          .tanh()
          .add(1)
          .mul(t)
          .mul(0.5)
      : t.mul(t.mul(Math.SQRT1_2).erf().add(1)).mul(0.5),
  ),
  Gemm: gemm,
  GlobalAveragePool: unary((t) => t.mean(spatialAxes(t), true)),
  GlobalMaxPool: unary((t) => t.max(spatialAxes(t), true)),
  Greater: truth((a, b) => a.greater(b)),
  GreaterOrEqual: truth((a, b) => a.greaterEqual(b)),
  GroupNormalization: groupNorm,
  HardSigmoid: unary((t, c) =>
    t
      .mul(float(c, "alpha", 0.2))
      .add(float(c, "beta", 0.5))
      .clamp(0, 1),
  ),
  HardSwish: unary((t) => t.mul(t.div(6).add(0.5).clamp(0, 1))),
  Identity: unary((t) => t),
  InstanceNormalization: instanceNorm,
  LayerNormalization: layerNorm,
  LeakyRelu: unary((t, c) => t.relu().add(negative(t).mul(float(c, "alpha", 0.01)))),
  Less: truth((a, b) => a.less(b)),
  LessOrEqual: truth((a, b) => a.lessEqual(b)),
  Log: unary((t) => t.log()),
  LogSoftmax: (c) => softmaxed(c, true),
  MatMul: binary((a, b) => a.matmul(b)),
  Max: variadic(maximum),
  MaxPool: maxPooling,
  Mean: (c) =>
    c.inputs
      .map((_, i) => x(c, i))
      .reduce((a, b) => a.add(b))
      .div(c.inputs.length),
  Min: variadic(minimum),
  Mul: binary((a, b) => a.mul(b)),
  Neg: unary((t) => t.neg()),
  Not: unary((t) => t.equal(0).cast("i32")),
  Or: truth((a, b) => a.add(b).greater(0)),
  PRelu: binary((t, slope) => t.relu().add(negative(t).mul(slope))),
  Pad: pad,
  Pow: binary((a, b) => a.pow(b)),
  Reciprocal: unary((t) => t.reciprocal()),
  ReduceL2: reduction((t, axes, keep) => t.square().sum(axes, keep).sqrt()),
  ReduceMax: reduction((t, axes, keep) => t.max(axes, keep)),
  ReduceMean: reduction((t, axes, keep) => t.mean(axes, keep)),
  ReduceMin: reduction((t, axes, keep) => t.min(axes, keep)),
  ReduceProd: reduction((t, axes, keep) => t.prod(axes, keep)),
  ReduceSum: reduction((t, axes, keep) => t.sum(axes, keep)),
  Relu: unary((t) => t.relu()),
  Reshape: reshape,
  Resize: resize,
  Round: unary((t) => t.round()),
  Selu: unary((t, c) =>
    t
      .relu()
      .add(
        negative(t)
          .expm1()
          .mul(float(c, "alpha", 1.6732632423543772)),
      )
      .mul(float(c, "gamma", 1.0507009873554805)),
  ),
  Shape: unary((t, c) => {
    const [from, to] = [integer(c, "start", 0), integer(c, "end", t.rank)];
    return listed(t.shape.slice(from, to));
  }),
  Sigmoid: unary((t) => t.sigmoid()),
  Sign: unary((t) => t.sign()),
  Sin: unary((t) => t.sin()),
  Sinh: unary(sinh),
  Size: unary((t) => Tensor.scalar(t.size, "i32")),
  Slice: slice,
  Softmax: (c) => softmaxed(c, false),
  Softplus: unary(softplusOf),
  Softsign: unary((t) => t.div(t.abs().add(1))),
  SpaceToDepth: spaceToDepth,
  Split: split,
  Sqrt: unary((t) => t.sqrt()),
  Squeeze: squeeze,
  Sub: binary((a, b) => a.sub(b)),
  Sum: variadic((a, b) => a.add(b)),
  Tan: unary((t) => t.tan()),
  Tanh: unary((t) => t.tanh()),
  Tile: tile,
  Transpose: unary((t, c) => t.permute(...(integers(c, "perm") ?? t.shape.map((_, i) => t.rank - 1 - i)))),
  Unsqueeze: unsqueeze,
  Upsample: resize,
  Where: (c) => where(x(c), x(c, 1), x(c, 2)),
};
/** Inputs that tell an operator what to do rather than being computed with: no weights. */
export const settings: Readonly<Record<string, readonly number[]>> = { Resize: [1, 2, 3], Upsample: [1], Clip: [1, 2], Pad: [1, 2, 3] };

const truncated = (t: Tensor) => t.sign().mul(t.abs().floor()).cast("i32");
function arg(c: Call, f: (t: Tensor, axis: number) => Tensor): Tensor {
  const t = floats(x(c));
  const axis = axisOf(c, integer(c, "axis", 0), t.rank);
  if (integer(c, "select_last_index", 0)) throw fault(c, "takes the last of equal ones, which is not read");
  const y = f(t, axis);
  return integer(c, "keepdims", 1) ? y.reshape(...t.shape.map((n, i) => (i === axis ? 1 : n))) : y;
}
