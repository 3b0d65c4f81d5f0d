import { engine } from "../../kernels/engine.js";
import { irfft, rfft } from "../../kernels/fft.js";

/** Half spectra [c, n, n/2 + 1], real and imaginary parts in turn, of real planes [c, n, n]. */
export function spectra(planes: Float32Array, channels: number, n: number): Float32Array {
  const e = engine();
  const half = n * (n / 2 + 1) * 2;
  const [src, dst] = [e.allocate(4 * planes.length), e.allocate(4 * channels * half)];
  try {
    e.f32(src, planes.length).set(planes);
    rfft(e, src, dst, [channels, n, n], { axes: [1, 2] });
    return e.f32(dst, channels * half).slice();
  } finally {
    e.free(src);
    e.free(dst);
  }
}
/** Back again. */
export function planesOf(z: Float32Array, channels: number, n: number): Float32Array {
  const e = engine();
  const [src, dst] = [e.allocate(4 * z.length), e.allocate(4 * channels * n * n)];
  try {
    e.f32(src, z.length).set(z);
    irfft(e, src, dst, [channels, n, n], { axes: [1, 2] });
    return e.f32(dst, channels * n * n).slice();
  } finally {
    e.free(src);
    e.free(dst);
  }
}

export interface FilterSettings {
  /** Weight of the filter's own size. */
  readonly ridge: number;
  /** Rounds of the splitting that keeps the filter within its mask. */
  readonly rounds: number;
}
/** Spectra of one filter for each channel, and how much each channel counts. */
export interface CorrelationFilter {
  readonly h: Float32Array;
  readonly weights: Float32Array;
}

/** The spectrum of a Gaussian bump at (0, 0), wrapped around; real, as the bump is even. Half spectrum, one number each. */
export function bumpSpectrum(n: number, sigma: number): Float32Array {
  const plane = new Float32Array(n * n);
  const d = (i: number) => Math.min(i, n - i);
  for (let j = 0, k = 0; j < n; j++) for (let i = 0; i < n; i++, k++) plane[k] = Math.exp(-0.5 * ((d(i) ** 2 + d(j) ** 2) / sigma ** 2));
  const z = spectra(plane, 1, n);
  return Float32Array.from({ length: z.length / 2 }, (_, k) => z[2 * k]);
}

/**
 * For every channel the filter h with support in the mask m that makes  |h̄ ⋆ f − g|² + λ |h|²  least, by the method of multipliers: ĥ lives in the
 * frequency domain, its masked twin in space. Channels count by the height of their own answer to the patch.
 * @param f  spectra of the (windowed) channels
 * @param g  spectrum of the wanted answer, real
 * @see Lukežič, Vojíř, Čehovin Zajc, Matas, Kristan (2018), Discriminative correlation filter tracker with channel and spatial reliability, IJCV 126
 */
export function learn(
  f: Float32Array,
  g: Float32Array,
  mask: Float32Array,
  channels: number,
  n: number,
  { ridge, rounds }: FilterSettings,
): CorrelationFilter {
  const half = g.length;
  const all = channels * half;
  const cross = new Float32Array(2 * all);
  const power = new Float32Array(all);
  for (let c = 0, k = 0; c < channels; c++)
    for (let i = 0; i < half; i++, k++) {
      const [re, im] = [f[2 * k], f[2 * k + 1]];
      cross[2 * k] = re * g[i];
      cross[2 * k + 1] = im * g[i];
      power[k] = re * re + im * im;
    }
  const masked = (z: Float32Array, scale: number): Float32Array => {
    const h = planesOf(z, channels, n);
    for (let c = 0, k = 0; c < channels; c++) for (let i = 0; i < n * n; i++, k++) h[k] *= mask[i] * scale;
    return spectra(h, channels, n);
  };
  const z = new Float32Array(2 * all);
  for (let k = 0; k < all; k++) {
    const by = 1 / (power[k] + ridge);
    z[2 * k] = cross[2 * k] * by;
    z[2 * k + 1] = cross[2 * k + 1] * by;
  }
  let h = masked(z, 1);
  const dual = new Float32Array(2 * all);
  let mu = 5;
  for (let round = 0; round < rounds; round++) {
    const free = new Float32Array(2 * all);
    for (let k = 0; k < all; k++) {
      const by = 1 / (power[k] + mu);
      free[2 * k] = (cross[2 * k] + mu * h[2 * k] - dual[2 * k]) * by;
      free[2 * k + 1] = (cross[2 * k + 1] + mu * h[2 * k + 1] - dual[2 * k + 1]) * by;
    }
    for (let k = 0; k < 2 * all; k++) z[k] = mu * free[k] + dual[k];
    h = masked(z, 1 / (mu + ridge));
    for (let k = 0; k < 2 * all; k++) dual[k] += mu * (free[k] - h[k]);
    mu = Math.min(20, 3 * mu);
  }
  return { h, weights: channelWeights(f, h, channels, n) };
}
function channelWeights(f: Float32Array, h: Float32Array, channels: number, n: number): Float32Array {
  const answers = planesOf(answersOf(f, h), channels, n);
  const out = new Float32Array(channels);
  let sum = 0;
  for (let c = 0, k = 0; c < channels; c++) {
    let most = 0;
    for (let i = 0; i < n * n; i++, k++) if (answers[k] > most) most = answers[k];
    out[c] = most;
    sum += most;
  }
  return sum > 0 ? out.map((v) => v / sum) : out.fill(1 / channels);
}
/** h̄ f for every channel and frequency. */
function answersOf(f: Float32Array, h: Float32Array): Float32Array {
  const out = new Float32Array(f.length);
  for (let k = 0; k < f.length; k += 2) {
    out[k] = h[k] * f[k] + h[k + 1] * f[k + 1];
    out[k + 1] = h[k] * f[k + 1] - h[k + 1] * f[k];
  }
  return out;
}
/** (1 − rate) old + rate fresh */
export function blended(old: CorrelationFilter, fresh: CorrelationFilter, rate: number): CorrelationFilter {
  const mix = (a: Float32Array, b: Float32Array) => {
    const out = new Float32Array(a.length);
    for (let k = 0; k < a.length; k++) out[k] = a[k] + rate * (b[k] - a[k]);
    return out;
  };
  return { h: mix(old.h, fresh.h), weights: mix(old.weights, fresh.weights) };
}

