import type { Image } from "../core/interfaces.js";
import { type CornerOptions, cornerFeatures } from "./corners.js";
import type { Features } from "./keypoints.js";
import { type OrbOptions, orb } from "./orb.js";
import { type SiftOptions, sift } from "./sift.js";

/** Detectors with their descriptors by name; each a function of a picture and options. */
export const detectors = {
  /** Scale-invariant features. */
  sift: (picture: Image, o?: SiftOptions): Features => sift(picture, o),
  /** Oriented FAST corners with binary descriptors. */
  orb: (picture: Image, o?: OrbOptions): Features => orb(picture, o),
  /** Harris's corners, described like SIFT's. */
  harris: (picture: Image, o?: CornerOptions): Features => cornerFeatures(picture, "harris", o),
  /** Corners by the smaller eigenvalue, described like SIFT's. */
  shiTomasi: (picture: Image, o?: CornerOptions): Features => cornerFeatures(picture, "shiTomasi", o),
  /** Corners by a ring of sixteen pixels, described like SIFT's. */
  fast: (picture: Image, o?: CornerOptions): Features => cornerFeatures(picture, "fast", o),
} as const;
/** A name in `detectors`. */
export type DetectorName = keyof typeof detectors;
/** All names in `detectors`. */
export const detectorNames = Object.keys(detectors) as DetectorName[];
