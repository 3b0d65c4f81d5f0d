import { GridError } from "../core/errors.js";
import type { Grid, Space, Transform } from "../core/interfaces.js";

export type { Space, Transform } from "../core/interfaces.js";

/** The space of the fixed image, sampled on `grid`. */
export const fixedSpace = (grid?: Grid): Space => ({ name: "fixed", grid });
/** The space of the moving image, sampled on `grid`. */
export const movingSpace = (grid?: Grid): Space => ({ name: "moving", grid });

export function requireDimension(who: string, t: Transform, d: number): void {
  if (t.dimension !== d) throw new GridError(`${who}: a ${t.dimension}-D transform with ${d}-D data`, { transform: t.dimension, data: d });
}
