import { ArgumentError } from "../core/errors.js";
import type { Image } from "../core/interfaces.js";
import { type MatchOptions, matchFeatures, type SiftOptions, sift } from "../features/index.js";
import { estimateHomography, type HomographyEstimate, type HomographyOptions } from "./estimateHomography.js";

/** When an object counts as seen, and its camera. */
export interface RecogniseOptions extends HomographyOptions {
  /** Points with descriptions, or how they are found. */
  readonly features?: SiftOptions;
  /** When descriptions count as a match. */
  readonly matching?: MatchOptions;
}
/** An object that was seen, with where it is and how surely. */
export interface Recognised extends HomographyEstimate {
  /** Its number among the references. */
  readonly reference: number;
}

/**
 * Which of several planar objects (posters, covers, pages) a picture shows, and where: a homography from each reference to the picture, the surest first.
 * Looking at n references gives chance n tries, so each one's expected number of false alarms counts n times before it is accepted.
 * @returns one result for each reference; `status` is "ok" for those that are there
 * @throws ArgumentError without references, ShapeError for images that are no pictures
 */
export function recognise(references: readonly Image[], picture: Image, o: RecogniseOptions = {}): Recognised[] {
  if (references.length === 0) throw new ArgumentError("recognise: no references came; at least one picture of an object is needed");
  const [width, height] = picture.grid.size;
  const seen = sift(picture, o.features);
  const tries = Math.log10(references.length);
  return references
    .map((reference, k): Recognised => {
      const own = sift(reference, o.features);
      const r = estimateHomography(own, seen, matchFeatures(own, seen, o.matching), o, { width, height, area: width * height });
      const logFalseAlarms = r.logFalseAlarms + tries;
      const chance = r.status === "ok" && !(logFalseAlarms < -6);
      return {
        ...r,
        reference: k,
        logFalseAlarms,
        ...(chance && { status: "failed" as const, reason: `${r.reason}; among ${references.length} references that may be chance` }),
      };
    })
    .sort((a, b) => Number(b.status === "ok") - Number(a.status === "ok") || a.logFalseAlarms - b.logFalseAlarms);
}
