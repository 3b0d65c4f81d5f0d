export { type AdmmOptions, type AdmmState, admm } from "./admm.js";
export { type CgOptions, type CgResult, type CgState, cg, conjugateGradient, type LinearSystem } from "./cg.js";
export { type CglsOptions, type CglsState, cgls } from "./cgls.js";
export { solveSquares } from "./closedForm.js";
export { type FistaOptions, type FistaState, fista, ista } from "./fista.js";
export { geometric, type HqsOptions, type HqsState, hqs } from "./hqs.js";
export { type InverseOptions, type InverseState, objectiveOf } from "./inverse.js";
export { type KaczmarzOptions, type KaczmarzState, kaczmarz, type RowProblem, sart } from "./kaczmarz.js";
export { type LandweberOptions, type LandweberState, landweber } from "./landweber.js";
export { type LsqrOptions, type LsqrState, lsqr } from "./lsqr.js";
export { normOfOperator, powerNorm } from "./operatorNorm.js";
export { diagonalSteps, type PdhgOptions, type PdhgState, pdhg } from "./pdhg.js";
export { type LinearPart, type Split, solveLinear, splitOf } from "./splitting.js";
export {
  type ProjectionDerivative,
  projection,
  projectionDerivatives,
  type SeparableProblem,
  type VariableProjectionOptions,
  variableProjection,
} from "./variableProjection.js";
