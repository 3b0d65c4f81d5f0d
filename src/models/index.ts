export { anatomicalLoss } from "./anatomicalLoss.js";
export { axisOfHalves, ellipsePhantom, halved, movedSlice, photographMap, simulatedViews } from "./attenuationMaps.js";
export type { Card, ShippedWeights } from "./card.js";
export { ctPostFilter } from "./ctPostFilter.js";
export { type CtPrimalDualOptions, ctPrimalDual } from "./ctPrimalDual.js";
export { type CtScanner, ctScanner, type MeasuredViews, networkSlice } from "./ctScanner.js";
export {
  composedInverse,
  deepLkNetwork,
  identityFeatures,
  type LkFeatures,
  type LkPair,
  type LkRegressor,
  type LkSteps,
  lkRegressor,
  lkStep,
  seenThrough,
} from "./deepLk.js";
export { denoiserFeatures } from "./denoiserFeatures.js";
export { denoisingNetwork, type NetworkDenoiserOptions, type NoisyImages, networkDenoiser } from "./denoisingNetwork.js";
export { type GenerativeLossOptions, generativeLoss, mnistDigits } from "./digitsRecipe.js";
export { type DomainTransformOptions, domainTransform } from "./domainTransform.js";
export {
  type GenerativeModel,
  type GenerativeNetworks,
  type GenerativeOptions,
  generativeModel,
  generativeNetworks,
  trainedGenerativeModel,
} from "./generativeModel.js";
export {
  cornersOfMaps,
  type HomographySteps,
  homographyNetwork,
  type MatchingGrid,
  mapsOfCorners,
  matchingSteps,
  type PatchPairs,
  pixelHomography,
  warpPatches,
} from "./homographyNetwork.js";
export { patchPair, planesOf } from "./homographyRecipe.js";
export {
  learnedDeformation,
  learnedDenoiser,
  learnedEnlarger,
  learnedScales,
  loadModel,
  type Model,
  type ModelName,
  models,
  type NetworkOf,
  weightsFile,
} from "./models.js";
export { decibels, type MeasuredSlice, measuredSlice } from "./mrTraining.js";
export { homographyByNetwork, type NetworkHomographyOptions, type NetworkHomographyResult } from "./networkHomography.js";
export { type NetworkRestorationOptions, networkRestoration } from "./networkRestoration.js";
export { NetworkTracker, networkTracker } from "./networkTracker.js";
export { type PatchModelOptions, patchModel } from "./patchModel.js";
export type {
  PackedPictures,
  Plan,
  Recipe,
  RecipeOptions,
  SpecialOption,
  TrainingPicture,
} from "./recipe.js";
export {
  type CascadeOptions,
  fromChannels,
  type MeasuredImages,
  networkReconstruction,
  reconstructionCascade,
  sampledNormal,
  toChannels,
} from "./reconstructionCascade.js";
export { refinedAdjoint } from "./refinedAdjoint.js";
export {
  type ImagePair,
  integrated,
  networkDeformation,
  networkSquarings,
  normalised,
  type RegistrationNetworkOptions,
  registrationNetwork,
} from "./registrationNetwork.js";
export { type MeasuredSeries, networkSeries, type SeriesCascadeOptions, seriesCascade } from "./seriesCascade.js";
export { type ShapeAutoencoder, type ShapeCodeOptions, shapeAutoencoder, shapeEncoder } from "./shapeAutoencoder.js";
export { agreeingWithStacks, thickSlices } from "./stackAgreement.js";
export { type SuperResolutionPair, superResolutionData, superResolutionPair } from "./superResolutionData.js";
export {
  type EnlargerOptions,
  type FeatureUpsampling,
  networkEnlarger,
  refiningNetwork,
  type SuperResolutionFramework,
  type SuperResolutionOptions,
  superResolutionFrameworks,
  superResolutionNetwork,
} from "./superResolutionNetwork.js";
export {
  type StackAxis,
  stackAxes,
  type ThickStacks,
  type ThroughPlaneNetwork,
  type ThroughPlaneOptions,
  thinner,
  throughPlaneNetwork,
  throughPlaneStacks,
} from "./throughPlaneNetwork.js";

export { type BoxMoves, type BoxPair, deepLkTracking, regressionTracking } from "./trackingNetworks.js";
export { boxErrors, movingObject, overlapOf } from "./trackingRecipe.js";
export { trainedDenoiser } from "./trainedDenoiser.js";
export { trainedEnlarger } from "./trainedEnlarger.js";
export { type RecipeName, recipes, type TrainedModel, type TrainModelOptions, trainModel } from "./trainModel.js";
export { strokeKernel, type UnrolledBatch, type UnrolledProblem, unrolledProblems } from "./unrolledRecipe.js";
export { type MeasuredPictures, type UnrolledOptions, unrolledRestoration } from "./unrolledRestoration.js";
