export { dispose, keep, scope } from "../core/scope.js";
export type { FftNormalisation } from "../kernels/fft.js";
export type { InformationKind } from "../kernels/reference/mutualInformation.js";
export { checkpoint, custom, grad, hessian, hvp, jacobian, jvp, stopGradient, valueAndGrad, vjp } from "./differentiate.js";
export { fused } from "./fused.js";
export { along, alongBlock, type BlockOf, type SparseRows, sparseRows, transposedRows, transposeOf } from "./ops/along.js";
export { complex, conj, imag, magnitude, real } from "./ops/complex.js";
export { type ConvolutionOptions, convolve, convolveTransposed, type PerAxis, type TransposedOptions } from "./ops/convolution.js";
export { type CorrelationRatioOptions, correlationRatio } from "./ops/correlationRatio.js";
export {
  type FfdOptions,
  ffd,
  ffdAdjoint,
  ffdAt,
  ffdGridSize,
  ffdJacobian,
  type InvertedField,
  invertField,
  jacobianDeterminant,
  resampleField,
} from "./ops/deformation.js";
export { einsum } from "./ops/einsum.js";
export { acos, asin, atan, atan2, cosh, maximum, minimum, sinh, where } from "./ops/elementwise.js";
export { type FourierOptions, fft, fftFrequencies, fftShift, ifft, ifftShift, irfft, rfft } from "./ops/fft.js";
export { boxSum, difference, gaussian, recursiveGaussian } from "./ops/filters.js";
export { gather, scatterAdd } from "./ops/indexing.js";
export { cholesky, eigh, inverse, logdet, qr, solve, svd } from "./ops/linalg.js";
export { type LocalNccOptions, localNcc, localNccWithGradients } from "./ops/localNcc.js";
export { matmul } from "./ops/matmul.js";
export { type MindSscOptions, mindFloor, mindSsc } from "./ops/mindSsc.js";
export { type MutualInformationOptions, mutualInformation } from "./ops/mutualInformation.js";
export { type NgfOptions, ngf } from "./ops/ngf.js";
export { turnPlanes } from "./ops/planes.js";
export { averagePool, maxPool, maxPoolWithIndices, type PoolOptions } from "./ops/pooling.js";
export {
  type Base,
  bsplinePrefilter,
  composeFields,
  type SamplingKind,
  type SamplingOptions,
  sample,
  sampleWithGradient,
  splat,
  splatField,
  type ValueAndGradient,
  warpAffine,
  warpField,
  warpFieldWithGradient,
} from "./ops/sampling.js";
export { concat, stack } from "./ops/shaping.js";
export { argsort, median, quantile, type SortOptions, sort, topK } from "./ops/sort.js";
export { type Context, define, defineMany, type Primitive } from "./primitive.js";
export { primitives } from "./registry.js";
export type { Storage } from "./storage.js";
export { bytesOf, type DType, requireMemory } from "./storage.js";
export type { Axes } from "./tensor.js";
export {
  arange,
  asTensor,
  eye,
  linspace,
  type Nested,
  type Operand,
  randomNormal,
  randomUniform,
  Tensor,
  tensor,
  zerosLike,
} from "./tensor.js";
