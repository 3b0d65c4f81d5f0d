import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { beforeEach, describe, expect, test } from "vitest";
import { grid, type Image, image } from "../image/index.js";
import { engine } from "../kernels/index.js";
import { type RegisterOptions, register } from "./index.js";

const drawn = (size: readonly number[], bend: number): Image => {
  const [X, Y, Z = 1] = size;
  return image(
    Float32Array.from({ length: X * Y * Z }, (_, k) => {
      const [x, y, z] = [k % X, Math.floor(k / X) % Y, Math.floor(k / (X * Y))];
      const q = [x - X / 2 + bend * Math.sin(y / 9), y - Y / 2, z - Z / 2];
      const r = Math.hypot(1.1 * q[0], q[1], Z > 1 ? 1.2 * q[2] : 0) / (X / 2);
      return (r < 0.8 ? 1 : 0) * (0.6 + 0.4 * Math.cos(q[0] / 3) * Math.cos(q[1] / 4) * Math.cos(q[2] / 5));
    }),
    grid({ size }),
  );
};
const volume = [48, 44, 40];
const picture = [160, 150];

// What earlier tests left to the garbage collector must not be freed while a peak is measured.
setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;
beforeEach(async () => {
  for (let k = 0; k < 2; k++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 5)); // finalizers run between tasks
  }
});

describe("what a run holds at most is what was predicted", () => {
  test.each<[string, readonly number[], RegisterOptions]>([
    ["rigid", volume, { preset: "rigid", metric: "ncc" }],
    ["affine", volume, { preset: "affine", metric: "ncc" }],
    ["diffeo", volume, { preset: "diffeo", levels: [4, 2, 1] }],
    ["diffeo on coarse levels", volume, { preset: "diffeo", levels: [4, 2] }],
    ["bspline", volume, { preset: "bspline", levels: [4, 2, 1] }],
    ["bspline on coarse levels", volume, { preset: "bspline", levels: [4, 2] }],
    ["svf", volume, { preset: "svf", levels: [4, 2] }],
    ["displacement", volume, { transform: "displacement", levels: [4, 2] }],
    ["lddmm of pictures", [96, 90], { preset: "lddmm", levels: [4, 2] }],
    ["bspline of pictures", picture, { preset: "bspline", metric: "mi" }],
    ["svf of pictures", picture, { preset: "svf" }],
    ["diffeo of pictures", picture, { preset: "diffeo" }],
  ])(
    "%s",
    async (_, size, options) => {
      const [fixed, moving] = [drawn(size, 0), drawn(size, 1.5)];
      const { used } = engine().memoryUse;
      const { memory } = await register(fixed, moving, { init: "identity", ...options });
      const ratio = (memory.predictedBytes - used) / (memory.peakBytes - used);
      // A method that ends before it has filled its history holds less; the edges of small copies weigh more than those of the images.
      expect(ratio).toBeGreaterThan(0.8);
      expect(ratio).toBeLessThan(1.35);
    },
    60_000,
  );
});
