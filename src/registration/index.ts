export { alignDiffeo, type DiffeoInput, type DiffeoOptions, type DiffeoResult } from "./diffeo.js";
export type { Start } from "./initialise.js";
export { alignLinear, type LinearLevel, type LinearResult } from "./linear.js";
export { metrics, type Preset, presets, type RegisterOptions, type RegisterProgress, type RegisterResult, register } from "./register.js";
