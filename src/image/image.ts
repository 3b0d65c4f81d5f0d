import { GridError } from "../core/errors.js";
import type { Image } from "../core/interfaces.js";
import { shapeText } from "../core/shape.js";
import { Tensor } from "../tensor/tensor.js";
import { gridText, grid as makeGrid, tensorShape, voxelsOf } from "./grid.js";

export type { Image } from "../core/interfaces.js";

/**
 * An image from a tensor ([c, (z,) y, x], or [(z,) y, x] for one channel) or from flat numbers, channel by channel, on a grid.
 * @throws GridError when values and grid do not fit
 */
export function image(values: Tensor | ArrayLike<number>, geometry: Parameters<typeof makeGrid>[0]): Image {
  const g = makeGrid(geometry);
  const shape = tensorShape(g);
  if (!(values instanceof Tensor)) {
    const channels = values.length / voxelsOf(g);
    if (!Number.isInteger(channels)) throw new GridError(`image: ${values.length} values do not fill the grid ${gridText(g)}`, { grid: g });
    return { values: Tensor.from(values, [channels, ...shape], "f32"), grid: g };
  }
  const full = values.rank === shape.length ? [1, ...values.shape] : values.shape;
  if (full.length !== shape.length + 1 || shape.some((n, i) => n !== full[i + 1]))
    throw new GridError(`image: values ${shapeText(values.shape)} do not fill the grid ${gridText(g)}`, { values: values.shape, grid: g });
  return { values: values.reshape(...full), grid: g };
}
/** How many values an image has at each sample. */
export const channelsOf = (im: Image): number => im.values.shape[0];
