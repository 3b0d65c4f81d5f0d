export { type CoilPhantom, coilPhantom } from "./coilPhantom.js";
export { type EspiritMaps, type EspiritOptions, espirit } from "./espirit.js";
export { type RestoreOptions, type RestoreResult, restore, type Solver } from "./restore.js";
