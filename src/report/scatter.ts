import type { Picture } from "./picture.js";

/** Points of one colour, row by row. */
export interface Dots {
  /** Point by point. */
  readonly points: ArrayLike<number>;
  /** 2 or 3. */
  readonly dimension: number;
  /** Red, green and blue, 0 to 255. */
  readonly colour: readonly [number, number, number];
}

/**
 * Points seen along an axis: dots of about 3 pixels on white, all layers to one scale, later layers on top; y points down as in pictures, z up.
 * @param axes  which coordinates go right and down or up: [0, 1] is x and y
 * `covers`: points that the frame must hold besides, so that pictures side by side have one frame
 */
export function scatterPicture(
  layers: readonly Dots[],
  { axes = [0, 1], pixels = 420, covers = layers }: { axes?: readonly [number, number]; pixels?: number; covers?: readonly Dots[] } = {},
): Picture {
  const low = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  const high = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const { points, dimension } of covers)
    for (let i = 0; i < points.length; i += dimension)
      axes.forEach((a, k) => {
        low[k] = Math.min(low[k], points[i + a]);
        high[k] = Math.max(high[k], points[i + a]);
      });
  const margin = 10;
  const scale = (pixels - 2 * margin) / Math.max(high[0] - low[0], high[1] - low[1], Number.MIN_VALUE);
  const width = Math.max(1, Math.ceil((high[0] - low[0]) * scale) + 2 * margin || 1);
  const height = Math.max(1, Math.ceil((high[1] - low[1]) * scale) + 2 * margin || 1);
  const data = new Uint8Array(3 * width * height).fill(255);
  const up = axes[1] === 2;
  for (const { points, dimension, colour } of layers)
    for (let i = 0; i < points.length; i += dimension) {
      const x = margin + (points[i + axes[0]] - low[0]) * scale;
      const v = (points[i + axes[1]] - low[1]) * scale;
      const y = up ? height - 1 - margin - v : margin + v;
      // Cover of a disc of radius 1.6, smoothed over one pixel.
      for (let py = Math.floor(y - 2); py <= y + 3; py++)
        for (let px = Math.floor(x - 2); px <= x + 3; px++) {
          if (px < 0 || py < 0 || px >= width || py >= height) continue;
          const cover = Math.max(0, Math.min(1, 2.1 - Math.hypot(px - x, py - y))) * 0.75;
          for (let c = 0; c < 3; c++) {
            const at = 3 * (py * width + px) + c;
            data[at] = Math.round(data[at] * (1 - cover) + colour[c] * cover);
          }
        }
    }
  return { width, height, channels: 3, data };
}
