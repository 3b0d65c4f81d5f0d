export {
  type Aligned,
  type Atlas,
  AtlasGroup,
  type AtlasModel,
  type AtlasOptions,
  type AtlasProgress,
  type AtlasRound,
  type AtlasStage,
  type AtlasStep,
  atlasModels,
  atlasOf,
  atlasSteps,
  buildAtlas,
  type Centred,
  centred,
  gradientEnergy,
  type MeanShare,
  meanImage,
  meanOfShares,
  meanShare,
  type Placement,
  roundOf,
  shareSize,
} from "./atlas.js";
export { contentOrder } from "./contentOrder.js";
export { type EmOptions, type EmResult, emSegmentation } from "./emSegmentation.js";
export { correctEpi, type EpiOptions, type EpiResult } from "./epi.js";
export { type Candidate, decisions, type Fusion, type FusionOptions, type FusionResult, fuseLabels, fusions } from "./fusion.js";
export { commonGrid, withoutMean } from "./groupMean.js";
export { type LongitudinalOptions, type LongitudinalResult, longitudinal } from "./longitudinal.js";
export { carriedLabels, classesOf, leaveOneOutLogLikelihood, probabilityMaps } from "./probabilityMaps.js";
export { type LabelledImage, type SegmentOptions, type SegmentResult, segment } from "./segment.js";
export { alongMode, appearanceDeviation, jacobianStatistics, type ShapeModes, shapeModes } from "./statistics.js";
