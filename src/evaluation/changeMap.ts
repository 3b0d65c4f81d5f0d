import { ShapeError } from "../core/errors.js";
import { checkPair, type Lattice, type Samples, sampleCount } from "./lattice.js";

/** What counts as a change between two aligned images: where, beyond which shift, how surely, from which size on. */
export interface ChangeOptions {
  /** Where to look: positive values. Default: everywhere. */
  readonly mask?: Samples;
  /** A difference that a shift of this many samples explains is no change. Default 1. */
  readonly toleranceVoxels?: number;
  /** The expected share of false samples among those found (false discovery rate). Default 0.01. */
  readonly falseShare?: number;
  /** Smaller connected regions are left out; samples. Default 2^d. */
  readonly least?: number;
}
/** One connected piece of what has changed. */
export interface ChangedRegion {
  /** Its number, from 1. */
  readonly region: number;
  /** More ("gain") or less ("loss") signal in the second image. */
  readonly sign: "gain" | "loss";
  /** How many samples it has. */
  readonly samples: number;
  /** mm^d */
  readonly size: number;
  /** Centre of mass in samples, x, y(, z). */
  readonly centre: readonly number[];
  /** Mean difference in the first image's units, and the largest deviation in units of noise. */
  readonly difference: number;
  /** The strongest change in it, in units of the noise. */
  readonly peak: number;
}
/** A map of change with its pieces, and the noise they were judged by. */
export interface ChangeResult {
  /** b on the scale of a, minus a; 0 outside the mask. */
  readonly difference: Float32Array;
  /** The difference that no small shift explains, in units of its noise. */
  readonly deviation: Float32Array;
  /** Number of the region for every sample, 0 where nothing changed. */
  readonly regions: Float32Array;
  /** Region by region. */
  readonly found: readonly ChangedRegion[];
  /** b ≈ gain · a + offset where nothing changed; the noise is the robust deviation of what is left. */
  readonly gain: number;
  /** What the second image is brighter by, after the gain. */
  readonly offset: number;
  /** Standard deviation of the difference where nothing has changed. */
  readonly noise: number;
  /** |deviation| from which a sample counts. */
  readonly threshold: number;
}

/**
 * What changed between two aligned images of one thing. Brightness and contrast of b are brought to a's by a line fitted to the middle of the
 * residuals (least trimmed squares); of the difference only what no shift by up to `toleranceVoxels` explains counts,
 *     r(p) = sign · min over |s| ≤ tolerance of |b(p) − a(p + s)|,  and the same with a and b exchanged, the smaller of the two;
 * the noise is 1.4826 times the median of |b − a| where that is not 0 (r is never larger, so this errs on the side of silence), and samples are kept whose two-sided normal p-values pass Benjamini and Hochberg's
 * rule; connected ones (faces) make a region, with the rim of `toleranceVoxels` where the plain difference is as clear.
 * @throws ShapeError when sizes differ
 * @see Rousseeuw (1984), Least median of squares regression, JASA 79; Benjamini, Hochberg (1995), Controlling the false discovery rate, JRSS B 57
 */
export function changeMap(a: Samples, b: Samples, grid: Lattice, o: ChangeOptions = {}): ChangeResult {
  checkPair("changeMap", a, b);
  const n = sampleCount(grid);
  if (a.length !== n)
    throw new ShapeError(`changeMap: ${a.length} values do not fill the grid of ${grid.size.join("×")}; one channel was expected`, {});
  if (o.mask && o.mask.length !== n) throw new ShapeError(`changeMap: the mask has ${o.mask.length} values, the images ${n}`, {});
  const d = grid.size.length;
  const { mask, toleranceVoxels = 1, falseShare = 0.01, least = 2 ** d } = o;
  const inside = (i: number) => !mask || mask[i] > 0;
  const { gain, offset } = lineBetween(a, b, inside);
  const difference = new Float32Array(n);
  const scaled = new Float32Array(n);
  for (let i = 0; i < n; i++) {
    scaled[i] = gain !== 0 ? (b[i] - offset) / gain : b[i];
    if (inside(i)) difference[i] = scaled[i] - a[i];
  }
  const residual = unexplained(a, scaled, grid.size, Math.max(0, Math.round(toleranceVoxels)));
  const sizes: number[] = [];
  for (let i = 0; i < n; i++) {
    if (!inside(i)) residual[i] = 0;
    else if (difference[i] !== 0) sizes.push(Math.abs(difference[i]));
  }
  sizes.sort((x, y) => x - y);
  const noise = sizes.length > 0 ? Math.max(1.4826 * sizes[Math.floor(sizes.length / 2)], 1e-6 * sizes[sizes.length - 1]) : 1;
  const deviation = residual.map((r) => r / noise);
  const threshold = discovery(deviation, inside, falseShare);
  const { regions, found } = connected(deviation, difference, grid, threshold, least, {
    noise,
    reach: Math.max(0, Math.round(toleranceVoxels)),
  });
  return { difference, deviation, regions, found, gain, offset, noise, threshold };
}

