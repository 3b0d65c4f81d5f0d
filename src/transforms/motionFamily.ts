import { ArgumentError } from "../core/errors.js";
import type { Grid, Transform } from "../core/interfaces.js";
import { type Shape, sameShape } from "../core/shape.js";
import {
  type AffineMap,
  betweenIndices,
  centreOf,
  dimensionOf,
  identityMap,
  indexToPhysical,
  physicalToIndex,
  tensorShape,
} from "../image/grid.js";
import { multiply, transform, vectorFromRotation } from "../image/matrix.js";
import {
  type Base,
  difference,
  type SamplingOptions,
  splatField,
  stack,
  turnPlanes,
  vjp,
  warpAffine,
  warpField,
  warpFieldWithGradient,
} from "../tensor/index.js";
import { samplingParameters, samplingPrimitives } from "../tensor/ops/sampling.js";
import { Tensor } from "../tensor/tensor.js";
import { type AffineModel, AffineTransform, affineFromParameters, nearestSimilarity, parameterCount } from "./affine.js";
import { BSplineTransform, controlGridOver, splineOn } from "./bspline.js";

/** (W x)(q) = x(y(q)), q on a frame's fine grid, y(q) where it lies in the image that all frames share. */
export interface FrameMotion {
  /** y is the identity between equal grids. */
  readonly still: boolean;
  /** Of its parameters; none where it is known. */
  readonly parameterShape?: Shape;
  /** The image as the frame has moved it. */
  warp(x: Tensor): Tensor;
  /** The adjoint of `warp`. */
  splat(v: Tensor): Tensor;
  /** The derivative of p ↦ W(p) x at this motion, as a linear map of a frame's parameters, and its transpose. */
  linearise(x: Tensor): LinearisedMotion;
  /** The same as a transform. */
  transform(): Transform;
}
/** How frames change with small changes of a motion's parameters, dp ↦ J dp, and the adjoint of that. */
export interface LinearisedMotion {
  /** J dp: how the moved image changes. */
  push(dp: Tensor): Tensor;
  /** J* v. */
  pull(v: Tensor): Tensor;
  /** The map's columns [n, c, …fine], where there are few. */
  readonly columns?: Tensor;
}
/** A family of motions y(p), p = 0 the identity; parameters are about as long as the displacements that they make, in samples of the shared image. */
export interface MotionFamily {
  /** What it is called. */
  readonly name: string;
  /** Of one frame's parameters. */
  readonly shape: Shape;
  /** The motion with these parameters, on a fine grid. */
  at(p: Tensor, fine: Grid): FrameMotion;
  /** K*K p where ½μ‖Kp‖² is part of the objective: what keeps neighbouring parameters alike. */
  readonly penalty?: (p: Tensor) => Tensor;
  /** The transform with these parameters. */
  readonly transform: (p: Tensor) => Transform;
  /** The parameters of (nearly) this transform. */
  readonly from?: (y: Transform) => Tensor;
}

/** What is seen where a motion leads out of the image: nothing ("constant", default), or its nearest sample ("clamp"). */
export type MotionBorder = "constant" | "clamp";
const sampling = (border: MotionBorder): SamplingOptions => ({ interpolation: "linear", border, fill: 0 });
const basesOf = ({ matrix, offset }: AffineMap): Base => {
  const d = offset.length;
  return offset.flatMap((b, i) => [...matrix.slice(i * d, (i + 1) * d), b]);
};

/**
 * y(q) = A q + b of a family; see `affineFromParameters`. Rotations and scales are lengths at half the width of `over` (default: the shared image's grid) from
 * its centre, in its samples.
 */
