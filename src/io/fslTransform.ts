import { ArgumentError, FormatError } from "../core/errors.js";
import { determinant, inverseMatrix, latin1 } from "./raw.js";

/** A grid's place, as in RawImage; 3-D. */
export interface GridLike {
  /** Samples along x, y (and z). */
  readonly size: readonly number[];
  /** Distance of samples along each axis, mm. */
  readonly spacing: readonly number[];
  /** The place of the first sample, mm. */
  readonly origin: readonly number[];
  /** Directions of the axes, row by row, an orthonormal matrix. */
  readonly direction: readonly number[];
}

/** y = matrix · x + offset, three dimensions, row-major. */
interface Affine {
  matrix: number[];
  offset: number[];
}

const compose = (a: Affine, b: Affine): Affine => ({
  matrix: Array.from({ length: 9 }, (_, k) =>
    [0, 1, 2].reduce((s, m) => s + a.matrix[Math.floor(k / 3) * 3 + m] * b.matrix[m * 3 + (k % 3)], 0),
  ),
  offset: a.offset.map((o, i) => o + [0, 1, 2].reduce((s, m) => s + a.matrix[i * 3 + m] * b.offset[m], 0)),
});
function invert(a: Affine): Affine {
  if (!(Math.abs(determinant(a.matrix)) > 1e-12)) throw new FormatError("fsl: the matrix is singular", { matrix: a.matrix });
  const matrix = inverseMatrix(a.matrix);
  return { matrix, offset: [0, 1, 2].map((i) => -[0, 1, 2].reduce((s, m) => s + matrix[i * 3 + m] * a.offset[m], 0)) };
}

/** Reads a 4×4 matrix of text (FSL's .mat, or any other): row-major, 16 numbers. @throws FormatError */
export function readMatrixText(source: Uint8Array | string): number[] {
  const text = typeof source === "string" ? source : latin1(source, 0, 65536);
  const values = text
    .replace(/^[#%].*$/gm, "")
    .trim()
    .split(/[\s,;]+/)
    .map(Number);
  if (values.length !== 16 || !values.every(Number.isFinite))
    throw new FormatError(
      `matrix: 4×4 finite numbers were expected, ${values.length === 16 ? "some are not finite" : `${values.length} came`}`,
      {},
    );
  const last = values.slice(12);
  if (last.some((v, i) => Math.abs(v - (i === 3 ? 1 : 0)) > 1e-9))
    throw new FormatError(`matrix: the last row is ${last.join(" ")}; 0 0 0 1 was expected`, { last });
  return values;
}

/** Writes a 4×4 matrix as text, one row a line. */
export function writeMatrixText(matrix: readonly number[]): string {
  return `${[0, 1, 2, 3].map((i) => matrix.slice(4 * i, 4 * i + 4).join("  ")).join("\n")}\n`;
}

/** index ↦ LPS mm */
function world(g: GridLike): Affine {
  if (g.size.length !== 3) throw new ArgumentError("fsl: FSL transforms are for three-dimensional images", { size: g.size });
  return { matrix: g.direction.map((v, k) => v * g.spacing[k % 3]), offset: [...g.origin] };
}
/** index ↦ FSL's scaled coordinates: index × spacing, x counted from the other end when the axes are right-handed (det > 0, "neurological"). */
function scaled(g: GridLike): Affine {
  const [sx, sy, sz] = g.spacing;
  // Two sign changes lie between RAS and LPS: the determinant has the same sign in both.
  if (determinant(g.direction) > 0) return { matrix: [-sx, 0, 0, 0, sy, 0, 0, 0, sz], offset: [(g.size[0] - 1) * sx, 0, 0] };
  return { matrix: [sx, 0, 0, 0, sy, 0, 0, 0, sz], offset: [0, 0, 0] };
}

/**
 * The LPS transform (FIXED ↦ MOVING points, mm) of an FSL FLIRT matrix, which maps the moving image's (`-in`) scaled coordinates to the fixed image's (`-ref`):
 *
 *     T = W_moving · S_moving⁻¹ · F⁻¹ · S_fixed · W_fixed⁻¹
 *
 * W: index to LPS mm; S: index to FSL coordinates, with x flipped where the axes are right-handed.
 * @see Jenkinson et al. (2002), NeuroImage 17; FSL's documentation of FLIRT matrices
 */
export function lpsFromFsl(fsl: readonly number[], fixed: GridLike, moving: GridLike): { matrix: number[]; offset: number[] } {
  const f: Affine = { matrix: [0, 1, 2, 4, 5, 6, 8, 9, 10].map((i) => fsl[i]), offset: [fsl[3], fsl[7], fsl[11]] };
  return compose(compose(world(moving), invert(scaled(moving))), compose(invert(f), compose(scaled(fixed), invert(world(fixed)))));
}

/** The FLIRT matrix (16 numbers, row-major, `-in` moving, `-ref` fixed) of an LPS transform FIXED ↦ MOVING. Inverse of `lpsFromFsl`. */
export function fslFromLps(
  transform: { matrix: readonly number[]; offset: readonly number[] },
  fixed: GridLike,
  moving: GridLike,
): number[] {
  const t: Affine = { matrix: [...transform.matrix], offset: [...transform.offset] };
  const f = invert(compose(compose(scaled(moving), invert(world(moving))), compose(t, compose(world(fixed), invert(scaled(fixed))))));
  return [0, 1, 2].flatMap((i) => [...f.matrix.slice(3 * i, 3 * i + 3), f.offset[i]]).concat([0, 0, 0, 1]);
}
