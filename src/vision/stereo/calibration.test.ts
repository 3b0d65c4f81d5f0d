import { expect, test } from "vitest";
import { pointsFromDisparity, readStereoCalibration } from "./calibration.js";

const kitti = "700 0 600 0 0 700 180 0 0 0 1 0\n700 0 600 -350 0 700 180 0 0 0 1 0\n";

test("calibrations in both forms say the same", () => {
  const expected = { focal: 700, centre: [600, 180], baseline: 0.5, offset: 0 };
  expect(readStereoCalibration(kitti)).toEqual(expected);
  const lines = kitti.split("\n");
  expect(readStereoCalibration(`P1: ${lines[1]}\nP0: ${lines[0]}\n`)).toEqual(expected);
  expect(readStereoCalibration("cam0=[700 0 600; 0 700 180; 0 0 1]\ncam1=[700 0 600; 0 700 180; 0 0 1]\nbaseline=0.5\nwidth=9\n")).toEqual(
    expected,
  );
});

test("a point comes back from where the two cameras see it", () => {
  const c = { focal: 2, centre: [1, 0] as const, baseline: 3, offset: 0 };
  // (4, −2, 6) is seen at u = 1 + 2·4/6 … choose z so that it falls on a pixel: z = 4, x = 2, y = 0: u = 2, d = f b / z = 1.5.
  const points = pointsFromDisparity([Number.NaN, 0, 1.5], 3, 1, c);
  expect([...points.slice(6)]).toEqual([2, 0, 4]);
  expect([...points.slice(0, 6)].every(Number.isNaN)).toBe(true);
});

test("what is no calibration is refused in a sentence", () => {
  expect(() => readStereoCalibration("hello")).toThrow("neither two lines of 12 numbers");
  expect(() => readStereoCalibration(kitti.replace("-350", "0"))).toThrow("cameras at two places");
  expect(() => pointsFromDisparity([1, 2], 3, 1, { focal: 1, centre: [0, 0], baseline: 1, offset: 0 })).toThrow("3×1");
});
