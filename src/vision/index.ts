export type { FlowSize } from "../kernels/opticalFlow.js";
export {
  type AlignMethod,
  type AlignOptions,
  type AlignResult,
  align,
  alignMethods,
  type Motion,
  motions,
  robustWeights,
} from "./align.js";
export { type CubeFace, cubeOn, homographyOfPlane } from "./cube.js";
export { type Correspondences, estimateHomography, type HomographyEstimate, type HomographyOptions } from "./estimateHomography.js";
export {
  checkPictures,
  type FlowMethod,
  type FlowOptions,
  type FlowResult,
  flowMethods,
  flowPlans,
  flowTransform,
  opticalFlow,
} from "./flow/opticalFlow.js";
export type { PatchSearch } from "./flow/patchSearch.js";
export { flowLevels, type VariationalPlan } from "./flow/variational.js";
export type { Guided } from "./guided.js";
export { type HomographyFromPicturesOptions, type HomographyResult, homography } from "./homography.js";
export { type Likeness, likeness } from "./likeness.js";
export type { ViewGraphOptions } from "./mosaic/align.js";
export {
  type AlignedViews,
  type AlignViewsOptions,
  alignViews,
  overlapDistance,
  type ViewEdge,
  type ViewGraph,
  viewGraph,
} from "./mosaic/align.js";
export { type BundleEdge, type BundleOptions, type BundleResult, bundle } from "./mosaic/bundle.js";
export type { TurnedPair } from "./mosaic/cameras.js";
export { betweenCameras, focalFromHomographies, type TurnedCamera } from "./mosaic/cameras.js";
export type { Evening } from "./mosaic/canvas.js";
export { type Canvas, type ProjectionName, projectionNames } from "./mosaic/canvas.js";
export { type DrawMosaicOptions, drawMosaic, type MosaicOptions, type MosaicPicture, type MosaicResult, mosaic } from "./mosaic/mosaic.js";
export {
  type CameraPose,
  Odometer,
  type OdometryOptions,
  type OdometryResult,
  type OdometryStep,
  odometry,
  odometryResult,
  type PinholeCamera,
  type ScenePoint,
} from "./odometry/odometer.js";
export { cloudFile, posesText, readCalibration, readPoses } from "./odometry/poseFile.js";
export type { Homography } from "./planar.js";
export { directLinear, type PointPairs, type RefinedHomography, refineHomography, throughFour } from "./planar.js";
export { type PlanarPose, poseFromHomography } from "./planarPose.js";
export { type Recognised, type RecogniseOptions, recognise } from "./recognise.js";
export { type RobustOptions, type RobustProblem, type RobustResult, robustModel } from "./robust.js";
export type { Matrix3 } from "./rotation.js";
export { lookAlong, type ScenePose, type SceneViewOptions, sceneDepth, scenePath, sceneView } from "./scene.js";
export {
  pointsFromDisparity,
  readStereoCalibration,
  readStereoPair,
  type StereoCalibration,
  type StereoPair,
} from "./stereo/calibration.js";
export {
  type CalibratedRectification,
  drawRectified,
  type Rectification,
  type RectifyPicturesOptions,
  type RectifyPicturesResult,
  rectifyCalibrated,
  rectifyPictures,
  rectifyUncalibrated,
  type UncalibratedRectification,
} from "./stereo/rectify.js";
export { type StereoOptions, type StereoResult, stereo } from "./stereo/stereo.js";
export type { BoxPoseResult } from "./tracking/boxPose.js";
export { type Box, BoxTracker, type BoxTrackerOptions, boxTracker, type TrackedBox } from "./tracking/boxTracker.js";
export { epipoles, fundamentalEight, fundamentalSeven, refineFundamental, sampsonErrors } from "./views/epipolar.js";
export { essentialFive, essentialOf, poseInFront, posesOf, type RelativePose, refinePose, triangulate } from "./views/essential.js";
export { poseFromThree, refineResection, type Sightings } from "./views/resection.js";
export {
  estimateFundamental,
  estimatePose,
  estimateResection,
  type PoseEstimate,
  type RobustEstimate,
  type TwoViewOptions,
} from "./views/twoViews.js";
