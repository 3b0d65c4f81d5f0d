import { afterAll, describe, expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { Engine } from "./engine.js";
import { pyramidExpand, pyramidReduce } from "./pyramid.js";
import * as twin from "./reference/pyramid.js";

const engines = [1, 2, 3].map((threads) => new Engine({ threads }));
const all = [...engines, new Engine({ deterministic: true }), new Engine({ shared: false })];
afterAll(() => {
  for (const e of all) e.close();
});

describe("planes half and twice as large", () => {
  for (const [name, kernel, reference] of [
    ["reduce", pyramidReduce, twin.pyramidReduce],
    ["expand", pyramidExpand, twin.pyramidExpand],
  ] as const)
    test.each([
      [0, 0],
      [1, 1],
      [2, 2],
      [1, 7],
      [3, 2],
      [5, 9],
      [8, 16],
      [31, 33],
      [40, 22],
    ])(`${name} as the twin does: %d × %d`, (H, W) => {
      const random = seeded(H + 100 * W);
      const plane = Float32Array.from({ length: H * W }, () => random.normal());
      const expected = reference(plane, H, W);
      const first = kernel(plane, H, W, engines[0]);
      expect(first.length).toBe(expected.length);
      for (const e of all) {
        const got = kernel(plane, H, W, e);
        for (let k = 0; k < got.length; k++) expect(Math.abs(got[k] - expected[k])).toBeLessThan(2e-6); // f32, values of about one
      }
      for (const e of engines) expect(kernel(plane, H, W, e)).toEqual(first);
    });
  test("keep a constant, and a straight slope but for the border", () => {
    const slope = Float32Array.from({ length: 24 * 20 }, (_, k) => 3 + (k % 20) - 2 * Math.floor(k / 20));
    expect(Math.max(...pyramidReduce(new Float32Array(99).fill(3), 9, 11).map((v) => Math.abs(v - 3)))).toBeLessThan(1e-6);
    const half = pyramidReduce(slope, 24, 20);
    expect(half[5 * 10 + 4]).toBeCloseTo(3 + 8 - 20, 5);
    const back = pyramidExpand(half, 12, 10);
    for (const k of [9 * 20 + 8, 10 * 20 + 9, 11 * 20 + 10]) expect(back[k]).toBeCloseTo(slope[k], 5);
  });
});
