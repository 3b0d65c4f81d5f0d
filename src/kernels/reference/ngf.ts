import type { Size3 } from "./gaussian.js";
import { difference } from "./lines.js";

type Numbers = ArrayLike<number>;

export interface NgfOptions {
  /** ε, in units of the image per unit of the spacing. */
  readonly edge: number;
  /** Distance of samples along z, y, x. */
  readonly spacing: Size3;
  /** Three channels of the plane (y, x) rather than six. */
  readonly planar: boolean;
}
export const ngfChannelCount = ({ planar }: { readonly planar: boolean }): number => (planar ? 3 : 6);
/** Axes (0 = x, 1 = y, 2 = z) of the factors of each channel. */
export const ngfFactors = ({ planar }: { readonly planar: boolean }): readonly (readonly [number, number])[] =>
  planar
    ? [
        [0, 0],
        [1, 1],
        [0, 1],
      ]
    : [
        [0, 0],
        [1, 1],
        [2, 2],
        [0, 1],
        [0, 2],
        [1, 2],
      ];
const linesOf = ([D, H, W]: Size3) => [
  { outer: D * H, n: W, inner: 1 },
  { outer: D, n: H, inner: W },
  { outer: 1, n: D, inner: H * W },
];
/** Central differences along x, y(, z). */
function slopes(image: Numbers, size: Size3, { spacing, planar }: NgfOptions): Float64Array[] {
  return linesOf(size)
    .slice(0, planar ? 2 : 3)
    .map((lines, a) => {
      const out = new Float64Array(image.length);
      difference(image, out, lines, "central", spacing[2 - a]);
      return out;
    });
}

/**
 * Plain twin of `ngf` for one volume [D, H, W]:  n_i n_j for i = j and √2 n_i n_j for i < j,  n = ∇I / √(|∇I|² + ε²); [K, D, H, W].
 * The squared distance of two such tuples is ‖n nᵀ − m mᵀ‖².
 */
export function ngf(image: Numbers, size: Size3, o: NgfOptions): Float64Array {
  const g = slopes(image, size, o);
  const factors = ngfFactors(o);
  const n = image.length;
  const out = new Float64Array(factors.length * n);
  for (let p = 0; p < n; p++) {
    const square = g.reduce((s, a) => s + a[p] ** 2, o.edge ** 2);
    for (const [k, [i, j]] of factors.entries()) out[k * n + p] = ((i === j ? 1 : Math.SQRT2) * g[i][p] * g[j][p]) / square;
  }
  return out;
}

/** Jᵀ c: the cotangent [K, D, H, W] of the channels pulled back to the image. */
export function ngfGradient(image: Numbers, cotangent: Numbers, size: Size3, o: NgfOptions): Float64Array {
  const g = slopes(image, size, o);
  const factors = ngfFactors(o);
  const n = image.length;
  for (let p = 0; p < n; p++) {
    const norm = Math.sqrt(g.reduce((s, a) => s + a[p] ** 2, o.edge ** 2));
    const unit = g.map((a) => a[p] / norm);
    const v = g.map(() => 0);
    for (const [k, [i, j]] of factors.entries()) {
      const c = (i === j ? 1 : Math.SQRT2) * cotangent[k * n + p];
      v[i] += c * unit[j];
      v[j] += c * unit[i];
    }
    const along = v.reduce((s, a, i) => s + a * unit[i], 0);
    for (const [i, a] of g.entries()) a[p] = (v[i] - unit[i] * along) / norm;
  }
  const out = new Float64Array(n);
  for (const [a, lines] of linesOf(size).slice(0, g.length).entries()) {
    const part = new Float64Array(n);
    difference(g[a], part, lines, "central", o.spacing[2 - a], true);
    for (let p = 0; p < n; p++) out[p] += part[p];
  }
  return out;
}
