export { type Bm3dOptions, bm3d, denoiseBm3d } from "./bm3d.js";
export type { Denoiser } from "./denoiser.js";
export { type AnyDenoiser, denoiserFrom, PlugAndPlay, plugAndPlay, Red, type RedOptions, red } from "./denoiserPrior.js";
export { type DictionaryOptions, dictionary, dictionaryStart, type KSvdOptions, kSvd, learnDictionary } from "./dictionary.js";
export { type NonLocalMeansOptions, nonLocalMeans } from "./nonLocalMeans.js";
export { box, huberL21, l1, l21, nonNegative, squaredL2 } from "./norms.js";
export { inOpponentColours } from "./opponentColours.js";
export { Biharmonic, biharmonic, noPrior, Quadratic, ridge, tikhonov } from "./quadratic.js";
export { type MatchingPursuitOptions, matchingPursuit, type SparseCodes } from "./sparseCoding.js";
export type { TgvOperators } from "./totalGeneralizedVariation.js";
export {
  type TgvOptions,
  type TgvProblem,
  type TgvResult,
  type TgvState,
  TotalGeneralizedVariation,
  tgvOperators,
  tgvPrimalDual,
  tgvRestore,
  tgvRestoreSync,
  totalGeneralizedVariation,
} from "./totalGeneralizedVariation.js";
export { TotalVariation, type TotalVariationOptions, totalVariation } from "./totalVariation.js";
export {
  type TvMultipliersOptions,
  type TvMultipliersState,
  type TvSplitProblem,
  tvDiagonal,
  tvMultipliers,
} from "./tvMultipliers.js";
export {
  type TvMeasure,
  type TvPrimalDualOptions,
  type TvProblem,
  type TvRestoreOptions,
  type TvResult,
  type TvState,
  tvPrimalDual,
  tvRestore,
  tvRestoreSync,
} from "./tvPrimalDual.js";
export { stationaryWaveletL1, WaveletL1, type WaveletPriorOptions, waveletL1 } from "./wavelet.js";
