import { ArgumentError } from "../core/errors.js";
import { normalAxes, type Shape } from "../core/shape.js";
import { type DType, type SparseRows, sparseRows } from "../tensor/index.js";
import { alongAxes, borderIndex } from "./blur.js";
import type { Operator } from "./operator.js";

/** How samples between samples are found, and what lies outside. */
export interface ResizeOptions {
  /** Factor of the extents, one for all axes or one for each; the new extent is ⌈scale · n⌉. Give this or `size`. */
  readonly scale?: number | readonly number[];
  /** New extents of `axes`. */
  readonly size?: readonly number[];
  /**
   * cubic (default)  Keys' cubic convolution, a = −½
   * linear           the tent
   * lanczos          Lanczos, three lobes
   * area             the mean over the area that a new sample covers
   */
  readonly method?: "cubic" | "linear" | "lanczos" | "area";
  /** When shrinking, stretch the kernel so that it stops what the coarse grid cannot hold (default). Not used by "area". */
  readonly antialias?: boolean;
  /** Default: the last two. */
  readonly axes?: readonly number[];
  /** Type of the numbers; default f32. */
  readonly type?: DType;
}

const cubic = (x: number): number => {
  const r = Math.abs(x);
  return r <= 1 ? 1.5 * r ** 3 - 2.5 * r ** 2 + 1 : r < 2 ? -0.5 * r ** 3 + 2.5 * r ** 2 - 4 * r + 2 : 0;
};
const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));
const kernels = {
  cubic: { width: 4, h: cubic },
  linear: { width: 2, h: (x: number) => Math.max(0, 1 - Math.abs(x)) },
  lanczos: { width: 6, h: (x: number) => (Math.abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0) },
} as const;

/**
 * Resizing along axes: the rule of MATLAB's `imresize`, by which the literature of super-resolution makes its data. New sample i lies at
 * u = (i + ½) / s − ½ of the old ones and is Σ_j w_j x_j, w_j ∝ h(min(s, 1) (u − j)) with Σ w = 1, the image mirrored at its edge.
 * Also enlarges. The adjoint is exact.
 * @throws ArgumentError for extents that are no whole numbers above 0
 * @see Keys (1981), Cubic convolution interpolation for digital image processing, IEEE Trans. ASSP 29
 */
export function resizeOperator(shape: Shape, o: ResizeOptions): Operator {
  const { method = "cubic", antialias = true, type = "f32" } = o;
  const axes = normalAxes(o.axes ?? shape.map((_, i) => i).slice(-2), shape.length, "resize");
  const matrices = axes.map((a, i) => {
    const n = shape[a];
    const given = typeof o.scale === "object" ? o.scale[i] : o.scale;
    const m = o.size ? o.size[i] : Math.ceil(n * (given ?? Number.NaN));
    if (!(Number.isInteger(m) && m > 0))
      throw new ArgumentError(`resize: axis ${a} gets ${m} samples; give a scale above 0, or whole extents for ${axes.length} axes`, {
        axis: a,
      });
    const scale = o.size ? m / n : (given as number);
    return method === "area" ? areaRows(n, m, scale) : kernelRows(n, m, scale, kernels[method], antialias);
  });
  return alongAxes(`resize ${method}`, shape, axes, matrices, type);
}

function kernelRows(
  n: number,
  m: number,
  scale: number,
  { width, h }: { width: number; h: (x: number) => number },
  antialias: boolean,
): SparseRows {
  const s = antialias ? Math.min(scale, 1) : 1;
  const reach = Math.ceil(width / s) + 2;
  return sparseRows(
    n,
    Array.from({ length: m }, (_, i) => {
      const u = (i + 0.5) / scale - 0.5;
      const first = Math.floor(u - width / (2 * s));
      const taps = Array.from({ length: reach }, (_, k) => [first + k, h(s * (u - first - k))] as const);
      const total = taps.reduce((sum, t) => sum + t[1], 0);
      return taps.map(([j, w]) => [borderIndex(j, n, "reflect"), w / total] as const);
    }),
  );
}
function areaRows(n: number, m: number, scale: number): SparseRows {
  return sparseRows(
    n,
    Array.from({ length: m }, (_, i) => {
      const [a, b] = [i / scale, Math.min(n, (i + 1) / scale)];
      const taps: [number, number][] = [];
      for (let j = Math.floor(a); j < b; j++) {
        const covered = Math.min(b, j + 1) - Math.max(a, j);
        if (covered > 1e-12) taps.push([Math.min(j, n - 1), covered / (b - a)]);
      }
      return taps;
    }),
  );
}

/** Every `factor`-th sample from `offset` on (default the middle, ⌊factor / 2⌋): a sensor behind a blur is decimateOperator ∘ blurOperator. */
export function decimateOperator(
  shape: Shape,
  factor: number,
  o: { readonly offset?: number; readonly axes?: readonly number[]; readonly type?: DType } = {},
): Operator {
  const { offset = Math.floor(factor / 2), type = "f32" } = o;
  if (!(Number.isInteger(factor) && factor >= 1 && Number.isInteger(offset) && offset >= 0 && offset < factor))
    throw new ArgumentError(`decimate: every ${factor}-th sample from ${offset} on; give whole numbers, offset below factor`, {
      factor,
      offset,
    });
  const axes = normalAxes(o.axes ?? shape.map((_, i) => i).slice(-2), shape.length, "decimate");
  const matrices = axes.map((a) => {
    const count = Math.max(0, Math.ceil((shape[a] - offset) / factor));
    return sparseRows(
      shape[a],
      Array.from({ length: count }, (_, i) => [[offset + i * factor, 1] as const]),
    );
  });
  return alongAxes("decimate", shape, axes, matrices, type);
}
