import { ArgumentError, ShapeError } from "../../core/errors.js";
import { shapeText, sizeOf } from "../../core/shape.js";
import { engine } from "../../kernels/engine.js";
import * as kernels from "../../kernels/fft.js";
import * as twin from "../../kernels/reference/fft.js";
import { type Applied, define } from "../primitive.js";
import { complexOf, isComplex, realOf } from "../storage.js";
import { Tensor } from "../tensor.js";
import { complex } from "./complex.js";
import { cast } from "./elementwise.js";

/** Which axes are transformed, how sums are scaled, and whether 0 is in the middle. */
export interface FourierOptions {
  /** Axes to transform, negative ones from the end. Default: all. */
  readonly axes?: readonly number[];
  /**
   * Where the factor goes, N being the number of points: "backward" (default) divides the inverse by N, "ortho" both ways by √N
   * (unitary), "forward" divides the forward transform by N.
   */
  readonly normalisation?: kernels.FftNormalisation;
}
interface Params {
  readonly axes: readonly number[];
  readonly inverse: boolean;
  readonly scale: number;
}

const transform: Applied<Params> = define<Params>({
  name: "fft",
  forward: ([x], { axes, inverse, scale }) => {
    const out = Tensor.uninitialised(x.shape, x.dtype);
    if (x.dtype === "c64") kernels.scaledFft(engine(), x.pointer, out.pointer, x.shape, axes, inverse, scale);
    else twin.fft(x.data, out.data, x.shape, axes, inverse, scale);
    return out;
  },
  vjp: ({ params: { axes, inverse, scale } }, g) => [transform([g], { axes, inverse: !inverse, scale })], // Fᴴ is the other way round with the same factor
  jvp: ({ params }, [t]) => t && transform([t], params),
});
const points = (t: Tensor, axes: readonly number[]) => sizeOf(axes.map((a) => t.shape[a]));

function fourier(x: Tensor, { axes, normalisation }: FourierOptions, inverse: boolean): Tensor {
  const z = isComplex(x.dtype) ? x : cast(x, complexOf(x.dtype));
  const list = kernels.fftAxes(z.shape, axes);
  return transform([z], { axes: list, inverse, scale: kernels.fftScale(points(z, list), inverse, normalisation) });
}
/**
 * Discrete Fourier transform over axes of any lengths, X_k = Σ_t x_t e^(−2πi Σ_a k_a t_a / n_a); frequency 0 comes first (see fftShift).
 * Real input is taken as complex: rfft does half the work. Linear; its adjoint is the unscaled inverse.
 * @throws ArgumentError for axes that do not exist
 */
export const fft = (x: Tensor, options: FourierOptions = {}): Tensor => fourier(x, options, false);
/** Inverse of `fft`, x_t = 1/N Σ_k X_k e^(+2πi Σ_a k_a t_a / n_a). */
export const ifft = (x: Tensor, options: FourierOptions = {}): Tensor => fourier(x, options, true);

/** Frequencies 0 … ⌊n/2⌋ that have no mirror image count once, the others `weight` times. */
function mirrored(n: number, weight: number, dtype: Tensor["dtype"]): Tensor {
  const h = Math.floor(n / 2) + 1;
  return cast(
    Tensor.from(
      Float64Array.from({ length: h }, (_, k) => (k === 0 || 2 * k === n ? 1 : weight)),
      [h],
      realOf(dtype),
    ),
    dtype,
  );
}
interface RealParams {
  /** The last one is the array's last. */
  readonly axes: readonly number[];
  readonly n: number;
  readonly scale: number;
}
const realShape = (z: Tensor, n: number) => [...z.shape.slice(0, -1), n];

const toSpectrum: Applied<RealParams> = define<RealParams>({
  name: "rfft",
  forward: ([x], { axes, n, scale }) => {
    const out = Tensor.uninitialised([...x.shape.slice(0, -1), Math.floor(n / 2) + 1], complexOf(x.dtype));
    if (x.dtype === "f32") kernels.scaledRfft(engine(), x.pointer, out.pointer, x.shape, axes, scale);
    else twin.rfft(x.data, out.data, x.shape, axes, scale);
    return out;
  },
  vjp: ({ params }, g) => [fromSpectrum([g.mul(mirrored(params.n, 0.5, g.dtype))], params)], // fromSpectrum counts mirrored frequencies twice
  jvp: ({ params }, [t]) => t && toSpectrum([t], params),
});
const fromSpectrum: Applied<RealParams> = define<RealParams>({
  name: "irfft",
  forward: ([z], { axes, n, scale }) => {
    const shape = realShape(z, n);
    const out = Tensor.uninitialised(shape, realOf(z.dtype));
    if (z.dtype === "c64") kernels.scaledIrfft(engine(), z.pointer, out.pointer, shape, axes, scale);
    else twin.irfft(z.data, out.data, shape, axes, scale);
    return out;
  },
  vjp: ({ params }, g) => {
    const z = toSpectrum([g], params);
    return [z.mul(mirrored(params.n, 2, z.dtype))];
  },
  jvp: ({ params }, [t]) => t && fromSpectrum([t], params),
});

