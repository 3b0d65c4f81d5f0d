import type { Gray } from "../../features/index.js";
import { cornerStrength } from "../../kernels/cornerStrength.js";
import { pyramidReduce } from "../../kernels/pyramid.js";
import { type TrackedWindows, type TrackWindowsOptions, trackWindows } from "../../kernels/trackWindows.js";

/** A picture at halving sizes, the finest first. */
export interface Level extends Gray {}
/** Levels of a picture, each the one before smoothed by [1 4 6 4 1]/16 and halved; samples keep their centres: pixel x lies at x / 2 of the next. */
export function pyramidOf({ values, width, height }: Gray, levels = 4): Level[] {
  const out: Level[] = [{ width, height, values }];
  for (let k = 1; k < levels; k++) {
    const { width: W, height: H, values: v } = out[k - 1];
    const [w, h] = [(W + 1) >> 1, (H + 1) >> 1];
    if (Math.min(w, h) < 24) break;
    const next = pyramidReduce(v, H, W);
    out.push({ width: w, height: h, values: next });
  }
  return out;
}

/**
 * Where to track: in every cell that holds no point yet, the place at which the smaller eigenvalue of the summed gradient products is largest (Shi & Tomasi 1994),
 * if it is a share of the best. Points lie at whole pixels.
 */
export function newPoints(
  { width, height, values: v }: Level,
  taken: readonly (readonly [number, number])[],
  cell: number,
  share = 0.003,
): [number, number][] {
  const border = 9;
  const strength = cornerStrength(v, height, width, 3);
  const [columns, rows] = [Math.ceil(width / cell), Math.ceil(height / cell)];
  const best = new Float32Array(columns * rows);
  const at = new Int32Array(columns * rows).fill(-1);
  let top = 0;
  for (let y = border; y < height - border; y++) {
    const row = Math.floor(y / cell) * columns;
    for (let x = border, k = y * width + border; x < width - border; x++, k++) {
      const least = strength[k];
      const own = row + Math.floor(x / cell);
      if (least > best[own]) {
        best[own] = least;
        at[own] = k;
        if (least > top) top = least;
      }
    }
  }
  for (const [x, y] of taken) {
    const k = Math.floor(y / cell) * columns + Math.floor(x / cell);
    if (k >= 0 && k < at.length) at[k] = -1;
  }
  const out: [number, number][] = [];
  for (let k = 0; k < at.length; k++) if (at[k] >= 0 && best[k] > share * top) out.push([at[k] % width, Math.floor(at[k] / width)]);
  return out;
}

/** Forward, and back from where it came out: points that do not return within `away` pixels are not believed. */
export function trackThereAndBack(
  from: readonly Level[],
  to: readonly Level[],
  x: ArrayLike<number>,
  y: ArrayLike<number>,
  guess: Float64Array,
  away = 0.5,
  o: TrackWindowsOptions = {},
): TrackedWindows & { readonly miss: Float64Array } {
  const there = trackWindows(from, to, x, y, guess, o);
  const list: number[] = [];
  for (let i = 0; i < x.length; i++) if (there.ok[i]) list.push(i);
  const back = trackWindows(
    to,
    from,
    list.map((i) => there.x[i]),
    list.map((i) => there.y[i]),
    Float64Array.from(list.flatMap((i) => [-guess[2 * i], -guess[2 * i + 1]])),
    o,
  );
  const ok = new Uint8Array(x.length);
  const miss = new Float64Array(x.length).fill(Number.POSITIVE_INFINITY);
  for (const [k, i] of list.entries()) {
    miss[i] = Math.hypot(back.x[k] - x[i], back.y[k] - y[i]);
    ok[i] = back.ok[k] && miss[i] < away ? 1 : 0;
  }
  return { x: there.x, y: there.y, ok, miss };
}
