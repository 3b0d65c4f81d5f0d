/**
 * The parts by their names, for programs that let people choose and for laws that every part of a kind must obey. A part that is added
 * where its kind is listed appears here, in the command line's help and among what the laws are tested over.
 */

import type { TransformKind } from "./core/interfaces.js";
import { absolute, huber, leastSquares, poisson } from "./fidelities/index.js";
import * as operatorParts from "./operators/index.js";
import {
  adam,
  adamW,
  constant,
  cosine,
  gaussNewton,
  gradientDescent,
  lbfgs,
  levenbergMarquardt,
  momentum,
  newton,
  sgd,
  stepwise,
} from "./optimisers/index.js";
import {
  biharmonic,
  bm3d,
  dictionary,
  nonLocalMeans,
  noPrior,
  plugAndPlay,
  red,
  ridge,
  stationaryWaveletL1,
  tikhonov,
  totalGeneralizedVariation,
  totalVariation,
  waveletL1,
} from "./priors/index.js";
import { deepImagePrior, ganPrior } from "./reconstruction/index.js";
import { admm, cgls, fista, hqs, ista, kaczmarz, landweber, lsqr, pdhg, sart } from "./solvers/index.js";
import * as transformParts from "./transforms/index.js";
import {
  align,
  boxTracker,
  estimateFundamental,
  estimateHomography,
  estimatePose,
  estimateResection,
  homography,
  mosaic,
  odometry,
  opticalFlow,
  recognise,
  stereo,
} from "./vision/index.js";

/** Priors R(x) for `restore`, each a function of its options. */
export const priors = {
  none: noPrior,
  l2: ridge,
  tikhonov,
  biharmonic,
  tv: totalVariation,
  tgv: totalGeneralizedVariation,
  wavelet: waveletL1,
  waveletFrame: stationaryWaveletL1,
} as const;
/** What finds and describes points of pictures, each a function of a picture and its options. */
export { detectors } from "./features/index.js";
export { metricsByName as metrics } from "./metrics/index.js";
/** Networks by their names, with how they are made, cards and trained weights. */
export { models, recipes } from "./models/index.js";
/** Parts of learned methods: layers and networks, losses, games of two networks, first weights. */
export { gamesByName as games, initialisersByName as initialisers, layersByName as layers, lossesByName as losses } from "./nn/index.js";
export {
  dynamicsByName as dynamics,
  familiesByName as families,
  formulations,
  generalOptimisers,
  linearOptimisers,
  presets,
  regularisersByName as regularisers,
  starts,
} from "./registration/index.js";
/** What dense optical flow minimises, each a plan of `opticalFlow`. */
/** Direct alignment: what may move, how it is found, and the weights against what is in the way. What a mosaic is drawn on. */
export { alignMethods, flowPlans as flows, motions, projectionNames as projections, robustWeights } from "./vision/index.js";
/** What is done with pictures, each a function of them and of its options. */
export const visionTasks = { homography, align, flow: opticalFlow, stereo, track: boxTracker, mosaic, odometry, recognise } as const;
/** Robust models of two views (`resection`: of points and a view), each a function of matched places. */
export const viewModels = {
  homography: estimateHomography,
  fundamental: estimateFundamental,
  pose: estimatePose,
  resection: estimateResection,
} as const;

/** Transforms by their kinds, each a class. */
export const transforms = {
  affine: transformParts.AffineTransform,
  homography: transformParts.HomographyTransform,
  thinPlateSpline: transformParts.ThinPlateSplineTransform,
  bspline: transformParts.BSplineTransform,
  displacement: transformParts.DisplacementTransform,
  velocity: transformParts.VelocityTransform,
  timeVelocity: transformParts.TimeVelocityTransform,
  composite: transformParts.CompositeTransform,
} as const satisfies Readonly<Record<TransformKind, unknown>>;
export { affineModels, interpolations } from "./transforms/index.js";
/** Methods for `iterate`, each a function of its options. */
export const optimisers = { adam, gaussNewton, gradientDescent, lbfgs, levenbergMarquardt, momentum, newton } as const;
/** How training turns gradients into steps, and how the step size goes over time, each a function of its options. */
export const updates = { adamW, sgd } as const;
/** How a step size goes over time: for ever the same, falling like half a cosine, or in steps. */
export const schedules = { constant, cosine, stepwise } as const;
/** F(·; y), each a function of the data. */
export const fidelities = { leastSquares, absolute, huber, poisson } as const;
/** Linear operators A and K, each a function of the shape of what it takes (of the mask, of the grids) and of its options. */
export const operators = {
  identity: operatorParts.identityOperator,
  mask: operatorParts.maskOperator,
  gradient: operatorParts.gradientOperator,
  blur: operatorParts.blurOperator,
  resize: operatorParts.resizeOperator,
  decimate: operatorParts.decimateOperator,
  fourier: operatorParts.fourierOperator,
  sampledFourier: operatorParts.sampledFourierOperator,
  coils: operatorParts.coilOperator,
  magneticResonance: operatorParts.magneticResonanceOperator,
  nufft: operatorParts.nufftOperator,
  radon: operatorParts.radonOperator,
  wavelet: operatorParts.waveletOperator,
  stationaryWavelet: operatorParts.stationaryWaveletOperator,
  patches: operatorParts.patchesOperator,
  warp: operatorParts.warpOperator,
  warpField: operatorParts.warpFieldOperator,
  complexOfReal: operatorParts.complexOfReal,
  partsOfComplex: operatorParts.partsOfComplex,
} as const;
/** Methods for inverse problems, each a function of its options; `kaczmarz` and `sart` take a problem of rows. */
export const solvers = { landweber, cgls, lsqr, ista, fista, hqs, admm, pdhg, kaczmarz, sart } as const;
/** Priors made of a denoiser: of it and, for `red`, of its strength. */
export const denoiserPriors = { pnp: plugAndPlay, red } as const;
/** Restorations whose prior is a network that makes the picture, each a function of operator, data and its options. */
export const networkPriors = { dip: deepImagePrior, gan: ganPrior } as const;
/** What takes noise off an image, each a function of its options. */
export const denoisers = { bm3d, nlm: nonLocalMeans, dictionary } as const;