export function affineMotion(
  model: AffineModel,
  target: Grid,
  o: { readonly border?: MotionBorder; readonly over?: Grid } = {},
): MotionFamily {
  const { over = target } = o;
  const d = dimensionOf(target);
  const n = parameterCount(model, d);
  const centre = centreOf(over);
  const h = Math.min(...over.spacing);
  const radius = 0.5 * Math.max(...over.size.map((s, a) => s * over.spacing[a]));
  const units = Array.from({ length: n }, (_, j) => (j < d ? h : h / radius));
  const mapOf = (p: ArrayLike<number>) =>
    affineFromParameters(
      model,
      units.map((u, j) => u * p[j]),
      centre,
    );
  return {
    name: model,
    shape: [n],
    transform: (p) => new AffineTransform(mapOf(p.data), undefined, undefined, model),
    from: (y) =>
      Tensor.from(
        Float32Array.from(parametersOf(y, model, centre), (v, j) => v / units[j]),
        [n],
      ),
    at(p, fine) {
      const values = Array.from(p.data);
      const map = mapOf(values);
      const derivatives = () => {
        // Analytic functions in f64: central differences are exact to 1e-9.
        const step = 1e-4;
        return units.map((_, j) => {
          const [a, b] = [1, -1].map((s) => mapOf(values.map((v, k) => (k === j ? v + s * step : v))));
          const difference = (u: readonly number[], v: readonly number[]) => u.map((w, i) => (w - v[i]) / (2 * step));
          return { matrix: difference(a.matrix, b.matrix), offset: difference(a.offset, b.offset) };
        });
      };
      return affineFrame(map, fine, target, model, derivatives, o.border);
    },
  };
}
/** What of a linear map the family's parameters can say. */
function parametersOf(y: Transform, model: AffineModel, centre: readonly number[]): number[] {
  if (!(y instanceof AffineTransform))
    throw new ArgumentError(`motion: a start of kind ${y.kind} for ${model} motion; give affine transforms`, { kind: y.kind });
  const d = centre.length;
  const { matrix, offset } = y.map;
  const t = centre.map((c, i) => matrix.slice(i * d, (i + 1) * d).reduce((s, v, k) => s + v * centre[k], offset[i]) - c);
  if (model === "translation") return t;
  if (model === "affine") return [...t, ...matrix.map((v, i) => v - (i % (d + 1) === 0 ? 1 : 0))];
  const { rotation, scale } = nearestSimilarity(matrix, d);
  const angles = d === 2 ? [Math.atan2(rotation[2], rotation[0])] : vectorFromRotation(rotation);
  return [...t, ...angles, ...(model === "similarity" ? [Math.log(scale)] : [])];
}

/** A frame that an affine map carries; `derivatives` by its parameters. */
export function affineFrame(
  map: AffineMap,
  fine: Grid,
  target: Grid,
  model: AffineModel,
  derivatives: () => readonly AffineMap[],
  border: MotionBorder = "constant",
): FrameMotion {
  const look = sampling(border);
  const d = dimensionOf(target);
  const between = betweenIndices(fine, map, target);
  const base = basesOf(between);
  const [size, image] = [tensorShape(fine), tensorShape(target)];
  const one = identityMap(d);
  const still =
    sameShape(size, image) &&
    between.matrix.every((v, i) => Math.abs(v - one.matrix[i]) < 1e-9) &&
    between.offset.every((v) => Math.abs(v) < 1e-7);
  return {
    still,
    warp: (x) => (still ? x : warpAffine(x, base, size, look)),
    splat: (v) => {
      if (still) return v;
      const p = samplingParameters("splat", [v.shape[0], ...image], { layout: "lattice", outSize: size, base }, look);
      return samplingPrimitives.splatted([v], p);
    },
    linearise(x) {
      const zero = Tensor.zeros([d, ...size]);
      const { gradient } = warpFieldWithGradient(x, zero, { ...look, base });
      const { matrix: toIndex } = physicalToIndex(target);
      const place = indexToPhysical(fine);
      // ∂x(y(q))/∂p_j = Σ_a (∂_a x) (M (A_j q + b_j))_a, a linear function of the sample's index.
      const columns = derivatives().map((e) => {
        const m = multiply(toIndex, multiply(e.matrix, place.matrix, d), d);
        const at = transform(e.matrix, place.offset).map((v, i) => v + e.offset[i]);
        const o = transform(toIndex, at);
        return weighted(gradient, m, o);
      });
      const all = stack(columns); // [n, c, …fine]
      const flat = all.reshape(columns.length, -1);
      return {
        columns: all,
        push: (dp) =>
          dp
            .reshape(1, -1)
            .matmul(flat)
            .reshape(...all.shape.slice(1)),
        pull: (v) => flat.matmul(v.reshape(-1, 1)).reshape(-1),
      };
    },
    transform: () => new AffineTransform(map, undefined, undefined, model),
  };
}
/** Σ_a g_a(q) (m q + o)_a for a gradient [c, d, …size] at the samples q of its lattice. */
function weighted(gradient: Tensor, m: readonly number[], o: readonly number[]): Tensor {
  const [c, d, ...size] = gradient.shape;
  const lines = size.map((n, k) => {
    const shape = size.map((_, i) => (i === k ? n : 1));
    return Tensor.from(
      Float32Array.from({ length: n }, (_, i) => i),
      shape,
    );
  });
  let sum: Tensor | undefined;
  for (let a = 0; a < d; a++) {
    const row = m.slice(a * d, (a + 1) * d);
    if (o[a] === 0 && row.every((v) => v === 0)) continue;
    let w: Tensor = Tensor.full(
      size.map(() => 1),
      o[a],
    );
    row.forEach((v, b) => {
      if (v !== 0) w = w.add(lines[d - 1 - b].mul(v));
    });
    const g = gradient.slice([0, a], [c, a + 1]).reshape(c, ...size);
    const part = g.mul(w);
    sum = sum ? sum.add(part) : part;
  }
  return sum ?? Tensor.zeros([c, ...size]);
}

