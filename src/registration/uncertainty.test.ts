import { expect, test } from "vitest";
import { seeded } from "../core/index.js";
import { type AffineMap, applyAffine, centreOf, cornersOf, grid, identityMap, image, invertAffine, voxelsOf } from "../image/index.js";
import { lncc, mi, ncc, ssd } from "../metrics/index.js";
import type { Tensor } from "../tensor/index.js";
import { affineFromParameters } from "../transforms/index.js";
import { alignLinear, type LinearLevel, register } from "./index.js";
import { hessianUncertainty, leastSquaresUncertainty, spreadOverStarts } from "./uncertainty.js";

const g = grid({ size: [56, 48], spacing: [1, 1.25] });
const truth = affineFromParameters("rigid", [1.3, -0.8, 0.08], centreOf(g));
const back = invertAffine(truth);
const random = seeded(12);
const spots = Array.from({ length: 25 }, () => ({
  at: [55 * random.uniform(), 60 * random.uniform()],
  width: 3 + 3 * random.uniform(),
  value: random.normal(),
}));
const scene = ([x, y]: readonly number[]) =>
  spots.reduce((s, b) => s + b.value * Math.exp(-((x - b.at[0]) ** 2 + (y - b.at[1]) ** 2) / (2 * b.width ** 2)), 0);
const drawn = (f: (p: readonly number[]) => number, noise: number) =>
  image(
    Float32Array.from({ length: voxelsOf(g) }, (_, k) => f([k % 56, 1.25 * Math.floor(k / 56)]) + noise * random.normal()),
    g,
  );
const pair = (noise: number): LinearLevel => ({ fixed: drawn(scene, noise), moving: drawn((q) => scene(applyAffine(back, q)), noise) });
const run = { iterations: 40, level: 0, levels: 1 };
const off = (map: AffineMap) => cornersOf(g).map((p) => Math.hypot(...applyAffine(map, p).map((v, k) => v - applyAffine(truth, p)[k])));

test.each(["ssd", "ncc"] as const)("the standard error at the corners is that of repetitions with new noise, %s", async (kind) => {
  const repetitions = 40;
  const squares = [0, 0, 0, 0];
  const predicted = [0, 0, 0, 0];
  for (let k = 0; k < repetitions; k++) {
    const level = pair(0.15);
    const { map } = await alignLinear(level, "rigid", identityMap(2), kind === "ssd" ? ssd() : ncc(), true, run);
    const u = leastSquaresUncertainty(level, "rigid", map, kind)!;
    for (const [c, e] of off(map).entries()) squares[c] += e ** 2 / repetitions;
    for (const [c, { standardErrorMm }] of u.corners.entries()) predicted[c] += standardErrorMm ** 2 / repetitions;
  }
  for (let c = 0; c < 4; c++) {
    // 40 repetitions of three parameters know their spread to about a tenth; interpolation correlates the noise of moving.
    const ratio = Math.sqrt(predicted[c] / squares[c]);
    expect(ratio).toBeGreaterThan(0.5);
    expect(ratio).toBeLessThan(2);
  }
});

test("twice the noise is twice the standard error, and the richer model is the less sure", () => {
  const at = (noise: number, model: "rigid" | "affine") => leastSquaresUncertainty(pair(noise), model, truth, "ssd")!.standardErrorMm;
  expect(at(0.04, "rigid") / at(0.02, "rigid")).toBeCloseTo(2, 0); // as long as the slopes are hardly touched
  expect(at(0.1, "affine")).toBeGreaterThan(at(0.1, "rigid"));
});

test("a picture without structure determines nothing, and says so by silence", () => {
  const flat = image(new Float32Array(voxelsOf(g)).fill(2), g);
  expect(leastSquaresUncertainty({ fixed: flat, moving: flat }, "rigid", identityMap(2), "ncc")).toBeUndefined();
});

