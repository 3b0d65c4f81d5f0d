import type { Tensor } from "../tensor/index.js";

/** Something that takes white noise off an image: what plug-and-play methods use in place of the proximal map of a prior. */
export interface Denoiser {
  /** What it is called. */
  readonly name: string;
  /**
   * The image without its noise.
   * @param sigma  the standard deviation of the noise, in the image's units
   * @param step   in a sequence of denoisings, the number of this one, from 0: a denoiser that treats directions or places differently may take turns
   */
  denoise(image: Tensor, sigma: number, step?: number): Tensor;
}
