import { describe, expect, test } from "vitest";
import type { Image } from "../core/interfaces.js";
import { seeded } from "../core/random.js";
import { image } from "../image/index.js";
import { Tensor } from "../tensor/index.js";
import { matchFeatures } from "./match.js";
import { sift } from "./sift.js";

/** A picture of soft blobs, in closed form, so that it can be drawn under any map of the plane. */
function blobs(width: number, height: number, back: (x: number, y: number) => readonly [number, number] = (x, y) => [x, y]): Image {
  const random = seeded(11);
  const list = Array.from({ length: 160 }, () => ({
    x: 200 * random.uniform() - 20,
    y: 180 * random.uniform() - 20,
    s: 1.5 + 5 * random.uniform() ** 2,
    h: random.uniform() - 0.5,
    e: 0.5 + random.uniform(),
  }));
  const out = new Float32Array(width * height);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const [u, v] = back(x, y);
      let sum = 0;
      for (const b of list) sum += b.h * Math.exp(-((u - b.x) ** 2 + b.e * (v - b.y) ** 2) / (2 * b.s * b.s));
      out[y * width + x] = sum;
    }
  return image(Tensor.from(out, [1, height, width]), { size: [width, height] });
}
const turned = (degrees: number, scale: number) => {
  const [c, s] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
  // Second picture at p shows the first at centre + R⁻¹(p − centre)/scale.
  const forward = (x: number, y: number): [number, number] => [
    80 + scale * (c * (x - 80) - s * (y - 70)),
    70 + scale * (s * (x - 80) + c * (y - 70)),
  ];
  const back = (x: number, y: number): [number, number] => [
    80 + (c * (x - 80) + s * (y - 70)) / scale,
    70 + (-s * (x - 80) + c * (y - 70)) / scale,
  ];
  return { forward, back };
};

describe("SIFT", () => {
  const first = sift(blobs(160, 140));
  test("finds points at the middle of round blobs, of their size", () => {
    const w = 81;
    const picture = image(
      Float32Array.from({ length: w * w }, (_, k) => Math.exp(-((((k % w) - 40.3) ** 2 + (Math.floor(k / w) - 38.6) ** 2) / 50))),
      { size: [w, w] },
    );
    const { x, y, scale } = sift(picture);
    // G(σ₁) − G(σ₀) of a Gaussian of width 5 is extreme where the two widths have the blob's between them.
    const at = Array.from(x, (v, i) => Math.hypot(v - 40.3, y[i] - 38.6)).indexOf(
      Math.min(...Array.from(x, (v, i) => Math.hypot(v - 40.3, y[i] - 38.6))),
    );
    expect(Math.hypot(x[at] - 40.3, y[at] - 38.6)).toBeLessThan(0.1); // a fiftieth of its width: the peak is flat and values are f32
    expect(scale[at]).toBeGreaterThan(3.5);
    expect(scale[at]).toBeLessThan(5.5);
  });
  test.each([
    [0, 1],
    [40, 1],
    [120, 1.3],
    [-75, 0.8],
  ])("finds the same points and knows them again when the picture is turned by %d° and scaled by %d", (degrees, scale) => {
    const { forward, back } = turned(degrees, scale);
    const second = sift(blobs(160, 140, back));
    const m = matchFeatures(first, second);
    let good = 0;
    const errors: number[] = [];
    for (let k = 0; k < m.count; k++) {
      const [x, y] = forward(first.x[m.a[k]], first.y[m.a[k]]);
      const e = Math.hypot(x - second.x[m.b[k]], y - second.y[m.b[k]]);
      if (e < 1.5) {
        good++;
        errors.push(e);
        expect(second.scale[m.b[k]] / first.scale[m.a[k]] / scale).toBeGreaterThan(0.7);
        expect(second.scale[m.b[k]] / first.scale[m.a[k]] / scale).toBeLessThan(1.4);
      }
    }
    expect(m.count).toBeGreaterThan(25);
    expect(good / m.count).toBeGreaterThan(0.9);
    expect(errors.sort((a, b) => a - b)[errors.length >> 1]).toBeLessThan(0.15);
  });
  test("does not see a change of brightness and contrast", () => {
    const b = blobs(160, 140);
    const brighter = image(b.values.mul(-0).add(b.values.mul(3)).add(7), b.grid);
    const again = sift(brighter);
    expect(again.count).toBe(first.count);
    again.x.forEach((v, i) => {
      expect(v).toBeCloseTo(first.x[i], 2);
    });
  });
  test("shapes of neighbourhoods follow a slant: more points of a squeezed picture are known again", () => {
    const back = (x: number, y: number) => [x, y * 2.6] as const;
    const squeezed = blobs(160, 54, back);
    const known = (affine: boolean) => {
      const [a, b] = [sift(blobs(160, 140), { affine }), sift(squeezed, { affine })];
      const m = matchFeatures(a, b);
      let good = 0;
      for (let k = 0; k < m.count; k++) if (Math.hypot(a.x[m.a[k]] - b.x[m.b[k]], a.y[m.a[k]] / 2.6 - b.y[m.b[k]]) < 2) good++;
      return good;
    };
    expect(known(true)).toBeGreaterThan(1.5 * known(false));
  });
  test("keeps to its limit, the strongest first, spread out", () => {
    const few = sift(blobs(160, 140), { limit: 20, oriented: false });
    expect(few.count).toBe(20);
    for (let i = 1; i < few.count; i++) expect(few.response[i]).toBeLessThanOrEqual(few.response[i - 1]);
  });
  test("finds nothing on an even picture, and says what it cannot take", () => {
    const even = image(new Float32Array(400).fill(3), { size: [20, 20] });
    expect(sift(even).count).toBe(0);
    expect(() => sift(even, { limit: 0 })).toThrow(/limit 0/);
    expect(() => sift(image(new Float32Array(64), { size: [4, 4, 4] }))).toThrow(/pictures \(two axes\)/);
    expect(sift(image(new Float32Array(1), { size: [1, 1] })).count).toBe(0);
  });
});
