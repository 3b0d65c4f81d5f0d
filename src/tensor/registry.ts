import type { Primitive } from "./primitive.js";

/** Every primitive by name; the law tests walk over it. */
export const primitives = new Map<string, Primitive<never>>();
