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
  /** Nothing is known: least squares alone. */
  none: noPrior,
  l2: ridge,
  tikhonov,
  biharmonic,
  /** Σ |∇x|: piecewise constant. */
  tv: totalVariation,
  /** Total generalised variation: piecewise linear. */
  tgv: totalGeneralizedVariation,
  /** ‖W x‖₁, W orthonormal. */
  wavelet: waveletL1,
  /** ‖W x‖₁, W undecimated. */
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
  /** x' ∼ H x. */
  homography: estimateHomography,
  /** x'ᵀ F x = 0. */
  fundamental: estimateFundamental,
  /** Rotation and direction between two calibrated views. */
  pose: estimatePose,
  /** The pose of a view from points in space. */
  resection: estimateResection,
} as const;

/** Transforms by their kinds, each a class. */
export const transforms = {
  /** A p + b: translations, rigid, similarity and affine maps. */
  affine: transformParts.AffineTransform,
  /** Projective maps of the plane. */
  homography: transformParts.HomographyTransform,
  /** The smoothest map through pairs of points. */
  thinPlateSpline: transformParts.ThinPlateSplineTransform,
  /** Cubic splines on a grid of control points. */
  bspline: transformParts.BSplineTransform,
  /** A vector for every voxel. */
  displacement: transformParts.DisplacementTransform,
  /** exp(v) of a stationary velocity field. */
  velocity: transformParts.VelocityTransform,
  /** The flow of velocities in time. */
  timeVelocity: transformParts.TimeVelocityTransform,
  /** One after the other. */
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
  /** x. */
  identity: operatorParts.identityOperator,
  /** x where it is known. */
  mask: operatorParts.maskOperator,
  /** Differences along axes. */
  gradient: operatorParts.gradientOperator,
  /** Convolution with a kernel. */
  blur: operatorParts.blurOperator,
  /** Sampling on another grid. */
  resize: operatorParts.resizeOperator,
  /** Every n-th sample. */
  decimate: operatorParts.decimateOperator,
  /** The Fourier transform, orthonormal. */
  fourier: operatorParts.fourierOperator,
  /** Fourier coefficients that were measured. */
  sampledFourier: operatorParts.sampledFourierOperator,
  /** An image as each coil sees it. */
  coils: operatorParts.coilOperator,
  /** Sampled Fourier coefficients of every coil. */
  magneticResonance: operatorParts.magneticResonanceOperator,
  /** Fourier coefficients off the grid. */
  nufft: operatorParts.nufftOperator,
  /** Projections, parallel or fan. */
  radon: operatorParts.radonOperator,
  /** An orthonormal wavelet transform. */
  wavelet: operatorParts.waveletOperator,
  /** An undecimated wavelet transform. */
  stationaryWavelet: operatorParts.stationaryWaveletOperator,
  /** All patches of an image. */
  patches: operatorParts.patchesOperator,
  /** An image along a transform. */
  warp: operatorParts.warpOperator,
  /** An image along a displacement field. */
  warpField: operatorParts.warpFieldOperator,
  /** Real numbers as complex ones. */
  complexOfReal: operatorParts.complexOfReal,
  /** Complex numbers as two real planes. */
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
