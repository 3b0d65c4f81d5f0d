import * as fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { Engine } from "./engine.js";
import { type MindSscOptions, mindChannels, mindSsc, mindSscGradient } from "./mindSsc.js";
import type { Size3 } from "./reference/gaussian.js";
import * as twin from "./reference/mindSsc.js";

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
function run(e: Engine, x: Float32Array, volumes: number, size: Size3, o: MindSscOptions): Float32Array {
  const n = x.length * mindChannels(o);
  const [p, q] = [e.allocate(4 * x.length), e.allocate(4 * n + 4)];
  e.f32(p, x.length).set(x);
  e.f32(q, n + 1).fill(7);
  mindSsc(e, p, q, volumes, size, o);
  expect(e.f32(q, n + 1)[n]).toBe(7); // nothing written past the end
  const out = e.f32(q, n).slice();
  e.free(p);
  e.free(q);
  return out;
}

const small = fc.integer({ min: 0, max: 3 });
const three = fc.tuple(small, small, small);
const problems = fc.record({
  size: fc.oneof(
    fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 23 })),
    fc.tuple(fc.integer({ min: 30, max: 40 }), fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 9 })), // several blocks of planes
    fc.tuple(fc.constant(1), fc.integer({ min: 120, max: 150 }), fc.integer({ min: 1, max: 9 })), // several strips
  ),
  radius: three,
  dilation: three,
  volumes: fc.integer({ min: 0, max: 2 }),
  planar: fc.boolean(),
  seed: fc.integer(),
});

test("descriptors equal the plain twin for any size, patch and dilation, with equal bits for 1, 2 and 3 threads", () => {
  fc.assert(
    fc.property(problems, ({ size, radius, dilation, volumes, planar, seed }) => {
      const o = { radius, dilation, planar, floor: 1e-3 };
      const n = size[0] * size[1] * size[2];
      const x = noise(volumes * n, seed);
      const expected = Array.from({ length: volumes }, (_, v) => twin.mindSsc(x.subarray(v * n, (v + 1) * n), size, o)).flatMap((y) => [
        ...y,
      ]);
      const results = [...engines, plain, unshared].map((e) => run(e, x, volumes, size, o));
      for (const r of results) expect(r.reduce((most, v, i) => Math.max(most, Math.abs(v - expected[i])), 0)).toBeLessThan(2e-4); // f32: differences of sums of up to 343 terms, divided by a variance that may be a hundredth of them; 5.4e-5 has been seen
      expect(results[1]).toEqual(results[0]);
      expect(results[2]).toEqual(results[0]);
    }),
    { numRuns: 60 },
  );
});

test("the gradient equals the plain twin's, with equal bits for 1, 2 and 3 threads", () => {
  fc.assert(
    fc.property(problems, ({ size, radius, dilation, volumes, planar, seed }) => {
      const o = { radius, dilation, planar, floor: 0.1 };
      const n = size[0] * size[1] * size[2];
      const K = mindChannels(o);
      const x = noise(volumes * n, seed);
      const g = noise(volumes * n * K, seed + 1);
      const expected = Array.from({ length: volumes }, (_, v) =>
        twin.mindSscGradient(x.subarray(v * n, (v + 1) * n), g.subarray(v * n * K, (v + 1) * n * K), size, o),
      ).flatMap((y) => [...y]);
      const results = [...engines, plain, unshared].map((e) => {
        const [p, q, r] = [e.allocate(4 * x.length), e.allocate(4 * g.length), e.allocate(4 * x.length + 4)];
        e.f32(p, x.length).set(x);
        e.f32(q, g.length).set(g);
        e.f32(r, x.length + 1).fill(7);
        mindSscGradient(e, p, q, r, volumes, size, o);
        expect(e.f32(r, x.length + 1)[x.length]).toBe(7); // nothing written past the end
        const out = e.f32(r, x.length).slice();
        for (const at of [p, q, r]) e.free(at);
        return out;
      });
      const scale = Math.max(1, ...expected.map(Math.abs));
      for (const r of results) expect(r.reduce((most, v, i) => Math.max(most, Math.abs(v - expected[i])), 0) / scale).toBeLessThan(1e-4); // f32: sums over patches of terms of either sign
      expect(results[1]).toEqual(results[0]);
      expect(results[2]).toEqual(results[0]);
    }),
    { numRuns: 60 },
  );
});

test("a step between left and right makes the pairs that straddle it unlike and leaves the others at one", () => {
  const size: Size3 = [1, 5, 6];
  const step = Float64Array.from({ length: 30 }, (_, i) => (i % 6 < 3 ? 0 : 1));
  const y = twin.mindSsc(step, size, { radius: [0, 0, 0], dilation: [0, 1, 1], floor: 1e-9, planar: true });
  const at = Array.from({ length: 4 }, (_, k) => y[k * 30 + 2 * 6 + 2]);
  // Left of the step: the right neighbour differs from the upper and the lower one, the left neighbour does not. D = 1, 0, 1, 0; V = ½.
  for (const [k, v] of [Math.exp(-2), 1, Math.exp(-2), 1].entries()) expect(at[k]).toBeCloseTo(v, 6);
});
