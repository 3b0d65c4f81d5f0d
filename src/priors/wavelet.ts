import type { Functional, Prior, PriorTerm, Proximable } from "../core/interfaces.js";
import type { Shape } from "../core/shape.js";
import { type Operator, stationaryWaveletOperator, type WaveletOptions, waveletOperator } from "../operators/index.js";
import { type DType, keep, Tensor } from "../tensor/index.js";
import { l1 } from "./norms.js";

/** Which wavelet, over how many levels, and whether the coarsest coefficients are spared. */
export interface WaveletPriorOptions extends Omit<WaveletOptions, "axes" | "type"> {
  /** The last so many axes are space (default all). */
  readonly dimensions?: number;
}
const axesOf = (shape: Shape, dimensions = shape.length) => Array.from({ length: dimensions }, (_, i) => shape.length - dimensions + i);
const typeOf = (x: Tensor): DType => (x.dtype === "c64" || x.dtype === "c128" ? "c64" : "f32");

/**
 * Σ |(Wx)_k| over the details of an orthogonal wavelet transform; the coarsest approximation costs nothing. Its proximal map is exact:
 * W* ∘ soft shrinkage ∘ W. Real or complex.
 * @see Donoho & Johnstone (1994), Biometrika 81
 */
export class WaveletL1 implements Prior, Functional, Proximable {
  /** What it is called. */
  readonly name = "wavelet";
  readonly #known = new Map<string, { readonly operator: Operator; readonly details: Tensor }>();
  /** With its wavelet. */
  constructor(
    /** What it was made with. */
    readonly options: WaveletPriorOptions = {},
  ) {}
  #transform(shape: Shape, type: DType) {
    const key = `${shape.join()} ${type}`;
    let t = this.#known.get(key);
    if (!t) {
      const { dimensions, ...rest } = this.options;
      const operator = waveletOperator(shape, { ...rest, axes: axesOf(shape, dimensions), type });
      const details = new Float32Array(shape.reduce((p, n) => p * n, 1)).fill(1);
      const { coarse } = operator;
      for (let k = 0; k < details.length; k++) {
        let inside = true;
        for (let a = shape.length - 1, r = k; a >= 0; r = Math.floor(r / shape[a]), a--) inside &&= r % shape[a] < coarse[a];
        if (inside) details[k] = 0;
      }
      t = { operator, details: keep(Tensor.from(details, shape)) };
      this.#known.set(key, t);
    }
    return t;
  }
  value(x: Tensor): Tensor {
    const { operator, details } = this.#transform(x.shape, typeOf(x));
    return operator.apply(x).abs().mul(details).sum();
  }
  /** argmin over x of ½‖x − v‖² + t R(x). */
  prox(v: Tensor, t: number | Tensor): Tensor {
    const { operator, details } = this.#transform(v.shape, typeOf(v));
    const z = operator.apply(v);
    const size = z.abs();
    return operator.adjoint(z.mul(size.sub(details.mul(t)).relu().div(size.maximum(1e-30))));
  }
  terms(_shape: Shape, lambda: number): readonly PriorTerm[] {
    return [{ weight: lambda, functional: this }];
  }
}
/** ‖W x‖₁ as a prior, W an orthonormal wavelet transform: its proximal step is soft thresholding. */
export const waveletL1 = (o: WaveletPriorOptions = {}): WaveletL1 => new WaveletL1(o);

/**
 * Σ |(Wx)_k| over the details of the shift-invariant wavelet frame: no blocks of the grid show. A term with an operator, for methods that split.
 * @see Coifman & Donoho (1995), Translation-invariant de-noising
 */
export const stationaryWaveletL1 = (o: WaveletPriorOptions = {}): Prior => {
  const { dimensions, ...rest } = o;
  const frame = (shape: Shape, type: DType = "f32") => {
    const w = stationaryWaveletOperator(shape, { ...rest, axes: axesOf(shape, dimensions), type });
    return w;
  };
  const prior: Prior = {
    name: "wavelet frame",
    value: (x) => {
      const z = frame(x.shape, typeOf(x)).apply(x);
      return z.slice([1]).abs().sum();
    },
    terms: (shape, lambda) => [{ weight: lambda, functional: detailsL1(), operator: frame(shape) }],
  };
  return prior;
};
/** ‖·‖₁ without the first plane, which is the approximation. */
const detailsL1 = () => {
  const weights = (z: Tensor) =>
    Tensor.from(
      Float32Array.from({ length: z.shape[0] }, (_, k) => Number(k > 0)),
      [z.shape[0], ...z.shape.slice(1).map(() => 1)],
    );
  const plain = l1();
  return {
    value: (z: Tensor) => z.abs().mul(weights(z)).sum(),
    prox: (v: Tensor, t: number | Tensor) => {
      const size = v.abs();
      return v.mul(size.sub(weights(v).mul(t)).relu().div(size.maximum(1e-30)));
    },
    conjugate: (p: Tensor) => {
      const free = p.mul(weights(p).mul(-1).add(1)).abs().max().item();
      return free > 1e-6 ? Number.POSITIVE_INFINITY : plain.conjugate(p);
    },
  };
};
