import type { Image } from "../core/interfaces.js";
import { select } from "../core/select.js";

/**
 * The noise of an image relative to its standard deviation: the median of |∂²ₓ∂²ᵧ v| over places that are not flat (background would say 0),
 * divided by what white noise of σ = 1 gives, 6 · 0.6745. The operator is blind to ramps and edges along the axes; texture counts as noise.
 * First channel; planes of x and y; some sixty thousand places.
 * @see Immerkær (1996), Fast noise variance estimation, Computer Vision and Image Understanding 64
 */
export function noiseLevel({ values, grid }: Image): number {
  const [W, H, D = 1] = grid.size;
  const n = W * H * D;
  const v = values.data;
  let [sum, square] = [0, 0];
  for (let i = 0; i < n; i++) {
    sum += v[i];
    square += v[i] * v[i];
  }
  const deviation = Math.sqrt(Math.max(0, square / n - (sum / n) ** 2));
  if (W < 3 || H < 3 || !(deviation > 0)) return 0;
  const along = (i: number) => v[i - 1] - 2 * v[i] + v[i + 1];
  const inner = (W - 2) * (H - 2) * D;
  let count = 0;
  // A prime stride visits every part of every row.
  const stride = inner > 65536 ? nextPrime(inner / 65536) : 1;
  const found = new Float64Array(Math.ceil(inner / stride));
  for (let k = 0; k < inner; k += stride) {
    const row = Math.floor(k / (W - 2));
    const i = (Math.floor(row / (H - 2)) * H + (row % (H - 2)) + 1) * W + (k % (W - 2)) + 1;
    const c = v[i];
    if (c === v[i - 1] && c === v[i + 1] && c === v[i - W] && c === v[i + W]) continue;
    found[count++] = Math.abs(along(i - W) - 2 * along(i) + along(i + W));
  }
  if (count === 0) return 0;
  return select(found.subarray(0, count), count >> 1) / (6 * 0.6745 * deviation);
}

function nextPrime(from: number): number {
  for (let p = Math.max(2, Math.ceil(from)); ; p++) {
    let divisor = 2;
    while (divisor * divisor <= p && p % divisor) divisor++;
    if (divisor * divisor > p) return p;
  }
}

export interface Stiffness {
  readonly updateVoxels: readonly number[];
  readonly totalVoxels: readonly number[];
  /** The noise it answers to. */
  readonly noise: number;
}

/**
 * How much to smooth, level by level, from coarse to fine. Coarse steps move everything that later levels start from, so they are smoothed more (in
 * their voxels). Noise pulls at every voxel: the more of it (above 3 % of an image's standard deviation), the more voxels have to agree on a step,
 * from 2.2 voxels at 3 % to 6 at 5 %. One object at two times moves more smoothly than two people differ: at least 3.5, and 5 under a
 * metric without windows, which averages over nothing by itself. Where what the operator sees is above 6 %, it is texture that two subjects, stains or
 * scanners do not share: it pulls in the same sense at every step, and the elastic part, from 0.5 voxels at 6 % to 1.25 at 12 %, limits what such pulls add up to.
 */
export function stiffnessFor(fixed: Image, moving: Image, oneObject: boolean, local: boolean): Stiffness {
  const noise = Math.max(noiseLevel(fixed), noiseLevel(moving));
  const share = Math.min(1, Math.max(0, (noise - 0.03) / 0.02));
  const least = Math.max(oneObject ? (local ? 3.5 : 5) : 2.2, 2.2 + 3.8 * share);
  // The finest levels of volumes may keep more detail; a slice shows too little of what it cuts for that (its windows hold a seventh of the voxels), and would fold.
  const fine = oneObject || fixed.grid.size.length === 2 ? 0.5 : 0.4 + 0.1 * share;
  const texture = oneObject ? 0 : Math.min(1, Math.max(0, (noise - 0.06) / 0.06));
  return {
    updateVoxels: [5, 4, 3, 2.2].map((s) => Math.max(s, least)),
    totalVoxels: [0.5, 0.5, fine, fine].map((s) => s + 0.75 * texture),
    noise,
  };
}
