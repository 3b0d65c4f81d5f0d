import type { Engine } from "./engine.js";
import { type Base, type BorderRule, countPositions, identityBase, type Positions } from "./reference/sampling.js";

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

/** out[c] = I_c(q), linear, [C, n]; `inside` (an address) receives 1 where q is in [0, size − 1], else 0. out must not be the field. */
export function sampleLinear(
  e: Engine,
  image: ImageAt,
  positions: Positions<number>,
  out: number,
  rule: BorderRule & { readonly inside?: number } = {},
): void {
  if (!usable(image)) return;
  const r = rowsOf(positions, image.size.length);
  e.parallel(`sampleLinear${image.size.length}`, [...linearHead(image, r), constant(rule), rule.fill ?? 0, out, rule.inside ?? 0], r.slabs);
}

/** out = Σ_c g[c] ∇I_c(q), laid out like the positions (planes for a field, [n, d] for points): the derivative of the warp in its field. */
export function sampleLinearGradient(
  e: Engine,
  image: ImageAt,
  positions: Positions<number>,
  g: number,
  out: number,
  rule: BorderRule = {},
): void {
  if (!usable(image)) return;
  const r = rowsOf(positions, image.size.length);
  e.parallel(`sampleLinear${image.size.length}Gradient`, [...linearHead(image, r), constant(rule), g, out], r.slabs);
}

/** out[c] = h · ∇I_c(q), h laid out like the positions, out [C, n]. */
export function sampleLinearDirectional(
  e: Engine,
  image: ImageAt,
  positions: Positions<number>,
  h: number,
  out: number,
  rule: BorderRule = {},
): void {
  if (!usable(image)) return;
  const r = rowsOf(positions, image.size.length);
  e.parallel(`sampleLinear${image.size.length}Directional`, [...linearHead(image, r), constant(rule), h, out], r.slabs);
}

/** Value [C, n] and spatial gradient [C, d, n] in one pass. */
export function sampleLinearBoth(
  e: Engine,
  image: ImageAt,
  positions: Positions<number>,
  out: number,
  gradient: number,
  rule: BorderRule & { readonly inside?: number } = {},
): void {
  if (!usable(image)) return;
  const r = rowsOf(positions, image.size.length);
  e.parallel(
    `sampleLinear${image.size.length}Both`,
    [...linearHead(image, r), constant(rule), rule.fill ?? 0, out, gradient, rule.inside ?? 0],
    r.slabs,
  );
}

/** Composition of displacement fields on one lattice, out(p) = u(p + v(p)) + v(p), border clamp; u [d, size], v and out [d, outSize]. */
export function composeFields(e: Engine, u: number, size: readonly number[], v: number, outSize: readonly number[], out: number): void {
  if (product(size) === 0) return;
  const r = rowsOf({ field: v, size: outSize }, size.length);
  const slabs = { extent: r.rows, grain: Math.max(1, Math.floor(r.slabs.grain / 2)) };
  e.parallel(
    `composeFields${size.length}`,
    size.length === 3 ? [u, ...size, v, r.height, r.width, r.n, out] : [u, ...size, v, r.width, r.n, out],
    slabs,
  );
}