test("mutual information has the inverse of its Hessian, of the size that least squares gives", async () => {
  const level = pair(0.05);
  const { map } = await alignLinear(level, "rigid", identityMap(2), mi(), false, run);
  const u = hessianUncertainty(level, "rigid", map, mi().prepare!(level.fixed, level.moving))!;
  const squares = leastSquaresUncertainty(level, "rigid", map, "ncc")!;
  // Another estimator of the same parameters, less efficient by its windows: the order of magnitude.
  expect(u.standardErrorMm / squares.standardErrorMm).toBeGreaterThan(0.3);
  expect(u.standardErrorMm / squares.standardErrorMm).toBeLessThan(5);
});

test("for any other metric the spread over starts is measured", async () => {
  const level = pair(0.05);
  const u = await spreadOverStarts(
    level,
    "rigid",
    truth,
    async (start) => (await alignLinear(level, "rigid", start, lncc(), false, run)).map,
    {
      shiftMm: 1,
      starts: 4,
    },
  );
  expect(u.method).toBe("starts");
  expect(u.standardErrorMm).toBeLessThan(0.5); // starts were about 2 mm away at the corners
});

test("register reports it: by itself for least squares, on demand for others, deformations included", async () => {
  const { fixed, moving } = pair(0.1);
  const own = (w: Tensor, f: Tensor) => w.sub(f).abs().mean();
  const rigid = await register(fixed, moving, { preset: "rigid", metric: "ncc" });
  expect(rigid.uncertainty?.method).toBe("least squares");
  expect(rigid.uncertainty?.corners).toHaveLength(4);
  expect(rigid.uncertainty?.covariance).toHaveLength(9);
  expect((await register(fixed, moving, { preset: "homography", metric: "ncc" })).uncertainty?.covariance).toHaveLength(64);
  expect((await register(fixed, moving, { preset: "rigid", metric: "mi" })).uncertainty).toBeUndefined();
  expect((await register(fixed, moving, { preset: "rigid", metric: "mi", uncertainty: true })).uncertainty?.method).toBe("hessian");
  expect((await register(fixed, moving, { preset: "rigid", metric: own, uncertainty: true })).uncertainty?.method).toBe("starts");
  expect((await register(fixed, moving, { preset: "diffeo", metric: "ncc" })).uncertainty).toBeUndefined();
});

test.each([
  { preset: "diffeo", metric: "ncc" },
  { preset: "bspline", metric: "ncc" },
] as const)("over starts a $preset repeats itself where there is texture, and follows its start where there is none", async (o) => {
  const n = 64;
  const square = grid({ size: [n, n] });
  const random = seeded(7);
  const dots = Array.from({ length: 60 }, () => [26 * random.uniform(), n * random.uniform(), random.normal()]);
  // Left: dots; right: nothing.
  const at = (x: number, y: number) => dots.reduce((s, [a, b, c]) => s + c * Math.exp(-((x - a) ** 2 + (y - b) ** 2) / 8), 0);
  const drawn = (bend: number) =>
    image(
      Float32Array.from({ length: n * n }, (_, k) => at((k % n) + bend * Math.sin(Math.floor(k / n) / 9), Math.floor(k / n))),
      square,
    );
  const r = await register(drawn(0.7), drawn(0), { ...o, init: "identity", levels: [2, 1], uncertainty: 3 });
  const { map, quantiles, starts, method, standardErrorMm } = r.uncertainty!;
  expect([method, starts]).toEqual(["starts", 3]);
  expect(map!.grid.size).toEqual([n, n]);
  const mean = (from: number, to: number) => {
    let s = 0;
    for (let y = 8; y < n - 8; y++) for (let x = from; x < to; x++) s += map!.values.data[y * n + x];
    return s / ((n - 16) * (to - from));
  };
  const [left, right] = [mean(6, 22), mean(46, 60)];
  expect(left).toBeLessThan(0.5); // starts were two pixels away
  expect(right).toBeGreaterThan(2 * left);
  expect(quantiles!.medianMm).toBeLessThan(quantiles!.p95Mm);
  expect(standardErrorMm).toBe(quantiles!.p95Mm);
});

test("a spread over one start is refused", async () => {
  const { fixed, moving } = pair(0.1);
  await expect(register(fixed, moving, { preset: "diffeo", metric: "ncc", uncertainty: 1 })).rejects.toThrow(/whole number from 2/);
});
