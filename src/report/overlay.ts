import { type Picture, rgb } from "./picture.js";

/** A polygon over a picture, in pixels (centres at integers), colours from 0 to 255. */
export interface DrawnShape {
  /** The points, coordinate by coordinate or point by point. */
  readonly points: readonly (readonly [number, number])[];
  /** Of its border, closed. Default none. */
  readonly stroke?: readonly [number, number, number];
  /** Pixels. Default 2. */
  readonly width?: number;
  /** Of its inside; the last is opacity, 0 to 1. Default none. */
  readonly fill?: readonly [number, number, number, number];
}

/** Polygons drawn over a picture one after the other, smooth at their edges; opacity of the picture is dropped. */
export function overlaid(under: Picture, shapes: readonly DrawnShape[]): Picture {
  const from = rgb(under);
  const { width, height } = under;
  const data = new Uint8Array(3 * width * height);
  for (let k = 0; k < width * height; k++) for (let c = 0; c < 3; c++) data[3 * k + c] = from.data[from.channels * k + c];
  const blend = (k: number, colour: readonly number[], part: number) => {
    for (let c = 0; c < 3; c++) data[3 * k + c] = Math.round(data[3 * k + c] + part * (colour[c] - data[3 * k + c]));
  };
  for (const { points, stroke, width: thick = 2, fill } of shapes) {
    if (points.length === 0 || !points.every(([x, y]) => Number.isFinite(x) && Number.isFinite(y))) continue;
    const reach = stroke ? thick / 2 + 1 : 1;
    const range = (axis: 0 | 1, most: number) => {
      const v = points.map((p) => p[axis]);
      return [Math.max(0, Math.floor(Math.min(...v) - reach)), Math.min(most - 1, Math.ceil(Math.max(...v) + reach))];
    };
    const [[x0, x1], [y0, y1]] = [range(0, width), range(1, height)];
    for (let y = y0; y <= y1; y++)
      for (let x = x0; x <= x1; x++) {
        const k = y * width + x;
        if (fill) {
          let inside = 0;
          for (let s = 0; s < 9; s++) if (within(points, x + ((s % 3) - 1) / 3, y + (Math.floor(s / 3) - 1) / 3)) inside++;
          if (inside > 0) blend(k, fill, (fill[3] * inside) / 9);
        }
        if (stroke) {
          const cover = Math.min(1, thick / 2 + 0.5 - distanceTo(points, x, y));
          if (cover > 0) blend(k, stroke, cover);
        }
      }
  }
  return { width, height, channels: 3, data };
}

type Points = DrawnShape["points"];
/** Even-odd rule. */
function within(points: Points, x: number, y: number): boolean {
  let inside = false;
  for (let i = 0, j = points.length - 1; i < points.length; j = i++) {
    const [[ax, ay], [bx, by]] = [points[i], points[j]];
    if (ay > y !== by > y && x < ax + ((bx - ax) * (y - ay)) / (by - ay)) inside = !inside;
  }
  return inside;
}
/** To the closed border. */
function distanceTo(points: Points, x: number, y: number): number {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0, j = points.length - 1; i < points.length; j = i++) {
    const [[ax, ay], [bx, by]] = [points[j], points[i]];
    const [dx, dy] = [bx - ax, by - ay];
    const t = Math.max(0, Math.min(1, ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy || 1)));
    least = Math.min(least, Math.hypot(x - ax - t * dx, y - ay - t * dy));
  }
  return least;
}
