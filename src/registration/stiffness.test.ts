import { expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { image } from "../image/index.js";
import { noiseLevel, stiffnessFor } from "./stiffness.js";

/** Broad waves and white noise of a deviation σ relative to theirs, in the middle of a black border. */
function noisy(sigma: number, size = [150, 140]) {
  const random = seeded(5);
  const [W, H] = size;
  const inside = (x: number, n: number) => x > n / 4 && x < (3 * n) / 4;
  const values = Float32Array.from({ length: size.reduce((a, b) => a * b, 1) }, (_, i) => {
    const [x, y] = [i % W, Math.floor(i / W) % H];
    return inside(x, W) && inside(y, H) ? 100 * Math.sin(x / 9) + 100 * Math.cos(y / 8) + sigma * random.normal() : 0;
  });
  return image(values, { size });
}
const deviation = (v: ArrayLike<number>) => {
  const a = Array.from(v);
  const mean = a.reduce((s, x) => s + x, 0) / a.length;
  return Math.sqrt(a.reduce((s, x) => s + (x - mean) ** 2, 0) / a.length);
};

test.each([[[150, 140]], [[90, 80, 30]]])("the noise of an image of %j is told apart from its content and its background", (size) => {
  for (const sigma of [2, 5, 10]) {
    const im = noisy(sigma, size);
    const expected = sigma / deviation(im.values.data);
    // The median of some thousand places is known to a few percent.
    expect(noiseLevel(im) / expected).toBeGreaterThan(0.9);
    expect(noiseLevel(im) / expected).toBeLessThan(1.1);
  }
});

test("an image without contrast, or too small to tell, has no noise", () => {
  expect(noiseLevel(image(new Float32Array(100).fill(3), { size: [10, 10] }))).toBe(0);
  expect(noiseLevel(image(new Float32Array([1, 2, 3, 4]), { size: [2, 2] }))).toBe(0);
});

test("updates are smoothed the more, the coarser the level and the noisier the images, and never without bounds", () => {
  const [clean, rough, wild] = [0.5, 3, 60].map((s) => stiffnessFor(noisy(s), noisy(s), false, true));
  expect(clean.updateVoxels).toEqual([5, 4, 3, 2.2]);
  expect(rough.updateVoxels[3]).toBeGreaterThan(2.2);
  expect(Math.max(...wild.updateVoxels)).toBeLessThan(6.1);
  expect(stiffnessFor(noisy(0.5), noisy(0.5), true, true).updateVoxels).toEqual([5, 4, 3.5, 3.5]);
});

test("texture that two subjects do not share is held back by the whole's smoothing too, that of one object is not", () => {
  const [rough, wild] = [3, 60].map((s) => noisy(s));
  expect(stiffnessFor(rough, rough, false, true).totalVoxels).toEqual([0.5, 0.5, 0.5, 0.5]);
  expect(stiffnessFor(wild, wild, false, true).totalVoxels).toEqual([1.25, 1.25, 1.25, 1.25]);
  expect(stiffnessFor(wild, wild, true, true).totalVoxels).toEqual([0.5, 0.5, 0.5, 0.5]);
});
