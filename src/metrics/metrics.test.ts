import { describe, expect, test } from "vitest";
import { metrics } from "../catalogue.js";
import { seeded } from "../core/index.js";
import { grid, type Image } from "../image/index.js";
import { gaussian, randomNormal, Tensor } from "../tensor/index.js";
import { taylorFirst } from "../testing/laws.js";
import { metricFrom } from "./index.js";

const size = [9, 8, 7];
const shape = [1, 7, 8, 9];
const on = (values: Tensor): Image => ({ values, grid: grid({ size }) });
/** A smooth random volume: windows and histograms of white noise would say little. */
const volume = (seed: number, dtype: "f32" | "f64" = "f64") =>
  gaussian(randomNormal(shape, seeded(seed), "f64"), { sigma: 1 })
    .mul(3)
    .cast(dtype);
/** 1 in the middle, 0 in a border. */
const mask = Tensor.from(
  Float64Array.from({ length: 504 }, (_, i) => (i % 9 > 1 && i % 9 < 7 ? 1 : 0)),
  shape,
);

describe.each(Object.entries(metrics))("%s", (_, make) => {
  // Ranges and offsets are fixed as a registration fixes them: a range that follows the values has no derivative at its ends.
  const prepared = () => {
    const metric = make();
    return metric.prepare?.(on(volume(1)), on(volume(2).mul(1.5))) ?? metric;
  };

  test.each([
    ["everywhere", undefined],
    ["within a mask", { fixed: mask }],
  ])("has the gradient of its value in the warped and in the fixed image, %s", (_, masks) => {
    const metric = prepared();
    const value = (w: Tensor, f: Tensor) => metric.value(on(w), on(f), masks);
    const { order, remainders } = taylorFirst(value, [volume(2), volume(1)], seeded(3), 1e-3);
    expect(order, remainders.join(" ")).toBeGreaterThan(1.8); // 2 in the limit
  });

  test("is least for equal images, and grows as they part", () => {
    const metric = prepared();
    const [a, b] = [volume(1), volume(2)];
    const at = (t: number) => metric.value(on(a.mul(1 - t).add(b.mul(t))), on(a)).item();
    expect(at(0)).toBeLessThan(at(0.2));
    expect(at(0.2)).toBeLessThan(at(0.9));
  });

  test("does not see what the masks exclude, whichever image they belong to", () => {
    const metric = prepared();
    const [w, f] = [volume(2), volume(1)];
    // A window that reaches over the border of a mask must not take anything from beyond it either.
    const other = w.mul(mask).add(volume(5).mul(mask.neg().add(1)));
    for (const masks of [{ fixed: mask }, { warped: mask }, { fixed: mask, warped: mask }]) {
      expect(metric.value(on(other), on(f), masks).item()).toBeCloseTo(metric.value(on(w), on(f), masks).item(), 10);
      expect(metric.value(on(other), on(f)).item()).not.toBeCloseTo(metric.value(on(w), on(f)).item(), 6);
    }
  });

  test("says the same in f32 as in f64", () => {
    const metric = prepared();
    const [one, two] = (["f32", "f64"] as const).map((t) => metric.value(on(volume(2, t)), on(volume(1, t))).item());
    expect(one).toBeCloseTo(two, 4); // a few hundred roundings of 6e-8 each, times slopes of about ten
  });

  test("refuses images of unlike size in one sentence", () => {
    expect(() => prepared().value(on(Tensor.zeros([1, 3, 3, 3])), on(volume(1)))).toThrow(/resample first/);
  });
});

test("a function of one's own gets the values of both images, and the product of the masks", () => {
  const seen: (Tensor | undefined)[] = [];
  const own = metricFrom((warped, fixed, weight) => {
    seen.push(weight);
    return warped.sub(fixed).square().mean();
  });
  const [w, f] = [volume(2), volume(1)];
  expect(own.value(on(w), on(f)).item()).toBeCloseTo(w.sub(f).square().mean().item(), 12);
  own.value(on(w), on(f), { fixed: mask, warped: mask.mul(0.5) });
  expect(seen[0]).toBeUndefined();
  expect(seen[1]?.max().item()).toBe(0.5);
});
