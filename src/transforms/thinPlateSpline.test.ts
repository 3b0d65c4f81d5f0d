import { describe, expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { grid } from "../image/grid.js";
import { grad } from "../tensor/index.js";
import { Tensor } from "../tensor/tensor.js";
import { ThinPlateSplineTransform } from "./thinPlateSpline.js";

const random = seeded(8);
const cloud = (n: number, d: number, extent = 40) =>
  Tensor.from(
    Float64Array.from({ length: n * d }, () => extent * random.uniform()),
    [n, d],
  );
const moved = (p: Tensor, size: number) =>
  Tensor.from(
    Float64Array.from(p.data, (v) => v + size * random.normal()),
    p.shape,
  );
const far = (a: Tensor, b: Tensor) => Math.max(...Array.from(a.data, (v, i) => Math.abs(v - b.data[i])));

describe.each([2, 3])("a thin-plate spline in %i-D", (d) => {
  const p = cloud(12, d);
  const q = moved(p, 1);

  test("goes through its landmarks, and is linear when they move linearly, far outside too", () => {
    expect(far(new ThinPlateSplineTransform({ fixed: p, moving: q }).apply(p), q)).toBeLessThan(1e-9); // f64
    const linear = p.mul(1.2).add(3);
    const x = cloud(5, d, 400);
    expect(far(new ThinPlateSplineTransform({ fixed: p, moving: linear }).apply(x), x.mul(1.2).add(3))).toBeLessThan(1e-8);
    expect(far(new ThinPlateSplineTransform({ fixed: p, moving: linear, lambda: 10 }).apply(x), x.mul(1.2).add(3))).toBeLessThan(1e-8);
  });
  test("minimises ½Σ|y(p) − q|² + λ ½∫|D²y|²: what is left at the landmarks grows with λ up to that of the best linear map", () => {
    const off = (lambda: number) => {
      const t = new ThinPlateSplineTransform({ fixed: p, moving: q, lambda });
      return t.apply(p).sub(q).square().sum().item();
    };
    const rests = [0, 1e-2, 1, 1e2, 1e8].map(off);
    for (let k = 1; k < rests.length; k++) expect(rests[k]).toBeGreaterThan(rests[k - 1]);
    // The regression of q on [1 p].
    const design = Array.from({ length: 12 }, (_, i) => [1, ...Array.from({ length: d }, (_, j) => p.data[i * d + j])]);
    const projection = leastSquaresRest(design, q, d);
    expect(rests[4]).toBeCloseTo(projection, 3);
  });
  test("does not depend on the units: centimetres with λ in their units give the same map", () => {
    const lambda = 3;
    const a = new ThinPlateSplineTransform({ fixed: p, moving: q, lambda });
    const b = new ThinPlateSplineTransform({ fixed: p.mul(0.1), moving: q.mul(0.1), lambda: lambda * (d === 2 ? 0.01 : 0.1) });
    const x = cloud(9, d);
    expect(far(b.apply(x.mul(0.1)).mul(10), a.apply(x))).toBeLessThan(1e-8);
  });
  test("its dense form is that of its points, and its inverse leads back", () => {
    const t = new ThinPlateSplineTransform({ fixed: p, moving: q });
    const g = grid({ size: d === 2 ? [9, 7] : [5, 4, 6], spacing: d === 2 ? [4, 5] : [8, 9, 6] });
    const n = g.size.reduce((a, b) => a * b, 1);
    const u = t.displacement(g).data;
    const last = g.size.map((m, k) => (m - 1) * g.spacing[k]);
    const there = t.apply(Tensor.from(Float64Array.from(last), [1, d])).data;
    for (let k = 0; k < d; k++) expect(u[k * n + n - 1]).toBeCloseTo(there[k] - last[k], 4); // f32
    const x = cloud(30, d);
    expect(far(t.inverse().apply(t.apply(x)), x)).toBeLessThan(1e-6);
    expect(t.inverse().error(g)).toBeLessThan(1e-6);
    expect(t.inverse().inverse()).toBe(t);
  });
  test("is differentiable in the points and in the moving landmarks", () => {
    const t = new ThinPlateSplineTransform({ fixed: p, moving: q, lambda: 0.5 });
    const x = cloud(4, d);
    const ofPoints = (v: Tensor) => t.apply(v).square().sum();
    const ofLandmarks = (v: Tensor) => t.with({ moving: v }).apply(x).square().sum();
    for (const [f, at] of [
      [ofPoints, x],
      [ofLandmarks, q],
    ] as const) {
      const slope = grad(f)(at).data[3];
      const h = 1e-4;
      const moved = (s: number) =>
        f(
          Tensor.from(
            Float64Array.from(at.data, (v, i) => (i === 3 ? v + s : v)),
            at.shape,
          ),
        ).item();
      expect(slope).toBeCloseTo((moved(h) - moved(-h)) / (2 * h), 3);
    }
  });
  test("too few landmarks, two in one place and landmarks on a line are refused", () => {
    expect(() => new ThinPlateSplineTransform({ fixed: cloud(d, d), moving: cloud(d, d) })).toThrow(/at least/);
    const twice = Tensor.from(Float64Array.from([...p.data.slice(0, -d), ...p.data.slice(0, d)]), p.shape);
    expect(() => new ThinPlateSplineTransform({ fixed: twice, moving: q })).toThrow(/two are in one place/);
    const line = Tensor.from(
      Float64Array.from({ length: 6 * d }, (_, i) => Math.floor(i / d)),
      [6, d],
    );
    expect(() => new ThinPlateSplineTransform({ fixed: line, moving: cloud(6, d) })).toThrow(/on one/);
  });
});

/** Σ of squares left by a regression, from the normal equations by Gauss–Jordan. */
function leastSquaresRest(rows: number[][], q: Tensor, d: number): number {
  const m = rows[0].length;
  let rest = 0;
  for (let k = 0; k < d; k++) {
    const a = Array.from({ length: m }, (_, i) =>
      Array.from({ length: m + 1 }, (_, j) => rows.reduce((s, r, n) => s + r[i] * (j < m ? r[j] : q.data[n * d + k]), 0)),
    );
    for (let i = 0; i < m; i++)
      for (let r = 0; r < m; r++)
        if (r !== i) {
          const f = a[r][i] / a[i][i];
          for (let c = 0; c <= m; c++) a[r][c] -= f * a[i][c];
        }
    rest += rows.reduce((s, r, n) => s + (r.reduce((t, v, i) => t + (v * a[i][m]) / a[i][i], 0) - q.data[n * d + k]) ** 2, 0);
  }
  return rest;
}
