import type { Engine } from "./engine.js";
import { type GridTable, gridWidth } from "./reference/gridding.js";

export type { GridTable } from "./reference/gridding.js";

/** A GridTable in the engine's memory: wx twice and wy of each sample as f32, the rest i32. */
export interface GridPointers {
  readonly taps: number;
  readonly places: number;
  readonly index: number;
  readonly first: number;
  readonly samples: number;
  readonly lattice: readonly [number, number];
}
/** `taps` as the kernels read them. */
export function gridTaps(t: GridTable): Float32Array {
  const out = new Float32Array(3 * gridWidth * t.index.length);
  for (let i = 0; i < t.index.length; i++)
    for (let k = 0; k < gridWidth; k++) {
      out[18 * i + 2 * k] = out[18 * i + 2 * k + 1] = t.wx[gridWidth * i + k];
      out[18 * i + 12 + k] = t.wy[gridWidth * i + k];
    }
  return out;
}

/** Images [images, h, w] of complex numbers onto lattices; see the twin. */
export function gridPlace(
  e: Engine,
  x: number,
  ay: number,
  ax: number,
  to: number,
  images: number,
  [h, w]: readonly [number, number],
  [H, W]: readonly [number, number],
): void {
  if (images * H * W > 0) e.parallel("gridPlace", [x, ay, ax, to, h, w, H, W], { extent: images * H, grain: rowsOf(W) });
}
export function gridCrop(
  e: Engine,
  from: number,
  ay: number,
  ax: number,
  x: number,
  images: number,
  [h, w]: readonly [number, number],
  [H, W]: readonly [number, number],
): void {
  if (images * h * w > 0) e.parallel("gridCrop", [from, ay, ax, x, h, w, H, W], { extent: images * h, grain: rowsOf(w) });
}
const rowsOf = (w: number) => Math.max(1, Math.floor(2 ** 15 / Math.max(1, w)));

/** Samples of one lattice. */
export function gridGather(e: Engine, lattice: number, t: GridPointers, out: number): void {
  const [H, W] = t.lattice;
  if (t.samples > 0) e.parallel("gridGather", [lattice, H, W, t.taps, t.places, t.index, out], { extent: t.samples, grain: 4096 });
}
/** The transpose: the whole lattice is written. */
export function gridSpread(e: Engine, data: number, t: GridPointers, lattice: number): void {
  const [H, W] = t.lattice;
  if (H * W > 0)
    e.parallel("gridSpread", [data, H, W, t.taps, t.places, t.index, t.first, lattice], {
      extent: H,
      grain: Math.max(1, Math.min(Math.ceil(H / 8), Math.floor((2 ** 14 * H) / Math.max(1, gridWidth * t.samples)))),
    });
}
