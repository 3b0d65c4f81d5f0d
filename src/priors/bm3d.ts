import { ArgumentError, ShapeError } from "../core/errors.js";
import { shapeText, sizeOf } from "../core/shape.js";
import { type Collaborative, collaborative } from "../kernels/collaborative.js";
import { type Engine, engine } from "../kernels/index.js";
import { temporary } from "../kernels/temporary.js";
import { Tensor } from "../tensor/index.js";
import type { Denoiser } from "./denoiser.js";

/** Size, number and likeness of the blocks that BM3D filters together. */
export interface Bm3dOptions {
  /** Like patches are sought up to so many samples away along each axis (default 16). */
  readonly radius?: number;
  /** Samples from one reference patch to the next (default 3; 1 to 8): fewer are slower and a little better. */
  readonly step?: number;
}

/**
 * Collaborative filtering of like patches, as a denoiser: `bm3d().denoise(image, sigma)` is `denoiseBm3d(image, sigma)`.
 * @throws ArgumentError for a radius or step out of range
 */
export function bm3d(options: Bm3dOptions = {}): Denoiser {
  const { radius = 16, step = 3 } = options;
  if (!(Number.isInteger(radius) && radius >= 0 && Number.isInteger(step) && step >= 1 && step <= 8))
    throw new ArgumentError(`bm3d: radius ${radius} and step ${step}; give a radius from 0 on and a step from 1 to 8, whole numbers`, {
      radius,
      step,
    });
  return { name: "bm3d", denoise: (image, sigma) => denoiseBm3d(image, sigma, { radius, step }) };
}

/**
 * Take white Gaussian noise of standard deviation σ off an image of the last two axes, those before it counting pictures of their own. Stacks of
 * up to 16 like 8 × 8 patches are transformed (Bior1.5 wavelets, Haar along the stack), coefficients below 2.7 σ become 0, and the patches are
 * averaged where they overlap; then stacks of up to 32, matched in that first estimate, are shrunk by Wiener's factors e²/(e² + σ²) in the cosine
 * transform, e being the first estimate's coefficients. The result follows gain and offset: f(a y + b, a σ) = a f(y, σ) + b.
 * It is the same for any number of threads. f32; other types are cast. No derivative.
 * @see Dabov, Foi, Katkovnik & Egiazarian (2007), IEEE Trans. Image Process. 16(8); Lebrun (2012), Image Process. On Line 2 (parameters)
 * @throws ArgumentError unless σ ≥ 0; ShapeError for fewer than two axes or complex numbers
 */
export function denoiseBm3d(image: Tensor, sigma: number, options: Bm3dOptions = {}): Tensor {
  const { radius = 16, step = 3 } = options;
  if (!(sigma >= 0 && Number.isFinite(sigma)))
    throw new ArgumentError(`bm3d: sigma ${sigma}; give the standard deviation of the noise, 0 or more, in the image's units`, { sigma });
  if (image.rank < 2 || image.dtype === "c64" || image.dtype === "c128")
    throw new ShapeError(`bm3d: an image ${shapeText(image.shape)} of ${image.dtype}; give real pictures of two axes or a stack of them`, {
      shape: image.shape,
    });
  const [h, w] = image.shape.slice(-2);
  const out = Float32Array.from(image.data);
  if (sigma > 0 && h * w > 0) {
    const e = engine();
    for (let k = 0; k < sizeOf(image.shape) / (h * w); k++) {
      const picture = out.subarray(k * h * w, (k + 1) * h * w);
      picture.set(onePicture(e, picture, h, w, sigma, radius, step));
    }
  }
  return Tensor.from(out, image.shape, image.dtype === "f64" ? "f64" : "f32");
}

