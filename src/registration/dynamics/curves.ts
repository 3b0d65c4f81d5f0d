import { ArgumentError } from "../../core/errors.js";
import { type SeparableModel, separable } from "./separable.js";
import type { TimeCourse } from "./timeCourse.js";

const spanOf = (times: readonly number[]): number => Math.max(...times) - Math.min(...times);
/** The mean distance of times. */
const stepOf = (times: readonly number[]): number => spanOf(times) / Math.max(1, times.length - 1);

/** s(t) = a + b exp(−t/τ), t from the first time. Maps: `offset` a, `amplitude` b, `tau` τ (unit of the times). */
export const exponential = (): TimeCourse => separable(exponentialModel());
export const exponentialModel = (): SeparableModel => ({
  name: "exponential",
  leastFrames: 4,
  linear: 2,
  ranges: (times) => [{ low: 0.2 * stepOf(times), high: 5 * spanOf(times), count: 24, geometric: true }],
  basis(times, [tau], out) {
    const T = times.length;
    const first = Math.min(...times);
    for (let t = 0; t < T; t++) {
      out[t] = 1;
      out[T + t] = Math.exp(-(times[t] - first) / tau);
    }
  },
  maps: ["offset", "amplitude", "tau"],
  describe: ([tau], [a, b]) => [a, b, tau],
});

/** How magnetisation was prepared: inverted or saturated. */
export interface T1Options {
  /** Whether the magnetisation was inverted (default) or saturated before the times run. */
  readonly kind?: "inversion" | "saturation";
  /** Pictures of |s| (default after inversion): signs before the zero crossing are found by the fit. */
  readonly magnitude?: boolean;
  /** Readout pulses shorten the recovery (MOLLI): T1 = T1* (b/a − 1). Default after inversion. */
  readonly lookLocker?: boolean;
}
/**
 * Recovery of the magnetisation:  s(t) = a − b exp(−t/T1*),  times after the preparation pulse. Maps: `a`, `b`, `apparent` T1* and `t1` (unit of the times).
 * @see Messroghli et al. (2004), Modified Look-Locker inversion recovery (MOLLI) for high-resolution T1 mapping of the heart, MRM 52
 */
export const t1 = (o: T1Options = {}): TimeCourse => separable(t1Model(o));
export function t1Model({
  kind = "inversion",
  magnitude = kind === "inversion",
  lookLocker = kind === "inversion",
}: T1Options = {}): SeparableModel {
  if (kind !== "inversion" && kind !== "saturation")
    throw new ArgumentError(`t1: preparation "${String(kind)}"; expected inversion or saturation`, { kind });
  return {
    name: "t1",
    leastFrames: 4,
    linear: 2,
    ranges: (times) => [{ low: 0.2 * stepOf(times), high: 5 * Math.max(spanOf(times), ...times), count: 32, geometric: true }],
    basis(times, [recovery], out) {
      const T = times.length;
      for (let t = 0; t < T; t++) {
        out[t] = 1;
        out[T + t] = -Math.exp(-times[t] / recovery);
      }
    },
    maps: ["a", "b", "apparent", "t1"],
    describe: ([recovery], [a, b]) => {
      // Where nothing recovers b/a says nothing: no T1 there.
      const corrected = recovery * (b / a - 1);
      return [a, b, recovery, lookLocker ? (corrected > 0 && Number.isFinite(corrected) ? corrected : 0) : recovery];
    },
    magnitude,
  };
}

/**
 * First passage of a bolus:  s(t) = s₀ + A x^α exp(α (1 − x)),  x = (t − t₀)/w where t > t₀, else s = s₀: a peak of height A, w after the arrival t₀.
 * Maps: `baseline`, `amplitude` A, `arrival` t₀, `timeToPeak` w, `shape` α.
 * @see Madsen (1992), A simplified formulation of the gamma variate function, Phys. Med. Biol. 37
 */
export const gammaVariate = (): TimeCourse => separable(gammaModel());
export const gammaModel = (): SeparableModel => ({
  name: "gamma",
  leastFrames: 7,
  linear: 2,
  ranges(times) {
    const first = Math.min(...times);
    const [span, step] = [spanOf(times), stepOf(times)];
    return [
      { low: first - step, high: first + 0.7 * span, count: 10 },
      { low: 0.7 * step, high: 3 * span, count: 6, geometric: true },
      { low: 0.1, high: 8, count: 3, geometric: true },
    ];
  },
  basis(times, [arrival, width, shape], out) {
    const T = times.length;
    for (let t = 0; t < T; t++) {
      const x = (times[t] - arrival) / width;
      out[t] = 1;
      out[T + t] = x > 0 ? Math.exp(shape * (Math.log(x) + 1 - x)) : 0;
    }
  },
  maps: ["baseline", "amplitude", "arrival", "timeToPeak", "shape"],
  describe: ([arrival, width, shape], [baseline, amplitude]) => [baseline, amplitude, arrival, width, shape],
});

/** The arterial input, sampled at the frames' times. */
export interface ToftsOptions {
  /** Arterial input: what arrives, at the frames' times, above its own baseline, in the frames' units (or concentration, if the frames are that). */
  readonly input: ArrayLike<number>;
}
/**
 * Extended Tofts model:  s(t) = s₀ + vₚ a(t) + Kᵗʳᵃⁿˢ ∫₀ᵗ a(τ) exp(−kₑₚ (t − τ)) dτ,  a the arterial input, linear between frames. Brightness is taken as
 * proportional to concentration. Maps: `baseline`, `vp`, `ktrans`, `kep` (per unit of the times) and `ve` = Kᵗʳᵃⁿˢ/kₑₚ.
 * @see Tofts et al. (1999), Estimating kinetic parameters from dynamic contrast-enhanced T1-weighted MRI of a diffusable tracer, JMRI 10
 */
export const tofts = (o: ToftsOptions): TimeCourse => separable(toftsModel(o));
export function toftsModel({ input }: ToftsOptions): SeparableModel {
  const a = Float64Array.from(input);
  if (!(a.length > 0 && a.every(Number.isFinite) && a.some((v) => v !== 0)))
    throw new ArgumentError("tofts: the arterial input must be finite numbers, one for each frame, not all 0", { input });
  return {
    name: "tofts",
    leastFrames: 6,
    linear: 3,
    ranges(times) {
      if (a.length !== times.length)
        throw new ArgumentError(`tofts: the arterial input has ${a.length} values for ${times.length} frames`, { input: a.length });
      return [{ low: 0.05 / spanOf(times), high: 3 / stepOf(times), count: 24, geometric: true }];
    },
    basis(times, [kep], out) {
      const T = times.length;
      const order = Array.from(times.keys()).sort((p, q) => times[p] - times[q]);
      let taken = 0;
      for (let i = 0; i < T; i++) {
        const t = order[i];
        if (i > 0) {
          // a linear over the interval: its convolution with the exponential, exactly.
          const before = order[i - 1];
          const d = times[t] - times[before];
          const decay = Math.exp(-kep * d);
          const kept = -Math.expm1(-kep * d) / kep;
          taken = decay * taken + a[before] * kept + (d > 0 ? ((a[t] - a[before]) / d) * ((d - kept) / kep) : 0);
        }
        out[t] = 1;
        out[T + t] = a[t];
        out[2 * T + t] = taken;
      }
    },
    maps: ["baseline", "vp", "ktrans", "kep", "ve"],
    describe: ([kep], [baseline, vp, ktrans]) => [baseline, vp, ktrans, kep, ktrans / kep],
  };
}
