import type { Colour } from "./colourMap.js";
import { type Picture, type Plane, rgb } from "./picture.js";

const palette: readonly Colour[] = [
  [255, 176, 0],
  [86, 180, 233],
  [0, 200, 140],
  [240, 90, 160],
  [240, 228, 66],
  [230, 110, 40],
  [150, 130, 255],
  [180, 230, 120],
];
/** The colour in which a label is drawn everywhere. */
export const labelColour = (label: number): Colour => palette[(Math.round(label) - 1 + palette.length * 1e6) % palette.length];

/** The outlines of labels on a gray picture of the same size: pixels whose label differs from a neighbour's. */
export function outlined(under: Picture, labels: Plane): Picture {
  const base = rgb(under);
  const data = base.data.slice();
  const { width, height, values } = labels;
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const l = Math.round(values[y * width + x]);
      if (l <= 0) continue;
      const differs = (dx: number, dy: number) => {
        const [u, v] = [x + dx, y + dy];
        return u < 0 || v < 0 || u >= width || v >= height || Math.round(values[v * width + u]) !== l;
      };
      if (differs(1, 0) || differs(-1, 0) || differs(0, 1) || differs(0, -1)) data.set(labelColour(l), (y * width + x) * base.channels);
    }
  return { ...base, data };
}
