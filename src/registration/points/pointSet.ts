import { ArgumentError } from "../../core/errors.js";
import { Tensor } from "../../tensor/tensor.js";

/** Points row by row: (x, y) or (x, y, z), millimetres LPS (pixels for pictures). What `readPoints` returns is one. */
export interface PointSet {
  /** 2 or 3. */
  readonly dimension: number;
  /** Point by point. */
  readonly points: ArrayLike<number>;
}
/** The ways to hand over points: a PointSet, a tensor [n, d], or a list of coordinates. */
export type PointsLike = PointSet | Tensor | readonly (readonly number[])[];

/** Points in double precision, checked. */
export interface Cloud {
  /** 2 or 3. */
  readonly dimension: 2 | 3;
  /** How many there are. */
  readonly count: number;
  /** Point by point. */
  readonly points: Float64Array;
}

/**
 * Points in one shape, whatever way they came.
 * @param who    begins the message of an error
 * @param least  as many points are needed
 * @throws ArgumentError for another dimension than 2 or 3, too few points, or a coordinate that is not finite
 */
export function cloudOf(who: string, given: PointsLike, least = 1): Cloud {
  let dimension: number;
  let points: Float64Array;
  if (given instanceof Tensor) {
    dimension = given.rank === 2 ? given.shape[1] : 0;
    points = Float64Array.from(given.cast("f64").data);
    if (given.rank !== 2) throw new ArgumentError(`${who}: a tensor of shape ${given.shape.join("×")}; points are n×2 or n×3`, {});
  } else if ("points" in given) {
    dimension = given.dimension;
    points = Float64Array.from(given.points);
  } else {
    dimension = given[0]?.length ?? 0;
    if (given.length === 0) throw new ArgumentError(`${who}: no points; at least ${least} are needed`, { count: 0 });
    const odd = given.findIndex((p) => p.length !== dimension);
    if (odd >= 0)
      throw new ArgumentError(
        `${who}: point ${odd} has ${given[odd].length} coordinates and point 0 has ${dimension}; give all the same`,
        {},
      );
    points = Float64Array.from(given.flat());
  }
  if (dimension !== 2 && dimension !== 3)
    throw new ArgumentError(`${who}: points of dimension ${dimension}; 2 (x, y) or 3 (x, y, z) were expected`, { dimension });
  const count = points.length / dimension;
  if (!Number.isInteger(count))
    throw new ArgumentError(`${who}: ${points.length} numbers are no list of ${dimension}-dimensional points`, { length: points.length });
  const bad = points.findIndex((v) => !Number.isFinite(v));
  if (bad >= 0)
    throw new ArgumentError(
      `${who}: point ${Math.floor(bad / dimension)} has ${"xyz"[bad % dimension]} = ${points[bad]}; coordinates are finite numbers`,
      { index: Math.floor(bad / dimension) },
    );
  if (count < least)
    throw new ArgumentError(`${who}: ${count} point${count === 1 ? "" : "s"}; at least ${least} are needed`, { count, least });
  return { dimension, count, points };
}

/** The (weighted) centre of mass. */
export function centroid({ points, dimension: d, count }: Cloud, weights?: ArrayLike<number>): number[] {
  const c = new Array<number>(d).fill(0);
  let total = 0;
  for (let i = 0; i < count; i++) {
    const w = weights ? weights[i] : 1;
    total += w;
    for (let k = 0; k < d; k++) c[k] += w * points[i * d + k];
  }
  return c.map((v) => v / total);
}

/** Root mean square distance from a centre: the radius of the set. */
export function radius({ points, dimension: d, count }: Cloud, centre: readonly number[], weights?: ArrayLike<number>): number {
  let s = 0;
  let total = 0;
  for (let i = 0; i < count; i++) {
    const w = weights ? weights[i] : 1;
    total += w;
    for (let k = 0; k < d; k++) s += w * (points[i * d + k] - centre[k]) ** 2;
  }
  return Math.sqrt(s / total);
}

/** A cloud under a linear map. */
export function mapped({ points, dimension, count }: Cloud, map: { matrix: readonly number[]; offset: readonly number[] }): Cloud {
  const d = dimension;
  const out = new Float64Array(points.length);
  for (let i = 0; i < count; i++)
    for (let a = 0; a < d; a++) {
      let s = map.offset[a];
      for (let b = 0; b < d; b++) s += map.matrix[a * d + b] * points[i * d + b];
      out[i * d + a] = s;
    }
  return { dimension, count, points: out };
}
