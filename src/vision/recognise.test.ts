import { expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { type Image, image } from "../image/index.js";
import { project } from "./planar.js";
import { recognise } from "./recognise.js";

const [width, height] = [180, 140];
/** Discs of random size and brightness: a poster of its own for every seed. */
function poster(seed: number): (x: number, y: number) => number {
  const random = seeded(seed);
  const discs = Array.from({ length: 120 }, () => [width, height, 14, 1].map((s) => s * random.uniform()));
  return (x, y) => {
    let v = 0.5;
    for (const [a, b, r, g] of discs) {
      const d = Math.hypot(x - a, y - b) - r;
      if (d < 1) v += (g - v) * Math.min(1, 1 - d);
    }
    return x >= 0 && y >= 0 && x < width && y < height ? v : 0.5;
  };
}
const draw = (f: (x: number, y: number) => number): Image =>
  image(
    Float32Array.from({ length: width * height }, (_, k) => f(k % width, Math.floor(k / width))),
    { size: [width, height] },
  );

test("the object that a picture shows comes first with its place, and the others are not claimed", () => {
  const posters = [1, 2, 3].map(poster);
  // Picture → poster: turned by 0.3, larger by 1 / 0.9, shifted.
  const [c, s] = [0.9 * Math.cos(0.3), 0.9 * Math.sin(0.3)];
  const shown = draw((x, y) => posters[1](c * (x - 20) + s * (y - 5), -s * (x - 20) + c * (y - 5)));
  const found = recognise(posters.map(draw), shown);
  expect(found.map((r) => r.status)).toEqual(["ok", "failed", "failed"]);
  expect(found[0].reference).toBe(1);
  const h = found[0].h as Float64Array;
  const [x, y] = project(h, c * 60 + s * 40, -s * 60 + c * 40);
  // A picture of 180 pixels with sharp edges: a third of a pixel is what its keypoints hold.
  expect(Math.hypot(x - 80, y - 45)).toBeLessThan(0.33);
});

test("without references there is nothing to recognise", () => {
  expect(() => recognise([], draw(poster(1)))).toThrow(/no references came/);
});
