export { identityOperator } from "./identity.js";
export { maskOperator } from "./mask.js";
export {
  adjointOf,
  blockDiagonal,
  compose,
  Operator,
  type OperatorDefinition,
  powerNorm,
  sideBySide,
  stacked,
  sum,
} from "./operator.js";
