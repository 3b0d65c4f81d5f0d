export { type BlindKernelOptions, type BlindKernelResult, blindKernel } from "./blindKernel.js";
export { type CoilPhantom, coilPhantom } from "./coilPhantom.js";
export { conditionNumber } from "./condition.js";
export {
  type CtNetwork,
  type CtOptions,
  type CtResult,
  type CtSolver,
  ctSolvers,
  photonWeights,
  reconstructCt,
  sart,
  sinogramNoise,
  sirt,
} from "./ct.js";
export { type CtTvOptions, type CtTvProblem, type CtTvState, ctTv, rampPreconditioner } from "./ctTv.js";
export { type DeepImagePriorOptions, type DeepImagePriorResult, deepImagePrior } from "./deepImagePrior.js";
export { type DictionaryMrOptions, type DictionaryMrState, dictionaryMr } from "./dictionaryMr.js";
export { type EnlargeOptions, type EnlargeResult, type Enlarger, enlarge } from "./enlarge.js";
export { type EspiritMaps, type EspiritOptions, espirit } from "./espirit.js";
export { centreOfRotation, type FbpFilter, type FbpOptions, fbp, fbpFilters, viewWeights } from "./fbp.js";
export { type Frame, FrameOperator, frameOf, type Light, lightsOf, refinedGrid, type Sensor, sensorOperator } from "./frameModel.js";
export { knownMotion } from "./frameMotion.js";
export type { QuadraticData } from "./frameShrinkage.js";
export type { FrameTvProblem, FrameTvState } from "./frameSystem.js";
export { type FrameEquations, frameEquations, frameTv, solveImage } from "./frameSystem.js";
export { doubtOf, type GanPriorOptions, type GanPriorResult, type Generative, ganPrior } from "./ganPrior.js";
export { type Gating, gate, gatedSeries, navigatorSignal } from "./gating.js";
export { type BiharmonicOptions, type BiharmonicResult, inpaintBiharmonic } from "./inpaintBiharmonic.js";
export type { JointState, JointUnknowns } from "./jointMotion.js";
export { type JointOptions, type JointProblem, jointMotion, type ProjectionJacobian } from "./jointMotion.js";
export { chooseLambda, type LambdaChoice, type LambdaPoint, type LambdaRule, type LambdaSearch } from "./lambda.js";
export { noiseLevel } from "./noise.js";
export { type TrajectoryData, type TrajectoryProblem, trajectoryProblem } from "./nonCartesian.js";
export { onSimplex, type Projected, type ProjectedKernel, projectedKernel, type Spectra, spectraOf } from "./projectedKernel.js";
export {
  type DynamicMethod,
  type DynamicMrOptions,
  type DynamicMrResult,
  dynamicMethods,
  type MrSeriesNetwork,
  reconstructDynamicMr,
} from "./reconstructDynamicMr.js";
export { type MrNetwork, type MrPrior, type ReconstructMrOptions, type ReconstructMrResult, reconstructMr } from "./reconstructMr.js";
export { type MrSeriesOptions, type MrSeriesResult, reconstructMrSeries } from "./reconstructMrSeries.js";
export { type RestoreOptions, type RestoreResult, restore, type Solver } from "./restore.js";
export { type ByDenoiserOptions, type ByDenoiserResult, lambdaOfNoise, restoreByDenoiser } from "./restoreByDenoiser.js";
export {
  alignFrames,
  type MotionName,
  motionNames,
  type SuperResolveOptions,
  type SuperResolveResult,
  superResolve,
} from "./superResolve.js";
