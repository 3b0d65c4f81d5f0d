import * as fc from "fast-check";
import { expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { Engine } from "./engine.js";
import { affinePlanes, fadePlanes, fieldMoments, gradientForce, longestVector } from "./planes.js";
import * as twin from "./reference/planes.js";

test("linear work on field planes equals its twin, with the same bits for 1, 2 and 3 threads", () => {
  const engines = [1, 2, 3].map((threads) => new Engine({ threads }));
  const side = fc.integer({ min: 1, max: 9 });
  fc.assert(
    fc.property(fc.array(side, { minLength: 2, maxLength: 3 }), fc.integer(), fc.boolean(), (size, seed, withField) => {
      const random = seeded(seed);
      const d = size.length;
      const n = size.reduce((a, b) => a * b, 1);
      const u = Float32Array.from({ length: d * n }, random.normal);
      const numbers = (k: number) => Array.from({ length: k }, random.normal);
      const map = { field: numbers(d * d), voxel: numbers(d * d), constant: numbers(d) };
      const expected = new Float32Array(d * n);
      twin.affinePlanes(withField ? u : undefined, expected, size, map);
      const results = engines.map((e) => {
        const at = e.allocate(4 * d * n);
        const out = e.allocate(4 * d * n);
        e.f32(at, d * n).set(u);
        affinePlanes(e, withField ? at : 0, out, size, map);
        const result = { planes: e.f32(out, d * n).slice(), moments: fieldMoments(e, at, size), longest: longestVector(e, at, size) };
        e.free(at);
        e.free(out);
        return result;
      });
      for (let k = 0; k < d * n; k++) expect(results[0].planes[k]).toBeCloseTo(expected[k], 3); // f32, coordinates below 2⁴ times normal numbers
      const moments = twin.fieldMoments(u, size);
      for (const [k, m] of moments.entries()) expect(Math.abs(results[0].moments[k] - m)).toBeLessThan(1e-4 * n * 9);
      expect(results[0].longest).toBeCloseTo(twin.longestVector(u, size), 5);
      expect(results[1]).toEqual(results[0]);
      expect(results[2]).toEqual(results[0]);
    }),
  );
  for (const e of engines) e.close();
});

test("a soft weight leaves of a field what its twin leaves, with the same bits for 1, 2 and 3 threads", () => {
  const engines = [1, 2, 3].map((threads) => new Engine({ threads }));
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 11 }), { minLength: 2, maxLength: 3 }), fc.integer(), (size, seed) => {
      const random = seeded(seed);
      const d = size.length;
      const n = size.reduce((a, b) => a * b, 1);
      const f = Float32Array.from({ length: d * n }, random.normal);
      const w = Float32Array.from({ length: n }, () => 1.4 * random.uniform() - 0.2);
      const expected = f.slice();
      twin.fadePlanes(expected, w, size);
      const results = engines.map((e) => {
        const [at, weight] = [e.allocate(4 * d * n), e.allocate(4 * n)];
        e.f32(at, d * n).set(f);
        e.f32(weight, n).set(w);
        fadePlanes(e, at, weight, size);
        const result = e.f32(at, d * n).slice();
        e.free(at);
        e.free(weight);
        return result;
      });
      for (let k = 0; k < d * n; k++) expect(results[0][k]).toBeCloseTo(expected[k], 5); // f32, normal numbers
      expect(results[1]).toEqual(results[0]);
      expect(results[2]).toEqual(results[0]);
    }),
  );
  for (const e of engines) e.close();
});

test("the symmetric force equals its twin on any size, with the same bits for 1, 2 and 3 threads", () => {
  const engines = [1, 2, 3].map((threads) => new Engine({ threads }));
  const side = fc.integer({ min: 1, max: 11 });
  fc.assert(
    fc.property(fc.array(side, { minLength: 2, maxLength: 3 }), fc.integer(), fc.boolean(), (size, seed, both) => {
      const random = seeded(seed);
      const d = size.length;
      const n = size.reduce((a, b) => a * b, 1);
      const images = Array.from({ length: 4 }, () => Float32Array.from({ length: n }, random.normal));
      const expected = new Float32Array(d * n);
      twin.gradientForce([images[0], images[1]], both ? [images[2], images[3]] : undefined, expected, size);
      const results = engines.map((e) => {
        const at = images.map((x) => {
          const p = e.allocate(4 * n);
          e.f32(p, n).set(x);
          return p;
        });
        const out = e.allocate(4 * d * n);
        gradientForce(e, { image: at[0], slope: at[1] }, both ? { image: at[2], slope: at[3] } : undefined, out, size);
        const result = e.f32(out, d * n).slice();
        for (const p of [...at, out]) e.free(p);
        return result;
      });
      for (let k = 0; k < d * n; k++) expect(results[0][k]).toBeCloseTo(expected[k], 4); // f32, a few products of normal numbers
      expect(results[1]).toEqual(results[0]);
      expect(results[2]).toEqual(results[0]);
    }),
  );
  for (const e of engines) e.close();
});
