import { ArgumentError } from "../../core/errors.js";
import type { Image } from "../../core/interfaces.js";
import { type Features, matchFeatures, type SiftOptions, sift } from "../../features/index.js";
import { rowBytes } from "../../features/keypoints.js";
import { eigh } from "../../kernels/linalg.js";
import { type Correspondences, correspondences, estimateHomography } from "../estimateHomography.js";
import { guidedMatches } from "../guided.js";
import { type Homography, multiply3, project } from "../planar.js";
import { identity3 } from "../rotation.js";
import { type BundleEdge, bundle, levelled } from "./bundle.js";
import { betweenCameras, focalFromHomographies, overlapShare, rotationBetween, type TurnedCamera } from "./cameras.js";

/** Two views that overlap, with the homography between them. */
export interface ViewEdge {
  /** Numbers of the two views, a < b. */
  readonly a: number;
  /** The second view. */
  readonly b: number;
  /** Takes pixels of view a to pixels of view b, by this pair alone. */
  readonly h: Homography;
  /** Points of one picture with those of the other. */
  readonly pairs: Correspondences;
  /** How many matches agree with the model. */
  readonly inliers: number;
  /** Decadic logarithm of how many such agreements chance would give. */
  readonly logFalseAlarms: number;
}
/** Views and the pairs of them that overlap. */
export interface ViewGraph {
  /** Points with descriptions, or how they are found. */
  readonly features: readonly Features[];
  /** Pairs whose agreement chance cannot explain. */
  readonly edges: readonly ViewEdge[];
  /** Width and height of each picture. */
  readonly sizes: readonly (readonly [number, number])[];
}
/** When two views count as overlapping. */
export interface ViewGraphOptions {
  /** Points with descriptions, or how they are found. */
  readonly features?: SiftOptions;
  /** Largest noise thought of, in units of a keypoint's own. Default 2. */
  readonly sigma?: number;
  /** Of the random numbers: the same seed, the same result. */
  readonly seed?: number;
}
/** Points enough for a bundle (it adds up what all pairs say), and the strongest of them, which tell who overlaps whom: matching is quadratic. */
const mosaicLimit = 2500;
const graphLimit = 1500;
/** Pairs of an edge in the bundle. */
const mostPairs = 500;

/** Which views show some of the same: features of each once, matched for every pair, and the pairs whose agreement chance cannot explain. */
export function viewGraph(views: readonly Image[], { features: options, sigma = 2, seed = 1 }: ViewGraphOptions = {}): ViewGraph {
  const sizes = views.map(({ grid: { size } }) => [size[0], size[1]] as const);
  const features = views.map((v) => sift(v, { limit: mosaicLimit, pooling: [1], ...options }));
  const strongest = features.map((f) => (f.count > graphLimit ? firstOf(f, graphLimit) : f));
  const edges: ViewEdge[] = [];
  for (let a = 0; a < views.length; a++)
    for (let b = a + 1; b < views.length; b++) {
      const matches = matchFeatures(strongest[a], strongest[b], { ratio: 0.85 });
      const [width, height] = sizes[b];
      const r = estimateHomography(
        strongest[a],
        strongest[b],
        matches,
        { sigma, seed, iterations: 2000, guided: 1 },
        { width, height, area: width * height },
      );
      if (r.status !== "ok" || !r.h) continue;
      const kept = Array.from({ length: r.pairs.count }, (_, i) => i).filter((i) => r.weights[i] > 0);
      edges.push({ a, b, h: r.h, pairs: pick(r.pairs, kept), inliers: r.inliers, logFalseAlarms: r.logFalseAlarms });
    }
  return { features, edges, sizes };
}
const firstOf = (f: Features, n: number): Features => ({
  count: n,
  x: f.x.subarray(0, n),
  y: f.y.subarray(0, n),
  scale: f.scale.subarray(0, n),
  angle: f.angle.subarray(0, n),
  response: f.response.subarray(0, n),
  descriptors: f.descriptors.subarray(0, n * rowBytes(f.kind)),
  kind: f.kind,
});
/** Loops, not flatMap: this runs over every pair of views. */
function pick(p: Correspondences, list: ArrayLike<number>): Correspondences {
  const count = list.length;
  const [a, b] = [new Float64Array(2 * count), new Float64Array(2 * count)];
  const [scaleA, scaleB] = [new Float64Array(count), new Float64Array(count)];
  for (let k = 0; k < count; k++) {
    const i = list[k];
    a[2 * k] = p.a[2 * i];
    a[2 * k + 1] = p.a[2 * i + 1];
    b[2 * k] = p.b[2 * i];
    b[2 * k + 1] = p.b[2 * i + 1];
    scaleA[k] = p.scaleA[i];
    scaleB[k] = p.scaleB[i];
  }
  return { count, a, b, scaleA, scaleB };
}

