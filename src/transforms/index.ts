export {
  type AffineModel,
  AffineTransform,
  affineFromParameters,
  affineModels,
  identityTransform,
  nearestSimilarity,
  parameterCount,
} from "./affine.js";
export { BSplineTransform, controlGridOf, controlGridOver, invertBSpline, refined, splineOn } from "./bspline.js";
export { CompositeTransform } from "./composite.js";
export { DisplacementTransform, invertDisplacement } from "./displacement.js";
export {
  applyHomography,
  HomographyTransform,
  homographyFromParameters,
  homographyOfAffine,
  homographyParameterCount,
} from "./homography.js";
export { homographyFromCorners, homographyFromPairs } from "./homographyFromPairs.js";
export { determinantAt, jacobianAt, logJacobianAt } from "./jacobian.js";
export { type Logarithm, logarithm } from "./logarithm.js";
export {
  affineFrame,
  affineMotion,
  type DenseOptions,
  denseMotion,
  type FrameMotion,
  type LinearisedMotion,
  type MotionBorder,
  type MotionFamily,
} from "./motionFamily.js";
export { InverseThinPlateSpline, type ThinPlateSplineOptions, ThinPlateSplineTransform } from "./thinPlateSpline.js";
export { flow, TimeVelocityTransform } from "./timeVelocity.js";
export { fixedSpace, movingSpace, type Space, type Transform } from "./transform.js";
export { exponential, exponentialVoxels, squaringsFor, VelocityTransform } from "./velocity.js";
export { interpolations, type WarpOptions, warp } from "./warp.js";
