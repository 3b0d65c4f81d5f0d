import { ArgumentError, ShapeError } from "../core/errors.js";
import type { Grid } from "../core/interfaces.js";
import { applyAffine, betweenIndices, identityMap, indexToPhysical, tensorShape } from "../image/grid.js";
import { scope, Tensor, turnPlanes, warpAffine } from "../tensor/index.js";
import { AffineTransform, CompositeTransform, DisplacementTransform, exponential } from "../transforms/index.js";
import { baseOf, warp } from "../transforms/warp.js";
import type { DiffeoInput } from "./diffeo.js";
import type { GeneralStart } from "./general.js";
import { atSpacing, baseSpacing } from "./levels.js";
import { activeRegion, cropped } from "./region.js";

/**
 * What proposes a deformation for two pictures [y, x] on one grid: a stationary velocity v on half the resolution, planes x, y in its voxels,
 * [2, ⌈y/2⌉, ⌈x/2⌉], with moving ∘ exp(v) ≈ fixed. `learnedDeformation` of pullback/models makes one of trained weights.
 */
export type DeformationNetwork = (fixed: Tensor, moving: Tensor) => Tensor;

/** Samples along the longest axis that a network is shown at most: finer pictures are reduced, as it knows shapes by their size in samples. */
const longest = 384;

/** Every other sample's place, in the middle between two: a grid of half the resolution that covers the same extent. */
export function halved(grid: Grid): Grid {
  return {
    size: grid.size.map((n) => Math.ceil(n / 2)),
    spacing: grid.spacing.map((s) => 2 * s),
    origin: applyAffine(
      indexToPhysical(grid),
      grid.size.map(() => 0.5),
    ),
    direction: grid.direction,
  };
}

/**
 * The velocity that a network proposes for moving under the linear map, in mm on a grid of its own. The network looks `looks` times: what a proposal
 * leaves over is shown to it again, and velocities are added, which is the flow of both to first order (Baker–Campbell–Hausdorff). Background costs as
 * much as anatomy: only the box in which either picture shows something is looked at.
 * @throws ArgumentError for volumes and colour; ShapeError when the network answers in another shape
 */
export function predicted(
  { fixed, moving, map }: Pick<DiffeoInput, "fixed" | "moving" | "map">,
  network: DeformationNetwork,
  looks = 2,
): GeneralStart {
  const d = fixed.grid.size.length;
  if (d !== 2 || fixed.values.shape[0] !== 1)
    throw new ArgumentError(
      `register: the network takes gray pictures; these are ${d}-D with ${fixed.values.shape[0]} ${fixed.values.shape[0] === 1 ? "channel" : "channels"}; take preset diffeo`,
      { dimension: d, channels: fixed.values.shape[0] },
    );
  return scope(() => {
    const region = activeRegion(fixed, moving, map);
    const seen = region ? cropped(fixed, region) : fixed;
    const base = baseSpacing(seen.grid);
    const extent = Math.max(...seen.grid.size.map((n, i) => (n * seen.grid.spacing[i]) / base));
    const shrink = 2 ** Math.max(0, Math.ceil(Math.log2(extent / longest)));
    const [f, m] = [seen, moving].map((image) => (shrink === 1 ? image : atSpacing(image, shrink * base)));
    const [h, w] = tensorShape(f.grid);
    const grid = halved(f.grid);
    const expected = [2, ...tensorShape(grid)];
    const affine = new AffineTransform(map);
    const toMm = indexToPhysical(grid).matrix;
    let velocity: Tensor | undefined;
    for (let look = 0; look < looks; look++) {
      const y = velocity ? new CompositeTransform([flowOf(velocity, grid, f.grid), affine]) : affine;
      const near = warp(m, y, f.grid, { border: "clamp" });
      const v = network(f.values.reshape(h, w), near.values.reshape(h, w));
      if (v.rank !== 3 || expected.some((n, i) => n !== v.shape[i]))
        throw new ShapeError(`register: the network gave ${v.shape.join("×")}; expected a velocity ${expected.join("×")}`, {
          shape: v.shape,
        });
      const more = turnPlanes(v, toMm);
      velocity = velocity ? velocity.add(more) : more;
    }
    return { parameters: { velocity: velocity ?? Tensor.zeros(expected) }, grid };
  });
}
/** exp(v) as a displacement on another grid, which it covers to the border. */
function flowOf(velocity: Tensor, grid: Grid, on: Grid): DisplacementTransform {
  const base = baseOf(betweenIndices(on, identityMap(2), grid));
  return new DisplacementTransform(warpAffine(exponential(velocity, grid, 6), base, tensorShape(on)), on);
}
