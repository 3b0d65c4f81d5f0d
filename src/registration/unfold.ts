import type { Grid, Parameters, TransformFamily } from "../core/interfaces.js";
import { determinants } from "../regularisers/volume.js";
import { dispose, gaussian, keep, scope, stopGradient, type Tensor } from "../tensor/index.js";
import { leavesOf, mapLeaves } from "../tensor/variables.js";

/** Below this the barrier stands. */
const near = 0.2;
/**
 * A barrier against folds,  B(u) = w mean ½ (min(0, det(I + ∇u) − ε)/ε)², ε = 0.2: nothing as long as every voxel keeps a fifth of its volume, and for each
 * that folds many times what a metric (a mean of order 1) could gain there. Undefined where it is 0 with all its slopes: then it costs one pass, and
 * changes no bit of the result.
 */
export function foldBarrier(u: Tensor, grid: Grid, weight = 20): Tensor | undefined {
  const least = scope(() => determinants(stopGradient(u), grid).min().item());
  if (!(least < near)) return undefined;
  return determinants(u, grid)
    .sub(near)
    .minimum(0)
    .square()
    .mean()
    .mul((0.5 * weight) / near ** 2);
}

export interface Unfolded {
  readonly parameters: Parameters;
  /** Voxels with det ≤ 0 before and after. */
  readonly folded: number;
  readonly left: number;
}
/** Where det(I + ∇u) is below this, there is something to do. */
const least = 0.02;
/**
 * Parameters without folds: where det(I + ∇u) on a grid is nearly 0 or less, they are drawn towards the mean of their neighbours, over a surrounding that
 * grows from round to round, until no such place is left. What does not fold is not touched.
 * @param grid  the grid that the parameters belong to
 * @param on    where folds are looked for
 */
export function unfolded(family: TransformFamily, given: Parameters, grid: Grid, on: Grid = grid, rounds = 60): Unfolded {
  let parameters = given;
  let folded: number | undefined;
  for (let round = 0; ; round++) {
    const next = scope(() => {
      const det = determinants(family.displacement(parameters, grid, on), on);
      const left = det.lessEqual(0).sum().item();
      if (!(det.min().item() < least) || !family.smoothed || round === rounds) return { left, parameters: undefined };
      // As wide as y bends, and wider the longer it takes; 1 around every bad voxel, falling to 0.
      const length = (family.bendsOver?.(grid) ?? 2 * Math.min(...grid.spacing)) * 0.6 * (1 + round / 10);
      const sigma = [...on.spacing].reverse().map((s, k) => (det.shape[k] > 1 ? Math.min(length / s, det.shape[k]) : 0));
      const peak = sigma.reduce((p, s) => p * Math.max(1, Math.sqrt(2 * Math.PI) * s), 1);
      const bad = det
        .less(least)
        .cast("f32")
        .reshape(1, ...det.shape);
      const weights = gaussian(bad, { sigma })
        .mul(2 * peak)
        .minimum(1)
        .maximum(0);
      return { left, parameters: mapLeaves((t) => keep(t), family.smoothed(parameters, grid, weights, on)) };
    });
    folded ??= next.left;
    if (!next.parameters) return { parameters, folded, left: next.left };
    if (parameters !== given) dispose(leavesOf(parameters));
    parameters = next.parameters;
  }
}
