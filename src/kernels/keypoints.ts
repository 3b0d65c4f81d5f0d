import type { Engine } from "./engine.js";

/** Planes are f32 [H, W] at byte addresses; see the twins for what each does. */
export function doubledPlane(e: Engine, plane: number, out: number, H: number, W: number): void {
  e.parallel("doubledPlane", [plane, out, H, W], { extent: 2 * H, grain: Math.max(4, Math.ceil(65536 / (W + 1))) });
}
export function halvedPlane(e: Engine, plane: number, out: number, H: number, W: number): void {
  e.parallel("halvedPlane", [plane, out, W], { extent: Math.ceil(H / 2), grain: Math.max(4, Math.ceil(65536 / (W + 1))) });
}
/** out = b − a, n samples. */
export function planeDifference(e: Engine, a: number, b: number, out: number, n: number): void {
  e.parallel("planeDifference", [a, b, out], { extent: n, grain: 131072 });
}
/** Of planes low, middle, high, or of the middle one alone when all three are the same; mask: bytes [H, W]. */
export function extremaMask(
  e: Engine,
  [low, middle, high]: readonly [number, number, number],
  mask: number,
  H: number,
  W: number,
  { border, threshold }: { readonly border: number; readonly threshold: number },
): void {
  e.parallel("extremaMask", [low, middle, high, mask, H, W, border, threshold], {
    extent: H,
    grain: Math.max(4, Math.ceil(65536 / (W + 1))),
  });
}
/** Score of the segment test (nine of sixteen) into `score`. */
export function segmentScore(e: Engine, plane: number, score: number, H: number, W: number, threshold: number): void {
  e.parallel("segmentScore", [plane, score, H, W, threshold], {
    extent: H,
    grain: Math.max(4, Math.ceil(32768 / (W + 1))),
    workspace: e.call("segmentScoreWorkspace"),
  });
}
