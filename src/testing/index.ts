export { examples } from "./examples/index.js";
export { adjointMismatch, type Example, type Examples, scalarised, type TaylorResult, taylorFirst, taylorSecond } from "./laws.js";
export { checkAdjoint, checkLinear, checkNormal, checkProx } from "./operatorLaws.js";
export { checkComposition, checkField, checkInverse, checkJacobian, checkLogJacobian, checkParameters } from "./transformLaws.js";
