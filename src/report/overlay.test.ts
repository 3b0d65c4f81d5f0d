import { expect, test } from "vitest";
import { overlaid } from "./overlay.js";
import type { Picture } from "./picture.js";

const gray = (width: number, height: number, value: number): Picture => ({
  width,
  height,
  channels: 1,
  data: new Uint8Array(width * height).fill(value),
});
const square = [
  [2, 2],
  [7, 2],
  [7, 7],
  [2, 7],
] as const;
const at = (p: Picture, x: number, y: number) => [...p.data.subarray(3 * (y * p.width + x), 3 * (y * p.width + x) + 3)];

test("a filled square covers its inside by its opacity, half of its border, and nothing else", () => {
  const p = overlaid(gray(10, 10, 100), [{ points: square, fill: [200, 100, 0, 0.5] }]);
  expect(at(p, 4, 4)).toEqual([150, 100, 50]);
  expect(at(p, 0, 4)).toEqual([100, 100, 100]);
  const [edge] = at(p, 2, 4);
  expect(edge).toBeGreaterThan(100);
  expect(edge).toBeLessThan(150);
});

test("a border is as wide as asked for, closed, and leaves the inside alone", () => {
  const p = overlaid(gray(12, 12, 0), [{ points: square, stroke: [255, 255, 255], width: 1 }]);
  for (const [x, y] of [...square, [4, 2], [2, 5], [7, 4], [5, 7]]) expect(at(p, x, y)).toEqual([255, 255, 255]);
  expect(at(p, 4, 4)).toEqual([0, 0, 0]);
  expect(at(p, 9, 9)).toEqual([0, 0, 0]);
});

test("what lies outside of the picture is cut, and what is at infinity is not drawn", () => {
  const p = overlaid(gray(4, 4, 9), [
    {
      points: [
        [-5, 1],
        [20, 1],
        [20, 1.5],
      ],
      stroke: [0, 255, 0],
    },
    {
      points: [
        [0, 0],
        [Number.POSITIVE_INFINITY, 0],
        [0, 3],
      ],
      fill: [255, 0, 0, 1],
    },
  ]);
  expect(at(p, 2, 1)[1]).toBe(255);
  expect(at(p, 0, 3)).toEqual([9, 9, 9]);
});
