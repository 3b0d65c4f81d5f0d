import { ArgumentError } from "../../core/errors.js";
import type { AffineMap } from "../../image/grid.js";
import { identity, rotation2, transform } from "../../image/matrix.js";
import { eigh } from "../../kernels/linalg.js";
import { type AffineModel, AffineTransform, affineModels, fixedSpace, movingSpace } from "../../transforms/index.js";
import { type Cloud, centroid, cloudOf, type PointsLike, radius } from "./pointSet.js";

/** The model that pairs of landmarks determine, and its stiffness. */
export interface PairOptions {
  /** Default rigid. */
  readonly model?: AffineModel;
  /** How much each pair counts, ≥ 0. Default: all the same. */
  readonly weights?: ArrayLike<number>;
}

/**
 * The linear map y of a family that takes paired points onto each other in the least-squares sense, in closed form:
 * y = argmin Σᵢ wᵢ |y(fᵢ) − mᵢ|².
 *
 * translation  the difference of the centroids
 * rigid        the rotation by the leading eigenvector of Horn's 4×4 matrix (in 2-D: one angle), about the centroids
 * similarity   the same rotation, and the scale tr(Rᵀ Σ wᵢ m̃ᵢ f̃ᵢᵀ) / Σ wᵢ |f̃ᵢ|²
 * affine       the normal equations of the centred points
 *
 * @param fixed  points in the same order: row i of one belongs to row i of the other
 * @param moving  of the same kind
 * @throws ArgumentError when the counts or dimensions differ, or the points do not determine the map (too few, on one spot, on a line, in a plane)
 * @see Horn (1987), Closed-form solution of absolute orientation using unit quaternions, J. Opt. Soc. Am. A 4(4)
 * @see Umeyama (1991), Least-squares estimation of transformation parameters between two point patterns, IEEE TPAMI 13(4)
 */
export function alignPairs(fixed: PointsLike, moving: PointsLike, options: PairOptions = {}): AffineTransform {
  const { model = "rigid", weights } = options;
  if (!affineModels.includes(model))
    throw new ArgumentError(`alignPairs: no model ${model}; expected one of ${affineModels.join(", ")}`, { model });
  const f = cloudOf("alignPairs: fixed", fixed);
  const m = cloudOf("alignPairs: moving", moving);
  requirePairs("alignPairs", f, m);
  if (weights) checkWeights(weights, f.count);
  return new AffineTransform(mapOfPairs(f, m, model, weights), fixedSpace(), movingSpace(), model);
}

export function requirePairs(who: string, fixed: Cloud, moving: Cloud): void {
  if (fixed.dimension !== moving.dimension)
    throw new ArgumentError(
      `${who}: fixed points are ${fixed.dimension}-D and moving points ${moving.dimension}-D; both must be the same`,
      {
        fixed: fixed.dimension,
        moving: moving.dimension,
      },
    );
  if (fixed.count !== moving.count)
    throw new ArgumentError(
      `${who}: ${fixed.count} fixed points and ${moving.count} moving points are no pairs; row i of one must belong to row i of the other`,
      { fixed: fixed.count, moving: moving.count },
    );
}

function checkWeights(weights: ArrayLike<number>, count: number): void {
  if (weights.length !== count) throw new ArgumentError(`alignPairs: ${weights.length} weights for ${count} pairs`, {});
  let positive = false;
  for (let i = 0; i < count; i++) {
    if (!(weights[i] >= 0 && Number.isFinite(weights[i])))
      throw new ArgumentError(`alignPairs: weight ${i} is ${weights[i]}; weights are finite and not negative`, { index: i });
    positive ||= weights[i] > 0;
  }
  if (!positive) throw new ArgumentError("alignPairs: all weights are 0; at least one pair must count", {});
}

/** The closed forms, on checked points. @throws ArgumentError when the points do not determine the map */
export function mapOfPairs(fixed: Cloud, moving: Cloud, model: AffineModel, weights?: ArrayLike<number>): AffineMap {
  const d = fixed.dimension;
  const cf = centroid(fixed, weights);
  const cm = centroid(moving, weights);
  // H = Σ w m̃ f̃ᵀ and C = Σ w f̃ f̃ᵀ, row-major d × d
  const h = new Float64Array(d * d);
  const c = new Float64Array(d * d);
  for (let i = 0; i < fixed.count; i++) {
    const w = weights ? weights[i] : 1;
    for (let a = 0; a < d; a++) {
      const ma = w * (moving.points[i * d + a] - cm[a]);
      const fa = w * (fixed.points[i * d + a] - cf[a]);
      for (let b = 0; b < d; b++) {
        const fb = fixed.points[i * d + b] - cf[b];
        h[a * d + b] += ma * fb;
        c[a * d + b] += fa * fb;
      }
    }
  }
  const matrix = linearPart(h, c, d, model, radius(fixed, cf, weights), radius(moving, cm, weights));
  const there = transform(matrix, cf);
  return { matrix, offset: cm.map((v, k) => v - there[k]) };
}

