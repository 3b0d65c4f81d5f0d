import * as fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { Engine } from "./engine.js";
import { type LocalNccOptions, localNccBackward, localNccFieldBytes, localNccForward } from "./localNcc.js";
import type { Size3 } from "./reference/gaussian.js";
import { localNcc } from "./reference/localNcc.js";

const engines = [new Engine({ threads: 1 }), new Engine({ threads: 2 }), new Engine({ threads: 3 })];
const plain = new Engine({ deterministic: true, threads: 2 });
const unshared = new Engine({ shared: false });
afterAll(() => {
  for (const e of [...engines, plain, unshared]) e.close();
});

const noise = (length: number, seed: number) => {
  let s = seed >>> 0;
  return Float32Array.from({ length }, () => ((s = (Math.imul(s, 1664525) + 1013904223) >>> 0) >>> 8) / 2 ** 24 - 0.5);
};
const run = (
  e: Engine,
  volumes: number,
  size: Size3,
  data: { warped: Float32Array; fixed: Float32Array; mask?: Float32Array },
  options: LocalNccOptions,
  keep: "warped" | "both",
) => {
  const n = data.warped.length;
  const put = (x: Float32Array) => {
    const p = e.allocate(4 * n);
    e.f32(p, n).set(x);
    return p;
  };
  const images = { warped: put(data.warped), fixed: put(data.fixed), mask: data.mask && put(data.mask), volumes, size };
  const fields = { at: e.allocate(localNccFieldBytes(images, keep === "both")), both: keep === "both" };
  const sum = localNccForward(e, images, options, fields);
  expect(localNccForward(e, images, options)).toBe(sum);
  const gw = e.allocate(4 * n + 4);
  const gf = e.allocate(4 * n + 4);
  e.f32(gw, n + 1).fill(7);
  e.f32(gf, n + 1).fill(7);
  localNccBackward(e, images, options, fields, 2, { warped: gw, fixed: keep === "both" ? gf : undefined });
  const out = { sum, warped: e.f32(gw, n + 1).slice(), fixed: e.f32(gf, n + 1).slice() };
  for (const p of [images.warped, images.fixed, fields.at, gw, gf]) e.free(p);
  if (images.mask) e.free(images.mask);
  return out;
};

const largest = (x: ArrayLike<number>) => Array.from(x).reduce((most, v) => Math.max(most, Math.abs(v)), 0);

