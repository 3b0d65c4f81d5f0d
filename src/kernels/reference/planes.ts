import type { PlaneMap } from "../planes.js";

type Numbers = ArrayLike<number>;
/** Voxel k of a grid [(D,) H, W] as (x, y(, z)). */
export function voxelAt(size: readonly number[], k: number): number[] {
  const p: number[] = [];
  for (let a = size.length - 1, rest = k; a >= 0; a--) {
    p.push(rest % size[a]);
    rest = Math.floor(rest / size[a]);
  }
  return p;
}
/** Twin of `affinePlanes`. */
export function affinePlanes(u: Numbers | undefined, out: { [i: number]: number }, size: readonly number[], map: PlaneMap): void {
  const d = size.length;
  const n = size.reduce((a, b) => a * b, 1);
  for (let k = 0; k < n; k++) {
    const p = voxelAt(size, k);
    const w = p.map((_, i) =>
      p.reduce((s, x, j) => s + map.voxel[i * d + j] * x + (u ? map.field[i * d + j] * u[j * n + k] : 0), map.constant[i]),
    );
    for (let i = 0; i < d; i++) out[i * n + k] = w[i];
  }
}
/** Twin of `fieldMoments`. */
export function fieldMoments(f: Numbers, size: readonly number[]): Float64Array {
  const d = size.length;
  const n = size.reduce((a, b) => a * b, 1);
  const sums = new Float64Array(d * (d + 1));
  for (let k = 0; k < n; k++) {
    const p = [...voxelAt(size, k), 1];
    for (let i = 0; i < d; i++) for (let j = 0; j <= d; j++) sums[i * (d + 1) + j] += f[i * n + k] * p[j];
  }
  return sums;
}
/** Twin of `fadePlanes`. */
export function fadePlanes(f: { [i: number]: number }, w: Numbers, size: readonly number[]): void {
  const n = size.reduce((a, b) => a * b, 1);
  for (let c = 0; c < size.length; c++) for (let k = 0; k < n; k++) f[c * n + k] *= Math.min(1, Math.max(0, 2 * w[k] - 1));
}
/** Twin of `longestVector`. */
export function longestVector(f: Numbers, size: readonly number[]): number {
  const n = size.reduce((a, b) => a * b, 1);
  let best = 0;
  for (let k = 0; k < n; k++) best = Math.max(best, Math.hypot(...size.map((_, i) => f[i * n + k])));
  return best;
}
/** Twin of `gradientForce`. */
export function gradientForce(
  [I, g]: readonly [Numbers, Numbers],
  second: readonly [Numbers, Numbers] | undefined,
  out: { [i: number]: number },
  size: readonly number[],
): void {
  const d = size.length;
  const n = size.reduce((a, b) => a * b, 1);
  for (let k = 0; k < n; k++) {
    const p = voxelAt(size, k);
    for (let i = 0, step = 1; i < d; step *= size[d - 1 - i], i++) {
      const slope = (J: Numbers) => (p[i] > 0 && p[i] < size[d - 1 - i] - 1 ? (J[k + step] - J[k - step]) / 2 : 0);
      out[i * n + k] = g[k] * slope(I) - (second ? second[1][k] * slope(second[0]) : 0);
    }
  }
}
