/** What most programs need. Everything else is one folder deeper: pullback/tensor, pullback/optimisers, pullback/io … */
export * from "./core/index.js";
export * from "./image/index.js";
export {
  type PointTable,
  readImage,
  readPoints,
  readTransform,
  writeImage,
  writePoints,
  writeTransform,
} from "./io/index.js";
export { type EngineOptions, engine, startEngine } from "./kernels/index.js";
export * from "./metrics/index.js";
export { type RestoreOptions, type RestoreResult, restore } from "./reconstruction/index.js";
export {
  type Preset,
  type RegisterOptions,
  type RegisterProgress,
  type RegisterResult,
  register,
  type Start,
} from "./registration/index.js";
export { dispose, grad, keep, scope, Tensor, tensor, valueAndGrad } from "./tensor/index.js";
export * from "./transforms/index.js";