test("local NCC: value and both gradients equal the plain twin for any size, radius and mask, with equal bits for 1, 2 and 3 threads", () => {
  const side = fc.integer({ min: 1, max: 14 });
  const radius = fc.integer({ min: 0, max: 6 });
  fc.assert(
    fc.property(
      fc.oneof(
        fc.tuple(side, fc.integer({ min: 1, max: 70 }), fc.integer({ min: 1, max: 45 })),
        fc.tuple(fc.integer({ min: 41, max: 60 }), side, side), // several blocks of planes
      ),
      fc.tuple(radius, radius, radius),
      fc.integer({ min: 1, max: 2 }),
      fc.boolean(),
      fc.boolean(),
      fc.constantFrom(0, 1, 3, 6),
      fc.boolean(),
      fc.integer(),
      (size, radii, volumes, masked, both, blob, signed, seed) => {
        const each = size[0] * size[1] * size[2];
        const n = volumes * each;
        const warped = noise(n, seed);
        // Background, exactly at the offset, outside a ball somewhere: there the kernel computes nothing.
        const centre = size.map((length, axis) => Math.floor(((seed >>> (4 * axis)) & 15) * length * (1 / 15)));
        const background = (i: number) => {
          const p = [Math.floor((i % each) / (size[1] * size[2])), Math.floor(i / size[2]) % size[1], i % size[2]];
          return blob > 0 && Math.hypot(...p.map((q, axis) => q - centre[axis])) > blob;
        };
        const other = noise(n, seed + 1);
        const fixed = warped.map((v, i) => 100 + 30 * (v + 0.5 * other[i]));
        for (let i = 0; i < n; i++) if (background(i)) [warped[i], fixed[i]] = [0, 100];
        const mask = masked
          ? noise(n, seed + 2).map((v, i) => (v < -0.2 || (background(i) && i % 3) ? 0 : Math.min(1, v + 0.6)))
          : undefined;
        const options: LocalNccOptions = { radius: radii, offset: [0, 100], scale: [3, 0.1], epsilon: 1e-3, least: 1.3, signed };
        const results = [...engines, plain, unshared].map((e) =>
          run(e, volumes, size, { warped, fixed, mask }, options, both ? "both" : "warped"),
        );
        let sum = 0;
        for (let v = 0; v < volumes; v++) {
          const part = (x: Float32Array) => x.subarray(v * each, (v + 1) * each);
          const expected = localNcc(part(warped), part(fixed), mask && part(mask), size, options);
          sum += expected.sum;
          // f32: a variance is a difference of sums of up to 13³ terms near 1; ε = 1e-3 lets its error of 1e-6 grow a thousandfold in a slope.
          for (const r of results) {
            let worst = 0;
            let worstFixed = 0;
            for (let i = 0; i < each; i++) {
              worst = Math.max(worst, Math.abs(r.warped[v * each + i] - 2 * expected.warped[i]));
              if (both) worstFixed = Math.max(worstFixed, Math.abs(r.fixed[v * each + i] - 2 * expected.fixed[i]));
            }
            expect(worst).toBeLessThan(1e-3 * (1 + largest(expected.warped)));
            expect(worstFixed).toBeLessThan(1e-3 * (1 + largest(expected.fixed)));
          }
        }
        for (const r of results) {
          expect(Math.abs(r.sum - sum)).toBeLessThan(2e-4 * (1 + each * volumes) ** 0.75);
          expect(r.warped[n]).toBe(7); // nothing written past the end
          expect(r.fixed[n]).toBe(7);
        }
        expect(results[1]).toEqual(results[0]);
        expect(results[2]).toEqual(results[0]);
      },
    ),
    { numRuns: 80 },
  );
});

test("the twin's gradients are the slopes of its value", () => {
  const size: Size3 = [3, 5, 6];
  const n = 90;
  const warped = Float64Array.from(noise(n, 5));
  const fixed = Float64Array.from(noise(n, 6));
  const mask = Float64Array.from(noise(n, 7).map((v) => Math.max(0, v + 0.3)));
  for (const signed of [false, true]) {
    const options: LocalNccOptions = { radius: [1, 2, 1], epsilon: 1e-4, scale: [2, 3], least: 2, signed };
    const at = localNcc(warped, fixed, mask, size, options);
    for (const [image, gradient] of [
      [warped, at.warped],
      [fixed, at.fixed],
    ])
      for (let i = 0; i < n; i += 7) {
        const kept = image[i];
        image[i] = kept + 1e-5;
        const more = localNcc(warped, fixed, mask, size, options).sum;
        image[i] = kept - 1e-5;
        const less = localNcc(warped, fixed, mask, size, options).sum;
        image[i] = kept;
        expect((more - less) / 2e-5).toBeCloseTo(gradient[i], 5);
      }
  }
});

test("an image correlates with itself by 1, with any multiple of itself by 1, and with a constant by 0", () => {
  const e = engines[1];
  const size: Size3 = [9, 20, 11];
  const x = noise(9 * 20 * 11, 3);
  const options: LocalNccOptions = { radius: [2, 2, 2], epsilon: 1e-9 };
  const value = (warped: Float32Array, fixed: Float32Array) => run(e, 1, size, { warped, fixed }, options, "warped").sum / x.length;
  expect(value(x, x)).toBeCloseTo(1, 4);
  expect(
    value(
      x.map((v) => -5 * v),
      x,
    ),
  ).toBeCloseTo(1, 4);
  expect(value(new Float32Array(x.length), x)).toBe(0);
});

test("a radius that is not a whole number is refused", () => {
  const images = { warped: 0, fixed: 0, volumes: 1, size: [1, 1, 1] as const };
  expect(() => localNccForward(engines[0], images, { radius: [0, 1.5, 1] })).toThrow(/radius/);
});
