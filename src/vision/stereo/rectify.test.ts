import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { seeded } from "../../core/random.js";
import { image } from "../../image/index.js";
import { invertHomography, multiply3, project } from "../planar.js";
import { identity3, rotationOf, times3, transpose3 } from "../rotation.js";
import { lookAlong, sceneDepth, sceneView } from "../scene.js";
import { essentialOf } from "../views/essential.js";
import { pointsFromDisparity, readStereoPair, type StereoPair } from "./calibration.js";
import { drawRectified, rectifyCalibrated, rectifyPictures, rectifyUncalibrated } from "./rectify.js";
import { stereo } from "./stereo.js";

const size = [320, 200] as const;
const k = [260, 0, 159.5, 0, 260, 99.5, 0, 0, 1];
const seen = (K: ArrayLike<number>, p: readonly number[]) => {
  const [x, y, z] = times3(K, p);
  return [x / z, y / z] as const;
};
const inRight = ({ rotation, translation }: StereoPair, p: readonly number[]) => times3(rotation, p).map((v, c) => v + translation[c]);
/** Points before both cameras. */
function cloud(seed: number, n = 40) {
  const random = seeded(seed);
  return Array.from({ length: n }, () => [4 * random.uniform() - 2, 2.4 * random.uniform() - 1.2, 3 + 5 * random.uniform()]);
}
const number = (most: number) => fc.double({ min: -most, max: most, noNaN: true });

describe("rectification of known cameras", () => {
  test("leaves a rectified pair as it is, and tells its cameras", () => {
    const r = rectifyCalibrated({ left: k, right: k, rotation: identity3(), translation: [-0.5, 0, 0] }, size);
    for (const h of [r.left, r.right]) [1, 0, 0, 0, 1, 0, 0, 0, 1].forEach((v, i) => expect(h[i] / h[8]).toBeCloseTo(v, 12));
    expect(r.calibration.focal).toBeCloseTo(260, 9);
    expect(r.calibration.centre[0]).toBeCloseTo(159.5, 9);
    expect(r.calibration.baseline).toBeCloseTo(0.5, 12);
    expect(r.calibration.offset).toBeCloseTo(0, 9);
  });
  test("brings every point into one row, and its depth is focal · baseline / (disparity + offset), whatever the cameras", () => {
    fc.assert(
      fc.property(number(0.3), number(0.3), number(0.5), number(0.2), number(0.2), number(60), (a, b, c, ty, tz, f) => {
        const other = [260 + f, 0, 150, 0, 262 + f, 104, 0, 0, 1];
        const pair = { left: k, right: other, rotation: rotationOf(a, b, c), translation: times3(rotationOf(a, b, c), [-0.8, ty, tz]) };
        const r = rectifyCalibrated(pair, size);
        for (const p of cloud(1)) {
          const [u, v] = project(r.left, ...seen(k, p));
          const q = inRight(pair, p);
          if (q[2] < 0.1) continue;
          const [s, t] = project(r.right, ...seen(other, q));
          expect(Math.abs(v - t)).toBeLessThan(1e-7);
          const { focal, baseline, offset } = r.calibration;
          expect((focal * baseline) / (u - s + offset)).toBeCloseTo(times3(r.rotation, p)[2], 6);
        }
      }),
      { numRuns: 60, seed: 4 },
    );
  });
  test("refuses what cannot be rectified in one sentence", () => {
    const pair = { left: k, right: k, rotation: identity3(), translation: [-1, 0, 0] };
    expect(() => rectifyCalibrated({ ...pair, translation: [0, 0, 0] }, size)).toThrow(/at one place/);
    expect(() => rectifyCalibrated({ ...pair, translation: [1, 0, 0] }, size)).toThrow(/swap the pictures/);
    expect(() => rectifyCalibrated({ ...pair, translation: [-0.1, 0, -1] }, size)).toThrow(/seen by the other/);
    expect(() => rectifyCalibrated({ ...pair, left: [1, 2] }, size)).toThrow(/no camera matrix/);
    expect(() => rectifyCalibrated({ ...pair, rotation: [1, 0, 0, 0, 1, 0, 0, 0, -1] }, size)).toThrow(/determinant 1/);
  });
});

