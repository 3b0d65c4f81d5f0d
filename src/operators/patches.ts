import { ArgumentError, ShapeError } from "../core/errors.js";
import { type Shape, shapeText } from "../core/shape.js";
import { along, type DType, keep, sparseRows, Tensor, transposeOf } from "../tensor/index.js";
import { Operator } from "./operator.js";

/**
 * All patches of an image: [..., patch rows, patch columns, size, size] for the last two axes (or as many as `size` has), every `stride` samples and at
 * the last place too, so that every sample is in one. The adjoint adds overlapping patches up; `cover` says how many lie over each sample, so that
 * adjoint(patches) / cover averages them.
 * @throws ShapeError when a patch is larger than the image
 */
export function patchesOperator(
  shape: Shape,
  o: { readonly size: number | readonly number[]; readonly stride?: number; readonly type?: DType },
): Operator & { readonly cover: Tensor } {
  const { stride = 1, type = "f32" } = o;
  const size = typeof o.size === "number" ? [o.size, o.size] : o.size;
  const axes = size.map((_, i) => shape.length - size.length + i);
  if (!(Number.isInteger(stride) && stride >= 1))
    throw new ArgumentError(`patches: stride ${stride}; give a whole number from 1 on`, { stride });
  if (axes[0] < 0 || size.some((p, i) => !(p >= 1 && p <= shape[axes[i]])))
    throw new ShapeError(`patches: ${size.join("×")} from ${shapeText(shape)}; patches must fit into the image`, { size, shape });
  const places = axes.map((a, i) => {
    const last = shape[a] - size[i];
    const list = Array.from({ length: Math.floor(last / stride) + 1 }, (_, k) => k * stride);
    return list[list.length - 1] === last ? list : [...list, last];
  });
  const matrices = axes.map((a, i) =>
    sparseRows(
      shape[a],
      places[i].flatMap((at) => Array.from({ length: size[i] }, (_, k) => [[at + k, 1] as const])),
    ),
  );
  const lead = shape.slice(0, axes[0]);
  const d = size.length;
  const split = [...lead, ...places.flatMap((p, i) => [p.length, size[i]])];
  const joined = [...lead, ...places.map((p, i) => p.length * size[i])];
  const leading = lead.map((_, i) => i);
  const at = lead.length;
  const order = [...leading, ...size.map((_, i) => at + 2 * i), ...size.map((_, i) => at + 2 * i + 1)];
  const back = [...leading, ...size.flatMap((_, i) => [at + i, at + d + i])];
  const operator = new Operator({
    name: "patches",
    domain: shape,
    range: order.map((i) => split[i]),
    domainType: type,
    rangeType: type,
    apply: (x) =>
      matrices
        .reduce((v, m, i) => along(v, axes[i], m), x)
        .reshape(...split)
        .permute(...order),
    adjoint: (y) => matrices.reduce((v, m, i) => along(v, axes[i], transposeOf(m)), y.permute(...back).reshape(...joined)),
  });
  const counts = axes.map((a, i) => {
    const line = new Float64Array(shape[a]);
    for (const p of places[i]) for (let k = 0; k < size[i]; k++) line[p + k]++;
    return line;
  });
  const cover = coverOf(shape, axes, counts);
  return Object.assign(operator, { cover });
}

/** Products of counts along the last axes. */
function coverOf(shape: Shape, axes: readonly number[], counts: readonly Float64Array[]): Tensor {
  const extents = axes.map((a) => shape[a]);
  return keep(
    counts
      .map((c, i) =>
        Tensor.from(
          c,
          extents.map((n, j) => (i === j ? n : 1)),
          "f32",
        ),
      )
      .reduce((p, q) => p.mul(q)),
  );
}
