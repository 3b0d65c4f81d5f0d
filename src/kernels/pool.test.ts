import * as fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { Engine } from "./engine.js";
import { averagePool, averagePoolAdjoint, maxPool, type PoolShape, poolGather, poolScatter } from "./pool.js";
import * as twin from "./reference/pool.js";

const engines = [
  ...[1, 2, 3].map((threads) => new Engine({ threads })),
  new Engine({ threads: 2, deterministic: true }),
  new Engine({ shared: false }),
];
afterAll(() => {
  for (const e of engines) e.close();
});

/** Where two arrays first differ, −1 if nowhere; NaN equals NaN. (A matcher would walk large arrays slowly.) */
const firstDifference = (a: ArrayLike<number>, b: ArrayLike<number>) => {
  for (let i = 0; i < b.length; i++) if (a[i] !== b[i] && !(Number.isNaN(a[i]) && Number.isNaN(b[i]))) return i;
  return -1;
};

function check(s: PoolShape, seed: number): void {
  let state = seed >>> 0;
  const random = () => ((state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 8) / 2 ** 24 - 0.5;
  const n = s.planes * s.size[0] * s.size[1] * s.size[2];
  const m = s.planes * s.outputSize[0] * s.outputSize[1] * s.outputSize[2];
  const x = Float32Array.from({ length: n }, () => Math.round(8 * random()) + (random() > 0.48 ? Number.NaN : 0)); // many ties, a few NaN
  const t = Float32Array.from({ length: n }, random);
  const g = Float32Array.from({ length: m }, random);
  const expected = { max: new Float32Array(m), indices: new Int32Array(m), gathered: new Float32Array(m), scattered: new Float64Array(n) };
  const means = { mean: new Float64Array(m), adjoint: new Float64Array(n) };
  twin.maxPool(x, expected.max, expected.indices, s);
  twin.poolGather(t, expected.indices, expected.gathered, s);
  twin.poolScatter(g, expected.indices, expected.scattered, s);
  twin.averagePool(t, means.mean, s);
  twin.averagePoolAdjoint(g, means.adjoint, s);
  const results = engines.map((e) => {
    const [X, T, G] = [x, t, g].map((v) => {
      const p = e.allocate(v.length * 4);
      e.f32(p, v.length).set(v);
      return p;
    });
    const [a, i, b, c, d, f] = [m, m, m, n, m, n].map((length) => e.allocate(length * 4));
    maxPool(e, X, a, i, s);
    poolGather(e, T, i, b, s);
    poolScatter(e, G, i, c, s);
    averagePool(e, T, d, s);
    averagePoolAdjoint(e, G, f, s);
    const floats = [
      [a, m],
      [b, m],
      [c, n],
      [d, m],
      [f, n],
    ].map(([p, length]) => e.f32(p, length).slice());
    const indices = e.i32(i, m).slice();
    for (const p of [X, T, G, a, b, c, d, f, i]) e.free(p);
    return { floats, indices };
  });
  const near = (a: Float32Array, b: Float64Array) => {
    for (let k = 0; k < b.length; k++) if (!(Math.abs(a[k] - b[k]) < 4e-6)) expect(a[k]).toBeCloseTo(b[k], 5); // f32, up to 100 terms below ½
  };
  for (const { floats, indices } of results) {
    expect(firstDifference(indices, expected.indices)).toBe(-1);
    expect(firstDifference(floats[0], expected.max)).toBe(-1);
    expect(firstDifference(floats[1], expected.gathered)).toBe(-1);
    near(floats[2], expected.scattered);
    near(floats[3], means.mean);
    near(floats[4], means.adjoint);
  }
  for (const r of results.slice(1))
    r.floats.forEach((f, i) => {
      expect(firstDifference(f, results[0].floats[i])).toBe(-1);
    });
}

const axis = fc
  .record({
    size: fc.integer({ min: 1, max: 19 }),
    kernel: fc.integer({ min: 1, max: 4 }),
    stride: fc.integer({ min: 1, max: 4 }),
    half: fc.nat(2),
  })
  .map((a) => ({ ...a, padding: Math.min(a.half, Math.floor(a.kernel / 2)) }))
  .map((a) => ({ ...a, output: Math.floor((a.size + 2 * a.padding - a.kernel) / a.stride) + 1 }))
  .filter((a) => a.output > 0);
const flat = fc.constant({ size: 1, kernel: 1, stride: 1, half: 0, padding: 0, output: 1 });

test("pooling and its adjoints equal their plain twins for any window, ties and NaN included, with the same bits on 1, 2, 3 threads", () => {
  fc.assert(
    fc.property(fc.oneof(flat, axis), fc.oneof(flat, axis), axis, fc.integer({ min: 0, max: 3 }), fc.integer(), (z, y, x, planes, seed) => {
      const triple = (key: keyof typeof x) => [z[key], y[key], x[key]] as const;
      const s = {
        planes,
        size: triple("size"),
        outputSize: triple("output"),
        kernel: triple("kernel"),
        stride: triple("stride"),
        padding: triple("padding"),
      };
      check(s, seed);
    }),
    { numRuns: 150, seed: 5 },
  );
});

test("slabs of large images meet without a seam", () => {
  check({ planes: 3, size: [1, 301, 403], outputSize: [1, 150, 201], kernel: [1, 2, 2], stride: [1, 2, 2], padding: [0, 0, 0] }, 1);
  check({ planes: 2, size: [20, 40, 50], outputSize: [20, 40, 50], kernel: [3, 3, 3], stride: [1, 1, 1], padding: [1, 1, 1] }, 2);
});
