import { ArgumentError, GridError } from "../core/errors.js";
import type { Grid, Image, Transform } from "../core/interfaces.js";
import { type AffineMap, applyAffine, coarsened, cornersOf, gridText, identityMap, indexToPhysical, tensorShape } from "../image/grid.js";
import { engine } from "../kernels/engine.js";
import { tileProducts } from "../kernels/tileProducts.js";
import { dispose, mindFloor, mindSsc, scope, Tensor } from "../tensor/index.js";
import {
  type AffineModel,
  AffineTransform,
  CompositeTransform,
  DisplacementTransform,
  fixedSpace,
  movingSpace,
  warp,
} from "../transforms/index.js";
import { type CostVolume, coupledConvex } from "./coupledConvex.js";
import { atSpacing } from "./levels.js";
import { mapOfPairs } from "./points/pairs.js";
import type { Cloud } from "./points/pointSet.js";

/** Where descriptions of self-similarity are matched, over which levels, and how far. */
export interface MindSearchOptions {
  /** Weights on the two grids, [1, (z,) y, x]: where the images count. */
  readonly fixedMask?: Tensor;
  /** Weights on the moving grid: where the image counts. */
  readonly movingMask?: Tensor;
  /** Fixed points ↦ moving points, before the search. Default: what the headers say. */
  readonly start?: AffineMap;
  /** Only linear maps of this family: the field of every level is replaced by the map that most of it follows. Default: the field itself. */
  readonly model?: AffineModel;
  /** Samples along the longest axis of each level, coarse to fine. Default: 64, 128, 256 in the plane, 36, 72 in space. */
  readonly samples?: readonly number[];
  /** Largest shift on each level, samples; the last one for all further levels. Default: 16, 4 in the plane, 6, 3 in space. */
  readonly reach?: readonly number[];
  /** Samples from node to node of the field. Default 4. */
  readonly every?: number;
  /** Search both ways and keep what both find. Default true. */
  readonly inverseConsistent?: boolean;
  /** Ends the work early, with an AbortedError. */
  readonly signal?: AbortSignal;
}
/** A linear map by descriptions of self-similarity, with how well they agree. */
export interface MindSearchResult {
  /** Fixed points ↦ moving points: a displacement, after it the start where one was given; or the linear map of `model`. */
  readonly transform: Transform;
  /** The map of a family that most of the field follows: a robust fit, each place weighed by how much its costs tell shifts apart. */
  linear(model: AffineModel): AffineMap;
  /** Mean squared difference of the descriptions where both images are, before the search and after it, on the finest level. */
  readonly before: number;
  /** At the end. */
  readonly after: number;
  /** Share of the lattice, where fixed is, that moving covers in the end. */
  readonly overlap: number;
}
type Three = readonly [number, number, number];

/** The lattice of one level: the fixed image at a spacing, and a rim as wide as the reach, for what lies outside. */
function latticeOf(fixed: Grid, spacing: number, rim: number): Grid {
  const inner = coarsened(fixed, spacing);
  const margin = inner.spacing.map((h) => Math.ceil((rim * spacing) / h));
  return {
    size: inner.size.map((n, a) => n + 2 * margin[a]),
    spacing: inner.spacing,
    origin: applyAffine(
      indexToPhysical(inner),
      margin.map((v) => -v),
    ),
    direction: inner.direction,
  };
}
const size3 = (g: Grid): Three => (g.size.length === 3 ? tensorShape(g) : [1, ...tensorShape(g)]) as unknown as Three;

interface Described {
  /** [K, D, H, W] */
  readonly features: Float32Array;
  /** 1 where the image is (and counts), else 0. */
  readonly weight: Float32Array;
  readonly channels: number;
}
/** An image brought onto the lattice and described there. */
function described(image: Image, mask: Tensor | undefined, y: Transform, lattice: Grid): Described {
  return scope(() => {
    const onto = (values: Tensor, border: "clamp" | "constant") => warp({ values, grid: image.grid }, y, lattice, { border }).values;
    const values = onto(image.values, "clamp");
    const inside = onto(mask ?? Tensor.ones([1, ...tensorShape(image.grid)]), "constant");
    const thin = lattice.size.map((n) => (n === 1 ? 0 : 1)).reverse();
    const parts = mindSsc(values, { radius: thin, dilation: thin, floor: mindFloor(values, thin) });
    return {
      features: Float32Array.from(parts.data),
      weight: Float32Array.from(inside.data, (v) => (v > 0.5 ? 1 : 0)),
      channels: parts.shape[0],
    };
  });
}

