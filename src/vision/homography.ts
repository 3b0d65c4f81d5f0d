import type { Image } from "../core/interfaces.js";
import {
  type DetectorName,
  detectors,
  type Features,
  type Matches,
  type MatchOptions,
  matchFeatures,
  type SiftOptions,
  sift,
} from "../features/index.js";
import type { HomographyTransform } from "../transforms/homography.js";
import { type AlignResult, align } from "./align.js";
import { estimateHomography, type HomographyEstimate, type HomographyOptions } from "./estimateHomography.js";
import { invertHomography, physical, scaled } from "./planar.js";

/** Detector, matching and refinement of a homography between pictures. */
export interface HomographyFromPicturesOptions extends HomographyOptions {
  /** What finds and describes points. Default sift. */
  readonly detector?: DetectorName;
  /** Of SIFT; other detectors take `limit` only. */
  readonly features?: SiftOptions;
  /** When descriptions count as a match. */
  readonly matching?: MatchOptions;
  /** Polish by brightness after the features: `lk` inverse-compositional, `ecc` by correlation; kept when the pictures then agree better. Default none. */
  readonly refine?: "none" | "lk" | "ecc";
  /** Fewer points on a coarser grid: about three times faster, less exact. Default false. */
  readonly fast?: boolean;
}
/** A homography between pictures with the points and matches it came from. */
export interface HomographyResult extends HomographyEstimate {
  /** a to b in the pictures' physical space (pixels for plain pictures); undefined when there is none. */
  readonly transform?: HomographyTransform;
  /** Points with descriptions, or how they are found. */
  readonly features: readonly [Features, Features];
  /** Which points belong together. */
  readonly matches: Matches;
}

/** An agreement less sure than this (log₁₀ of false alarms) is looked at again with the shape of neighbourhoods. */
const sureEnough = -100;

/**
 * The homography that takes pixel centres of picture a to those of picture b: SIFT, exact matching, robust search, guided matching, refit. When few
 * points agree, a second pass gives every point the shape of its neighbourhood (views at a slant), and the surer of the two counts.
 * @throws ShapeError for images that are no pictures, ArgumentError for options out of their range
 */
export function homography(a: Image, b: Image, o: HomographyFromPicturesOptions = {}): HomographyResult {
  const { detector = "sift" } = o;
  const [width, height] = b.grid.size;
  const guide = { width, height, area: width * height };
  const pass = (options: SiftOptions): HomographyResult => {
    const [fa, fb] =
      detector === "sift" ? [sift(a, options), sift(b, options)] : [a, b].map((p) => detectors[detector](p, { limit: options.limit }));
    const matches = matchFeatures(fa, fb, o.matching);
    const r = estimateHomography(fa, fb, matches, o, guide);
    return { ...r, ...(r.h && { transform: physical(r.h, a.grid, b.grid) }), features: [fa, fb], matches };
  };
  const options: SiftOptions = { ...(o.fast && { doubled: false, limit: 2000, pooling: [1] }), ...o.features };
  const first = pass(options);
  if (first.logFalseAlarms < sureEnough || options.affine !== undefined || detector !== "sift") return polished(a, b, first, o.refine);
  const second = pass({ ...options, affine: true });
  return polished(a, b, second.logFalseAlarms < first.logFalseAlarms ? second : first, o.refine);
}

/**
 * The same after direct alignment from H, if the pictures then agree better where they cover each other. The picture that is interpolated should be the
 * sharper one: interpolating smooths, and only then both are smoothed alike. Which one that is the agreement of both ways tells.
 */
function polished(a: Image, b: Image, r: HomographyResult, refine: HomographyFromPicturesOptions["refine"] = "none"): HomographyResult {
  const back = r.h && invertHomography(r.h);
  if (refine === "none" || r.status !== "ok" || !r.h || !back) return r;
  const options = { levels: 0, search: false, method: refine === "ecc" ? ("ecc" as const) : ("ic" as const) };
  const ways = [
    { pair: [a, b] as const, start: r.h },
    { pair: [b, a] as const, start: scaled(back) },
  ].map((w) => ({ ...w, before: align(...w.pair, { ...options, start: w.start, iterations: 0 }) }));
  // Where they cover each other: the share that is covered changes with H, and says nothing of how well it fits.
  const alike = (q: AlignResult) => (q.overlap > 0 ? q.agreement / q.overlap : 0);
  const forward = alike(ways[0].before) >= alike(ways[1].before);
  const { pair, start, before } = ways[forward ? 0 : 1];
  const after = align(...pair, { ...options, start });
  const inverse = forward ? after.h : invertHomography(after.h);
  if (!(alike(after) > alike(before) && after.overlap > 0.7 * before.overlap) || !inverse)
    return { ...r, reason: `${r.reason}; brightness did not improve on it` };
  const h = scaled(inverse);
  return { ...r, h, transform: physical(h, a.grid, b.grid), reason: `${r.reason}; polished by brightness` };
}
