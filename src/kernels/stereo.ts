import type { Engine } from "./engine.js";
import type { FlowSize } from "./opticalFlow.js";
import { temporary } from "./temporary.js";

const rows = ({ H, W }: FlowSize, pixels: number) => ({ extent: H, grain: Math.max(1, Math.min(Math.ceil(H / 4), Math.ceil(pixels / W))) });

/** 62 bits a pixel (8 bytes): which neighbours of a 9 × 7 window are darker. */
export function census(e: Engine, image: number, out: number, size: FlowSize): void {
  e.parallel("census", [image, out, size.H, size.W], rows(size, 8192));
}
export interface CostRange {
  /** Number of disparities, a multiple of 16, and the least. */
  readonly count: number;
  readonly first: number;
}
/** What a pixel costs whose partner lies beyond the border: as much as two unlike textures. */
export const outsideCost = 31;
/** Bytes [y, x, d]: bits that differ. */
export function censusCost(e: Engine, left: number, right: number, out: number, size: FlowSize, { count, first }: CostRange): void {
  e.parallel("censusCost", [left, right, out, size.H, size.W, count, first, outsideCost], rows(size, 4096));
}
export interface Penalties {
  /** Of a step by one, and of a longer one where brightness does not change. */
  readonly small: number;
  readonly large: number;
  /** The latter falls by so much for each unit of brightness. */
  readonly fall: number;
}
/** Sums of path costs over eight directions, in two volumes of 16-bit numbers [y, x, d]. */
export function sgmSweeps(e: Engine, cost: number, image: number, out: number, size: FlowSize, count: number, p: Penalties): void {
  temporary(e, (reserve) => {
    const state = reserve(2 * e.call("sgmSweepState", size.W, count));
    const rowsAtOnce = Math.max(1, Math.ceil(16_384 / size.W));
    for (let i = 0; i < size.H; i += rowsAtOnce) {
      const rows = [i, Math.min(size.H, i + rowsAtOnce)];
      e.parallel("sgmSweep", [cost, image, out, size.H, size.W, count, p.small, p.large, p.fall, state, ...rows], { extent: 2, grain: 1 });
    }
  });
}
/** The best disparity of each pixel, and by how much the right picture's own differs. */
export function sgmWinner(e: Engine, sums: number, out: number, check: number, size: FlowSize, { count, first }: CostRange): void {
  e.parallel("sgmWinner", [sums, out, check, size.H, size.W, count, first], {
    ...rows(size, 4096),
    workspace: e.call("sgmWinnerWorkspace", size.W, count),
  });
}
