import { expect, test } from "vitest";
import { flowPicture } from "./flowPicture.js";

const colour = (u: number, v: number) => [...flowPicture({ width: 1, height: 1, u: [u], v: [v] }, 2).data];

test("a flow's colour says where it goes: white stays, opposite ways have unlike hues, what is unknown is black", () => {
  expect(colour(0, 0)).toEqual([255, 255, 255]);
  expect(colour(Number.NaN, 0)).toEqual([0, 0, 0]);
  expect(colour(2, 0)).toEqual([255, 0, 0]);
  const [r, g, b] = colour(-2, 0);
  expect(r).toBeLessThan(40);
  expect(Math.min(g, b)).toBeGreaterThan(100);
});

test("half as far is half as full, and beyond the longest it darkens", () => {
  expect(colour(1, 0)).toEqual([255, 127, 127]);
  expect(colour(5, 0)).toEqual([191, 0, 0]);
});
