export { type CgOptions, type CgResult, type CgState, cg, conjugateGradient, type LinearSystem } from "./cg.js";
