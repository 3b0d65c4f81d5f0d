import type { Picture } from "./picture.js";

/** Fifty-five hues around the circle: red, yellow, green, cyan, blue, magenta, with steps as wide as the eye tells them apart. */
const wheel: readonly (readonly [number, number, number])[] = (() => {
  const parts: readonly (readonly [count: number, from: readonly number[], to: readonly number[]])[] = [
    [15, [1, 0, 0], [1, 1, 0]],
    [6, [1, 1, 0], [0, 1, 0]],
    [4, [0, 1, 0], [0, 1, 1]],
    [11, [0, 1, 1], [0, 0, 1]],
    [13, [0, 0, 1], [1, 0, 1]],
    [6, [1, 0, 1], [1, 0, 0]],
  ];
  return parts.flatMap(([count, from, to]) =>
    Array.from({ length: count }, (_, k) => {
      const mix = (c: number) => from[c] + ((to[c] - from[c]) * k) / count;
      return [mix(0), mix(1), mix(2)] as const;
    }),
  );
})();

/**
 * A flow in colours: the hue is the direction, white no motion, full colour the length `longest`, beyond it darker; black where the flow is not known.
 * @param longest  pixels; default the 99th percentile of the lengths
 * @see Baker, Scharstein, Lewis, Roth, Black, Szeliski (2011), A database and evaluation methodology for optical flow, IJCV: the colour code
 */
export function flowPicture(
  flow: { readonly width: number; readonly height: number; readonly u: ArrayLike<number>; readonly v: ArrayLike<number> },
  longest?: number,
): Picture {
  const { width, height, u, v } = flow;
  const n = width * height;
  const full = longest ?? Math.max(1e-3, percentileLength(u, v, n));
  const data = new Uint8Array(3 * n);
  for (let k = 0; k < n; k++) {
    const length = Math.hypot(u[k], v[k]) / full;
    if (!Number.isFinite(length)) continue;
    const place = ((Math.atan2(-v[k], -u[k]) / Math.PI + 1) / 2) * (wheel.length - 1);
    const first = Math.floor(place);
    const w = place - first;
    for (let c = 0; c < 3; c++) {
      const hue = (1 - w) * wheel[first][c] + w * wheel[(first + 1) % wheel.length][c];
      data[3 * k + c] = Math.floor(255 * (length <= 1 ? 1 - length * (1 - hue) : 0.75 * hue));
    }
  }
  return { width, height, channels: 3, data };
}

function percentileLength(u: ArrayLike<number>, v: ArrayLike<number>, n: number): number {
  const step = Math.max(1, Math.floor(n / 20_000));
  const lengths: number[] = [];
  for (let k = 0; k < n; k += step) {
    const l = Math.hypot(u[k], v[k]);
    if (Number.isFinite(l)) lengths.push(l);
  }
  lengths.sort((a, b) => a - b);
  return lengths[Math.floor(0.99 * (lengths.length - 1))] ?? 0;
}
