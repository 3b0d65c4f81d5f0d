import { describe, expect, test } from "vitest";
import { seeded } from "../../core/index.js";
import { type AffineMap, applyAffine, type Grid, grid, type Image, image } from "../../image/index.js";
import { engine } from "../../kernels/index.js";
import type { Tensor } from "../../tensor/index.js";
import { affineFromParameters } from "../../transforms/index.js";
import { deformablePlan } from "./atlas.js";
import { buildAtlas, commonGrid, withoutMean } from "./index.js";

const square: Grid = grid({ size: [64, 60] });
/** A soft ellipse with a bright core and two dark lakes. */
const face = (x: number, y: number): number => {
  const soft = (r: number) => 1 / (1 + Math.exp(3 * (r - 1) * 4));
  const e = (cx: number, cy: number, rx: number, ry: number) => soft(Math.hypot((x - cx) / rx, (y - cy) / ry));
  return 100 * e(0, 0, 22, 20) + 60 * e(0, 6, 9, 5) - 80 * e(-8, -6, 4, 4) - 80 * e(8, -6, 4, 5);
};
const drawn = (map: (x: number, y: number) => readonly [number, number], g = square): Image => {
  const values = new Float32Array(g.size[0] * g.size[1]);
  for (let y = 0, i = 0; y < g.size[1]; y++)
    for (let x = 0; x < g.size[0]; x++, i++) values[i] = face(...map(x - (g.size[0] - 1) / 2, y - (g.size[1] - 1) / 2));
  return image(values, g);
};
const bits = (t: Tensor) => Array.from(new Uint32Array(Float32Array.from(t.data).buffer));

describe("the mean of linear maps", () => {
  test("what is left has logarithms that sum to zero, so doing it again changes nothing", () => {
    const r = seeded(3);
    const maps = Array.from({ length: 5 }, () =>
      affineFromParameters(
        "affine",
        Array.from({ length: 12 }, (_, i) => (i < 3 ? 10 : 0.2) * (r.uniform() - 0.5)),
        [30, 40, 50],
      ),
    );
    const once = withoutMean(maps);
    const twice = withoutMean(once);
    for (const [i, m] of once.entries()) m.offset.forEach((v, k) => expect(twice[i].offset[k]).toBeCloseTo(v, 9)); // 1e-12 of logs, times 50 mm
  });
  test("a turn by φ and one by −φ about any point leave the point and each other's opposite", () => {
    const turn = (w: number) => affineFromParameters("rigid", [0, 0, w], [20, 10]);
    const [a, b] = withoutMean([turn(0.5), turn(0.1)]) as [AffineMap, AffineMap];
    expect(Math.atan2(a.matrix[2], a.matrix[0])).toBeCloseTo(0.2, 12);
    expect(Math.atan2(b.matrix[2], b.matrix[0])).toBeCloseTo(-0.2, 12);
    applyAffine(a, [20, 10]).forEach((v, i) => expect(v).toBeCloseTo([20, 10][i], 10));
  });
});

describe("the grid on which a group meets", () => {
  test("is the images' own when they share one", () => expect(commonGrid([square, square])).toBe(square));
  test("holds the largest extent at the finest spacing, in the mean of the middles", () => {
    const g = commonGrid([grid({ size: [10, 10] }), grid({ size: [10, 40], spacing: [1, 0.5], origin: [10, 0] })]);
    expect(g.size).toEqual([10, 40]);
    expect(g.origin[0]).toBeCloseTo(5);
  });
});

describe("rounds and levels", () => {
  test("few rounds go through several levels each, many go over the coarse ones again", () => {
    expect(deformablePlan([4, 2, 1], 1)).toEqual([[4, 2, 1]]);
    expect(deformablePlan([4, 2, 1], 2)).toEqual([[4], [2, 1]]);
    expect(deformablePlan([4, 2, 1], 5)).toEqual([[4], [4], [2], [2], [1]]);
  });
});

describe("an atlas", () => {
  const group = () =>
    [0.8, 1.1, 0.95, 1.2].map((s, k) => drawn((x, y) => [x / s + 4 * Math.sin(y / 6 + 1.6 * k) + k - 1.5, y * (0.9 + 0.06 * k)]));

  test("has the same bits in any order of the images and for any number of threads", async () => {
    const images = group();
    const a = await buildAtlas(images, { rounds: 3 });
    const before = engine().threads;
    engine().threads = before === 2 ? 1 : 2;
    const b = await buildAtlas(
      [2, 0, 3, 1].map((i) => images[i]),
      { rounds: 3 },
    );
    engine().threads = before;
    expect(bits(b.mean.values)).toEqual(bits(a.mean.values));
    expect(bits(b.transforms[1].displacement(a.grid))).toEqual(bits(a.transforms[0].displacement(a.grid)));
  });

  test("of a shape and its opposite lies at the midpoint", async () => {
    // Wider by 16 % and narrower by as much: their middle has the plain face's width.
    const [wide, narrow] = [1.16, 1 / 1.16].map((s) => drawn((x, y) => [x / s, y]));
    const truth = drawn((x, y) => [x, y]);
    const atlas = await buildAtlas([wide, narrow]);
    const distance = (a: Image) => {
      let sum = 0;
      const [p, q] = [a.values.data, truth.values.data];
      for (let i = 0; i < p.length; i++) sum += Math.abs(p[i] - q[i]);
      return sum / p.length;
    };
    // The two images are about 8 grey values from the truth on average; an eighth of that is a tenth of a pixel of edge.
    expect(distance(wide)).toBeGreaterThan(3);
    expect(distance(atlas.mean)).toBeLessThan(distance(wide) / 6);
  });

  test("is sharper the freer the maps are, and its maps have no displacement in common", async () => {
    const atlas = await buildAtlas(group());
    const [rigid, affine, diffeo] = atlas.stages;
    expect(affine.sharpness).toBeGreaterThan(rigid.sharpness);
    expect(diffeo.sharpness).toBeGreaterThan(1.05 * affine.sharpness);
    const mean = atlas.transforms.map((t) => (t as unknown as { parts: { field: Tensor }[] }).parts[0].field.data);
    let worst = 0;
    for (let i = 0; i < mean[0].length; i++) worst = Math.max(worst, Math.abs(mean.reduce((s, f) => s + f[i], 0) / mean.length));
    expect(worst).toBeLessThan(0.02); // linear interpolation of f32 fields through one inverse: hundredths of a pixel
  });

  test("says what it cannot take", async () => {
    await expect(buildAtlas([drawn((x, y) => [x, y])])).rejects.toThrow(/two or more/);
    const solid = image(new Float32Array(8 * 8 * 8), grid({ size: [8, 8, 8] }));
    await expect(buildAtlas([drawn((x, y) => [x, y]), solid])).rejects.toThrow(/2-D and 3-D/);
    await expect(buildAtlas([drawn((x, y) => [x, y]), drawn((x, y) => [y, x])], { rounds: 0 })).rejects.toThrow(/rounds/);
  });
});
