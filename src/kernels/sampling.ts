import type { Engine } from "./engine.js";
import { type Base, type BorderRule, countPositions, type Interpolation, identityBase, type Positions } from "./reference/sampling.js";

export type { Base, BorderRule, Interpolation, Positions } from "./reference/sampling.js";

/** An image in the engine's memory: [channels, ...size] floats at address `at`, size [(D,) H, W]. */
export interface ImageAt {
  readonly at: number;
  readonly channels: number;
  readonly size: readonly number[];
}

/** Points are cut into rows of this many, as if they were an image. */
const pointsInRow = 1024;
/** Positions one slab should hold: about a millisecond of work. */
const slabPositions = 40_000;

const product = (size: readonly number[]) => size.reduce((a, b) => a * b, 1);

interface Rows {
  readonly n: number;
  readonly rows: number;
  readonly width: number;
  readonly height: number;
  readonly slabs: { readonly extent: number; readonly grain: number };
  /** u, points */
  readonly source: readonly number[];
  /** [A | b], zero for points */
  readonly base: Base;
}
function rowsOf(positions: Positions<number>, d: number): Rows {
  const n = countPositions(positions);
  const points = "count" in positions;
  const width = points ? pointsInRow : positions.size[d - 1];
  const rows = n === 0 ? 0 : Math.ceil(n / width);
  return {
    n,
    rows,
    width,
    height: points || d === 2 ? rows : positions.size[1],
    slabs: { extent: rows, grain: Math.max(1, Math.floor(slabPositions / Math.max(1, width))) },
    source: points ? [positions.points, 1] : [positions.field ?? 0, 0],
    base: points ? new Array<number>(d * (d + 1)).fill(0) : (positions.base ?? identityBase(d)),
  };
}
const constant = (rule: BorderRule) => (rule.border === "constant" ? 1 : 0);
const usable = (image: ImageAt) => product(image.size) > 0 && image.channels > 0;

/** Arguments every linear kernel begins with. */
const linearHead = (image: ImageAt, r: Rows): number[] => [
  image.at,
  image.channels,
  ...image.size,
  ...r.source,
  ...r.base,
  ...(image.size.length === 3 ? [r.height, r.width, r.n] : [r.width, r.n]),
];

/** Arguments of the kernels that take any weights: nearest, linear, cubic; directions h₁…h_m. */
const tapsHead = (interpolation: Interpolation, image: ImageAt, r: Rows): number[] => {
  const d = image.size.length;
  const base = d === 3 ? r.base : [r.base[0], r.base[1], 0, r.base[2], r.base[3], r.base[4], 0, r.base[5], 0, 0, 0, 0];
  const size = d === 3 ? image.size : [1, ...image.size];
  return [kinds[interpolation], d, image.at, image.channels, ...size, ...r.source, ...base, r.height, r.width, r.n];
};
const kinds = { nearest: 0, linear: 1, cubic: 2 } as const;
/** Bytes of scratch memory a thread needs: `tapsWorkspace` in the kernel. */
const tapsWorkspace = 640;
const mode = { value: 0, gradient: 1, both: 2, hessian: 3 } as const;
/** These kernels take 64 weights a position: an eighth of the positions fills a slab. */
const fewer = (r: Rows) => ({ extent: r.rows, grain: Math.max(1, Math.floor(r.slabs.grain / 8)), workspace: tapsWorkspace });
const three = (directions: readonly number[]) => [directions.length, ...[0, 1, 2].map((k) => directions[k] ?? 0)];

function runTaps(
  e: Engine,
  interpolation: Interpolation,
  image: ImageAt,
  positions: Positions<number>,
  what: number,
  directions: readonly number[],
  [g, out, aux]: readonly [number, number, number],
  rule: BorderRule & { readonly inside?: number },
): void {
  const r = rowsOf(positions, image.size.length);
  e.parallel(
    "sampleTaps",
    [...tapsHead(interpolation, image, r), constant(rule), rule.fill ?? 0, what, ...three(directions), g, out, aux, rule.inside ?? 0],
    fewer(r),
  );
}

/**
 * out[c] = ∂h₁…∂h_m I_c(q), [C, n]: the value (no directions) or a derivative of order m ≤ 3 along direction fields laid out like the
 * positions. `inside` (an address) receives 1 where q is in [0, size − 1], else 0. out must be none of the inputs.
 * For "cubic" the image holds the coefficients of `bsplinePrefilter`.
 */
export function sample(
  e: Engine,
  interpolation: Interpolation,
  image: ImageAt,
  positions: Positions<number>,
  directions: readonly number[],
  out: number,
  rule: BorderRule & { readonly inside?: number } = {},
): void {
  if (!usable(image)) return;
  const d = image.size.length;
  if (interpolation !== "linear" || directions.length > 1) {
    runTaps(e, interpolation, image, positions, mode.value, directions, [0, out, 0], rule);
    return;
  }
  const r = rowsOf(positions, d);
  const head = [...linearHead(image, r), constant(rule)];
  if (directions.length === 0) e.parallel(`sampleLinear${d}`, [...head, rule.fill ?? 0, out, rule.inside ?? 0], r.slabs);
  else e.parallel(`sampleLinear${d}Directional`, [...head, directions[0], out], r.slabs);
}

