import { describe, expect, test } from "vitest";
import { AbortedError, seeded } from "../core/index.js";
import {
  type AffineMap,
  applyAffine,
  type Grid,
  grid,
  type Image,
  image,
  indexToPhysical,
  invertAffine,
  voxelsOf,
} from "../image/index.js";
import { engine } from "../kernels/index.js";
import { dispose, Tensor } from "../tensor/index.js";
import { type AffineModel, affineFromParameters, type Transform } from "../transforms/index.js";
import { register } from "./index.js";

type Map = (p: readonly number[]) => number[];
/** Smooth random spots in space: images of it under any map are exact, so that only the registration can err. */
function scene(d: number, extent: number, seed: number): (p: readonly number[]) => number {
  const r = seeded(seed);
  const spots = Array.from({ length: 14 * d }, () => ({
    at: Array.from({ length: d }, () => extent * (0.2 + 0.6 * r.uniform())),
    width: extent * (0.05 + 0.06 * r.uniform()),
    value: 20 + 80 * r.uniform(),
  }));
  return (p) => {
    let sum = 0;
    for (const { at, width, value } of spots) {
      let q = 0;
      for (let k = 0; k < d; k++) q += ((p[k] - at[k]) / width) ** 2;
      if (q < 40) sum += value * Math.exp(-q / 2);
    }
    return sum;
  };
}
/** The points of a grid, every one or every nth. */
function* points(g: Grid, step = 1): Generator<number[]> {
  const toPhysical = indexToPhysical(g);
  for (let i = 0; i < voxelsOf(g); i += step) {
    let rest = i;
    const index = g.size.map((n) => {
      const k = rest % n;
      rest = (rest - k) / n;
      return k;
    });
    yield [...applyAffine(toPhysical, index)];
  }
}
const drawn = (what: (p: readonly number[]) => number, g: Grid): Image => image(Float32Array.from([...points(g)], what), g);
/** Mean distance in mm between a transform and the truth, over the inner half of the fixed grid. */
function error(y: Transform, truth: Map, g: Grid): number {
  const [low, high] = [0.25, 0.75];
  const extent = g.size.map((n, k) => (n - 1) * g.spacing[k]);
  const ps = [...points({ ...g, direction: g.direction }, g.size.length === 2 ? 3 : 7)].filter((p) =>
    p.every((v, k) => v > low * extent[k] && v < high * extent[k]),
  );
  const mapped = y.apply(Tensor.from(Float64Array.from(ps.flat()), [ps.length, g.size.length])).data;
  let sum = 0;
  for (const [i, p] of ps.entries()) sum += Math.hypot(...truth(p).map((v, k) => v - mapped[i * p.length + k]));
  return sum / ps.length;
}
const gridOf = (d: number) => grid({ size: d === 2 ? [72, 64] : [36, 32, 34] });
const extentOf = (d: number) => (d === 2 ? 66 : 34);
const motions: Record<string, readonly number[]> = {
  "rigid 2": [3, -2, 0.15],
  "similarity 2": [2, 3, -0.1, 0.06],
  "affine 2": [2, -1, 0.05, -0.06, 0.08, -0.04],
  "rigid 3": [2, -1.5, 1, 0.08, -0.1, 0.06],
  "similarity 3": [1, 2, -1, 0.05, 0.08, -0.06, 0.05],
  "affine 3": [1, -1, 0.5, 0.04, 0.05, -0.03, -0.05, 0.05, 0.02, 0.03, -0.02, -0.04],
};
function pair(model: AffineModel, d: number) {
  const g = gridOf(d);
  const truth = affineFromParameters(
    model,
    motions[`${model} ${d}`],
    g.size.map((n) => (n - 1) / 2),
  );
  const back: AffineMap = invertAffine(truth);
  const what = scene(d, extentOf(d), 7);
  return { g, truth, what, fixed: drawn(what, g), moving: drawn((q) => what(applyAffine(back, q)), g) };
}

