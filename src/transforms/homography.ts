import { ArgumentError, GridError } from "../core/errors.js";
import { type AffineMap, cornersOf, type Grid, indexToPhysical, tensorShape } from "../image/grid.js";
import { determinant, inverse, type Matrix, multiply } from "../image/matrix.js";
import { expm } from "../kernels/linalg.js";
import { concat } from "../tensor/ops/shaping.js";
import { Tensor } from "../tensor/tensor.js";
import { AffineTransform } from "./affine.js";
import { CompositeTransform } from "./composite.js";
import { fixedSpace, movingSpace, type Space, type Transform } from "./transform.js";

/**
 * A projective map of the plane,  y = (h₁₁x₁ + h₁₂x₂ + h₁₃, h₂₁x₁ + h₂₂x₂ + h₂₃) / w,  w = h₃₁x₁ + h₃₂x₂ + h₃₃: how two pictures of one plane,
 * or two pictures taken from one place, go over into each other. H counts up to a factor; it is stored with h₃₃ = 1 unless h₃₃ is 0.
 * Points with w = 0 (the horizon) go to infinity. Its inverse and its compositions with linear maps and its like are exact.
 * Parameters: matrix [3, 3]. Plane only.
 * @throws ArgumentError when H is not 9 finite numbers or has no inverse
 */
export class HomographyTransform implements Transform {
  /** Which of the alternatives this is. */
  readonly kind = "homography";
  /** 2 or 3. */
  readonly dimension = 2;
  /** The matrix, row by row. */
  readonly matrix: Matrix;

  #given:
    | {
        /** The matrix, row by row. */
        readonly matrix: Tensor;
      }
    | undefined;
  /** Of a 3 × 3 matrix, row by row. */
  constructor(
    matrix: Matrix,
    /** The space of the points it takes. */
    readonly from: Space = fixedSpace(),
    /** The space of the points it gives. */
    readonly to: Space = movingSpace(),
  ) {
    if (matrix.length !== 9 || !matrix.every(Number.isFinite))
      throw new ArgumentError(`homography: [${matrix}]; nine finite numbers, row by row, are expected`, { matrix });
    const size = Math.hypot(...matrix);
    if (!(Math.abs(determinant(matrix, 3)) > 1e-15 * size ** 3))
      throw new ArgumentError(`homography: the matrix [${matrix}] is singular: it takes the plane to a line or a point`, { matrix });
    const factor = Math.abs(matrix[8]) > 1e-12 * size ? matrix[8] : size / Math.sqrt(3);
    this.matrix = matrix.map((v) => v / factor);
  }
  /** What optimisers move and files keep. */
  get parameters(): { readonly matrix: Tensor } {
    return this.#given ?? { matrix: Tensor.from(Float64Array.from(this.matrix), [3, 3]) };
  }
  /** The same with other parameters. */
  with({ matrix }: { readonly matrix: Tensor }): HomographyTransform {
    const y = new HomographyTransform(Array.from(matrix.data), this.from, this.to);
    y.#given = { matrix }; // so that points depend on it for derivatives
    return y;
  }
  apply(points: Tensor): Tensor {
    return applyHomography(this.parameters.matrix, points);
  }
  inverse(): HomographyTransform {
    return new HomographyTransform(inverse(this.matrix, 3), this.to, this.from);
  }
  compose(inner: Transform): Transform {
    const m = projective(inner);
    return m ? new HomographyTransform(multiply(this.matrix, m, 3), inner.from, this.to) : new CompositeTransform([inner, this]);
  }
  displacement(grid: Grid): Tensor {
    requireBeforeHorizon(this.matrix, grid);
    return this.displacementAt(grid, undefined);
  }
  displacementAt(grid: Grid, shift: Tensor | undefined): Tensor {
    const [a, b, c, d, e, f, g, h, i] = this.matrix;
    const { matrix: m, offset: o } = indexToPhysical(grid);
    const [width, height] = grid.size;
    const n = width * height;
    const u = new Float32Array(2 * n);
    const s = shift?.data;
    for (let row = 0, k = 0; row < height; row++)
      for (let column = 0; column < width; column++, k++) {
        const x = o[0] + m[0] * column + m[1] * row + (s ? s[k] : 0);
        const y = o[1] + m[2] * column + m[3] * row + (s ? s[n + k] : 0);
        const w = g * x + h * y + i;
        u[k] = (a * x + b * y + c) / w - x;
        u[n + k] = (d * x + e * y + f) / w - y;
      }
    return Tensor.from(u, [2, ...tensorShape(grid)]);
  }
}

