import { afterAll, describe, expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { Engine } from "./engine.js";
import * as twin from "./reference/tileProducts.js";
import { tileProducts } from "./tileProducts.js";

const engines = [new Engine({ threads: 1 }), new Engine({ threads: 2 }), new Engine({ threads: 3 })];
const others = [new Engine({ deterministic: true }), new Engine({ shared: false })];
afterAll(() => {
  for (const e of [...engines, ...others]) e.close();
});

describe("tile products", () => {
  test.each([
    [1, [1, 16, 16], [1, 8, 8], [0, 8, 8]],
    [2, [1, 13, 21], [1, 4, 4], [0, 3, 3]],
    [2, [1, 7, 5], [1, 8, 8], [0, 2, 2]],
    [3, [5, 9, 11], [2, 4, 4], [1, 2, 2]],
    [1, [4, 6, 18], [3, 5, 5], [2, 7, 7]],
    [1, [1, 1, 1], [1, 1, 1], [0, 0, 0]],
    [1, [1, 2, 2], [1, 1, 1], [0, 1, 1]],
    [0, [1, 4, 4], [1, 2, 2], [0, 1, 1]],
    [1, [1, 0, 4], [1, 2, 2], [0, 1, 1]],
  ] as const)("agree with the twin: %d channels of %j, tiles %j, shifts %j", (channels, size, tile, radius) => {
    const random = seeded(7);
    const n = channels * size.reduce<number>((s, v) => s * v, 1);
    const draw = () => Float32Array.from({ length: n }, () => (random.uniform() < 0.2 ? 0 : random.normal()));
    const [a, b] = [draw(), draw()];
    const o = { tile, radius };
    const expected = twin.tileProducts(a, b, channels, size as never, o);
    for (const e of [...engines, ...others]) {
      const found = tileProducts(e, a, b, channels, size as never, o);
      expect(found.length).toBe(expected.length);
      // f32 sums of up to some hundred products of order one.
      found.forEach((v, k) => expect(Math.abs(v - expected[k])).toBeLessThan(1e-4));
    }
    const [one, two, three] = engines.map((e) => tileProducts(e, a, b, channels, size as never, o));
    expect(two).toEqual(one);
    expect(three).toEqual(one);
  });
});
