import { ArgumentError } from "../core/errors.js";
import { applyAffine, type Grid, indexToPhysical, tensorShape } from "../image/grid.js";
import { identity, multiply } from "../image/matrix.js";
import { engine } from "../kernels/engine.js";
import { affinePlanes } from "../kernels/planes.js";
import { scope } from "../tensor/storage.js";
import { Tensor } from "../tensor/tensor.js";
import { AffineTransform } from "./affine.js";
import { DisplacementTransform } from "./displacement.js";
import type { Space, Transform } from "./transform.js";

/** Maps one after another: parts[0] first. */
export class CompositeTransform implements Transform {
  readonly kind = "composite";
  readonly parts: readonly Transform[];
  constructor(parts: readonly Transform[]) {
    this.parts = parts.flatMap((p) => (p instanceof CompositeTransform ? p.parts : [p]));
    if (this.parts.length === 0) throw new ArgumentError("composite: it needs at least one transform", {});
    for (const p of this.parts)
      if (p.dimension !== this.parts[0].dimension)
        throw new ArgumentError(`composite: a ${p.dimension}-D and a ${this.parts[0].dimension}-D transform cannot follow each other`, {});
  }
  get dimension(): number {
    return this.parts[0].dimension;
  }
  get from(): Space {
    return this.parts[0].from;
  }
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
        else if (part instanceof DisplacementTransform) {
          const u = w ? part.displacementAt(grid, w) : part.displacement(grid);
          w = w ? w.add(u) : u;
        } else throw new ArgumentError(`composite: no dense form of a ${part.kind} transform`, {});
      }
      return w as Tensor;
    });
  }
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
