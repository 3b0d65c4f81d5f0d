import { ShapeError } from "../../core/errors.js";
import { shapeText } from "../../core/shape.js";
import { engine } from "../../kernels/engine.js";
import * as kernel from "../../kernels/planes.js";
import * as twin from "../../kernels/reference/planes.js";
import { type Applied, define } from "../primitive.js";
import { Tensor } from "../tensor.js";

interface Turned {
  /** Row-major d × d. */
  readonly matrix: readonly number[];
}
const turned: Applied<Turned> = define<Turned>({
  name: "turnPlanes",
  forward: ([u], { matrix }) => {
    const size = u.shape.slice(1);
    const map = { field: matrix, voxel: matrix.map(() => 0), constant: size.map(() => 0) };
    const out = Tensor.uninitialised(u.shape, u.dtype);
    if (u.dtype === "f64") twin.affinePlanes(u.data, out.data, size, map);
    else kernel.affinePlanes(engine(), u.pointer, out.pointer, size, map);
    return out;
  },
  vjp: ({ params }, g) => [turned([g], { matrix: transposed(params.matrix) })], // linear: Mᵀ
  jvp: ({ params }, [t]) => t && turned([t], params),
});
function transposed(m: readonly number[]): number[] {
  const d = Math.round(Math.sqrt(m.length));
  return m.map((_, i) => m[(i % d) * d + Math.floor(i / d)]);
}

/**
 * Every vector of a field times one matrix,  out(p) = M u(p): millimetres to voxels and back, a rotated frame.
 * @param u       [d, (z,) y, x], planes x, y(, z)
 * @param matrix  row-major d × d
 * @throws ShapeError when u is no field or the matrix does not fit
 */
export function turnPlanes(u: Tensor, matrix: readonly number[]): Tensor {
  const d = u.rank - 1;
  if ((d !== 2 && d !== 3) || u.shape[0] !== d || matrix.length !== d * d)
    throw new ShapeError(`turnPlanes: a field ${shapeText(u.shape)} and a matrix of ${matrix.length} numbers`, { u: u.shape });
  return turned([u], { matrix });
}