/** b ≈ gain a + offset by least squares over the half of the samples with the smallest residuals, until that half stays. */
function lineBetween(a: Samples, b: Samples, inside: (i: number) => boolean): { gain: number; offset: number } {
  const step = Math.max(1, Math.floor(a.length / 100_000));
  let low = Number.POSITIVE_INFINITY;
  for (let i = 0; i < a.length; i += step) if (inside(i) && a[i] < low) low = a[i];
  const all: number[] = [];
  for (let i = 0; i < a.length; i += step) if (inside(i)) all.push(i);
  // A large dark background fits every gain: look at what lies above it, when there is enough of that.
  const bright = all.filter((i) => a[i] > low);
  const places = bright.length > 100 ? bright : all;
  if (places.length < 2) return { gain: 1, offset: 0 };
  const through = (chosen: readonly number[]) => {
    let [sa, sb, saa, sab] = [0, 0, 0, 0];
    for (const i of chosen) {
      sa += a[i];
      sb += b[i];
      saa += a[i] * a[i];
      sab += a[i] * b[i];
    }
    const m = chosen.length;
    const variance = saa - (sa * sa) / m;
    const gain = variance > 1e-12 * Math.max(1, saa) ? (sab - (sa * sb) / m) / variance : 1;
    return { gain, offset: (sb - gain * sa) / m };
  };
  let line = through(places);
  for (let k = 0; k < 10; k++) {
    const off = places.map((i) => Math.abs(b[i] - line.gain * a[i] - line.offset));
    const middle = [...off].sort((x, y) => x - y)[Math.floor(off.length / 2)];
    const next = through(places.filter((_, j) => off[j] <= middle));
    const same =
      Math.abs(next.gain - line.gain) < 1e-6 * Math.abs(line.gain) &&
      Math.abs(next.offset - line.offset) < 1e-9 + 1e-6 * Math.abs(line.offset);
    line = next;
    if (same) break;
  }
  return line.gain > 0 ? line : { gain: 1, offset: 0 };
}

/** What is left of b − a after every shift up to `reach` samples: 0 where b lies within the range of a's neighbourhood, or a within b's. */
function unexplained(a: Samples, b: Samples, size: readonly number[], reach: number): Float32Array {
  const lowA = extreme(a, size, reach, Math.min);
  const highA = extreme(a, size, reach, Math.max);
  const lowB = extreme(b, size, reach, Math.min);
  const highB = extreme(b, size, reach, Math.max);
  const out = new Float32Array(a.length);
  for (let i = 0; i < out.length; i++) {
    const up = Math.min(b[i] - highA[i], lowB[i] - a[i]);
    const down = Math.min(lowA[i] - b[i], a[i] - highB[i]);
    if (reach === 0) out[i] = b[i] - a[i];
    else if (up > 0) out[i] = up;
    else if (down > 0) out[i] = -down;
  }
  return out;
}
/** The smallest or largest value within `reach` along every axis. */
function extreme(values: Samples, size: readonly number[], reach: number, pick: (a: number, b: number) => number): Float32Array {
  let from = Float32Array.from(values);
  let stride = 1;
  for (const n of size) {
    const out = new Float32Array(from.length);
    for (let i = 0; i < from.length; i++) {
      const at = Math.floor(i / stride) % n;
      let v = from[i];
      for (let k = 1; k <= reach; k++) {
        if (at - k >= 0) v = pick(v, from[i - k * stride]);
        if (at + k < n) v = pick(v, from[i + k * stride]);
      }
      out[i] = v;
    }
    from = out;
    stride *= n;
  }
  return from;
}