/** The largest set of views joined by edges, and the edges of a spanning tree with the most agreement, outwards from its best joined view. */
export function spanningTree(
  count: number,
  edges: readonly Pick<ViewEdge, "a" | "b" | "inliers">[],
): { readonly views: number[]; readonly tree: readonly { readonly from: number; readonly to: number; readonly edge: number }[] } {
  const parent = Array.from({ length: count }, (_, i) => i);
  const root = (i: number): number => (parent[i] === i ? i : root(parent[i]));
  const order = edges.map((_, k) => k).sort((p, q) => edges[q].inliers - edges[p].inliers || p - q);
  const chosen = order.filter((k) => {
    const [p, q] = [root(edges[k].a), root(edges[k].b)];
    if (p === q) return false;
    parent[q] = p;
    return true;
  });
  const sizes = new Map<number, number>();
  for (let i = 0; i < count; i++) sizes.set(root(i), (sizes.get(root(i)) ?? 0) + 1);
  const main = [...sizes].sort((p, q) => q[1] - p[1] || p[0] - q[0])[0]?.[0] ?? 0;
  const views = Array.from({ length: count }, (_, i) => i).filter((i) => root(i) === main);
  const held = (i: number) => edges.reduce((s, e) => s + (e.a === i || e.b === i ? e.inliers : 0), 0);
  const first = views.reduce((best, i) => (held(i) > held(best) ? i : best), views[0]);
  const tree: { from: number; to: number; edge: number }[] = [];
  const seen = new Set([first]);
  for (let queue = [first]; queue.length > 0; ) {
    const from = queue.shift() as number;
    for (const k of chosen) {
      const { a, b } = edges[k];
      const to = a === from ? b : b === from ? a : -1;
      if (to < 0 || seen.has(to)) continue;
      seen.add(to);
      queue.push(to);
      tree.push({ from, to, edge: k });
    }
  }
  return { views, tree };
}

/** How views of one place are brought into one frame. */
export interface AlignViewsOptions extends ViewGraphOptions {
  /** Focal length in pixels where it is known; else it is found from the homographies. */
  readonly focal?: number;
  /** Every view its own focal length (a zoom that moved, several cameras). Default false. */
  readonly eachFocal?: boolean;
}
/** Views with their cameras, and which of them belong together. */
export interface AlignedViews {
  /** Whether to trust the result; `reason` says why. */
  readonly status: "ok" | "failed";
  /** Why it ended, in a sentence. */
  readonly reason: string;
  /** A camera for each view that found its place; undefined for the others. */
  readonly cameras: readonly (TurnedCamera | undefined)[];
  /** Views with a place, by number. */
  readonly placed: readonly number[];
  /** Which views overlap. */
  readonly graph: ViewGraph;
  /** Pairs the last bundle used, with the root mean square of their errors in pixels of one coordinate. */
  readonly edges: readonly {
    /** The first view. */
    readonly a: number;
    /** The second view. */
    readonly b: number;
    /** How many matches agree with the model. */
    readonly inliers: number;
    /** What the model leaves. */
    readonly residual: number;
  }[];
  /** Pairs that agree in themselves and with nobody else: repeated structure, a thing that moved. */
  readonly cut: readonly {
    /** The first view. */
    readonly a: number;
    /** The second view. */
    readonly b: number;
  }[];
  /** Whether the homographies fix the focal length. */
  readonly focalSharp: boolean;
  /** H from pixels of view i to pixels of view j; undefined when one has no place. */
  between(i: number, j: number): Homography | undefined;
}

