import { ArgumentError, ShapeError } from "../core/errors.js";
import type { Engine } from "./engine.js";

/**
 * Which way round, and where the factor goes: "backward" divides the inverse by the number of points N (the forward transform is
 * a plain sum), "ortho" divides both by √N, so that they are unitary, "forward" divides the forward transform by N.
 */
export type FftNormalisation = "backward" | "ortho" | "forward";
export interface FftOptions {
  /** Axes to transform, negative ones from the end. Default: all. For real transforms the last of them holds the half spectrum. */
  readonly axes?: readonly number[];
  readonly inverse?: boolean;
  readonly normalisation?: FftNormalisation;
}

/** The factor that multiplies a transform of N points. */
export function fftScale(points: number, inverse: boolean, normalisation: FftNormalisation = "backward"): number {
  if (normalisation === "ortho") return 1 / Math.sqrt(points);
  return inverse === (normalisation === "backward") ? 1 / points : 1;
}

/** Axes as 0 … rank − 1, without doubles. @throws ArgumentError for an axis that does not exist or comes twice */
export function fftAxes(shape: readonly number[], axes?: readonly number[]): number[] {
  const rank = shape.length;
  const list = axes ? axes.map((a) => (a < 0 ? a + rank : a)) : shape.map((_, i) => i);
  list.forEach((a, i) => {
    if (!Number.isInteger(a) || a < 0 || a >= rank || list.indexOf(a) !== i)
      throw new ArgumentError(`fft: axes [${axes}] do not fit a shape of rank ${rank}; give different axes from ${-rank} to ${rank - 1}`, {
        axes,
        shape,
      });
  });
  return list;
}

const primes = [3, 5, 7, 11, 13, 17, 19, 23, 29, 31];
/** Largest length handled by a direct sum of primes; above it, other prime factors go through a convolution. */
function radices(n: number): number[] | undefined {
  let twos = 0;
  let rest = n;
  while (rest % 2 === 0) {
    rest /= 2;
    twos++;
  }
  const odd: number[] = [];
  for (const p of primes)
    while (rest % p === 0) {
      odd.push(p);
      rest /= p;
    }
  if (rest > 1) return undefined;
  // Radix 4 first and 4, 8 or 2 last: columns then read and write the data in these two passes.
  const last = twos % 2 === 1 ? (twos >= 3 ? [8] : [2]) : twos > 0 ? [4] : [];
  const fours = (twos - (last[0] === 8 ? 3 : last[0] === 2 ? 1 : last[0] === 4 ? 2 : 0)) / 2;
  return [...(fours > 0 ? [4] : []), ...odd.reverse(), ...Array<number>(Math.max(0, fours - 1)).fill(4), ...last];
}
/** Smallest length ≥ n with the prime factors 2, 3, 5 only, and few of the odd ones. */
function convolutionLength(n: number): number {
  let best = 2 ** Math.ceil(Math.log2(n));
  for (const odd of [3, 5, 9, 15]) {
    const m = odd * 2 ** Math.max(0, Math.ceil(Math.log2(n / odd)));
    if (m < best && m % 16 === 0) best = m;
  }
  return best;
}

interface Plan {
  readonly at: number;
  /** Length of the scratch lines. */
  readonly length: number;
}
interface Cache {
  readonly plans: Map<string, Plan>;
  readonly roots: Map<number, number>;
  readonly blocks: number[];
  bytes: number;
}
const caches = new WeakMap<Engine, Cache>();
const cacheLimit = 2 ** 26;

function cacheOf(e: Engine): Cache {
  let cache = caches.get(e);
  if (!cache) {
    cache = { plans: new Map(), roots: new Map(), blocks: [], bytes: 0 };
    caches.set(e, cache);
  }
  return cache;
}
/** Forget the tables of all lengths (they are made again when needed). */
export function clearFftPlans(e: Engine): void {
  const cache = caches.get(e);
  if (!cache) return;
  for (const at of cache.blocks) e.free(at);
  caches.delete(e);
}
function reserve(e: Engine, cache: Cache, bytes: number): number {
  const at = e.allocate(bytes);
  cache.blocks.push(at);
  cache.bytes += bytes;
  return at;
}

