import { describe, expect, test } from "vitest";
import { type AffineMap, applyAffine, centreOf, cornersOf, grid, identityMap, image, invertAffine } from "../image/index.js";
import { ncc, ssd } from "../metrics/index.js";
import { type AffineTransform, affineFromParameters } from "../transforms/index.js";
import { alignLinear, register, traceHomotopy } from "./index.js";

const g = grid({ size: [64, 60], spacing: [1, 1.1], origin: [3, -2] });
const c = centreOf(g);
/** A blob with five narrow fingers: from a turn by a finger's width, sharp images have minima that are wrong. */
const hand = ([x, y]: readonly number[]) => {
  const [u, v] = [x - c[0], y - c[1]];
  const [r, a] = [Math.hypot(u, v), Math.atan2(v, u)];
  const finger = r < 24 && v < 6 ? 0.5 + 0.5 * Math.tanh(6 * Math.cos(8 * a) - 1) : 0;
  const palm = 0.5 - 0.5 * Math.tanh((Math.hypot(u, v - 8) - 10) / 1.5);
  return Math.max(palm, finger * (0.5 - 0.5 * Math.tanh((r - 22) / 1.5)));
};
const drawn = (f: (p: readonly number[]) => number) =>
  image(
    Float32Array.from({ length: 64 * 60 }, (_, k) => f([3 + (k % 64), -2 + 1.1 * Math.floor(k / 64)])),
    g,
  );
const far = (a: AffineMap, b: AffineMap) =>
  Math.max(...cornersOf(g).map((p) => Math.hypot(...applyAffine(a, p).map((v, i) => v - applyAffine(b, p)[i]))));
const fixed = drawn(hand);
const seen = (truth: AffineMap) => drawn((q) => hand(applyAffine(invertAffine(truth), q)));

describe("the path from blurred to sharp", () => {
  const truth = affineFromParameters("rigid", [4, -3, 0.45], c);
  const moving = seen(truth);
  test("leads to the known rigid map where the sharp images alone, from the same start, end elsewhere", async () => {
    const traced = await traceHomotopy(fixed, moving, { model: "rigid" });
    expect(far(traced.map, truth)).toBeLessThan(0.3); // mm; cubic samples of edges a voxel and a half wide
    const level = { fixed, moving };
    const direct = await alignLinear(level, "rigid", identityMap(2), ssd(), true, { iterations: 100, level: 0, levels: 1 });
    expect(far(direct.map, truth)).toBeGreaterThan(3);
  });
  test("its points are minima, its scales fall, and the tangent predicts better than standing still", async () => {
    const near = seen(affineFromParameters("rigid", [1.5, -1, 0.1], c));
    const o = { model: "rigid", fromMm: 8, toMm: 2 } as const;
    const traced = await traceHomotopy(fixed, near, o);
    for (const [k, p] of traced.path.entries()) {
      expect(p.minimum).toBe(true);
      if (k > 0) expect(p.sigmaMm).toBeLessThan(traced.path[k - 1].sigmaMm);
    }
    const plain = await traceHomotopy(fixed, near, { ...o, predictor: false });
    expect(far(plain.map, traced.map)).toBeLessThan(0.02); // the same path
    expect(traced.path.length).toBeLessThanOrEqual(plain.path.length);
  });
  test("a path followed from far ends where a short one ends, and no accepted prediction misses by half a voxel", async () => {
    const near = seen(affineFromParameters("rigid", [1.5, -1, 0.1], c));
    const at = async (sigma: number) => (await traceHomotopy(fixed, near, { model: "rigid", fromMm: sigma + 1e-3, toMm: sigma })).map;
    const followed = await traceHomotopy(fixed, near, { model: "rigid", fromMm: 6, toMm: 3 });
    expect(far(followed.map, await at(3))).toBeLessThan(0.02);
    const misses = followed.path.slice(1).map((p) => p.missMm);
    expect(Math.max(...misses)).toBeLessThan(0.5);
  });
  test("the Gauss–Newton matrix and another metric follow it too; affine maps as well", async () => {
    const gauss = await traceHomotopy(fixed, moving, { model: "rigid", hessian: "gaussNewton" });
    expect(far(gauss.map, truth)).toBeLessThan(0.3);
    const likeness = await traceHomotopy(fixed, image(moving.values.mul(2).add(1), g), { model: "rigid", metric: ncc() });
    expect(far(likeness.map, truth)).toBeLessThan(0.3);
    const bent = affineFromParameters("affine", [2, -1, 0.08, -0.1, 0.12, -0.06], c);
    const affine = await traceHomotopy(fixed, seen(bent), { model: "affine" });
    expect(far(affine.map, bent)).toBeLessThan(0.4);
  });
  test("register follows it on demand, and says where it cannot", async () => {
    const o = { preset: "rigid", metric: "ssd", init: "identity" } as const;
    const y = (await register(fixed, moving, { ...o, homotopy: true })).transform as AffineTransform;
    expect(far(y.map, truth)).toBeLessThan(0.3);
    await expect(register(fixed, moving, { ...o, metric: "mi", homotopy: true })).rejects.toThrow(/ssd or ncc/);
    await expect(register(fixed, moving, { preset: "diffeo", homotopy: true })).rejects.toThrow(/linear models/);
  });
  test("volumes and scales in the wrong order are refused", async () => {
    const solid = image(new Float32Array(64), grid({ size: [4, 4, 4] }));
    await expect(traceHomotopy(solid, solid, { model: "rigid" })).rejects.toThrow(/plane images/);
    await expect(traceHomotopy(fixed, moving, { model: "rigid", fromMm: 1, toMm: 2 })).rejects.toThrow(/larger/);
  });
});
