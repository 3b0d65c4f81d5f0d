import { expect, test } from "vitest";
import { image } from "../../image/index.js";
import { register } from "../register.js";

// Bars along y: the images say nothing about a shift along them.
const bars = (x0: number) =>
  image(
    Float32Array.from(
      { length: 64 * 64 },
      (_, k) => Math.exp(-((((k % 64) - x0) / 5) ** 2)) + 0.6 * Math.exp(-((((k % 64) - x0 - 20) / 4) ** 2)),
    ),
    { size: [64, 64] },
  );
const fixedPoints = [
  [20, 20],
  [40, 45],
  [30, 30],
];
const movingPoints = fixedPoints.map(([x, y]) => [x + 3, y + 5]);

for (const metric of ["ncc", "mi"])
  test(`landmarks say what the images do not: a shift along bars (${metric})`, async () => {
    const { transform } = await register(bars(20), bars(23), { preset: "translation", metric, fixedPoints, movingPoints });
    const { map } = transform as unknown as { map: { offset: number[] } };
    expect(map.offset[0]).toBeCloseTo(3, 0);
    expect(map.offset[1]).toBeCloseTo(5, 0); // the start knows nothing of it, and the images neither
  });

test("landmarks that are no pairs get one sentence", async () => {
  const go = (o: object) => register(bars(20), bars(23), { preset: "translation", metric: "ncc", ...o });
  await expect(go({ fixedPoints })).rejects.toThrow(/fixedPoints came alone/);
  await expect(go({ fixedPoints, movingPoints: movingPoints.slice(1) })).rejects.toThrow(/3 fixed points and 2 moving points are no pairs/);
  await expect(go({ fixedPoints, movingPoints, pointsWeight: -1 })).rejects.toThrow(/pointsWeight is -1/);
});
