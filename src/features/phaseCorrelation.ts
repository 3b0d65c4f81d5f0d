import { ArgumentError, GridError } from "../core/errors.js";
import { type Grid, gridText, tensorShape } from "../image/grid.js";
import type { Image } from "../image/image.js";
import { transform } from "../image/matrix.js";
import { scope, Tensor } from "../tensor/index.js";
import { irfft, rfft } from "../tensor/ops/fft.js";

/** How borders fade, and how phases are weighed. */
export interface PhaseCorrelationOptions {
  /** Share of every axis that fades to zero at its two ends together (Tukey's window; 1 is Hann's, 0 none). Default 0.5. */
  readonly taper?: number;
  /** Width of the peak in samples: the phases are weighed by exp(−½ σ² |ω|²). Default 1; more for noise. */
  readonly sigmaVoxels?: number;
}
/** The shift at the peak of the phase correlation, with the height of the peak. */
export interface PhaseCorrelation {
  /** moving(p + shift) ≈ fixed(p); millimetres (pixels of pictures), along x, y (, z). */
  readonly shift: readonly number[];
  /** Height of the peak: 1 for one image moved without noise or loss, some 1/√N for unlike ones. */
  readonly peak: number;
  /** The peak against the next one that is not its flank: well above 1 is trustworthy. */
  readonly peakRatio: number;
}

/** Tukey's window along each axis, as one array [(z,) y, x]. */
function windowOf(shape: readonly number[], taper: number): Float32Array {
  const lines = shape.map((n) =>
    Float64Array.from({ length: n }, (_, i) => {
      const t = Math.min(i + 0.5, n - i - 0.5) / (0.5 * taper * n);
      return taper > 0 && t < 1 ? 0.5 - 0.5 * Math.cos(Math.PI * t) : 1;
    }),
  );
  const strides = shape.map((_, a) => shape.slice(a + 1).reduce((s, n) => s * n, 1));
  return Float32Array.from({ length: shape.reduce((s, n) => s * n, 1) }, (_, k) =>
    lines.reduce((w, line, a) => w * line[Math.floor(k / strides[a]) % shape[a]], 1),
  );
}
/** An image without its mean, under the window, its channels added. */
function windowed(image: Image, window: Float32Array): Tensor {
  const n = window.length;
  const data = image.values.data;
  const out = new Float32Array(n);
  for (let c = 0; c * n < data.length; c++) {
    let mean = 0;
    for (let k = 0; k < n; k++) mean += data[c * n + k] / n;
    for (let k = 0; k < n; k++) out[k] += (data[c * n + k] - mean) * window[k];
  }
  return Tensor.from(out, tensorShape(image.grid), "f32");
}

/**
 * The surface  r(t) = F⁻¹[ e^(−½σ²|ω|²) F̂* M̂ / |F̂* M̂| ] / its largest possible value, real, of arrays of one shape: a Gaussian of width σ at t = s
 * for M(p) = F(p − s), periodic.
 */
