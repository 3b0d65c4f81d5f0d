import { ShapeError } from "../core/errors.js";
import type { Image } from "../core/interfaces.js";
import { dimensionOf } from "../image/grid.js";

/** A plain picture in gray, [y, x]. */
export interface Gray {
  readonly values: Float32Array;
  readonly width: number;
  readonly height: number;
}

/**
 * The brightness of a picture, brought to [0, 1] by its own range (least and largest finite value): red, green and blue count 0.299, 0.587 and 0.114
 * (Rec. 601), other numbers of channels alike. Not a finite number: taken as the least.
 * @throws ShapeError unless the image is a plane
 */
export function grayOf(picture: Image): Gray {
  if (dimensionOf(picture.grid) !== 2)
    throw new ShapeError(`features: an image of ${dimensionOf(picture.grid)} axes came; pictures (two axes) are expected`, {
      grid: picture.grid,
    });
  const [width, height] = picture.grid.size;
  const n = width * height;
  const data = picture.values.data;
  const channels = picture.values.shape[0];
  const weights = channels === 3 || channels === 4 ? [0.299, 0.587, 0.114] : Array.from({ length: channels }, () => 1 / channels);
  const values = new Float32Array(n);
  for (const [c, w] of weights.entries()) for (let k = 0; k < n; k++) values[k] += w * data[c * n + k];
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const v of values)
    if (Number.isFinite(v)) {
      low = Math.min(low, v);
      high = Math.max(high, v);
    }
  const by = high > low ? 1 / (high - low) : 0;
  for (let k = 0; k < n; k++) values[k] = Number.isFinite(values[k]) ? (values[k] - low) * by : 0;
  return { values, width, height };
}
