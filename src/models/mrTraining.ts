import { ArgumentError } from "../core/errors.js";
import type { Random } from "../core/random.js";
import type { Sample } from "../nn/index.js";
import { adamW, cosine } from "../optimisers/index.js";
import { complex, fft, ifft, randomNormal, Tensor } from "../tensor/index.js";
import type { TrainingPicture } from "./recipe.js";
import { fromChannels, toChannels } from "./reconstructionCascade.js";

/** What both cascades, of slices and of series, learn from and by. */

/** Values up to 1, [1, y, x]. */
export function tensorOf({ values, height, width }: TrainingPicture): Tensor {
  const peak = values.reduce((a, b) => Math.max(a, b), 0);
  return Tensor.from(peak > 0 ? values.map((v) => v / peak) : values, [1, height, width]);
}

/**
 * The rows of pictures that are all as large.
 * @throws ArgumentError for pictures of several sizes, or that are not square
 */
export function rowsOf(name: string, pictures: readonly TrainingPicture[]): number {
  const [first] = pictures;
  const other = pictures.find((p) => p.height !== first.height || p.width !== first.height);
  if (other)
    throw new ArgumentError(
      `${other.name}: ${other.width}×${other.height} pixels, and ${first.name} has ${first.width}×${first.height}; ${name} learns from square pictures of one size`,
      {},
    );
  return first.height;
}

/** PSNR in dB (peak 1) of the magnitudes of x [n, 2, …], both divided by `scale`. */
export function magnitudePsnr(x: Tensor, truth: Tensor, scale: Tensor): number {
  const size = (t: Tensor) => fromChannels(t).abs();
  const error = size(x).sub(size(truth)).mul(scale).square().mean().item();
  return -10 * Math.log10(Math.max(error, 1e-12));
}

/** Mean over a batch of 10 log₁₀ of the mean squared error: what PSNR counts, each sample alike. */
export const decibels = (x: Tensor, truth: Tensor): Tensor =>
  x
    .sub(truth)
    .square()
    .mean(truth.shape.map((_, a) => a).slice(1))
    .add(1e-7)
    .log()
    .mean()
    .mul(10 / Math.LN10);

/** A slice as one coil sees it, all in channels of real and imaginary part and in units in which the largest magnitude of A*y is 1. */
export interface MeasuredSlice extends Sample {
  /** The image with its phase, [2, y, x]. */
  readonly truth: Tensor;
  /** Samples of its unitary Fourier transform with noise, frequency 0 first, 0 where nothing was measured, [2, y, x]. */
  readonly data: Tensor;
  /** A*y, [2, y, x]. */
  readonly zeroFilled: Tensor;
  /** 1 for the rows that were measured, [1, y, 1]. */
  readonly mask: Tensor;
  /** What all of these were divided by. */
  readonly scale: Tensor;
}
/**
 * Whole lines of a magnitude picture [1, y, x], which gets a smooth phase by chance: the eight rows of lowest frequency and others by chance, less often the further out,
 * `acceleration` times fewer than there are; noise of a given standard deviation in both parts.
 */
export function measuredSlice(
  slice: Tensor,
  o: { readonly acceleration: number; readonly noise: number; readonly random: Random },
): MeasuredSlice {
  const { acceleration, noise, random } = o;
  const [, h, w] = slice.shape;
  const image = complex(slice.reshape(h, w)).mul(phase(h, w, random));
  const mask = Tensor.from(lines(h, acceleration, random), [h, 1]);
  const grain = () => randomNormal([h, w], random).mul(noise);
  const k = fft(image, { normalisation: "ortho" }).add(complex(grain(), grain())).mul(mask);
  const folded = ifft(k, { normalisation: "ortho" });
  const scale = Math.max(folded.abs().max().item(), 1e-3);
  const channels = (z: Tensor) => toChannels(z.div(scale).reshape(1, 1, h, w)).reshape(2, h, w);
  return {
    truth: channels(image),
    data: channels(k),
    zeroFilled: channels(folded),
    mask: mask.reshape(1, h, 1),
    scale: Tensor.full([], scale),
  };
}

/** 3.5 to 12, less often the larger. */
export const randomAcceleration = (random: Random): number => Math.exp(Math.log(3.5) + random.uniform() * Math.log(12 / 3.5));

export const optimisation = {
  optimiser: adamW({ step: 1e-3, decay: 1e-4 }),
  schedule: (steps: number) => cosine({ steps, warmUp: Math.min(200, steps >> 1) }),
  clip: 20,
  average: 0.999,
};

/** Rows of one slice: eight about frequency 0, the others by chance, less often the further out; frequency 0 first. */
export function lines(n: number, acceleration: number, random: Random): Float32Array {
  const count = Math.max(Math.min(n, 8), Math.round(n / acceleration));
  const chosen = new Set(Array.from({ length: Math.min(n, 8) }, (_, i) => (i + n - 4) % n));
  const wide = n / (12 + 12 * random.uniform()); // of the bell that most of the lines follow
  while (chosen.size < count) {
    const f = random.uniform() < 0.15 ? random.integer(n) : Math.round(random.normal() * wide * 1.6);
    chosen.add(((f % n) + n) % n);
  }
  return Float32Array.from({ length: n }, (_, i) => (chosen.has(i) ? 1 : 0));
}

/** e^{iφ} with φ a polynomial of second degree: up to some turns over the field. */
export function phase(h: number, w: number, random: Random): Tensor {
  const c = Array.from({ length: 6 }, () => Math.PI * (2 * random.uniform() - 1));
  const values = new Float32Array(2 * h * w);
  for (let y = 0; y < h; y++)
    for (let x = 0; x < w; x++) {
      const [u, v] = [(2 * x) / w - 1, (2 * y) / h - 1];
      const phi = c[0] + c[1] * u + c[2] * v + 0.5 * (c[3] * u * u + c[4] * u * v + c[5] * v * v);
      values[2 * (y * w + x)] = Math.cos(phi);
      values[2 * (y * w + x) + 1] = Math.sin(phi);
    }
  return Tensor.from(values, [h, w], "c64");
}
