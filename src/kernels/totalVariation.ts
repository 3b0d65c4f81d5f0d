import type { Engine } from "./engine.js";
import type { TvGeometry, TvNumbers, TvSums } from "./reference/totalVariation.js";

export type { TvGeometry, TvNumbers, TvSums } from "./reference/totalVariation.js";

/** A picture is one row deep for the kernel: its rows are the planes that slabs are made of. */
function box(size: readonly number[]): { D: number; H: number; W: number; d: number; planes: number } {
  const d = size.length;
  const [D, H, W] = d === 3 ? size : d === 2 ? [size[0], 1, size[1]] : [1, 1, size[0]];
  return { D: H * W === 0 ? 0 : D, H, W, d, planes: H * W };
}
const grainOf = (planes: number, samples: number) => Math.max(1, Math.floor(samples / Math.max(1, planes)));

/** One step from (x, p) to (xOut, pOut), which must be other memory. All are addresses of floats; w: 0 for ones. */
export function tvStep(
  e: Engine,
  x: number,
  p: number,
  y: number,
  w: number,
  xOut: number,
  pOut: number,
  { size, periodic, isotropic }: TvGeometry,
  { tau, sigma, theta, lambda, shrink, rho }: TvNumbers,
): void {
  const { D, H, W, d, planes } = box(size);
  // A slab computes one plane more than it has: long slabs, but several for each thread.
  const grain = Math.max(grainOf(planes, 16_384), d === 3 ? 4 : 1);
  e.parallel("tvStep", [x, p, y, w, xOut, pOut, D, H, W, d, Number(periodic), Number(isotropic), tau, sigma, theta, lambda, shrink, rho], {
    extent: D,
    grain,
    workspace: 2 * 4 * H * (W + 8),
  });
}

/** The sums of `TvSums`; p: 0 for none. */
export function tvSums(
  e: Engine,
  x: number,
  p: number,
  y: number,
  w: number,
  { size, periodic, isotropic }: TvGeometry,
  alpha = 0,
): TvSums {
  const { D, H, W, d, planes } = box(size);
  const grain = Math.max(grainOf(planes, 8_192), Math.ceil(D / 256));
  const slabs = Math.ceil(D / grain);
  const total = new Float64Array(6);
  if (slabs > 0) {
    const out = e.allocate(48 * slabs);
    try {
      e.parallel("tvSums", [x, p, y, w, D, H, W, d, Number(periodic), Number(isotropic), alpha, out, grain], { extent: D, grain });
      const parts = e.f64(out, 6 * slabs);
      for (let k = 0; k < 6 * slabs; k++) total[k % 6] += parts[k];
    } finally {
      e.free(out);
    }
  }
  const [fit, tv, ty, tt, off, pp] = total;
  return { fit, tv, ty, tt, off, pp };
}

/** One splitting step from (u, v) to (uOut, vOut) and b = ∇*vOut, which must be other memory. All are addresses of floats. */
export function tvSplit(
  e: Engine,
  x: number,
  u: number,
  v: number,
  uOut: number,
  vOut: number,
  b: number,
  { size, periodic, isotropic }: TvGeometry,
  omega: number,
  radius: number,
): void {
  const { D, H, W, d, planes } = box(size);
  const grain = Math.max(grainOf(planes, 16_384), d === 3 ? 4 : 1);
  e.parallel("tvSplit", [x, u, v, uOut, vOut, b, D, H, W, d, Number(periodic), Number(isotropic), omega, radius], {
    extent: D,
    grain,
    workspace: 4 * (2 * d * H + 1) * (W + 8),
  });
}
