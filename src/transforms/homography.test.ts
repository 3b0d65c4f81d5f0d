import { describe, expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { grid } from "../image/grid.js";
import { grad } from "../tensor/index.js";
import { Tensor } from "../tensor/tensor.js";
import { AffineTransform } from "./affine.js";
import { applyHomography, HomographyTransform, homographyFromParameters } from "./homography.js";

const random = seeded(5);
const some = () =>
  homographyFromParameters(
    Array.from({ length: 8 }, () => 0.2 * random.normal()),
    [30, 20],
    40,
  );
const points = Tensor.from(
  Float64Array.from({ length: 40 }, () => 50 * random.uniform()),
  [20, 2],
);
const far = (a: Tensor, b: Tensor) => Math.max(...Array.from(a.data, (v, i) => Math.abs(v - b.data[i])));

describe("a homography", () => {
  test("takes (1, 0) to (2/3, 0) when w = x + 2 and the rest doubles x", () => {
    const y = new HomographyTransform([2, 0, 0, 0, 2, 0, 1, 0, 2]);
    expect([...y.apply(Tensor.from(Float64Array.of(1, 0, 1, 3), [2, 2])).data]).toEqual([2 / 3, 0, 2 / 3, 2]);
    expect(y.matrix[8]).toBe(1);
  });
  test("has an exact inverse, and its compositions are those of its points, with linear maps too", () => {
    const [a, b] = [new HomographyTransform(some()), new HomographyTransform(some())];
    const linear = new AffineTransform({ matrix: [1.1, 0.2, -0.1, 0.9], offset: [3, -2] });
    expect(far(a.inverse().apply(a.apply(points)), points)).toBeLessThan(1e-10); // f64 at 50 mm
    for (const [outer, inner] of [
      [a, b],
      [a, linear],
      [linear, a],
    ] as const) {
      const both = outer.compose(inner);
      expect(both.kind).toBe("homography");
      expect(far(both.apply(points), outer.apply(inner.apply(points)))).toBeLessThan(1e-9);
    }
  });
  test("its dense form is that of its points", () => {
    const y = new HomographyTransform(some());
    const g = grid({ size: [4, 3], spacing: [2, 3], origin: [5, 6], direction: [0, 1, 1, 0] });
    const u = y.displacement(g).data;
    const q = y.apply(Tensor.from(Float64Array.of(5 + 3 * 2, 6 + 2 * 3), [1, 2])).data; // index (3, 2), axes swapped
    expect(u[11]).toBeCloseTo(q[0] - 11, 4); // f32
    expect(u[12 + 11]).toBeCloseTo(q[1] - 12, 4);
  });
  test("is differentiable in its matrix and in the points", () => {
    const m = Tensor.from(Float64Array.from(some()), [3, 3]);
    const f = (h: Tensor, p: Tensor) => applyHomography(h, p).square().sum();
    const h = 1e-6;
    for (const [which, x] of [
      [0, m],
      [1, points],
    ] as const) {
      const slope = grad((v) => (which === 0 ? f(v, points) : f(m, v)))(x).data[4];
      const at = (s: number) => {
        const v = Tensor.from(
          Float64Array.from(x.data, (w, i) => (i === 4 ? w + s : w)),
          x.shape,
        );
        return (which === 0 ? f(v, points) : f(m, v)).item();
      };
      const numeric = (at(h) - at(-h)) / (2 * h);
      expect(Math.abs(slope - numeric)).toBeLessThan(1e-4 * Math.abs(numeric) + 1e-2); // central differences of numbers of 10⁵
    }
  });
  test("the parameters are those of a group: zero is the identity and −p the inverse; det H = 1", () => {
    const p = [0.1, -0.2, 0.3, 0.05, -0.1, 0.2, 0.15, -0.05];
    const y = new HomographyTransform(homographyFromParameters(p, [30, 20], 40));
    const back = new HomographyTransform(
      homographyFromParameters(
        p.map((v) => -v),
        [30, 20],
        40,
      ),
    );
    expect(far(back.apply(y.apply(points)), points)).toBeLessThan(1e-10);
    expect(homographyFromParameters(new Array(8).fill(0), [30, 20], 40)).toEqual([1, 0, 0, 0, 1, 0, 0, 0, 1]);
  });
  test("a singular matrix and a grid across the horizon are refused", () => {
    expect(() => new HomographyTransform([1, 2, 3, 2, 4, 6, 0, 0, 1])).toThrow(/singular/);
    expect(() => new HomographyTransform([1, 0, 0, 0, 1, 0, -0.1, 0, 1]).displacement(grid({ size: [20, 4] }))).toThrow(/infinity/);
  });
});
