import { describe, expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { changeMap } from "./changeMap.js";

/** A smooth scene with noise, seen twice, the second time in other brightness and contrast; the second with a bright and a dark disc more. */
function scene(shift: number, discs: boolean, seed = 7) {
  const random = seeded(seed);
  const noise = () => random.normal();
  const size = [96, 80];
  const value = (x: number, y: number) => 100 + 40 * Math.sin(x / 7) * Math.cos(y / 9) + (x > 50 ? 30 : 0);
  const a = new Float32Array(96 * 80);
  const b = new Float32Array(96 * 80);
  for (let y = 0; y < 80; y++)
    for (let x = 0; x < 96; x++) {
      const i = y * 96 + x;
      a[i] = value(x, y) + 2 * noise();
      const gain = discs && Math.hypot(x - 30, y - 25) < 6 ? 60 : discs && Math.hypot(x - 70, y - 55) < 4 ? -60 : 0;
      b[i] = 1.3 * (value(x + shift, y) + gain + 2 * noise()) + 15;
    }
  return { a, b, grid: { size, spacing: [2, 2] } };
}

describe("changeMap", () => {
  test("two discs that came and went are found where they are, in the first image's units, and nothing else", () => {
    const { a, b, grid } = scene(0, true);
    const { found, gain, offset } = changeMap(a, b, grid);
    expect(gain).toBeCloseTo(1.3, 1);
    expect(Math.abs(offset - 15)).toBeLessThan(3); // noise in a pulls a line's slope a little down, and its offset up
    expect(found.map((f) => f.sign)).toEqual(["gain", "loss"]);
    expect(found[0].centre[0]).toBeCloseTo(30, 0);
    expect(found[0].centre[1]).toBeCloseTo(25, 0);
    expect(found[1].centre[0]).toBeCloseTo(70, 0);
    expect(Math.abs(found[0].difference - 60)).toBeLessThan(4);
    expect(found[0].size / (Math.PI * 36 * 4)).toBeGreaterThan(0.8); // the rim is taken back along the axes, not along diagonals
    expect(found[0].size / (Math.PI * 36 * 4)).toBeLessThan(1.05);
  });
  test("noise alone gives no region, for any of ten seeds", () => {
    for (let seed = 1; seed <= 10; seed++) {
      const { a, b, grid } = scene(0, false, seed);
      expect(changeMap(a, b, grid).found).toEqual([]);
    }
  });
  test("an alignment that is off by less than the tolerance is no change; without tolerance its edges are", () => {
    const { a, b, grid } = scene(0.9, false);
    expect(changeMap(a, b, grid).found).toEqual([]);
    expect(changeMap(a, b, grid, { toleranceVoxels: 0 }).found.length).toBeGreaterThan(0);
  });
  test("outside the mask nothing is found and the difference is 0", () => {
    const { a, b, grid } = scene(0, true);
    const mask = a.map((_, i) => (i % 96 < 50 ? 1 : 0));
    const r = changeMap(a, b, grid, { mask });
    expect(r.found.map((f) => f.sign)).toEqual(["gain"]);
    expect(r.difference[40 * 96 + 80]).toBe(0);
  });
  test("exchanged images give the same regions with the other sign", () => {
    const { a, b, grid } = scene(0, true);
    const signs = (f: readonly { sign: string; centre: readonly number[] }[]) => f.map((r) => [r.sign, Math.round(r.centre[0])]);
    expect(signs(changeMap(b, a, grid).found)).toEqual([
      ["loss", 30],
      ["gain", 70],
    ]);
  });
  test("equal images have not changed; a different number of values is an error", () => {
    const { a, grid } = scene(0, false);
    expect(changeMap(a, a, grid).found).toEqual([]);
    expect(() => changeMap(a, a.subarray(1), grid)).toThrow(/resample/);
  });
});