/** out = Σ_c g[c] ∇∂h₁…∂h_m I_c(q), m ≤ 2, laid out like the positions (planes for a field, [n, d] for points); m = 0 is the derivative of a warp in its field. */
export function sampleGradient(
  e: Engine,
  interpolation: Interpolation,
  image: ImageAt,
  positions: Positions<number>,
  g: number,
  directions: readonly number[],
  out: number,
  rule: BorderRule = {},
): void {
  if (!usable(image)) return;
  if (interpolation !== "linear" || directions.length > 0) {
    runTaps(e, interpolation, image, positions, mode.gradient, directions, [g, out, 0], rule);
    return;
  }
  const r = rowsOf(positions, image.size.length);
  e.parallel(`sampleLinear${image.size.length}Gradient`, [...linearHead(image, r), constant(rule), g, out], r.slabs);
}

/** Value [C, n] and spatial gradient [C, d, n] in one pass. */
export function sampleBoth(
  e: Engine,
  interpolation: Interpolation,
  image: ImageAt,
  positions: Positions<number>,
  out: number,
  gradient: number,
  rule: BorderRule & { readonly inside?: number } = {},
): void {
  if (!usable(image)) return;
  if (interpolation !== "linear") {
    runTaps(e, interpolation, image, positions, mode.both, [], [0, out, gradient], rule);
    return;
  }
  const r = rowsOf(positions, image.size.length);
  e.parallel(
    `sampleLinear${image.size.length}Both`,
    [...linearHead(image, r), constant(rule), rule.fill ?? 0, out, gradient, rule.inside ?? 0],
    r.slabs,
  );
}

/** Second derivatives [C, d(d+1)/2, n]: xx, xy, (xz,) yy, (yz, zz). */
export function sampleHessian(
  e: Engine,
  interpolation: Interpolation,
  image: ImageAt,
  positions: Positions<number>,
  out: number,
  rule: BorderRule = {},
): void {
  if (usable(image)) runTaps(e, interpolation, image, positions, mode.hessian, [], [0, out, 0], rule);
}

/**
 * The adjoint of `sample` in the image: image_c += Σ_k g[c, k] · (weights of position k, differentiated along the directions).
 * Threads take planes of the image, so each voxel adds its terms in the order of the positions: the same bits for any number of threads.
 */
export function splat(
  e: Engine,
  interpolation: Interpolation,
  g: number,
  image: ImageAt,
  positions: Positions<number>,
  directions: readonly number[],
  rule: BorderRule = {},
): void {
  if (!usable(image)) return;
  const d = image.size.length;
  const r = rowsOf(positions, d);
  if (r.n === 0) return;
  const head = tapsHead(interpolation, image, r);
  const [u, points] = r.source;
  const slow = head.slice(7 + 2 + 4 * (d - 1), 7 + 2 + 4 * d);
  const range = e.allocate(r.rows * 8);
  try {
    const lattice = [r.height, r.width, r.n];
    e.parallel("splatRange", [d, head[4], head[5], u, points, ...slow, ...lattice, range], r.slabs);
    const extent = image.size[0];
    e.parallel("splatTaps", [...head, constant(rule), ...three(directions), g, range], {
      extent,
      grain: Math.max(1, Math.ceil(extent / 8)),
      workspace: tapsWorkspace,
    });
  } finally {
    e.free(range);
  }
}

/**
 * Coefficients of the interpolating cubic B-spline, in place, of [channels, ...size] floats, mirrored at the borders:
 * `sample("cubic", coefficients)` at the voxels gives the samples back. `adjoint`: the transpose of this linear map.
 */
export function bsplinePrefilter(e: Engine, data: number, channels: number, size: readonly number[], adjoint = false): void {
  size.forEach((n, a) => {
    const outer = channels * product(size.slice(0, a));
    const inner = product(size.slice(a + 1));
    if (outer * n * inner === 0) return;
    // Rows along x: blocks of 64 rows. Otherwise blocks of 64 columns, whose recursion stays in the cache.
    const spans = inner === 1 ? outer : Math.ceil(inner / 64);
    const extent = inner === 1 ? Math.ceil(outer / 64) : outer * spans;
    const perBlock = 64 * n;
    e.parallel("bsplineFilter", [data, n, inner, spans, 64, adjoint ? 1 : 0], {
      extent,
      grain: Math.max(1, Math.floor(100_000 / perBlock)),
    });
  });
}

/**
 * Composition of displacement fields on one lattice, out(p) = u(p + s v(p)) + s v(p), border clamp; u [d, size], v and out [d, outSize].
 * @param factor  s, default 1: a step along v needs no copy of v
 */
export function composeFields(
  e: Engine,
  u: number,
  size: readonly number[],
  v: number,
  outSize: readonly number[],
  out: number,
  factor = 1,
): void {
  if (product(size) === 0) return;
  const r = rowsOf({ field: v, size: outSize }, size.length);
  const slabs = { extent: r.rows, grain: Math.max(1, Math.floor(r.slabs.grain / 2)) };
  e.parallel(
    `composeFields${size.length}`,
    size.length === 3 ? [u, ...size, v, factor, r.height, r.width, r.n, out] : [u, ...size, v, factor, r.width, r.n, out],
    slabs,
  );
}
