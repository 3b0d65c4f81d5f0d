export {
  type Atlas,
  type AtlasModel,
  type AtlasOptions,
  type AtlasProgress,
  type AtlasRound,
  type AtlasStage,
  atlasModels,
  buildAtlas,
  gradientEnergy,
  meanImage,
} from "./atlas.js";
export { type EmOptions, type EmResult, emSegmentation } from "./emSegmentation.js";
export { correctEpi, type EpiOptions, type EpiResult } from "./epi.js";
export { type Candidate, decisions, type Fusion, type FusionOptions, type FusionResult, fuseLabels, fusions } from "./fusion.js";
export { commonGrid, withoutMean } from "./groupMean.js";
export { type LongitudinalOptions, type LongitudinalResult, longitudinal } from "./longitudinal.js";
export { carriedLabels, classesOf, leaveOneOutLogLikelihood, probabilityMaps } from "./probabilityMaps.js";
export { type LabelledImage, type SegmentOptions, type SegmentResult, segment } from "./segment.js";
export { alongMode, appearanceDeviation, jacobianStatistics, type ShapeModes, shapeModes } from "./statistics.js";
