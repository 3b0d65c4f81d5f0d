import { ArgumentError, ShapeError } from "../core/errors.js";
import type { Samples } from "./lattice.js";
import { sortedQuantile } from "./quantile.js";

/** Distances between where points were sent and where they belong, in mm. */
export interface PointError {
  /** How many there are. */
  readonly count: number;
  /** The mean. */
  readonly mean: number;
  /** The median. */
  readonly median: number;
  /** 95 of 100 are not larger. */
  readonly p95: number;
  /** The largest. */
  readonly max: number;
  /** Root mean square. */
  readonly rms: number;
  /** Each pair's distance, in the order given. */
  readonly each: Float64Array;
}

/**
 * Target registration error: the Euclidean distances  |aᵢ − bᵢ|  between mapped and true points, in the points' own units (mm; pixels for pictures).
 * @param a  points [n, d], row by row
 * @param b  of the same kind
 * @throws ShapeError when the two lists differ in length, ArgumentError when they are empty
 * @see Fitzpatrick, West & Maurer (1998), Predicting error in rigid-body point-based registration, IEEE TMI 17
 */
export function targetRegistrationError(a: Samples, b: Samples, dimension: number): PointError {
  if (a.length !== b.length || a.length % dimension !== 0)
    throw new ShapeError(
      `TRE: the lists hold ${a.length / dimension} and ${b.length / dimension} points of dimension ${dimension}; row i of one must be the partner of row i of the other`,
      { a: a.length, b: b.length, dimension },
    );
  const count = a.length / dimension;
  if (count === 0) throw new ArgumentError("TRE: the lists hold no points; give at least one pair");
  const each = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    let s = 0;
    for (let k = 0; k < dimension; k++) s += (a[i * dimension + k] - b[i * dimension + k]) ** 2;
    each[i] = Math.sqrt(s);
  }
  const sorted = each.slice().sort();
  const mean = each.reduce((s, e) => s + e, 0) / count;
  const rms = Math.sqrt(each.reduce((s, e) => s + e * e, 0) / count);
  return { count, mean, median: sortedQuantile(sorted, 0.5), p95: sortedQuantile(sorted, 0.95), max: sorted[count - 1], rms, each };
}
