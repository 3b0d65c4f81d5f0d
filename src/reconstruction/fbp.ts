import { ArgumentError, ShapeError } from "../core/errors.js";
import { shapeText } from "../core/shape.js";
import { engine } from "../kernels/index.js";
import { parallelAdjoint } from "../kernels/rays.js";
import { type RadonGeometry, type RadonOptions, radonGeometry } from "../operators/index.js";
import { complex, irfft, rfft, scope, Tensor } from "../tensor/index.js";

/** Windows on the ramp |ω|, ω in cycles per bin up to ½. */
export const fbpFilters = {
  "ram-lak": () => 1,
  "shepp-logan": (w: number) => (w === 0 ? 1 : Math.sin(Math.PI * w) / (Math.PI * w)),
  /** Half a cosine. */
  cosine: (w: number) => Math.cos(Math.PI * w),
  /** Hamming's window. */
  hamming: (w: number) => 0.54 + 0.46 * Math.cos(2 * Math.PI * w),
  /** Hann's window. */
  hann: (w: number) => 0.5 + 0.5 * Math.cos(2 * Math.PI * w),
} as const;
/** A name in `fbpFilters`. */
export type FbpFilter = keyof typeof fbpFilters;

/** The geometry, and the window on the ramp filter. */
export interface FbpOptions extends RadonOptions {
  /** Default "ram-lak"; "hann" for noisy data. */
  readonly filter?: FbpFilter;
}

/**
 * Filtered back-projection of a sinogram [views, detectors]: each view is convolved with the ramp (its samples, not those of its spectrum, so that the
 * mean is right) times a window, and laid over the picture along its rays. Views count by the angle they stand for, gaps excepted. Fans: weights of
 * Kak and Slaney, for whole turns; over less than a turn all views count alike.
 * @throws ShapeError when the sinogram is not [views, detectors] of the geometry
 * @see Kak & Slaney (1988), Principles of Computerized Tomographic Imaging, chapter 3
 */
export function fbp(sinogram: Tensor, options: FbpOptions): Tensor {
  const g = radonGeometry(options);
  const views = g.angles.length;
  if (shapeText(sinogram.shape) !== shapeText([views, g.detectors]))
    throw new ShapeError(
      `fbp: the sinogram is ${shapeText(sinogram.shape)}; ${views} angles and ${g.detectors} bins need ${shapeText([views, g.detectors])}`,
      { sinogram: sinogram.shape },
    );
  const { filter = "ram-lak" } = options;
  if (!(filter in fbpFilters))
    throw new ArgumentError(`fbp: there is no filter "${filter}"; choose one of ${Object.keys(fbpFilters).join(", ")}`, { filter });
  return scope(() => (g.fan ? fanFbp(sinogram, g, filter) : parallelFbp(sinogram, g, filter)));
}

/** What each view stands for, in radians of `period`: half the way to both neighbours; a gap of more than twice the usual counts as the usual. */
export function viewWeights(degrees: ArrayLike<number>, period: number): Float64Array {
  const n = degrees.length;
  const turn = (d: number) => ((d % period) + period) % period;
  const order = Array.from({ length: n }, (_, k) => k).sort((p, q) => turn(degrees[p]) - turn(degrees[q]));
  const gaps = order.map((v, k) =>
    k + 1 < n ? turn(degrees[order[k + 1]]) - turn(degrees[v]) : turn(degrees[order[0]]) + period - turn(degrees[v]),
  );
  const usual = [...gaps].sort((p, q) => p - q)[n >> 1];
  const capped = gaps.map((gap) => ((gap > 2 * usual ? usual : gap) * Math.PI) / 180);
  const out = new Float64Array(n);
  order.forEach((v, k) => {
    out[v] = (capped[k] + capped[(k + n - 1) % n]) / 2;
  });
  return out;
}

/** Rows convolved with the ramp of bins of unit width; `shape` multiplies its samples (index from the middle). */
function ramped(rows: ArrayLike<number>, views: number, bins: number, filter: FbpFilter, shape: (k: number) => number = () => 1): Tensor {
  const length = 2 ** Math.ceil(Math.log2(Math.max(2, 2 * bins)));
  const wide = new Float32Array(views * length);
  for (let v = 0; v < views; v++) for (let j = 0; j < bins; j++) wide[v * length + j] = rows[v * bins + j];
  const samples = Float64Array.from({ length }, (_, k) => {
    const i = Math.min(k, length - k);
    return (i === 0 ? 0.25 : i % 2 === 1 ? -1 / (Math.PI * i) ** 2 : 0) * shape(i);
  });
  const window = fbpFilters[filter];
  const response = rfft(Tensor.from(samples, [1, length], "f64")).data; // even samples: real
  const real = Float32Array.from({ length: length / 2 + 1 }, (_, k) => response[2 * k] * window(k / length));
  const spectrum = rfft(Tensor.from(wide, [views, length]), { axes: [1] });
  return irfft(spectrum.mul(complex(Tensor.from(real, [1, real.length]))), { axes: [1] }).slice([0, 0], [views, bins]);
}

