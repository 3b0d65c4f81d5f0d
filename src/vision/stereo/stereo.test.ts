import { describe, expect, test } from "vitest";
import { seeded } from "../../core/random.js";
import { image } from "../../image/index.js";
import { fillHoles, Hole, removeSpeckles } from "./holes.js";
import { stereo } from "./stereo.js";

const [width, height] = [120, 80];
const random = seeded(5);
const noise = Float32Array.from({ length: 400 * height }, () => random.uniform());
/** A texture smooth over two pixels, so that it can be shifted by parts of them. */
const texture = (x: number, y: number) => {
  const place = x + 60;
  const k = Math.floor(place);
  const t = place - k;
  const at = (i: number) => noise[y * 400 + i] + noise[y * 400 + i + 1];
  return at(k) * (1 - t) + at(k + 1) * t;
};
const draw = (f: (x: number, y: number) => number) =>
  image(
    Float32Array.from({ length: width * height }, (_, k) => f(k % width, Math.floor(k / width))),
    { size: [width, height] },
  );
const share = (d: Float32Array, ok: (v: number, x: number, y: number) => boolean) => {
  let [good, all] = [0, 0];
  for (let y = 4; y < height - 4; y++)
    for (let x = 24; x < width - 8; x++) {
      all++;
      good += Number(ok(d[y * width + x], x, y));
    }
  return good / all;
};

describe("stereo", () => {
  test("finds a shifted plane, between pixels too, and a brighter right picture changes nothing", () => {
    const left = draw(texture);
    const right = draw((x, y) => texture(x + 7.5, y));
    const r = stereo(left, right, { range: 16 });
    expect(share(r.disparity, (d) => Math.abs(d - 7.5) < 0.5)).toBeGreaterThan(0.98);
    const brighter = stereo(
      left,
      draw((x, y) => Math.exp(texture(x + 7.5, y))),
      { range: 16 },
    );
    expect(share(brighter.disparity, (d, x, y) => Math.abs(d - r.disparity[y * width + x]) < 1.01)).toBeGreaterThan(0.98);
  });

  test("gives what the foreground hides to the background", () => {
    const depth = (x: number, y: number) => (x > 50 && x < 80 && y > 20 && y < 60 ? 12 : 4);
    // The left picture is that of the scene; each of its pixels lands in the right one, nearer ones on top.
    const left = draw((x, y) => texture(x + (depth(x, y) === 12 ? 130 : 0), y));
    const values = Float32Array.from({ length: width * height }, (_, k) => texture((k % width) + 4, Math.floor(k / width)));
    for (const near of [4, 12])
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++)
          if (depth(x, y) === near && x - near >= 0) values[y * width + x - near] = left.values.data[y * width + x];
    const r = stereo(left, image(values, { size: [width, height] }), { range: 16 });
    expect(share(r.disparity, (d, x, y) => Math.abs(d - depth(x, y)) <= 1)).toBeGreaterThan(0.95);
    const behind = Array.from({ length: 30 }, (_, k) => r.disparity[(k + 25) * width + 47]); // within the eight hidden columns
    expect(behind.filter((d) => Math.abs(d - 4) <= 1).length).toBeGreaterThan(25);
    expect(r.shares.hidden).toBeGreaterThan(0.01);
    expect(stereo(left, image(values, { size: [width, height] }), { range: 16, fill: false }).disparity.some(Number.isNaN)).toBe(true);
  });

  test("looks where it is told: negative disparities by a negative least one", () => {
    const r = stereo(
      draw(texture),
      draw((x, y) => texture(x - 5, y)),
      { range: 16, first: -12 },
    );
    expect(share(r.disparity, (d) => Math.abs(d + 5) < 0.5)).toBeGreaterThan(0.98);
    expect(r.range).toEqual([-12, 16]);
  });

  test("says so when the pictures do not belong together", () => {
    const other = seeded(77);
    const r = stereo(
      draw(texture),
      draw(() => other.uniform()),
      { range: 48 },
    );
    expect([r.status, r.reason]).toEqual(["failed", expect.stringContaining("rectified")]);
    const flat = draw(() => 1);
    expect(stereo(flat, flat).reason).toContain("flat");
  });

  test("says in a sentence what it cannot take", () => {
    const a = draw(texture);
    expect(() => stereo(a, a, { range: 0 })).toThrow("a range of 0");
    expect(() => stereo(a, a, { first: 500 })).toThrow("smaller than the width 120");
    expect(() => stereo(a, a, { small: 9, large: 3 })).toThrow("0 ≤ small ≤ large");
    expect(() => stereo(a, image(new Float32Array(16), { size: [4, 4] }))).toThrow("both must have one size");
  });
});

describe("holes", () => {
  test("what is hidden takes the second smallest of its neighbours, what is wrong their median", () => {
    // 3 × 3 with a hole in the middle: its neighbours are 1, 2, …, 8.
    const d = Float32Array.of(1, 2, 3, 4, 99, 5, 6, 7, 8);
    const holes = (kind: number) => Uint8Array.of(0, 0, 0, 0, kind, 0, 0, 0, 0);
    expect(fillHoles(d, holes(Hole.hidden), 3, 3)[4]).toBe(2);
    expect(fillHoles(d, holes(Hole.wrong), 3, 3)[4]).toBe(5);
    expect([...fillHoles(d, new Uint8Array(9).fill(1), 3, 3)]).toEqual(Array(9).fill(0));
  });
  test("patches smaller than asked are wrong, others stay", () => {
    const d = Float32Array.of(1, 1, 1, 9, 1, 1, 1, 9, 2);
    const holes = new Uint8Array(9);
    removeSpeckles(d, holes, 3, 3, 2);
    expect([...holes]).toEqual([0, 0, 0, 2, 0, 0, 2, 2, 0]);
  });
});
