import { ShapeError } from "../core/errors.js";
import { type Shape, shapeText, sizeOf, stridesOf } from "../core/shape.js";
import { along, type DType, fft, keep, rfft, type SparseRows, sparseRows, Tensor, transposeOf } from "../tensor/index.js";
import { fourierBasis } from "./fourierBasis.js";
import { Operator } from "./operator.js";
import { inEveryPrecision } from "./typed.js";

/** What lies beyond the image: the image mirrored at its edge (d c b a | a b c d | d c b a), the image again, or zeros. */
export type Border = "reflect" | "periodic" | "zero";
/** What lies beyond the border of a picture that is blurred. */
export interface BlurOptions {
  /** Default "periodic", where (A*A + ρ)⁻¹ has a closed form. */
  readonly border?: Border;
  /** Type of the numbers; default f32. */
  readonly type?: DType;
}

/**
 * Convolution y_i = Σ_k h_k x_{i − k + c} with a kernel of any size over the last axes, as many as the kernel has; c = ⌊size / 2⌋ is its centre.
 * Axes before them (channels) are left alone.
 *  periodic  a product in the Fourier basis: normalInverse and norm in closed form
 *  reflect, zero  exactly what convolution of the extended image gives, with the exact adjoint; separable kernels go axis by axis
 * @throws ShapeError when the kernel has more axes than the image, or is empty
 */
export function blurOperator(shape: Shape, kernel: Tensor, o: BlurOptions = {}): Operator {
  const { border = "periodic", type = "f32" } = o;
  if (kernel.rank < 1 || kernel.rank > shape.length || kernel.size === 0)
    throw new ShapeError(
      `blur: a kernel of ${shapeText(kernel.shape)} for images of ${shapeText(shape)}; its axes are the image's last ones`,
      {
        kernel: kernel.shape,
        shape,
      },
    );
  const weights = Float64Array.from(kernel.data);
  const axes = kernel.shape.map((_, i) => shape.length - kernel.rank + i);
  if (border === "periodic") return ring(shape, axes, weights, kernel.shape, type);
  const factors = separated(weights, kernel.shape);
  if (factors && Math.max(...kernel.shape) <= 64) {
    const matrices = factors.map((f, i) => bandMatrix(shape[axes[i]], f, border));
    return alongAxes("blur", shape, axes, matrices, type);
  }
  // Extended far enough that the ring's ends do not meet inside the image, blurred on a ring, cut.
  const sizes = axes.map((a, i) => goodSize(shape[a] + kernel.shape[i] - 1));
  const extended = shape.map((n, a) => sizes[axes.indexOf(a)] ?? n);
  const inner = ring(extended, axes, weights, kernel.shape, type);
  const extend = axes.map((a, i) => extensionMatrix(shape[a], sizes[i], kernel.shape[i], border));
  const cut = axes.map((a, i) => selection(shape[a], sizes[i], kernel.shape[i] - 1 - Math.floor(kernel.shape[i] / 2)));
  const through = (x: Tensor, matrices: readonly SparseRows[]) => matrices.reduce((v, m, i) => along(v, axes[i], m), x);
  return new Operator({
    name: "blur",
    domain: shape,
    range: shape,
    domainType: type,
    rangeType: type,
    apply: (x) => through(inner.apply(through(x, extend)), cut),
    adjoint: (y) => through(inner.adjoint(through(y, cut.map(transposeOf))), extend.map(transposeOf)),
  });
}

/** A separable linear map: one sparse matrix for each axis. */
export function alongAxes(name: string, domain: Shape, axes: readonly number[], matrices: readonly SparseRows[], type: DType): Operator {
  const range = domain.map((n, a) => matrices[axes.indexOf(a)]?.m ?? n);
  // Shrinking axes first, growing ones last: less to compute in between.
  const order = axes
    .map((_, i) => i)
    .sort((p, q) => matrices[p].m / Math.max(1, matrices[p].n) - matrices[q].m / Math.max(1, matrices[q].n));
  return new Operator({
    name,
    domain,
    range,
    domainType: type,
    rangeType: type,
    apply: (x) => order.reduce((v, i) => along(v, axes[i], matrices[i]), x),
    adjoint: (y) => [...order].reverse().reduce((v, i) => along(v, axes[i], transposeOf(matrices[i])), y),
  });
}

