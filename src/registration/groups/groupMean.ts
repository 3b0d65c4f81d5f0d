import { GridError } from "../../core/errors.js";
import {
  type AffineMap,
  centreOf,
  composeAffine,
  type Grid,
  identityMap,
  indexToPhysical,
  physicalToIndex,
  sameGrid,
  tensorShape,
  voxelsOf,
} from "../../image/grid.js";
import { engine } from "../../kernels/engine.js";
import { invertField } from "../../kernels/invertField.js";
import { expm, logm } from "../../kernels/linalg.js";
import { affinePlanes } from "../../kernels/planes.js";
import { composeFields } from "../../kernels/sampling.js";
import { dispose, Tensor } from "../../tensor/index.js";

/** [[A, b], [0, 1]], row by row. */
export function homogeneous({ matrix, offset }: AffineMap): Float64Array {
  const d = offset.length;
  const out = new Float64Array((d + 1) ** 2);
  for (let i = 0; i < d; i++) {
    for (let j = 0; j < d; j++) out[i * (d + 1) + j] = matrix[i * d + j];
    out[i * (d + 1) + d] = offset[i];
  }
  out[(d + 1) ** 2 - 1] = 1;
  return out;
}
export function fromHomogeneous(h: ArrayLike<number>, d: number): AffineMap {
  return {
    matrix: Array.from({ length: d * d }, (_, k) => h[Math.floor(k / d) * (d + 1) + (k % d)]),
    offset: Array.from({ length: d }, (_, i) => h[i * (d + 1) + d]),
  };
}

/**
 * The maps with their common part taken off:  Aᵢ ∘ M⁻¹ with  Σ log(Aᵢ M⁻¹) = 0,  M the group's mean, by the fixed point  Aᵢ ← Aᵢ exp(−mean log Aᵢ).
 * The mean of matrices near each other exists, does not depend on where the origin of space lies, and is rigid when the maps are. Sums go in the order given.
 * @throws SingularError when a map has no logarithm (it mirrors, or turns by half a circle)
 * @see Pennec, Arsigny (2013), Exponential barycenters of the canonical Cartan connection and invariant means on Lie groups
 */
export function withoutMean(maps: readonly AffineMap[]): AffineMap[] {
  const d = maps[0].offset.length;
  let now = [...maps];
  for (let k = 0; k < 30; k++) {
    const mean = new Float64Array((d + 1) ** 2);
    for (const m of now) logm(homogeneous(m), d + 1).forEach((v, i) => (mean[i] += v / maps.length));
    const back = fromHomogeneous(
      expm(
        mean.map((v) => -v),
        d + 1,
      ),
      d,
    );
    now = now.map((m) => composeAffine(m, back));
    if (mean.every((v) => Math.abs(v) < 1e-12)) break;
  }
  return now;
}

/** u(p) ↦ M u(p), planes. */
function linearly(u: Tensor, matrix: readonly number[], out: Tensor = Tensor.uninitialised(u.shape)): Tensor {
  const d = u.shape[0];
  affinePlanes(engine(), u.pointer, out.pointer, u.shape.slice(1), {
    field: matrix,
    voxel: new Array<number>(d * d).fill(0),
    constant: new Array<number>(d).fill(0),
  });
  return out;
}
/** A displacement field in mm as one in voxels of its grid, and back. */
export const inVoxels = (u: Tensor, grid: Grid, out?: Tensor): Tensor => linearly(u, physicalToIndex(grid).matrix, out);
export const inMillimetres = (u: Tensor, grid: Grid, out?: Tensor): Tensor => linearly(u, indexToPhysical(grid).matrix, out);

/**
 * Displacements (millimetres, one grid) with their common part taken off: uᵢ ← (id + uᵢ) ∘ (id + ū)⁻¹ − id, after which their mean is 0: an average shape,
 * as the fields are linear in it. The old fields are freed.
 * @returns the longest vector of ū that was taken off, mm
 */
