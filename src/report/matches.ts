import { dataUrl, type Picture } from "./picture.js";

/** A pair of places, (x, y) in each picture, and whether it counts. */
export interface DrawnMatch {
  /** In the first picture, pixels. */
  readonly a: readonly [number, number];
  /** In the second picture, pixels. */
  readonly b: readonly [number, number];
  /** Whether the model agrees with it. */
  readonly inlier: boolean;
}

/**
 * Two pictures side by side as one SVG, a line between the places of every pair: those that count in green, the others in red below them; `outline` (the
 * border of the first picture as it lies in the second) in yellow. At most `most` lines of each sort, evenly taken. `sizes`: width and height of the
 * pictures that places are told in, when those drawn are smaller.
 */
export function matchesSvg(
  a: Picture,
  b: Picture,
  matches: readonly DrawnMatch[],
  o: {
    readonly outline?: readonly (readonly [number, number])[];
    readonly most?: number;
    readonly sizes?: readonly (readonly number[])[];
  } = {},
): string {
  const { outline, most = 400, sizes = [a, b].map((p) => [p.width, p.height]) } = o;
  const [[widthA, heightA], [widthB, heightB]] = sizes;
  const right = widthA + 8;
  const [width, height] = [right + widthB, Math.max(heightA, heightB)];
  const thin = Math.max(0.6, width / 1600);
  const at = (v: number) => Math.round(10 * v) / 10;
  const lines = (list: readonly DrawnMatch[], colour: string, opacity: number) => {
    const step = Math.max(1, list.length / most);
    const drawn = Array.from({ length: Math.min(list.length, most) }, (_, k) => list[Math.floor(k * step)]);
    const d = drawn.map((m) => `M${at(m.a[0] + 0.5)} ${at(m.a[1] + 0.5)}L${at(m.b[0] + right + 0.5)} ${at(m.b[1] + 0.5)}`).join("");
    return `<path d="${d}" fill="none" stroke="${colour}" stroke-width="${at(thin)}" stroke-opacity="${opacity}"/>`;
  };
  const frame = outline
    ? `<polygon points="${outline.map(([x, y]) => `${at(x + right + 0.5)},${at(y + 0.5)}`).join(" ")}" fill="none" stroke="#ffd400" stroke-width="${at(3 * thin)}"/>`
    : "";
  const inliers = matches.filter((m) => m.inlier);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${inliers.length} of ${matches.length} matches agree"><rect width="${width}" height="${height}" fill="#111"/><image href="${dataUrl(a)}" width="${widthA}" height="${heightA}"/><image href="${dataUrl(b)}" x="${right}" width="${widthB}" height="${heightB}"/>${lines(
    matches.filter((m) => !m.inlier),
    "#ff4040",
    0.45,
  )}${lines(inliers, "#35d06a", 0.7)}${frame}</svg>`;
}