function onePicture(e: Engine, y: Float32Array, h: number, w: number, sigma: number, radius: number, step: number): Float32Array {
  // A picture smaller than a patch is continued by its last row and column. Less its mean, f32 keeps more digits of it.
  const [H, W] = [Math.max(8, h), Math.max(8, w)];
  const mean = y.reduce((s, v) => s + v, 0) / y.length;
  const common = { radius, step, window: kaiser(2) };
  const variance = sigma * sigma;
  return temporary(e, (reserve) => {
    const [noisy, basic, final] = [reserve(4 * H * W), reserve(4 * H * W), reserve(4 * H * W)];
    const plane = e.f32(noisy, H * W);
    for (let i = 0; i < H; i++) for (let j = 0; j < W; j++) plane[i * W + j] = y[Math.min(i, h - 1) * w + Math.min(j, w - 1)] - mean;
    const first: Collaborative = {
      ...common,
      shrink: "threshold",
      level: 2.7 * sigma,
      // Two noisy copies of one patch are 2 σ² apart in each sample.
      far: 64 * 4 * variance,
      most: 16,
      ...wavelet(),
    };
    collaborative(e, noisy, noisy, basic, [H, W], first);
    const second: Collaborative = { ...common, shrink: "wiener", level: variance, far: 64 * 0.64 * variance, most: 32, ...cosine() };
    collaborative(e, noisy, basic, final, [H, W], second);
    const found = e.f32(final, H * W);
    return Float32Array.from({ length: h * w }, (_, k) => found[Math.floor(k / w) * W + (k % w)] + mean);
  });
}

interface Transform {
  readonly analysis: Float64Array;
  readonly synthesis: Float64Array;
}
/** The orthonormal cosine transform of 8 samples and its transpose. */
function cosine(): Transform {
  const analysis = Float64Array.from({ length: 64 }, (_, k) => {
    const [i, j] = [Math.floor(k / 8), k % 8];
    return Math.sqrt((i === 0 ? 1 : 2) / 8) * Math.cos((Math.PI * i * (2 * j + 1)) / 16);
  });
  return { analysis, synthesis: analysis.map((_, k) => analysis[8 * (k % 8) + Math.floor(k / 8)]) };
}
/** The biorthogonal wavelet 1.5 over three levels on a ring of 8 samples, its rows of length 1 so that white noise keeps its size; and its inverse. */
function wavelet(): Transform {
  const low = [3, -3, -22, 22, 128, 128, 22, -22, -3, 3].map((v) => v / (128 * Math.SQRT2));
  let rows = Array.from({ length: 8 }, (_, i) => Array.from({ length: 8 }, (_, j) => Number(i === j)));
  const details: number[][] = [];
  for (let n = 8; n > 1; n /= 2) {
    const combine = (taps: readonly number[], first: number, i: number) =>
      Array.from({ length: 8 }, (_, j) => taps.reduce((s, t, k) => s + t * rows[(((2 * i + first + k) % n) + n) % n][j], 0));
    const half = Array.from({ length: n / 2 }, (_, i) => i);
    details.unshift(...half.map((i) => combine([Math.SQRT1_2, -Math.SQRT1_2], 0, i)));
    rows = half.map((i) => combine(low, -4, i));
  }
  const all = [...rows, ...details].map((r) => r.map((v) => v / Math.hypot(...r)));
  return { analysis: Float64Array.from(all.flat()), synthesis: inverse(all) };
}
/** Gauss–Jordan for a small matrix. */
function inverse(rows: readonly (readonly number[])[]): Float64Array {
  const n = rows.length;
  const m = rows.map((r, i) => [...r, ...r.map((_, j) => Number(i === j))]);
  for (let c = 0; c < n; c++) {
    let pivot = c;
    for (let i = c + 1; i < n; i++) if (Math.abs(m[i][c]) > Math.abs(m[pivot][c])) pivot = i;
    [m[c], m[pivot]] = [m[pivot], m[c]];
    const by = m[c][c];
    m[c] = m[c].map((v) => v / by);
    for (let i = 0; i < n; i++) if (i !== c) m[i] = m[i].map((v, j) => v - m[i][c] * m[c][j]);
  }
  return Float64Array.from(m.flatMap((r) => r.slice(n)));
}
/** Kaiser's window of 8 samples along both axes. */
function kaiser(beta: number): Float64Array {
  const bessel = (x: number) => {
    let [term, sum] = [1, 1];
    for (let k = 1; k < 30; k++) {
      term *= (x / (2 * k)) ** 2;
      sum += term;
    }
    return sum;
  };
  const line = Array.from({ length: 8 }, (_, k) => bessel(beta * Math.sqrt(1 - ((2 * k) / 7 - 1) ** 2)) / bessel(beta));
  return Float64Array.from({ length: 64 }, (_, k) => line[Math.floor(k / 8)] * line[k % 8]);
}
