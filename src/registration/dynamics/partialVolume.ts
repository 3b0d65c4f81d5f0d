import { solvePositive } from "../../core/cholesky.js";

/** How the changes of neighbouring regions mix across their blurred borders. */
export interface PartialVolume {
  /** Standard deviation of the blur between the regions, voxels; 0: their borders are sharp. */
  readonly sigmaVoxels: number;
  /** For each region, in the order of the labels, its change at each frame against its mean over the frames. */
  readonly changes: readonly Float64Array[];
  /** How much of what a region's voxels see comes from the region itself; near 0 a change cannot be told from its neighbours'. */
  readonly own: readonly number[];
}

const margin = 4;
const widest = 2.5;

/**
 * What each region does over time, freed of what blur mixes in from its neighbours:
 *  min over c, σ  Σ_t ‖ frame_t − mean − Σ_j c_j(t) (g_σ ∗ 1_j) ‖²,
 * over the regions' voxels and those at most 4 away, which are a region too. Anatomy stays in the mean and may be anything. For a given σ the curves are linear
 * least squares, all frames at once; σ, one number between 0 and 2.5 voxels, is what is left (variable projection). Where blur explains no more than chance,
 * σ is 0 and changes are those of the regions' means.
 * @param frames   values on one grid of `size` (x, y(, z)), x fastest, motion taken out
 * @param labels   whole numbers; 0 is no region
 * @param regions  the labels asked for, each present
 * @see Rousset, Ma & Evans (1998), Correction for partial volume effects in PET, J. Nucl. Med. 39; Labbé et al. (1999), a least-squares formulation
 */
export function partialVolume(
  frames: readonly ArrayLike<number>[],
  labels: ArrayLike<number>,
  size: readonly number[],
  regions: readonly number[],
): PartialVolume {
  const box = boxAround(labels, size);
  const inside = cropped(labels, size, box);
  const counted = near(inside, box.size);
  const T = frames.length;
  const data = frames.map((f) => {
    const v = cropped(f, size, box);
    return Float64Array.from(counted, (i) => v[i]);
  });
  for (let i = 0; i < counted.length; i++) {
    let mean = 0;
    for (let t = 0; t < T; t++) mean += data[t][i] / T;
    for (let t = 0; t < T; t++) data[t][i] -= mean;
  }
  const energy = data.reduce((s, d) => s + dot(d, d), 0);
  const indicators = regions.map((label) => Float64Array.from(inside, (v) => Number(v === label)));
  const at = (sigma: number) => {
    const shares = indicators.map((one) => {
      const soft = blurred(one, box.size, sigma);
      return Float64Array.from(counted, (i) => soft[i]);
    });
    // What is no region has a curve of its own.
    shares.push(Float64Array.from(counted, (_, i) => 1 - shares.reduce((s, v) => s + v[i], 0)));
    const n = shares.length;
    const gram = new Float64Array(n * n);
    for (let i = 0; i < n; i++) for (let j = 0; j <= i; j++) gram[i * n + j] = gram[j * n + i] = dot(shares[i], shares[j]);
    const largest = Math.max(...shares.map((_, i) => gram[i * (n + 1)]));
    for (let i = 0; i < n; i++) gram[i * (n + 1)] += 1e-9 * largest; // regions that fill the picture leave no background
    let left = energy;
    const curves = data.map((d) => {
      const right = shares.map((s) => dot(s, d));
      const c = solvePositive(gram, right) ?? new Float64Array(n);
      left -= dot(Float64Array.from(c), Float64Array.from(right));
      return c;
    });
    return { left, curves, shares };
  };
  const sharp = at(0);
  const sigma = energy > 0 ? smallest((s) => at(s).left) : 0;
  const soft = sigma > 0 ? at(sigma) : sharp;
  // Of noise alone blurred regions explain a little more or less than sharp ones: about its variance for each curve and frame.
  const told = sharp.left - soft.left > (4 * (regions.length + 1) * soft.left) / counted.length;
  const sigmaVoxels = told ? sigma : 0;
  const { curves, shares } = told ? soft : sharp;
  return {
    sigmaVoxels,
    changes: regions.map((_, j) => Float64Array.from(curves, (c) => c[j])),
    own: regions.map((label, j) => {
      let [sum, count] = [0, 0];
      counted.forEach((i, k) => {
        if (inside[i] !== label) return;
        sum += shares[j][k];
        count++;
      });
      return sum / count;
    }),
  };
}

