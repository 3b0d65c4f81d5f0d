import { afterAll, describe, expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { dominantEigen } from "./dominantEigen.js";
import { Engine } from "./engine.js";
import * as twin from "./reference/dominantEigen.js";

const engines = [
  new Engine({ threads: 1 }),
  new Engine({ threads: 3 }),
  new Engine({ deterministic: true }),
  new Engine({ shared: false }),
];
afterAll(() => {
  for (const e of engines) e.close();
});
/** Upper triangles of s s^H + 0.1 t t^H. */
function matrices(k: number, n: number): Float32Array {
  const random = seeded(7 * k + n);
  const pairs = (k * (k + 1)) / 2;
  const out = new Float32Array(2 * pairs * n);
  for (let i = 0; i < n; i++) {
    const s = Array.from({ length: 4 * k }, () => random.normal());
    let q = 0;
    for (let c = 0; c < k; c++)
      for (let d = c; d < k; d++, q++)
        for (const [o, w] of [
          [0, 1],
          [2 * k, 0.1],
        ]) {
          const [ar, ai, br, bi] = [s[o + 2 * c], s[o + 2 * c + 1], s[o + 2 * d], s[o + 2 * d + 1]];
          out[2 * (q * n + i)] += w * (ar * br + ai * bi);
          out[2 * (q * n + i) + 1] += w * (ai * br - ar * bi);
        }
  }
  return out;
}
function run(e: Engine, k: number, n: number, iterations: number): { vector: Float32Array; value: Float32Array } {
  const m = matrices(k, n);
  const [a, v, w] = [e.allocate(4 * m.length), e.allocate(8 * k * n), e.allocate(4 * n)];
  e.f32(a, m.length).set(m);
  dominantEigen(e, a, v, w, k, n, iterations);
  const out = { vector: Float32Array.from(e.f32(v, 2 * k * n)), value: Float32Array.from(e.f32(w, n)) };
  for (const p of [a, v, w]) e.free(p);
  return out;
}

describe("the dominant eigenvector of each pixel", () => {
  test.each([
    [1, 1],
    [2, 2],
    [3, 5],
    [8, 1030],
    [4, 0],
  ])("%i coils, %i pixels: the kernel agrees with its twin", (k, n) => {
    const [vector, value] = [new Float64Array(2 * k * n), new Float64Array(n)];
    twin.dominantEigen(matrices(k, n), vector, value, k, n, 25);
    for (const e of engines) {
      const found = run(e, k, n, 25);
      found.vector.forEach((x, i) => {
        expect(Math.abs(x - vector[i])).toBeLessThan(1e-3); // f32; nearly equal eigenvalues among a thousand pixels turn slowly
      });
      found.value.forEach((x, i) => {
        expect(Math.abs(x - value[i])).toBeLessThan(1e-4 * (1 + value[i]));
      });
    }
  });
  test("one, two and three threads give the same bits", () => {
    expect(run(engines[1], 5, 3000, 10)).toEqual(run(engines[0], 5, 3000, 10));
  });
});
