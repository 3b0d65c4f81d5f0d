import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { metrics } from "../catalogue.js";
import { seeded } from "../core/index.js";
import { grid, type Image } from "../image/index.js";
import { concat, gaussian, randomNormal, Tensor } from "../tensor/index.js";
import { taylorFirst, taylorSecond } from "../testing/laws.js";
import {
  huber,
  type ImageMetric,
  labelChannels,
  labelOverlap,
  lncc,
  metricFrom,
  metricNamed,
  mi,
  mind,
  ncc,
  ngf,
  ssd,
  sumOf,
} from "./index.js";

const size = [15, 8, 7];
const shape = [1, 7, 8, 15];
const on = (values: Tensor): Image => ({ values, grid: grid({ size }) });
/** A smooth random volume: windows and histograms of white noise would say little. */
const volume = (seed: number, dtype: "f32" | "f64" = "f64") =>
  gaussian(randomNormal(shape, seeded(seed), "f64"), { sigma: 1 })
    .mul(3)
    .cast(dtype);
/** 1 in the middle, 0 in a border. */
const mask = Tensor.from(
  Float64Array.from({ length: 840 }, (_, i) => (i % 15 > 1 && i % 15 < 13 ? 1 : 0)),
  shape,
);
const all: [string, () => ImageMetric][] = [
  ...Object.entries(metrics),
  ["signed lncc", () => lncc({ signed: true })],
  [
    "a sum",
    () =>
      sumOf([
        [1, ssd()],
        [0.5, ngf()],
        [2, huber()],
      ]),
  ],
];

