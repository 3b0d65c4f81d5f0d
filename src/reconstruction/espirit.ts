import { ArgumentError, ShapeError } from "../core/errors.js";
import { shapeText } from "../core/shape.js";
import { dominantEigen } from "../kernels/dominantEigen.js";
import { hermitianEigen } from "../kernels/hermitian.js";
import { engine } from "../kernels/index.js";
import { ifft, scope, Tensor } from "../tensor/index.js";

/** Size of the calibration region and kernels, and which eigenvalues count. */
export interface EspiritOptions {
  /** Extents of the fully sampled centre to calibrate on: one number for all axes or one each; default 24, or less where the mask says so. */
  readonly calibration?: number | readonly number[];
  /** Extent of the k-space kernels. Default 6. */
  readonly kernel?: number;
  /** Directions of the calibration data count when their eigenvalue is above this times the largest. Default 0.001. */
  readonly threshold?: number;
  /** Maps are 0 where the eigenvalue (1 where the coils explain the data) is below. Default 0.8. */
  readonly crop?: number;
  /** Which samples were measured, stretched to the image; needed to find the calibration region of undersampled data. */
  readonly mask?: Tensor;
}
/** Coil sensitivities with the eigenvalue that says where they hold. */
export interface EspiritMaps {
  /** [c, h, w] complex, Σ|S_c|² = 1 inside the body and 0 outside. Phases are relative to the calibration data's strongest virtual coil. */
  readonly maps: Tensor;
  /** The largest eigenvalue, [h, w], near 1 where there is signal that the maps explain. */
  readonly eigenvalues: Tensor;
  /** Extents of the calibration region used. */
  readonly calibration: readonly number[];
  /** How many k-space kernels were kept. */
  readonly kernels: number;
}

/**
 * Coil sensitivities from the fully sampled centre of k-space. Patches of all coils together, as vectors w, lie in a space of small dimension with the
 * projector P; that all patches of k-space do, W y = y with W = 1/|patch| Σ_p R_p* P R_p, is a convolution and so in the image one c×c matrix
 * for each pixel: its eigenvector of eigenvalue 1 is the pixel's sensitivities.
 * @param kspace  centred, complex, [c, h, w]
 * @throws ShapeError, ArgumentError when the centre is too small for the kernels
 * @see Uecker et al. (2014), ESPIRiT, Magnetic Resonance in Medicine 71
 */
export function espirit(kspace: Tensor, o: EspiritOptions = {}): EspiritMaps {
  const { kernel = 6, threshold = 1e-3, crop = 0.8 } = o;
  if (kspace.rank !== 3 || (kspace.dtype !== "c64" && kspace.dtype !== "c128"))
    throw new ShapeError(`espirit: ${shapeText(kspace.shape)} ${kspace.dtype}; expected complex k-space [coils, h, w]`, {
      shape: kspace.shape,
    });
  const [coils, h, w] = kspace.shape;
  const region = calibrationRegion(kspace.shape.slice(1), o);
  if (!Number.isInteger(kernel) || kernel < 2 || region.some((n) => n < kernel + 2))
    throw new ArgumentError(
      `espirit: a calibration region of ${shapeText(region)} for kernels of ${kernel}; measure more whole lines at the centre, use smaller kernels or give maps`,
      { region, kernel },
    );
  const [ch, cw] = region;
  // The centre, frequency 0 at ⌊n/2⌋ of k-space and of the region.
  const [y0, x0] = [corner(h, ch), corner(w, cw)];
  const centre = Float64Array.from(kspace.slice([0, y0, x0], [coils, y0 + ch, x0 + cw]).data);
  const { re, im, n } = patchCovariance(centre, coils, ch, cw, kernel);
  const space = hermitianEigen(re, im, n, (values) => values.filter((v) => v > threshold * values[0]).length);
  if (!(space.values[0] > 0)) throw new ArgumentError("espirit: the centre of k-space is empty", {});
  const { re: pr, im: pi } = projector(space, n);

  // K_cd(δ), δ = b − a: coefficients of the convolution; then its transform to the image, C_cd(r) = Σ K(δ) e^(−2πi δ·r/N), r from the centre.
  const pairs = (coils * (coils + 1)) / 2;
  const patch = kernel * kernel;
  const coefficients = new Float32Array(2 * pairs * h * w);
  for (let c = 0, q = 0; c < coils; c++)
    for (let d = c; d < coils; d++, q++)
      for (let a = 0; a < patch; a++)
        for (let b = 0; b < patch; b++) {
          // The inverse transform (e^{+…}) of the mirrored kernel: −δ, wrapped.
          const dy = (Math.floor(a / kernel) - Math.floor(b / kernel) + h) % h;
          const dx = ((a % kernel) - (b % kernel) + w) % w;
          const at = 2 * (q * h * w + dy * w + dx);
          const from = (c * patch + a) * n + d * patch + b;
          coefficients[at] += pr[from] / patch;
          coefficients[at + 1] += pi[from] / patch;
        }
  const reference = strongestCombination(centre, coils);
  return scope(() => {
    const matrices = ifft(Tensor.from(coefficients, [pairs, h, w], "c64"), { axes: [1, 2], normalisation: "forward" });
    const vectors = Tensor.uninitialised([coils, h, w], "c64");
    const values = Tensor.uninitialised([h, w]);
    dominantEigen(engine(), matrices.pointer, vectors.pointer, values.pointer, coils, h * w, 40);
    const s = vectors.data;
    const v = values.data;
    const maps = new Float32Array(s.length);
    const eigenvalues = new Float32Array(h * w);
    for (let y = 0; y < h; y++)
      for (let x = 0; x < w; x++) {
        // Pixel 0 of the transform is the image's centre.
        const from = ((y + h - Math.floor(h / 2)) % h) * w + ((x + w - Math.floor(w / 2)) % w);
        const to = y * w + x;
        eigenvalues[to] = v[from];
        if (!(v[from] >= crop)) continue;
        let vr = 0;
        let vi = 0;
        for (let c = 0; c < coils; c++) {
          const at = 2 * (c * h * w + from);
          vr += reference[2 * c] * s[at] + reference[2 * c + 1] * s[at + 1];
          vi += reference[2 * c] * s[at + 1] - reference[2 * c + 1] * s[at];
        }
        const size = Math.hypot(vr, vi);
        const [cr, ci] = size > 0 ? [vr / size, -vi / size] : [1, 0];
        for (let c = 0; c < coils; c++) {
          const at = 2 * (c * h * w + from);
          const out = 2 * (c * h * w + to);
          maps[out] = s[at] * cr - s[at + 1] * ci;
          maps[out + 1] = s[at] * ci + s[at + 1] * cr;
        }
      }
    return {
      maps: Tensor.from(maps, [coils, h, w], "c64"),
      eigenvalues: Tensor.from(eigenvalues, [h, w]),
      calibration: region,
      kernels: space.count,
    };
  });
}

