import { ArgumentError } from "../core/errors.js";
import type { Engine } from "./engine.js";
import type { Size3 } from "./reference/gaussian.js";
import { type LocalNccOptions, leastOf, localNccEpsilon } from "./reference/localNcc.js";
import { temporary } from "./temporary.js";

export { type LocalNccOptions, localNccEpsilon } from "./reference/localNcc.js";

/** Two image stacks [volumes, D, H, W] in the engine's memory, with an optional mask of weights of the same shape. */
export interface LocalNccImages {
  readonly warped: number;
  readonly fixed: number;
  readonly mask?: number;
  readonly volumes: number;
  readonly size: Size3;
}

/** Where the first pass leaves what the second needs: a block of `localNccFieldBytes`, for the gradient of one image or of both. */
export interface LocalNccFields {
  readonly at: number;
  readonly both: boolean;
}

/** The table of intervals behind the fields. */
const activeAt = (images: LocalNccImages, fields: LocalNccFields | undefined) =>
  fields ? fields.at + localNccFieldBytes(images, fields.both) - 8 * images.volumes * images.size[0] * images.size[1] : 0;

/**
 * Block sizes that depend only on the problem. Warming up a block costs additions over 2r planes, which is little, and over 2r rows of
 * everything but the last step, which is more: so thin blocks of whole planes, as long as their sums fit a second-level cache.
 */
function blocks({ volumes, size: [D, H, W] }: LocalNccImages, radius: Size3) {
  const cut = (n: number, most: number) => Math.ceil(n / Math.max(1, Math.ceil(n / most)));
  const planes = cut(D, Math.max(20, 5 * radius[0]));
  const inDepth = volumes * Math.ceil(D / planes);
  const fitting = Math.max(32, 8 * radius[1], Math.floor(32768 / Math.max(1, W)));
  const rows = cut(H, inDepth >= 8 ? fitting : Math.min(fitting, Math.max(32, 8 * radius[1], Math.ceil((H * inDepth) / 8))));
  return { planes, rows, extent: inDepth * Math.ceil(H / rows) };
}

function prepare(e: Engine, reserve: (bytes: number) => number, images: LocalNccImages, options: LocalNccOptions) {
  const { offset = [0, 0], scale = [1, 1] } = options;
  if (options.radius.some((r) => !Number.isInteger(r) || r < 0 || r > 1000))
    throw new ArgumentError(`localNcc: radius [${options.radius.join(", ")}]; give whole voxels along z, y, x, 0 or more`, {
      radius: options.radius,
    });
  // A window that reaches past both ends is the same as one that just does.
  const radius = options.radius.map((r, axis) => Math.max(0, Math.min(r, images.size[axis] - 1))) as unknown as Size3;
  const stats = reserve(16 * images.volumes);
  const table = e.f32(stats, 4 * images.volumes);
  for (let v = 0; v < images.volumes; v++) table.set([offset[1], scale[1], offset[0], scale[0]], 4 * v);
  return { radius, stats, ...blocks(images, radius) };
}

/** Bytes of the fields between the two passes: three or five images with padded rows, and for each row where it is not zero. */
export function localNccFieldBytes({ volumes, size: [D, H, W] }: LocalNccImages, both: boolean): number {
  return volumes * ((both ? 5 : 3) * (16 * Math.ceil(W / 4) * D * H + 320) + 8 * D * H);
}

/**
 * Σ over all voxels of w cc, cc the squared (or signed) local correlation in windows of (2r + 1) voxels along each axis (see the twin for the formula).
 * With `fields`, what the gradient needs is written there.
 */
export function localNccForward(e: Engine, images: LocalNccImages, options: LocalNccOptions, fields?: LocalNccFields): number {
  const { warped, fixed, mask = 0, size } = images;
  const [D, H, W] = size;
  if (images.volumes * D * H * W === 0) return 0;
  return temporary(e, (reserve) => {
    const { radius, stats, planes, rows, extent } = prepare(e, reserve, images, options);
    const { epsilon = localNccEpsilon, least = leastOf(options.radius) } = options;
    const count = images.volumes * D * H;
    const extents = reserve(8 * count);
    e.parallel("localNccExtents", [fixed, warped, mask, stats, extents, D * H, W], {
      extent: count,
      grain: Math.max(64, Math.ceil(65536 / W)),
    });
    const at = fields?.at ?? 0;
    return e.parallel(
      "localNccForward",
      [
        fixed,
        warped,
        mask,
        stats,
        extents,
        at,
        at && activeAt(images, fields),
        fields?.both ? 1 : 0,
        D,
        H,
        W,
        ...radius,
        planes,
        rows,
        epsilon,
        least,
        options.signed ? 1 : 0,
      ],
      { extent, grain: 1, workspace: e.call("localNccWorkspace", mask ? 6 : 5, H, W, rows, radius[1], radius[2]) },
    );
  });
}

/** factor · ∂Σ/∂warped and, from fields made for both, factor · ∂Σ/∂fixed, each written to a block of the images' shape. */
export function localNccBackward(
  e: Engine,
  images: LocalNccImages,
  options: LocalNccOptions,
  fields: LocalNccFields,
  factor: number,
  gradients: { readonly warped?: number; readonly fixed?: number },
): void {
  const { warped, fixed, mask = 0, size } = images;
  const [D, H, W] = size;
  if (gradients.fixed && !fields.both)
    throw new ArgumentError("localNcc: the gradient of the fixed image needs fields made for both images", {});
  if (images.volumes * D * H * W === 0) return;
  temporary(e, (reserve) => {
    const { radius, stats, planes, rows, extent } = prepare(e, reserve, images, options);
    const q = gradients.fixed ? 5 : 3;
    e.parallel(
      "localNccBackward",
      [
        fixed,
        warped,
        mask,
        stats,
        fields.at,
        activeAt(images, fields),
        fields.both ? 1 : 0,
        gradients.fixed ?? 0,
        gradients.warped ?? 0,
        factor,
        D,
        H,
        W,
        ...radius,
        planes,
        rows,
      ],
      { extent, grain: 1, workspace: e.call("localNccWorkspace", q, H, W, rows, radius[1], radius[2]) },
    );
  });
}
