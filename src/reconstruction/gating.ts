import { ArgumentError, ShapeError } from "../core/errors.js";
import { shapeText } from "../core/shape.js";
import { Tensor } from "../tensor/index.js";

/** The phase of a cycle (breathing, heartbeat) at every measurement, as a navigator tells it. */
export interface Gating {
  /** Of each measurement, from 0 on; −1 before the first whole cycle and after the last one. */
  readonly phases: Int32Array;
  /** Mean length of a cycle in measurements. */
  readonly period: number;
  /** Where cycles begin: largest values of the navigator. */
  readonly peaks: readonly number[];
}

/**
 * A navigator from repeated measurements of the centre of k-space: the sum of magnitudes over coils and centre samples, for each measurement.
 * @param centre  complex [n], [n, samples] or [n, coils, samples]
 */
export function navigatorSignal(centre: Tensor): Float64Array {
  if (centre.rank < 1 || (centre.dtype !== "c64" && centre.dtype !== "c128"))
    throw new ShapeError(`navigator: ${shapeText(centre.shape)} ${centre.dtype}; expected complex [n, …samples of the centre]`, {
      shape: centre.shape,
    });
  const n = centre.shape[0];
  const each = n > 0 ? centre.size / n : 0;
  const z = centre.data;
  return Float64Array.from({ length: n }, (_, k) => {
    let sum = 0;
    for (let i = 0; i < each; i++) sum += Math.hypot(z[2 * (k * each + i)], z[2 * (k * each + i) + 1]);
    return sum;
  });
}

/**
 * Phases of a nearly periodic motion from a navigator: the period is where the signal is most like itself moved (its autocorrelation's first large peak), cycles begin
 * at the largest value within each, and a measurement's phase is its place between two beginnings, in `phases` equal parts.
 * @throws ArgumentError when the signal is too short, constant, or repeats nothing
 */
export function gate(
  signal: ArrayLike<number>,
  o: { readonly phases: number; readonly shortest?: number; readonly longest?: number },
): Gating {
  const n = signal.length;
  const { phases, shortest = 4, longest = Math.floor(n / 2) } = o;
  if (!Number.isInteger(phases) || phases < 1) throw new ArgumentError(`gate: ${phases} phases; give a whole number from 1 on`, { phases });
  if (n < 2 * shortest || longest < shortest)
    throw new ArgumentError(`gate: ${n} measurements are too few for cycles of ${shortest} or more`, { n, shortest });
  let mean = 0;
  for (let i = 0; i < n; i++) mean += signal[i] / n;
  // Slow drifts are no motion: the mean over a window of the longest cycle is taken off.
  const flat = Float64Array.from({ length: n }, (_, i) => {
    const [a, b] = [Math.max(0, i - (longest >> 1)), Math.min(n, i + (longest >> 1) + 1)];
    let s = 0;
    for (let j = a; j < b; j++) s += signal[j];
    return signal[i] - s / (b - a);
  });
  const smooth = Float64Array.from(flat, (v, i) => 0.25 * flat[Math.max(0, i - 1)] + 0.5 * v + 0.25 * flat[Math.min(n - 1, i + 1)]);
  const power = smooth.reduce((s, v) => s + v * v, 0);
  if (!(power > 1e-20 * n * mean * mean)) throw new ArgumentError("gate: the navigator is constant: there is nothing to gate on", {});
  const like = (lag: number) => {
    let [s, a, b] = [0, 0, 0];
    for (let i = 0; i + lag < n; i++) {
      s += smooth[i] * smooth[i + lag];
      a += smooth[i] ** 2;
      b += smooth[i + lag] ** 2;
    }
    return s / Math.max(1e-300, Math.sqrt(a * b));
  };
  const values = Float64Array.from({ length: longest + 2 }, (_, lag) => (lag < n ? like(lag) : 0));
  let most = 0;
  for (let lag = shortest; lag <= longest; lag++)
    if (values[lag] > values[lag - 1] && values[lag] >= values[lag + 1]) most = Math.max(most, values[lag]);
  if (most < 0.2) throw new ArgumentError("gate: the navigator does not repeat; gate by another signal", { similarity: most });
  let period = shortest;
  while (!(values[period] >= 0.85 * most && values[period] > values[period - 1] && values[period] >= values[period + 1])) period++;
  const peaks: number[] = [];
  const reach = Math.max(1, Math.floor(0.35 * period));
  for (let i = 0; i < n; i++) {
    let top = i >= reach || i > 0;
    for (let j = Math.max(0, i - reach); j <= Math.min(n - 1, i + reach); j++)
      if (smooth[j] > smooth[i] || (smooth[j] === smooth[i] && j < i)) top = false;
    if (top && i < n - 1) peaks.push(i);
  }
  const out = new Int32Array(n).fill(-1);
  for (let k = 0; k + 1 < peaks.length; k++)
    for (let i = peaks[k]; i < peaks[k + 1]; i++)
      out[i] = Math.min(phases - 1, Math.floor((phases * (i - peaks[k])) / (peaks[k + 1] - peaks[k])));
  const mid = peaks.length > 1 ? (peaks[peaks.length - 1] - peaks[0]) / (peaks.length - 1) : period;
  return { phases: out, period: mid, peaks };
}

