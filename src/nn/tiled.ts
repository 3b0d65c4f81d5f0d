import { ArgumentError } from "../core/errors.js";
import { scope } from "../core/scope.js";
import { concat } from "../tensor/ops/shaping.js";
import type { Tensor } from "../tensor/tensor.js";

/** The size of tiles and how far they overlap, where a picture is too large for a network at once. */
export interface TileOptions {
  /** How far an output sees along an axis: the receptive field is 2 · reach + 1 samples wide. */
  readonly reach: number;
  /** Rows and columns of a tile without its margin (default 512). */
  readonly tile?: number;
  /** Tiles begin at multiples of it: what the network's blocks and strides ask for (default 1). */
  readonly multiple?: number;
  /** f makes so many samples of each, along both axes (default 1). */
  readonly scale?: number;
}

/**
 * f of a large image tile by tile, for functions of [n, c, y, x] that keep the size, or multiply it, and see no farther than `reach`: every tile is given a margin of that
 * width, so that its middle is what f of the whole image is there. The memory that f needs is that of a tile with its margin.
 * @throws ArgumentError for a reach that is negative, or a tile or multiple that is not a whole number from 1 on
 */
export function tiled(f: (part: Tensor) => Tensor, image: Tensor, { reach, tile = 512, multiple = 1, scale = 1 }: TileOptions): Tensor {
  if (!(reach >= 0 && Number.isInteger(tile) && tile >= 1 && Number.isInteger(multiple) && multiple >= 1))
    throw new ArgumentError(`tiled: reach ${reach}, tile ${tile}, multiple ${multiple}; expected whole numbers, the last two from 1 on`, {
      reach,
      tile,
      multiple,
    });
  const [n, c, height, width] = image.shape;
  const whole = (v: number) => Math.ceil(v / multiple) * multiple;
  const [step, margin] = [whole(tile), whole(reach)];
  if (height <= step && width <= step) return f(image);
  const rows: Tensor[] = [];
  for (let y = 0; y < height; y += step) {
    const [top, bottom] = [Math.max(0, y - margin), Math.min(height, y + step + margin)];
    const row: Tensor[] = [];
    for (let x = 0; x < width; x += step) {
      const [left, right] = [Math.max(0, x - margin), Math.min(width, x + step + margin)];
      row.push(
        scope(() => {
          const part = f(image.slice([0, 0, top, left], [n, c, bottom, right]));
          const begin = [y - top, x - left].map((k) => k * scale);
          const size = [Math.min(step, height - y), Math.min(step, width - x)].map((k) => k * scale);
          return part.slice([0, 0, ...begin], [n, part.shape[1], begin[0] + size[0], begin[1] + size[1]]);
        }),
      );
    }
    rows.push(row.length > 1 ? concat(row, 3) : row[0]);
  }
  return rows.length > 1 ? concat(rows, 2) : rows[0];
}
