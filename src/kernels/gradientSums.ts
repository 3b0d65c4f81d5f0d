import type { Engine } from "./engine.js";
import type { GradientSums } from "./reference/gradientSums.js";

export type { GradientSums } from "./reference/gradientSums.js";

const block = 42;

/**
 * One pass over a grid: the sums of `GradientSums`. All but the size are addresses of floats; gradient: d planes; weight and inside: 0 for ones.
 * The sums are kept about the grid's centre and moved to voxel coordinates in f64 at the end.
 */
export function gradientSums(
  e: Engine,
  v: number,
  u: number,
  gradient: number,
  size: readonly number[],
  weight = 0,
  inside = 0,
): GradientSums {
  const d = size.length;
  const [D, H, W] = d === 3 ? size : [1, ...size];
  const n = D * H * W;
  const rows = W === 0 ? 0 : D * H;
  const grain = Math.max(1, Math.floor(20_000 / Math.max(1, W)), Math.ceil(rows / 512));
  const slabs = Math.ceil(rows / grain);
  const centre = [(W - 1) / 2, (H - 1) / 2, (D - 1) / 2];
  const total = new Float64Array(block);
  if (slabs > 0) {
    const out = e.allocate(slabs * block * 8);
    try {
      e.parallel("gradientSums", [v, u, weight, inside, gradient, d, H, W, n, ...centre, out, grain], { extent: rows, grain });
      const parts = e.f64(out, slabs * block);
      for (let k = 0; k < slabs; k++) for (let i = 0; i < block; i++) total[i] += parts[k * block + i];
    } finally {
      e.free(out);
    }
  }
  const of = (which: number) =>
    Float64Array.from({ length: d * (d + 1) }, (_, k) => {
      const [a, i] = [Math.floor(k / (d + 1)), k % (d + 1)];
      const at = 12 * a + 4 * which;
      return i === d ? total[at] : total[at + 1 + i] + centre[i] * total[at]; // p = p̂ + c
    });
  const [w, t, tt, own, uu, ut] = total.subarray(36);
  return { ofDifference: of(0), ofOwn: of(1), ofOne: of(2), weight: w, t, tt, u: own, uu, ut };
}