function planOf(e: Engine, n: number, inverse: boolean): Plan {
  const cache = cacheOf(e);
  const key = `${n}${inverse ? "i" : "f"}`;
  const known = cache.plans.get(key);
  if (known) return known;
  const factors = radices(n);
  const turn = inverse ? 2 * Math.PI : -2 * Math.PI;
  let plan: Plan;
  if (factors) {
    // Per pass (r − 1) (l / r) twiddles, and the roots of an odd radix.
    const tables: Float32Array[] = [];
    const heads: number[] = [];
    let l = n;
    let floats = 0;
    for (const r of factors) {
      const q = l / r;
      const table = new Float32Array(2 * q * (r - 1) + (r > 5 && r !== 8 ? 2 * r : 0));
      for (let p = 0, i = 0; p < q; p++)
        for (let k = 1; k < r; k++) {
          const angle = (turn * ((p * (inverse ? r - k : k)) % l)) / l; // the inverse's output r − k is the forward butterfly's k
          table[i++] = Math.cos(angle);
          table[i++] = Math.sin(angle);
        }
      if (r > 5 && r !== 8)
        for (let k = 0, i = 2 * q * (r - 1); k < r; k++) {
          table[i++] = Math.cos((2 * Math.PI * k) / r);
          table[i++] = Math.sin((2 * Math.PI * k) / r);
        }
      heads.push(r, floats, floats + 2 * q * (r - 1));
      tables.push(table);
      floats += table.length;
      l = q;
    }
    const at = reserve(e, cache, 256 + 4 * floats);
    const words = e.i32(at, 64).fill(0);
    words.set([n, n, factors.length, inverse ? 1 : 0]);
    heads.forEach((h, i) => {
      words[8 + i] = i % 3 === 0 ? h : at + 256 + 4 * h;
    });
    let to = at + 256;
    for (const t of tables) {
      e.f32(to, t.length).set(t);
      to += 4 * t.length;
    }
    plan = { at, length: n };
  } else {
    const m = convolutionLength(2 * n - 1);
    const forward = planOf(e, m, false);
    const backward = planOf(e, m, true);
    const at = reserve(e, cache, 256 + 8 * (n + m));
    const chirp = at + 256;
    const spectrum = chirp + 8 * n;
    const c = new Float64Array(2 * n);
    for (let k = 0; k < n; k++) {
      const angle = ((turn / 2) * ((k * k) % (2 * n))) / n;
      c[2 * k] = Math.cos(angle);
      c[2 * k + 1] = Math.sin(angle);
    }
    // Spectrum of the conjugate chirp, wrapped around, by the kernel itself; 1/m of the convolution goes in here.
    const wrapped = new Float32Array(2 * m);
    for (let k = 0; k < n; k++)
      for (const i of k === 0 ? [0] : [k, m - k]) {
        wrapped[2 * i] = c[2 * k];
        wrapped[2 * i + 1] = -c[2 * k + 1];
      }
    e.f32(spectrum, 2 * m).set(wrapped);
    lines(e, spectrum, spectrum, 1, m, 1, forward, 1 / m);
    e.f32(chirp, 2 * n).set(c);
    const words = e.i32(at, 64).fill(0);
    words.set([n, m, 0, inverse ? 1 : 0, forward.at, backward.at, chirp, spectrum]);
    plan = { at, length: m };
  }
  cache.plans.set(key, plan);
  return plan;
}
/** e^(−2πi k/n), k = 0 … ⌊n/2⌋, for the half spectra of real lines. */
function rootsOf(e: Engine, n: number): number {
  const cache = cacheOf(e);
  let at = cache.roots.get(n);
  if (at === undefined) {
    const h = n >> 1;
    at = reserve(e, cache, 8 * (h + 1));
    const w = e.f32(at, 2 * (h + 1));
    for (let k = 0; k <= h; k++) {
      w[2 * k] = Math.cos((2 * Math.PI * k) / n);
      w[2 * k + 1] = -Math.sin((2 * Math.PI * k) / n);
    }
    cache.roots.set(n, at);
  }
  return at;
}

