import { describe, expect, test } from "vitest";
import { seeded } from "../core/index.js";
import {
  type AffineMap,
  applyAffine,
  betweenIndices,
  centreOf,
  cornersOf,
  grid,
  type Image,
  identityMap,
  image,
  indexToPhysical,
  invertAffine,
  voxelsOf,
} from "../image/index.js";
import { affineSystem } from "../kernels/affineSystem.js";
import { engine } from "../kernels/index.js";
import { mi, ncc, ssd } from "../metrics/index.js";
import { Tensor } from "../tensor/index.js";
import {
  type AffineModel,
  AffineTransform,
  affineFromParameters,
  HomographyTransform,
  homographyFromParameters,
  type Transform,
  warp,
} from "../transforms/index.js";
import { baseOf } from "../transforms/warp.js";
import { alignLinear, formulations, inverseGradient, type LinearLevel, linearOptimisers, register } from "./index.js";
import { valueUnder } from "./linear.js";

/** Smooth spots well inside, so that nothing is cut off at the borders. */
function pair(d: number, truth: AffineMap, gain = 1, offset = 0): LinearLevel {
  const random = seeded(3);
  const g = grid(
    d === 2
      ? { size: [64, 56], spacing: [1.2, 1], origin: [5, -3], direction: [0, 1, 1, 0] }
      : { size: [28, 26, 24], spacing: [1, 1.2, 1], origin: [5, -3, 2] },
  );
  const toPhysical = indexToPhysical(g);
  const spots = Array.from({ length: 9 }, () => ({
    at: applyAffine(
      toPhysical,
      g.size.map((n) => n * (0.35 + 0.3 * random.uniform())),
    ),
    width: (d === 2 ? 4 : 2.6) + 1.5 * random.uniform(),
    value: 0.5 + random.uniform(),
  }));
  const scene = (p: readonly number[]) =>
    spots.reduce((s, b) => s + b.value * Math.exp(-p.reduce((q, v, k) => q + (v - b.at[k]) ** 2, 0) / (2 * b.width ** 2)), 0);
  const drawn = (f: (p: readonly number[]) => number): Image =>
    image(
      Float32Array.from({ length: voxelsOf(g) }, (_, k) => {
        let rest = k;
        return f(
          applyAffine(
            toPhysical,
            g.size.map((n) => {
              const i = rest % n;
              rest = (rest - i) / n;
              return i;
            }),
          ),
        );
      }),
      g,
    );
  const back = invertAffine(truth);
  return { fixed: drawn((p) => gain * scene(p) + offset), moving: drawn((q) => scene(applyAffine(back, q))) };
}
const middle = (d: number) => centreOf(pair(d, identityMap(d)).fixed.grid);
const truths: Record<string, [AffineModel, number, readonly number[]]> = {
  "translation in 2-D": ["translation", 2, [2, -1.5]],
  "rigid in 2-D": ["rigid", 2, [1.5, -1, 0.12]],
  "similarity in 2-D": ["similarity", 2, [1.5, 1, -0.1, 0.06]],
  "affine in 2-D": ["affine", 2, [1, -1, 0.05, -0.06, 0.08, -0.04]],
  "rigid in 3-D": ["rigid", 3, [1, -0.8, 0.6, 0.05, -0.06, 0.08]],
  "affine in 3-D": ["affine", 3, [0.8, -0.5, 0.4, 0.04, 0.05, -0.03, -0.05, 0.05, 0.02, 0.03, -0.02, -0.04]],
};
const run = { iterations: 60, level: 0, levels: 1 };
const cornerError = (a: AffineMap, b: AffineMap, level: LinearLevel) =>
  Math.max(
    ...cornersOf(level.fixed.grid).map((p) => {
      const [x, y] = [applyAffine(a, p), applyAffine(b, p)];
      return Math.hypot(...x.map((v, k) => v - y[k]));
    }),
  );

