import * as fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { Engine } from "./engine.js";
import { conjugateDirection, conjugateStep, laplacian } from "./laplacian.js";
import { laplacian as twin } from "./reference/laplacian.js";

const engines = [
  new Engine({ threads: 1 }),
  new Engine({ threads: 2 }),
  new Engine({ threads: 3 }),
  new Engine({ deterministic: true, shared: false }),
];
afterAll(() => {
  for (const e of engines) e.close();
});
const product = (s: readonly number[]) => s.reduce((a, b) => a * b, 1);

function compare(size: readonly number[], seed: number): void {
  const random = seeded(seed);
  const n = product(size);
  const some = () => Float32Array.from({ length: n }, () => random.normal());
  const [x, m, p, q] = [some(), some().map((v) => Number(v > 0)), some(), some()];
  const expected = twin(x, size, m);
  const dot = expected.reduce((s, v, k) => s + v * p[k], 0);
  const step = [...x].map((v, k) => v + 0.3 * p[k]);
  const residual = [...m].map((v, k) => v - 0.3 * q[k]);
  const found = engines.map((e) => {
    const at = [x, m, p, q, x].map((a) => {
      const t = e.allocate(4 * n);
      e.f32(t, n).set(a);
      return t;
    });
    const sum = laplacian(e, at[0], at[4], size, at[1], at[2]);
    const out = [...e.f32(at[4], n)];
    const square = conjugateStep(e, at[0], at[1], at[2], at[3], 0.3, n);
    conjugateDirection(e, at[3], at[2], 0.7, n);
    const all = [...out, ...e.f32(at[0], n), ...e.f32(at[1], n), ...e.f32(at[3], n)];
    for (const t of at) e.free(t);
    return { all, sum, square };
  });
  expect(found[1]).toEqual(found[0]);
  expect(found[2]).toEqual(found[0]);
  const want = [...expected, ...step, ...residual, ...[...p].map((v, k) => v + 0.7 * q[k])];
  for (const { all, sum, square } of [found[0], found[3]]) {
    expect(want.reduce((w, v, k) => Math.max(w, Math.abs(v - all[k])), 0)).toBeLessThan(2e-5); // f32, numbers up to 30
    expect(Math.abs(sum - dot)).toBeLessThan(1e-5 * (n + 1));
    expect(Math.abs(square - residual.reduce((s, v) => s + v * v, 0))).toBeLessThan(1e-5 * (n + 1));
  }
}

test("the fused Laplacian and the steps of conjugate gradients equal their plain definitions for any size, with the same bits for any number of threads", () => {
  const side = fc.integer({ min: 1, max: 8 });
  fc.assert(
    fc.property(
      fc.oneof(
        fc.tuple(fc.integer({ min: 0, max: 21 })),
        fc.tuple(side, fc.integer({ min: 0, max: 21 })),
        fc.tuple(side, side, fc.integer({ min: 0, max: 13 })),
      ),
      fc.integer(),
      (size, seed) => compare(size, seed),
    ),
    { numRuns: 40, seed: 7 },
  );
  compare([150, 301], 1); // several slabs
});
