import { ArgumentError } from "../core/errors.js";
import type { Engine } from "./engine.js";
import { temporary } from "./temporary.js";

export interface FieldInversion {
  /** Newton steps per voxel at most. Default 20. */
  readonly iterations?: number;
  /** A voxel is done when |v + u(q + v)| is at most this, voxels. Default 1e-3. */
  readonly tolerance?: number;
  /** Address of [size] floats that receive |v + u(q + v)| per voxel. */
  readonly residual?: number;
}

/**
 * v with v(q) = −u(q + v(q)) for every voxel q of a grid of size [(D,) H, W]: damped Newton iteration voxel by voxel. u and v [d, …size],
 * planes x, y(, z) in voxels, linear between the voxels, border values beyond them; v must not be u. A voxel that does not reach the
 * tolerance keeps the best v that was found. Returns the largest |v + u(q + v)| and the share of voxels where it exceeds 0.1 voxel.
 */
export function invertField(
  e: Engine,
  u: number,
  size: readonly number[],
  v: number,
  { iterations = 20, tolerance = 1e-3, residual = 0 }: FieldInversion = {},
): { readonly largest: number; readonly share: number } {
  if (!Number.isInteger(iterations) || iterations < 0)
    throw new ArgumentError(`invertField: ${iterations} iterations; give an integer of 0 or more`, { iterations });
  if (!(tolerance >= 0))
    throw new ArgumentError(`invertField: the tolerance ${tolerance} is not a distance; give 0 or more voxels`, { tolerance });
  const [D, H, W] = size.length === 2 ? [1, ...size] : size;
  const n = D * H * W;
  if (n === 0) return { largest: 0, share: 0 };
  return temporary(e, (reserve) => {
    const rows = reserve(4 * D * H);
    const far = e.parallel("invertField", [u, size.length, D, H, W, v, residual, rows, iterations, tolerance], {
      extent: D * H,
      grain: Math.ceil(4000 / W),
      workspace: 96,
    });
    let largest = 0;
    for (const r of e.f32(rows, D * H)) largest = Math.max(largest, r);
    return { largest, share: far / n };
  });
}
