import { type Frame, type Place, patch } from "./patch.js";

const bins = 16;
const floor = 1e-3;

/** Histograms of colours inside the target's box and around it, 16³ bins each. */
export interface ColourModel {
  readonly inside: Float32Array;
  readonly around: Float32Array;
}
/** Colours of a square patch as numbers of bins. */
function binsOf(frame: Frame, place: Place, n: number): Int32Array | undefined {
  if (!frame.colour) return undefined;
  const [r, g, b] = frame.colour.map((plane) => patch(plane, frame, place, n, n));
  const bin = (v: number) => Math.min(bins - 1, Math.max(0, Math.floor(v * bins)));
  return Int32Array.from({ length: n * n }, (_, k) => (bin(r[k]) * bins + bin(g[k])) * bins + bin(b[k]));
}
/** Histograms of a square patch of `side` pixels, n × n samples, about a target of the place's size; undefined without colour. */
export function colourModel(frame: Frame, place: Place, side: number, n: number): ColourModel | undefined {
  const colours = binsOf(frame, { ...place, width: side, height: side }, n);
  if (!colours) return undefined;
  const [inside, around] = [new Float32Array(bins ** 3), new Float32Array(bins ** 3)];
  const middle = (n - 1) / 2;
  const [w, h] = [(place.width * n) / side, (place.height * n) / side];
  let [within, without] = [0, 0];
  for (let k = 0; k < n * n; k++) {
    const [x, y] = [Math.abs((k % n) - middle), Math.abs(Math.floor(k / n) - middle)];
    // The border of the box belongs to neither.
    if (x <= 0.4 * w && y <= 0.4 * h) {
      inside[colours[k]]++;
      within++;
    } else if (x > 0.55 * w || y > 0.55 * h) {
      around[colours[k]]++;
      without++;
    }
  }
  return { inside: inside.map((v) => v / Math.max(1, within)), around: around.map((v) => v / Math.max(1, without)) };
}
export function blendedColours(old: ColourModel, fresh: ColourModel, rate: number): ColourModel {
  const mix = (a: Float32Array, b: Float32Array) => a.map((v, k) => v + rate * (b[k] - v));
  return { inside: mix(old.inside, fresh.inside), around: mix(old.around, fresh.around) };
}
/**
 * How much every shift of the target's box, in cells, has the target's colours: the mean over the box of inside / (inside + around), [cells, cells],
 * (0, 0) the patch's own place, wrapped around like the filter's answer.
 * @see Bertinetto, Valmadre, Golodetz, Miksik, Torr (2016), Staple: complementary learners for real-time tracking, CVPR
 */
export function colourAnswer(
  frame: Frame,
  place: Place,
  side: number,
  cells: number,
  { inside, around }: ColourModel,
): Float32Array | undefined {
  const n = 2 * cells;
  const colours = binsOf(frame, { ...place, width: side, height: side }, n);
  if (!colours) return undefined;
  // Sums over all rectangles from the corner, then the box about every shift.
  const sums = new Float64Array((n + 1) * (n + 1));
  for (let j = 0, k = 0; j < n; j++)
    for (let i = 0, row = 0; i < n; i++, k++) {
      const c = colours[k];
      row += (inside[c] + floor / 2) / (inside[c] + around[c] + floor);
      sums[(j + 1) * (n + 1) + i + 1] = sums[j * (n + 1) + i + 1] + row;
    }
  const [w, h] = [(place.width * n) / side, (place.height * n) / side];
  const out = new Float32Array(cells * cells);
  const cut = (v: number) => Math.min(n, Math.max(0, Math.round(v)));
  for (let j = 0; j < cells; j++)
    for (let i = 0; i < cells; i++) {
      const x = n / 2 + 2 * (i < cells / 2 ? i : i - cells);
      const y = n / 2 + 2 * (j < cells / 2 ? j : j - cells);
      const [x0, x1, y0, y1] = [cut(x - w / 2), cut(x + w / 2), cut(y - h / 2), cut(y + h / 2)];
      const sum = sums[y1 * (n + 1) + x1] - sums[y0 * (n + 1) + x1] - sums[y1 * (n + 1) + x0] + sums[y0 * (n + 1) + x0];
      out[j * cells + i] = sum / (w * h);
    }
  return out;
}
