import { afterAll, describe, expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { cornerStrength } from "./cornerStrength.js";
import { Engine } from "./engine.js";
import { cornerStrength as cornerTwin } from "./reference/cornerStrength.js";
import { trackWindows as twin } from "./reference/trackWindows.js";
import { trackWindows } from "./trackWindows.js";

const engines = [1, 2, 3].map((threads) => new Engine({ threads }));
const all = [...engines, new Engine({ deterministic: true }), new Engine({ shared: false })];
afterAll(() => {
  for (const e of all) e.close();
});
/** A texture moved by (dx, dy), halved once: levels of odd sizes. */
function levels(dx: number, dy: number, width: number, height: number) {
  const draw = (w: number, h: number, by: number) => ({
    width: w,
    height: h,
    values: Float32Array.from({ length: w * h }, (_, k) => {
      const [x, y] = [by * (k % w) - dx, by * Math.floor(k / w) - dy];
      return 0.5 + 0.2 * Math.sin(x / 4 + Math.sin(y / 7)) + 0.2 * Math.cos(y / 5 - Math.cos(x / 9)) * Math.sin((x + 2 * y) / 11);
    }),
  });
  return [draw(width, height, 1), draw((width + 1) >> 1, (height + 1) >> 1, 2)];
}

describe("windows followed", () => {
  test.each([
    [101, 67, 7],
    [64, 80, 5],
    [97, 90, 10],
    [40, 40, 1],
  ])("as their twin follows them: %d × %d, radius %d", (width, height, radius) => {
    const random = seeded(radius);
    const [a, b] = [levels(0, 0, width, height), levels(2.3, -1.6, width, height)];
    const n = 61;
    // Some at the border, some outside.
    const x = Float64Array.from({ length: n }, () => random.uniform() * (width + 8) - 4);
    const y = Float64Array.from({ length: n }, () => random.uniform() * (height + 8) - 4);
    const guess = Float64Array.from({ length: 2 * n }, () => 0.5 * random.normal());
    for (const o of [{ radius }, { radius, iterations: 30, enough: 1e-8, alike: 0.95 }]) {
      const expected = twin(a, b, x, y, guess, o);
      expect(expected.ok.some((v) => v === 1) || radius === 1).toBe(true);
      for (const e of all) {
        const r = trackWindows(a, b, x, y, guess, o, e);
        // A step more or less where one is as long as the bound.
        expect(Array.from(r.ok).filter((v, i) => v !== expected.ok[i]).length).toBeLessThanOrEqual(1);
        for (let i = 0; i < n; i++)
          if (r.ok[i] && expected.ok[i]) expect(Math.hypot(r.x[i] - expected.x[i], r.y[i] - expected.y[i])).toBeLessThan(0.02);
      }
      const first = trackWindows(a, b, x, y, guess, o, engines[0]);
      for (const e of engines.slice(1)) expect(trackWindows(a, b, x, y, guess, o, e)).toEqual(first);
    }
  });
  test("to a thousandth of a pixel when they may take their steps", () => {
    const [a, b] = [levels(0, 0, 120, 100), levels(2.3, -1.6, 120, 100)];
    const r = trackWindows(a, b, [50, 60, 70], [40, 50, 60], undefined, { iterations: 60, enough: 1e-12 });
    // Bilinear samples of a texture that bends: hundredths.
    for (let i = 0; i < 3; i++) expect(Math.hypot(r.x[i] - 52.3 - 10 * i, r.y[i] - 38.4 - 10 * i)).toBeLessThan(0.02);
  });
  test("none at all, and none without texture", () => {
    const a = levels(0, 0, 50, 50);
    expect(trackWindows(a, a, [], [], []).x.length).toBe(0);
    const flat = [{ width: 50, height: 50, values: new Float32Array(2500).fill(0.3) }];
    for (const e of all) expect(Array.from(trackWindows(flat, flat, [25], [25], undefined, {}, e).ok)).toEqual([0]);
  });
});

describe("strength of corners", () => {
  test.each([
    [1, 1, 1],
    [2, 9, 1],
    [9, 9, 3],
    [23, 31, 3],
    [40, 18, 2],
    [33, 67, 5],
  ])("as the twin says: %d × %d, radius %d", (H, W, r) => {
    const random = seeded(H);
    const plane = Float32Array.from({ length: H * W }, () => random.uniform());
    const expected = cornerTwin(plane, H, W, r);
    for (const e of all) {
      const got = cornerStrength(plane, H, W, r, e);
      for (let k = 0; k < H * W; k++) expect(Math.abs(got[k] - expected[k])).toBeLessThan(1e-4); // f32, sums of a hundred terms of one
    }
    const first = cornerStrength(plane, H, W, r, engines[0]);
    for (const e of engines.slice(1)) expect(cornerStrength(plane, H, W, r, e)).toEqual(first);
  });
});