export function phaseSurface(fixed: Tensor, moving: Tensor, sigma: number): Float32Array {
  return scope(() => {
    const shape = fixed.shape;
    const f = rfft(fixed);
    const m = rfft(moving);
    const [a, b] = [f.data, m.data];
    const half = f.shape[f.rank - 1];
    const angles = shape.map((n) => Float64Array.from({ length: n }, (_, k) => (2 * Math.PI * (k <= n / 2 ? k : k - n)) / n));
    // Weights of the axes multiply: one line for each.
    const lines = angles.map((line) => line.map((w) => Math.exp(-0.5 * sigma * sigma * w * w)));
    const rows = a.length / 2 / half;
    const last = shape.length - 1;
    const product = new Float32Array(a.length);
    let total = 0;
    let mean = 0;
    for (let k = 0; k < a.length; k += 2) mean += Math.hypot(a[k], a[k + 1]) * Math.hypot(b[k], b[k + 1]);
    // Frequencies that hardly exist carry the phase of the window and of rounding: they fade out.
    const least = (2e-3 * mean) / (a.length / 2);
    for (let r = 0; r < rows; r++) {
      let w0 = 1;
      for (let axis = last - 1, rest = r; axis >= 0; axis--) {
        w0 *= lines[axis][rest % shape[axis]];
        rest = Math.floor(rest / shape[axis]);
      }
      for (let x = 0; x < half; x++) {
        const k = 2 * (r * half + x);
        const re = a[k] * b[k] + a[k + 1] * b[k + 1];
        const im = a[k] * b[k + 1] - a[k + 1] * b[k];
        const size = Math.hypot(re, im);
        const w = w0 * lines[last][x];
        if (!(size > 0)) continue;
        const faded = w / (size + least);
        total += faded * size * (x === 0 || 2 * x === shape[last] ? 1 : 2);
        product[k] = faded * re;
        product[k + 1] = faded * im;
      }
    }
    const spectrum = Tensor.uninitialised(f.shape, f.dtype);
    spectrum.data.set(product);
    const n = shape.reduce((s, v) => s * v, 1);
    const out = Float32Array.from(irfft(spectrum, { n: shape[last] }).data);
    for (let k = 0; k < n; k++) out[k] *= n / Math.max(1e-30, total);
    return out;
  });
}

export interface Peak {
  /** Position in samples, one number for each axis of the array, sub-sample. */
  readonly at: readonly number[];
  readonly value: number;
}
/**
 * The highest maxima of a periodic array, highest first, each refined by a parabola through the logarithms of three samples along each axis
 * (exact for a Gaussian) and at least `apart` samples from the others.
 */
export function peaksOf(values: ArrayLike<number>, shape: readonly number[], count: number, apart: number): Peak[] {
  const strides = shape.map((_, a) => shape.slice(a + 1).reduce((s, n) => s * n, 1));
  const total = shape.reduce((s, n) => s * n, 1);
  const cell = (k: number) => shape.map((n, a) => Math.floor(k / strides[a]) % n);
  const local: number[] = [];
  for (let k = 0; k < total; k++) {
    const v = values[k];
    let top = true;
    for (let a = 0; a < shape.length && top; a++) {
      const i = Math.floor(k / strides[a]) % shape[a];
      const up = k + (i + 1 < shape[a] ? strides[a] : -i * strides[a]);
      const down = k + (i > 0 ? -strides[a] : (shape[a] - 1) * strides[a]);
      top = v >= values[up] && v > values[down];
    }
    if (top) local.push(k);
  }
  local.sort((p, q) => values[q] - values[p] || p - q);
  const chosen: number[][] = [];
  const out: Peak[] = [];
  for (const k of local) {
    if (out.length >= count) break;
    const at = cell(k);
    const near = (other: readonly number[]) =>
      at.every((v, a) => {
        const d = Math.abs(v - other[a]);
        return Math.min(d, shape[a] - d) < apart;
      });
    if (chosen.some(near)) continue;
    chosen.push(at);
    const refined = at.map((i, a) => {
      const n = shape[a];
      if (n < 3) return i;
      const line = [-1, 0, 1].map((s) => values[k + (((i + s + n) % n) - i) * strides[a]]);
      const [l, c, r] = line.every((v) => v > 0) ? line.map(Math.log) : line;
      const bend = l - 2 * c + r;
      return bend < 0 ? i + Math.max(-0.5, Math.min(0.5, (0.5 * (l - r)) / bend)) : i;
    });
    out.push({ at: refined, value: values[k] });
  }
  return out;
}
/** A periodic position as a signed shift: from −n/2 to n/2. */
export const signed = (v: number, n: number): number => (v > n / 2 ? v - n : v);

