export {
  type Correspondences,
  estimateHomography,
  type HomographyEstimate,
  type HomographyFromPicturesOptions,
  type HomographyOptions,
  type HomographyResult,
  homography,
} from "./homography.js";
export { directLinear, type PointPairs, type RefinedHomography, refineHomography, throughFour } from "./planar.js";
export { type RobustOptions, type RobustProblem, type RobustResult, robustModel } from "./robust.js";