/**
 * Lines of k-space, measured one after the other with any motion going on, sorted into frames by phase: [phases, h, w] with the mean of what was measured more than once,
 * and the mask [phases, h, 1] of what was measured. With coils the frames are [phases, coils, h, w].
 * @param lines   complex [n, w] of one coil, or [n, coils, w]
 * @param rows    which row of k-space each is
 * @param phases  of each line, as `gate` gives them; lines of a phase below 0 are left out
 * @throws ShapeError when rows or phases are not one for every line, ArgumentError for a row outside
 */
export function gatedSeries(
  lines: Tensor,
  rows: ArrayLike<number>,
  phases: ArrayLike<number>,
  o: { readonly height: number; readonly phases: number },
): { readonly kspace: Tensor; readonly mask: Tensor } {
  if ((lines.rank !== 2 && lines.rank !== 3) || lines.dtype !== "c64" || rows.length !== lines.shape[0] || phases.length !== lines.shape[0])
    throw new ShapeError(
      `gatedSeries: lines of ${shapeText(lines.shape)} ${lines.dtype} with ${rows.length} rows and ${phases.length} phases; expected complex [n, w] or [n, coils, w] and one of each for every line`,
      { lines: lines.shape },
    );
  const n = lines.shape[0];
  const w = lines.shape[lines.rank - 1];
  const coils = lines.rank === 3 ? lines.shape[1] : 1;
  const { height: h, phases: t } = o;
  const z = lines.data;
  const sum = new Float32Array(2 * t * coils * h * w);
  const count = new Float32Array(t * h);
  for (let k = 0; k < n; k++) {
    const [p, r] = [phases[k], rows[k]];
    if (!(Number.isInteger(r) && r >= 0 && r < h))
      throw new ArgumentError(`gatedSeries: line ${k} is row ${r} of ${h}; rows are whole numbers from 0 on, below the height`, { row: r });
    if (p < 0 || p >= t) continue;
    count[p * h + r]++;
    for (let c = 0; c < coils; c++) {
      const [to, from] = [2 * w * ((p * coils + c) * h + r), 2 * w * (k * coils + c)];
      for (let i = 0; i < 2 * w; i++) sum[to + i] += z[from + i];
    }
  }
  for (let p = 0; p < t; p++)
    for (let r = 0; r < h; r++) {
      const times = count[p * h + r];
      if (times < 2) continue;
      for (let c = 0; c < coils; c++) {
        const at = 2 * w * ((p * coils + c) * h + r);
        for (let i = 0; i < 2 * w; i++) sum[at + i] /= times;
      }
    }
  return {
    kspace: Tensor.from(sum, lines.rank === 3 ? [t, coils, h, w] : [t, h, w], "c64"),
    mask: Tensor.from(
      count.map((c) => Number(c > 0)),
      [t, h, 1],
    ),
  };
}
