export { type CornerKind, type CornerOptions, cornerFeatures, corners } from "./corners.js";
export { type DetectorName, detectorNames, detectors } from "./detect.js";
export { type FourierMellinOptions, fourierMellin, type SimilarityHypothesis } from "./fourierMellin.js";
export { type Gray, grayOf } from "./gray.js";
export { type Features, type Keypoints, spreadOut } from "./keypoints.js";
export { type Matches, type MatchOptions, matchesOf, matchFeatures } from "./match.js";
export { type OrbOptions, orb } from "./orb.js";
export { type PhaseCorrelation, type PhaseCorrelationOptions, phaseCorrelation } from "./phaseCorrelation.js";
export { type SiftOptions, sift } from "./sift.js";
