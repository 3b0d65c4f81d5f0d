import type { Layer, Place } from "./protocol.js";

/** The highest level of a layer. */
export const top = 65535;

/** Values as levels between two bounds: below and NaN 0, above 65535. */
export function levelsOf(values: ArrayLike<number>, from: number, to: number): Uint16Array {
  const out = new Uint16Array(values.length);
  const scale = top / (to - from);
  for (let i = 0; i < out.length; i++) {
    const v = (values[i] - from) * scale;
    out[i] = v > 0 ? (v < top ? v + 0.5 : top) : 0;
  }
  return out;
}

/** What of a window's middle and width a person has changed: brighter in widths, contrast as a factor. */
export interface Adjustment {
  readonly brighter: number;
  readonly contrast: number;
}
export const asItCame: Adjustment = { brighter: 0, contrast: 1 };

/** The gray, 0 … 255, of every level of a layer. */
export function grays({ from, to, low, high }: Layer, { brighter, contrast }: Adjustment): Uint8ClampedArray {
  const width = (high - low) / contrast;
  const darkest = (low + high) / 2 - brighter * (high - low) - width / 2;
  const out = new Uint8ClampedArray(top + 1);
  for (let v = 0; v <= top; v++) out[v] = ((from + ((to - from) * v) / top - darkest) / width) * 255;
  return out;
}

/** A colour for every label, those of near numbers unlike each other: steps of the golden angle around the circle of hues. */
export function labelColour(label: number): readonly [number, number, number] {
  const hue = (label * 137.508) % 360;
  return [0, 4, 8].map((n) => {
    const k = (n + hue / 30) % 12;
    return Math.round(255 * (0.55 - 0.4 * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  }) as unknown as [number, number, number];
}

export const pointOf = ({ spacing, origin, direction }: Place, index: readonly number[]): number[] => {
  const d = spacing.length;
  return origin.map((o, r) => o + index.reduce((s, v, c) => s + direction[r * d + c] * spacing[c] * v, 0));
};
/** Directions are orthonormal, or nearly: their transpose is their inverse. */
export const indexOf = ({ spacing, origin, direction }: Place, point: readonly number[]): number[] => {
  const d = spacing.length;
  return spacing.map((h, c) => point.reduce((s, v, r) => s + direction[r * d + c] * (v - origin[r]), 0) / h);
};
