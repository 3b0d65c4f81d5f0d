import * as fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { Engine } from "./engine.js";
import { invertField } from "./invertField.js";
import * as twin from "./reference/invertField.js";

const engines = [1, 2, 3].map((threads) => new Engine({ threads }));
const others = [new Engine({ deterministic: true, threads: 1 }), new Engine({ shared: false })];
afterAll(() => {
  for (const e of [...engines, ...others]) e.close();
});

const count = (size: readonly number[]) => size.reduce((a, b) => a * b, 1);
/** The voxel coordinates x, y(, z) of voxel k. */
function voxel(k: number, size: readonly number[]): number[] {
  let rest = k;
  return [...size].reverse().map((n) => {
    const i = rest % n;
    rest = Math.floor(rest / n);
    return i;
  });
}
function field(size: readonly number[], at: (q: number[]) => number[]): Float32Array {
  const n = count(size);
  const u = new Float32Array(size.length * n);
  for (let k = 0; k < n; k++) for (const [a, x] of at(voxel(k, size)).entries()) u[a * n + k] = x;
  return u;
}
function run(e: Engine, u: Float32Array, size: readonly number[], options: { iterations?: number; tolerance?: number } = {}) {
  const n = count(size);
  const [at, v, residual] = [e.allocate(4 * u.length), e.allocate(4 * u.length), e.allocate(4 * n)];
  e.f32(at, u.length).set(u);
  const summary = invertField(e, at, size, v, { ...options, residual });
  const result = { ...summary, v: e.f32(v, u.length).slice(), residual: e.f32(residual, n).slice() };
  for (const p of [at, v, residual]) e.free(p);
  return result;
}
/** Waves of a few voxels' length: every |∂u_a/∂b| ≤ slope, so det(I + ∇u) > 0 for slope < 1/d. */
function waves(size: readonly number[], slope: number, seed: number): Float32Array {
  const random = seeded(seed);
  const terms = size.map(() => ({ k: size.map(() => 0.1 + 0.4 * random.uniform()), phase: 6 * random.uniform() }));
  return field(size, (q) => terms.map(({ k, phase }) => (slope / Math.max(...k)) * Math.sin(q.reduce((s, x, a) => s + k[a] * x, phase))));
}
const sizes = fc.oneof(
  fc.array(fc.integer({ min: 1, max: 13 }), { minLength: 2, maxLength: 3 }),
  fc.constantFrom([1, 1], [2, 2], [1, 1, 1], [2, 2, 2], [1, 7, 9], [5, 1, 17], [33, 1], [1, 33]),
);

test("the inverse of a smooth field leaves less than the tolerance, equals its twin, and has the same bits for 1, 2 and 3 threads", () => {
  fc.assert(
    fc.property(sizes, fc.integer(), (size, seed) => {
      const u = waves(size, 0.9 / size.length, seed);
      const n = count(size);
      const results = engines.map((e) => run(e, u, size, { tolerance: 1e-4 }));
      const [first] = results;
      expect(first.largest).toBeLessThanOrEqual(1e-4);
      expect(first.share).toBe(0);
      const expected = new Float64Array(size.length * n);
      twin.invertField(u, size, expected, { tolerance: 1e-6 });
      // |Δv| ≤ ‖(I + ∇u)⁻¹‖ · 1e-4, and the norm of the inverse is at most 1 / (1 − 0.9)
      for (let k = 0; k < expected.length; k++) expect(Math.abs(first.v[k] - expected[k])).toBeLessThan(1.2e-3);
      expect(Math.max(...first.residual)).toBe(first.largest);
      expect(results[1]).toEqual(first);
      expect(results[2]).toEqual(first);
      for (const e of others) expect(run(e, u, size, { tolerance: 1e-4 }).largest).toBeLessThanOrEqual(1e-4);
    }),
    { numRuns: 40 },
  );
});

