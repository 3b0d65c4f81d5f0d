export { alignDiffeo, type DiffeoInput, type DiffeoOptions, type DiffeoResult, type Midway } from "./diffeo.js";
export { type Start, starts } from "./initialise.js";
export { alignLinear, type LinearLevel, type LinearResult } from "./linear.js";
export {
  metrics,
  metricsByName,
  type Preset,
  presets,
  type RegisterOptions,
  type RegisterProgress,
  type RegisterResult,
  register,
} from "./register.js";
