import { ArgumentError } from "../core/errors.js";
import type { Schedule } from "../core/interfaces.js";

/** 1, after a line from 0 over the first `warmUp` steps. */
export const constant =
  ({ warmUp = 0 }: { readonly warmUp?: number } = {}): Schedule =>
  (k) =>
    k < warmUp ? (k + 1) / warmUp : 1;

/** Where the half cosine begins and ends, and how long the rise before it is. */
export interface CosineOptions {
  /** All steps. */
  readonly steps: number;
  /** Steps of rising on a line at the start (default 0). */
  readonly warmUp?: number;
  /** Where it ends (default 0). */
  readonly floor?: number;
}
/**
 * Half a cosine from 1 to `floor`:  floor + (1 − floor) ½ (1 + cos πt), t from 0 to 1 over the steps after the warm-up.
 * @see Loshchilov & Hutter (2017), SGDR, ICLR, eq. (5)
 */
export function cosine({ steps, warmUp = 0, floor = 0 }: CosineOptions): Schedule {
  if (!(steps > warmUp)) throw new ArgumentError(`cosine: ${steps} steps with ${warmUp} to warm up; give more steps`, { steps, warmUp });
  return (k) => {
    if (k < warmUp) return (k + 1) / warmUp;
    const t = Math.min(1, (k - warmUp) / (steps - warmUp));
    return floor + (1 - floor) * 0.5 * (1 + Math.cos(Math.PI * t));
  };
}
/** factorʲ after j times `every` steps. */
export const stepwise =
  ({ every, factor = 0.1, warmUp = 0 }: { readonly every: number; readonly factor?: number; readonly warmUp?: number }): Schedule =>
  (k) =>
    k < warmUp ? (k + 1) / warmUp : factor ** Math.floor(k / every);