describe("the inverse formulation", () => {
  const truth = affineFromParameters("affine", [1, -1, 0.1, -0.06, 0.08, 0.15], middle(2));
  const level = pair(2, truth);
  const entriesOf = (map: AffineMap) => baseOf(betweenIndices(level.fixed.grid, map, level.moving.grid));
  test("has the value and the gradient of the same J, when the factor 1/|A| is kept; absorbed, the same direction", () => {
    const at = affineFromParameters("affine", [-0.5, 0.7, 0.25, 0.05, -0.1, 0.2], middle(2));
    const entries = entriesOf(at);
    const size = [...level.fixed.grid.size].reverse();
    const forward = affineSystem(engine(), level.fixed.values.pointer, size, 0, level.moving.values.pointer, size, {
      interpolation: "linear",
      affine: entries,
    });
    const kept = inverseGradient(level, entries);
    const absorbed = inverseGradient(level, entries, { determinant: "absorbed" });
    const determinant = Math.abs(at.matrix[0] * at.matrix[3] - at.matrix[1] * at.matrix[2]);
    expect(determinant).toBeGreaterThan(1.4); // so that the factor matters
    // Sums over two different lattices of one smooth integral, with linear interpolation: a few per cent at most.
    expect(kept.value / (0.5 * forward.rr)).toBeCloseTo(1, 1);
    const [a, b] = [kept.gradient, forward.jtr.slice(0, 6)];
    const dot = (x: Float64Array, y: Float64Array) => x.reduce((s, v, k) => s + v * y[k], 0);
    expect(dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))).toBeGreaterThan(0.999);
    expect(Math.sqrt(dot(a, a) / dot(b, b))).toBeCloseTo(1, 1);
    for (let k = 0; k < 6; k++) expect(absorbed.gradient[k]).toBeCloseTo(determinant * a[k], 6);
  });
  test("descends the J of the forward formulation, step by step", async () => {
    const start = identityMap(2);
    let before = valueUnder(level, start, ssd()).value;
    for (const iterations of [1, 2, 3, 4]) {
      const { map } = await alignLinear(level, "affine", start, ssd(), false, { ...run, iterations }, { formulation: "inverse" });
      const now = valueUnder(level, map, ssd()).value;
      expect(now).toBeLessThanOrEqual(before); // equal once it has converged
      before = now;
    }
    expect(before).toBeLessThan(0.05 * valueUnder(level, start, ssd()).value);
  });
});

describe.each(formulations)("%s", (formulation) => {
  test.each(Object.keys(truths))("finds a known map, %s, by ssd and, under another gain and offset, by ncc", async (name) => {
    const [model, d, parameters] = truths[name];
    const truth = affineFromParameters(model, parameters, middle(d));
    for (const [metric, gain, offset] of [
      [ssd(), 1, 0],
      [ncc(), 1.4, 0.3],
    ] as const) {
      const level = pair(d, truth, gain, offset);
      const found = await alignLinear(level, model, identityMap(d), metric, true, run, { formulation });
      expect(cornerError(found.map, truth, level)).toBeLessThan(0.03); // mm at the corners; cubic samples of smooth spots
    }
  });
});

test("inverse-compositional steps end where forward-additive ones do", async () => {
  const truth = affineFromParameters("affine", [1, -1, 0.05, -0.06, 0.08, -0.04], middle(2));
  const level = pair(2, truth);
  const ends = [];
  for (const formulation of ["forward", "inverseCompositional"] as const)
    ends.push(await alignLinear(level, "affine", identityMap(2), ssd(), true, run, { formulation }));
  expect(cornerError(ends[0].map, ends[1].map, level)).toBeLessThan(0.01); // both within the optimisers' criteria of one minimum
  expect(ends[1].value).toBeLessThan(1e-5 * ends[1].values[0]);
});

