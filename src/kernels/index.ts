export { cores, Engine, type EngineOptions, engine, type Slabs, startEngine } from "./engine.js";
export { type Build, hasRelaxedSimd } from "./load.js";
