import type { Engine } from "./engine.js";

/** Height and width of planes in the engine's memory. */
export interface FlowSize {
  /** Rows. */
  readonly H: number;
  /** Columns. */
  readonly W: number;
}
/** Floats from row to row of the chess board taken apart: half a row, four zeros before it. */
export const boardPitch = (W: number): number => 4 + 4 * Math.ceil(Math.ceil(W / 2) / 4);
/** Bytes of the unknowns (2 planes for each colour) and of the system (7 for each). They must be all zero before the first use. */
export const boardBytes = ({ H, W }: FlowSize, planes: number): number => 8 * planes * (H + 2) * boardPitch(W);
export const unknownPlanes = 2;
export const systemPlanes = 7;
/** Slabs of about this many pixels. */
const rows = ({ H, W }: FlowSize, pixels: number, planes = 1) => ({
  extent: H * planes,
  grain: Math.max(1, Math.min(Math.ceil((H * planes) / 4), Math.ceil(pixels / W))),
});

/** mean = ½ (first + w), difference = w − first, w the second picture sampled at x + (u, v) by cubic convolution; inside: 1 where that lies in it. */
export function flowWarp(
  e: Engine,
  p: { first: number; second: number; u: number; v: number; mean: number; difference: number; inside: number },
  channels: number,
  size: FlowSize,
): void {
  const { first, second, u, v, mean, difference, inside } = p;
  e.parallel("flowWarp", [first, second, u, v, mean, difference, inside, channels, size.H, size.W], rows(size, 8192));
}
/** Slopes along x (0) or y (1) of planes. */
export function flowSlope(e: Engine, src: number, dst: number, planes: number, size: FlowSize, axis: 0 | 1): void {
  e.parallel("flowSlope", [src, dst, size.H, size.W, axis], rows(size, 32_768, planes));
}

export interface FlowPenalty {
  readonly strength: number;
  /** ε, pixels of flow. */
  readonly epsilon: number;
  readonly robust: boolean;
}
/** The weight of smoothness at each pixel. `edges` 0: the same everywhere. */
export function flowPenalty(e: Engine, u: number, v: number, edges: number, out: number, size: FlowSize, o: FlowPenalty): void {
  e.parallel("flowPenalty", [u, v, edges, out, size.H, size.W, o.strength, o.epsilon ** 2, Number(o.robust)], rows(size, 32_768));
}

export interface FlowData {
  /** Weight of the brightness, and of its gradient. */
  readonly brightness: number;
  readonly gradient: number;
  /** ζ: equations count by 1 / (|slope|² + ζ²); undefined: all alike. */
  readonly zeta?: number;
  readonly epsilon: number;
  readonly robust: boolean;
}
/** The system of one linearisation at (u0, v0), weights from (u, v). */
export function flowSystem(
  e: Engine,
  p: { terms: number; inside: number; u0: number; v0: number; u: number; v: number; penalty: number; out: number },
  channels: number,
  size: FlowSize,
  o: FlowData,
): void {
  const { terms, inside, u0, v0, u, v, penalty, out } = p;
  e.parallel(
    "flowSystem",
    [
      ...[terms, inside, u0, v0, u, v, penalty, out, channels, size.H, size.W, boardPitch(size.W)],
      ...[o.brightness, o.gradient, o.zeta === undefined ? -1 : o.zeta ** 2, o.epsilon ** 2, Number(o.robust)],
    ],
    { ...rows(size, 8192), workspace: 224 },
  );
}
export function flowSplit(e: Engine, u: number, v: number, out: number, size: FlowSize): void {
  e.parallel("flowSplit", [u, v, out, size.H, size.W, boardPitch(size.W)], rows(size, 65_536));
}
export function flowJoin(e: Engine, from: number, u: number, v: number, size: FlowSize): void {
  e.parallel("flowJoin", [from, u, v, size.H, size.W, boardPitch(size.W)], rows(size, 65_536));
}
/** `count` steps of red–black successive over-relaxation. */
export function flowRelax(e: Engine, unknowns: number, system: number, size: FlowSize, omega: number, count: number): void {
  const P = boardPitch(size.W);
  for (let k = 0; k < count; k++)
    for (const colour of [0, 1]) e.parallel("flowRelax", [unknowns, system, size.H, P, colour, omega], rows(size, 32_768));
}
/** Median of the (2r + 1)² pixels around each. */
export function flowMedian(e: Engine, src: number, dst: number, planes: number, size: FlowSize, radius: 1 | 2): void {
  e.parallel("flowMedian", [src, dst, size.H, size.W, radius], { ...rows(size, 8192, planes), workspace: 400 });
}
/** Bilinear, pixel centres kept in proportion, values times `scale`. */
export function flowResize(e: Engine, src: number, dst: number, planes: number, from: FlowSize, to: FlowSize, scale = 1): void {
  e.parallel("flowResize", [src, dst, from.H, from.W, to.H, to.W, scale], rows(to, 16_384, planes));
}
