export { type RestoreOptions, type RestoreResult, restore, type Solver } from "./restore.js";
export { type EspiritMaps, type EspiritOptions, espirit } from "./espirit.js";