/** The centred box of the largest area, up to the asked extents, in which all is measured. */
function calibrationRegion(shape: readonly number[], o: EspiritOptions): number[] {
  const asked = shape.map((n, i) => Math.min(n, typeof o.calibration === "object" ? o.calibration[i] : (o.calibration ?? 24)));
  if (!o.mask) return asked;
  const [h, w] = shape;
  const values = Float32Array.from(o.mask.broadcastTo(shape).data);
  let best = [1, 1];
  for (let ch = asked[0]; ch > 0; ch--)
    for (let cw = asked[1]; cw > 0 && ch * cw > best[0] * best[1]; cw--) if (isFull(values, h, w, [ch, cw])) best = [ch, cw];
  return best;
}
const corner = (n: number, m: number) => Math.floor(n / 2) - Math.floor(m / 2);
function isFull(values: ArrayLike<number>, h: number, w: number, [ch, cw]: readonly number[]): boolean {
  const [y0, x0] = [corner(h, ch), corner(w, cw)];
  for (let y = y0; y < y0 + ch; y++) for (let x = x0; x < x0 + cw; x++) if (values[y * w + x] === 0) return false;
  return true;
}
/** Σ_p w_p w_p^H over all patches of the calibration region; w has the coils outermost. */
function patchCovariance(
  centre: Float64Array,
  coils: number,
  ch: number,
  cw: number,
  kernel: number,
): { re: Float64Array; im: Float64Array; n: number } {
  const patch = kernel * kernel;
  const n = coils * patch;
  const [ny, nx] = [ch - kernel + 1, cw - kernel + 1];
  const count = ny * nx;
  // One row of all patches' values for each (coil, place in the patch).
  const ar = new Float64Array(n * count);
  const ai = new Float64Array(n * count);
  for (let c = 0; c < coils; c++)
    for (let a = 0; a < patch; a++)
      for (let y = 0, p = (c * patch + a) * count; y < ny; y++)
        for (let x = 0; x < nx; x++, p++) {
          const at = 2 * ((c * ch + y + Math.floor(a / kernel)) * cw + x + (a % kernel));
          ar[p] = centre[at];
          ai[p] = centre[at + 1];
        }
  const re = new Float64Array(n * n);
  const im = new Float64Array(n * n);
  for (let i = 0; i < n; i++)
    for (let j = 0; j <= i; j++) {
      let sr = 0;
      let si = 0;
      for (let p = i * count, q = j * count, end = p + count; p < end; p++, q++) {
        sr += ar[p] * ar[q] + ai[p] * ai[q];
        si += ai[p] * ar[q] - ar[p] * ai[q];
      }
      re[i * n + j] = sr;
      re[j * n + i] = sr;
      im[i * n + j] = si;
      im[j * n + i] = -si;
    }
  return { re, im, n };
}

/** Σ u u^H over the kept eigenvectors. */
function projector({ re, im, count }: { re: Float64Array; im: Float64Array; count: number }, n: number) {
  const pr = new Float64Array(n * n);
  const pi = new Float64Array(n * n);
  for (let q = 0; q < count; q++) {
    const at = q * n;
    for (let i = 0; i < n; i++) {
      const [ur, ui] = [re[at + i], im[at + i]];
      for (let j = 0, row = i * n; j < n; j++, row++) {
        pr[row] += ur * re[at + j] + ui * im[at + j];
        pi[row] += ui * re[at + j] - ur * im[at + j];
      }
    }
  }
  return { re: pr, im: pi };
}

/** The combination of coils with the most energy at the centre of k-space: a phase reference that vanishes nowhere it matters. */
function strongestCombination(centre: Float64Array, coils: number): Float64Array {
  const count = centre.length / (2 * coils);
  const re = new Float64Array(coils * coils);
  const im = new Float64Array(coils * coils);
  for (let c = 0; c < coils; c++)
    for (let d = 0; d < coils; d++)
      for (let k = 0; k < count; k++) {
        const [p, q] = [2 * (c * count + k), 2 * (d * count + k)];
        re[c * coils + d] += centre[p] * centre[q] + centre[p + 1] * centre[q + 1];
        im[c * coils + d] += centre[p + 1] * centre[q] - centre[p] * centre[q + 1];
      }
  const e = hermitianEigen(re, im, coils, () => 1);
  const out = new Float64Array(2 * coils);
  for (let c = 0; c < coils; c++) {
    out[2 * c] = e.re[c];
    out[2 * c + 1] = e.im[c];
  }
  return out;
}
