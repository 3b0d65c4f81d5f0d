import * as fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { Engine } from "./engine.js";
import * as twin from "./reference/totalVariation.js";
import { type TvGeometry, tvSplit, tvStep, tvSums } from "./totalVariation.js";

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

/** Where a difference is 0 by definition its dual is 0 from the start on; the kernels count on it. */
function grounded(p: Float32Array, { size, periodic }: TvGeometry): void {
  const d = size.length;
  const n = product(size);
  if (!periodic)
    for (let a = 0, stride = 1; a < d; stride *= size[d - 1 - a], a++)
      for (let k = 0; k < n; k++) if (Math.floor(k / stride) % size[d - 1 - a] === size[d - 1 - a] - 1) p[a * n + k] = 0;
}

function compare(geometry: TvGeometry, seed: number, weighted: boolean, huber: boolean): void {
  const random = seeded(seed);
  const d = geometry.size.length;
  const n = product(geometry.size);
  const some = (m: number, scale = 1) => Float32Array.from({ length: m }, () => scale * random.normal());
  const [x, y, p] = [some(n), some(n), some(d * n, 0.2)];
  grounded(p, geometry);
  const w = weighted ? some(n).map((v) => Math.max(v, 0)) : undefined;
  const numbers = { tau: 0.7, sigma: 0.4, theta: 0.9, lambda: 0.25, shrink: huber ? 0.8 : 1, rho: 1.5 };
  const alpha = huber ? 0.3 : 0;
  const expected = twin.tvStep(x, p, y, w, geometry, numbers);
  const sums = twin.tvSums(x, p, y, w, geometry, alpha);
  const found = engines.map((e) => {
    const at = [x, p, y, w ?? new Float32Array(1), new Float32Array(n).fill(7), new Float32Array(d * n).fill(7)].map((a) => {
      const q = e.allocate(4 * a.length);
      e.f32(q, a.length).set(a);
      return q;
    });
    tvStep(e, at[0], at[1], at[2], w ? at[3] : 0, at[4], at[5], geometry, numbers);
    const out = [...e.f32(at[4], n), ...e.f32(at[5], d * n)];
    const s = tvSums(e, at[0], at[1], at[2], w ? at[3] : 0, geometry, alpha);
    for (const q of at) e.free(q);
    return { out, s };
  });
  for (const k of [1, 2]) {
    expect(found[k].out.every((v, i) => Object.is(v, found[0].out[i]))).toBe(true);
    expect(found[k].s).toEqual(found[0].s);
  }
  for (const { out, s } of [found[0], found[3]]) {
    const wanted = [...expected.x, ...expected.p];
    const worst = wanted.reduce((m, v, k) => Math.max(m, Math.abs(out[k] - v)), 0);
    expect(worst).toBeLessThan(5e-6); // f32, numbers of size 1, a dozen operations
    for (const name of ["fit", "tv", "ty", "tt", "off", "pp"] as const)
      expect(Math.abs(s[name] - sums[name])).toBeLessThanOrEqual(1e-11 * (n + 1) * Math.max(1, Math.abs(sums[name]))); // the same f64 sums in another order
  }
}

function compareSplit(geometry: TvGeometry, seed: number): void {
  const random = seeded(seed);
  const d = geometry.size.length;
  const n = product(geometry.size);
  const some = (m: number) => Float32Array.from({ length: m }, () => random.normal());
  const [x, u, v] = [some(n), some(d * n), some(d * n)];
  grounded(u, geometry);
  grounded(v, geometry);
  const want = twin.tvSplit(x, u, v, geometry, 1.7, 0.4);
  const expected = [...want.u, ...want.v, ...want.b];
  const found = engines.map((e) => {
    const at = [x, u, v, some(d * n), some(d * n), some(n)].map((a) => {
      const q = e.allocate(4 * a.length);
      e.f32(q, a.length).set(a);
      return q;
    });
    tvSplit(e, at[0], at[1], at[2], at[3], at[4], at[5], geometry, 1.7, 0.4);
    const out = [...e.f32(at[3], d * n), ...e.f32(at[4], d * n), ...e.f32(at[5], n)];
    for (const q of at) e.free(q);
    return out;
  });
  for (const k of [1, 2]) expect(found[k].every((c, i) => Object.is(c, found[0][i]))).toBe(true);
  for (const out of [found[0], found[3]]) expect(expected.reduce((m, c, k) => Math.max(m, Math.abs(out[k] - c)), 0)).toBeLessThan(2e-5); // f32, numbers up to 10, a dozen operations
}

test("a fused splitting step equals its plain twin for any size, border and norm, with the same bits for any number of threads", () => {
  const side = fc.integer({ min: 1, max: 8 });
  fc.assert(
    fc.property(
      fc.oneof(
        fc.tuple(fc.integer({ min: 0, max: 21 })),
        fc.tuple(side, fc.integer({ min: 0, max: 21 })),
        fc.tuple(side, side, fc.integer({ min: 0, max: 13 })),
      ),
      fc.integer(),
      fc.boolean(),
      fc.boolean(),
      (size, seed, periodic, isotropic) => compareSplit({ size, periodic, isotropic }, seed),
    ),
    { numRuns: 40, seed: 6 },
  );
  compareSplit({ size: [150, 211], periodic: true, isotropic: true }, 1); // several slabs
  compareSplit({ size: [20, 31, 66], periodic: false, isotropic: true }, 2);
});

test("a fused total variation step and its sums equal their plain twins for any size, border, weights and norm, with the same bits for any number of threads", () => {
  const side = fc.integer({ min: 1, max: 8 });
  fc.assert(
    fc.property(
      fc.oneof(
        fc.tuple(fc.integer({ min: 0, max: 21 })),
        fc.tuple(side, fc.integer({ min: 0, max: 21 })),
        fc.tuple(side, side, fc.integer({ min: 0, max: 13 })),
      ),
      fc.integer(),
      fc.boolean(),
      fc.boolean(),
      fc.boolean(),
      fc.boolean(),
      (size, seed, periodic, isotropic, weighted, huber) => compare({ size, periodic, isotropic }, seed, weighted, huber),
    ),
    { numRuns: 60, seed: 5 },
  );
  compare({ size: [150, 211], periodic: false, isotropic: true }, 1, false, false); // several slabs
  compare({ size: [150, 211], periodic: true, isotropic: true }, 2, true, false);
  compare({ size: [20, 31, 66], periodic: true, isotropic: true }, 3, true, true);
});
