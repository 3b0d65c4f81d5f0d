import { ShapeError } from "../core/errors.js";
import type { Image } from "../core/interfaces.js";
import { dimensionOf } from "../image/grid.js";

/** A plain picture in gray, [y, x]. */
export interface Gray {
  /** Grey values, row by row. */
  readonly values: Float32Array;
  /** Samples along x. */
  readonly width: number;
  /** Samples along y. */
  readonly height: number;
}

/** What each channel counts in the brightness of a picture: see `brightnessOf`. */
export const channelWeights = (channels: number): readonly number[] =>
  channels === 3 || channels === 4 ? [0.299, 0.587, 0.114] : Array.from({ length: channels }, () => 1 / channels);

/**
 * The brightness of a picture: red, green and blue count 0.299, 0.587 and 0.114 (Rec. 601), other numbers of channels alike. What is not a finite number
 * is taken as the least that is.
 * @throws ShapeError unless the image is a plane
 */
export function brightnessOf(picture: Image): Gray {
  if (dimensionOf(picture.grid) !== 2)
    throw new ShapeError(`features: an image of ${dimensionOf(picture.grid)} axes came; pictures (two axes) are expected`, {
      grid: picture.grid,
    });
  const [width, height] = picture.grid.size;
  const n = width * height;
  const data = picture.values.data;
  const channels = picture.values.shape[0];
  const weights = channelWeights(channels);
  const values = new Float32Array(n);
  for (const [c, w] of weights.entries()) {
    const own = data.subarray(c * n, (c + 1) * n);
    for (let k = 0; k < n; k++) values[k] += w * own[k];
  }
  // A sum tells whether all are finite.
  let sum = 0;
  for (let k = 0; k < n; k++) sum += values[k];
  if (!Number.isFinite(sum)) {
    let low = Number.POSITIVE_INFINITY;
    for (let k = 0; k < n; k++) if (Number.isFinite(values[k]) && values[k] < low) low = values[k];
    for (let k = 0; k < n; k++) if (!Number.isFinite(values[k])) values[k] = Number.isFinite(low) ? low : 0;
  }
  return { values, width, height };
}

/** The same brought to [0, 1] by its own range. */
export function grayOf(picture: Image): Gray {
  const { values, width, height } = brightnessOf(picture);
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  const n = values.length;
  for (let k = 0; k < n; k++) {
    const v = values[k];
    if (v < low) low = v;
    if (v > high) high = v;
  }
  const by = high > low ? 1 / (high - low) : 0;
  for (let k = 0; k < n; k++) values[k] = (values[k] - low) * by;
  return { values, width, height };
}
