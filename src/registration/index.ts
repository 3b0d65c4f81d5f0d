export { flow } from "../transforms/timeVelocity.js";
export type { Agreement } from "./agreement.js";
export { alignDiffeo, type DiffeoInput, type DiffeoOptions, type DiffeoResult, type Midway } from "./diffeo.js";
export * from "./dynamics/index.js";
export {
  type BSplineFamilyOptions,
  bspline,
  type DenseFamilyOptions,
  displacement,
  type VelocityFamilyOptions,
  velocity,
} from "./families.js";
export { type Formulation, formulations, inverseGradient } from "./formulations.js";
export {
  alignGeneral,
  type GeneralOptimiser,
  type GeneralOptions,
  type GeneralResult,
  type GeneralStart,
  generalOptimisers,
  inversionOf,
} from "./general.js";
export * from "./groups/index.js";
export { type HomotopyOptions, type HomotopyResult, type HomotopyStep, traceHomotopy } from "./homotopy.js";
export { type Start, starts } from "./initialise.js";
export type { Evidence } from "./judgement.js";
export { alignLddmm, type LddmmOptions } from "./lddmm.js";
export type { DeformationNetwork } from "./learned.js";
export { alignLinear, type LinearLevel, type LinearMethod, type LinearOptimiser, type LinearResult, linearOptimisers } from "./linear.js";
export type { LevelRun } from "./linearFamily.js";
export { type MindSearchOptions, type MindSearchResult, mindSearch } from "./mindSearch.js";
export { type NeuralOdeOptions, neuralOde } from "./neuralOde.js";
export { type NeuralSequenceOptions, type NeuralSequenceResult, neuralSequence } from "./neuralSequence.js";
export { families, familiesByName, type GeneralChoice, regularisers, regularisersByName } from "./parts.js";
export type { LandmarkPairs } from "./points/landmarkTerm.js";
export { alignPairs, type PairOptions } from "./points/pairs.js";
export { type Cloud, cloudOf, type PointSet, type PointsLike } from "./points/pointSet.js";
export { type ProcrustesOptions, type ProcrustesResult, procrustes } from "./points/procrustes.js";
export {
  type PointMethod,
  type PointModel,
  pointMethods,
  pointModels,
  type RegisterPointsOptions,
  type RegisterPointsResult,
  registerPoints,
} from "./points/registerPoints.js";
export { alignHomography, type ProjectiveResult } from "./projective.js";
export {
  metrics,
  ownTransforms,
  type Preset,
  presets,
  type RegisterOptions,
  type RegisterProgress,
  type RegisterResult,
  register,
} from "./register.js";
export * from "./series/index.js";
export { hessianUncertainty, leastSquaresUncertainty, spreadOfDeformations, spreadOverStarts, type Uncertainty } from "./uncertainty.js";