/** C(t, s) = Σ_p w_F(p) w_M(p + s) |F(p) − M(p + s)|² / (K Σ w_F w_M); places that leave the image cost what is usual. */
function costsOf(F: Described, M: Described, size: Three, tile: Three, radius: Three): Float32Array {
  const n = F.weight.length;
  const K = F.channels;
  const [a, b] = [new Float32Array((K + 2) * n), new Float32Array((K + 2) * n)];
  for (let p = 0; p < n; p++) {
    const [wf, wm] = [F.weight[p], M.weight[p]];
    let [ff, mm] = [0, 0];
    for (let k = 0; k < K; k++) {
      const [f, m] = [F.features[k * n + p], M.features[k * n + p]];
      a[k * n + p] = wf * f;
      b[k * n + p] = -2 * wm * m;
      ff += f * f;
      mm += m * m;
    }
    a[K * n + p] = wf * ff;
    b[K * n + p] = wm;
    a[(K + 1) * n + p] = wf;
    b[(K + 1) * n + p] = wm * mm;
  }
  const o = { tile, radius };
  const sums = tileProducts(engine(), a, b, K + 2, size, o);
  const counts = tileProducts(engine(), F.weight, M.weight, 1, size, o);
  let [sum, count] = [0, 0];
  for (let k = 0; k < sums.length; k++) {
    sum += sums[k];
    count += counts[k];
  }
  const usual = count > 0 ? sum / count : 0;
  const prior = 0.25 * tile[0] * tile[1] * tile[2];
  for (let k = 0; k < sums.length; k++) sums[k] = (sums[k] + prior * usual) / (K * (counts[k] + prior));
  return sums;
}
function meanDistance(F: Described, M: Described): { readonly value: number; readonly overlap: number } {
  const n = F.weight.length;
  let [sum, count, all] = [0, 0, 0];
  for (let p = 0; p < n; p++) {
    all += F.weight[p];
    if (F.weight[p] > 0 && M.weight[p] > 0) {
      for (let k = 0; k < F.channels; k++) sum += (F.features[k * n + p] - M.features[k * n + p]) ** 2;
      count += F.channels;
    }
  }
  return { value: count > 0 ? sum / count : Number.NaN, overlap: all > 0 ? count / (F.channels * all) : 0 };
}

/** Planes z, y, x of shifts on nodes, in samples, as a displacement in mm on the lattice: linear between the nodes, which are the tiles' middles. */
function displacementOn(lattice: Grid, shifts: readonly Float32Array[], nodes: Three, tile: Three): Tensor {
  const [D, H, W] = size3(lattice);
  const d = lattice.size.length;
  const n = D * H * W;
  const out = new Float32Array(d * n);
  const { matrix } = indexToPhysical(lattice);
  const along = (length: number, g: number, count: number) =>
    Array.from({ length }, (_, i) => {
      const at = Math.min(count - 1, Math.max(0, (i - (g - 1) / 2) / g));
      const k = Math.min(Math.floor(at), Math.max(0, count - 2));
      return [k, Math.min(count - 1, k + 1), at - k] as const;
    });
  const [az, ay, ax] = [along(D, tile[0], nodes[0]), along(H, tile[1], nodes[1]), along(W, tile[2], nodes[2])];
  const u = [0, 0, 0];
  for (let z = 0, p = 0; z < D; z++)
    for (let y = 0; y < H; y++)
      for (let x = 0; x < W; x++, p++) {
        const [[z0, z1, f], [y0, y1, g], [x0, x1, h]] = [az[z], ay[y], ax[x]];
        for (let axis = 0; axis < 3; axis++) {
          const s = shifts[axis];
          const line = (k: number, j: number) =>
            (1 - h) * s[(k * nodes[1] + j) * nodes[2] + x0] + h * s[(k * nodes[1] + j) * nodes[2] + x1];
          const plane = (k: number) => (1 - g) * line(k, y0) + g * line(k, y1);
          u[2 - axis] = (1 - f) * plane(z0) + f * plane(z1); // now x, y, z
        }
        for (let i = 0; i < d; i++) {
          let s = 0;
          for (let j = 0; j < d; j++) s += matrix[i * d + j] * u[j];
          out[i * n + p] = s;
        }
      }
  return Tensor.from(out, [d, ...tensorShape(lattice)], "f32");
}

