export { type RestoreOptions, type RestoreResult, restore, type Solver } from "./restore.js";
