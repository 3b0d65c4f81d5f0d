export {
  type AffineMap,
  applyAffine,
  betweenIndices,
  centreOf,
  coarsened,
  composeAffine,
  cornersOf,
  dimensionOf,
  type Grid,
  grid,
  gridText,
  identityMap,
  indexToPhysical,
  invertAffine,
  physicalToIndex,
  sameGrid,
  tensorShape,
  voxelsOf,
  voxelVolume,
} from "./grid.js";
export { channelsOf, type Image, image } from "./image.js";
export { type Ellipse, ellipses, sheppLogan } from "./phantoms.js";
