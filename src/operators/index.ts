export type { RayList, Rays } from "../kernels/reference/rays.js";
export { alongAxes, type BlurOptions, type Border, blurOperator, gaussianKernel } from "./blur.js";
export { coilOperator, compactMask, type MagneticResonanceOptions, magneticResonanceOperator } from "./coils.js";
export { daubechies, type WaveletName, waveletNames } from "./daubechies.js";
export { type FourierOperatorOptions, fourierOperator, sampledFourierOperator } from "./fourier.js";
export { type GradientOptions, gradientOperator } from "./gradient.js";
export { identityOperator } from "./identity.js";
export { maskOperator } from "./mask.js";
export {
  densityCompensation,
  type NufftOptions,
  nonCartesianOperator,
  nufftOperator,
  radialTrajectory,
  spiralTrajectory,
} from "./nufft.js";
export {
  adjointOf,
  blockDiagonal,
  compose,
  Operator,
  type OperatorDefinition,
  powerNorm,
  sideBySide,
  stacked,
  sum,
} from "./operator.js";
export { patchesOperator } from "./patches.js";
export { type Fan, type RadonGeometry, type RadonOptions, radonGeometry, radonOperator, raysOf } from "./radon.js";
export { decimateOperator, type ResizeOptions, resizeOperator } from "./resize.js";
export { complexOfReal, partsOfComplex } from "./views.js";
export { type WarpOperatorOptions, warpFieldOperator, warpOperator } from "./warp.js";
export { stationaryWaveletOperator, type WaveletOptions, waveletOperator } from "./wavelet.js";
