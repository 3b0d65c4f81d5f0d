import { distanceTransform } from "./distanceTransform.js";
import { checkLength, type Lattice, type Samples, sampleCount } from "./lattice.js";
import { quantile } from "./quantile.js";

/** Distances between two surfaces, both ways, in mm. */
export interface SurfaceDistance {
  /** max of the two directed 95th percentiles [mm]. */
  readonly hd95: number;
  /** Hausdorff distance: the largest of all surface distances [mm]. */
  readonly hausdorff: number;
  /** Mean of all distances, both directions together [mm]. */
  readonly mean: number;
}

/**
 * Distances between the surfaces of two regions, in the units of `spacing`:
 * HD95 = max( P95 { d(p, ∂B) : p ∈ ∂A }, P95 { d(q, ∂A) : q ∈ ∂B } ).
 * ∂A are the voxels of A with a face neighbour outside A (or outside the image). Exact: a distance transform, no sampling.
 * NaN when either region is empty: there is no surface to measure from.
 */
export function surfaceDistance(a: Samples, b: Samples, grid: Lattice): SurfaceDistance {
  checkLength("surfaceDistance", a, grid);
  checkLength("surfaceDistance", b, grid);
  const crop = boundingBox(a, b, grid);
  if (!crop) return { hd95: Number.NaN, hausdorff: Number.NaN, mean: Number.NaN };
  const edgeA = surface(crop.a, crop.grid);
  const edgeB = surface(crop.b, crop.grid);
  const toA = distanceTransform(edgeA, crop.grid);
  const toB = distanceTransform(edgeB, crop.grid);
  const forth = toB.filter((_, i) => edgeA[i] !== 0);
  const back = toA.filter((_, i) => edgeB[i] !== 0);
  if (forth.length === 0 || back.length === 0) return { hd95: Number.NaN, hausdorff: Number.NaN, mean: Number.NaN };
  const all = new Float64Array(forth.length + back.length);
  all.set(forth);
  all.set(back, forth.length);
  let sum = 0;
  let most = 0;
  for (const d of all) {
    sum += d;
    if (d > most) most = d;
  }
  return { hd95: Math.max(quantile(forth, 0.95), quantile(back, 0.95)), hausdorff: most, mean: sum / all.length };
}

/** The surface distances of one label in two label maps. */
export function labelSurfaceDistance(fixed: Samples, warped: Samples, label: number, grid: Lattice): SurfaceDistance {
  const pick = (map: Samples) => Uint8Array.from({ length: map.length }, (_, i) => (Math.round(map[i]) === label ? 1 : 0));
  return surfaceDistance(pick(fixed), pick(warped), grid);
}

/** Voxels of the region with a face neighbour outside it. */
export function surface(region: Samples, grid: Lattice): Uint8Array {
  const out = new Uint8Array(sampleCount(grid));
  const d = grid.size.length;
  const index = new Array<number>(d).fill(0);
  for (let i = 0; i < out.length; i++) {
    if (region[i]) {
      let stride = 1;
      for (let k = 0; k < d; k++) {
        if (index[k] === 0 || index[k] === grid.size[k] - 1 || !region[i - stride] || !region[i + stride]) {
          out[i] = 1;
          break;
        }
        stride *= grid.size[k];
      }
    }
    for (let k = 0; k < d && ++index[k] === grid.size[k]; k++) index[k] = 0;
  }
  return out;
}

/** Both regions cut to their joint bounding box, one voxel wider: small labels in big images stay cheap. */
function boundingBox(a: Samples, b: Samples, grid: Lattice) {
  const d = grid.size.length;
  const low = [...grid.size];
  const high = new Array<number>(d).fill(-1);
  const index = new Array<number>(d).fill(0);
  for (let i = 0; i < a.length; i++) {
    if (a[i] || b[i])
      for (let k = 0; k < d; k++) {
        if (index[k] < low[k]) low[k] = index[k];
        if (index[k] > high[k]) high[k] = index[k];
      }
    for (let k = 0; k < d && ++index[k] === grid.size[k]; k++) index[k] = 0;
  }
  if (high[0] < 0) return undefined;
  const from = low.map((v) => v - 1);
  const size = low.map((v, k) => high[k] - v + 3);
  const box: Lattice = { size, spacing: grid.spacing };
  const cut = (source: Samples) => {
    const out = new Uint8Array(sampleCount(box));
    const at = new Array<number>(d).fill(0);
    for (let i = 0; i < out.length; i++) {
      let j = 0;
      let stride = 1;
      let inside = true;
      for (let k = 0; k < d; k++) {
        const x = from[k] + at[k];
        if (x < 0 || x >= grid.size[k]) inside = false;
        j += x * stride;
        stride *= grid.size[k];
      }
      if (inside && source[j]) out[i] = 1;
      for (let k = 0; k < d && ++at[k] === size[k]; k++) at[k] = 0;
    }
    return out;
  };
  return { grid: box, a: cut(a), b: cut(b) };
}
