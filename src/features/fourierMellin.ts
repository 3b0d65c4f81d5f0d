import { ArgumentError, GridError } from "../core/errors.js";
import { type AffineMap, betweenIndices, centreOf, gridText } from "../image/grid.js";
import type { Image } from "../image/image.js";
import { rotation2, transform } from "../image/matrix.js";
import { engine } from "../kernels/engine.js";
import { sample } from "../kernels/sampling.js";
import { scope, Tensor } from "../tensor/index.js";
import { rfft } from "../tensor/ops/fft.js";
import { baseOf } from "../transforms/warp.js";
import { peaksOf, phaseCorrelation, phaseSurface, signed } from "./phaseCorrelation.js";

/** How many peaks are followed, and how large a scale may be. */
export interface FourierMellinOptions {
  /** How many peaks of the log-polar surface are followed; each gives two angles, half a turn apart. Default 3. */
  readonly peaks?: number;
  /** Largest scale, and one over the smallest. Default 2. */
  readonly scaleLimit?: number;
}
/** A similarity that may map one picture to the other, with how much speaks for it. */
export interface SimilarityHypothesis {
  /** fixed point ↦ moving point. */
  readonly map: AffineMap;
  /** The rotation. */
  readonly degrees: number;
  /** The scale. */
  readonly scale: number;
  /** Of the phase correlation after turning and scaling back: height of the peak, and against the next. */
  readonly peak: number;
  /** The peak against the next. */
  readonly peakRatio: number;
}

/** Magnitude spectrum of a square picture on a log-polar lattice: [angles over half a turn, radii], high frequencies raised. */
function logPolar(values: Tensor, angles: number, radii: number, low: number): Tensor {
  const n = values.shape[0];
  const z = rfft(values).data;
  const half = Math.floor(n / 2) + 1;
  const size = new Float64Array(n * half);
  for (let v = 0; v < n; v++)
    for (let u = 0; u < half; u++) {
      const k = v * half + u;
      const x = Math.cos((Math.PI * u) / n) * Math.cos((Math.PI * v) / n);
      // Reddy & Chatterji (1996), eq. (23): a flat rise towards high frequencies, since low ones hold the energy but not the angle.
      size[k] = Math.log1p(Math.hypot(z[2 * k], z[2 * k + 1])) * (1 - Math.abs(x)) * (2 - Math.abs(x));
    }
  const at = (u: number, v: number) => {
    // Point symmetry brings negative u back.
    const [x, y] = u < 0 ? [-u, -v] : [u, v];
    const [i, j] = [Math.floor(x), Math.floor(y)];
    const get = (a: number, b: number) => (a < half ? size[(((b % n) + n) % n) * half + a] : 0);
    const [p, q] = [x - i, y - j];
    return (1 - q) * ((1 - p) * get(i, j) + p * get(i + 1, j)) + q * ((1 - p) * get(i, j + 1) + p * get(i + 1, j + 1));
  };
  const out = new Float32Array(angles * radii);
  const step = Math.log(n / 2 - 1) - Math.log(low);
  for (let a = 0; a < angles; a++) {
    const [c, s] = [Math.cos((Math.PI * a) / angles), Math.sin((Math.PI * a) / angles)];
    for (let r = 0; r < radii; r++) {
      const radius = low * Math.exp((step * r) / radii);
      // Both ends of the radius fade: it is not periodic, the angle is.
      out[a * radii + r] = at(radius * c, radius * s) * Math.sin((Math.PI * (r + 0.5)) / radii);
    }
  }
  let mean = 0;
  for (const v of out) mean += v / out.length;
  return Tensor.from(
    out.map((v) => v - mean),
    [angles, radii],
    "f32",
  );
}

/** A picture under a map, on a square of n × n about the fixed middle, its mean outside; the window fades it to its mean at the rim. */
function onSquare(image: Image, map: AffineMap, n: number, spacing: number, middle: readonly number[], fade: boolean): Tensor {
  const grid = {
    size: [n, n],
    spacing: [spacing, spacing],
    origin: middle.map((m) => m - (spacing * (n - 1)) / 2),
    direction: [1, 0, 0, 1],
  };
  const positions = { size: [n, n], base: baseOf(betweenIndices(grid, map, image.grid)) };
  const [channels, ...size] = image.values.shape;
  const warped = Tensor.uninitialised([channels, n, n]);
  const inside = Tensor.uninitialised([1, n, n]);
  sample(engine(), "linear", { at: image.values.pointer, channels, size }, positions, [], warped.pointer, {
    border: "clamp",
    inside: inside.pointer,
  });
  const [w, m] = [warped.data, inside.data];
  let [sum, weight] = [0, 1e-9];
  for (let k = 0; k < n * n; k++) {
    sum += w[k] * m[k];
    weight += m[k];
  }
  const mean = sum / weight;
  return Tensor.from(
    Float32Array.from({ length: n * n }, (_, k) => {
      const [x, y] = [(2 * ((k % n) + 0.5)) / n - 1, (2 * (Math.floor(k / n) + 0.5)) / n - 1];
      const r = Math.min(1, Math.hypot(x, y));
      return (w[k] - mean) * m[k] * (fade ? Math.cos((Math.PI / 2) * r) ** 2 : 1);
    }),
    [n, n],
    "f32",
  );
}