/** Displacements in mm, there and back, on one lattice. */
interface Both {
  readonly forward: Tensor;
  readonly backward: Tensor;
  readonly lattice: Grid;
}
/** Two fields made each other's inverse: u ← ½ (u − v ∘ (id + u)), v ← ½ (v − u ∘ (id + v)), repeated; what only one direction found is halved away. */
function consistent(forward: Tensor, backward: Tensor, lattice: Grid, rounds = 12): [Tensor, Tensor] {
  return scope(() => {
    let [u, v] = [forward, backward];
    for (let k = 0; k < rounds; k++)
      [u, v] = scope(() => {
        const after = (a: Tensor, b: Tensor) => a.sub(new DisplacementTransform(b, lattice).displacementAt(lattice, a)).mul(0.5);
        return [after(u, v), after(v, u)];
      });
    return [u, v];
  });
}

/** Where the middles of the tiles lie, and where y takes them; each weighed by its clearness. */
interface Pairs {
  readonly from: Cloud;
  readonly to: Cloud;
  readonly clear: Float64Array;
  /** Spacing of the lattice, mm. */
  readonly spacing: number;
}
function pairsOf(
  lattice: Grid,
  nodes: Three,
  tile: Three,
  clear: Float32Array,
  weight: Float32Array,
  y: Transform,
  spacing: number,
): Pairs {
  const d = lattice.size.length;
  const [D, H, W] = size3(lattice);
  const place = indexToPhysical(lattice);
  const points: number[] = [];
  const weights: number[] = [];
  for (let z = 0, t = 0; z < nodes[0]; z++)
    for (let v = 0; v < nodes[1]; v++)
      for (let x = 0; x < nodes[2]; x++, t++) {
        const middle = [z, v, x].map((i, a) => Math.min([D, H, W][a] - 1, tile[a] * i + (tile[a] - 1) / 2));
        const at = (Math.round(middle[0]) * H + Math.round(middle[1])) * W + Math.round(middle[2]);
        if (weight[at] === 0) continue;
        points.push(...applyAffine(place, d === 3 ? [middle[2], middle[1], middle[0]] : [middle[2], middle[1]]));
        weights.push(clear[t]);
      }
  const count = weights.length;
  const from = Float64Array.from(points);
  const to = count ? y.apply(Tensor.from(from, [count, d], "f64")).data : from;
  const cloud = (p: ArrayLike<number>): Cloud => ({ points: Float64Array.from(p), dimension: d, count }) as Cloud;
  return { from: cloud(from), to: cloud(to), clear: Float64Array.from(weights), spacing };
}

/** Geman–McClure with a falling scale: first every place has a say, then those that agree. */
function followed({ from, to, clear, spacing }: Pairs, model: AffineModel, start: AffineMap): AffineMap {
  const d = from.dimension;
  if (from.count < 2 * d) return start;
  let weights = Float64Array.from(clear);
  let map = start;
  for (let width = 16 * spacing; width >= spacing; width *= 0.7) {
    map = mapOfPairs(from, to, model, weights);
    weights = weights.map((_, k) => {
      const q = applyAffine(map, [...from.points.subarray(k * d, (k + 1) * d)]);
      const r2 = q.reduce((s, v, a) => s + (v - to.points[k * d + a]) ** 2, 0);
      return clear[k] / (1 + r2 / (width * width)) ** 2;
    });
  }
  return map;
}

