import { ArgumentError } from "../core/errors.js";
import { normalAxes, type Shape } from "../core/shape.js";
import { alongBlock, type DType, type SparseRows, sparseRows, Tensor, transposeOf } from "../tensor/index.js";
import { daubechies, mirrorFilter, type WaveletName } from "./daubechies.js";
import { Operator } from "./operator.js";

/** Which wavelet, over how many levels, along which axes. */
export interface WaveletOptions {
  /** "haar" = "db1", or Daubechies' filters of 2 to 8 vanishing moments, "db2" … "db8". Default "db4". */
  readonly wavelet?: WaveletName;
  /** Default: until the coarsest extent would fall below 8, at most 5, at least 1. */
  readonly levels?: number;
  /** Default: all. Leave out that of channels. */
  readonly axes?: readonly number[];
  /** Type of the numbers; default f32. */
  readonly type?: DType;
}
const defaultLevels = (sizes: readonly number[]) =>
  Math.max(1, Math.min(5, Math.floor(Math.log2(Math.max(1, Math.min(...sizes.filter((n) => n > 1)))) - 3)));
function levelsOf(o: WaveletOptions, sizes: readonly number[], who: string): number {
  const levels = o.levels ?? defaultLevels(sizes);
  if (!Number.isInteger(levels) || levels < 1)
    throw new ArgumentError(`${who}: ${levels} levels; give a whole number from 1 on`, { levels });
  return levels;
}

/** One level along n samples on a ring: ⌈n/2⌋ low coefficients, then the high ones. With n odd the last sample stays as it is, among the low ones. */
function analysis(n: number, low: Float64Array, high: Float64Array): SparseRows {
  const half = Math.floor(n / 2);
  const even = 2 * half;
  const shift = low.length / 2 - 1; // the filter's middle over its two samples
  const row = (k: number, h: Float64Array) => Array.from(h, (w, j) => [(((2 * k + j - shift) % even) + even) % even, w] as const);
  const list = [
    ...Array.from({ length: half }, (_, k) => row(k, low)),
    ...(n % 2 === 1 ? [[[n - 1, 1] as const]] : []),
    ...Array.from({ length: half }, (_, k) => row(k, high)),
  ];
  return sparseRows(n, list);
}

/**
 * The orthogonal wavelet transform of Mallat's pyramid, separable over `axes`: the coarsest approximation in the corner of extents `coarse`,
 * details of growing fineness around it, in an array of the image's shape. Real or complex. Exactly orthogonal for images of any size, W*W = WW* = 1:
 * lines are rings, and of an odd line the last sample passes on as it is. So the prox of λ‖Wx‖₁ is W* ∘ shrink ∘ W.
 * @see Daubechies (1988), Communications on Pure and Applied Mathematics 41; Mallat (1989), IEEE PAMI 11
 */
export function waveletOperator(shape: Shape, o: WaveletOptions = {}): Operator & { readonly levels: number; readonly coarse: Shape } {
  const { wavelet = "db4", type = "f32" } = o;
  const axes = normalAxes(o.axes, shape.length, "wavelet");
  const levels = levelsOf(
    o,
    axes.map((a) => shape[a]),
    "wavelet",
  );
  const low = daubechies(wavelet);
  const high = mirrorFilter(low);
  const matrices = new Map<number, SparseRows>();
  const matrix = (n: number) => {
    let m = matrices.get(n);
    if (!m) {
      m = analysis(n, low, high);
      matrices.set(n, m);
    }
    return m;
  };
  const sizes: Shape[] = [shape];
  for (let l = 1; l <= levels; l++) sizes.push(sizes[l - 1].map((n, a) => (axes.includes(a) ? Math.ceil(n / 2) : n)));
  const steps = sizes.slice(0, -1).flatMap((block) => axes.filter((a) => block[a] > 1).map((a) => ({ block, axis: a })));
  const run = (x: Tensor, inverse: boolean): Tensor => {
    const out = Tensor.uninitialised(shape, x.dtype);
    const list = inverse ? [...steps].reverse() : steps;
    const whole = list[0] && list[0].block.every((n, a) => n === shape[a]);
    if (!whole) out.storage.data.set(x.data);
    list.forEach(({ block, axis }, i) => {
      const m = matrix(block[axis]);
      alongBlock({ tensor: i === 0 && whole ? x : out }, { tensor: out }, block, axis, inverse ? transposeOf(m) : m);
    });
    return out;
  };
  const operator = new Operator({
    name: `wavelet ${wavelet}`,
    domain: shape,
    range: shape,
    domainType: type,
    rangeType: type,
    apply: (x) => run(x, false),
    adjoint: (y) => run(y, true),
    normal: (x) => x,
    unitary: true,
    norm: shape.some((n) => n === 0) ? 0 : 1,
    normalInverse: (b, rho) => b.div(1 + rho),
  });
  return Object.assign(operator, { levels, coarse: sizes[levels] });
}

