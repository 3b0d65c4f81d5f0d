/**
 * The parts by their names, for programs that let people choose and for laws that every part of a kind must obey. A part that is added
 * where its kind is listed appears here, in the command line's help and among what the laws are tested over.
 */
import { adam, gaussNewton, gradientDescent, lbfgs, levenbergMarquardt, momentum, newton } from "./optimisers/index.js";
import { biharmonic, noPrior, ridge, stationaryWaveletL1, tikhonov, totalVariation, waveletL1 } from "./priors/index.js";

/** Priors R(x) for `restore`, each a function of its options. */
export const priors = {
  none: noPrior,
  l2: ridge,
  tikhonov,
  biharmonic,
  tv: totalVariation,
  wavelet: waveletL1,
  waveletFrame: stationaryWaveletL1,
} as const;
export { metricsByName as metrics } from "./metrics/index.js";
export {
  familiesByName as families,
  formulations,
  generalOptimisers,
  linearOptimisers,
  presets,
  regularisersByName as regularisers,
  starts,
} from "./registration/index.js";

export { affineModels, interpolations } from "./transforms/index.js";
/** Methods for `iterate`, each a function of its options. */
export const optimisers = { adam, gaussNewton, gradientDescent, lbfgs, levenbergMarquardt, momentum, newton } as const;