/**
 * A complete search for a deformation between images of any contrast. Both are described by self-similarities (MIND-SSC); on a lattice of nodes
 * the squared difference of the descriptions is tabled for every shift of a window, and a smooth field of low cost is found by `coupledConvex`.
 * Finer levels search what is left, around the field so far: y ← y ∘ (id + u). The result does not depend on the number of threads.
 * It finds what is far away, to about half a sample of its finest level: a start for `register`, or coarse alignment for its own sake.
 * @throws GridError when dimensions or channels differ; ArgumentError for bad options
 * @see Heinrich, Jenkinson, Papież, Brady, Schnabel (2013), Towards realtime multimodal fusion for image-guided interventions using self-similarities, MICCAI
 * @see Heinrich, Papież, Schnabel, Handels (2014), Non-parametric discrete registration with convex optimisation, WBIR
 */
export function mindSearch(fixed: Image, moving: Image, options: MindSearchOptions = {}): MindSearchResult {
  const d = fixed.grid.size.length;
  const { start = identityMap(d), model, every = 4, inverseConsistent = true } = options;
  const { samples = d === 2 ? [64, 128, 256] : [36, 72], reach = d === 2 ? [16, 4] : [6, 3] } = options;
  if (moving.grid.size.length !== d || fixed.values.shape[0] !== moving.values.shape[0])
    throw new GridError(
      `mindSearch: fixed is ${gridText(fixed.grid)} with ${fixed.values.shape[0]} channels, moving ${gridText(moving.grid)} with ${moving.values.shape[0]}; both must be alike, or made gray`,
      {},
    );
  const whole = (v: number) => Number.isInteger(v) && v >= 1;
  if (
    !whole(every) ||
    samples.length === 0 ||
    reach.length === 0 ||
    !samples.every((n) => whole(n) && n >= 8) ||
    !reach.every((r) => whole(r) && r <= 32)
  )
    throw new ArgumentError(
      `mindSearch: samples ${samples.join(", ")}, reach ${reach.join(", ")}, every ${every}; give whole numbers, samples of 8 or more and a reach from 1 to 32`,
      {},
    );
  const longest = Math.max(...fixed.grid.size.map((n, a) => n * fixed.grid.spacing[a]));
  const finest = Math.min(...fixed.grid.spacing);
  const spacings = samples.map((n) => Math.max(finest, longest / n)).filter((h, k, all) => k === 0 || h < 0.75 * all[k - 1]);
  let map = start;
  let deform: Both | undefined;
  let pairs: Pairs | undefined;
  let [before, after, overlap] = [Number.NaN, Number.NaN, 0];
  for (const [k, spacing] of spacings.entries()) {
    options.signal?.throwIfAborted();
    const reachHere = reach[Math.min(k, reach.length - 1)];
    const lattice = latticeOf(fixed.grid, spacing, reachHere);
    const size = size3(lattice);
    const steps = [...lattice.spacing].reverse();
    const relative = (d === 3 ? steps : [spacing, ...steps]).map((h) => h / spacing) as unknown as Three;
    const plane = (v: number) => Math.max(1, Math.round(v));
    const tile: Three = [d === 3 ? plane(every / relative[0]) : 1, every, every];
    const radius: Three = [d === 3 ? plane(reachHere / relative[0]) : 0, reachHere, reachHere];
    const nodes = size.map((n, a) => Math.ceil(n / tile[a])) as unknown as Three;
    const level = scope(() => ({ fixed: atSpacing(fixed, spacing), moving: atSpacing(moving, spacing) }));
    const masks = scope(() => ({
      fixed: options.fixedMask && atSpacing({ values: options.fixedMask, grid: fixed.grid }, spacing).values,
      moving: options.movingMask && atSpacing({ values: options.movingMask, grid: moving.grid }, spacing).values,
    }));
    const field = (u: Tensor, g: Grid) => new DisplacementTransform(u, g, fixedSpace(fixed.grid), fixedSpace(fixed.grid));
    const there = (): Transform => {
      const affine = new AffineTransform(map);
      return deform ? new CompositeTransform([field(deform.forward, deform.lattice), affine]) : affine;
    };
    const identity = new AffineTransform(identityMap(d));
    const describe = (image: Image, mask: Tensor | undefined, y: Transform) => described(image, mask, y, lattice);
    const F = describe(level.fixed, masks.fixed, identity);
    const M = describe(level.moving, masks.moving, there());
    if (k === spacings.length - 1) before = meanDistance(F, describe(level.moving, masks.moving, new AffineTransform(start))).value;
    const volume = (A: Described, B: Described): CostVolume => ({
      costs: costsOf(A, B, size, tile, radius),
      nodes,
      radius,
      step: relative,
    });
    const found = coupledConvex(volume(F, M));
    const onward = (old: Tensor | undefined, shifts: readonly Float32Array[]) => {
      const u = displacementOn(lattice, shifts, nodes, tile);
      return old && deform
        ? scope(() =>
            field(old, (deform as Both).lattice)
              .displacementAt(lattice, u)
              .add(u),
          )
        : u;
    };
    let forward = onward(deform?.forward, found.shifts);
    let backward = forward;
    if (inverseConsistent) {
      // The other way round: fixed, moved by the backward field so far, is searched for what moving shows in place.
      const [A, B] = deform
        ? [
            describe(level.moving, masks.moving, new AffineTransform(map)),
            describe(level.fixed, masks.fixed, field(deform.backward, deform.lattice)),
          ]
        : [M, F];
      [forward, backward] = consistent(forward, onward(deform?.backward, coupledConvex(volume(A, B)).shifts), lattice);
    }
    deform = { forward, backward, lattice };
    pairs = pairsOf(lattice, nodes, tile, found.clear, F.weight, there(), spacing);
    if (model) {
      map = followed(pairs, model, map);
      deform = undefined;
    }
    if (k === spacings.length - 1) ({ value: after, overlap } = meanDistance(F, describe(level.moving, masks.moving, there())));
    for (const t of [level.fixed.values, level.moving.values]) if (t !== fixed.values && t !== moving.values) dispose(t);
  }
  const [from, to] = [fixedSpace(fixed.grid), movingSpace(moving.grid)];
  const none = options.start === undefined;
  const transform: Transform = deform
    ? none
      ? new DisplacementTransform(deform.forward, deform.lattice, from, to)
      : new CompositeTransform([new DisplacementTransform(deform.forward, deform.lattice, from, from), new AffineTransform(map, from, to)])
    : new AffineTransform(map, from, to, model);
  return { transform, linear: (m) => (pairs ? followed(pairs, m, map) : map), before, after, overlap };
}

