import { ArgumentError, ShapeError, UseError } from "../../core/errors.js";
import { type Shape, sameShape, shapeText, sizeOf } from "../../core/shape.js";
import { engine } from "../../kernels/engine.js";
import * as twin from "../../kernels/reference/sampling.js";
import * as kernel from "../../kernels/sampling.js";
import { type Applied, define, defineMany } from "../primitive.js";
import { isComplex } from "../storage.js";
import { Tensor } from "../tensor.js";
import { complex, imag, real } from "./complex.js";
import { cast, commonType } from "./elementwise.js";
import { reshape, stack } from "./shaping.js";

/**
 * How values between voxels are made.
 *  nearest    the nearest voxel (no derivative in the positions)
 *  linear     continuous; first derivatives jump at cell borders, second ones are those inside a cell (the mixed ones): almost everywhere
 *  cubic      the cubic B-spline through the samples, twice continuously differentiable
 *  bspline    as cubic, but the image holds the coefficients already: `bsplinePrefilter(image)` once, samples often
 */
export type SamplingKind = "nearest" | "linear" | "cubic" | "bspline";
/** Interpolation and border. */
export interface SamplingOptions {
  /** How values between samples are found. */
  readonly interpolation?: SamplingKind;
  /** Outside the box [0, size − 1]: "clamp" continues the border values (derivative 0 along the axes that left), "constant" gives `fill`. */
  readonly border?: "clamp" | "constant";
  /** The value outside. */
  readonly fill?: number;
}
/** Row-major d × (d + 1) matrix [A | b] in x, y, z order. */
export type Base = twin.Base;

/**
 * The parameters of all sampling primitives. With S the sampling of an image I at positions p and directions h₁…h_m,
 *   S(I, p; h) = ∂h₁…∂h_m I(p),   G(I, p, g; h) = Σ_c g_c ∇∂h₁…∂h_m I_c(p),   Sᵀ(g, p; h) = the transpose of S in I,
 * the three are closed under differentiation: each derivative only adds, replaces or removes a direction.
 */
interface P {
  readonly interpolation: twin.Interpolation;
  readonly border: "clamp" | "constant";
  readonly fill: number;
  /** [(D,) H, W] of the image */
  readonly size: Shape;
  /** points: [n, d]; field: [d, …outSize] with a base map; lattice: no position tensor, the base map alone */
  readonly layout: "points" | "field" | "lattice";
  readonly outSize: Shape;
  readonly base: Base;
}
const highest = 3;
function limit(order: number): void {
  if (order > highest)
    throw new UseError(`sampling: derivatives up to order ${highest} are provided, ${order} were asked for; differentiate fewer times`, {
      order,
    });
}
function positionsOf<Data>(p: P, data: Data): twin.Positions<Data> {
  if (p.layout === "points") return { points: data, count: p.outSize[0] };
  return p.layout === "field" ? { field: data, size: p.outSize, base: p.base } : { size: p.outSize, base: p.base };
}
const flat = (p: P): P => (p.fill === 0 ? p : { ...p, fill: 0 });
const without = (ts: readonly Tensor[], i: number) => ts.filter((_, j) => j !== i);
const replaced = (ts: readonly Tensor[], i: number, t: Tensor) => ts.map((v, j) => (j === i ? t : v));
const total = (ts: readonly (Tensor | undefined)[]): Tensor | undefined =>
  ts.reduce((a, b) => (a && b ? a.add(b) : (a ?? b)), undefined as Tensor | undefined);
/** A lattice has no position tensor: then inputs are [first] or [first, g] alone. */
const split = (inputs: readonly Tensor[], p: P, fixed: number) => {
  const at = p.layout === "lattice" ? 0 : 1;
  return { first: inputs[0], p: at ? inputs[1] : undefined, rest: inputs.slice(1 + at, 1 + at + fixed), h: inputs.slice(1 + at + fixed) };
};
const place = (p: Tensor | undefined) => (p ? [p] : []);

