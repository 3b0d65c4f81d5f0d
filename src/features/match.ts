import { ArgumentError } from "../core/errors.js";
import { engine } from "../kernels/engine.js";
import { twoNearest } from "../kernels/twoNearest.js";
import { type Features, rowBytes } from "./keypoints.js";

/** Pairs of features by number, in a and in b, the most distinctive first. */
export interface Matches {
  /** How many there are. */
  readonly count: number;
  /** Index of the point in the first picture. */
  readonly a: Int32Array;
  /** Index of the point in the second picture. */
  readonly b: Int32Array;
  /** Distance to the nearest over that to the second nearest; 1 where there is no second. Small is distinctive. */
  readonly ratio: Float64Array;
  /** Distance of the descriptors: Euclidean, 127 units to the longest element kept; or differing bits. */
  readonly distance: Float64Array;
}
/** When two descriptors count as a match: ratio to the second best, both ways, distance. */
export interface MatchOptions {
  /** Largest ratio of the nearest to the second nearest; 1 lets all pass. Default 0.9. */
  readonly ratio?: number;
  /** Largest distance (of bytes: Euclidean; of bits: their number). Default none. */
  readonly distance?: number;
  /** Keep pairs only that are nearest to each other both ways. Default true. */
  readonly mutual?: boolean;
}

/**
 * The nearest feature of b for each of a, by exact search; ratio test (Lowe 2004), distance test, and the way back.
 * @throws ArgumentError when the descriptors are of different kinds
 */
export function matchFeatures(a: Features, b: Features, { ratio = 0.9, distance, mutual = true }: MatchOptions = {}): Matches {
  if (a.kind !== b.kind)
    throw new ArgumentError(`match: descriptors of ${a.kind} cannot be compared with ${b.kind}; use the same detector for both pictures`);
  if (!(ratio > 0) || (distance !== undefined && !(distance >= 0)))
    throw new ArgumentError(`match: ratio ${ratio}, distance ${distance}; both are positive numbers`, { ratio, distance });
  const bits = a.kind === "bits";
  const width = rowBytes(a.kind);
  const size = (v: number) => (bits ? v : Math.sqrt(v));
  const table = twoNearest(engine(), a.descriptors, b.descriptors, { bits });
  const list: { a: number; b: number; ratio: number; distance: number }[] = [];
  for (let i = 0; i < a.count; i++) {
    const [j, d1, j2, d2] = table.subarray(4 * i, 4 * i + 4);
    if (j < 0) continue;
    const d = size(d1);
    const r = j2 < 0 || d2 === 0 ? 1 : d / size(d2);
    if ((r > ratio && ratio < 1) || (distance !== undefined && d > distance)) continue;
    list.push({ a: i, b: j, ratio: r, distance: d });
  }
  let kept = list;
  if (mutual && list.length > 0) {
    const wanted = [...new Set(list.map((m) => m.b))];
    const rows = new Uint8Array(wanted.length * width);
    for (const [k, j] of wanted.entries()) rows.set(b.descriptors.subarray(j * width, (j + 1) * width), k * width);
    const back = twoNearest(engine(), rows, a.descriptors, { bits });
    const nearest = new Map(wanted.map((j, k) => [j, { at: back[4 * k], d: back[4 * k + 1] }]));
    kept = list.filter((m) => {
      const n = nearest.get(m.b);
      // Points with two directions and their like have equals: a tie counts.
      return n !== undefined && (n.at === m.a || size(n.d) >= m.distance);
    });
  }
  kept.sort((p, q) => p.ratio - q.ratio || p.a - q.a);
  return matchesOf(kept);
}

/** Matches as columns, from a list of them. */
export const matchesOf = (
  list: readonly { readonly a: number; readonly b: number; readonly ratio: number; readonly distance: number }[],
): Matches => ({
  count: list.length,
  a: Int32Array.from(list, (m) => m.a),
  b: Int32Array.from(list, (m) => m.b),
  ratio: Float64Array.from(list, (m) => m.ratio),
  distance: Float64Array.from(list, (m) => m.distance),
});
