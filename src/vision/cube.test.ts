import { expect, test } from "vitest";
import { cubeOn, homographyOfPlane } from "./cube.js";
import { project } from "./planar.js";

const camera = [500, 0, 320, 0, 500, 240, 0, 0, 1];
const front = { rotation: Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1), translation: [-100, -100, 1000] as const };

test("seen from the front, the bottom is half as large as the object, the top is nearer and drawn last", () => {
  const faces = cubeOn(front, camera, [200, 200]);
  const width = (k: number) => Math.abs(faces[k].points[1][0] - faces[k].points[0][0]);
  expect(faces).toHaveLength(6);
  expect(width(0)).toBeCloseTo(50, 9); // 100 units at 1000, f = 500
  expect(width(5)).toBeCloseTo((500 * 100) / 900, 9);
  expect(faces[5].shade).toBe(1);
});

test("nothing is drawn when part of the cube is behind the camera", () => {
  expect(cubeOn({ ...front, translation: [-100, -100, 50] }, camera, [200, 200])).toEqual([]);
  expect(() => cubeOn(front, camera, [200, 200], 0)).toThrow(/positive/);
});

test("plane coordinates begin at the outer corner of the first pixel and end at that of the last", () => {
  const h = homographyOfPlane([1, 0, 0, 0, 1, 0, 0, 0, 1], [40, 30], [4, 3]);
  expect(project(h, 0, 0).slice(0, 2)).toEqual([-0.5, -0.5]);
  expect(project(h, 4, 3).slice(0, 2)).toEqual([39.5, 29.5]);
});
