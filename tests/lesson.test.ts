import { describe, expect, test } from "vitest";
import { captureRange, descent, distance, scenes, slope, smoothed } from "../docs/.vitepress/theme/lesson.js";

/** What the lesson in one dimension says of its four scenes. */
const [ramps, equal, unequal, texture] = scenes;
const wide = (scene: (typeof scenes)[number], truth: number, sigma = 0) => {
  const range = captureRange(smoothed(scene.fixed, sigma), smoothed(scene.moving, sigma), truth);
  return range ? range[1] - range[0] : 0;
};

describe("the lesson", () => {
  test("the slope is the derivative of the distance", () => {
    for (const { fixed, moving } of scenes)
      for (const t of [-3, 2, 7.5]) {
        const h = 1e-3;
        const difference = (distance(fixed, moving, t + h) - distance(fixed, moving, t - h)) / (2 * h);
        expect(slope(fixed, moving, t)).toBeCloseTo(difference, 2);
      }
  });
  test("ramps find home from everywhere, bells where they overlap, and blur makes the way longer", () => {
    expect(wide(ramps, 12)).toBeGreaterThan(70);
    expect(wide(equal, 12)).toBeLessThan(60);
    expect(descent(equal.fixed, equal.moving, -30)).not.toBeCloseTo(12, 0);
    expect(wide(equal, 12, 6)).toBeGreaterThan(wide(equal, 12));
  });
  test("bells of unequal height: at the minimum the areas are equal though the bells are not", () => {
    expect(Math.abs(slope(unequal.fixed, unequal.moving, 12))).toBeLessThan(1e-3);
    expect(distance(unequal.fixed, unequal.moving, 12)).toBeGreaterThan(0.5);
    expect(descent(unequal.fixed, unequal.moving, 6)).toBeCloseTo(12, 1);
  });
  test("a texture has a short way home, and a longer one when it is blurred", () => {
    expect(wide(texture, 9)).toBeLessThan(25);
    expect(wide(texture, 9, 4)).toBeGreaterThan(wide(texture, 9));
  });
});
