import { ArgumentError, ShapeError } from "../core/errors.js";
import { shapeText, sizeOf } from "../core/shape.js";
import { Tensor } from "../tensor/index.js";
import type { Denoiser } from "./denoiser.js";

/** Size of patches, how far like ones are looked for, and how alike they must be. */
export interface NonLocalMeansOptions {
  /** Patches are (2 p + 1)² samples (default p = 2). */
  readonly patchRadius?: number;
  /** Like patches are sought up to so many samples away along each axis (default 10). */
  readonly radius?: number;
  /** h in units of σ: larger smooths more (default 0.5). */
  readonly strength?: number;
}

/**
 * Non-local means, patch by patch: every sample is the mean of those at the same place in patches around, weighted by how like the patches are,
 *  x_i = Σ_d W_i(d) y_{i+d} / Σ_d W_i(d),  W_i(d) = Σ of w_k(d) over the patches k that hold i,  w_k(d) = exp(−max(‖P_k − P_{k+d}‖²/n − 2σ², 0) / h²)
 * with d up to `radius` along both axes, n samples a patch, the picture mirrored at its edge. Works on the last two axes, those before count pictures of their own.
 * The result follows gain and offset. f32; no derivative.
 * @see Buades, Coll & Morel (2011), Non-local means denoising, Image Process. On Line 1
 * @throws ArgumentError for options out of range
 */
export function nonLocalMeans(options: NonLocalMeansOptions = {}): Denoiser {
  const { patchRadius = 2, radius = 10, strength = 0.5 } = options;
  const whole = (n: number, from: number) => Number.isInteger(n) && n >= from;
  if (!(whole(patchRadius, 0) && whole(radius, 0) && strength > 0 && Number.isFinite(strength)))
    throw new ArgumentError(
      `nlm: patch radius ${patchRadius}, radius ${radius}, strength ${strength}; give whole numbers from 0 on, and a strength above 0`,
      { ...options },
    );
  return {
    name: "nlm",
    denoise(image, sigma) {
      const { h, w, out } = pictures("nlm", image, sigma);
      if (sigma > 0)
        for (let at = 0; at < out.length; at += h * w)
          out.set(onePicture(out.subarray(at, at + h * w), h, w, sigma, patchRadius, radius, strength), at);
      return Tensor.from(out, image.shape, image.dtype === "f64" ? "f64" : "f32");
    },
  };
}

/** What denoisers of pictures ask of their arguments, and a copy to work on. @throws ArgumentError, ShapeError */
export function pictures(who: string, image: Tensor, sigma: number): { h: number; w: number; out: Float32Array } {
  if (!(sigma >= 0 && Number.isFinite(sigma)))
    throw new ArgumentError(`${who}: sigma ${sigma}; give the standard deviation of the noise, 0 or more, in the image's units`, { sigma });
  if (image.rank < 2 || image.dtype === "c64" || image.dtype === "c128")
    throw new ShapeError(
      `${who}: an image ${shapeText(image.shape)} of ${image.dtype}; give real pictures of two axes or a stack of them`,
      {
        shape: image.shape,
      },
    );
  const [h, w] = image.shape.slice(-2);
  return { h, w, out: sizeOf(image.shape) > 0 ? Float32Array.from(image.data) : new Float32Array(0) };
}

function onePicture(y: Float32Array, h: number, w: number, sigma: number, p: number, radius: number, strength: number): Float32Array {
  const margin = 2 * p;
  const reach = radius + margin;
  const mean = y.reduce((s, v) => s + v, 0) / y.length; // less their mean, f32 keeps more digits of the values
  const W = w + 2 * reach;
  const H = h + 2 * reach;
  const mirror = (i: number, n: number) => {
    const k = ((i % (2 * n)) + 2 * n) % (2 * n);
    return k < n ? k : 2 * n - 1 - k;
  };
  const padded = new Float32Array(H * W);
  for (let i = 0; i < H; i++) for (let j = 0; j < W; j++) padded[i * W + j] = y[mirror(i - reach, h) * w + mirror(j - reach, w)] - mean;
  const [ph, pw] = [h + 2 * margin, w + 2 * margin];
  const squares = new Float32Array(ph * pw);
  const sums = new Float32Array(ph * pw);
  const [total, weight] = [new Float64Array(h * w), new Float64Array(h * w)];
  const n = (2 * p + 1) ** 2;
  const scale = 1 / (strength * strength * sigma * sigma);
  for (let dy = -radius; dy <= radius; dy++)
    for (let dx = -radius; dx <= radius; dx++) {
      for (let i = 0; i < ph; i++) {
        const a = (i + radius) * W + radius;
        const b = a + dy * W + dx;
        for (let j = 0; j < pw; j++) {
          const d = padded[a + j] - padded[b + j];
          squares[i * pw + j] = d * d;
        }
      }
      boxSums(squares, ph, pw, p, sums);
      // Rows and columns [p, ph − p) hold whole patches.
      for (let i = p; i < ph - p; i++)
        for (let k = i * pw + p; k < i * pw + pw - p; k++) {
          const e = (sums[k] / n - 2 * sigma * sigma) * scale;
          squares[k] = e <= 0 ? 1 : e > 12 ? 0 : Math.exp(-e);
        }
      boxSums(squares, ph, pw, p, sums);
      for (let i = 0; i < h; i++) {
        const from = (i + margin) * pw + margin;
        const at = (i + reach + dy) * W + reach + dx;
        for (let j = 0; j < w; j++) {
          const v = sums[from + j];
          total[i * w + j] += v * padded[at + j];
          weight[i * w + j] += v;
        }
      }
    }
  return Float32Array.from(total, (t, k) => t / weight[k] + mean);
}

/** Σ over (2 p + 1)² around each sample that has them all, elsewhere something. */
function boxSums(x: Float32Array, h: number, w: number, p: number, out: Float32Array): void {
  const rows = new Float32Array(h * w);
  for (let i = 0; i < h; i++)
    for (let j = p; j < w - p; j++) {
      let s = 0;
      for (let k = j - p; k <= j + p; k++) s += x[i * w + k];
      rows[i * w + j] = s;
    }
  for (let i = p; i < h - p; i++) {
    for (let j = p; j < w - p; j++) out[i * w + j] = rows[(i - p) * w + j];
    for (let k = i - p + 1; k <= i + p; k++) for (let j = p; j < w - p; j++) out[i * w + j] += rows[k * w + j];
  }
}
