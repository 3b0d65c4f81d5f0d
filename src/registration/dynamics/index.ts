export { type DynamicsChoice, dynamicsByName } from "./byName.js";
export { correctDynamics, type DynamicsOptions, type DynamicsResult } from "./correctDynamics.js";
export { exponential, gammaVariate, type T1Options, type ToftsOptions, t1, tofts } from "./curves.js";
export { type JointDynamics, type JointDynamicsOptions, type JointDynamicsState, jointDynamics } from "./jointDynamics.js";
export { type PartialVolume, partialVolume } from "./partialVolume.js";
export { constant, type FreeOptions, free, type LowRankOptions, lowRank } from "./projection.js";
export { type RegionState, regionCurves } from "./regionCurves.js";
export { type Range, type SeparableModel, separable, VariableProjection } from "./separable.js";
export { type CourseFit, checkedTimes, type LinearisedCourse, type TimeCourse } from "./timeCourse.js";