/**
 * Where every view of one camera, turned about its centre, looks: features once a view; homographies of all pairs; the focal length at which they are
 * rotations; a spanning tree; rotations and focal length by bundle adjustment; matches guided by it, pairs that contradict it cut, and once more.
 * @throws ArgumentError with fewer than two views
 * @see Szeliski & Shum (1997), Creating full view panoramic image mosaics, SIGGRAPH; Brown & Lowe (2007), IJCV 74(1)
 */
export function alignViews(views: readonly Image[], o: AlignViewsOptions = {}): AlignedViews {
  if (views.length < 2) throw new ArgumentError(`mosaic: ${views.length} view came; two or more are needed`, { views: views.length });
  const graph = viewGraph(views, o);
  const { sizes, edges } = graph;
  const centres = sizes.map(([w, h]) => [(w - 1) / 2, (h - 1) / 2] as const);
  const size = Math.max(...sizes.flat());
  const { views: joined, tree } = spanningTree(views.length, edges);
  const nothing = (reason: string): AlignedViews => ({
    status: "failed",
    reason,
    cameras: views.map(() => undefined),
    placed: [],
    graph,
    edges: [],
    cut: [],
    focalSharp: false,
    between: () => undefined,
  });
  if (tree.length === 0)
    return nothing(
      "no two views agree on enough points: they must overlap by a fifth or more and be taken from one place (or show one plane)",
    );
  const found = focalFromHomographies(
    edges.map((e) => ({
      h: e.h,
      // Where the pair was seen to agree: a homography says little beyond.
      at: Array.from({ length: Math.min(25, e.pairs.count) }, (_, k) => {
        const i = Math.floor((k * e.pairs.count) / Math.min(25, e.pairs.count));
        return [e.pairs.a[2 * i], e.pairs.a[2 * i + 1]] as const;
      }),
      centres: [centres[e.a], centres[e.b]] as const,
      weight: Math.min(1, e.inliers / 100),
    })),
    size,
  );
  const focal = o.focal ?? (found.sharp ? found.focal : Math.max(found.focal, 1.2 * size));
  const place = (focalOf: number) => {
    const start: (TurnedCamera | undefined)[] = views.map(() => undefined);
    const first = tree[0].from;
    start[first] = { focal: focalOf, centre: centres[first], rotation: identity3() };
    for (const { from, to, edge } of tree) {
      const { a, h } = edges[edge];
      const r = rotationBetween(h, focalOf, centres[edges[edge].a], focalOf, centres[edges[edge].b]);
      const known = start[from] as TurnedCamera;
      const turn = a === from ? r : Float64Array.from([r[0], r[3], r[6], r[1], r[4], r[7], r[2], r[5], r[8]]);
      start[to] = { focal: focalOf, centre: centres[to], rotation: multiply3(turn, known.rotation) };
    }
    return start;
  };
  const start = place(focal);
  const number = new Map(joined.map((v, k) => [v, k]));
  const inside = (list: readonly BundleEdge[]) => list.map((e) => ({ ...e, a: number.get(e.a) as number, b: number.get(e.b) as number }));
  const options = { sigma: o.sigma ?? 2, eachFocal: o.eachFocal };
  const cut: { a: number; b: number }[] = [];
  let used: BundleEdge[] = edges.filter((e) => number.has(e.a) && number.has(e.b));
  const cutFrom = (weights: readonly Float64Array[]) => {
    const keep = used.filter((_, k) => mean(weights[k]) > 0.25);
    if (
      keep.length === used.length ||
      spanningTree(
        views.length,
        keep.map((e) => ({ ...e, inliers: 1 })),
      ).views.length < joined.length
    )
      return false;
    cut.push(...used.filter((e) => !keep.includes(e)).map(({ a, b }) => ({ a, b })));
    used = keep;
    return true;
  };
  let result = bundle(
    inside(used),
    joined.map((v) => start[v] as TurnedCamera),
    options,
  );
  if (cutFrom(result.weights)) result = bundle(inside(used), result.cameras, options);
  // Now every pair's overlap is known: look again, near where the cameras say.
  for (const radius of [5, 3]) {
    const again: BundleEdge[] = [];
    for (let i = 0; i < joined.length; i++)
      for (let j = i + 1; j < joined.length; j++) {
        const [a, b] = [joined[i], joined[j]];
        const h = betweenCameras(result.cameras[i], result.cameras[j]);
        if (overlapShare(h, sizes[a], sizes[b]) < 0.02) continue;
        const [width, height] = sizes[b];
        const list = guidedMatches(graph.features[a], graph.features[b], h, { width, height, area: width * height }, radius);
        // Every second or third will do where there are thousands: their places are spread as the features are.
        const pairs = correspondences(graph.features[a], graph.features[b], list);
        const stride = Math.ceil(list.count / mostPairs);
        if (list.count >= 8)
          again.push({
            a,
            b,
            pairs:
              stride > 1
                ? pick(
                    pairs,
                    Array.from({ length: Math.floor(list.count / stride) }, (_, k) => k * stride),
                  )
                : pairs,
          });
      }
    if (
      spanningTree(
        views.length,
        again.map((e) => ({ ...e, inliers: 1 })),
      ).views.length < joined.length
    )
      break;
    used = again;
    result = bundle(inside(used), result.cameras, { ...options, rounds: 3 });
  }
  const level = levelled(result.cameras, upwards(result.cameras));
  const cameras: (TurnedCamera | undefined)[] = views.map((_, v) => (number.has(v) ? level[number.get(v) as number] : undefined));
  const between = (i: number, j: number): Homography | undefined => {
    const [p, q] = [cameras[i], cameras[j]];
    if (!p || !q) return undefined;
    const h = betweenCameras(p, q);
    return Math.abs(h[8]) > 1e-12 ? h.map((v) => v / h[8]) : h;
  };
  const lost = views.length - joined.length;
  return {
    status: lost === 0 ? "ok" : "failed",
    reason:
      lost === 0
        ? `${views.length} views joined by ${used.length} pairs, focal length ${result.cameras[0].focal.toFixed(0)} pixels${found.sharp || o.focal ? "" : " (hardly fixed by so small turns)"}`
        : `${lost} of ${views.length} views found no place: they agree with no other on enough points`,
    cameras,
    placed: joined,
    graph,
    edges: used.map((e, k) => ({
      a: e.a,
      b: e.b,
      inliers: result.weights[k].reduce((s, w) => s + (w > 0 ? 1 : 0), 0),
      residual: result.residuals[k],
    })),
    cut,
    focalSharp: found.sharp,
    between,
  };
}
const mean = (v: Float64Array) => (v.length > 0 ? v.reduce((s, x) => s + x, 0) / v.length : 0);

