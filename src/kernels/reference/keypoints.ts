type Numbers = ArrayLike<number>;

/** Twice as fine: sample (2y, 2x) is (y, x), those between are means of their neighbours, the border going on. */
export function doubledPlane(plane: Numbers, H: number, W: number): Float64Array {
  const at = (y: number, x: number) => plane[Math.min(H - 1, y) * W + Math.min(W - 1, x)];
  return Float64Array.from({ length: 4 * H * W }, (_, k) => {
    const y = Math.floor(k / (2 * W));
    const x = k % (2 * W);
    const [y0, x0] = [y >> 1, x >> 1];
    const [y1, x1] = [(y + 1) >> 1, (x + 1) >> 1];
    return (at(y0, x0) + at(y0, x1) + at(y1, x0) + at(y1, x1)) / 4;
  });
}
/** Every second sample: [⌈H/2⌉, ⌈W/2⌉]. */
export function halvedPlane(plane: Numbers, H: number, W: number): Float64Array {
  const [h, w] = [Math.ceil(H / 2), Math.ceil(W / 2)];
  return Float64Array.from({ length: h * w }, (_, k) => plane[2 * Math.floor(k / w) * W + 2 * (k % w)]);
}
/**
 * 1 where the middle of three planes is beyond ± threshold and above, or below, all its neighbours in them, at least `border` (and one) samples inside.
 * `low` and `high` undefined: its 8 neighbours in the plane.
 */
export function extremaMask(
  low: Numbers | undefined,
  middle: Numbers,
  high: Numbers | undefined,
  H: number,
  W: number,
  border: number,
  threshold: number,
): Uint8Array {
  const out = new Uint8Array(H * W);
  const edge = Math.max(1, border);
  for (let y = edge; y < H - edge; y++)
    for (let x = edge; x < W - edge; x++) {
      const v = middle[y * W + x];
      if (!(Math.abs(v) > threshold)) continue;
      let [largest, smallest] = [true, true];
      for (const plane of [low, middle, high])
        for (let dy = -1; plane && dy <= 1; dy++)
          for (let dx = -1; dx <= 1; dx++) {
            if (plane === middle && dy === 0 && dx === 0) continue;
            const n = plane[(y + dy) * W + x + dx];
            largest &&= v > n;
            smallest &&= v < n;
          }
      if ((v > 0 && largest) || (v < 0 && smallest)) out[y * W + x] = 1;
    }
  return out;
}
/** The circle of sixteen samples of radius 3, as (dx, dy), clockwise from the top. */
export const segmentCircle: readonly (readonly [number, number])[] = [
  [0, -3],
  [1, -3],
  [2, -2],
  [3, -1],
  [3, 0],
  [3, 1],
  [2, 2],
  [1, 3],
  [0, 3],
  [-1, 3],
  [-2, 2],
  [-3, 1],
  [-3, 0],
  [-3, -1],
  [-2, -2],
  [-1, -3],
];
/** The largest t > threshold for which nine neighbouring samples of the circle are all brighter, or all darker, than the centre by t or more; else 0. */
export function segmentScore(plane: Numbers, H: number, W: number, threshold: number): Float64Array {
  const out = new Float64Array(H * W);
  for (let y = 3; y < H - 3; y++)
    for (let x = 3; x < W - 3; x++) {
      const d = segmentCircle.map(([dx, dy]) => plane[(y + dy) * W + x + dx] - plane[y * W + x]);
      let best = 0;
      for (let k = 0; k < 16; k++) {
        const run = Array.from({ length: 9 }, (_, m) => d[(k + m) % 16]);
        best = Math.max(best, Math.min(...run), -Math.max(...run));
      }
      if (best > threshold) out[y * W + x] = best;
    }
  return out;
}