function realAxes(shape: readonly number[], axes: readonly number[] | undefined, who: string): number[] {
  const list = kernels.fftAxes(shape, axes);
  const last = shape.length - 1;
  if (!list.includes(last))
    throw new ArgumentError(`${who}: the axes [${axes}] must include the last one, which holds the half spectrum; permute first`, { axes });
  return [...list.filter((a) => a !== last), last];
}
/**
 * Fourier transform of real numbers: the half spectrum, frequencies 0 … ⌊n/2⌋ along the last axis (which must be among `axes`),
 * all frequencies along the others. [..., n] → [..., ⌊n/2⌋ + 1] complex.
 */
export function rfft(x: Tensor, { axes, normalisation }: FourierOptions = {}): Tensor {
  if (isComplex(x.dtype)) throw new ArgumentError("rfft: the input is complex; use fft", { dtype: x.dtype });
  const v = x.dtype === "i32" ? cast(x, "f32") : x;
  const list = realAxes(v.shape, axes, "rfft");
  const n = v.shape[v.rank - 1];
  if (n === 0) throw new ShapeError(`rfft: the last axis of ${shapeText(v.shape)} is empty`, { shape: v.shape });
  return toSpectrum([v], { axes: list, n, scale: kernels.fftScale(points(v, list), false, normalisation) });
}
/**
 * Inverse of `rfft`: [..., ⌊n/2⌋ + 1] complex → [..., n] real. `n` is the real length of the last axis; 2 (m − 1) by default.
 * @throws ShapeError when n does not go with the number of frequencies
 */
export function irfft(z: Tensor, { axes, normalisation, n }: FourierOptions & { readonly n?: number } = {}): Tensor {
  const w = isComplex(z.dtype) ? z : complex(z);
  const m = w.shape[w.rank - 1];
  const length = n ?? 2 * (m - 1);
  if (!(length >= 1) || Math.floor(length / 2) + 1 !== m)
    throw new ShapeError(`irfft: ${m} frequencies belong to a length of ${2 * m - 2} or ${2 * m - 1}, not ${length}`, {
      shape: w.shape,
      n,
    });
  const list = realAxes(w.shape, axes, "irfft");
  const shape = realShape(w, length);
  return fromSpectrum([w], { axes: list, n: length, scale: kernels.fftScale(sizeOf(list.map((a) => shape[a])), true, normalisation) });
}

function rolled(x: Tensor, axes: readonly number[] | undefined, by: (n: number) => number): Tensor {
  let out = x;
  for (const axis of kernels.fftAxes(x.shape, axes)) {
    const n = x.shape[axis];
    const k = n === 0 ? 0 : by(n) % n;
    if (k === 0) continue;
    const order = Tensor.from(
      Int32Array.from({ length: n }, (_, i) => (i - k + n) % n),
      [n],
    );
    out = out.gather(order, axis);
  }
  return out;
}
/** Frequency 0 to the middle, index ⌊n/2⌋, of each axis. */
export const fftShift = (x: Tensor, axes?: readonly number[]): Tensor => rolled(x, axes, (n) => Math.floor(n / 2));
/** Inverse of `fftShift`. */
export const ifftShift = (x: Tensor, axes?: readonly number[]): Tensor => rolled(x, axes, (n) => Math.ceil(n / 2));
/** Frequencies k/n in cycles per sample, in the order of `fft`: 0, 1/n, …, −1/n. */
export const fftFrequencies = (n: number, dtype: "f32" | "f64" = "f32"): Tensor =>
  Tensor.from(
    Float64Array.from({ length: n }, (_, k) => (k < Math.ceil(n / 2) ? k : k - n) / n),
    [n],
    dtype,
  );