function ring(shape: Shape, axes: readonly number[], weights: Float64Array, size: Shape, type: DType): Operator {
  const extents = axes.map((a) => shape[a]);
  const placed = new Float64Array(sizeOf(extents));
  const [from, to] = [stridesOf(size), stridesOf(extents)];
  for (let i = 0; i < weights.length; i++) {
    let at = 0;
    for (let a = 0; a < size.length; a++) {
      const k = (Math.floor(i / from[a]) % size[a]) - Math.floor(size[a] / 2);
      at += (((k % extents[a]) + extents[a]) % extents[a]) * to[a];
    }
    placed[at] += weights[i]; // kernels larger than the ring wrap around
  }
  const complexData = type === "c64" || type === "c128";
  const transfer = inEveryPrecision((precision) => {
    const k = Tensor.from(placed, extents, "f64");
    const z = complexData ? fft(k) : rfft(k);
    return precision === "f64" ? z : z.cast("c64");
  });
  const conjugate = inEveryPrecision((precision) => transfer(precision).conj());
  const squares = inEveryPrecision((precision) => {
    const z = transfer(precision);
    return z.real().square().add(z.imag().square());
  });
  const basis = fourierBasis(shape, axes, type, squares);
  const times = (x: Tensor, z: Tensor) => basis.synthesise(basis.analyse(x).mul(z));
  return new Operator({
    name: "blur",
    domain: shape,
    range: shape,
    domainType: type,
    rangeType: type,
    apply: (x) => times(x, transfer(x.dtype)),
    adjoint: (y) => times(y, conjugate(y.dtype)),
    diagonalisation: basis,
  });
}

/** The 1-D factors when the kernel is their outer product, to rounding. */
function separated(weights: Float64Array, size: Shape): Float64Array[] | undefined {
  const strides = stridesOf(size);
  let at = 0;
  for (let i = 1; i < weights.length; i++) if (Math.abs(weights[i]) > Math.abs(weights[at])) at = i;
  const pivot = weights[at];
  if (pivot === 0) return size.map((n) => new Float64Array(n));
  const factors = size.map((n, a) => {
    const base = at - (Math.floor(at / strides[a]) % n) * strides[a];
    return Float64Array.from({ length: n }, (_, k) => weights[base + k * strides[a]] / (a === 0 ? 1 : pivot));
  });
  for (let i = 0; i < weights.length; i++) {
    const product = factors.reduce((p, f, a) => p * f[Math.floor(i / strides[a]) % size[a]], 1);
    if (Math.abs(product - weights[i]) > 1e-7 * Math.abs(pivot)) return undefined;
  }
  return factors;
}

/** Where sample i of the extended line lies in the line, −1 for zero. */
export function borderIndex(i: number, n: number, border: Border): number {
  if (i >= 0 && i < n) return i;
  if (border === "zero" || n === 0) return -1;
  const m = border === "periodic" ? n : 2 * n;
  const k = ((i % m) + m) % m;
  return k < n ? k : 2 * n - 1 - k;
}
/** Convolution with `h` along a line of n samples. */
function bandMatrix(n: number, h: Float64Array, border: Border): SparseRows {
  const c = Math.floor(h.length / 2);
  return sparseRows(
    n,
    Array.from({ length: n }, (_, i) => {
      const taps: [number, number][] = [];
      h.forEach((w, k) => {
        const j = borderIndex(i - k + c, n, border);
        if (j >= 0) taps.push([j, w]);
      });
      return taps;
    }),
  );
}
/** Line of n ↦ ring of m: `before` samples before the line so that the cut sees whole kernels. */
function extensionMatrix(n: number, m: number, k: number, border: Border): SparseRows {
  const before = k - 1 - Math.floor(k / 2);
  return sparseRows(
    n,
    Array.from({ length: m }, (_, i) => {
      const j = i < n + k - 1 ? borderIndex(i - before, n, border) : -1;
      return j >= 0 ? [[j, 1] as const] : [];
    }),
  );
}
const selection = (n: number, m: number, from: number): SparseRows =>
  sparseRows(
    m,
    Array.from({ length: n }, (_, i) => [[i + from, 1] as const]),
  );

/** The least number from n on without prime factors above 5: its transforms are fast. */
export function goodSize(n: number): number {
  for (let m = Math.max(1, n); ; m++) {
    let r = m;
    for (const p of [2, 3, 5]) while (r % p === 0) r /= p;
    if (r === 1) return m;
  }
}

/** exp(−r² / 2σ²) on a square (or cube) of `size` samples, centred, of sum 1; σ in samples. For even sizes the centre lies between two samples. */
export function gaussianKernel(size: number, sigma: number, dimension = 2): Tensor {
  const line = Float64Array.from({ length: size }, (_, i) => Math.exp(-((i - (size - 1) / 2) ** 2) / (2 * sigma * sigma)));
  const total = line.reduce((s, v) => s + v, 0);
  const out = new Float64Array(size ** dimension);
  for (let i = 0; i < out.length; i++) {
    let v = 1;
    for (let a = 0, r = i; a < dimension; a++, r = Math.floor(r / size)) v *= line[r % size] / total;
    out[i] = v;
  }
  return keep(Tensor.from(out, new Array<number>(dimension).fill(size)));
}
