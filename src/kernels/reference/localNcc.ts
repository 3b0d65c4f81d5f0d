import type { Size3 } from "./gaussian.js";

export interface LocalNccOptions {
  /** Window radius along z, y, x; a plane has radius 0 along z. */
  readonly radius: Size3;
  /** ε in the units of (variance of scaled values)². Default 1e-6. */
  readonly epsilon?: number;
  /** Values are taken as (v − offset)·scale, [of warped, of fixed]: offset changes nothing but rounding, scale gives ε its meaning. */
  readonly offset?: readonly [number, number];
  readonly scale?: readonly [number, number];
  /** cc = c / √(vI vJ + ε), between −1 and 1, in place of its square. */
  readonly signed?: boolean;
  /** Least weight Σ w of a window that counts, when there is a mask. Default an eighth of the window. */
  readonly least?: number;
}
export const localNccEpsilon = 1e-6;

/** Σ over the window, zeros outside, one axis after another. */
function boxes(x: Float64Array, size: Size3, radius: Size3): Float64Array {
  let a = x;
  for (let axis = 0; axis < 3; axis++) {
    const n = size[axis];
    const r = radius[axis];
    if (r === 0) continue;
    const stride = axis === 0 ? size[1] * size[2] : axis === 1 ? size[2] : 1;
    const b = new Float64Array(a.length);
    for (let i = 0; i < a.length; i++) {
      const at = Math.floor(i / stride) % n;
      for (let k = Math.max(-r, -at); k <= Math.min(r, n - 1 - at); k++) b[i] += a[i + k * stride];
    }
    a = b;
  }
  return a;
}

/**
 * Plain twin of `localNccForward` and `localNccBackward`, one volume: value S = Σ w cc and both derivatives.
 * cc = c² / (vI vJ + ε), or signed c / √(vI vJ + ε),  c = E[IJ] − E[I]E[J],  v = E[·²] − E[·]²,  E the mean over the window's voxels inside the image, weighted by the mask w.
 */
export function localNcc(
  warped: ArrayLike<number>,
  fixed: ArrayLike<number>,
  mask: ArrayLike<number> | undefined,
  size: Size3,
  options: LocalNccOptions,
): { readonly sum: number; readonly weight: number; readonly warped: Float64Array; readonly fixed: Float64Array } {
  const { radius, epsilon = localNccEpsilon, offset = [0, 0], scale = [1, 1], signed = false } = options;
  const least = options.least ?? leastOf(radius);
  const n = size[0] * size[1] * size[2];
  const make = (f: (i: number) => number) => Float64Array.from({ length: n }, (_, i) => f(i));
  const w = make((i) => (mask ? mask[i] : 1));
  const I = make((i) => (fixed[i] - offset[1]) * scale[1]);
  const J = make((i) => (warped[i] - offset[0]) * scale[0]);
  const box = (f: (i: number) => number) => boxes(make(f), size, radius);
  const N = box((i) => w[i]);
  const sI = box((i) => w[i] * I[i]);
  const sJ = box((i) => w[i] * J[i]);
  const sII = box((i) => w[i] * I[i] * I[i]);
  const sJJ = box((i) => w[i] * J[i] * J[i]);
  const sIJ = box((i) => w[i] * I[i] * J[i]);
  const A = new Float64Array(n);
  const C = new Float64Array(n);
  const D = new Float64Array(n);
  const M = new Float64Array(n);
  const L = new Float64Array(n);
  let sum = 0;
  let weight = 0;
  for (let i = 0; i < n; i++) {
    weight += w[i];
    if (mask && N[i] < least) continue;
    const mI = sI[i] / N[i];
    const mJ = sJ[i] / N[i];
    const c = sIJ[i] / N[i] - mI * mJ;
    const vI = Math.max(0, sII[i] / N[i] - mI * mI);
    const vJ = Math.max(0, sJJ[i] / N[i] - mJ * mJ);
    const den = vI * vJ + epsilon;
    const cc = w[i] * (signed ? c / Math.sqrt(den) : (c * c) / den);
    sum += cc;
    A[i] = (w[i] * (signed ? 1 / Math.sqrt(den) : (2 * c) / den)) / N[i];
    const k = (signed ? 1 : 2) / (den * N[i]);
    C[i] = -k * cc * vI;
    D[i] = -k * cc * vJ;
    M[i] = A[i] * mI + C[i] * mJ;
    L[i] = A[i] * mJ + D[i] * mI;
  }
  const [bA, bC, bD, bM, bL] = [A, C, D, M, L].map((x) => boxes(x, size, radius));
  return {
    sum,
    weight,
    warped: make((i) => scale[0] * w[i] * (I[i] * bA[i] + J[i] * bC[i] - bM[i])),
    fixed: make((i) => scale[1] * w[i] * (J[i] * bA[i] + I[i] * bD[i] - bL[i])),
  };
}

/** An eighth of a full window: what the corner of an image leaves of it. */
export const leastOf = (radius: Size3) => radius.reduce((p, r) => p * (2 * r + 1), 1) / 8;
