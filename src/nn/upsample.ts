import { ArgumentError } from "../core/errors.js";
import { convolveTransposed } from "../tensor/ops/convolution.js";
import { repeatSamples } from "../tensor/ops/pooling.js";
import { Tensor } from "../tensor/tensor.js";
import { type Layer, stateless } from "./module.js";

/** How values between samples are made when a picture is enlarged inside a network. */
export type UpsamplingKind = "nearest" | "linear" | "cubic";

/** φ(t) and its reach: y at u is Σᵢ xᵢ φ(u − i). Cubic: Keys (1981), Cubic convolution interpolation, a = −½. */
const kernels: Readonly<Record<UpsamplingKind, { readonly reach: number; readonly phi: (t: number) => number }>> = {
  nearest: { reach: 0.5, phi: (t) => (Math.abs(t) < 0.5 ? 1 : 0) },
  linear: { reach: 1, phi: (t) => Math.max(0, 1 - Math.abs(t)) },
  cubic: {
    reach: 2,
    phi(t) {
      const r = Math.abs(t);
      return r < 1 ? (1.5 * r - 2.5) * r * r + 1 : r < 2 ? ((-0.5 * r + 2.5) * r - 4) * r + 2 : 0;
    },
  },
};

/**
 * Enlargement by a whole number as a transposed convolution with fixed weights: y[j] = Σᵢ x[i] φ((j + ½)/s − ½ − i), so that the areas of
 * both grids agree (no half-pixel shift); beyond the border x is its last sample.
 * @param x  [n, c, (z, y,) x]
 * @returns  [n, c, (s z, s y,) s x]
 */
export function upsample(x: Tensor, scale: number, kind: UpsamplingKind = "linear"): Tensor {
  if (!Number.isInteger(scale) || scale < 1)
    throw new ArgumentError(`upsample: scale ${scale}; give a whole number of at least 1`, { scale });
  if (scale === 1) return x;
  if (kind === "nearest" && x.dtype !== "i32") return repeatSamples(x, scale);
  const { reach, phi } = kernels[kind];
  const d = x.rank - 2;
  // Tap t of the kernel is at (t + low + ½)/s − ½ samples of x from its centre.
  const low = Math.floor(-reach * scale + scale / 2 - 0.5) + 1;
  const high = Math.ceil(reach * scale + scale / 2 - 0.5) - 1;
  const taps = Array.from({ length: high - low + 1 }, (_, t) => phi((t + low + 0.5) / scale - 0.5));
  const border = Math.floor(reach);
  let framed = x;
  if (border > 0)
    for (let axis = 2; axis < x.rank; axis++) {
      const n = x.shape[axis];
      const places = Int32Array.from({ length: n + 2 * border }, (_, i) => Math.min(Math.max(i - border, 0), n - 1));
      framed = framed.gather(Tensor.from(places, [places.length]), axis);
    }
  let weights = [1];
  for (let axis = 0; axis < d; axis++) weights = weights.flatMap((w) => taps.map((t) => w * t));
  const w = Tensor.from(Float64Array.from(weights), [1, 1, ...new Array<number>(d).fill(taps.length)], x.dtype);
  const padding = x.shape.slice(2).map((n) => {
    const before = border * scale - low;
    return [before, (n + 2 * border - 1) * scale + taps.length - before - n * scale] as const;
  });
  const [n, c, ...size] = framed.shape;
  const y = convolveTransposed(framed.reshape(n * c, 1, ...size), w, { stride: scale, padding });
  return y.reshape(n, c, ...x.shape.slice(2).map((s) => s * scale));
}

/** `upsample` as a layer. */
export const upsampling = (o: { readonly scale: number; readonly kind?: UpsamplingKind }): Layer =>
  stateless((x: Tensor) => upsample(x, o.scale, o.kind));
