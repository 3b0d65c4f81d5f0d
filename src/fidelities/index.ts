export { absolute } from "./absolute.js";
export { huber } from "./huber.js";
export { leastSquares } from "./leastSquares.js";
export { poisson } from "./poisson.js";
