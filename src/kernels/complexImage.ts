import type { Engine } from "./engine.js";

// See the twins; arrays are addresses of interleaved complex numbers.
const pixels = (n: number) => ({ extent: n, grain: 8192 });
const rows = (h: number, w: number) => ({ extent: h, grain: Math.max(1, Math.floor(8192 / Math.max(1, w))) });

export function coilSpread(e: Engine, maps: number, x: number, out: number, coils: number, n: number): void {
  if (n * coils > 0) e.parallel("coilSpread", [maps, x, out, coils, n], pixels(n));
}
export function coilGather(e: Engine, maps: number, y: number, out: number, coils: number, n: number): void {
  if (n > 0) e.parallel("coilGather", [maps, y, out, coils, n], pixels(n));
}
export function complexShrink(e: Engine, z: number, out: number, t: number, n: number): void {
  if (n > 0) e.parallel("complexShrink", [z, out, t], pixels(n));
}
export function tvPull(e: Engine, x: number, p: number, b: number, out: number, a: number, h: number, w: number): void {
  if (h * w > 0) e.parallel("tvPull", [x, p, b, out, a, h, w], rows(h, w));
}
/** `out` is not p. */
export function tvPush(
  e: Engine,
  u: number,
  x: number,
  p: number,
  out: number,
  sigma: number,
  lambda: number,
  h: number,
  w: number,
): number {
  return h * w > 0 ? e.parallel("tvPush", [u, x, p, out, sigma, lambda, h, w], rows(h, w)) : 0;
}
