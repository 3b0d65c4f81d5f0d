import type { Image } from "../core/interfaces.js";
import { type AffineMap, applyAffine, composeAffine, cornersOf, identityMap, tensorShape } from "../image/grid.js";
import type { ImageMetric } from "../metrics/index.js";
import { scope, Tensor } from "../tensor/index.js";
import { AffineTransform } from "../transforms/affine.js";
import { warp } from "../transforms/warp.js";
import type { LinearLevel, LinearResult } from "./linearFamily.js";

/** Most times that the moving image is described anew. */
const rounds = 3;

/**
 * A level whose images are descriptions, for a metric that is the squared difference of descriptions: the fixed image as it is, the moving one as it
 * looks under `map`, on the fixed grid. Masks of both become one on that grid.
 */
export function described(level: LinearLevel, map: AffineMap, metric: ImageMetric): LinearLevel {
  const { fixed, moving, fixedMask, movingMask } = level;
  return scope(() => {
    const ready = metric.prepare?.(fixed, moving) ?? metric;
    const features = ready.features ?? metric.features;
    if (!features) throw new TypeError(`${metric.name} has no features`);
    const y = new AffineTransform(map);
    const values = warp(moving, y, fixed.grid, { border: "clamp" }).values;
    const extent: Image = { values: movingMask ?? Tensor.ones([1, ...tensorShape(moving.grid)]), grid: moving.grid };
    const inside = warp(extent, y, fixed.grid).values;
    const whole = !movingMask && inside.min().item() > 0.99;
    const f = features(fixed, "fixed", fixedMask);
    const m = features({ values, grid: fixed.grid }, "moving", whole ? undefined : inside);
    const mask = f.mask && m.mask ? f.mask.mul(m.mask) : (f.mask ?? m.mask);
    return { fixed: f.image, moving: m.image, fixedMask: mask };
  });
}

/**
 * A linear map by descriptions: these are warped by Δ, y = start ∘ Δ. A description does not turn with the image, so the moving image is described
 * anew under what was found, until Δ moves nothing by a quarter of a voxel (at most three times).
 */
export async function alignDescribed(
  level: LinearLevel,
  start: AffineMap,
  metric: ImageMetric,
  solve: (level: LinearLevel, start: AffineMap) => Promise<LinearResult>,
  free: (level: LinearLevel) => void,
): Promise<LinearResult> {
  const { grid } = level.fixed;
  let map = start;
  const values: number[] = [];
  for (let k = 1; ; k++) {
    const images = described(level, map, metric);
    try {
      const result = await solve(images, identityMap(grid.size.length));
      map = composeAffine(map, result.map);
      values.push(...(values.length === 0 ? result.values : result.values.slice(1)));
      const moved = Math.max(...cornersOf(grid).map((p) => Math.hypot(...applyAffine(result.map, p).map((v, i) => v - p[i]))));
      if (k === rounds || moved < 0.25 * Math.min(...grid.spacing)) return { ...result, map, values };
    } finally {
      free(images);
    }
  }
}