/** The best linear map of a family that `mindSearch` finds from several starts: least distance, among those that cover at least half of what the widest covers. */
export function mindStart(
  fixed: Image,
  moving: Image,
  model: AffineModel,
  starts: readonly AffineMap[],
  options: Pick<MindSearchOptions, "fixedMask" | "movingMask" | "signal"> = {},
): AffineMap | undefined {
  const corners = cornersOf(fixed.grid);
  const extent = Math.max(...corners.map((p) => Math.hypot(...p.map((v, i) => v - corners[0][i]))));
  const apart = (a: AffineMap, b: AffineMap) =>
    Math.max(...corners.map((p) => Math.hypot(...applyAffine(a, p).map((v, i) => v - applyAffine(b, p)[i]))));
  // A window reaches about a sixth of the extent and more: starts nearer than a twentieth find the same.
  const distinct = starts.filter((s, k) => !starts.slice(0, k).some((o) => apart(o, s) < 0.05 * extent));
  const found = distinct.map((start) => mindSearch(fixed, moving, { ...options, start, model }));
  const widest = Math.max(...found.map((f) => f.overlap));
  const seen = found.filter((f) => f.overlap > 0.5 * widest && Number.isFinite(f.after)).sort((a, b) => a.after - b.after);
  return seen[0]?.linear(model);
}