describe("rectification by a fundamental matrix", () => {
  const pair = {
    left: k,
    right: [255, 0, 162, 0, 255, 95, 0, 0, 1],
    rotation: rotationOf(0.05, -0.12, 0.08),
    translation: [-0.8, 0.1, 0.06],
  };
  const back = invertHomography(Float64Array.from(k)) as Float64Array;
  const f = multiply3(
    transpose3(invertHomography(Float64Array.from(pair.right)) as Float64Array),
    multiply3(essentialOf({ rotation: pair.rotation, translation: pair.translation as [number, number, number] }), back),
  );
  const points = cloud(2, 80);
  const pairs = (noise: number) => {
    const random = seeded(3);
    const jitter = (v: number) => v + noise * random.normal();
    return {
      a: Float64Array.from(points.flatMap((p) => seen(k, p).map(jitter))),
      b: Float64Array.from(points.flatMap((p) => seen(pair.right, inRight(pair, p)).map(jitter))),
    };
  };
  test("brings every point into one row, exactly where the matrix is exact", () => {
    const r = rectifyUncalibrated(f, pairs(0), size);
    expect(r.rowError).toBeLessThan(1e-8);
    for (const p of cloud(9)) {
      const v = project(r.left, ...seen(k, p))[1];
      expect(project(r.right, ...seen(pair.right, inRight(pair, p)))[1]).toBeCloseTo(v, 7);
    }
    // No mirror, no large shear: the middle keeps its neighbourhood.
    for (const h of [r.left, r.right]) {
      const [x0, y0] = project(h, 159.5, 99.5);
      const [[x1, y1], [x2, y2]] = [project(h, 160.5, 99.5), project(h, 159.5, 100.5)];
      const area = (x1 - x0) * (y2 - y0) - (y1 - y0) * (x2 - x0);
      expect(area).toBeGreaterThan(0.5);
      expect(area).toBeLessThan(2);
    }
  });
  test("leaves rows that agree where they are", () => {
    const a = Float64Array.from(points.flatMap((p) => seen(k, p)));
    const b = Float64Array.from(points.flatMap(([x, y, z]) => seen(k, [x - 0.4, y, z])));
    const r = rectifyUncalibrated([0, 0, 0, 0, 0, -1, 0, 1, 0], { a, b }, size);
    for (let i = 0; i < points.length; i++) {
      expect(project(r.right, b[2 * i], b[2 * i + 1])[0]).toBeCloseTo(project(r.right, 0, 0)[0] + b[2 * i] * (r.right[0] / r.right[8]), 6);
      expect(project(r.left, a[2 * i], a[2 * i + 1])[1]).toBeCloseTo(project(r.right, b[2 * i], b[2 * i + 1])[1], 6);
    }
    expect(r.right[0] / r.right[8]).toBeGreaterThan(0.8);
  });
  test("noise stays noise", () => {
    const r = rectifyUncalibrated(f, pairs(0.5), size);
    expect(r.rowError).toBeLessThan(1); // √2 · 0.5
    expect(r.disparities[1]).toBeGreaterThan(r.disparities[0] + 5);
  });
  test("refuses a pair that looks along its baseline, and too few pairs", () => {
    const ahead = multiply3(transpose3(back), multiply3(essentialOf({ rotation: identity3(), translation: [0, 0, -1] }), back));
    expect(() => rectifyUncalibrated(ahead, pairs(0), size)).toThrow(/seen by the other/);
    expect(() => rectifyUncalibrated(f, { a: [1, 2], b: [1, 2] }, size)).toThrow(/1 pairs/);
    expect(() => rectifyUncalibrated(new Float64Array(9), pairs(0), size)).toThrow(/no finite numbers/);
  });
});

describe("pictures of a scene", () => {
  const view = { focal: 260, width: 320, height: 200 };
  const poses = [
    { rotation: lookAlong(0), position: [-3, 0, -6] },
    { rotation: lookAlong(-0.06, 0.03, 0.05), position: [-2.6, 0.03, -5.95] },
  ] as const;
  const [left, right] = poses.map((p, i) => sceneView(p, { ...view, seed: i + 1 }));
  test("are rectified by their cameras, and stereo finds the scene's depth in them", () => {
    const rotation = multiply3(poses[1].rotation, transpose3(poses[0].rotation));
    const translation = times3(
      poses[1].rotation,
      poses[0].position.map((v, c) => v - poses[1].position[c]),
    );
    const r = rectifyCalibrated({ left: k, right: k, rotation, translation }, size);
    const [a, b] = [drawRectified(left, r.left, r), drawRectified(right, r.right, r)];
    const first = Math.floor(-r.calibration.offset);
    const found = stereo(a.picture, b.picture, { first, range: 48 });
    const points = pointsFromDisparity(found.disparity, ...size, r.calibration);
    const back = transpose3(r.rotation);
    const off: number[] = [];
    for (let i = 0; i < found.agreed.length; i++) {
      if (!found.agreed[i] || !a.covered[i]) continue;
      const [x, y, z] = times3(back, points.subarray(3 * i, 3 * i + 3));
      off.push(Math.abs(z / sceneDepth(poses[0], view, 159.5 + (260 * x) / z, 99.5 + (260 * y) / z) - 1));
    }
    expect(off.length).toBeGreaterThan(20_000);
    expect(off.sort((p, q) => p - q)[off.length >> 1]).toBeLessThan(0.05); // a quarter of a pixel of about eight
  });
  test("are rectified without them: rows agree to the noise of their features", () => {
    const r = rectifyPictures(left, right);
    expect([r.status, r.reason]).toEqual(["ok", expect.stringContaining("matches agree")]);
    expect(r.rectification?.rowError).toBeLessThan(1);
  });
  test("of nothing in common fail, and say so", () => {
    const random = seeded(8);
    const noise = image(
      Float32Array.from({ length: 320 * 200 }, () => random.uniform()),
      { size: [320, 200] },
    );
    expect([rectifyPictures(left, noise).status, rectifyPictures(left, left).status]).toEqual(["failed", "failed"]);
  });
});

test("cameras are read from JSON, and what is none is refused in one sentence", () => {
  const words = (o: object) =>
    JSON.stringify({ left: { K: k }, right: { fx: 260, cx: 159.5, cy: 99.5 }, R: identity3() as unknown, t: [-1, 0, 0], ...o });
  const rotation = [1, 0, 0, 0, 1, 0, 0, 0, 1];
  expect(readStereoPair(words({ R: rotation }))).toEqual({ left: k, right: k, rotation, translation: [-1, 0, 0] });
  for (const text of ["", "[]", words({ R: [1] }), words({ R: rotation, t: ["a", 0, 0] }), words({ R: rotation, left: {} })])
    expect(() => readStereoPair(text)).toThrow(/cameras: .*expected JSON/);
});