test("a fixed mask counts in every formulation: what is spoiled outside does not matter", async () => {
  const truth = affineFromParameters("rigid", [1.5, -1, 0.12], middle(2));
  const clean = pair(2, truth);
  const n = voxelsOf(clean.fixed.grid);
  const values = Float32Array.from(clean.fixed.values.data);
  const mask = new Float32Array(n).fill(1);
  for (let k = 0; k < n; k++)
    if (k % 64 < 14) {
      values[k] = 3 + ((k * 7) % 5);
      mask[k] = 0;
    }
  const level = { ...clean, fixed: image(values, clean.fixed.grid), fixedMask: image(mask, clean.fixed.grid).values };
  for (const formulation of formulations) {
    const found = await alignLinear(level, "rigid", identityMap(2), ssd(), false, run, { formulation });
    expect(cornerError(found.map, truth, clean)).toBeLessThan(0.1); // linear samples
  }
});

test.each(linearOptimisers)("%s finds a known rigid motion", async (optimiser) => {
  const truth = affineFromParameters("rigid", [1.5, -1, 0.12], middle(2));
  const level = pair(2, truth);
  const found = await alignLinear(level, "rigid", identityMap(2), ncc(), false, run, { optimiser });
  // First-order methods stop early in the valley; a fifth of a voxel at the corners from 6 mm.
  expect(cornerError(found.map, truth, level)).toBeLessThan(["momentum", "adam"].includes(optimiser) ? 0.5 : 0.2);
});

describe("a homography", () => {
  const base = pair(2, identityMap(2));
  const g = base.fixed.grid;
  const truth = new HomographyTransform(homographyFromParameters([0.04, -0.03, 0.08, 0.05, 0.03, -0.04, 0.06, -0.05], middle(2), 40));
  // fixed(p) = moving(truth(p)), by cubic samples of a smooth picture
  const fixed = warp(base.fixed, truth, g, { interpolation: "cubic", border: "clamp" });
  const inner = Tensor.from(Float64Array.from(cornersOf(g).flatMap((p) => p.map((v, k) => 0.5 * (v + middle(2)[k])))), [4, 2]);
  const off = (y: Transform) => Math.max(...Array.from(y.apply(inner).sub(truth.apply(inner)).data, Math.abs));

  test.each([
    ["ssd", undefined],
    ["ncc", undefined],
    ["ncc", "inverseCompositional"],
    [(w: Tensor, f: Tensor) => w.sub(f).square().mean().mul(100), undefined],
  ] as const)("is found by %s, formulation %s, and is a homography with its inverse", async (metric, formulation) => {
    const moving = metric === "ssd" ? base.fixed : image(base.fixed.values.mul(1.4).add(0.2), g);
    const result = await register(fixed, moving, { preset: "homography", metric, formulation });
    expect(result.status, result.reason).toBe("ok");
    expect(result.transform.kind).toBe("homography");
    expect(off(result.transform)).toBeLessThan(0.05); // mm
    expect(off(new AffineTransform(identityMap(2)))).toBeGreaterThan(2);
  });
  test("is not what three dimensions or the inverse formulation are for", async () => {
    const solid = pair(3, identityMap(3));
    await expect(register(solid.fixed, solid.moving, { preset: "homography" })).rejects.toThrow(/planes/);
    await expect(register(fixed, base.fixed, { preset: "homography", metric: "ssd", formulation: "inverse" })).rejects.toThrow(
      /linear models/,
    );
    await expect(register(fixed, base.fixed, { preset: "diffeo", formulation: "inverse" })).rejects.toThrow(/linear models/);
  });
});

test("what a metric or a formulation does not have is said", async () => {
  const level = pair(2, identityMap(2));
  const go = (metric: Parameters<typeof alignLinear>[3], method: Parameters<typeof alignLinear>[6]) =>
    alignLinear(level, "rigid", identityMap(2), metric, false, run, method);
  await expect(go(mi(), { formulation: "inverse" })).rejects.toThrow(/least-squares/);
  await expect(go(mi(), { optimiser: "gaussNewton" })).rejects.toThrow(/least-squares/);
  await expect(go(ssd(), { formulation: "inverse", optimiser: "adam" })).rejects.toThrow(/leave the optimiser/);
});
