import { describe, expect, test } from "vitest";
import { seeded } from "../core/index.js";
import { type Grid, grid, type Image, image, indexToPhysical, voxelsOf } from "../image/index.js";
import { engine } from "../kernels/index.js";
import { scope, Tensor } from "../tensor/index.js";
import { BSplineTransform, type CompositeTransform, type Transform, VelocityTransform } from "../transforms/index.js";
import { bspline, families, generalOptimisers, register, regularisers } from "./index.js";

type Map = (p: readonly number[]) => number[];
/** Smooth random spots: exact under any map. */
function scene(d: number, extent: number, seed: number): (p: readonly number[]) => number {
  const r = seeded(seed);
  const spots = Array.from({ length: 20 * d }, () => ({
    at: Array.from({ length: d }, () => extent * (0.1 + 0.8 * r.uniform())),
    width: extent * (0.04 + 0.05 * r.uniform()),
    value: 20 + 80 * r.uniform(),
  }));
  return (p) =>
    spots.reduce((sum, { at, width, value }) => sum + value * Math.exp(-at.reduce((q, c, k) => q + ((p[k] - c) / width) ** 2, 0) / 2), 0);
}
function points(g: Grid): number[][] {
  const { matrix, offset } = indexToPhysical(g);
  const d = g.size.length;
  return Array.from({ length: voxelsOf(g) }, (_, k) => {
    let rest = k;
    const i = g.size.map((n) => {
      const x = rest % n;
      rest = (rest - x) / n;
      return x;
    });
    return offset.map((o, a) => o + i.reduce((s, x, j) => s + matrix[a * d + j] * x, 0));
  });
}
const drawn = (what: (p: readonly number[]) => number, g: Grid): Image => image(Float32Array.from(points(g), what), g);
/** Mean distance to the truth over the inner half, before (the identity) and after. */
function errors(y: Transform, truth: Map, g: Grid): { before: number; after: number } {
  const middle = points(g).filter((p) => p.every((v, k) => Math.abs(v / ((g.size[k] - 1) * g.spacing[k]) - 0.5) < 0.25));
  const q = y.apply(Tensor.from(Float64Array.from(middle.flat()), [middle.length, g.size.length])).data;
  let [before, after] = [0, 0];
  middle.forEach((p, i) => {
    const t = truth(p);
    before += Math.hypot(...t.map((v, k) => v - p[k])) / middle.length;
    after += Math.hypot(...t.map((v, k) => v - q[i * p.length + k])) / middle.length;
  });
  return { before, after };
}
function pair(d: number) {
  const g = grid({ size: d === 2 ? [72, 64] : [36, 32, 34] });
  const L = d === 2 ? 66 : 34;
  const amplitude = d === 2 ? 2.5 : 1.2;
  const truth: Map = (p) => p.map((v, k) => v + amplitude * Math.sin((2 * Math.PI * p[(k + 1) % d]) / L + k));
  const what = scene(d, L, 7);
  return { g, truth, fixed: drawn((p) => what(truth(p)), g), moving: drawn(what, g) };
}

describe.each([2, 3])("in %i dimensions", (d) => {
  test.each(families)(
    "a known smooth deformation is found in the family %s: a third of the error, no folds, and the way back leads back",
    async (transform) => {
      const { g, truth, fixed, moving } = pair(d);
      const r = await register(fixed, moving, { transform });
      expect(r.status, r.reason).toBe("ok");
      const { before, after } = errors(r.transform, truth, g);
      expect(after).toBeLessThan(before / 3);
      expect(r.inversion?.share).toBeLessThan(transform === "velocity" ? 0.1 : 0.01); // near the border the paths of exp(v) leave the grid
      expect(r.memory.predictedBytes).toBeGreaterThan(0);
      expect(r.plan).toContain(transform);
    },
    240_000,
  );
});

test("every optimiser and metric with a curvature lowers the objective", async () => {
  const { fixed, moving } = pair(2);
  for (const optimiser of generalOptimisers)
    for (const metric of optimiser === "gaussNewton" ? ["ssd", "ncc", "lncc"] : ["ncc"]) {
      const r = await register(fixed, moving, { preset: "bspline", optimiser, metric, levels: [2] });
      const values = r.trace.at(-1)?.values ?? [];
      expect(Math.min(...values), `${optimiser} ${metric}`).toBeLessThan(0.5 * values[0]);
    }
}, 60_000);

test("Gauss–Newton takes fewer steps than L-BFGS to the same value", async () => {
  const { fixed, moving } = pair(2);
  const [a, b] = await Promise.all(
    (["lbfgs", "gaussNewton"] as const).map((optimiser) =>
      register(fixed, moving, { preset: "bspline", optimiser, metric: "ncc", levels: [2] }),
    ),
  );
  const last = (r: typeof a) => r.trace.at(-1)?.values ?? [];
  expect(last(b).length).toBeLessThan(last(a).length);
  expect(last(b).at(-1)).toBeLessThan(1.2 * (last(a).at(-1) as number));
}, 60_000);