function linearPart(h: Float64Array, c: Float64Array, d: number, model: AffineModel, rf: number, rm: number): number[] {
  if (model === "translation") return identity(d);
  const spread = eigh(c, d);
  const values = Array.from(spread.values); // ascending
  const largest = values[d - 1];
  // Eigenvalues carry rounding of about 1e-16 of the largest: a spread below 1e-12 of it (a millionth in length) is none.
  const flat = (k: number) => !(values[k] > 1e-12 * Math.max(largest, Number.MIN_VALUE)) || !(largest > 0);
  if (!(rf > 0) || !(rm > 0))
    throw new ArgumentError("alignPairs: all points are on one spot; a turn is not determined, give points apart from each other", {});
  if (model === "affine") {
    if (flat(0))
      throw new ArgumentError(
        `alignPairs: the fixed points lie ${d === 2 ? "on a line" : "in a plane"}; an affine map is not determined, give other points or the model rigid`,
        {},
      );
    return solveAffine(h, spread.values, spread.vectors, d);
  }
  if (d === 3 && flat(1))
    throw new ArgumentError("alignPairs: the fixed points lie on a line; a turn about it is not determined, give points off the line", {});
  const rotation = d === 2 ? rotation2(Math.atan2(h[2] - h[1], h[0] + h[3])) : hornRotation(h);
  if (model === "rigid") return rotation;
  let trace = 0;
  let own = 0;
  for (let k = 0; k < d * d; k++) trace += rotation[k] * h[k];
  for (let k = 0; k < d; k++) own += c[k * d + k];
  if (!(trace > 0))
    throw new ArgumentError("alignPairs: no positive scale fits these pairs (a mirror image?); check the order of the points", {});
  return rotation.map((v) => (v * trace) / own);
}

/** A = H C⁻¹ by the eigenvectors of C. */
function solveAffine(h: Float64Array, values: ArrayLike<number>, vectors: ArrayLike<number>, d: number): number[] {
  const out = new Array<number>(d * d).fill(0);
  for (let k = 0; k < d; k++)
    for (let a = 0; a < d; a++) {
      let hv = 0;
      for (let b = 0; b < d; b++) hv += h[a * d + b] * vectors[b * d + k];
      for (let b = 0; b < d; b++) out[a * d + b] += (hv * vectors[b * d + k]) / values[k];
    }
  return out;
}

/** argmax over rotations of Σ m̃ · R f̃, by the unit quaternion: Horn (1987), with S_ab = Σ f̃ₐ m̃_b = H_ba. */
function hornRotation(h: Float64Array): number[] {
  const s = (a: number, b: number) => h[b * 3 + a];
  const n = Float64Array.of(
    s(0, 0) + s(1, 1) + s(2, 2),
    s(1, 2) - s(2, 1),
    s(2, 0) - s(0, 2),
    s(0, 1) - s(1, 0),
    s(1, 2) - s(2, 1),
    s(0, 0) - s(1, 1) - s(2, 2),
    s(0, 1) + s(1, 0),
    s(2, 0) + s(0, 2),
    s(2, 0) - s(0, 2),
    s(0, 1) + s(1, 0),
    -s(0, 0) + s(1, 1) - s(2, 2),
    s(1, 2) + s(2, 1),
    s(0, 1) - s(1, 0),
    s(2, 0) + s(0, 2),
    s(1, 2) + s(2, 1),
    -s(0, 0) - s(1, 1) + s(2, 2),
  );
  const { vectors } = eigh(n, 4);
  const [w, x, y, z] = [3, 7, 11, 15].map((k) => vectors[k]); // eigenvalues ascend: the last column
  return [
    w * w + x * x - y * y - z * z,
    2 * (x * y - w * z),
    2 * (x * z + w * y),
    2 * (x * y + w * z),
    w * w - x * x + y * y - z * z,
    2 * (y * z - w * x),
    2 * (x * z - w * y),
    2 * (y * z + w * x),
    w * w - x * x - y * y + z * z,
  ];
}
