export { correctMotion, type FrameMotion, type MotionModel, type MotionOptions, type MotionResult, motionModels } from "./correctMotion.js";
export { type LabelState, type LabelTrack, type TrackLabelsOptions, trackLabels } from "./trackLabels.js";
