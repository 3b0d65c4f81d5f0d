import { ArgumentError } from "../core/errors.js";
import { type AffineMap, composeAffine, type Grid, identityMap, indexToPhysical, invertAffine, tensorShape } from "../image/grid.js";
import { determinant, identity, rotation2, rotationFromVector, transform } from "../image/matrix.js";
import { engine } from "../kernels/engine.js";
import { affinePlanes } from "../kernels/planes.js";
import { Tensor } from "../tensor/tensor.js";
import { CompositeTransform } from "./composite.js";
import { HomographyTransform, homographyOfAffine } from "./homography.js";
import { fixedSpace, movingSpace, type Space, type Transform } from "./transform.js";

/** Linear models, each containing the ones before it. */
export const affineModels = ["translation", "rigid", "similarity", "affine"] as const;
/** A name in `affineModels`. */
export type AffineModel = (typeof affineModels)[number];

/**
 * y = A x + b, millimetres. `model` says which family it was estimated in.
 * Parameters: A [d, d] and b [d].
 */
export class AffineTransform implements Transform {
  /** Which of the alternatives this is. */
  readonly kind = "affine";
  #given:
    | {
        /** The matrix, row by row. */
        readonly matrix: Tensor;
        /** What is added after the matrix. */
        readonly offset: Tensor;
      }
    | undefined;
  /** Of an affine map between two spaces. */
  constructor(
    /** A and b. */
    readonly map: AffineMap,
    /** The space of the points it takes. */
    readonly from: Space = fixedSpace(),
    /** The space of the points it gives. */
    readonly to: Space = movingSpace(),
    /** What kind of linear map it is. */
    readonly model: AffineModel = "affine",
  ) {}
  /** 2 or 3. */
  get dimension(): number {
    return this.map.offset.length;
  }
  /** What optimisers move and files keep. */
  get parameters(): { readonly matrix: Tensor; readonly offset: Tensor } {
    const d = this.dimension;
    return (
      this.#given ?? {
        matrix: Tensor.from(Float64Array.from(this.map.matrix), [d, d]),
        offset: Tensor.from(Float64Array.from(this.map.offset), [d]),
      }
    );
  }
  /** The same with other parameters. */
  with(parameters: { readonly matrix: Tensor; readonly offset: Tensor }): AffineTransform {
    const y = new AffineTransform(
      { matrix: Array.from(parameters.matrix.data), offset: Array.from(parameters.offset.data) },
      this.from,
      this.to,
      "affine",
    );
    y.#given = parameters; // so that points depend on them for derivatives
    return y;
  }
  apply(points: Tensor): Tensor {
    const { matrix, offset } = this.parameters;
    return points.matmul(matrix.transpose().cast(points.dtype)).add(offset.cast(points.dtype));
  }
  inverse(): AffineTransform {
    return new AffineTransform(invertAffine(this.map), this.to, this.from, this.model);
  }
  compose(inner: Transform): Transform {
    if (inner instanceof AffineTransform) return new AffineTransform(composeAffine(this.map, inner.map), inner.from, this.to, "affine");
    if (inner instanceof HomographyTransform)
      return new HomographyTransform(homographyOfAffine(this.map), inner.to, this.to).compose(inner);
    return new CompositeTransform([inner, this]);
  }
  displacement(grid: Grid): Tensor {
    const d = this.dimension;
    const { matrix, offset } = composeAffine(
      { matrix: this.map.matrix.map((v, i) => v - identity(d)[i]), offset: this.map.offset },
      indexToPhysical(grid),
    );
    const out = Tensor.uninitialised([d, ...tensorShape(grid)]);
    affinePlanes(engine(), 0, out.pointer, tensorShape(grid), { field: new Array<number>(d * d).fill(0), voxel: matrix, constant: offset });
    return out;
  }
}

/** The transform that moves nothing, in d dimensions. */
export const identityTransform = (d: number, from?: Space, to?: Space): AffineTransform =>
  new AffineTransform(identityMap(d), from, to, "translation");

/** Number of parameters of a model: the length of `parameters` in `affineFromParameters`. */
export function parameterCount(model: AffineModel, d: number): number {
  const rotations = d === 2 ? 1 : 3;
  return { translation: d, rigid: d + rotations, similarity: d + rotations + 1, affine: d + d * d }[model];
}

/**
 * An update of a linear map about a centre: y = R(w) · e^s · (x − c) + c + t, or y = (I + B)(x − c) + c + t for the affine model.
 * Parameters: t (d), then w (1 angle, or 3 in 3-D: Rodrigues vector, radians), then s (log scale); affine: t, then B row by row.
 * Zero is the identity.
 */
export function affineFromParameters(model: AffineModel, parameters: readonly number[], centre: readonly number[]): AffineMap {
  const d = centre.length;
  if (parameters.length !== parameterCount(model, d))
    throw new ArgumentError(
      `affineFromParameters: ${parameters.length} numbers for a ${d}-D ${model} map, which has ${parameterCount(model, d)}`,
      { model, parameters },
    );
  let matrix = identity(d);
  if (model === "affine") matrix = matrix.map((v, i) => v + parameters[d + i]);
  else if (model !== "translation") {
    matrix = d === 2 ? rotation2(parameters[2]) : rotationFromVector(parameters.slice(3, 6));
    if (model === "similarity") matrix = matrix.map((v) => v * Math.exp(parameters[parameters.length - 1]));
  }
  const moved = transform(matrix, centre);
  return { matrix, offset: centre.map((c, i) => c - moved[i] + parameters[i]) };
}

/** The rotation and scale closest to a matrix, by iterating the mean of a matrix and its inverse transpose (polar decomposition). @see Higham (1986), SIAM J. Sci. Stat. Comput. 7(4) */
export function nearestSimilarity(matrix: readonly number[], d: number): { readonly rotation: number[]; readonly scale: number } {
  const scale = Math.abs(determinant(matrix, d)) ** (1 / d);
  let r = matrix.map((v) => v / scale);
  for (let k = 0; k < 50; k++) {
    const back = invertAffine({ matrix: r, offset: new Array<number>(d).fill(0) }).matrix;
    const next = r.map((v, i) => 0.5 * (v + back[(i % d) * d + Math.floor(i / d)]));
    const change = Math.max(...next.map((v, i) => Math.abs(v - r[i])));
    r = next;
    if (change < 1e-15) break;
  }
  return { rotation: r, scale };
}

/** How far a linear map moves the points of a set at most. */
export function largestShift(map: AffineMap, points: readonly (readonly number[])[]): number {
  return Math.max(...points.map((p) => Math.hypot(...transform(map.matrix, p).map((v, i) => v + map.offset[i] - p[i]))));
}
