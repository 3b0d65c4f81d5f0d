import { ArgumentError } from "../core/errors.js";
import type { Engine } from "./engine.js";
import { type HistogramOptions, scaling } from "./reference/mutualInformation.js";
import { temporary } from "./temporary.js";

export { type FixedOrder, type HistogramOptions, type InformationKind, information } from "./reference/mutualInformation.js";

/** Byte addresses of two images of `count` f32 values, and of weights for them. */
export interface SamplePairs {
  readonly warped: number;
  readonly fixed: number;
  readonly mask?: number;
  readonly count: number;
}

const strideOf = (bins: number) => Math.ceil(bins / 4) * 4 + 8;
/** Slabs long enough that clearing and merging a histogram costs little beside filling it. */
const grainOf = (bins: number) => Math.max(65536, 16 * bins * bins);

export function rangeTable(e: Engine, reserve: (bytes: number) => number, { bins, range }: HistogramOptions): number {
  if (!Number.isInteger(bins) || bins < 4 || bins > 256)
    throw new ArgumentError(`mutual information: ${bins} bins; give a whole number from 4 to 256`, { bins });
  const at = reserve(16);
  e.f32(at, 4).set([...scaling(range[0]), ...scaling(range[1])]);
  return at;
}

/** H[a, b] = Σᵢ wᵢ β_a(fixedᵢ) β_b(warpedᵢ), [bins, bins] with the fixed image's bins as rows; accumulated in f64 in one order. */
export function jointHistogram(e: Engine, { warped, fixed, mask = 0, count }: SamplePairs, o: HistogramOptions): Float64Array {
  const { bins, order } = o;
  return temporary(e, (reserve) => {
    const range = rangeTable(e, reserve, o);
    const H = new Float64Array(bins * bins);
    const grain = Math.max(grainOf(bins), Math.ceil(count / 4096));
    const slabs = Math.ceil(count / grain);
    const parts = reserve(slabs * H.length * 8);
    e.parallel("jointHistogram", [fixed, warped, mask, range, bins, order, parts, grain], {
      extent: count,
      grain,
      workspace: e.call("jointHistogramWorkspace", bins),
    });
    const all = e.f64(parts, slabs * H.length);
    for (let k = 0; k < slabs; k++) for (let i = 0; i < H.length; i++) H[i] += all[k * H.length + i];
    return H;
  });
}

/** gradient = factor · ∂/∂(warped or fixed) of Σ T·H, one number per sample. Under order 0 nothing depends on the fixed values. */
export function jointGradient(
  e: Engine,
  { warped, fixed, mask = 0, count }: SamplePairs,
  table: ArrayLike<number>,
  gradient: number,
  factor: number,
  of: "warped" | "fixed",
  o: HistogramOptions,
): void {
  const { bins, order } = o;
  if (of === "fixed" && order === 0) {
    e.f32(gradient, count).fill(0);
    return;
  }
  temporary(e, (reserve) => {
    const range = rangeTable(e, reserve, o);
    const stride = strideOf(bins);
    const at = reserve(4 * bins * stride);
    const rows = e.f32(at, bins * stride);
    rows.fill(0);
    // Scaled to about 1 in f32: slopes carry 1 / (number of samples).
    let scale = 0;
    for (let i = 0; i < bins * bins; i++) scale = Math.max(scale, Math.abs(table[i]));
    for (let a = 0; a < bins; a++) for (let b = 0; b < bins; b++) rows[a * stride + b] = scale > 0 ? table[a * bins + b] / scale : 0;
    e.parallel("jointGradient", [fixed, warped, mask, range, at, gradient, factor * scale, bins, order, of === "fixed" ? 1 : 0], {
      extent: count,
      grain: 65536,
    });
  });
}

/** Smallest and largest of n values. */
export function valueRange(e: Engine, at: number, n: number): readonly [number, number] {
  if (n === 0) return [0, 0];
  const grain = Math.max(262144, Math.ceil(n / 4096));
  const slabs = Math.ceil(n / grain);
  return temporary(e, (reserve) => {
    const out = reserve(8 * slabs);
    e.parallel("valueRange", [at, out, grain], { extent: n, grain });
    const pairs = e.f32(out, 2 * slabs);
    let [low, high] = [pairs[0], pairs[1]];
    for (let k = 1; k < slabs; k++) {
      low = Math.min(low, pairs[2 * k]);
      high = Math.max(high, pairs[2 * k + 1]);
    }
    return [low, high] as const;
  });
}