/** Points [..., n, 2] under matrices [..., 3, 3], differentiable in both. */
export function applyHomography(matrix: Tensor, points: Tensor): Tensor {
  const line = [...points.shape.slice(0, -1), 1];
  const axis = points.rank - 1;
  const homogeneous = concat([points, Tensor.ones(line, points.dtype)], axis).matmul(matrix.transpose().cast(points.dtype));
  const lead = homogeneous.shape.slice(0, -1);
  const first = lead.map(() => 0);
  return homogeneous.slice([...first, 0], [...lead, 2]).div(homogeneous.slice([...first, 2], [...lead, 3]));
}

/** [A b; 0 1] */
export const homographyOfAffine = ({ matrix, offset }: AffineMap): number[] => [
  matrix[0],
  matrix[1],
  offset[0],
  matrix[2],
  matrix[3],
  offset[1],
  0,
  0,
  1,
];
/** The 3 × 3 matrix of a map of the plane, if it has one. */
function projective(t: Transform): Matrix | undefined {
  if (t instanceof HomographyTransform) return t.matrix;
  return t instanceof AffineTransform && t.dimension === 2 ? homographyOfAffine(t.map) : undefined;
}
/** w is linear in x: it keeps its sign on a grid when it does so at the corners. @throws GridError when the horizon crosses the grid */
function requireBeforeHorizon(matrix: Matrix, grid: Grid): void {
  const w = cornersOf(grid).map(([x, y]) => matrix[6] * x + matrix[7] * y + matrix[8]);
  if (Math.min(...w) <= 0 && Math.max(...w) >= 0)
    throw new GridError("homography: the line that it sends to infinity crosses the grid, so it is no map of this picture", {
      matrix,
      grid,
    });
}

/** A basis of sl(3), the 3 × 3 matrices of trace 0: shifts along x and y, turn, scale, stretch, shear, and the two that tilt the plane. */
const generators: readonly Matrix[] = [
  [0, 0, 1, 0, 0, 0, 0, 0, 0],
  [0, 0, 0, 0, 0, 1, 0, 0, 0],
  [0, -1, 0, 1, 0, 0, 0, 0, 0],
  [1 / 3, 0, 0, 0, 1 / 3, 0, 0, 0, -2 / 3],
  [1, 0, 0, 0, -1, 0, 0, 0, 0],
  [0, 1, 0, 1, 0, 0, 0, 0, 0],
  [0, 0, 0, 0, 0, 0, 1, 0, 0],
  [0, 0, 0, 0, 0, 0, 0, 1, 0],
];
/** A homography has eight degrees of freedom. */
export const homographyParameterCount = 8;

/**
 * H = N⁻¹ exp(Σₖ pₖ Gₖ) N,  Gₖ a basis of sl(3) and N x = (x − centre) / radius: zero is the identity, det H = 1, and −p gives the inverse.
 * A parameter of 0.01 moves a point at the radius by about a hundredth of the radius.
 * @see Benhimane & Malis (2007), Homography-based 2D visual tracking and servoing, IJRR 26(7), for the parametrisation by sl(3)
 */
export function homographyFromParameters(parameters: ArrayLike<number>, centre: readonly number[], radius: number): number[] {
  if (parameters.length !== homographyParameterCount)
    throw new ArgumentError(`homographyFromParameters: ${parameters.length} numbers; a homography has 8`, {});
  const x = Array.from({ length: 9 }, (_, i) => generators.reduce((s, g, k) => s + parameters[k] * g[i], 0));
  const into = [1 / radius, 0, -centre[0] / radius, 0, 1 / radius, -centre[1] / radius, 0, 0, 1];
  const back = [radius, 0, centre[0], 0, radius, centre[1], 0, 0, 1];
  return multiply(back, multiply(Array.from(expm(x, 3)), into, 3), 3);
}