/** Golden section after a coarse look: the curve has one valley in practice, but nothing says that it must. */
function smallest(f: (sigma: number) => number): number {
  const ladder = Array.from({ length: 11 }, (_, k) => (widest * k) / 10);
  const values = ladder.map(f);
  const best = values.indexOf(Math.min(...values));
  let [a, b] = [ladder[Math.max(0, best - 1)], ladder[Math.min(10, best + 1)]];
  const g = (Math.sqrt(5) - 1) / 2;
  let [p, q] = [b - g * (b - a), a + g * (b - a)];
  let [u, v] = [f(p), f(q)];
  while (b - a > 0.01) {
    if (u <= v) {
      [b, q, v] = [q, p, u];
      p = b - g * (b - a);
      u = f(p);
    } else {
      [a, p, u] = [p, q, v];
      q = a + g * (b - a);
      v = f(q);
    }
  }
  return best === 0 && values[0] <= Math.min(u, v) ? 0 : (a + b) / 2;
}

interface Box {
  readonly from: readonly number[];
  readonly size: readonly number[];
}
function boxAround(labels: ArrayLike<number>, size: readonly number[]): Box {
  const low = size.map((n) => n);
  const high = size.map(() => -1);
  for (let i = 0; i < labels.length; i++) {
    if (!(labels[i] > 0)) continue;
    let rest = i;
    size.forEach((n, k) => {
      const at = rest % n;
      rest = Math.floor(rest / n);
      low[k] = Math.min(low[k], at);
      high[k] = Math.max(high[k], at);
    });
  }
  const reach = margin + Math.ceil(3 * widest);
  const from = low.map((v) => Math.max(0, v - reach));
  return { from, size: high.map((v, k) => Math.min(size[k] - 1, v + reach) - from[k] + 1) };
}
function cropped(values: ArrayLike<number>, size: readonly number[], { from, size: inner }: Box): Float64Array {
  const [w, h = 1, d = 1] = inner;
  const [x, y = 0, z = 0] = from;
  const [W, H = 1] = size;
  const out = new Float64Array(w * h * d);
  for (let k = 0, at = 0; k < d; k++)
    for (let j = 0; j < h; j++) {
      const row = ((z + k) * H + y + j) * W + x;
      for (let i = 0; i < w; i++) out[at++] = values[row + i];
    }
  return out;
}
/** Indices of voxels in a region or at most `margin` from one along each axis. */
function near(labels: Float64Array, size: readonly number[]): number[] {
  let marked: Float64Array = Float64Array.from(labels, (v) => Number(v > 0));
  const one = new Array<number>(2 * margin + 1).fill(1);
  for (let axis = 0; axis < size.length; axis++) marked = alongAxis(marked, size, axis, one);
  return Array.from(marked.keys()).filter((i) => marked[i] > 0);
}
function blurred(values: Float64Array, size: readonly number[], sigma: number): Float64Array {
  if (sigma < 0.2) return values;
  const reach = Math.ceil(3 * sigma);
  const taps = Array.from({ length: 2 * reach + 1 }, (_, k) => Math.exp(-((k - reach) ** 2) / (2 * sigma * sigma)));
  const sum = taps.reduce((a, b) => a + b, 0);
  const weights = taps.map((v) => v / sum);
  let out = values;
  for (let axis = 0; axis < size.length; axis++) if (size[axis] > 1) out = alongAxis(out, size, axis, weights);
  return out;
}
function alongAxis(values: Float64Array, size: readonly number[], axis: number, taps: readonly number[]): Float64Array {
  const n = size[axis];
  const stride = size.slice(0, axis).reduce((a, b) => a * b, 1);
  const reach = (taps.length - 1) / 2;
  const out = new Float64Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const at = Math.floor(i / stride) % n;
    let sum = 0;
    for (let k = -reach; k <= reach; k++) sum += taps[k + reach] * values[i + (Math.min(n - 1, Math.max(0, at + k)) - at) * stride];
    out[i] = sum;
  }
  return out;
}
function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let s = 0;
  for (let i = 0; i < a.length; i++) s += a[i] * b[i];
  return s;
}