function parallelFbp(
  sinogram: Tensor,
  { size, axis: [cy, cx], angles, detectors, centre, binWidth }: RadonGeometry,
  filter: FbpFilter,
): Tensor {
  const weights = viewWeights(angles, 180);
  const filtered = ramped(sinogram.data, angles.length, detectors, filter);
  const table = new Float32Array(5 * angles.length);
  angles.forEach((degrees, v) => {
    const [c, s] = [Math.cos((degrees * Math.PI) / 180) / binWidth, Math.sin((degrees * Math.PI) / 180) / binWidth];
    table.set([centre + cy * s - cx * c, c, -s, 1, weights[v] / binWidth], 5 * v); // linear between bins
  });
  const out = Tensor.uninitialised(size);
  const pointers = { table: Tensor.from(table, [table.length]).pointer, views: angles.length, bins: detectors, pairs: 1 };
  const data = filtered.reshape(angles.length, detectors);
  parallelAdjoint(engine(), data.pointer, size, pointers, out.pointer);
  return out;
}

function fanFbp(
  sinogram: Tensor,
  { size, axis: [cy, cx], angles, detectors, centre, binWidth, fan }: RadonGeometry,
  filter: FbpFilter,
): Tensor {
  const { source: D, detector: E, shape } = fan as Required<NonNullable<RadonGeometry["fan"]>>;
  const [rows, columns] = size;
  const views = angles.length;
  const arc = shape === "arc";
  const step = arc ? binWidth / (D + E) : (binWidth * D) / (D + E); // an angle, or a length on the detector moved to the axis
  const weighted = Float64Array.from(sinogram.data, (v, k) => {
    const t = ((k % detectors) - centre) * step;
    return v * (arc ? D * Math.cos(t) : D / Math.hypot(D, t));
  });
  // On an arc the ramp is that of sin γ in place of γ.
  const filtered = ramped(
    weighted,
    views,
    detectors,
    filter,
    arc ? (k) => (k === 0 ? 1 : ((k * step) / Math.sin(k * step)) ** 2) : undefined,
  ).data;
  const weights = viewWeights(angles, 360);
  const whole = Math.PI / weights.reduce((p, q) => p + q, 0); // over a whole turn every ray is there twice
  const out = new Float64Array(rows * columns);
  for (let v = 0; v < views; v++) {
    const t = (angles[v] * Math.PI) / 180;
    const [c, s] = [Math.cos(t), Math.sin(t)];
    const w = (weights[v] * whole) / step;
    for (let y = 0, at = 0; y < rows; y++)
      for (let x = 0; x < columns; x++, at++) {
        const along = D + (x - cx) * s + (y - cy) * c;
        const across = (x - cx) * c - (y - cy) * s;
        const u = (arc ? Math.atan2(across, along) : (D * across) / along) / step + centre;
        const i = Math.floor(u);
        if (i < -1 || i >= detectors || along <= 0) continue;
        const f = u - i;
        const value = (i >= 0 ? (1 - f) * filtered[v * detectors + i] : 0) + (i + 1 < detectors ? f * filtered[v * detectors + i + 1] : 0);
        out[at] += (w * value) / (arc ? along * along + across * across : (along / D) ** 2);
      }
  }
  return Tensor.from(Float32Array.from(out), [rows, columns]);
}

/**
 * Where the axis of rotation meets the detector: views half a turn apart are mirror images about it, so the sum of every view over the bins has the
 * same first moment. From the moments' course over the angle, m(θ) = centre + a cos θ + b sin θ, by least squares.
 * @returns the centre in bins
 */
export function centreOfRotation(sinogram: Tensor, angles: ArrayLike<number>): number {
  const [views, bins] = sinogram.shape;
  const data = sinogram.data;
  // Normal equations of three unknowns.
  const m = [0, 0, 0, 0, 0, 0, 0, 0, 0];
  const r = [0, 0, 0];
  for (let v = 0; v < views; v++) {
    let [sum, first] = [0, 0];
    for (let j = 0; j < bins; j++) {
      const value = data[v * bins + j];
      sum += value;
      first += j * value;
    }
    if (!(sum > 0)) continue;
    const t = (angles[v] * Math.PI) / 180;
    const row = [1, Math.cos(t), Math.sin(t)];
    for (let i = 0; i < 3; i++) {
      r[i] += (row[i] * first) / sum;
      for (let j = 0; j < 3; j++) m[3 * i + j] += row[i] * row[j];
    }
  }
  const det = (a: readonly number[]) =>
    a[0] * (a[4] * a[8] - a[5] * a[7]) - a[1] * (a[3] * a[8] - a[5] * a[6]) + a[2] * (a[3] * a[7] - a[4] * a[6]);
  const whole = det(m);
  const middle = Math.floor(bins / 2);
  if (!(Math.abs(whole) > 1e-9 * views ** 3)) return middle; // too few different views to tell
  const centre = det([r[0], m[1], m[2], r[1], m[4], m[5], r[2], m[7], m[8]]) / whole;
  return centre > 0 && centre < bins - 1 ? centre : middle;
}
