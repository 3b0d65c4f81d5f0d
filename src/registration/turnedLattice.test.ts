import { expect, test } from "vitest";
import { seeded } from "../core/index.js";
import { applyAffine, grid, image, indexToPhysical } from "../image/index.js";
import { Tensor } from "../tensor/index.js";
import { register } from "./register.js";
import { onTurnedLattice } from "./turnedLattice.js";

test("a ramp on a turned lattice is the same ramp in space, with weights where the picture lies, about as many as it has pixels", () => {
  const g = grid({ size: [40, 30], spacing: [2, 2], origin: [5, -3] });
  const ramp = ([x, y]: readonly number[]) => 3 * x - 2 * y + 1;
  const fixed = image(
    Float32Array.from({ length: 1200 }, (_, k) => ramp([5 + 2 * (k % 40), -3 + 2 * Math.floor(k / 40)])),
    g,
  );
  const { level, free } = onTurnedLattice({ fixed, moving: fixed });
  const weights = Array.from(level.fixedMask?.data ?? []);
  const values = Array.from(level.fixed.values.data);
  const at = indexToPhysical(level.fixed.grid);
  const [W] = level.fixed.grid.size;
  weights.forEach((w, k) => {
    const p = applyAffine(at, [k % W, Math.floor(k / W)]);
    // Two samples from the border a cubic spline of a ramp is a ramp no more.
    const inner = p[0] > 15 && p[0] < 73 && p[1] > 7 && p[1] < 45;
    if (inner) expect([w, Math.abs(values[k] - ramp(p)) < 0.05]).toEqual([1, true]);
  });
  expect(Math.abs(weights.reduce((a, b) => a + b, 0) / 1200 - 1)).toBeLessThan(0.08); // up to half a pixel more on every side
  free();
});

test("mutual information of noisy pictures is not drawn to shifts by whole pixels", async () => {
  const spots = (() => {
    const random = seeded(5);
    return Array.from({ length: 40 }, () => ({
      at: [8 + 80 * random.uniform(), 8 + 80 * random.uniform()],
      width: 3 + 5 * random.uniform(),
      value: 20 + 80 * random.uniform(),
    }));
  })();
  const what = (x: number, y: number) =>
    spots.reduce((s, { at, width, value }) => s + value * Math.exp(-((x - at[0]) ** 2 + (y - at[1]) ** 2) / (2 * width * width)), 0);
  const random = seeded(6);
  const drawn = (f: (x: number, y: number) => number) =>
    image(
      Float32Array.from({ length: 96 * 96 }, (_, k) => f(k % 96, Math.floor(k / 96)) + 4 * random.normal()),
      grid({ size: [96, 96] }),
    );
  const fixed = drawn(what);
  for (const shift of [
    [3, -2],
    [3.3, -1.6],
  ]) {
    const moving = drawn((x, y) => 200 - what(x - shift[0], y - shift[1]));
    const { transform } = await register(fixed, moving, { preset: "translation", metric: "mi", init: "identity" });
    const [x, y] = transform.apply(Tensor.from(Float64Array.from([48, 48]), [1, 2])).data;
    // Noise alone leaves about 0.02; a false maximum at whole pixels would pull by 0.3.
    expect(Math.hypot(x - 48 - shift[0], y - 48 - shift[1])).toBeLessThan(0.08);
  }
});