// S
const sampled: Applied<P> = define<P>({
  name: "sample",
  forward: (inputs, params) => {
    const { first: image, p, h } = split(inputs, params, 0);
    limit(h.length);
    const channels = image.shape[0];
    const out = Tensor.uninitialised([channels, ...params.outSize], image.dtype);
    if (image.dtype === "f64")
      twin.sample(
        params.interpolation,
        image.data,
        channels,
        params.size,
        positionsOf(params, p?.data ?? []),
        h.map((t) => t.data),
        out.data,
        params,
      );
    else
      kernel.sample(
        engine(),
        params.interpolation,
        { at: image.pointer, channels, size: params.size },
        positionsOf(params, p?.pointer ?? 0),
        h.map((t) => t.pointer),
        out.pointer,
        params,
      );
    return out;
  },
  vjp: ({ inputs, params, needs }, g) => {
    const { first: image, p, h } = split(inputs, params, 0);
    const f = flat(params);
    return [
      needs[0] ? splatted([g, ...place(p), ...h], f) : undefined, // Sᵀ(g, p; h)
      ...(p ? [needs[1] ? gradientOf([image, p, g, ...h], f) : undefined] : []), // G(I, p, g; h)
      ...(p ? h.map((_, i) => (needs[2 + i] ? gradientOf([image, p, g, ...without(h, i)], f) : undefined)) : []), // G(I, p, g; h without hᵢ)
    ];
  },
  jvp: ({ inputs, params }, tangents) => {
    const { first: image, p, h } = split(inputs, params, 0);
    const f = flat(params);
    const t = splitTangents(tangents, params, 0);
    return total([
      t.first && sampled([t.first, ...place(p), ...h], f), // S(İ, p; h)
      p && t.p && sampled([image, p, ...h, t.p], f), // S(I, p; h, ṗ)
      ...(p ? t.h.map((u, i) => u && sampled([image, p, ...replaced(h, i, u)], f)) : []),
    ]);
  },
});
const splitTangents = (tangents: readonly (Tensor | undefined)[], p: P, fixed: number) => {
  const at = p.layout === "lattice" ? 0 : 1;
  return {
    first: tangents[0],
    p: at ? tangents[1] : undefined,
    rest: tangents.slice(1 + at, 1 + at + fixed),
    h: tangents.slice(1 + at + fixed),
  };
};

// G
const gradientOf: Applied<P> = define<P>({
  name: "sampleGradient",
  forward: ([image, p, g, ...h], params) => {
    limit(h.length + 1);
    const channels = image.shape[0];
    const out = Tensor.uninitialised(p.shape, image.dtype);
    if (image.dtype === "f64")
      twin.sampleGradient(
        params.interpolation,
        image.data,
        channels,
        params.size,
        positionsOf(params, p.data),
        g.data,
        h.map((t) => t.data),
        out.data,
        params,
      );
    else
      kernel.sampleGradient(
        engine(),
        params.interpolation,
        { at: image.pointer, channels, size: params.size },
        positionsOf(params, p.pointer),
        g.pointer,
        h.map((t) => t.pointer),
        out.pointer,
        params,
      );
    return out;
  },
  vjp: ({ inputs: [image, p, g, ...h], params, needs }, k) => [
    needs[0] ? splatted([g, p, ...h, k], params) : undefined, // Sᵀ(g, p; h, k)
    needs[1] ? gradientOf([image, p, g, ...h, k], params) : undefined, // G(I, p, g; h, k)
    needs[2] ? sampled([image, p, ...h, k], params) : undefined, // S(I, p; h, k)
    ...h.map((_, i) => (needs[3 + i] ? gradientOf([image, p, g, ...without(h, i), k], params) : undefined)),
  ],
  jvp: ({ inputs: [image, p, g, ...h], params }, [ti, tp, tg, ...th]) =>
    total([
      ti && gradientOf([ti, p, g, ...h], params),
      tp && gradientOf([image, p, g, ...h, tp], params),
      tg && gradientOf([image, p, tg, ...h], params),
      ...th.map((u, i) => u && gradientOf([image, p, g, ...replaced(h, i, u)], params)),
    ]),
});

