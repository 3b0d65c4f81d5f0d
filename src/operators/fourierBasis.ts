import type { Diagonalisation } from "../core/interfaces.js";
import type { Shape } from "../core/shape.js";
import { type DType, fft, ifft, irfft, rfft, type Tensor } from "../tensor/index.js";

const complexType = (type: DType) => type === "c64" || type === "c128";

/**
 * Convolutions on a ring are diagonal in the Fourier basis of their axes: the half spectrum for real numbers (when the last axis is among
 * them), frequency 0 first.
 * @param axes    ascending
 * @param values  |transfer function|², in the order of `spectrumShape`
 */
export function fourierBasis(
  shape: Shape,
  axes: readonly number[],
  type: DType,
  values: (type: DType) => Tensor,
): Diagonalisation & { readonly half: boolean } {
  const last = shape.length - 1;
  const half = !complexType(type) && axes.includes(last);
  return {
    half,
    basis: `${half ? "rfft" : complexType(type) ? "fft" : "fft of real"} ${shape.join("×")} along ${axes.join(",")}`,
    values,
    analyse: (x) => (half ? rfft(x, { axes, normalisation: "ortho" }) : fft(x, { axes, normalisation: "ortho" })),
    synthesise: (z) => {
      if (half) return irfft(z, { axes, n: shape[last], normalisation: "ortho" });
      const x = ifft(z, { axes, normalisation: "ortho" });
      return complexType(type) ? x : x.real();
    },
  };
}
/** Number of frequencies along each axis of `shape`, 1 where nothing is transformed. */
export const spectrumShape = (shape: Shape, axes: readonly number[], half: boolean): number[] =>
  shape.map((n, i) => (!axes.includes(i) ? 1 : half && i === shape.length - 1 ? Math.floor(n / 2) + 1 : n));
/** Operators that scale every sample are diagonal as they are. */
export const samplesBasis = (shape: Shape, type: DType, values: (type: DType) => Tensor): Diagonalisation => ({
  basis: `samples ${shape.join("×")}${complexType(type) ? " complex" : ""}`,
  values,
  analyse: (x) => x,
  synthesise: (z) => z,
});