test("strong expansion is inverted: a field whose gradient reaches 3, where a fixed-point iteration diverges", () => {
  for (const size of [
    [40, 41],
    [24, 25, 27],
  ]) {
    // x ↦ c + 4 (x − c) within 3 voxels of the centre, slope 1/2 outside: monotone along every axis, |∂u_a/∂a| = 3 in the middle
    const centre = [...size].reverse().map((n) => (n - 1) / 2 + 0.3);
    const y = (x: number) => (Math.abs(x) <= 3 ? 4 * x : Math.sign(x) * (12 + 0.5 * (Math.abs(x) - 3)));
    const mixing = (q: number[], a: number) => 0.3 * Math.sin(0.3 * q[(a + 1) % q.length]);
    const u = field(size, (q) => q.map((x, a) => y(x - centre[a]) + centre[a] - x + mixing(q, a)));
    const { largest, share, v } = run(engines[0], u, size);
    expect(share).toBe(0);
    expect(largest).toBeLessThanOrEqual(1e-3);
    expect(Math.max(...v)).toBeGreaterThan(4);
  }
});

test("strong compression is inverted: to a tenth along every axis", () => {
  const size = [15, 16, 17];
  const u = field(size, (q) => q.map((x) => 0.9 * (8 - x)));
  const { largest, v } = run(engines[0], u, size);
  expect(largest).toBeLessThanOrEqual(1e-3);
  expect(v.some((x) => Math.abs(x) > 5)).toBe(true);
});

test("a displacement by whole voxels is inverted beyond the border too, where the border's values go on", () => {
  const size = [5, 6];
  const { largest, v } = run(
    engines[0],
    field(size, () => [3, -2]),
    size,
  );
  expect(largest).toBe(0);
  expect([...v]).toEqual([...field(size, () => [-3, 2])]);
});

test("a field that folds reports what is left per voxel, as measured by the twin's interpolation", () => {
  const random = seeded(5);
  const size = [9, 11, 13];
  const n = count(size);
  const u = Float32Array.from({ length: 3 * n }, () => 2 * random.normal());
  const { v, residual, share } = run(engines[0], u, size, { iterations: 2 });
  let far = 0;
  const check = new Float64Array(3 * n);
  for (let k = 0; k < n; k++) {
    const q = voxel(k, size);
    let sum = 0;
    for (let a = 0; a < 3; a++) {
      let value = 0;
      for (let corner = 0; corner < 8; corner++) {
        let at = a * n;
        let weight = 1;
        let stride = 1;
        for (let b = 0; b < 3; b++) {
          const last = size[2 - b] - 1;
          const p = Math.min(Math.max(q[b] + v[b * n + k], 0), last);
          const i = Math.min(Math.floor(p), last - 1);
          const up = (corner >> b) & 1;
          weight *= up ? p - i : 1 - (p - i);
          at += (i + up) * stride;
          stride *= last + 1;
        }
        value += weight * u[at];
      }
      sum += (v[a * n + k] + value) ** 2;
    }
    check[k] = Math.sqrt(sum);
    if (residual[k] > 0.1) far++;
  }
  for (let k = 0; k < n; k++) expect(Math.abs(residual[k] - check[k])).toBeLessThan(1e-4); // f32 cells against f64 ones, slopes of ten
  expect(far).toBeGreaterThan(0);
  expect(share).toBe(far / n);
});

test("where a field folds the search starts again elsewhere: nearly every voxel finds a position, and as many as the twin's", () => {
  const size = [24, 26, 28];
  const u = field(size, (q) => [0, 7, 14].map((shift) => 8 * Math.sin((q[0] + shift) / 12 + Math.cos(q[1] / 12) + q[2] / 24)));
  const { share } = run(engines[0], u, size);
  const expected = twin.invertField(u, size, new Float64Array(u.length));
  expect(share).toBeLessThan(0.005);
  expect(Math.abs(share - expected.share)).toBeLessThan(0.001); // f32 and f64 part at kinks
});

test("not-a-number stays where it is and is reported", () => {
  const size = [4, 5];
  const u = new Float32Array(40);
  u[7] = Number.NaN;
  const { largest, share, v } = run(engines[0], u, size);
  expect(largest).toBeNaN();
  expect(share).toBeGreaterThan(0);
  expect(v[19]).toBeCloseTo(0, 12);
});

test("an empty grid and unusable options are told apart", () => {
  expect(invertField(engines[0], 0, [0, 3], 0)).toEqual({ largest: 0, share: 0 });
  expect(() => invertField(engines[0], 0, [2, 2], 0, { iterations: -1 })).toThrow(/iterations/);
  expect(() => invertField(engines[0], 0, [2, 2], 0, { tolerance: Number.NaN })).toThrow(/tolerance/);
});
