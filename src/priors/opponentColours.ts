import { ShapeError } from "../core/errors.js";
import { shapeText } from "../core/shape.js";
import { Tensor } from "../tensor/index.js";
import type { Denoiser } from "./denoiser.js";
import { type AnyDenoiser, denoiserFrom } from "./denoiserPrior.js";

/** Rows: their mean, red against blue, green against both; orthonormal, so that white noise stays white and keeps its size. */
const rows = [
  [1 / Math.sqrt(3), 1 / Math.sqrt(3), 1 / Math.sqrt(3)],
  [Math.SQRT1_2, 0, -Math.SQRT1_2],
  [1 / Math.sqrt(6), -2 / Math.sqrt(6), 1 / Math.sqrt(6)],
];
/** A denoiser of pictures as one of colour pictures [3, y, x]: it works on their orthonormal opponent colours, where brightness has most of the signal. */
export function inOpponentColours(denoiser: AnyDenoiser): Denoiser {
  const f = denoiserFrom(denoiser);
  const mix = (x: Tensor, m: readonly (readonly number[])[]) =>
    Tensor.from(m.flat(), [3, 3], x.dtype === "f64" ? "f64" : "f32")
      .matmul(x.reshape(3, x.size / 3))
      .reshape(...x.shape);
  return {
    name: f.name,
    denoise(image, sigma, step) {
      if (image.rank < 3 || image.shape[0] !== 3)
        throw new ShapeError(`opponent colours: an image ${shapeText(image.shape)}; give red, green and blue as [3, y, x]`, {
          shape: image.shape,
        });
      const turned = [0, 1, 2].map((c) => rows.map((r) => r[c]));
      return mix(f.denoise(mix(image, rows), sigma, step), turned);
    },
  };
}