describe.each(all)("%s", (_, make) => {
  // Ranges and offsets are fixed as a registration fixes them: a range that follows the values has no derivative at its ends.
  const prepared = () => {
    const metric = make();
    return metric.prepare?.(on(volume(1).mul(1.2)), on(volume(2).mul(1.5)), true) ?? metric;
  };
  const maskings = [
    ["everywhere", undefined],
    ["within a mask", { fixed: mask }],
  ] as const;

  test.each(maskings)("has the gradient of its value in the warped and in the fixed image, %s", (_, masks) => {
    const metric = prepared();
    const value = (w: Tensor, f: Tensor) => metric.value(on(w), on(f), masks);
    const { order, remainders } = taylorFirst(value, [volume(2), volume(1)], seeded(3), 1e-3);
    expect(order, remainders.join(" ")).toBeGreaterThan(1.8); // 2 in the limit
  });

  test("has a Hessian in the warped image", () => {
    const metric = prepared();
    const { order, remainders } = taylorSecond((w) => metric.value(on(w), on(volume(1)), { warped: mask }), volume(2), seeded(4), 1e-3);
    expect(order, remainders.join(" ")).toBeGreaterThan(2.5); // 3 in the limit; kinks that a step crosses cost a little
  });

  test.each(maskings)(
    "is half the squared length of its residual, and of its features' mean difference, where it has them, %s",
    (_, masks) => {
      const metric = prepared();
      const [w, f] = [on(volume(2)), on(volume(1))];
      const value = metric.value(w, f, masks).item();
      const { residual, features } = metric;
      if (residual) expect(0.5 * residual(w, f, masks).square().sum().item()).toBeCloseTo(value, 10);
      if (!features) return;
      const fixed = features(f, "fixed", masks?.fixed);
      expect(ssd().value(features(w, "moving").image, fixed.image, { fixed: fixed.mask }).item()).toBeCloseTo(value, 10);
    },
  );

  test("is least for equal images, and grows as they part", () => {
    const metric = prepared();
    const [a, b] = [volume(1), volume(2)];
    const at = (t: number) => metric.value(on(a.mul(1 - t).add(b.mul(t))), on(a)).item();
    expect(at(0)).toBeLessThan(at(0.2));
    expect(at(0.2)).toBeLessThan(at(0.9));
  });

  test("is least where the images lie on each other", () => {
    const a = volume(1);
    const same = make();
    // Inverted, and curved, for those that compare unlike contrasts.
    const other = same.unlikeContrasts ? a.mul(-0.3).exp() : a;
    const metric = same.prepare?.(on(a), on(other)) ?? same;
    const at = (x: number) => {
      const moved = Tensor.zeros(shape, "f64");
      const inside = Tensor.zeros(shape, "f64");
      for (let i = 0; i < 840; i++) {
        const from = (i % 15) + x;
        if (from < 0 || from > 14) continue;
        moved.data[i] = other.data[i + x];
        inside.data[i] = 1;
      }
      return metric.value(on(moved), on(a), { warped: inside }).item();
    };
    for (const x of [-3, -2, -1, 1, 2, 3]) expect(at(x), `moved by ${x}`).toBeGreaterThan(at(0));
  });

  test("does not see what the masks exclude, whichever image they belong to", () => {
    const metric = prepared();
    const [w, f] = [volume(2), volume(1)];
    // A window that reaches over the border of a mask must not take anything from beyond it either.
    const otherW = w.mul(mask).add(volume(5).mul(mask.neg().add(1)));
    const otherF = f.mul(mask).add(volume(6).mul(mask.neg().add(1)));
    for (const masks of [{ fixed: mask }, { warped: mask }, { fixed: mask, warped: mask }]) {
      const value = metric.value(on(w), on(f), masks).item();
      expect(metric.value(on(otherW), on(f), masks).item()).toBeCloseTo(value, 10);
      expect(metric.value(on(w), on(otherF), masks).item()).toBeCloseTo(value, 10);
      expect(metric.value(on(otherW), on(f)).item()).not.toBeCloseTo(metric.value(on(w), on(f)).item(), 6);
      expect(value).not.toBe(0); // something is left to see
    }
  });

  test("takes the mean over channels, or their sum where they are entropies", () => {
    const metric = make();
    const [a, b, c, d] = [1, 2, 3, 4].map((seed) => volume(seed));
    const [first, second] = [metric.value(on(b), on(a)).item(), metric.value(on(d), on(c)).item()];
    const both = metric.value(on(concat([b, d])), on(concat([a, c]))).item();
    const factor = /^n?mi$/.test(metric.name) ? 1 : 0.5;
    // Offsets and thresholds by the image are by all channels in some.
    expect(both / (factor * (first + second))).toBeCloseTo(1, /lncc|huber|mind/.test(metric.name) ? 1.3 : 8);
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

describe("claims", () => {
  const [w, f] = [volume(2), volume(1)];
  const value = (metric: ImageMetric, a: Tensor, b: Tensor) => metric.value(on(a), on(b)).item();
  test.each(["ncc", "lncc", "mi", "nmi", "ngf", "mind", "correlationRatio"])("%s does not mind brightness and contrast", (name) => {
    expect(value(metricNamed(name), w.mul(4).add(7), f)).toBeCloseTo(value(metricNamed(name), w, f), 3); // lncc has an ε in units of a rough deviation
  });
  test.each(["lncc", "mi", "nmi", "ngf", "mind", "correlationRatio"])("%s does not mind an inverted contrast", (name) => {
    // Bins are laid from the other end, but of the same width.
    expect(value(metricNamed(name), w.neg(), f)).toBeCloseTo(value(metricNamed(name), w, f), 3);
  });
  test.each(["mi", "nmi", "correlationRatio"])("%s sees that one image's values follow from the other's, by any function", (name) => {
    const curved = f.square(); // neither monotone nor near a line
    const metric = metricNamed(name);
    const [related, not] = [value(metric, curved, f), value(metric, curved, w)];
    const perfect = name === "correlationRatio" ? 0 : value(metric, f, f);
    expect((related - not) / (perfect - not)).toBeGreaterThan(0.3); // a square forgets the sign: some of the entropy is lost
    // A line does not explain a parabola:
    expect((value(ncc(), curved, f) - value(ncc(), curved, w)) / -value(ncc(), curved, w)).toBeLessThan(0.5);
  });
  test.each(["mind", "ngf"])(
    "%s finds a monotone map of the values nearly as alike as the values themselves, and another image not",
    (name) => {
      const metric = metricNamed(name);
      expect(value(metric, f.mul(-0.4).exp(), f)).toBeLessThan(0.2 * value(metric, w, f));
    },
  );
  test.each(["ssd", "ncc", "lncc", "mi", "nmi", "ngf", "mind", "labelOverlap"])("%s does not mind a swap", (name) => {
    expect(value(metricNamed(name), w, f)).toBeCloseTo(value(metricNamed(name), f, w), 10);
  });
  test("the correlation ratio minds a swap: a parabola follows from its abscissa, not the other way round", () => {
    const curved = f.square();
    const ratio = metricNamed("correlationRatio");
    expect(value(ratio, curved, f)).toBeLessThan(0.5 * value(ratio, f, curved));
  });
  test("mutual information of some samples is near that of all, the same every time, and has its own gradient", () => {
    const [some, half, every] = [mi({ samples: 420 }), mi({ samples: 0.5 }), mi()].map((m) => m.prepare?.(on(f), on(f), true) ?? m);
    const related = f.add(w.mul(0.2)).mul(0.5);
    const at = (m: typeof every) => m.value(on(related), on(f), { fixed: mask }).item();
    expect(at(some)).toBe(at(half));
    expect(Math.abs(at(some) / at(every) - 1)).toBeLessThan(0.2); // few samples share more by chance: about (bins − 1)² / 2n
    const { order } = taylorFirst((x) => half.value(on(x), on(f), { fixed: mask }), [related], seeded(3), 1e-3);
    expect(order).toBeGreaterThan(1.8);
    expect(() => mi({ samples: 0 })).toThrow(/0 samples/);
  });
  test("huber grows with the size of large differences, not with their square", () => {
    const metric = huber({ delta: 1 });
    const at = (v: number) => value(metric, Tensor.full(shape, v, "f64"), Tensor.zeros(shape, "f64"));
    expect([at(0.5), at(1), at(3), at(-5)]).toEqual([0.125, 0.5, 2.5, 4.5]);
  });
  test("label overlap is one minus Dice for hard labels, and leaves out what neither image has", () => {
    const image = (...values: number[]): Image => ({
      values: Tensor.from(Float64Array.from(values), [1, 1, 4]),
      grid: grid({ size: [4, 1] }),
    });
    const [a, b] = [image(1, 1, 2, 0), image(1, 2, 2, 0)].map((x) => labelChannels(x, [1, 2, 9]));
    expect(labelOverlap().value(a, b).item()).toBeCloseTo(1 - (2 / 3 + 2 / 3) / 2, 6);
    expect(labelChannels(image(5, 0, 3, 3)).values.shape).toEqual([2, 1, 4]);
  });
  test("edges at right angles are as far apart as normalised gradients can be", () => {
    const ramp = (along: number) =>
      on(
        Tensor.from(
          Float64Array.from({ length: 840 }, (_, i) => (along === 0 ? i % 15 : Math.floor(i / 15) % 8)),
          shape,
        ),
      );
    expect(
      ngf({ edge: [1e-6, 1e-6] })
        .value(ramp(0), ramp(1))
        .item(),
    ).toBeCloseTo(1, 6);
    expect(
      ngf({ edge: [1e-6, 1e-6] })
        .value(ramp(0), ramp(0))
        .item(),
    ).toBeCloseTo(0, 6);
  });
});

describe("names", () => {
  test("the guide has a row for every metric, and no other", () => {
    const guide = readFileSync(new URL("../../docs/metrics.md", import.meta.url), "utf8");
    const rows = [...guide.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name);
    expect(rows.sort()).toEqual(Object.keys(metrics).sort());
  });
  test("a sum is named by its terms, and its name makes it again", () => {
    const metric = metricNamed("mi + 0.5*ngf");
    expect(metric.name).toBe("mi+0.5*ngf");
    const [w, f] = [on(volume(2)), on(volume(1))];
    expect(metric.value(w, f).item()).toBeCloseTo(mi().value(w, f).item() + 0.5 * ngf().value(w, f).item(), 10);
    expect(metric.local).toBe(false);
    expect(
      sumOf([
        [1, lncc()],
        [1, mind()],
      ]).local,
    ).toBe(true);
  });
  test.each(["nccc", "mi+", "2*", "-1*mi", "constructor"])("%s is none", (name) => {
    expect(() => metricNamed(name)).toThrow(/expected one of ssd/);
  });
  test("weights are positive", () => {
    expect(() => sumOf([[0, ssd()]])).toThrow(/positive weights/);
    expect(() => sumOf([])).toThrow(/at least one term/);
  });
  test("a module's default function is called after its file, a named one after itself", () => {
    const twice = (a: Tensor, b: Tensor) => a.sub(b).square().mean();
    expect(metricFrom(twice, "mine").name).toBe("twice");
    Object.defineProperty(twice, "name", { value: "default" });
    expect(metricFrom(twice, "mine").name).toBe("mine");
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
