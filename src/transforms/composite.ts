import { ArgumentError } from "../core/errors.js";
import { sizeOf } from "../core/shape.js";
import { applyAffine, type Grid, indexToPhysical, tensorShape } from "../image/grid.js";
import { identity, multiply } from "../image/matrix.js";
import { engine } from "../kernels/engine.js";
import { affinePlanes } from "../kernels/planes.js";
import { scope } from "../tensor/storage.js";
import { Tensor } from "../tensor/tensor.js";
import { AffineTransform } from "./affine.js";
import type { Space, Transform } from "./transform.js";

/** Maps one after another: parts[0] first. */
export class CompositeTransform implements Transform {
  /** Which of the alternatives this is. */
  readonly kind = "composite";
  /** In the order in which they are applied to fixed points. */
  readonly parts: readonly Transform[];
  /** The first of `parts` is applied first. */
  constructor(parts: readonly Transform[]) {
    this.parts = parts.flatMap((p) => (p instanceof CompositeTransform ? p.parts : [p]));
    if (this.parts.length === 0) throw new ArgumentError("composite: it needs at least one transform", {});
    for (const p of this.parts)
      if (p.dimension !== this.parts[0].dimension)
        throw new ArgumentError(`composite: a ${p.dimension}-D and a ${this.parts[0].dimension}-D transform cannot follow each other`, {});
  }
  /** 2 or 3. */
  get dimension(): number {
    return this.parts[0].dimension;
  }
  /** The space of the points it takes. */
  get from(): Space {
    return this.parts[0].from;
  }
  /** The space of the points it gives. */
  get to(): Space {
    return this.parts[this.parts.length - 1].to;
  }
  apply(points: Tensor): Tensor {
    return this.parts.reduce((p, t) => t.apply(p), points);
  }
  inverse(): CompositeTransform {
    return new CompositeTransform([...this.parts].reverse().map((t) => t.inverse()));
  }
  compose(inner: Transform): CompositeTransform {
    return new CompositeTransform([inner, this]);
  }
  displacement(grid: Grid): Tensor {
    return scope(() => {
      let w: Tensor | undefined;
      for (const part of this.parts) {
        if (part instanceof AffineTransform) w = afterAffine(part, grid, w);
        else if (!w) w = part.displacement(grid);
        else w = w.add(part.displacementAt ? part.displacementAt(grid, w) : appliedAt(part, grid, w));
      }
      return w as Tensor;
    });
  }
}

/** y(q) − q at q = p + w(p), p the samples of a grid, by `apply`: what any transform has. In double precision, as y(q) and q differ little. */
export function appliedAt(t: Transform, grid: Grid, w: Tensor | undefined): Tensor {
  const d = t.dimension;
  const shape = tensorShape(grid);
  const q = positionsOn(grid, w).reshape(d, sizeOf(shape)).transpose();
  return t
    .apply(q)
    .sub(q)
    .transpose()
    .reshape(d, ...shape)
    .cast("f32");
}
/** The samples p of a grid, or p + w(p), in mm: planes [d, (z,) y, x], f64. */
export function positionsOn(grid: Grid, w?: Tensor): Tensor {
  const shape = tensorShape(grid);
  const d = shape.length;
  const n = sizeOf(shape);
  const { matrix, offset } = indexToPhysical(grid);
  const out = Tensor.zeros([d, ...shape], "f64");
  const q = out.data;
  const u = w?.data;
  const index = new Array<number>(d).fill(0);
  for (let k = 0; k < n; k++) {
    for (let i = 0; i < d; i++) {
      let v = offset[i] + (u ? u[i * n + k] : 0);
      for (let j = 0; j < d; j++) v += matrix[i * d + j] * index[j];
      q[i * n + k] = v;
    }
    for (let j = 0; j < d && ++index[j] === grid.size[j]; j++) index[j] = 0;
  }
  return out;
}

/** A(p + w) + b − p on the samples p of a grid. */
function afterAffine(t: AffineTransform, grid: Grid, w: Tensor | undefined): Tensor {
  if (!w) return t.displacement(grid);
  const d = t.dimension;
  const { matrix } = t.map;
  const minus = matrix.map((v, i) => v - identity(d)[i]);
  const here = indexToPhysical(grid);
  const constant = applyAffine({ matrix: minus, offset: t.map.offset }, here.offset);
  const out = Tensor.uninitialised(w.shape);
  affinePlanes(engine(), w.pointer, out.pointer, tensorShape(grid), { field: matrix, voxel: multiply(minus, here.matrix, d), constant });
  return out;
}
