/** Red, green, blue, each 0–255. */
export type Colour = readonly [number, number, number];
/** A colour for each number from 0 to 1. */
export type ColourMap = (t: number) => Colour;

/** What no ordinary value looks like: marks a folded place (det J ≤ 0). */
export const foldedColour: Colour = [214, 0, 196];

// Anchor colours, evenly spaced over [0, 1]. The diverging map runs blue – light gray – rust: told apart by people who
// confuse red and green, and equally dark at both ends, so that neither sign looks stronger.
const anchors: Record<string, readonly Colour[]> = {
  gray: [
    [0, 0, 0],
    [255, 255, 255],
  ],
  diverging: [
    [14, 52, 120],
    [38, 106, 190],
    [120, 176, 224],
    [243, 243, 240],
    [240, 170, 112],
    [204, 88, 28],
    [120, 38, 6],
  ],
  heat: [
    [8, 8, 24],
    [86, 16, 88],
    [190, 44, 70],
    [244, 132, 48],
    [252, 232, 160],
  ],
};

/** The colour maps that reports use. */
export type ColourMapName = "gray" | "diverging" | "heat";

/** A colour for t in [0, 1] (values outside are clamped, NaN is the first colour): linear between evenly spaced anchors. */
export function colourMap(name: ColourMapName): ColourMap {
  const points = anchors[name];
  return (t) => {
    const x = Math.min(1, Math.max(0, t || 0)) * (points.length - 1);
    const k = Math.min(points.length - 2, Math.floor(x));
    const w = x - k;
    const mix = (c: number) => Math.round(points[k][c] * (1 - w) + points[k + 1][c] * w);
    return [mix(0), mix(1), mix(2)];
  };
}

/** 256 colours for the bytes of a map: byte b ↦ map(b / 255). */
export const table = (map: ColourMap): Colour[] => Array.from({ length: 256 }, (_, b) => map(b / 255));

/** The table of a Jacobian map: byte 0 is "folded", 1…255 run over the diverging map with 128 in the middle. */
export const jacobianTable = (): Colour[] => {
  const map = colourMap("diverging");
  return Array.from({ length: 256 }, (_, b) => (b === 0 ? foldedColour : map((b - 1) / 254)));
};