test.each(regularisers)(
  "more of the regulariser %s, less deformation",
  async (regulariser) => {
    const { g, fixed, moving } = pair(2);
    const size = async (alpha: number) => {
      const r = await register(fixed, moving, { transform: "bspline", regulariser, alpha, levels: [2], metric: "ssd" });
      const [y] = (r.transform as CompositeTransform).parts;
      return scope(() => y.displacement(g).square().mean().item());
    };
    const strong = { volume: 30, logJacobian: 30, bendingEnergy: 1000, curvature: 1000 }[regulariser] ?? 3; // the last two in mm²
    expect(await size(strong)).toBeLessThan(0.8 * (await size(0)));
  },
  60_000,
);

test("a mask on moving, or half of fixed outside, hides what is there: the rest is still found", async () => {
  const { g, truth, fixed, moving } = pair(2);
  const mask = Tensor.from(
    Float32Array.from(points(g), ([x]) => (x < 60 ? 1 : 0)),
    [1, 64, 72],
  );
  const spoilt = image(
    Float32Array.from(points(g), ([x], k) => (x < 60 ? moving.values.data[k] : 200)),
    g,
  );
  const r = await register(fixed, spoilt, { preset: "bspline", movingMask: mask, metric: "lncc" });
  const { before, after } = errors(r.transform, truth, g);
  expect(after).toBeLessThan(before / 3);
}, 60_000);

test("presets stand for families, and the result is of that kind", async () => {
  const { fixed, moving } = pair(2);
  const part = async (preset: "bspline" | "svf") =>
    ((await register(fixed, moving, { preset, levels: [4] })).transform as CompositeTransform).parts[0];
  expect(await part("bspline")).toBeInstanceOf(BSplineTransform);
  expect(await part("svf")).toBeInstanceOf(VelocityTransform);
}, 60_000);

test("a family in person is taken, with the distance of its control points", async () => {
  const { fixed, moving } = pair(2);
  const r = await register(fixed, moving, { transform: bspline({ spacingVoxels: 16 }), levels: [1] });
  const [y] = (r.transform as CompositeTransform).parts;
  expect((y as BSplineTransform).controlGrid.size).toEqual([8, 7]); // 72/16 and 64/16 pieces, and 3 more
});

test("the result does not depend on the number of threads", async () => {
  const { fixed, moving } = pair(2);
  const before = engine().threads;
  const withThreads = async (threads: number) => {
    engine().threads = threads;
    const r = await register(fixed, moving, { preset: "bspline", levels: [2, 1] });
    return { trace: r.trace, field: Float32Array.from(r.transform.displacement(fixed.grid).data) };
  };
  try {
    const one = await withThreads(1);
    expect(await withThreads(3)).toEqual(one);
    expect(await withThreads(2)).toEqual(one);
  } finally {
    engine().threads = before;
  }
}, 60_000);

test("names that do not exist and options that have nothing to act on are refused in one sentence", async () => {
  const { fixed, moving } = pair(2);
  await expect(register(fixed, moving, { transform: "spline" })).rejects.toThrow(/no transform spline; expected one of bspline/);
  await expect(register(fixed, moving, { transform: "bspline", regulariser: "soft" })).rejects.toThrow(/no regulariser soft/);
  await expect(register(fixed, moving, { transform: "bspline", optimiser: "levenbergMarquardt" })).rejects.toThrow(
    /no optimiser levenbergMarquardt/,
  );
  await expect(register(fixed, moving, { transform: "bspline", alpha: -1 })).rejects.toThrow(/alpha is -1/);
  await expect(register(fixed, moving, { preset: "affine", alpha: 1 })).rejects.toThrow(/alpha belongs to a deformation/);
  await expect(register(fixed, moving, { transform: "bspline", optimiser: "gaussNewton", metric: "mi" })).rejects.toThrow(
    /gaussNewton needs/,
  );
});

test("a transform may be named where a preset finds it; two that contradict each other are refused", async () => {
  const pattern = (dx: number) => (x: number, y: number) => Math.sin((x - dx) / 5) + Math.cos((y + x - dx) / 7);
  const draw = (f: (x: number, y: number) => number) =>
    image(
      Float32Array.from({ length: 48 * 48 }, (_, k) => f(k % 48, Math.floor(k / 48))),
      grid({ size: [48, 48] }),
    );
  const [a, b] = [draw(pattern(0)), draw(pattern(2))];
  const { transform } = await register(a, b, { transform: "rigid", metric: "ssd", init: "identity" });
  expect(transform).toMatchObject({ kind: "affine", model: "rigid" });
  await expect(register(a, b, { transform: "rigid", preset: "bspline" })).rejects.toThrow(/rigid and the preset bspline contradict/);
});
