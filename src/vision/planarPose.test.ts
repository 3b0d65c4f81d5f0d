import fc from "fast-check";
import { expect, test } from "vitest";
import { multiply3 } from "./planar.js";
import { poseFromHomography } from "./planarPose.js";

/** exp of a rotation vector (Rodrigues). */
function turn([x, y, z]: readonly number[]): Float64Array {
  const a = Math.hypot(x, y, z);
  const w = [0, -z, y, z, 0, -x, -y, x, 0];
  const [s, c] = a > 1e-9 ? [Math.sin(a) / a, (1 - Math.cos(a)) / (a * a)] : [1, 0.5];
  const ww = multiply3(w, w);
  return Float64Array.from(w, (v, i) => (i % 4 === 0 ? 1 : 0) + s * v + c * ww[i]);
}
const camera = [700, 0, 320, 0, 690, 240, 0, 0, 1];
const homographyFor = (r: ArrayLike<number>, t: readonly number[]) =>
  multiply3(
    camera,
    [0, 1, 2].flatMap((i) => [r[3 * i], r[3 * i + 1], t[i]]),
  );

test("the pose that made a homography is the first of the two, whatever the homography's factor", () => {
  const angle = fc.double({ min: -0.7, max: 0.7, noNaN: true });
  fc.assert(
    fc.property(angle, angle, fc.double({ min: -3, max: 3, noNaN: true }), fc.constantFrom(-2, 0.3, 1), (a, b, c, factor) => {
      const r = multiply3(turn([a, b, 0]), turn([0, 0, c]));
      const t = [-40, 30, 900];
      const [best, other] = poseFromHomography(
        homographyFor(r, t).map((v) => factor * v),
        camera,
        [200, 150],
      );
      // f64; near the front view the two poses meet, and the missing components are roots of small numbers: 1e-16 becomes 1e-8.
      for (let i = 0; i < 9; i++) expect(Math.abs(best.rotation[i] - r[i])).toBeLessThan(1e-6);
      for (let i = 0; i < 3; i++) expect(Math.abs(best.translation[i] - t[i])).toBeLessThan(1e-3);
      expect(best.error).toBeLessThan(1e-3);
      expect(other.error).toBeGreaterThanOrEqual(best.error);
    }),
    { numRuns: 60 },
  );
});

test("the second pose is a rotation too, with the object in front, tilted the other way", () => {
  const r = turn([0.5, 0, 0]);
  const [, other] = poseFromHomography(homographyFor(r, [-100, -75, 900]), camera, [200, 150]);
  const rrt = multiply3(
    other.rotation,
    [0, 3, 6, 1, 4, 7, 2, 5, 8].map((i) => other.rotation[i]),
  );
  for (let i = 0; i < 9; i++) expect(rrt[i]).toBeCloseTo(i % 4 === 0 ? 1 : 0, 9);
  expect(other.translation[2]).toBeGreaterThan(0);
  expect(Math.sign(other.rotation[5])).toBe(-Math.sign(r[5]));
});

test("what gives no pose is said in a sentence", () => {
  expect(() => poseFromHomography([1, 0, 0, 0, 1, 0, 0, 0, 0], camera, [10, 10])).toThrow(/H has no inverse/);
  expect(() => poseFromHomography([1, 0, 0, 0, 1, 0, 0, 0, 1], [1, 0, 0], [10, 10])).toThrow(/3×3/);
  expect(() => poseFromHomography([1, 0, 0, 0, 1, 0, -0.2, 0, 1], camera, [10, 10])).toThrow(/behind the camera/);
  expect(() => poseFromHomography([1, 0, 0, 0, 1, 0, 0, 0, 1], camera, [0, 10])).toThrow(/both sides are positive/);
});
