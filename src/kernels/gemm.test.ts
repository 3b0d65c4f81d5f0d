import * as fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { Engine } from "./engine.js";
import { gemm, type ProductShape } from "./gemm.js";
import * as twin from "./reference/gemm.js";

const engines = [
  ...[1, 2, 3].map((threads) => new Engine({ threads })),
  new Engine({ threads: 2, deterministic: true }),
  new Engine({ shared: false }),
];
afterAll(() => {
  for (const e of engines) e.close();
});

function check(s: ProductShape, seed: number): void {
  let state = seed >>> 0;
  const random = () => ((state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 8) / 2 ** 24 - 0.5;
  const { m, n, k, batch = 1, beta = 0 } = s;
  const a = Float32Array.from({ length: s.strideA === 0 ? m * k : batch * m * k }, random);
  const b = Float32Array.from({ length: s.strideB === 0 ? k * n : batch * k * n }, random);
  const c = Float32Array.from({ length: batch * m * n }, () => (beta === 0 ? Number.NaN : random()));
  const expected = Float64Array.from(c);
  twin.gemm(a, b, expected, s);
  const results = engines.map((e) => {
    const at = [a, b, c].map((v) => e.allocate(v.length * 4));
    [a, b, c].forEach((v, i) => {
      e.f32(at[i], v.length).set(v);
    });
    gemm(e, at[0], at[1], at[2], s);
    const out = e.f32(at[2], c.length).slice();
    for (const p of at) e.free(p);
    return out;
  });
  for (const r of results)
    for (let i = 0; i < expected.length; i++)
      if (!(Math.abs(r[i] - expected[i]) < 3e-7 * (4 + k))) expect(r[i]).toBeCloseTo(expected[i], 6); // k terms of at most ¼ in f32
  for (const r of [results[1], results[2], results[4]]) expect(r).toEqual(results[0]);
}

const side = fc.oneof(fc.integer({ min: 0, max: 20 }), fc.constantFrom(1, 64, 67));
test("the matrix product equals its plain twin for any size, transposes, factors and batch; 1, 2, 3 threads give the same bits", () => {
  fc.assert(
    fc.property(
      fc.record({
        m: side,
        n: side,
        k: side,
        transposeA: fc.boolean(),
        transposeB: fc.boolean(),
        alpha: fc.constantFrom(1, -0.5),
        beta: fc.constantFrom(0, 1, 2),
        batch: fc.integer({ min: 1, max: 3 }),
        share: fc.integer({ min: 0, max: 3 }),
      }),
      fc.integer(),
      ({ share, ...s }, seed) => check({ ...s, ...(share & 1 ? { strideA: 0 } : {}), ...(share & 2 ? { strideB: 0 } : {}) }, seed),
    ),
    { numRuns: 200, seed: 3 },
  );
});

test("products larger than one block of rows, columns and depth lose nothing", () => {
  check({ m: 131, n: 523, k: 259, beta: 2 }, 1);
  check({ m: 67, n: 13, k: 300, batch: 2 }, 5);
  check({ m: 66, n: 1, k: 2500 }, 2);
  check({ m: 66, n: 1, k: 2500, transposeA: true }, 3);
  check({ m: 1, n: 77, k: 2500, batch: 2 }, 4);
});

test("with beta 0 the old C does not matter, not even NaN", () => {
  check({ m: 5, n: 9, k: 0 }, 1);
  check({ m: 5, n: 1, k: 3 }, 1);
});
