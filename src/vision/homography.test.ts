import { describe, expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { image } from "../image/index.js";
import { projectiveSample } from "../kernels/reference/projective.js";
import { homographyProblem } from "./estimateHomography.js";
import { homography } from "./homography.js";
import { directLinear, invertHomography, project, refineHomography, throughFour } from "./planar.js";
import { marginalGain, robustModel } from "./robust.js";
import { logFalseAlarms } from "./significance.js";

const truth = Float64Array.from([1.2, 0.15, -20, -0.1, 0.9, 35, 2e-4, -1e-4, 1]);
function pairs(n: number, noise: number, outliers: number, seed = 3) {
  const random = seeded(seed);
  const a = new Float64Array(2 * n);
  const b = new Float64Array(2 * n);
  for (let i = 0; i < n; i++) {
    const [x, y] = [640 * random.uniform(), 480 * random.uniform()];
    const [u, v] = i >= n - outliers ? [640 * random.uniform(), 480 * random.uniform()] : project(truth, x, y);
    a.set([x + noise * random.normal(), y + noise * random.normal()], 2 * i);
    b.set([u + noise * random.normal(), v + noise * random.normal()], 2 * i);
  }
  return { count: n, a, b, scaleA: new Float64Array(n).fill(1), scaleB: new Float64Array(n).fill(1) };
}
const corners = [
  [0, 0],
  [639, 0],
  [0, 479],
  [639, 479],
];
const cornerError = (h: ArrayLike<number>) =>
  Math.max(
    ...corners.map(([x, y]) => {
      const [p, q] = project(h, x, y);
      const [u, v] = project(truth, x, y);
      return Math.hypot(p - u, q - v);
    }),
  );

describe("homographies from pairs", () => {
  test("are exact without noise, by four pairs, by all, and by least squares", () => {
    const p = pairs(30, 0, 0);
    expect(cornerError(throughFour(p) ?? [])).toBeLessThan(1e-6);
    expect(cornerError(directLinear(p) ?? [])).toBeLessThan(1e-6);
    const start = Float64Array.from(truth, (v, k) => v * (1 + 0.01 * Math.sin(k + 1)));
    expect(cornerError(refineHomography(p, start, new Float64Array(30).fill(1), undefined, { steps: 30 }).h)).toBeLessThan(1e-5);
  });
  test("have an inverse that undoes them, and none when singular", () => {
    const inv = invertHomography(truth) ?? new Float64Array(9);
    const [x, y] = project(inv, ...(project(truth, 123, 45).slice(0, 2) as [number, number]));
    expect(Math.hypot(x - 123, y - 45)).toBeLessThan(1e-9);
    expect(invertHomography([1, 2, 3, 2, 4, 6, 0, 0, 1])).toBeUndefined();
  });
  test("do not come out of points on a line", () => {
    const line = { a: [0, 0, 1, 1, 2, 2, 3, 3, 4, 4], b: [0, 0, 1, 1, 2, 2, 3, 3, 4, 4] };
    expect(directLinear(line)).toBeUndefined();
    expect(throughFour(line)).toBeUndefined();
  });
  test("the covariance is what repetition shows", () => {
    const at: number[][] = [];
    let told = new Float64Array(64);
    for (let seed = 1; seed <= 200; seed++) {
      const p = pairs(60, 0.5, 0, seed);
      // Noise in b only, as the covariance has it.
      const exact = pairs(60, 0, 0, seed);
      const clean = { ...p, a: p.a };
      for (let i = 0; i < 60; i++)
        exact.b.set([project(truth, p.a[2 * i], p.a[2 * i + 1])[0], project(truth, p.a[2 * i], p.a[2 * i + 1])[1]], 2 * i);
      const random = seeded(1000 + seed);
      const b = exact.b.map((v) => v + 0.5 * random.normal());
      const r = refineHomography({ a: clean.a, b }, truth, new Float64Array(60).fill(1));
      at.push(Array.from(r.h));
      told = told.map((v, k) => v + (r.covariance?.[k] ?? Number.NaN) / 200);
    }
    for (const k of [2, 5, 6]) {
      const mean = at.reduce((s, h) => s + h[k], 0) / 200;
      const variance = at.reduce((s, h) => s + (h[k] - mean) ** 2, 0) / 199;
      // The scatter of 200 draws has a relative error of 10 %.
      expect(told[9 * k] / variance).toBeGreaterThan(0.65);
      expect(told[9 * k] / variance).toBeLessThan(1.5);
    }
  });
});

describe("the robust search", () => {
  test.each([0.3, 0.6, 0.85])("finds the homography among %d wrong pairs of one", (share) => {
    const n = 300;
    const p = pairs(n, 0.4, Math.round(share * n));
    const r = robustModel(homographyProblem(p), { sigma: 3, iterations: 20000, random: seeded(5) });
    expect(cornerError(r?.model ?? [])).toBeLessThan(2.5);
    // Wrong pairs that came to lie right by chance are few.
    const wrong = Array.from(r?.weights ?? []).filter((w, i) => w > 0 && i >= n - Math.round(share * n)).length;
    expect(wrong).toBeLessThan(0.03 * n);
  });
  test("gives the same answer for the same seed", () => {
    const p = pairs(100, 0.5, 50);
    const run = () => robustModel(homographyProblem(p), { random: seeded(9) });
    expect(run()?.model).toEqual(run()?.model);
  });
  test("says nothing about three pairs", () => {
    expect(robustModel(homographyProblem(pairs(3, 0, 0)), { random: seeded(1) })).toBeUndefined();
  });
  test("weights fall from 1 to 0 at 3.64 σ, gains too", () => {
    const errors = Float64Array.from([0, 1, 4, 9, (3.64 * 2) ** 2 + 1e-9]);
    const w = new Float64Array(5);
    const total = marginalGain(errors, 2, w);
    expect(w[0]).toBeCloseTo(1, 10);
    expect(w[4]).toBe(0);
    for (let k = 1; k < 5; k++) expect(w[k]).toBeLessThan(w[k - 1]);
    expect(total).toBeLessThan(4);
    expect(marginalGain(errors.subarray(0, 1), 2)).toBeCloseTo(1, 10);
  });
});

describe("significance", () => {
  const alarms = (wrong: number, seed: number) => {
    const p = pairs(120, 0.5, wrong, seed);
    const r = robustModel(homographyProblem(p), { random: seeded(seed) });
    return r ? logFalseAlarms(p, r.errors, 3, 640 * 480) : 0;
  };
  test("agreement by chance is not taken for a finding", () => {
    for (let seed = 1; seed <= 10; seed++) expect(alarms(120, seed)).toBeGreaterThan(-3);
  });
  test("a fifth of right pairs is", () => {
    for (let seed = 1; seed <= 5; seed++) expect(alarms(90, seed)).toBeLessThan(-10);
  });
});

describe("features, then brightness", () => {
  // A rough texture; B is A between its samples, so one of the two is the smoother.
  const size: [number, number] = [110, 100];
  const random = seeded(31);
  const rough = Float32Array.from({ length: 110 * 100 }, () => random.normal());
  const at = (k: number, dx: number, dy: number) => {
    const [x, y] = [Math.min(109, Math.max(0, (k % 110) + dx)), Math.min(99, Math.max(0, Math.floor(k / 110) + dy))];
    return rough[y * 110 + x];
  };
  const offsets = [-2, -1, 0, 1, 2];
  const values = rough.map((_, k) =>
    offsets.reduce((s, dy) => s + offsets.reduce((t, dx) => t + at(k, dx, dy) / (1 + dx * dx + dy * dy), 0), 0),
  );
  const map = [1.06, 0.05, -4.3, -0.04, 0.97, 3.1, 4e-4, -3e-4, 1];
  const { values: seen } = projectiveSample(values, 100, 110, map, 100, 110);
  const [sharp, smooth] = [image(values, { size }), image(Float32Array.from(seen), { size })];
  const error = (h: ArrayLike<number> | undefined) =>
    [0, 109].reduce((s, x) => {
      if (!h) return Number.POSITIVE_INFINITY;
      const [[u, v], [p, q]] = [project(map, x, 50), project(h, x, 50)];
      return s + Math.hypot(u - p, v - q) / 2;
    }, 0);
  test.each(["lk", "ecc"] as const)("%s finds hundredths of a pixel, whichever picture comes first", (refine) => {
    const there = homography(smooth, sharp, { refine, features: { affine: false } });
    const back = homography(sharp, smooth, { refine, features: { affine: false } });
    expect(there.reason).toMatch(/polished/);
    expect(error(there.h)).toBeLessThan(0.02);
    expect(error(invertHomography(back.h as Float64Array))).toBeLessThan(0.02);
    expect(error(homography(smooth, sharp, { features: { affine: false } }).h)).toBeGreaterThan(error(there.h));
  });
});