function checkPair(name: string, a: Grid, b: Grid): void {
  const same =
    a.size.length === b.size.length &&
    a.size.every((n, i) => n === b.size[i]) &&
    a.spacing.every((s, i) => Math.abs(s - b.spacing[i]) < 1e-4 * s) &&
    a.direction.every((v, i) => Math.abs(v - b.direction[i]) < 1e-4);
  if (!same)
    throw new GridError(
      `${name}: fixed is ${gridText(a)} and moving ${gridText(b)}; both need one size, spacing and direction, so resample one first: warp(moving, identityTransform(${a.size.length}), fixed.grid)`,
      { fixed: a, moving: b },
    );
}

/**
 * Shift between two images by the phases of their spectra: the largest value of  F⁻¹[ w F̂* M̂ / |F̂* M̂| ],  w = e^(−½σ²|ω|²),
 * so that moving(p + shift) ≈ fixed(p). Brightness and gain do not matter; the weight makes the peak a Gaussian, which a parabola through
 * logarithms locates below a sample. Channels are added. Works in 2-D and 3-D; shifts beyond half the image come out periodic.
 * @param fixed  images of one size, spacing and direction; their origins may differ
 * @param moving  of the same kind
 * @throws GridError when the grids differ; ArgumentError for a taper outside [0, 1]
 * @see Kuglin & Hines (1975), The phase correlation image alignment method
 */
export function phaseCorrelation(fixed: Image, moving: Image, options: PhaseCorrelationOptions = {}): PhaseCorrelation {
  const { taper = 0.5, sigmaVoxels = 1 } = options;
  if (!(taper >= 0 && taper <= 1)) throw new ArgumentError(`phaseCorrelation: taper ${taper}; a share from 0 to 1 is expected`, { taper });
  if (!(sigmaVoxels > 0)) throw new ArgumentError(`phaseCorrelation: sigmaVoxels ${sigmaVoxels}; a positive width is expected`, {});
  checkPair("phaseCorrelation", fixed.grid, moving.grid);
  return scope(() => {
    const shape = tensorShape(fixed.grid);
    const window = windowOf(shape, taper);
    const surface = phaseSurface(windowed(fixed, window), windowed(moving, window), sigmaVoxels);
    const apart = Math.ceil(3 * sigmaVoxels) + 1;
    const [first, second] = peaksOf(surface, shape, 2, apart);
    const { direction, spacing, origin } = fixed.grid;
    const whole = (first?.at ?? shape.map(() => 0)).map((v, a) => Math.round(signed(v, shape[a])));
    let shifts = (first?.at ?? whole).map((v, a) => signed(v, shape[a]));
    // Again on what both have in common: a window that stands on the same content does not pull the peak towards zero.
    if (whole.some((v) => v !== 0) && whole.every((v, a) => shape[a] - Math.abs(v) >= Math.max(8, 0.25 * shape[a]))) {
      const size = shape.map((n, a) => n - Math.abs(whole[a]));
      const common = windowOf(size, taper);
      const part = (im: Image, sign: number) =>
        windowed(
          {
            values: im.values.slice(
              [0, ...whole.map((v) => Math.max(0, sign * v))],
              [im.values.shape[0], ...size.map((n, a) => n + Math.max(0, sign * whole[a]))],
            ),
            grid: { ...im.grid, size: [...size].reverse() },
          },
          common,
        );
      const [again] = peaksOf(phaseSurface(part(fixed, -1), part(moving, 1), sigmaVoxels), size, 1, apart);
      const rest = again?.at.map((v, a) => signed(v, size[a]));
      if (rest?.every((v) => Math.abs(v) < 2)) shifts = rest.map((v, a) => v + whole[a]);
    }
    const voxels = [...shifts].reverse();
    const along = transform(
      direction,
      voxels.map((v, i) => v * spacing[i]),
    );
    return {
      shift: along.map((v, i) => v + moving.grid.origin[i] - origin[i]),
      peak: first?.value ?? 0,
      peakRatio: first ? first.value / Math.max(1e-6, second?.value ?? 0) : 0,
    };
  });
}
