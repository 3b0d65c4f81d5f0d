import { expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { randomNormal, type Tensor } from "../tensor/index.js";
import { convolution, relu, sequential, tiled } from "./index.js";

test("an image in tiles with a margin as wide as the reach is the image at once", () => {
  const random = seeded(1);
  const f = sequential(convolution({ inputs: 2, outputs: 5, random }), relu(), convolution({ inputs: 5, outputs: 3, random, dilation: 2 }));
  for (const [h, w, tile] of [
    [40, 53, 16],
    [17, 64, 20],
    [9, 9, 4],
    [5, 30, 7],
  ]) {
    const x = randomNormal([2, 2, h, w], random);
    const [whole, parts] = [f.forward(x), tiled((t) => f.forward(t), x, { reach: 3, tile })];
    expect(parts.shape).toEqual(whole.shape);
    expect(parts.sub(whole).abs().max().item()).toBeLessThan(1e-5); // the order of sums may differ at the end of a row
    const narrow = tiled((t) => f.forward(t), x, { reach: 2, tile });
    if (h > tile && w > tile) expect(narrow.sub(whole).abs().max().item()).toBeGreaterThan(1e-3);
  }
});

test("no part is larger than a tile with its margins, and tiles begin at the multiple asked for", () => {
  const seen: number[][] = [];
  const x = randomNormal([1, 1, 50, 70], seeded(2));
  const f = (t: Tensor) => {
    seen.push([...t.shape]);
    return t;
  };
  expect([...tiled(f, x, { reach: 3, tile: 10, multiple: 4 }).data]).toEqual([...x.data]);
  expect(Math.max(...seen.flatMap(([, , h, w]) => [h, w]))).toBe(12 + 2 * 4);
  expect(seen.length).toBe(Math.ceil(50 / 12) * Math.ceil(70 / 12));
});

test("tiles of no size are refused", () =>
  expect(() => tiled((t) => t, randomNormal([1, 1, 4, 4], seeded(1)), { reach: 1, tile: 0 })).toThrow(/tile 0/));