// Sᵀ
const splatted: Applied<P> = define<P>({
  name: "splat",
  forward: (inputs, params) => {
    const { first: g, p, h } = split(inputs, params, 0);
    limit(h.length);
    const channels = g.shape[0];
    const out = Tensor.zeros([channels, ...params.size], g.dtype);
    if (g.dtype === "f64")
      twin.splat(
        params.interpolation,
        g.data,
        channels,
        params.size,
        positionsOf(params, p?.data ?? []),
        h.map((t) => t.data),
        out.data,
        params,
      );
    else
      kernel.splat(
        engine(),
        params.interpolation,
        g.pointer,
        { at: out.pointer, channels, size: params.size },
        positionsOf(params, p?.pointer ?? 0),
        h.map((t) => t.pointer),
        params,
      );
    return out;
  },
  vjp: ({ inputs, params, needs }, v) => {
    const { first: g, p, h } = split(inputs, params, 0);
    return [
      needs[0] ? sampled([v, ...place(p), ...h], params) : undefined, // S(v, p; h)
      ...(p ? [needs[1] ? gradientOf([v, p, g, ...h], params) : undefined] : []), // G(v, p, g; h)
      ...(p ? h.map((_, i) => (needs[2 + i] ? gradientOf([v, p, g, ...without(h, i)], params) : undefined)) : []),
    ];
  },
  jvp: ({ inputs, params }, tangents) => {
    const { first: g, p, h } = split(inputs, params, 0);
    const t = splitTangents(tangents, params, 0);
    return total([
      t.first && splatted([t.first, ...place(p), ...h], params),
      p && t.p && splatted([g, p, ...h, t.p], params),
      ...(p ? t.h.map((u, i) => u && splatted([g, p, ...replaced(h, i, u)], params)) : []),
    ]);
  },
});

/**
 * Value and spatial gradient in one pass: [c, …] and [c, d, …]. Both are S, without and with the unit directions e_a, so the rules are
 * those of S; a constant direction wants no cotangent.
 */
const both = defineMany<P>({
  name: "sampleBoth",
  forward: ([image, p], params) => {
    const channels = image.shape[0];
    const d = params.size.length;
    const out = Tensor.uninitialised([channels, ...params.outSize], image.dtype);
    const gradient = Tensor.uninitialised([channels, d, ...params.outSize], image.dtype);
    if (image.dtype === "f64")
      twin.sampleBoth(
        params.interpolation,
        image.data,
        channels,
        params.size,
        positionsOf(params, p.data),
        out.data,
        gradient.data,
        params,
      );
    else
      kernel.sampleBoth(
        engine(),
        params.interpolation,
        { at: image.pointer, channels, size: params.size },
        positionsOf(params, p.pointer),
        out.pointer,
        gradient.pointer,
        params,
      );
    return [out, gradient];
  },
  vjp: ({ inputs: [image, p], params, needs }, [gv, gg]) => {
    const f = flat(params);
    const terms: (readonly [Tensor, readonly Tensor[]])[] = [];
    if (gv) terms.push([gv, []]);
    if (gg) units(p, params).forEach((e, a) => terms.push([along1(gg, a), [e]]));
    return [
      needs[0] ? total(terms.map(([g, h]) => splatted([g, p, ...h], f))) : undefined,
      needs[1] ? total(terms.map(([g, h]) => gradientOf([image, p, g, ...h], f))) : undefined,
    ];
  },
  jvp: ({ inputs: [image, p], params }, [ti, tp]) => {
    const f = flat(params);
    const part = (h: readonly Tensor[]) => total([ti && sampled([ti, p, ...h], f), tp && sampled([image, p, ...h, tp], f)]) as Tensor;
    return [
      part([]),
      stack(
        units(p, params).map((e) => part([e])),
        1,
      ),
    ];
  },
});
/** The constant direction fields e_x, e_y(, e_z), laid out like the positions. */
const units = (p: Tensor, { layout }: P): Tensor[] => {
  const axis = layout === "points" ? p.rank - 1 : 0;
  const shape = p.shape.map((_, k) => (k === axis ? p.shape[axis] : 1));
  return Array.from({ length: p.shape[axis] }, (_, a) => {
    const e = Tensor.zeros(shape, p.dtype);
    e.data[a] = 1;
    return e.broadcastTo(p.shape);
  });
};
/** g[:, a]. */
const along1 = (g: Tensor, a: number): Tensor => {
  const begin = g.shape.map((_, k) => (k === 1 ? a : 0));
  return reshape(
    g.slice(
      begin,
      g.shape.map((n, k) => (k === 1 ? a + 1 : n)),
    ),
    [g.shape[0], ...g.shape.slice(2)],
  );
};

