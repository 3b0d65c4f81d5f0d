import type { Grid, Image } from "../core/interfaces.js";
import { centreOf, coarsened, identityMap, voxelsOf } from "../image/grid.js";
import { engine } from "../kernels/engine.js";
import { dispose, keep, scope, type Tensor } from "../tensor/index.js";
import type { DiffeoInput } from "./diffeo.js";
import { atSpacing, baseSpacing } from "./levels.js";

/** The images of a run, and where they count. */
export interface Rehearsed {
  readonly fixed: Image;
  readonly moving: Image;
  readonly fixedMask?: Tensor;
  readonly movingMask?: Tensor;
}

/**
 * Bytes that a search for a deformation holds at most beside what is there already, found by doing a few steps of it on small copies of the images:
 * peak(small) · max(voxels/voxels(small), level's voxels/level's voxels(small)). What a metric, a regulariser and their derivatives keep is nobody's to count
 * then, the user's own parts included. Undefined where the small copies cannot be registered.
 * @param shrink  the finest level that the run may have
 * @param align   the search on that level, ended after some steps
 */
export async function rehearsedBytes(
  images: Rehearsed,
  shrink: number,
  align: (input: DiffeoInput) => Promise<{ readonly parameters: unknown }>,
): Promise<number | undefined> {
  const { grid } = images.fixed;
  const d = grid.size.length;
  // Levels of about ten samples along an axis in space, 24 in the plane; fixed itself of 24 and 64 at least.
  const enough = d === 3 ? Math.max(24, 10 * shrink) ** 3 : Math.max(64, 24 * shrink) ** 2;
  const factor = Math.max(1, (voxelsOf(grid) / enough) ** (1 / d));
  const spacing = factor * geometricMean(grid.spacing);
  const small = (image: Image) => scope(() => ({ values: atSpacing(image, spacing).values.mul(1), grid: coarsened(image.grid, spacing) }));
  const mask = (values: Tensor | undefined, image: Image) => values && small({ values, grid: image.grid }).values;
  const copies = keep({
    fixed: small(images.fixed),
    moving: small(images.moving),
    fixedMask: mask(images.fixedMask, images.fixed),
    movingMask: mask(images.movingMask, images.moving),
  });
  const [from, to] = [centreOf(copies.fixed.grid), centreOf(copies.moving.grid)];
  const map = { matrix: identityMap(d).matrix, offset: to.map((v, i) => v - from[i]) };
  let result: { readonly parameters: unknown } | undefined;
  try {
    const { used } = engine().memoryUse;
    engine().resetPeak();
    result = await align({ ...copies, map });
    const peak = engine().memoryUse.peak - used;
    const at = (g: Grid) => voxelsOf(coarsened(g, shrink * baseSpacing(g)));
    return peak * Math.max(voxelsOf(grid) / voxelsOf(copies.fixed.grid), at(grid) / at(copies.fixed.grid));
  } catch {
    return undefined; // the run itself will say why
  } finally {
    dispose(copies, result?.parameters);
  }
}
const geometricMean = (v: readonly number[]) => v.reduce((p, q) => p * q, 1) ** (1 / v.length);
