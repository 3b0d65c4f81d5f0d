import { describe, expect, test } from "vitest";
import { identityMap } from "../image/grid.js";
import { image } from "../image/index.js";
import { warp } from "../transforms/index.js";
import { activeRegion, cropped, pasted, regionAround, sizeOf } from "./region.js";
import { register } from "./register.js";

const blob = (size: readonly number[], at: readonly number[], radius: number) =>
  image(
    Float32Array.from({ length: size[0] * size[1] }, (_, i) => {
      const r = Math.hypot((i % size[0]) - at[0], Math.floor(i / size[0]) - at[1]);
      return r < radius ? 100 + 40 * Math.sin(i % size[0]) : 0;
    }),
    { size },
  );

describe("regions", () => {
  test("the box around what is shown, with its margin, within the image", () => {
    const im = blob([40, 30], [10, 20], 5);
    expect(regionAround(im.values.data, im.grid, [2, 2])).toEqual({ low: [4, 14], high: [17, 27] });
    expect(regionAround(new Float32Array(1200), im.grid, [2, 2])).toBeUndefined();
    const box = { low: [4, 14], high: [17, 27] };
    const part = cropped(im, box);
    expect([part.grid.size, part.grid.origin]).toEqual([
      [13, 13],
      [4, 14],
    ]);
    expect(Array.from(pasted(part.values.data, box, im.grid).data)).toEqual(Array.from(im.values.data));
  });
  test("both images count, the moving one where the map brings it", () => {
    const [f, m] = [blob([160, 160], [50, 50], 12), blob([160, 160], [60, 58], 12)];
    const region = activeRegion(f, m, identityMap(2));
    expect(region).toEqual({ low: [31, 31], high: [80, 78] });
    const shifted = activeRegion(f, m, { matrix: [1, 0, 0, 1], offset: [10, 8] });
    expect(sizeOf(shifted as NonNullable<typeof shifted>)).toEqual([39, 39]);
  });
  test("an image that shows something nearly everywhere, or nothing, has none", () => {
    const full = image(
      Float32Array.from({ length: 1600 }, (_, i) => i % 7),
      { size: [40, 40] },
    );
    expect(activeRegion(full, full, identityMap(2))).toBeUndefined();
    const flat = image(new Float32Array(1600), { size: [40, 40] });
    expect(activeRegion(flat, flat, identityMap(2))).toBeUndefined();
  });
  test("a wide black margin changes a deformation by less than a tenth of a voxel where there is anatomy", async () => {
    const scene = (size: number, at: number, bend: number) =>
      image(
        Float32Array.from({ length: size * size }, (_, i) => {
          const [x, y] = [(i % size) - at, Math.floor(i / size) - at];
          const u = x + bend * Math.sin(y / 9);
          const r = Math.hypot(u / 1.1, y);
          return r < 26 ? 60 + 30 * Math.sin(u / 4) * Math.cos(y / 5) + (r < 12 ? 50 : 0) : 0;
        }),
        { size: [size, size] },
      );
    const run = async (size: number) => {
      const at = size / 2;
      const r = await register(scene(size, at, 0), scene(size, at, 1.5), { preset: "diffeo", metric: "lncc", init: "identity" });
      const grid = { size: [41, 41], spacing: [1, 1], origin: [at - 20, at - 20], direction: [1, 0, 0, 1] };
      const w = warp(scene(size, at, 1.5), r.transform, grid);
      // Copies: a view holds no tensor, whose place the next registration may take.
      return { u: Float32Array.from(r.transform.displacement(grid).data), w: Float32Array.from(w.values.data) };
    };
    const [tight, wide] = [await run(72), await run(160)];
    const apart = Array.from(tight.u, (v, i) => Math.abs(v - wide.u[i]));
    expect(apart.reduce((a, b) => a + b, 0) / apart.length).toBeLessThan(0.1);
  });
});
