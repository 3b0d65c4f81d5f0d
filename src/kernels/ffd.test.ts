import * as fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { Engine } from "./engine.js";
import * as kernel from "./ffd.js";
import { jacobianDeterminant, jacobianDeterminantGradient } from "./jacobian.js";
import * as twin from "./reference/ffd.js";
import * as jacobianTwin from "./reference/jacobian.js";
import { sample } from "./reference/sampling.js";

const engines = [
  new Engine({ threads: 1 }),
  new Engine({ threads: 2 }),
  new Engine({ threads: 3 }),
  new Engine({ deterministic: true, shared: false }),
];
afterAll(() => {
  for (const e of engines) e.close();
});
function generator(seed: number): () => number {
  let s = seed >>> 0;
  return () => ((s = (Math.imul(s, 1664525) + 1013904223) >>> 0) >>> 8) / 2 ** 23 - 1;
}
function everywhere(inputs: readonly Float32Array[], outputs: readonly number[], work: (e: Engine, i: number[], o: number[]) => void) {
  const results = engines.map((e) => {
    const at = inputs.map((a) => e.allocate(a.length * 4));
    const to = outputs.map((n) => e.allocate(n * 4));
    inputs.forEach((a, k) => {
      e.f32(at[k], a.length).set(a);
    });
    outputs.forEach((n, k) => {
      e.f32(to[k], n).fill(Number.NaN);
    });
    work(e, at, to);
    const out = outputs.map((n, k) => e.f32(to[k], n).slice());
    for (const p of [...at, ...to]) e.free(p);
    return out;
  });
  expect(results[1]).toEqual(results[0]);
  expect(results[2]).toEqual(results[0]);
  results[0].forEach((r, k) => {
    close(results[3][k], r, 1e-4); // plain and relaxed SIMD differ by roundings
  });
  return results[0];
}
function close(a: ArrayLike<number>, b: ArrayLike<number>, tolerance: number): void {
  const scale = 1 + Math.max(0, ...Array.from(b, Math.abs));
  for (let i = 0; i < b.length; i++) if (!(Math.abs(a[i] - b[i]) <= tolerance * scale)) expect(`${i}: ${a[i]}`).toBe(`${i}: ${b[i]}`);
}
const product = (s: readonly number[]) => s.reduce((a, b) => a * b, 1);
const cases = fc.record({
  seed: fc.integer(),
  d: fc.constantFrom(2, 3),
  channels: fc.integer({ min: 1, max: 3 }),
  size: fc.tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 11 })),
  grid: fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 7 })),
  spacing: fc.tuple(fc.double({ min: 0.6, max: 4, noNaN: true }), fc.constantFrom(2, 3), fc.double({ min: 0.6, max: 4, noNaN: true })),
  origin: fc.tuple(fc.double({ min: -5, max: 2, noNaN: true }), fc.constantFrom(-2, -3), fc.double({ min: -5, max: 2, noNaN: true })),
  orders: fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 1 }), fc.integer({ min: 0, max: 1 })),
});

test("the free-form deformation and its transpose equal their plain twins for any spacing, placement, size and order", () => {
  fc.assert(
    fc.property(cases, ({ seed, d, channels, size, grid, spacing, origin, orders }) => {
      const random = generator(seed);
      const f = { size: size.slice(3 - d), spacing: spacing.slice(0, d), origin: origin.slice(0, d), orders: orders.slice(0, d) };
      const g = grid.slice(3 - d);
      const [n, m] = [channels * product(f.size), channels * product(g)];
      const control = Float32Array.from({ length: m }, random);
      const field = Float32Array.from({ length: n }, random);
      const expected = [new Float64Array(n), new Float64Array(m)];
      twin.ffd(control, channels, g, f, expected[0]);
      twin.ffdAdjoint(field, channels, g, f, expected[1]);
      const results = everywhere([control, field], [n, m], (e, [c, u], out) => {
        kernel.ffd(e, c, channels, g, f, out[0]);
        kernel.ffdAdjoint(e, u, channels, g, f, out[1]);
      });
      results.forEach((r, k) => {
        close(r, expected[k], 2e-5); // f32, sums of at most some hundreds of terms
      });
    }),
    { numRuns: 150 },
  );
});

test("the twin is cubic sampling of the control grid by the affine map p ↦ (p − origin)/spacing, and its transpose the transpose", () => {
  const random = generator(7);
  const f = { size: [4, 5, 6], spacing: [2.5, 3, 1.5], origin: [-2.5, -3, -1.5] };
  const g = [5, 5, 6];
  const control = Float64Array.from({ length: 2 * product(g) }, random);
  const field = Float64Array.from({ length: 2 * product(f.size) }, random);
  const [a, b, back] = [new Float64Array(field.length), new Float64Array(field.length), new Float64Array(control.length)];
  twin.ffd(control, 2, g, f, a);
  const base = [1 / 2.5, 0, 0, 1, 0, 1 / 3, 0, 1, 0, 0, 1 / 1.5, 1];
  sample("cubic", control, 2, g, { size: f.size, base }, [], b);
  close(a, b, 1e-12); // f64
  twin.ffdAdjoint(field, 2, g, f, back);
  const dot = (x: Float64Array, y: Float64Array) => x.reduce((s, v, i) => s + v * y[i], 0);
  expect(dot(a, field)).toBeCloseTo(dot(control, back), 10);
});

test("control points on a plane make that plane", () => {
  const spacing = 3;
  const grid = [6, 7];
  const control = Float32Array.from({ length: 42 }, (_, k) => 2 * ((k % 7) - 1) * spacing - (Math.floor(k / 7) - 1) * spacing);
  const [u] = everywhere([control], [80], (e, [c], [out]) =>
    kernel.ffd(e, c, 1, grid, { size: [8, 10], spacing: [spacing, spacing], origin: [-spacing, -spacing] }, out),
  );
  u.forEach((v, k) => {
    expect(v).toBeCloseTo(2 * (k % 10) - Math.floor(k / 10), 4); // f32
  });
});

test("the Jacobian determinant and its derivative equal their plain twins on any size and spacing", () => {
  fc.assert(
    fc.property(cases, ({ seed, d, size, spacing }) => {
      const random = generator(seed);
      const s = size.slice(3 - d);
      const h = spacing.slice(0, d);
      const n = product(s);
      const u = Float32Array.from({ length: d * n }, random);
      const g = Float32Array.from({ length: n }, random);
      const expected = [new Float64Array(n), new Float64Array(d * n)];
      jacobianTwin.jacobianDeterminant(u, s, h, expected[0]);
      jacobianTwin.jacobianDeterminantGradient(u, g, s, h, expected[1]);
      const results = everywhere([u, g], [n, d * n], (e, [us, gs], out) => {
        jacobianDeterminant(e, us, s, h, out[0]);
        jacobianDeterminantGradient(e, us, gs, s, h, out[1]);
      });
      results.forEach((r, k) => {
        close(r, expected[k], 2e-5); // f32, products of three derivatives
      });
    }),
    { numRuns: 100 },
  );
});

test("u(p) = p in two dimensions has the Jacobian determinant 4 everywhere", () => {
  const u = Float32Array.from([0, 1, 2, 0, 1, 2, 0, 0, 0, 1, 1, 1]);
  const [det] = everywhere([u], [6], (e, [us], [out]) => jacobianDeterminant(e, us, [2, 3], [1, 1], out));
  expect([...det]).toEqual([4, 4, 4, 4, 4, 4]);
});
