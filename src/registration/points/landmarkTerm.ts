import { ArgumentError } from "../../core/errors.js";
import type { AffineMap } from "../../image/grid.js";
import { requirePairs } from "./pairs.js";
import { type Cloud, cloudOf, mapped, type PointsLike } from "./pointSet.js";

/** Landmark pairs with the factor of their term. */
export interface LandmarkPairs {
  /** What stays. */
  readonly fixed: Cloud;
  /** What is brought onto `fixed`. */
  readonly moving: Cloud;
  /** 1/mm² */
  readonly factor: number;
}

/**
 * Landmarks beside a metric:  ½ w/h² · mean |y(fᵢ) − mᵢ|², h a length in mm that makes it a plain number.
 * @throws ArgumentError when only one set came, the counts or dimensions differ, a coordinate or the weight is not usable
 */
export function landmarkPairs(
  fixed: PointsLike | undefined,
  moving: PointsLike | undefined,
  weight: number,
  h: number,
  dimension: number,
): LandmarkPairs | undefined {
  if (!fixed && !moving) return undefined;
  if (!fixed || !moving)
    throw new ArgumentError(`register: ${fixed ? "fixedPoints" : "movingPoints"} came alone; landmarks are pairs, give both`, {});
  const [f, m] = [cloudOf("register: fixedPoints", fixed), cloudOf("register: movingPoints", moving)];
  requirePairs("register", f, m);
  if (f.dimension !== dimension)
    throw new ArgumentError(`register: ${f.dimension}-D landmarks for ${dimension}-D images; both must be the same`, {});
  if (!(weight >= 0 && Number.isFinite(weight)))
    throw new ArgumentError(`register: pointsWeight is ${weight}; a finite number that is not negative was expected`, { weight });
  return { fixed: f, moving: m, factor: weight / (h * h) };
}

/** The term at θ with its gradient and Gauss–Newton matrix; `mapOf` gives the map, and central differences its derivative. */
export function landmarkTerm(
  pairs: LandmarkPairs,
  mapOf: (theta: ArrayLike<number>) => AffineMap,
  theta: ArrayLike<number>,
  count: number,
  step: number,
): { readonly value: number; readonly gradient: Float64Array; readonly hessian: Float64Array } {
  const at = (k: number, s: number) =>
    mapped(pairs.fixed, mapOf(Array.from({ length: count }, (_, i) => theta[i] + (i === k ? s : 0)))).points;
  const scale = pairs.factor / pairs.fixed.count;
  const residual = at(-1, 0).map((v, i) => v - pairs.moving.points[i]);
  const columns = Array.from({ length: count }, (_, k) => {
    const down = at(k, -step);
    return at(k, step).map((v, i) => (v - down[i]) / (2 * step));
  });
  const dot = (a: Float64Array, b: Float64Array) => a.reduce((s, v, i) => s + v * b[i], 0);
  return {
    value: 0.5 * scale * dot(residual, residual),
    gradient: Float64Array.from(columns, (c) => scale * dot(c, residual)),
    hessian: Float64Array.from({ length: count * count }, (_, q) => scale * dot(columns[Math.floor(q / count)], columns[q % count])),
  };
}
