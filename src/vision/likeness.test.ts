import { describe, expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { likeness } from "./likeness.js";

const [W, H] = [60, 60];
const random = seeded(4);
const texture = Float64Array.from({ length: W * H }, (_, k) => 0.5 + 0.2 * Math.sin((k % W) / 1.7) * Math.cos(Math.floor(k / W) / 2.1));
const other = texture.map(() => 0.5 + 0.2 * random.normal());
const all = new Float64Array(W * H).fill(1);
const change = (f: (v: number, x: number, y: number) => number) => texture.map((v, k) => f(v, k % W, Math.floor(k / W)));

describe("how much of a picture another one explains", () => {
  test("all of it when they are equal up to a brightness that may change from place to place", () => {
    const seen = change((v, x) => (1 + 0.1 * Math.floor(x / 6)) * v + 0.3 * Math.floor(x / 18));
    const { share, blocks } = likeness(texture, seen, all, [W, H]);
    expect(share).toBe(1);
    expect(blocks).toBe(100);
  });
  test("hardly anything when one has nothing to do with the other", () => {
    expect(likeness(texture, other, all, [W, H]).share).toBeLessThan(0.03);
    expect(
      likeness(
        texture,
        change((v) => 1 - v),
        all,
        [W, H],
      ).share,
    ).toBe(0);
  });
  test("the share that is not covered, and where that is", () => {
    const seen = change((v, x, y) => (x >= 30 ? other[y * W + x] : v));
    const { share, where } = likeness(texture, seen, all, [W, H]);
    expect(Math.abs(share - 0.5)).toBeLessThan(0.03);
    expect(where[10 * W + 10]).toBe(1);
    let right = 0;
    for (let k = 0; k < W * H; k++) if (k % W >= 30) right += where[k];
    expect(right).toBeLessThan(0.05 * W * H);
  });
  test("blocks without texture, outside, or masked do not speak", () => {
    const flat = change((v, x) => (x < 30 ? 0.5 : v));
    expect(likeness(flat, texture, all, [W, H])).toMatchObject({ share: 1, blocks: 50 });
    const seen = all.map((_, k) => (k % W < 30 ? 0 : 1));
    expect(likeness(texture, texture, seen, [W, H]).blocks).toBe(50);
    expect(likeness(texture, texture, all, [W, H], seen).blocks).toBe(50);
  });
  test("noise is not texture", () => {
    const noise = () => 0.05 * random.normal();
    const half = change((v, x) => (x < 30 ? 0.5 : v) + noise());
    const { share, blocks } = likeness(
      half,
      change((v, x) => (x < 30 ? 0.5 : v)),
      all,
      [W, H],
    );
    expect(blocks).toBeLessThan(65);
    expect(share).toBeGreaterThan(0.8);
  });
  test("a picture of nothing is explained by nothing", () => {
    expect(likeness([], [], [], [0, 0])).toMatchObject({ share: 0, blocks: 0 });
    expect(likeness(new Float64Array(64).fill(1), new Float64Array(64), all, [8, 8])).toMatchObject({ share: 0, blocks: 0 });
  });
});