/**
 * Similarities between two pictures, best first: magnitude spectra do not see shifts; on a log-polar lattice a rotation and a scale become a
 * shift, which phase correlation finds. A spectrum repeats after half a turn, so each peak gives two hypotheses; for each the moving picture is
 * turned and scaled back and the shift found the same way. Good for pictures of one kind (the same camera or contrast) that overlap by more
 * than half; for unlike contrasts see the search of `register`.
 * @param fixed  one-channel 2-D images; sizes may differ
 * @param moving  of the same kind
 * @throws GridError for other than 2-D; ArgumentError for a scale limit of 1 or less
 * @see Reddy & Chatterji (1996), An FFT-based technique for translation, rotation, and scale-invariant image registration
 */
export function fourierMellin(fixed: Image, moving: Image, options: FourierMellinOptions = {}): SimilarityHypothesis[] {
  const { peaks = 3, scaleLimit = 2 } = options;
  if (fixed.grid.size.length !== 2 || moving.grid.size.length !== 2)
    throw new GridError(`fourierMellin: fixed is ${gridText(fixed.grid)} and moving ${gridText(moving.grid)}; both must be 2-D`, {});
  if (!(scaleLimit > 1)) throw new ArgumentError(`fourierMellin: scaleLimit ${scaleLimit}; a number above 1 is expected`, { scaleLimit });
  const spacing = Math.min(...fixed.grid.spacing, ...moving.grid.spacing);
  const extent = Math.max(...[fixed, moving].flatMap(({ grid }) => grid.size.map((n, i) => (n * grid.spacing[i]) / spacing)));
  // A square of at most 512: more has nothing to add to an angle.
  const n = Math.min(512, 2 ** Math.ceil(Math.log2(Math.max(16, extent))));
  const step = (extent * spacing) / n;
  const middle = centreOf(fixed.grid);
  const there = centreOf(moving.grid);
  const shifted = { matrix: [1, 0, 0, 1], offset: there.map((v, i) => v - middle[i]) };
  return scope(() => {
    const [angles, radii, low] = [Math.min(360, n), Math.min(256, n), Math.max(2, n / 64)];
    const [f, m] = [
      onSquare(fixed, { matrix: [1, 0, 0, 1], offset: [0, 0] }, n, step, middle, true),
      onSquare(moving, shifted, n, step, middle, true),
    ].map((t) => logPolar(t, angles, radii, low));
    const surface = phaseSurface(f, m, 1.5);
    const perRadius = (Math.log(n / 2 - 1) - Math.log(low)) / radii;
    const found = peaksOf(surface, [angles, radii], 4 * peaks, 4)
      .map(({ at, value }) => ({
        angle: (Math.PI * at[0]) / angles,
        // M(p) = F(p / s): its spectrum is 1/s as wide.
        scale: Math.exp(-perRadius * signed(at[1], radii)),
        value,
      }))
      .filter(({ scale }) => scale <= scaleLimit && scale >= 1 / scaleLimit)
      .slice(0, peaks);
    const square = {
      size: [n, n],
      spacing: [step, step],
      origin: middle.map((v) => v - (step * (n - 1)) / 2),
      direction: [1, 0, 0, 1],
    };
    const asImage = (t: Tensor) => ({ values: t.reshape(1, n, n), grid: square });
    const still = asImage(onSquare(fixed, { matrix: [1, 0, 0, 1], offset: [0, 0] }, n, step, middle, false));
    return found
      .flatMap(({ angle, scale }) =>
        [angle, angle + Math.PI].map((turn) => {
          const matrix = rotation2(turn).map((v) => v * scale);
          const turned = transform(matrix, middle);
          const map = { matrix, offset: there.map((v, i) => v - turned[i]) };
          const back = asImage(onSquare(moving, map, n, step, middle, false));
          const { shift, peak, peakRatio } = phaseCorrelation(still, back, { taper: 0.25, sigmaVoxels: 1.5 });
          const on = transform(matrix, shift);
          const degrees = ((((turn * 180) / Math.PI + 180) % 360) + 360) % 360;
          return { map: { matrix, offset: map.offset.map((v, i) => v + on[i]) }, degrees: degrees - 180, scale, peak, peakRatio };
        }),
      )
      .sort((a, b) => b.peak - a.peak);
  });
}