const prefiltered: Applied<{ adjoint: boolean }> = define<{ adjoint: boolean }>({
  name: "bsplinePrefilter",
  forward: ([x], { adjoint }) => {
    const out = Tensor.uninitialised(x.shape, x.dtype);
    out.data.set(x.data);
    const [channels, ...size] = x.shape;
    if (x.dtype === "f64") twin.bsplinePrefilter(out.data, channels, size, adjoint);
    else kernel.bsplinePrefilter(engine(), out.pointer, channels, size, adjoint);
    return out;
  },
  vjp: ({ params }, g) => [prefiltered([g], { adjoint: !params.adjoint })], // linear
  jvp: ({ params }, [t]) => t && prefiltered([t], params),
});

const composed: Applied<undefined> = define<undefined>({
  name: "composeFields",
  forward: ([u, v]) => {
    const out = Tensor.uninitialised(v.shape, v.dtype);
    if (v.dtype === "f64") twin.composeFields(u.data, u.shape.slice(1), v.data, v.shape.slice(1), out.data);
    else kernel.composeFields(engine(), u.pointer, u.shape.slice(1), v.pointer, v.shape.slice(1), out.pointer);
    return out;
  },
  vjp: ({ inputs: [u, v], needs }, g) => [
    needs[0] ? splatted([g, v], along(u, v)) : undefined, // u ↦ u ∘ (id + v) is linear
    needs[1] ? g.add(gradientOf([u, v, g], along(u, v))) : undefined, // g + Σ_c g_c ∇u_c ∘ (id + v)
  ],
  jvp: ({ inputs: [u, v] }, [tu, tv]) => {
    const p = along(u, v);
    return total([tu && sampled([tu, v], p), tv, tv && sampled([u, v, tv], p)]);
  },
});
const along = (u: Tensor, v: Tensor): P => ({
  interpolation: "linear",
  border: "clamp",
  fill: 0,
  size: u.shape.slice(1),
  layout: "field",
  outSize: v.shape.slice(1),
  base: twin.identityBase(u.rank - 1),
});

function parameters(who: string, image: Shape, where: Pick<P, "layout" | "outSize"> & { base?: Base }, options: SamplingOptions): P {
  const d = image.length - 1;
  if (d !== 2 && d !== 3) throw new ShapeError(`${who}: an image ${shapeText(image)}; expected [c, y, x] or [c, z, y, x]`, { image });
  if (where.base && where.base.length !== d * (d + 1))
    throw new ArgumentError(`${who}: a base map of ${where.base.length} numbers; [A | b] of a ${d}-D image has ${d * (d + 1)}`, {
      base: where.base,
    });
  const size = image.slice(1);
  if (sizeOf(size) === 0 && sizeOf(where.outSize) > 0)
    throw new ShapeError(`${who}: the image ${shapeText(image)} has no voxel to sample`, { image });
  const { interpolation = "linear", border = "clamp", fill = 0 } = options;
  return {
    interpolation: interpolation === "bspline" ? "cubic" : interpolation,
    border,
    fill,
    size,
    layout: where.layout,
    outSize: where.outSize,
    base: where.base ?? twin.identityBase(d),
  };
}
/** Coefficients for cubic, complex images as two real ones, one dtype for all. */
function prepared(image: Tensor, options: SamplingOptions, positions: readonly Tensor[], run: (inputs: Tensor[]) => Tensor): Tensor {
  if (isComplex(image.dtype))
    return complex(prepared(real(image), options, positions, run), prepared(imag(image), { ...options, fill: 0 }, positions, run));
  const type = commonType(image.dtype === "i32" ? "f32" : image.dtype, positions[0]?.dtype ?? "f32");
  const values = cast(image, type);
  return run([options.interpolation === "cubic" ? bsplinePrefilter(values) : values, ...positions.map((p) => cast(p, type))]);
}

/**
 * Values of an image at points,  out[c, k] = image_c(points[k]).
 * @param image   [c, y, x] or [c, z, y, x]; complex images are sampled part by part
 * @param points  [n, d], coordinates x, y(, z) in voxels of the image (0 is the first voxel's centre)
 * @returns       [c, n]; differentiable in the image and in the points, up to third derivatives
 * @throws ShapeError when the shapes do not fit, UseError beyond the third derivative
 */