/** A filter on a ring of n samples with holes of `step` between its taps. */
function circulant(n: number, h: Float64Array, step: number, scale: number): SparseRows {
  const shift = (h.length / 2 - 1) * step;
  return sparseRows(
    n,
    Array.from({ length: n }, (_, k) => Array.from(h, (w, j) => [(((k + step * j - shift) % n) + n) % n, scale * w] as const)),
  );
}

/**
 * The shift-invariant (stationary, à trous) wavelet frame, separable over `axes`: [1 + levels·(2^d − 1), …shape], first the approximation, then
 * for each level from fine to coarse its 2^d − 1 details. A tight frame with bound 1, W*W = 1, for images of any size; W W* is a projection.
 * Shifting the image shifts every plane.
 * @see Nason & Silverman (1995), The stationary wavelet transform; Coifman & Donoho (1995), Translation-invariant de-noising
 */
export function stationaryWaveletOperator(
  shape: Shape,
  o: WaveletOptions = {},
): Operator & { readonly levels: number; readonly planes: number } {
  const { wavelet = "haar", type = "f32" } = o;
  const axes = normalAxes(o.axes, shape.length, "stationaryWavelet").filter((a) => shape[a] > 1);
  const levels = levelsOf(
    o,
    axes.map((a) => shape[a]),
    "stationaryWavelet",
  );
  const low = daubechies(wavelet);
  const filters = [low, mirrorFilter(low)];
  const size = shape.reduce((p, n) => p * n, 1);
  const details = 2 ** axes.length - 1;
  const planes = 1 + levels * details;
  const known = new Map<string, SparseRows>();
  const matrix = (n: number, band: number, level: number) => {
    const key = `${n} ${band} ${level}`;
    let m = known.get(key);
    if (!m) {
      m = circulant(n, filters[band], 2 ** level, Math.SQRT1_2);
      known.set(key, m);
    }
    return m;
  };
  const range = [planes, ...shape];
  type Place = { tensor: Tensor; shape: Shape; offset: number };
  const place = (tensor: Tensor, offset = 0): Place => ({ tensor, shape, offset });
  /** Where a level's band goes: its plane, or for the approximation the next level's input. */
  const target = (out: Tensor, next: Place, level: number, code: number) =>
    code === 0 ? next : place(out, (1 + level * details + code - 1) * size);
  const split = (from: Place, depth: number, code: number, level: number, out: Tensor, next: Place): void => {
    const last = depth === axes.length - 1;
    for (const band of [0, 1]) {
      const c = code | (band << depth);
      const to = last ? target(out, next, level, c) : place(Tensor.uninitialised(shape, out.dtype));
      alongBlock(from, to, shape, axes[depth], matrix(shape[axes[depth]], band, level));
      if (!last) split(to, depth + 1, c, level, out, next);
    }
  };
  const join = (to: Place, depth: number, code: number, level: number, y: Tensor, next: Place): void => {
    const last = depth === axes.length - 1;
    for (const band of [0, 1]) {
      const c = code | (band << depth);
      const from = last ? target(y, next, level, c) : place(Tensor.uninitialised(shape, y.dtype));
      if (!last) join(from, depth + 1, c, level, y, next);
      alongBlock(from, to, shape, axes[depth], transposeOf(matrix(shape[axes[depth]], band, level)), band === 1);
    }
  };
  const operator = new Operator({
    name: `stationary wavelet ${wavelet}`,
    domain: shape,
    range,
    domainType: type,
    rangeType: type,
    apply(x) {
      const out = Tensor.uninitialised(range, x.dtype);
      let from = place(x);
      for (let l = 0; l < levels; l++) {
        const next = l === levels - 1 ? place(out) : place(Tensor.uninitialised(shape, x.dtype));
        split(from, 0, 0, l, out, next);
        from = next;
      }
      return out;
    },
    adjoint(y) {
      let next = place(y);
      for (let l = levels - 1; l >= 0; l--) {
        const to = place(Tensor.uninitialised(shape, y.dtype));
        join(to, 0, 0, l, y, next);
        next = to;
      }
      return next.tensor;
    },
    normal: (x) => x,
    norm: 1,
    normalInverse: (b, rho) => b.div(1 + rho),
  });
  return Object.assign(operator, { levels, planes });
}