const workspaceOf = (e: Engine, ...plans: Plan[]) => e.call("fftWorkspace", Math.max(...plans.map((p) => p.length)));
/** Groups per slab: about 2¹⁶ numbers each, and eight slabs or more where there are so many groups. */
const grainOf = (groups: number, numbers: number) => Math.max(1, Math.min(Math.ceil(groups / 8), Math.floor(65536 / numbers)));

function lines(e: Engine, src: number, dst: number, outer: number, n: number, inner: number, plan: Plan, scale: number): void {
  const groups = inner < 4 ? Math.ceil((outer * inner) / 4) : outer * Math.ceil(inner / 8);
  e.parallel("fftLines", [src, dst, outer, n, inner, plan.at, scale], {
    extent: groups,
    grain: grainOf(groups, n * (inner < 4 ? 4 : 8)),
    workspace: workspaceOf(e, plan),
  });
}

const product = (values: readonly number[]) => values.reduce((p, v) => p * v, 1);

/** Complex transform along the axes, in any order, times `scale`; from src (kept when it is not dst) to dst. */
function complexAxes(
  e: Engine,
  src: number,
  dst: number,
  shape: readonly number[],
  axes: readonly number[],
  inverse: boolean,
  scale: number,
) {
  const rank = shape.length;
  const todo = axes.filter((a) => shape[a] > 1).sort((a, b) => b - a);
  const total = product(shape);
  if (todo.length === 0 || total === 0) {
    const source = e.f32(src, 2 * total);
    const target = e.f32(dst, 2 * total);
    if (scale !== 1) for (let i = 0; i < 2 * total; i++) target[i] = scale * source[i];
    else if (src !== dst) target.set(source);
    return;
  }
  let from = src;
  const height = shape[rank - 2];
  const width = shape[rank - 1];
  const planes = rank >= 2 ? total / (height * width) : 0;
  // Both inner axes of a plane while it is in the cache, if there are planes enough to share out.
  if (todo[0] === rank - 1 && todo[1] === rank - 2 && planes >= 8 && height * width <= 2 ** 19) {
    const planX = planOf(e, width, inverse);
    const planY = planOf(e, height, inverse);
    const by = todo.length === 2 ? scale : 1;
    e.parallel("fftPlanes", [src, dst, height, width, planX.at, planY.at, by], {
      extent: planes,
      grain: grainOf(planes, height * width),
      workspace: workspaceOf(e, planX, planY),
    });
    todo.splice(0, 2);
    from = dst;
  }
  todo.forEach((axis, i) => {
    const outer = product(shape.slice(0, axis));
    const inner = product(shape.slice(axis + 1));
    lines(e, from, dst, outer, shape[axis], inner, planOf(e, shape[axis], inverse), i === todo.length - 1 ? scale : 1);
    from = dst;
  });
}

function begin(e: Engine): void {
  if ((caches.get(e)?.bytes ?? 0) > cacheLimit) clearFftPlans(e);
}

/**
 * Discrete Fourier transform, X_k = s Σ_t x_t e^(∓2πi Σ_a k_a t_a / n_a) over the axes, of any lengths; − forward, + inverse.
 * src and dst hold `shape` complex numbers (re, im interleaved, f32) and may be the same.
 */
