import { dropout, gelu, leakyRelu, relu, sigmoid, silu, softplus, tanh } from "./activations.js";
import { residual, sequential } from "./combine.js";
import { convolution, transposedConvolution } from "./convolution.js";
import { coordinateNetwork } from "./coordinateNetwork.js";
import { dense } from "./dense.js";
import { hourglass } from "./hourglass.js";
import { kaiming, normal, orthogonal, xavier } from "./initialise.js";
import {
  absoluteLoss,
  charbonnierLoss,
  crossEntropyLoss,
  huberLoss,
  leastSquaresGame,
  minimax,
  nonSaturating,
  perceptualLoss,
  squaredLoss,
  ssimLoss,
  totalVariationLoss,
} from "./losses.js";
import { batchNormalisation, groupNormalisation, instanceNormalisation } from "./normalisation.js";
import { subPixel } from "./pixelShuffle.js";
import { averagePooling, flatten, globalAveragePooling, maxPooling } from "./pooling.js";
import { unet } from "./unet.js";
import { upsampling } from "./upsample.js";

/** Layers and networks by name, each a function of its options (`sequential` and `residual` of layers). */
export const layersByName = {
  dense,
  convolution,
  /** The adjoint of a convolution, which enlarges. */
  transposedConvolution,
  subPixel,
  upsampling,
  maxPooling,
  averagePooling,
  globalAveragePooling,
  flatten,
  /** Channels with mean 0 and variance 1 over a batch. */
  batchNormalisation,
  /** Groups of channels with mean 0 and variance 1. */
  groupNormalisation,
  instanceNormalisation,
  relu,
  leakyRelu,
  gelu,
  silu,
  tanh,
  sigmoid,
  softplus,
  dropout,
  sequential,
  residual,
  unet,
  hourglass,
  /** A function of places. */
  coordinateNetwork,
} as const;
/** Losses of a prediction and a target by name, each a function of its options. */
export const lossesByName = {
  /** mean |x − y|. */
  l1: absoluteLoss,
  /** mean (x − y)². */
  l2: squaredLoss,
  /** Squares where small, absolute values where large. */
  huber: huberLoss,
  /** mean √((x − y)² + ε²). */
  charbonnier: charbonnierLoss,
  /** mean |∇x|. */
  tv: totalVariationLoss,
  /** 1 − structural similarity. */
  ssim: ssimLoss,
  /** −log of the right class's share. */
  crossEntropy: crossEntropyLoss,
  /** Distance of a network's features. */
  perceptual: perceptualLoss,
} as const;
/** Games of two networks by name. */
export const gamesByName = { minimax, nonSaturating, leastSquares: leastSquaresGame } as const;
/** First weights by name, each a function of its options. */
export const initialisersByName = { kaiming, xavier, orthogonal, normal } as const;