describe.each([2, 3])("in %i dimensions", (d) => {
  test.each(
    (["rigid", "similarity", "affine"] as const).flatMap((model) => ["ssd", "ncc", "mi"].map((metric) => [model, metric] as const)),
  )(
    "a known %s map is found by %s",
    async (preset, metric) => {
      const { g, truth, fixed, moving } = pair(preset, d);
      const result = await register(fixed, moving, { preset, metric });
      expect(result.status, result.reason).toBe("ok");
      // A twentieth of a voxel. Six numbers from the joint histogram of a picture of 4600 pixels: its windows, a 29th of the range wide, pull shears.
      const tolerance = metric === "mi" && preset === "affine" && d === 2 ? 0.25 : 0.05;
      expect(error(result.transform, (p) => [...applyAffine(truth, p)], g)).toBeLessThan(tolerance);
    },
    30_000,
  );

  test("a known smooth deformation is found: a fifth of the error, no folds, and the way back leads back", async () => {
    const g = gridOf(d);
    const L = extentOf(d);
    const amplitude = d === 2 ? 2.5 : 1.5;
    const truth: Map = (p) => p.map((v, k) => v + amplitude * Math.sin((2 * Math.PI * p[(k + 1) % d]) / L + k));
    // moving ∘ truth = fixed: moving is the scene, fixed is the scene seen through the truth.
    const what = scene(d, L, 11);
    const result = await register(
      drawn((p) => what(truth(p)), g),
      drawn(what, g),
      { preset: "diffeo", metric: "ncc" },
    );
    const before = error({ apply: (x: Tensor) => x } as Transform, truth, g);
    expect(error(result.transform, truth, g)).toBeLessThan(before / 5);
    const u = result.transform.displacement(g);
    expect(smallestJacobian(u, g)).toBeGreaterThan(0);
    const there = [...points(g, 5)].filter((p) => p.every((v, k) => v > 4 && v < g.size[k] - 5));
    const p = Tensor.from(Float64Array.from(there.flat()), [there.length, d]);
    const q = result.transform.inverse().apply(result.transform.apply(p));
    expect(q.sub(p).square().sum(1).sqrt().mean().item()).toBeLessThan(0.1);
  }, 30_000);
});

/** min det(I + ∂u/∂x) by forward differences, unit spacing. */
function smallestJacobian(u: Tensor, g: Grid): number {
  const d = g.size.length;
  const n = voxelsOf(g);
  const { data } = u;
  const stride = g.size.map((_, k) => g.size.slice(0, k).reduce((a, b) => a * b, 1));
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < n; i++) {
    if (g.size.some((s, k) => Math.floor(i / stride[k]) % s === s - 1)) continue;
    const J = Array.from({ length: d }, (_, r) => stride.map((s, c) => data[r * n + i + s] - data[r * n + i] + (r === c ? 1 : 0)));
    const det =
      d === 2
        ? J[0][0] * J[1][1] - J[0][1] * J[1][0]
        : J[0][0] * (J[1][1] * J[2][2] - J[1][2] * J[2][1]) -
          J[0][1] * (J[1][0] * J[2][2] - J[1][2] * J[2][0]) +
          J[0][2] * (J[1][0] * J[2][1] - J[1][1] * J[2][0]);
    least = Math.min(least, det);
  }
  return least;
}

test("direction words do not matter: the same space stored along other axes gives the same map of space", async () => {
  const { g, truth, what, fixed, moving } = pair("rigid", 2);
  const [w, h] = g.size;
  // x runs backwards and the axes are swapped
  const turned = grid({ size: [h, w], origin: [w - 1, 0], direction: [0, -1, 1, 0] });
  const same = await register(drawn(what, turned), moving, { preset: "rigid", metric: "ssd" });
  const plain = await register(fixed, moving, { preset: "rigid", metric: "ssd" });
  expect(error(same.transform, (p) => [...applyAffine(truth, p)], g)).toBeLessThan(0.05);
  expect(error(same.transform, (p) => [...plain.transform.apply(Tensor.from(Float64Array.from(p), [1, 2])).data], g)).toBeLessThan(0.02);
});

test("a function of one's own is a metric", async () => {
  const { g, truth, fixed, moving } = pair("rigid", 2);
  const result = await register(fixed, moving, { preset: "rigid", metric: (warped, image) => warped.sub(image).square().mean() });
  expect(error(result.transform, (p) => [...applyAffine(truth, p)], g)).toBeLessThan(0.05);
}, 30_000);

test.each(["rigid", "diffeo"] as const)("a signal stops %s, and nothing stays in memory", async (preset) => {
  const { fixed, moving } = pair("rigid", 3);
  const { used } = engine().memoryUse;
  const stop = new AbortController();
  const run = register(fixed, moving, {
    preset,
    signal: stop.signal,
    onProgress: ({ level, levels }) => {
      if (preset === "rigid" || level === levels - 1) stop.abort();
    },
  });
  await expect(run).rejects.toBeInstanceOf(AbortedError);
  expect(engine().memoryUse.used).toBeLessThanOrEqual(used); // earlier garbage may be collected meanwhile
  dispose(fixed.values, moving.values);
});

test("images that do not overlap, images of unlike dimension and words that mean nothing are refused in one sentence", async () => {
  const { g, what, fixed, moving } = pair("rigid", 2);
  const far = { ...drawn(what, g), grid: grid({ size: g.size, origin: [1000, 0] }) };
  await expect(register(fixed, far, { init: "identity" })).rejects.toThrow(/do not overlap.*try init "center"/);
  await expect(register(fixed, pair("rigid", 3).moving)).rejects.toThrow(/2-D.*3-D/);
  await expect(register(fixed, moving, { metric: "nccc" })).rejects.toThrow(/no metric nccc; expected one of ssd/);
  await expect(register(fixed, moving, { preset: "rigit" as "rigid" })).rejects.toThrow(/no preset rigit/);
  await expect(register(fixed, moving, { fixedMask: Tensor.ones([1, 3, 3]) })).rejects.toThrow(/fixedMask/);
});
