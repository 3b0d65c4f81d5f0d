import type { Image } from "../core/interfaces.js";
import { concat, mindFloor, mindSsc } from "../tensor/index.js";
import { byFeatures } from "./features.js";
import type { ImageMetric, ImageRole, MetricForms } from "./imageMetric.js";
import { channelsOf } from "./weights.js";

/** How far self-similarity descriptors look, and how they weigh noise. */
export interface MindOptions {
  /** Half the patch, voxels. Default 1. */
  readonly radiusVoxels?: number;
  /** From a voxel to its neighbours, voxels. Default 1: what is further away is nearer on a coarser level. */
  readonly dilationVoxels?: number;
  /**
   * Deformations describe both images once on each level and warp the descriptions: about half the time, and less right where the deformation turns or
   * stretches, for a description does not. Default false: the warped images are described anew in every step.
   */
  readonly describeOnce?: boolean;
}

/**
 * Half the mean squared difference of self-similarity contexts,  D = ½ Σ w |s(W) − s(F)|² / Σ w, the mean over their 12 (in the plane 4) channels too:
 * each voxel is described by how alike the patches around it are, which every modality shows in the same way. Blind to v ↦ a v + b, also with a < 0,
 * and nearly to any map of values that keeps edges. Channels are averaged.
 * @throws GridError when the two are not on one grid
 * @see Heinrich, Jenkinson, Papież, Brady, Schnabel (2013), Towards realtime multimodal fusion for image-guided interventions using self-similarities, MICCAI
 */
export const mind = ({
  radiusVoxels: radius = 1,
  dilationVoxels: dilation = 1,
  describeOnce = false,
}: MindOptions = {}): ImageMetric & Required<Omit<MetricForms, "slopes">> => {
  const along = (image: Image, v: number) => image.grid.size.map((n) => (n === 1 ? 0 : v)).reverse();
  const floorsOf = (image: Image) => channelsOf(image.values).map(([x]) => mindFloor(x, along(image, dilation)));
  const form = (floors?: Readonly<Record<ImageRole, readonly number[]>>) =>
    byFeatures("mind", {
      reach: radius + dilation,
      describe(image, role) {
        const parts = channelsOf(image.values).map(([x], c) =>
          mindSsc(x, { radius: along(image, radius), dilation: along(image, dilation), floor: floors?.[role][c] }),
        );
        return parts.length === 1 ? parts[0] : concat(parts);
      },
    });
  return {
    name: "mind",
    local: true,
    describeOnce,
    unlikeContrasts: true,
    ...form(),
    prepare: (fixed, moving) => form({ fixed: floorsOf(fixed), moving: floorsOf(moving) }),
  };
};
