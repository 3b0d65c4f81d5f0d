import type { Image, Transform } from "../core/interfaces.js";
import { fieldOfView } from "../features/fieldOfView.js";
import { orientation } from "../features/orientation.js";
import { applyAffine, type Grid, indexToPhysical } from "../image/grid.js";
import { scope, Tensor } from "../tensor/index.js";
import { identityTransform, warp } from "../transforms/index.js";
import { atSpacing } from "./levels.js";
import { atHome, blocksBetween, rimOf } from "./search.js";

/** How many edges of two images lie on each other, and how many would by chance. */
export interface Agreement {
  /** Planes that were large enough to look at. */
  readonly planes: number;
  /** Blocks with structure in both images, on all planes looked at. */
  readonly blocks: number;
  /** Those whose best shift is (nearly) none. */
  readonly home: number;
  /** Agreement of edge directions in standard deviations of what unrelated directions give. */
  readonly score: number;
}
export interface Compared {
  readonly fixed: Image;
  readonly moving: Image;
  readonly fixedMask?: Tensor;
  readonly movingMask?: Tensor;
}

/** Lattices to look at: the picture itself; in space three planes across each axis, at 35, 50 and 65 % of the extent. */
function planes(grid: Grid, h: number): Grid[] {
  const d = grid.size.length;
  const extent = grid.size.map((n, a) => n * grid.spacing[a]);
  const counts = extent.map((e) => Math.max(1, Math.round(e / h)));
  const start = (size: readonly number[], across: number, share: number) => {
    // Index coordinates of the first sample: centred along the plane, at its share across it.
    const first = size.map((n, a) => {
      const middle = a === across ? share * grid.size[a] - 0.5 : (grid.size[a] - 1) / 2;
      return middle - ((n - 1) / 2) * (h / grid.spacing[a]);
    });
    return applyAffine(indexToPhysical(grid), first);
  };
  const made = (size: readonly number[], across: number, share: number): Grid => ({
    size,
    spacing: size.map(() => h),
    origin: start(size, across, share),
    direction: grid.direction,
  });
  if (d === 2) return [made(counts, -1, 0)];
  return [0, 1, 2].flatMap((across) =>
    [0.35, 0.5, 0.65].map((share) =>
      made(
        counts.map((n, a) => (a === across ? 1 : n)),
        across,
        share,
      ),
    ),
  );
}

/**
 * Do the edges of two images agree under a transform, place by place? On one plane (in space on nine), blocks of the warped moving image look
 * for their best shift by edge directions: where the images show the same thing, it is none; elsewhere any of the 289 is as likely as another.
 * No contrast enters, and the rim of a field of view does not count.
 * @param samples  along the longest axis
 */
export function agreement(images: Compared, y: Transform, samples: number, tile: number): Agreement {
  const { grid } = images.fixed;
  const h = Math.max(...grid.size.map((n, a) => n * grid.spacing[a])) / samples;
  // The extent of an image where no mask is given: ones at the spacing that is looked at, not at the image's own.
  const inside = (coarse: Image, im: Image, mask?: Tensor) =>
    mask ? { values: mask, grid: im.grid } : { values: Tensor.ones([1, ...coarse.values.shape.slice(1)]), grid: coarse.grid };
  return scope(() => {
    const [fixed, moving] = [atSpacing(images.fixed, h), atSpacing(images.moving, h)];
    const [insideFixed, insideMoving] = [inside(fixed, images.fixed, images.fixedMask), inside(moving, images.moving, images.movingMask)];
    const here = identityTransform(grid.size.length);
    let [looked, blocks, home, products, energy] = [0, 0, 0, 0, 0];
    for (const plane of planes(grid, h)) {
      const [width, height] = plane.size.filter((n, a) => n > 1 || (plane.size.length === 2 && a < 2));
      if (!(width >= 24 && height >= 24)) continue;
      looked++;
      const on = (im: Image, transform: Transform, border: "clamp" | "constant") =>
        scope(() => Float32Array.from(warp(im, transform, plane, { border }).values.data.subarray(0, width * height)));
      const [a, b] = [on(fixed, here, "clamp"), on(moving, y, "clamp")];
      const [inA, inB] = [on(insideFixed, here, "constant"), on(insideMoving, y, "constant")];
      const [viewA, viewB] = [a, b].map((v) => fieldOfView(v, width, height, rimOf(1)));
      // What lies beyond the moving image is unknown, and so are edges near there.
      const outside = inB.map((v) => (v > 0.5 ? 0 : 1));
      const near = spread(outside, width, height, rimOf(1));
      const weightA = inA.map((v, k) => (v > 0.5 ? viewA[k] : 0));
      const weightB = inB.map((v, k) => (v > 0.5 && !near[k] ? viewB[k] : 0));
      const found = blocksBetween(
        { width, height },
        weightA,
        orientation(a, width, height),
        orientation(b, width, height, { weight: weightB }),
        tile,
        8,
      );
      blocks += found.blocks.length;
      home += atHome(found.blocks);
      products += found.products;
      energy += found.energy;
    }
    return { planes: looked, blocks, home, score: products / Math.sqrt(0.5 * energy + 1e-12) };
  });
}
function spread(x: Float32Array, width: number, height: number, r: number): Uint8Array {
  const out = new Uint8Array(x.length);
  for (let k = 0; k < x.length; k++) {
    if (x[k] === 0) continue;
    const [cx, cy] = [k % width, Math.floor(k / width)];
    // Only the rim of the outside has anything to spread to.
    if (cx > 0 && cx < width - 1 && cy > 0 && cy < height - 1 && x[k - 1] && x[k + 1] && x[k - width] && x[k + width]) {
      out[k] = 1;
      continue;
    }
    for (let y = Math.max(0, cy - r); y <= Math.min(height - 1, cy + r); y++)
      out.fill(1, y * width + Math.max(0, cx - r), y * width + Math.min(width, cx + r + 1));
  }
  return out;
}
