export * from "./errors.js";
export type * from "./interfaces.js";
export { iterate, iterateSync, unroll } from "./iterate.js";
export { type Random, seeded, seededAt } from "./random.js";
export { Resource } from "./scope.js";
export { broadcastShapes, type Shape, sameShape, shapeText, sizeOf, stridesOf } from "./shape.js";
