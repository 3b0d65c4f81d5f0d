import { afterAll, describe, expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { Engine } from "./engine.js";
import { directionHistograms, gradientDescriptors, gradientMoments } from "./gradientPatch.js";
import * as kernels from "./keypoints.js";
import * as patches from "./reference/gradientPatch.js";
import * as twin from "./reference/keypoints.js";
import * as rows from "./reference/twoNearest.js";
import { temporary } from "./temporary.js";
import { twoNearest } from "./twoNearest.js";

const engines = [1, 2, 3].map((threads) => new Engine({ threads }));
const others = [new Engine({ deterministic: true }), new Engine({ shared: false })];
afterAll(() => {
  for (const e of [...engines, ...others]) e.close();
});
const all = [...engines, ...others];
const plane = (H: number, W: number, seed = 1) => {
  const random = seeded(seed);
  return Float32Array.from({ length: H * W }, () => random.uniform());
};
/** A plane through a kernel that writes `bytes` bytes. */
function through(e: Engine, inputs: readonly Float32Array[], bytes: number, work: (inputs: number[], out: number) => void): Uint8Array {
  return temporary(e, (reserve) => {
    const at = inputs.map((x) => {
      const p = reserve(4 * x.length);
      e.f32(p, x.length).set(x);
      return p;
    });
    const out = reserve(bytes);
    work(at, out);
    return new Uint8Array(e.memory.buffer, out, bytes).slice();
  });
}
const floats = (b: Uint8Array) => Array.from(new Float32Array(b.buffer));
const sizes = [
  [1, 1],
  [2, 2],
  [3, 5],
  [7, 4],
  [9, 9],
  [31, 18],
  [40, 53],
] as const;

describe("planes of keypoints", () => {
  test.each(sizes)("doubling and halving agree with their twins: %d × %d", (H, W) => {
    const x = plane(H, W);
    for (const e of all) {
      const twice = floats(through(e, [x], 16 * H * W, ([p], o) => kernels.doubledPlane(e, p, o, H, W)));
      twin.doubledPlane(x, H, W).forEach((v, k) => {
        expect(twice[k]).toBeCloseTo(v, 6);
      });
      const half = twin.halvedPlane(x, H, W);
      expect(floats(through(e, [x], 4 * half.length, ([p], o) => kernels.halvedPlane(e, p, o, H, W)))).toEqual(Array.from(half));
    }
  });
  test("halving undoes doubling", () => {
    const x = plane(11, 6);
    expect(Array.from(twin.halvedPlane(twin.doubledPlane(x, 11, 6), 22, 12))).toEqual(Array.from(x));
  });
  test.each(sizes)("extremes are those of the twin: %d × %d", (H, W) => {
    const [a, b, c] = [1, 2, 3].map((s) => plane(H, W, s).map((v) => v - 0.5));
    for (const e of all)
      for (const [border, threshold] of [
        [1, 0],
        [2, 0.3],
      ]) {
        const found = through(e, [a, b, c], H * W, ([p, q, r], o) => kernels.extremaMask(e, [p, q, r], o, H, W, { border, threshold }));
        expect(found).toEqual(twin.extremaMask(a, b, c, H, W, border, threshold));
        const flat = through(e, [b], H * W, ([q], o) => kernels.extremaMask(e, [q, q, q], o, H, W, { border, threshold }));
        expect(flat).toEqual(twin.extremaMask(undefined, b, undefined, H, W, border, threshold));
      }
    if (H > 30) expect(twin.extremaMask(undefined, b, undefined, H, W, 1, 0).reduce((s, v) => s + v, 0)).toBeGreaterThan(10);
  });
  test.each(sizes)("the segment test scores as its twin: %d × %d", (H, W) => {
    const random = seeded(5);
    // Blocks, so that there are corners.
    const x = Float32Array.from(
      { length: H * W },
      (_, k) => (Math.floor(k / W / 6) % 2) * (Math.floor((k % W) / 7) % 2) + 0.1 * random.uniform(),
    );
    const expected = twin.segmentScore(x, H, W, 0.2);
    if (H > 30) expect(expected.some((v) => v > 0)).toBe(true);
    for (const e of all) {
      const found = floats(through(e, [x], 4 * H * W, ([p], o) => kernels.segmentScore(e, p, o, H, W, 0.2)));
      expected.forEach((v, k) => {
        expect(found[k]).toBeCloseTo(v, 6);
      });
    }
  });
  test("differences", () => {
    const [a, b] = [plane(5, 7, 1), plane(5, 7, 2)];
    for (const e of all)
      expect(floats(through(e, [a, b], 140, ([p, q], o) => kernels.planeDifference(e, p, q, o, 35)))).toEqual(
        Array.from(a, (v, k) => Math.fround(b[k] - v)),
      );
  });
});

describe("patches of gradients", () => {
  const [H, W] = [37, 45];
  const image = Float32Array.from(
    { length: H * W },
    (_, k) => Math.sin(0.37 * (k % W)) + Math.cos(0.23 * Math.floor(k / W) + 0.1 * (k % W)),
  );
  const frames = Float32Array.from([
    ...[20.3, 17.8, 9, 2, -2, 9],
    ...[3.1, 4.4, 6, 0, 0, 6], // reaches beyond the border
    ...[30, 30, 4, 5, -6, 3],
    ...[22, 19, 0.2, 0, 0, 0.2],
  ]);
  test("histograms of directions agree with the twin", () => {
    const expected = patches.directionHistograms(image, H, W, frames, 4, 16, 36, 0.5);
    for (const e of all)
      temporary(e, (reserve) => {
        const p = reserve(4 * image.length);
        e.f32(p, image.length).set(image);
        const found = directionHistograms(e, p, H, W, frames, { samples: 16, bins: 36, sigma: 0.5 });
        // A gradient of size 1 near a bin's edge moves by rounding of its angle, 1e-5 of a bin; some 200 are added.
        expected.forEach((v, k) => {
          expect(Math.abs(found[k] - v)).toBeLessThan(2e-3);
        });
      });
  });
  test("smoothed around the circle they are the twin's", () => {
    for (const e of all)
      temporary(e, (reserve) => {
        const p = reserve(4 * image.length);
        e.f32(p, image.length).set(image);
        const o = { samples: 16, bins: 36, sigma: 0.5 };
        const expected = patches.smoothCircles(directionHistograms(e, p, H, W, frames, o), 36, 2);
        const found = directionHistograms(e, p, H, W, frames, { ...o, smoothings: 2 });
        // f32 between the two turns.
        expected.forEach((v, k) => {
          expect(Math.abs(found[k] - v)).toBeLessThan(1e-6 * (1 + v));
        });
      });
  });
  test("second moments agree with the twin", () => {
    const expected = patches.gradientMoments(image, H, W, frames, 4, 16, 0.5);
    for (const e of all)
      temporary(e, (reserve) => {
        const p = reserve(4 * image.length);
        e.f32(p, image.length).set(image);
        const found = gradientMoments(e, p, H, W, frames, { samples: 16, sigma: 0.5 });
        expected.forEach((v, k) => {
          expect(Math.abs(found[k] - v)).toBeLessThan(1e-5 * (1 + Math.abs(v)) + 1e-4 * expected[3 * Math.floor(k / 3)]);
        });
      });
  });
  test.each([true, false])("descriptors are the twin's, rounded (root: %s)", (root) => {
    const o = { samples: 24, factors: [0.8, 1, 1.25], root, unit: root ? 254 : 320 };
    const expected = patches.gradientDescriptors(image, H, W, frames, 4, o);
    const results = all.map((e) =>
      temporary(e, (reserve) => {
        const p = reserve(4 * image.length);
        e.f32(p, image.length).set(image);
        return gradientDescriptors(e, p, H, W, frames, o);
      }),
    );
    for (const found of results)
      expected.forEach((v, k) => {
        expect(Math.abs(found[k] - v)).toBeLessThan(0.52);
      });
    expect(results[1]).toEqual(results[0]);
    expect(results[2]).toEqual(results[0]);
    expect(Math.max(...expected)).toBeGreaterThan(40);
  });
});

describe("nearest rows", () => {
  test.each([
    [0, 5],
    [1, 0],
    [1, 1],
    [3, 2],
    [4, 7],
    [13, 31],
    [65, 40],
  ])("of bytes: %d against %d", (m, n) => {
    const random = seeded(3);
    // Few values, so that there are ties.
    const draw = (count: number) => Uint8Array.from({ length: 128 * count }, () => (random.uniform() < 0.8 ? 0 : 127 - random.integer(2)));
    const [a, b] = [draw(m), draw(n)];
    for (const e of all) expect(twoNearest(e, a, b)).toEqual(rows.twoNearest(a, b, 128));
  });
  test.each([
    [0, 5],
    [1, 0],
    [2, 1],
    [33, 50],
  ])("of bits: %d against %d", (m, n) => {
    const random = seeded(4);
    const draw = (count: number) => Uint8Array.from({ length: 32 * count }, () => random.integer(256));
    const [a, b] = [draw(m), draw(n)];
    for (const e of all) expect(twoNearest(e, a, b, { bits: true })).toEqual(rows.twoNearestBits(a, b, 32));
  });
});
