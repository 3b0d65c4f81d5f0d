import { ArgumentError, GridError } from "../../core/errors.js";
import type { Image } from "../../core/interfaces.js";
import { correlation } from "../../evaluation/imageErrors.js";
import { gridText, sameGrid } from "../../image/grid.js";
import { dispose, keep, scope } from "../../tensor/index.js";
import { CompositeTransform, type Transform, warp } from "../../transforms/index.js";
import { type RegisterOptions, type RegisterResult, register } from "../register.js";
import { buildAtlas } from "./atlas.js";
import { contentOrder } from "./contentOrder.js";
import { type Candidate, type FusionOptions, type FusionResult, fuseLabels } from "./fusion.js";
import { carriedLabels } from "./probabilityMaps.js";

/** An image and its label map on the same grid. */
export interface LabelledImage {
  /** The image. */
  readonly image: Image;
  /** Whole numbers, one for each voxel; 0 is background. */
  readonly labels: Image;
}
/** How atlases are aligned with the target, and their labels fused. */
export interface SegmentOptions extends FusionOptions {
  /** How each atlas is aligned with the target. Default: the diffeomorphic preset. */
  readonly registration?: Pick<RegisterOptions, "preset" | "network" | "metric" | "levels" | "init" | "deformation">;
  /**
   * Let every atlas vote twice: along its own alignment with the target, and along the way through the mean of target and atlases, whose errors are others.
   * Default: with four atlases or more. A second vote counts only where it looks as much like the target as the first (correlation, to 0.05).
   */
  readonly throughMean?: boolean;
  /** Ends the work early, with an AbortedError. */
  readonly signal?: AbortSignal;
  /** Told where the work stands, step by step. */
  readonly onProgress?: (p: {
    readonly level: number;
    readonly levels: number;
    readonly iteration: number;
    readonly iterations: number;
  }) => void;
}
/** Labels of the target, with the registrations they came by. */
export interface SegmentResult extends FusionResult {
  /** Target points ↦ points of each atlas, in their order, and how each alignment ended. */
  readonly transforms: readonly Transform[];
  /** Atlas by atlas. */
  readonly registrations: readonly Pick<RegisterResult, "status" | "reason" | "metric" | "after">[];
  /** The atlases on the target's grid. */
  readonly candidates: readonly Candidate[];
}

/**
 * Labels of a target from labelled images: each is aligned with the target, its labels are carried over, and the carried maps are fused (see `fuseLabels`).
 * One atlas is carried as it is. The order of the atlases does not matter.
 * @throws GridError when a label map does not lie on its image's grid; what `register` throws
 */
export async function segment(target: Image, atlases: readonly LabelledImage[], options: SegmentOptions = {}): Promise<SegmentResult> {
  if (atlases.length === 0) throw new ArgumentError("segment: no atlas came; give one or more labelled images", {});
  for (const [i, a] of atlases.entries())
    if (!sameGrid(a.image.grid, a.labels.grid))
      throw new GridError(
        `segment: the labels of atlas ${i + 1} lie on ${gridText(a.labels.grid)} but its image on ${gridText(a.image.grid)}; resample one onto the other`,
        {},
      );
  const { registration, signal, onProgress, throughMean = atlases.length >= 4, ...fusion } = options;
  const order = contentOrder(atlases.map((a) => a.image));
  const transforms: Transform[] = [];
  const registrations: RegisterResult[] = [];
  const candidates: Candidate[] = [];
  for (const [done, i] of order.entries()) {
    const a = atlases[i];
    const r = await register(target, a.image, {
      preset: "diffeo",
      ...registration,
      signal,
      onProgress: (p) => onProgress?.({ ...p, level: done * p.levels + p.level, levels: atlases.length * p.levels }),
    });
    transforms[i] = r.transform;
    registrations[i] = r;
    candidates[i] = {
      image: keep(scope(() => warp(a.image, r.transform, target.grid, { border: "clamp" }))),
      labels: carriedLabels([a.labels], [r.transform], target.grid)[0],
    };
  }
  const second = throughMean ? await throughTheMean(target, atlases, order, candidates, signal) : [];
  const fused = fuseLabels(target, [...order.map((i) => candidates[i]), ...second], fusion);
  return { ...fused, transforms, registrations, candidates };
}

/** The atlases on the target's grid by way of the group's mean, those that look as much like the target as before. */
async function throughTheMean(
  target: Image,
  atlases: readonly LabelledImage[],
  order: readonly number[],
  first: readonly Candidate[],
  signal: AbortSignal | undefined,
): Promise<Candidate[]> {
  const { transforms } = await buildAtlas([target, ...atlases.map((a) => a.image)], { signal });
  const back = transforms[0].inverse();
  const out: Candidate[] = [];
  for (const i of order) {
    const y = new CompositeTransform([back, transforms[i + 1]]);
    const image = keep(scope(() => warp(atlases[i].image, y, target.grid, { border: "clamp" })));
    const [before, now] = [first[i].image, image].map((im) => correlation(im.values.data, target.values.data));
    if (now > before - 0.05) out.push({ image, labels: carriedLabels([atlases[i].labels], [y], target.grid)[0] });
    else dispose(image.values);
  }
  return out;
}
