import { ArgumentError, ShapeError } from "../core/errors.js";
import type { Grid } from "../core/interfaces.js";
import { applyAffine, indexToPhysical, tensorShape } from "../image/grid.js";
import { scope, type Tensor, turnPlanes } from "../tensor/index.js";
import { AffineTransform } from "../transforms/affine.js";
import { warp } from "../transforms/warp.js";
import type { DiffeoInput } from "./diffeo.js";
import type { GeneralStart } from "./general.js";
import { atSpacing, baseSpacing } from "./levels.js";

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
 * The velocity that a network proposes for moving under the linear map, in mm on a grid of its own.
 * @throws ArgumentError for volumes and colour; ShapeError when the network answers in another shape
 */
export function predicted(
  { fixed, moving, map }: Pick<DiffeoInput, "fixed" | "moving" | "map">,
  network: DeformationNetwork,
): GeneralStart {
  const d = fixed.grid.size.length;
  if (d !== 2 || fixed.values.shape[0] !== 1)
    throw new ArgumentError(
      `register: the network takes gray pictures; these are ${d}-D with ${fixed.values.shape[0]} ${fixed.values.shape[0] === 1 ? "channel" : "channels"}; take preset diffeo`,
      { dimension: d, channels: fixed.values.shape[0] },
    );
  return scope(() => {
    const base = baseSpacing(fixed.grid);
    const shrink =
      2 ** Math.max(0, Math.ceil(Math.log2(Math.max(...fixed.grid.size.map((n, i) => (n * fixed.grid.spacing[i]) / base)) / longest)));
    const [f, m] = [fixed, moving].map((image) => (shrink === 1 ? image : atSpacing(image, shrink * base)));
    const near = warp(m, new AffineTransform(map), f.grid, { border: "clamp" });
    const [h, w] = tensorShape(f.grid);
    const v = network(f.values.reshape(h, w), near.values.reshape(h, w));
    const grid = halved(f.grid);
    const expected = [2, ...tensorShape(grid)];
    if (v.rank !== 3 || expected.some((n, i) => n !== v.shape[i]))
      throw new ShapeError(`register: the network gave ${v.shape.join("×")}; expected a velocity ${expected.join("×")}`, {
        shape: v.shape,
      });
    return { parameters: { velocity: turnPlanes(v, indexToPhysical(grid).matrix) }, grid };
  });
}
