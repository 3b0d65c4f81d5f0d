import type { Engine } from "./engine.js";
import { type Ffd, ffdTables, type Tap } from "./reference/ffd.js";

export type { Ffd } from "./reference/ffd.js";

const product = (size: readonly number[]) => size.reduce((a, b) => a * b, 1);
const padded = (floats: number) => ((floats + 7) & ~3) * 4;

/** Tables of all axes in one block: per voxel the first control index (i32) and four weights (f32). */
function placeTables(e: Engine, tables: readonly (readonly (readonly Tap[])[])[], gridSize: readonly number[]) {
  const n = tables.map((t) => Math.ceil(t.length / 4) * 4);
  const at = e.allocate(n.reduce((s, k) => s + 20 * k, 0));
  const starts: number[] = [];
  const weights: number[] = [];
  let p = at;
  tables.forEach((rows, a) => {
    const start = e.i32(p, n[a]);
    const weight = e.f32(p + 4 * n[a], 4 * n[a]);
    starts.push(p);
    weights.push(p + 4 * n[a]);
    p += 20 * n[a];
    start.fill(0);
    weight.fill(0);
    rows.forEach((taps, i) => {
      // Mirrored taps lie among the four control points nearest to the border, so four slots always suffice.
      const first = Math.max(0, Math.min(gridSize[a] - 4, ...taps.map((t) => t.index)));
      start[i] = first;
      for (const { index, weight: w } of taps) weight[4 * i + index - first] += w;
    });
  });
  return { at, starts, weights };
}
/** Sizes and tables as [z, y, x]; an image without z gets an axis of one control point and one tap of weight 1. */
function axes(gridSize: readonly number[], f: Ffd) {
  const flat = gridSize.length === 2;
  const tables = ffdTables(gridSize, f);
  return {
    grid: flat ? [1, ...gridSize] : gridSize,
    size: flat ? [1, ...f.size] : f.size,
    tables: flat ? [[[{ index: 0, weight: 1 }]], ...tables] : tables,
    zTaps: flat ? 1 : 4,
  };
}
const grainOf = (plane: number) => Math.max(1, Math.floor(100_000 / Math.max(1, plane)));

/** out [C, …size] = the cubic B-spline with control points [C, …gridSize] on the dense lattice (see the twin for the placement). */
export function ffd(e: Engine, control: number, channels: number, gridSize: readonly number[], f: Ffd, out: number): void {
  const { grid, size, tables, zTaps } = axes(gridSize, f);
  if (channels * product(size) * product(grid) === 0) return;
  const { at, starts, weights } = placeTables(e, tables, grid);
  try {
    e.parallel("ffd", [control, ...grid, ...size, starts[0], weights[0], zTaps, starts[1], weights[1], starts[2], weights[2], out], {
      extent: channels * size[0],
      grain: grainOf(size[1] * size[2]),
      workspace: padded(grid[1] * grid[2]) + padded(grid[2]) + 64,
    });
  } finally {
    e.free(at);
  }
}
/** The transpose of `ffd`: g [C, …size] ↦ control [C, …gridSize]. */
export function ffdAdjoint(e: Engine, g: number, channels: number, gridSize: readonly number[], f: Ffd, control: number): void {
  const { grid, size, tables, zTaps } = axes(gridSize, f);
  if (channels * product(grid) === 0) return;
  if (product(size) === 0) {
    e.f32(control, channels * product(grid)).fill(0);
    return;
  }
  const { at, starts, weights } = placeTables(e, tables, grid);
  const planes = e.allocate(4 * channels * size[0] * grid[1] * grid[2]);
  try {
    e.parallel("ffdAdjointPlanes", [g, grid[1], grid[2], size[1], size[2], starts[1], weights[1], starts[2], weights[2], planes], {
      extent: channels * size[0],
      grain: grainOf(size[1] * size[2]),
      workspace: (grid[1] + 1) * padded(grid[2]) + 64,
    });
    e.parallel("ffdAdjointSum", [planes, size[0], grid[0], grid[1] * grid[2], starts[0], weights[0], zTaps, control], {
      extent: channels * grid[0],
      grain: grainOf(4 * grid[1] * grid[2]),
    });
  } finally {
    e.free(planes);
    e.free(at);
  }
}