/** Up in the world of cameras held level: the direction that lies least along their right-hand sides, on the side of their tops. */
function upwards(cameras: readonly TurnedCamera[]): number[] {
  const m = new Float64Array(9);
  const tops = [0, 0, 0];
  for (const { rotation: R } of cameras)
    for (let p = 0; p < 3; p++) {
      tops[p] -= R[3 + p];
      for (let q = 0; q < 3; q++) m[3 * p + q] += R[p] * R[q];
    }
  const { values, vectors } = eigh(m, 3);
  const up = [0, 1, 2].map((k) => vectors[3 * k]);
  const side = up.reduce((s, v, k) => s + v * tops[k], 0);
  // Views that hardly turn to the side do not tell: their own tops are taken.
  if (values[1] < 1e-3 * cameras.length || Math.abs(side) < 0.5 * Math.hypot(...tops)) return tops.map((v) => v / Math.hypot(...tops));
  return up.map((v) => v * Math.sign(side));
}

/** The greatest distance between two maps over the pixels of view a that both take into view b, and the mean. */
export function overlapDistance(
  h: ArrayLike<number>,
  truth: ArrayLike<number>,
  [wa, ha]: readonly number[],
  [wb, hb]: readonly number[],
  step = 8,
): { readonly mean: number; readonly max: number; readonly count: number } {
  let [sum, most, count] = [0, 0, 0];
  for (let y = 0; y < ha; y += step)
    for (let x = 0; x < wa; x += step) {
      const [u, v, w] = project(truth, x, y);
      if (!(w > 0 && u >= 0 && v >= 0 && u <= wb - 1 && v <= hb - 1)) continue;
      const [p, q] = project(h, x, y);
      const d = Math.hypot(p - u, q - v);
      sum += d;
      most = Math.max(most, d);
      count++;
    }
  return { mean: count > 0 ? sum / count : 0, max: most, count };
}
