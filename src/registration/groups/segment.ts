import { ArgumentError, GridError } from "../../core/errors.js";
import type { Image } from "../../core/interfaces.js";
import { gridText, sameGrid } from "../../image/grid.js";
import { keep, scope } from "../../tensor/index.js";
import { type Transform, warp } from "../../transforms/index.js";
import { type RegisterOptions, type RegisterResult, register } from "../register.js";
import { contentOrder } from "./contentOrder.js";
import { type Candidate, type FusionOptions, type FusionResult, fuseLabels } from "./fusion.js";
import { carriedLabels } from "./probabilityMaps.js";

/** An image and its label map on the same grid. */
export interface LabelledImage {
  readonly image: Image;
  readonly labels: Image;
}
export interface SegmentOptions extends FusionOptions {
  /** How each atlas is aligned with the target. Default: the diffeomorphic preset. */
  readonly registration?: Pick<RegisterOptions, "preset" | "metric" | "levels" | "init" | "deformation">;
  readonly signal?: AbortSignal;
  readonly onProgress?: (p: {
    readonly level: number;
    readonly levels: number;
    readonly iteration: number;
    readonly iterations: number;
  }) => void;
}
export interface SegmentResult extends FusionResult {
  /** Target points ↦ points of each atlas, in their order, and how each alignment ended. */
  readonly transforms: readonly Transform[];
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
  const { registration, signal, onProgress, ...fusion } = options;
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
  const fused = fuseLabels(
    target,
    order.map((i) => candidates[i]),
    fusion,
  );
  return { ...fused, transforms, registrations, candidates };
}
