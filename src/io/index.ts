export * from "./format.js";
export * from "./inflate.js";
export * from "./jpeg.js";
export * from "./metaImage.js";
export * from "./nifti.js";
export * from "./npy.js";
export * from "./png.js";
export type { ChannelKind, PixelArray, RawImage, ScalarType, Siblings, TypedArray } from "./raw.js";
export { interleaved, planar, rawImage } from "./raw.js";