/** Two-sided tail of the normal distribution, 2 (1 − Φ(z)). @see Abramowitz, Stegun (1964), 7.1.26 (|error| < 1.5e-7, relative to the tail good enough up to z ≈ 8) */
function tail(z: number): number {
  const x = z / Math.SQRT2;
  const t = 1 / (1 + 0.3275911 * x);
  return ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t * Math.exp(-x * x);
}
/** |deviation| above which the expected share of false samples is at most `share`. */
function discovery(deviation: Float32Array, inside: (i: number) => boolean, share: number): number {
  const z: number[] = [];
  let count = 0;
  for (let i = 0; i < deviation.length; i++) {
    if (!inside(i)) continue;
    count++;
    if (deviation[i] !== 0) z.push(Math.abs(deviation[i]));
  }
  z.sort((x, y) => y - x);
  let threshold = Number.POSITIVE_INFINITY;
  for (let k = 0; k < z.length; k++) if (tail(z[k]) <= (share * (k + 1)) / count) threshold = z[k];
  return threshold;
}

function connected(
  deviation: Float32Array,
  difference: Float32Array,
  grid: Lattice,
  threshold: number,
  least: number,
  rim: { readonly noise: number; readonly reach: number },
) {
  const { size, spacing } = grid;
  const n = deviation.length;
  const regions = new Float32Array(n);
  const found: ChangedRegion[] = [];
  const strides = size.map((_, k) => size.slice(0, k).reduce((s, v) => s * v, 1));
  const seen = new Uint8Array(n);
  const cell = spacing.reduce((s, v) => s * v, 1);
  const parts: { members: number[]; sign: number }[] = [];
  for (let start = 0; start < n; start++) {
    if (seen[start] || !(Math.abs(deviation[start]) >= threshold)) continue;
    const sign = Math.sign(deviation[start]);
    const members = [start];
    seen[start] = 1;
    for (let at = 0; at < members.length; at++) {
      const i = members[at];
      for (let k = 0; k < size.length; k++) {
        const here = Math.floor(i / strides[k]) % size[k];
        for (const j of [here > 0 ? i - strides[k] : -1, here < size[k] - 1 ? i + strides[k] : -1])
          if (j >= 0 && !seen[j] && sign * deviation[j] >= threshold) {
            seen[j] = 1;
            members.push(j);
          }
      }
    }
    if (members.length < least) continue;
    // The tolerance has eaten the rim: take it back where the plain difference is as clear.
    for (let r = 0, from = 0; r < rim.reach; r++) {
      const until = members.length;
      for (let at = from; at < until; at++)
        for (let k = 0; k < size.length; k++) {
          const here = Math.floor(members[at] / strides[k]) % size[k];
          for (const j of [here > 0 ? members[at] - strides[k] : -1, here < size[k] - 1 ? members[at] + strides[k] : -1])
            if (j >= 0 && !seen[j] && sign * difference[j] >= threshold * rim.noise) {
              seen[j] = 1;
              members.push(j);
            }
        }
      from = until;
    }
    parts.push({ members, sign });
  }
  parts.sort((p, q) => q.members.length - p.members.length);
  for (const [k, { members, sign }] of parts.entries()) {
    let [sum, peak] = [0, 0];
    const centre = size.map(() => 0);
    for (const i of members) {
      regions[i] = k + 1;
      sum += difference[i];
      peak = Math.max(peak, Math.abs(deviation[i]));
      for (const [axis, stride] of strides.entries()) centre[axis] += Math.floor(i / stride) % size[axis];
    }
    found.push({
      region: k + 1,
      sign: sign > 0 ? "gain" : "loss",
      samples: members.length,
      size: members.length * cell,
      centre: centre.map((c) => c / members.length),
      difference: sum / members.length,
      peak,
    });
  }
  return { regions, found };
}
