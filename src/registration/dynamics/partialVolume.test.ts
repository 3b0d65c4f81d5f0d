import { describe, expect, test } from "vitest";
import { seeded } from "../../core/random.js";
import { gaussian, Tensor } from "../../tensor/index.js";
import { partialVolume } from "./partialVolume.js";

const [W, H] = [48, 40];
const inRing = (i: number) => Math.hypot((i % W) - 24, Math.floor(i / W) - 20);
const labels = Float32Array.from({ length: W * H }, (_, i) => (inRing(i) < 6 ? 7 : inRing(i) < 11 ? 3 : 0));
const curves = {
  3: [0, 0, 40, 60, 50, 42, 36, 30],
  7: [0, 0, 0, 10, 25, 40, 50, 58],
};
/** Textured anatomy and, in two regions, uptake; both seen through a blur. */
function series(sigma: number, noise: number) {
  const random = seeded(4);
  const anatomy = Float32Array.from({ length: W * H }, () => 60 + 15 * random.normal());
  return curves[3].map((_, t) => {
    const scene = labels.map((l, i) => anatomy[i] + (l === 3 ? curves[3][t] : l === 7 ? curves[7][t] : 0));
    const seen = sigma > 0 ? gaussian(Tensor.from(scene, [1, H, W]), { sigma }).data : scene;
    return Float32Array.from(seen, (v) => v + noise * random.normal());
  });
}
const relative = (c: ArrayLike<number>, truth: readonly number[]) => {
  const first = c[0];
  return Math.sqrt(truth.reduce((s, v, t) => s + (c[t] - first - v) ** 2, 0) / truth.length) / Math.max(...truth);
};
const meanOf = (frames: readonly ArrayLike<number>[], label: number) => {
  const where = Array.from(labels.keys()).filter((i) => labels[i] === label);
  return frames.map((f) => where.reduce((s, i) => s + f[i], 0) / where.length);
};

describe("partialVolume", () => {
  test("finds the blur, and the curves that it mixed, whatever the anatomy", () => {
    for (const sigma of [0.8, 1.3]) {
      const frames = series(sigma, 1);
      const r = partialVolume(frames, labels, [W, H], [3, 7]);
      expect(Math.abs(r.sigmaVoxels - sigma)).toBeLessThan(0.1); // noise of 1 against changes of 60 on 380 voxels
      for (const [k, label] of ([3, 7] as const).entries()) {
        expect(relative(r.changes[k], curves[label])).toBeLessThan(0.01);
        expect(relative(meanOf(frames, label), curves[label])).toBeGreaterThan(0.03);
        expect(r.changes[k].reduce((a, b) => a + b, 0)).toBeCloseTo(0, 8); // against the mean over the frames
      }
    }
  });
  test("sharp regions: the changes of their means, exactly", () => {
    const frames = series(0, 0);
    const r = partialVolume(frames, labels, [W, H], [3, 7]);
    expect(r.sigmaVoxels).toBe(0);
    expect(r.own).toEqual([1, 1]);
    for (const [k, label] of ([3, 7] as const).entries()) expect(relative(r.changes[k], curves[label])).toBeLessThan(1e-6); // sums of f32 values
  });
  test("of noise alone no blur is made up", () => {
    const random = seeded(9);
    for (let trial = 0; trial < 5; trial++) {
      const frames = curves[3].map(() => Float32Array.from({ length: W * H }, () => 50 + random.normal()));
      const r = partialVolume(frames, labels, [W, H], [3, 7]);
      expect(r.sigmaVoxels).toBe(0);
      const mean = meanOf(frames, 3);
      const overTime = mean.reduce((a, b) => a + b, 0) / mean.length;
      mean.forEach((m, t) => {
        expect(r.changes[0][t]).toBeCloseTo(m - overTime, 4);
      });
    }
  });
  test("regions at the picture's border and in volumes are regions too", () => {
    const size = [10, 9, 8];
    const random = seeded(2);
    const ids = Float32Array.from({ length: 720 }, (_, i) => Number(i % 10 < 5));
    const frames = [0, 30, 10, 20].map((c) => {
      const seen = gaussian(
        Tensor.from(
          Float32Array.from(ids, (l) => 20 + c * l),
          [1, 8, 9, 10],
        ),
        { sigma: 1 },
      );
      return Float32Array.from(seen.data, (v) => v + 0.1 * random.normal());
    });
    const r = partialVolume(frames, ids, size, [1]);
    expect(relative(r.changes[0], [0, 30, 10, 20])).toBeLessThan(0.02);
  });
});