export function sample(image: Tensor, points: Tensor, options: SamplingOptions = {}): Tensor {
  const d = image.rank - 1;
  if (points.rank !== 2 || points.shape[1] !== d)
    throw new ShapeError(`sample: points ${shapeText(points.shape)}; a ${d}-D image takes [n, ${d}]`, { points: points.shape });
  const p = parameters("sample", image.shape, { layout: "points", outSize: [points.shape[0]] }, options);
  return prepared(image, options, [points], (inputs) => sampled(inputs, p));
}

/**
 * The image warped along a displacement field,  out_c(p) = image_c(A p + b + u(p)), p the voxels of the field's grid.
 * @param image  [c, (z,) y, x]
 * @param u      [d, …size of the output], planes x, y(, z), in voxels of the image; size may differ from the image's
 * @param options `base`: [A | b], voxel of the output ↦ voxel of the image (default: identity), so that the grids may differ
 * @returns      [c, …size of the output]
 */
export function warpField(image: Tensor, u: Tensor, options: SamplingOptions & { readonly base?: Base } = {}): Tensor {
  const d = image.rank - 1;
  checkField("warpField", u, d);
  const p = parameters("warpField", image.shape, { layout: "field", outSize: u.shape.slice(1), base: options.base }, options);
  return prepared(image, options, [u], (inputs) => sampled(inputs, p));
}

/** Value [c, …] and gradient [c, d, …] (x, y(, z), per voxel) at once, as Gauss–Newton and demons need them. */
export interface ValueAndGradient {
  /** Values at the places. */
  readonly value: Tensor;
  /** Slopes at the places. */
  readonly gradient: Tensor;
}
/** `sample` and the image's gradient at the points in one pass: [c, n] and [c, d, n]. */
export function sampleWithGradient(image: Tensor, points: Tensor, options: SamplingOptions = {}): ValueAndGradient {
  const d = image.rank - 1;
  if (points.rank !== 2 || points.shape[1] !== d)
    throw new ShapeError(`sampleWithGradient: points ${shapeText(points.shape)}; a ${d}-D image takes [n, ${d}]`, { points: points.shape });
  return together(
    image,
    points,
    parameters("sampleWithGradient", image.shape, { layout: "points", outSize: [points.shape[0]] }, options),
    options,
  );
}
/** `warpField` and the image's gradient at the warped positions in one pass: [c, …size] and [c, d, …size], in voxels of the image. */
export function warpFieldWithGradient(
  image: Tensor,
  u: Tensor,
  options: SamplingOptions & { readonly base?: Base } = {},
): ValueAndGradient {
  checkField("warpFieldWithGradient", u, image.rank - 1);
  const where = { layout: "field" as const, outSize: u.shape.slice(1), base: options.base };
  return together(image, u, parameters("warpFieldWithGradient", image.shape, where, options), options);
}
function together(image: Tensor, positions: Tensor, p: P, options: SamplingOptions): ValueAndGradient {
  const type = commonType(image.dtype === "i32" ? "f32" : image.dtype, positions.dtype);
  if (isComplex(type)) throw new ArgumentError("sampling: value and gradient of a complex image; take real() and imag() first", {});
  const values = cast(image, type);
  const [value, gradient] = both([options.interpolation === "cubic" ? bsplinePrefilter(values) : values, cast(positions, type)], p);
  return { value, gradient };
}

/** The image under an affine map of voxels alone,  out_c(p) = image_c(A p + b), on a grid of `size`, [(z,) y, x]; no field is made. */
export function warpAffine(image: Tensor, base: Base, size: Shape, options: SamplingOptions = {}): Tensor {
  const p = parameters("warpAffine", image.shape, { layout: "lattice", outSize: size, base }, options);
  if (size.length !== p.size.length)
    throw new ShapeError(`warpAffine: output size ${shapeText(size)} for a ${p.size.length}-D image`, { size });
  return prepared(image, options, [], (inputs) => sampled(inputs, p));
}

/**
 * The adjoint of `sample` in the image: values [c, n] are added into an image of `size` with the weights of their points.
 * Splatting ones gives the density of the points. Same bits for any number of threads. "cubic" is the adjoint including the prefilter.
 */