export function fft(e: Engine, src: number, dst: number, shape: readonly number[], options: FftOptions = {}): void {
  const axes = fftAxes(shape, options.axes);
  const inverse = options.inverse ?? false;
  scaledFft(e, src, dst, shape, axes, inverse, fftScale(product(axes.map((a) => shape[a])), inverse, options.normalisation));
}
/** The same with any factor; axes 0 … rank − 1. */
export function scaledFft(
  e: Engine,
  src: number,
  dst: number,
  shape: readonly number[],
  axes: readonly number[],
  inverse: boolean,
  scale: number,
): void {
  begin(e);
  complexAxes(e, src, dst, shape, axes, inverse, scale);
}

function halfSpectrum(shape: readonly number[], axes: readonly number[], name: string) {
  const rank = shape.length;
  const last = axes.at(-1);
  if (last !== rank - 1)
    throw new ArgumentError(`${name}: the last transformed axis is ${last} but must be the array's last, ${rank - 1}; transpose first`, {
      axes,
      shape,
    });
  const n = shape[rank - 1];
  if (n < 1) throw new ShapeError(`${name}: the last axis is empty; a half spectrum needs one sample or more`, { shape });
  return { n, half: [...shape.slice(0, -1), Math.floor(n / 2) + 1], rows: product(shape.slice(0, -1)), others: axes.slice(0, -1) };
}

/**
 * Transform of real numbers: the half 0 … ⌊n/2⌋ of the last axis that holds everything, complex along the other axes.
 * src: `shape` f32; dst: [..., ⌊n/2⌋ + 1] complex.
 */
export function rfft(e: Engine, src: number, dst: number, shape: readonly number[], options: Omit<FftOptions, "inverse"> = {}): void {
  const axes = fftAxes(shape, options.axes);
  scaledRfft(e, src, dst, shape, axes, fftScale(product(axes.map((a) => shape[a])), false, options.normalisation));
}
/** The same with any factor; axes 0 … rank − 1. */
export function scaledRfft(e: Engine, src: number, dst: number, shape: readonly number[], axes: readonly number[], scale: number): void {
  const { n, half, rows, others } = halfSpectrum(shape, axes, "rfft");
  begin(e);
  const plan = planOf(e, n % 2 === 0 ? n / 2 : n, false);
  const roots = rootsOf(e, n);
  const groups = Math.ceil(rows / 4);
  const more = others.some((a) => shape[a] > 1);
  e.parallel("fftReal", [src, dst, rows, n, plan.at, roots, more ? 1 : scale], {
    extent: groups,
    grain: grainOf(groups, 2 * n),
    workspace: workspaceOf(e, plan),
  });
  if (more) complexAxes(e, dst, dst, half, others, false, scale);
}

/**
 * Inverse of `rfft`: src [..., ⌊n/2⌋ + 1] complex (kept) → dst `shape` f32, shape = [..., n]. Imaginary parts that a spectrum of real
 * numbers cannot have are left out, as if it were the nearest such spectrum along the last axis.
 */
export function irfft(e: Engine, src: number, dst: number, shape: readonly number[], options: Omit<FftOptions, "inverse"> = {}): void {
  const axes = fftAxes(shape, options.axes);
  scaledIrfft(e, src, dst, shape, axes, fftScale(product(axes.map((a) => shape[a])), true, options.normalisation));
}
/** The same with any factor; axes 0 … rank − 1. */
export function scaledIrfft(e: Engine, src: number, dst: number, shape: readonly number[], axes: readonly number[], scale: number): void {
  const { n, half, rows, others } = halfSpectrum(shape, axes, "irfft");
  begin(e);
  let from = src;
  if (others.some((a) => shape[a] > 1)) {
    from = e.allocate(8 * product(half));
    complexAxes(e, src, from, half, others, true, 1);
  }
  const plan = planOf(e, n % 2 === 0 ? n / 2 : n, true);
  const roots = rootsOf(e, n);
  const groups = Math.ceil(rows / 4);
  e.parallel("fftToReal", [from, dst, rows, n, plan.at, roots, scale], {
    extent: groups,
    grain: grainOf(groups, 2 * n),
    workspace: workspaceOf(e, plan),
  });
  if (from !== src) e.free(from);
}