export interface Answer {
  /** Values [n, n]; (0, 0) is the patch's own place, wrapped around. */
  readonly values: Float32Array;
  readonly spectrum: Float32Array;
}
/** Weighted sum of all channels' answers. */
export function answer(f: Float32Array, { h, weights }: CorrelationFilter, n: number): Answer {
  const half = n * (n / 2 + 1) * 2;
  const spectrum = new Float32Array(half);
  for (let c = 0; c < weights.length; c++) {
    const w = weights[c];
    for (let k = 0, i = c * half; k < half; k += 2, i += 2) {
      spectrum[k] += w * (h[i] * f[i] + h[i + 1] * f[i + 1]);
      spectrum[k + 1] += w * (h[i] * f[i + 1] - h[i + 1] * f[i]);
    }
  }
  return { values: planesOf(spectrum, 1, n), spectrum };
}

export interface Peak {
  /** In cells, from −n/2 to n/2. */
  readonly x: number;
  readonly y: number;
  readonly value: number;
  /** (peak − mean) / deviation of all that is not near the peak. */
  readonly sharpness: number;
}
/** The highest place of an answer, between cells by Newton's method on its Fourier series; its height is read off another answer where one is given. */
export function peakOf({ values, spectrum }: Answer, n: number, judged: Float32Array = values): Peak {
  let best = 0;
  for (let k = 1; k < n * n; k++) if (values[k] > values[best]) best = k;
  const [bx, by] = [best % n, Math.floor(best / n)];
  let [x, y] = [bx, by];
  const m = n / 2 + 1;
  for (let step = 0; step < 4; step++) {
    let [gx, gy, xx, yy, xy] = [0, 0, 0, 0, 0];
    const cx = Float64Array.from({ length: m }, (_, k) => Math.cos((2 * Math.PI * k * x) / n));
    const sx = Float64Array.from({ length: m }, (_, k) => Math.sin((2 * Math.PI * k * x) / n));
    for (let j = 0; j < n; j++) {
      const ky = j <= n / 2 ? j : j - n;
      if (2 * j === n) continue;
      const [c, s] = [Math.cos((2 * Math.PI * ky * y) / n), Math.sin((2 * Math.PI * ky * y) / n)];
      for (let i = 0; i < m - 1; i++) {
        const k = 2 * (j * m + i);
        const [er, ei] = [c * cx[i] - s * sx[i], c * sx[i] + s * cx[i]];
        const w = i === 0 ? 1 : 2;
        const re = w * (spectrum[k] * er - spectrum[k + 1] * ei);
        const im = w * (spectrum[k] * ei + spectrum[k + 1] * er);
        gx -= i * im;
        gy -= ky * im;
        xx -= i * i * re;
        yy -= ky * ky * re;
        xy -= i * ky * re;
      }
    }
    const t = (2 * Math.PI) / n;
    const det = xx * yy - xy * xy;
    if (!(xx < 0 && det > 0)) break;
    // Newton: −∇²⁻¹ ∇, first derivatives carry 2π/n once, second ones twice.
    const [dx, dy] = [-(yy * gx - xy * gy) / det / t, -(xx * gy - xy * gx) / det / t];
    if (!(Math.abs(x + dx - bx) <= 1 && Math.abs(y + dy - by) <= 1)) break;
    x += dx;
    y += dy;
    if (Math.abs(dx) + Math.abs(dy) < 1e-3) break;
  }
  let [sum, squares, count] = [0, 0, 0];
  const near = Math.max(2, Math.round(n / 10));
  const away = (a: number, b: number) => Math.min(Math.abs(a - b), n - Math.abs(a - b));
  for (let j = 0, k = 0; j < n; j++)
    for (let i = 0; i < n; i++, k++)
      if (away(i, bx) > near || away(j, by) > near) {
        sum += judged[k];
        squares += judged[k] * judged[k];
        count++;
      }
  const mean = sum / count;
  const deviation = Math.sqrt(Math.max(0, squares / count - mean * mean));
  const centred = (v: number) => (v > n / 2 ? v - n : v);
  return { x: centred(x), y: centred(y), value: judged[best], sharpness: deviation > 0 ? (judged[best] - mean) / deviation : 0 };
}