/** How far apart the control points of a dense motion are. */
export interface DenseOptions {
  /** Distance of control points, in samples of `over`. */
  readonly spacingVoxels: number;
  /** The grid that control points cover and whose samples parameters count (default: the shared image's): the same for all levels of a pyramid. */
  readonly over?: Grid;
  /** What lies beyond the edge. */
  readonly border?: MotionBorder;
}
/**
 * y(q) = q + Σ_j B(q) p_j, a free-form deformation: smooth motion of any kind. ½‖∇p‖², differences of neighbouring control points, keeps
 * them alike where the frames do not say.
 */
export function denseMotion(target: Grid, { spacingVoxels, over = target, border = "constant" }: DenseOptions): MotionFamily {
  const d = dimensionOf(target);
  const h = Math.min(...over.spacing);
  const look = sampling(border);
  const control = controlGridOver(over, spacingVoxels * h);
  const shape = [d, ...tensorShape(control)];
  const toIndex = physicalToIndex(target).matrix.map((v) => v * h);
  const image = tensorShape(target);
  return {
    name: "dense",
    shape,
    penalty: neighbourDifferences,
    transform: (p) => new BSplineTransform(p.mul(h), control),
    from: (y) => {
      if (y instanceof BSplineTransform && sameShape(y.control.shape, shape)) return y.control.div(h);
      // A spline's coefficients are near its values where it is smooth.
      return y.displacement(control).cast("f32").div(h);
    },
    at(p, fine) {
      const base = basesOf(betweenIndices(fine, identityMap(d), target));
      const field = (c: Tensor) => splineOn(turnPlanes(c, toIndex), control, fine);
      const u = field(p);
      return {
        still: false,
        parameterShape: shape,
        warp: (x) => warpField(x, u, { ...look, base }),
        splat: (v) => splatField(v, u, image, { ...look, base }),
        linearise(x) {
          const { gradient } = warpFieldWithGradient(x, u, { ...look, base });
          const { pull } = vjp(field, p); // linear: the same at every p
          return {
            push: (dp) => gradient.mul(field(dp)).sum(1),
            pull: (v) => pull(gradient.mul(v.reshape(v.shape[0], 1, ...v.shape.slice(1))).sum(0))[0],
          };
        },
        transform: () => new BSplineTransform(p.mul(h), control),
      };
    },
  };
}
/** K*K p, K the differences of neighbouring control points along every axis. */
const neighbourDifferences = (p: Tensor): Tensor =>
  p.shape
    .slice(1)
    .map((_, a) => difference(difference(p, a + 1), a + 1, { adjoint: true }))
    .reduce((s, v) => s.add(v));
