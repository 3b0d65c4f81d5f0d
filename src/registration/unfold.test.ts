import { expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { grid, type Image, identityMap, image } from "../image/index.js";
import { metricNamed } from "../metrics/index.js";
import { determinants } from "../regularisers/volume.js";
import { randomNormal, Tensor, valueAndGrad } from "../tensor/index.js";
import type { CompositeTransform } from "../transforms/index.js";
import { bspline, displacement } from "./families.js";
import { alignGeneral } from "./general.js";
import { register } from "./register.js";
import { foldBarrier, unfolded } from "./unfold.js";

const n = 40;
const g = grid({ size: [n, n] });
const noise = (seed: number): Image => {
  const random = seeded(seed);
  const waves = Array.from({ length: 24 }, () => [random.uniform(), random.uniform(), 6 * random.uniform()]);
  const at = (x: number, y: number) => waves.reduce((s, [a, b, c]) => s + Math.sin(0.9 * (2 * a - 1) * x + 0.9 * (2 * b - 1) * y + c), 0);
  return image(
    Float32Array.from({ length: n * n }, (_, k) => at(k % n, Math.floor(k / n))),
    g,
  );
};
const spaces = { from: { name: "fixed", grid: g }, to: { name: "moving" } };
const least = (u: Tensor) => determinants(u, g).min().item();

test("unrelated images do not make a spline fold, where without the barrier they do", async () => {
  const run = async (unfold: boolean) => {
    const o = { family: bspline({ spacingVoxels: 4 }), optimiser: "lbfgs", shrinks: [2, 1], iterations: [60, 60], unfold } as const;
    const input = { fixed: noise(1), moving: noise(2), map: identityMap(2) };
    return alignGeneral(input, metricNamed("ncc"), o, { level: 0, levels: 1, iterations: 0 }, spaces);
  };
  const [free, kept] = [await run(false), await run(true)];
  expect(least(free.transform.displacement(g))).toBeLessThan(0);
  expect(least(kept.transform.displacement(g))).toBeGreaterThan(0);
  expect(kept.folds?.after).toBe(0);
});

test("register lets a spline fold where that is asked for, and asks in vain of what cannot", async () => {
  const o = { transform: bspline({ spacingVoxels: 4 }), regulariser: "none", metric: "ncc", init: "identity", levels: [2, 1] } as const;
  const folds = async (unfold?: boolean) => {
    const { transform, warnings } = await register(noise(1), noise(2), { ...o, unfold });
    return { least: least((transform as CompositeTransform).parts[0].displacement(g)), warnings };
  };
  const free = await folds(false);
  expect(free.least).toBeLessThan(0);
  expect(free.warnings).toEqual([]);
  expect((await folds()).least).toBeGreaterThan(0);
  await expect(register(noise(1), noise(2), { preset: "rigid", unfold: false })).rejects.toThrow(/preset rigid does not/);
  await expect(register(noise(1), noise(2), { preset: "svf", unfold: false })).rejects.toThrow(/velocity does not/);
});

test("the barrier is nothing at all where every voxel keeps a fifth of its volume, and steep beyond", () => {
  const stretch = (s: number) =>
    Tensor.from(
      Float32Array.from({ length: 2 * n * n }, (_, k) => (k < n * n ? s * (k % n) : 0)),
      [2, n, n],
    );
  expect(foldBarrier(stretch(-0.75), g)).toBeUndefined(); // det = 0.25
  const low = stretch(-0.9).cast("f64"); // det = 0.1: ½ · 20 · (0.1/0.2)²
  expect(foldBarrier(low, g)?.item()).toBeCloseTo(2.5, 5);
  const { gradients } = valueAndGrad((u) => foldBarrier(u, g) as Tensor)(low);
  expect(gradients[0].innerProduct(low).item()).toBeGreaterThan(0); // less of it is better
});

test.each([
  ["a spline", bspline({ spacingVoxels: 5 })],
  ["a field", displacement()],
])("%s that folds is smoothed there until it does not, and stays as it is elsewhere", (_, family) => {
  const start = family.start(g);
  const [key] = Object.keys(start);
  // A violent spot in the upper left of a calm field.
  const shape = start[key].shape;
  const calm = randomNormal(shape, seeded(3)).mul(0.02);
  const spot = Tensor.zeros(shape);
  const [h, w] = [shape[1], shape[2]];
  for (let y = 0; y < h; y++)
    for (let x = 0; x < w; x++) if (Math.hypot(y / h - 0.25, x / w - 0.25) < 0.12) spot.data[y * w + x] = (x % 2 ? 1 : -1) * 9;
  const wild = { [key]: calm.add(spot) };
  expect(least(family.displacement(wild, g))).toBeLessThan(0);
  const { parameters, folded, left } = unfolded(family, wild, g);
  expect(folded).toBeGreaterThan(0);
  expect(left).toBe(0);
  expect(least(family.displacement(parameters, g))).toBeGreaterThan(0);
  const [before, after] = [wild, parameters].map((p) => family.displacement(p, g).data);
  for (let k = 0; k < n * n; k++) if ((k % n) + Math.floor(k / n) > 60) expect(Math.abs(before[k] - after[k])).toBeLessThan(1e-6);
  const once = unfolded(family, parameters, g);
  expect(once.parameters).toBe(parameters); // what does not fold is not touched
});