export function withoutMeanField(fields: readonly Tensor[], grid: Grid): { readonly fields: Tensor[]; readonly largest: number } {
  const e = engine();
  const size = tensorShape(grid);
  const mean = Tensor.zeros(fields[0].shape);
  meanOf(fields, mean);
  const n = voxelsOf(grid);
  const largest = longest(mean.data as Float32Array, n, grid.size.length);
  const inverse = Tensor.uninitialised(mean.shape);
  inVoxels(mean, grid, mean);
  invertField(e, mean.pointer, size, inverse.pointer);
  const voxel = mean; // its memory serves again
  const out = fields.map((u) => {
    inVoxels(u, grid, voxel);
    const moved = Tensor.uninitialised(u.shape);
    composeFields(e, voxel.pointer, size, inverse.pointer, size, moved.pointer);
    inMillimetres(moved, grid, moved);
    dispose(u);
    return moved;
  });
  dispose(mean, inverse);
  return { fields: out, largest };
}

function longest(data: Float32Array, n: number, d: number): number {
  let best = 0;
  for (let i = 0; i < n; i++) {
    let s = 0;
    for (let c = 0; c < d; c++) s += data[c * n + i] ** 2;
    if (s > best) best = s;
  }
  return Math.sqrt(best);
}

/** Mean of tensors of one shape, added in the order given, f64 block by block. */
export function meanOf(tensors: readonly Tensor[], out: Tensor): void {
  const y = out.data as Float32Array;
  const block = 8192;
  const sum = new Float64Array(block);
  for (let at = 0; at < y.length; at += block) {
    const m = Math.min(block, y.length - at);
    sum.fill(0);
    for (const t of tensors) {
      const x = t.data;
      for (let i = 0; i < m; i++) sum[i] += x[at + i];
    }
    for (let i = 0; i < m; i++) y[at + i] = sum[i] / tensors.length;
  }
}

/**
 * The grid on which a group meets: the images' own when they share one; otherwise the finest spacing, the largest extent along each axis and the mean of
 * the middles, with the images' directions when these agree and the axes of space when not. Does not depend on the images' order.
 * @throws GridError when dimensions or channels differ
 */
export function commonGrid(grids: readonly Grid[]): Grid {
  const d = grids[0].size.length;
  if (grids.some((g) => g.size.length !== d))
    throw new GridError("atlas: 2-D and 3-D images were given together; all must have the same dimension", {});
  if (grids.every((g) => sameGrid(g, grids[0]))) return grids[0];
  const agree = grids.every((g) => g.direction.every((v, i) => Math.abs(v - grids[0].direction[i]) < 1e-3));
  const direction = agree ? grids[0].direction : identityMap(d).matrix;
  const along = (g: Grid, axis: number): number => {
    let length = 0;
    for (let k = 0; k < d; k++) {
      let cosine = 0;
      for (let r = 0; r < d; r++) cosine += direction[r * d + axis] * g.direction[r * d + k];
      length += Math.abs(cosine) * g.size[k] * g.spacing[k];
    }
    return length;
  };
  const axes = Array.from({ length: d }, (_, i) => i);
  const spacing = axes.map((i) =>
    agree ? Math.min(...grids.map((g) => g.spacing[i])) : Math.min(...grids.map((g) => Math.min(...g.spacing))),
  );
  const size = axes.map((i) => Math.max(1, Math.ceil(Math.max(...grids.map((g) => along(g, i))) / spacing[i] - 1e-6)));
  const centre = axes.map((i) => grids.map((g) => centreOf(g)[i]).reduce((a, b) => a + b, 0) / grids.length);
  const reach = axes.map((r) => axes.reduce((s, i) => s + direction[r * d + i] * spacing[i] * ((size[i] - 1) / 2), 0));
  return { size, spacing, origin: centre.map((c, i) => c - reach[i]), direction };
}