export function splat(values: Tensor, points: Tensor, size: Shape, options: SamplingOptions = {}): Tensor {
  const d = size.length;
  if (points.rank !== 2 || points.shape[1] !== d)
    throw new ShapeError(`splat: points ${shapeText(points.shape)}; an image of size ${shapeText(size)} takes [n, ${d}]`, {
      points: points.shape,
    });
  if (values.rank !== 2 || values.shape[1] !== points.shape[0])
    throw new ShapeError(`splat: values ${shapeText(values.shape)} for ${points.shape[0]} points; expected [c, ${points.shape[0]}]`, {
      values: values.shape,
    });
  const p = parameters("splat", [values.shape[0], ...size], { layout: "points", outSize: [points.shape[0]] }, options);
  return transposed(values, points, p, options);
}
/** The adjoint of `warpField` in the image. */
export function splatField(values: Tensor, u: Tensor, size: Shape, options: SamplingOptions & { readonly base?: Base } = {}): Tensor {
  checkField("splatField", u, size.length);
  if (!sameShape(values.shape.slice(1), u.shape.slice(1)))
    throw new ShapeError(`splatField: values ${shapeText(values.shape)} on the field ${shapeText(u.shape)}; the grids must be equal`, {
      values: values.shape,
    });
  const p = parameters(
    "splatField",
    [values.shape[0], ...size],
    { layout: "field", outSize: u.shape.slice(1), base: options.base },
    options,
  );
  return transposed(values, u, p, options);
}
function transposed(values: Tensor, positions: Tensor, p: P, options: SamplingOptions): Tensor {
  if (isComplex(values.dtype))
    return complex(transposed(real(values), positions, p, options), transposed(imag(values), positions, p, options));
  const type = commonType(values.dtype === "i32" ? "f32" : values.dtype, positions.dtype);
  const image = splatted([cast(values, type), cast(positions, type)], flat(p));
  return options.interpolation === "cubic" ? prefiltered([image], { adjoint: true }) : image;
}
function checkField(who: string, u: Tensor, d: number): void {
  if (u.rank !== d + 1 || u.shape[0] !== d)
    throw new ShapeError(`${who}: a field ${shapeText(u.shape)}; a ${d}-D image takes [${d}, ${d === 3 ? "z, " : ""}y, x]`, { u: u.shape });
}

/**
 * Coefficients of the cubic B-spline through the samples of [c, (z,) y, x], mirrored at the borders; `adjoint`: the transpose.
 * @see Unser, Aldroubi & Eden (1993), B-spline signal processing, IEEE Trans. Signal Processing 41
 */
export function bsplinePrefilter(image: Tensor, { adjoint = false }: { readonly adjoint?: boolean } = {}): Tensor {
  if (isComplex(image.dtype)) return complex(bsplinePrefilter(real(image), { adjoint }), bsplinePrefilter(imag(image), { adjoint }));
  return prefiltered([image.dtype === "i32" ? cast(image, "f32") : image], { adjoint });
}

/**
 * Composition of displacement fields on one lattice,  out(p) = u(p + v(p)) + v(p): the displacement of (id + u) ∘ (id + v).
 * u [d, …], v [d, …] in voxels; linear interpolation, border values continued.
 */
export function composeFields(u: Tensor, v: Tensor): Tensor {
  const d = u.shape[0];
  if (d !== 2 && d !== 3)
    throw new ShapeError(`composeFields: a field ${shapeText(u.shape)}; expected [2, y, x] or [3, z, y, x]`, { u: u.shape });
  checkField("composeFields", u, d);
  checkField("composeFields", v, d);
  if (sizeOf(u.shape) === 0 && v.size > 0) throw new ShapeError("composeFields: the outer field has no voxel", { u: u.shape });
  const type = commonType(u.dtype, v.dtype);
  return composed([cast(u, type), cast(v, type)], undefined);
}

/** The primitives themselves, for their laws and for parts that need a directional or a weighted gradient as one pass. */
export const samplingPrimitives = { sampled, gradientOf, splatted };
export type SamplingParameters = P;
/** The parameters for `samplingPrimitives`, checked. */
export const samplingParameters = parameters;
