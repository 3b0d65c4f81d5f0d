import { describe, expect, test } from "vitest";
import { seeded } from "../../core/random.js";
import { rotation2, rotationFromVector } from "../../image/matrix.js";
import { type Cloud, centroid, mapped, radius } from "./pointSet.js";
import { procrustes } from "./procrustes.js";

/** Ellipses whose half axes vary: one shape mode. */
function ellipse(stretch: number, n = 24): Cloud {
  const points = new Float64Array(2 * n);
  for (let i = 0; i < n; i++) {
    const t = (2 * Math.PI * i) / n;
    points[2 * i] = 10 * Math.cos(t) * (1 + stretch);
    points[2 * i + 1] = 10 * Math.sin(t) * (1 - stretch);
  }
  return { dimension: 2, count: n, points };
}
const moved = (c: Cloud, k: number): Cloud => {
  const scale = 1 + 0.3 * Math.sin(5 * k);
  return mapped(c, { matrix: rotation2(0.4 * k - 0.7).map((v) => scale * v), offset: [10 * k, -3 * k] });
};
const rms = (a: Cloud, b: Cloud) => Math.sqrt(a.points.reduce((s, v, i) => s + (v - b.points[i]) ** 2, 0) / a.count);

describe("generalised Procrustes", () => {
  test("copies of one shape in other places fall on each other, whatever their size and turn", () => {
    const random = seeded(3);
    const shape: Cloud = { dimension: 3, count: 15, points: Float64Array.from({ length: 45 }, () => 20 * random.normal()) };
    const sets = [0, 1, 2, 3].map((k) =>
      mapped(shape, { matrix: rotationFromVector([k, -0.5 * k, 0.2]).map((v) => v * (0.5 + k)), offset: [k, 2, 3 * k] }),
    );
    const { aligned, mean, modes } = procrustes(sets);
    for (const a of aligned) expect(rms(a, mean)).toBeLessThan(1e-9); // f64 rounding
    expect(modes).toEqual([]); // no variation, no mode
  });

  test("the mean has centroid 0 and the geometric mean of the sizes: 1 and 4 give 2", () => {
    const one = ellipse(0.2);
    const sets = [one, mapped(one, { matrix: [4, 0, 0, 4], offset: [7, 7] })];
    const { mean } = procrustes(sets);
    expect(radius(mean, [0, 0])).toBeCloseTo(2 * radius(one, centroid(one)), 9);
    for (const v of centroid(mean)) expect(v).toBeCloseTo(0, 12);
  });

  test("sizes carry no bias from noise: noisy copies get scales whose product is 1", () => {
    const random = seeded(8);
    const sets = [1, 2, 3, 4, 5].map(() => {
      const c = ellipse(0.1);
      return { ...c, points: c.points.map((v) => v + 2 * random.normal()) };
    });
    const { aligned, mean } = procrustes(sets);
    for (const a of aligned) expect(radius(a, [0, 0])).toBeCloseTo(radius(mean, [0, 0]), 9);
  });

  test("with model rigid sizes stay", () => {
    const sets = [0, 1, 2].map((k) => moved(ellipse(0.1), k));
    const { aligned } = procrustes(sets, { model: "rigid" });
    aligned.forEach((a, i) => {
      expect(radius(a, [0, 0])).toBeCloseTo(radius(sets[i], centroid(sets[i])), 9);
    });
  });

  test("the order of the sets changes nothing", () => {
    const sets = [-0.2, 0.1, 0.15, 0.3, -0.05].map((s, k) => moved(ellipse(s), k));
    const order = [3, 0, 4, 2, 1];
    const a = procrustes(sets);
    const b = procrustes(order.map((i) => sets[i]));
    expect(rms(a.mean, b.mean)).toBeLessThan(1e-7); // both stop when the mean moves by 1e-10 of its radius
    order.forEach((i, k) => {
      expect(rms(a.aligned[i], b.aligned[k])).toBeLessThan(1e-7);
    });
    a.variances.forEach((v, k) => {
      expect(b.variances[k]).toBeCloseTo(v, 6);
    });
    expect(Math.max(...a.modes[0].map((v, q) => Math.abs(v - b.modes[0][q])))).toBeLessThan(1e-7);
  });

  test("the transforms carry each set onto its aligned shape", () => {
    const sets = [-0.2, 0.1, 0.3].map((s, k) => moved(ellipse(s), k));
    const { transforms, aligned } = procrustes(sets);
    transforms.forEach((t, i) => {
      expect(rms(mapped(sets[i], t.map), aligned[i])).toBeLessThan(1e-10);
    });
  });

  test("one way to vary is one mode: the stretch of an ellipse", () => {
    const stretches = [-0.2, -0.1, 0, 0.1, 0.2];
    const { variances, modes, scores, mean } = procrustes(stretches.map((s, k) => moved(ellipse(s), k)));
    const total = variances.reduce((s, v) => s + v, 0);
    expect(variances[0] / total).toBeGreaterThan(0.99); // scaling to one size bends the line of shapes, by s² for a stretch of s
    const steps = scores.map((b) => b[0]).sort((a, b) => a - b);
    for (let k = 1; k < 5; k++) expect(Math.abs(steps[k] - steps[k - 1])).toBeGreaterThan(0);
    expect(Math.hypot(...modes[0])).toBeCloseTo(1, 12);
    expect(variances[0]).toBeCloseTo(steps.reduce((s, b) => s + b * b, 0) / 4, 9); // scores have mean 0
    expect(mean.count).toBe(24);
  });

  test("bad input gets one sentence", () => {
    expect(() => procrustes([ellipse(0)])).toThrow("1 set; at least 2 are needed");
    expect(() => procrustes([ellipse(0), ellipse(0, 12)])).toThrow("set 1 holds 12 2-D points and set 0 holds 24 2-D points");
    expect(() =>
      procrustes([
        ellipse(0),
        [
          [1, 1],
          [1, 1],
        ],
      ]),
    ).toThrow("landmarks must be the same in all");
    expect(() =>
      procrustes([
        [
          [0, 0],
          [0, 1],
        ],
        [
          [1, 1],
          [1, 1],
        ],
      ]),
    ).toThrow("all points of set 1 are on one spot");
    expect(() =>
      procrustes([
        [
          [0, 0],
          [0, Number.NaN],
        ],
        [
          [1, 1],
          [1, 2],
        ],
      ]),
    ).toThrow("set 0: point 1 has y = NaN");
  });
});
