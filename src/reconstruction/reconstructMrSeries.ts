import { ArgumentError, ShapeError } from "../core/errors.js";
import type { Stop } from "../core/interfaces.js";
import { shapeText } from "../core/shape.js";
import { complexShrink } from "../kernels/complexImage.js";
import { hermitianEigen } from "../kernels/hermitian.js";
import { engine } from "../kernels/index.js";
import { sampledFourierOperator } from "../operators/index.js";
import { complex, fft, ifft, scope, Tensor } from "../tensor/index.js";

/** How the frames of a series from k-space are reconstructed, one by one or together. */
export interface MrSeriesOptions {
  /** [t, h, w] complex, centred, orthonormal, of one coil; 0 where nothing was measured. */
  readonly kspace: Tensor;
  /** [t, h, w] or [t, h, 1]: non-zero where a frame was measured. */
  readonly mask: Tensor;
  /** Of the singular values of frames × pixels, as a part of the largest one of the zero-filled series. Default 0.01. */
  readonly lambdaLowRank?: number;
  /** Of the moving part's spectrum along time, as a part of the largest magnitude of the zero-filled series. Default 0.01. */
  readonly lambdaSparse?: number;
  /** Default 60. */
  readonly iterations?: number;
  /** Stop where a step changes the series by less than this part. Default 1e-3. */
  readonly tolerance?: number;
  /** Ends the work early, with an AbortedError. */
  readonly signal?: AbortSignal;
}
/** A series of images from k-space, and how it ended. */
export interface MrSeriesResult {
  /** [t, h, w] complex: background + moving. */
  readonly frames: Tensor;
  /** What few patterns explain in all frames. */
  readonly background: Tensor;
  /** What changes, sparse in its frequencies of time. */
  readonly moving: Tensor;
  /** The adjoint's image: what was not measured taken as 0. */
  readonly zeroFilled: Tensor;
  /** Why it ended, in a word. */
  readonly stop: Stop;
  /** How many steps were made. */
  readonly iterations: number;
  /** Rank of the background. */
  readonly rank: number;
}

/**
 * A series from frames that were each measured in part (k–t sampling), as background of low rank plus a sparse moving part:
 *     min over L, S   ½‖m F(L + S) − y‖² + λ_L ‖L‖_* + λ_S ‖T S‖₁,      T the unitary Fourier transform of time,
 * by proximal gradient steps on (L, S). Frames should be measured in different places, or there is nothing to share.
 * @throws ShapeError, ArgumentError for arrays that do not belong together
 * @see Otazo, Candès & Sodickson (2015), Low-rank plus sparse matrix decomposition, Magnetic Resonance in Medicine 73
 */
export async function reconstructMrSeries(o: MrSeriesOptions): Promise<MrSeriesResult> {
  const { kspace, mask, lambdaLowRank = 0.01, lambdaSparse = 0.01, iterations = 60, tolerance = 1e-3 } = o;
  if (kspace.rank !== 3 || kspace.dtype !== "c64")
    throw new ShapeError(`reconstructMrSeries: ${shapeText(kspace.shape)} ${kspace.dtype}; expected complex k-space [t, h, w]`, {
      shape: kspace.shape,
    });
  const { shape } = kspace;
  if (mask.rank !== 3 || mask.dtype === "c64" || mask.shape.some((n, i) => n !== shape[i] && !(i > 0 && n === 1)))
    throw new ShapeError(`reconstructMrSeries: a mask of ${shapeText(mask.shape)} for ${shapeText(shape)}; give [t, h, w] or [t, h, 1]`, {
      mask: mask.shape,
      shape,
    });
  for (const [name, v] of Object.entries({ lambdaLowRank, lambdaSparse }))
    if (!(v >= 0 && Number.isFinite(v)))
      throw new ArgumentError(`reconstructMrSeries: ${name} is ${v}; give a number that is not negative`, {});
  const weights = mask.abs().greater(0).cast("f32");
  const a = sampledFourierOperator(weights, { shape, axes: [1, 2] });
  const rhs = a.adjoint(kspace.mul(weights));
  const size = rhs.norm().item();
  if (!(size > 0 && Number.isFinite(size)))
    throw new ArgumentError("reconstructMrSeries: k-space is 0 wherever the mask has samples, or not finite", {});
  const largest = Math.sqrt(spectrum(rhs).values[0]);
  const [low, sparse] = [lambdaLowRank * largest, lambdaSparse * rhs.abs().max().item()];
  const time = { axes: [0], normalisation: "ortho" } as const;
  let state = { background: rhs.mul(0), moving: rhs.mul(0), frames: rhs, rank: 0, change: 1 };
  let done = 0;
  let stop: Stop = "iterations";
  while (done < iterations) {
    o.signal?.throwIfAborted();
    if (done % 4 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
    const s = state;
    // The data term's gradient is the same for L and S, with the Lipschitz constant 2 of their sum: steps of ½.
    state = scope(() => {
      const gradient = (a.normal as (x: Tensor) => Tensor)(done === 0 ? rhs.mul(0) : s.frames)
        .sub(rhs)
        .mul(0.5);
      const { image: background, rank } = shrunkRank(s.background.sub(gradient), low / 2);
      const z = fft(s.moving.sub(gradient), time);
      complexShrink(engine(), z.pointer, z.pointer, sparse / 2, z.size);
      const moving = ifft(z, time);
      const frames = background.add(moving);
      return { background, moving, frames, rank, change: done === 0 ? 1 : frames.sub(s.frames).norm().item() / size };
    });
    done++;
    if (state.change <= tolerance) {
      stop = "converged";
      break;
    }
  }
  const { background, moving, frames, rank } = state;
  return { frames, background, moving, zeroFilled: rhs, stop, iterations: done, rank };
}

/** Frames as rows, real and imaginary parts apart. */
const rowsOf = (x: Tensor): [Tensor, Tensor] => {
  const flat = x.reshape(x.shape[0], x.size / x.shape[0]);
  return [flat.real(), flat.imag()];
};
/** Eigenvalues (squared singular values) and eigenvectors of X X^H, X frames × pixels: as small as the number of frames. */
function spectrum(x: Tensor) {
  return scope(() => {
    const [re, im] = rowsOf(x);
    const [rt, it] = [re.transpose(), im.transpose()];
    const real = re.matmul(rt).add(im.matmul(it));
    const imaginary = im.matmul(rt).sub(re.matmul(it));
    return hermitianEigen(Float64Array.from(real.data), Float64Array.from(imaginary.data), x.shape[0]);
  });
}
/** prox of t‖·‖_*: singular values less t. */
function shrunkRank(x: Tensor, t: number): { image: Tensor; rank: number } {
  const n = x.shape[0];
  const { values, re, im } = spectrum(x);
  const wr = new Float32Array(n * n);
  const wi = new Float32Array(n * n);
  let rank = 0;
  for (let q = 0; q < n; q++) {
    const s = Math.sqrt(Math.max(0, values[q]));
    if (s <= t) continue;
    rank++;
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++) {
        const [a, b] = [q * n + i, q * n + j];
        wr[i * n + j] += (1 - t / s) * (re[a] * re[b] + im[a] * im[b]);
        wi[i * n + j] += (1 - t / s) * (im[a] * re[b] - re[a] * im[b]);
      }
  }
  const [xr, xi] = rowsOf(x);
  const [u, v] = [Tensor.from(wr, [n, n]), Tensor.from(wi, [n, n])];
  const image = complex(u.matmul(xr).sub(v.matmul(xi)), u.matmul(xi).add(v.matmul(xr))).reshape(...x.shape);
  return { image, rank };
}
