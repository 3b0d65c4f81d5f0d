import type { PlaneSize } from "./opticalFlow.js";

type Numbers = ArrayLike<number>;
const clampIndex = (i: number, n: number) => Math.min(n - 1, Math.max(0, i));

/** Plain twin of `census`: for each pixel the 62 neighbours of a 9 × 7 window row by row, true where darker. */
export function census(image: Numbers, { H, W }: PlaneSize): boolean[][] {
  return Array.from({ length: H * W }, (_, k) => {
    const [x, y] = [k % W, Math.floor(k / W)];
    const bits: boolean[] = [];
    for (let dy = -3; dy <= 3; dy++)
      for (let dx = -4; dx <= 4; dx++)
        if (dx !== 0 || dy !== 0) bits.push(image[clampIndex(y + dy, H) * W + clampIndex(x + dx, W)] < image[k]);
    return bits;
  });
}

/** Plain twin of `censusCost`: [y, x, d]. */
export function censusCost(
  left: readonly boolean[][],
  right: readonly boolean[][],
  { H, W }: PlaneSize,
  o: { count: number; first: number; outside: number },
): number[] {
  const out: number[] = [];
  for (let y = 0; y < H; y++)
    for (let x = 0; x < W; x++)
      for (let d = 0; d < o.count; d++) {
        const there = x - o.first - d;
        const [l, r] = [left[y * W + x], right[y * W + there]];
        out.push(there < 0 || there >= W ? o.outside : l.filter((bit, k) => bit !== r[k]).length);
      }
  return out;
}

/** Plain twin of `sgmSweep`, both sweeps added: path costs summed over eight directions. */
export function sgmSums(
  cost: Numbers,
  image: Numbers,
  { H, W }: PlaneSize,
  D: number,
  p: { small: number; large: number; fall: number },
): Float64Array {
  const sums = new Float64Array(H * W * D);
  for (const [dx, dy] of [
    [1, 0],
    [-1, 0],
    [0, 1],
    [0, -1],
    [1, 1],
    [-1, 1],
    [1, -1],
    [-1, -1],
  ]) {
    const path = new Float64Array(H * W * D);
    for (let i = 0; i < H; i++)
      for (let j = 0; j < W; j++) {
        const [x, y] = [dx < 0 ? W - 1 - j : j, dy < 0 ? H - 1 - i : i];
        const [qx, qy] = [x - dx, y - dy];
        const k = y * W + x;
        const q = qy * W + qx;
        const begins = qx < 0 || qy < 0 || qx >= W || qy >= H;
        const before = begins ? [] : Array.from(path.subarray(q * D, (q + 1) * D));
        const least = Math.min(...before);
        const jump = begins ? 0 : Math.max(p.small, p.large - Math.trunc(p.fall * Math.abs(image[k] - image[q])));
        for (let d = 0; d < D; d++) {
          let best = 0;
          if (!begins) {
            best = Math.min(before[d], least + jump);
            if (d > 0) best = Math.min(best, before[d - 1] + p.small);
            if (d + 1 < D) best = Math.min(best, before[d + 1] + p.small);
            best -= least;
          }
          path[k * D + d] = cost[k * D + d] + best;
          sums[k * D + d] += path[k * D + d];
        }
      }
  }
  return sums;
}

/** Plain twin of `sgmWinner`. */
export function sgmWinner(sums: Numbers, { H, W }: PlaneSize, o: { count: number; first: number }) {
  const out = new Float64Array(H * W);
  const check = new Float64Array(H * W);
  const D = o.count;
  for (let y = 0; y < H; y++) {
    const winner = (values: number[]) => values.indexOf(Math.min(...values));
    const ofRight = Array.from({ length: W }, (_, xr) =>
      winner(
        Array.from({ length: D }, (_, d) => {
          const x = xr + o.first + d;
          return x >= 0 && x < W ? sums[(y * W + x) * D + d] : Number.POSITIVE_INFINITY;
        }),
      ),
    );
    for (let x = 0; x < W; x++) {
      const k = y * W + x;
      const s = Array.from({ length: D }, (_, d) => sums[k * D + d]);
      const d = winner(s);
      const curve = d > 0 && d + 1 < D ? s[d - 1] + s[d + 1] - 2 * s[d] : 0;
      out[k] = o.first + d + (curve > 0 ? (0.5 * (s[d - 1] - s[d + 1])) / curve : 0);
      const there = x - o.first - d;
      check[k] = there >= 0 && there < W ? ofRight[there] - d : 1e6;
    }
  }
  return { out, check };
}
