import * as fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { Engine } from "./engine.js";
import { clearFftPlans, fft, irfft, rfft } from "./fft.js";
import * as twin from "./reference/fft.js";

const engines = [1, 2, 3].map((threads) => new Engine({ threads }));
const plain = new Engine({ deterministic: true, threads: 1 });
const alone = new Engine({ shared: false });
afterAll(() => {
  for (const e of engines) e.close();
});

const product = (s: readonly number[]) => s.reduce((p, v) => p * v, 1);
const noise = (n: number, seed: number) => {
  let s = seed >>> 0;
  return Float32Array.from({ length: n }, () => ((s = (Math.imul(s, 1664525) + 1013904223) >>> 0) >>> 8) / 2 ** 23 - 1);
};
const withMemory = (e: Engine, input: Float32Array, outLength: number, run: (src: number, dst: number) => void) => {
  const src = e.allocate(input.length * 4);
  const dst = e.allocate(outLength * 4);
  const guard = e.allocate(64); // the kernels must not write behind dst
  e.f32(guard, 16).fill(7);
  e.f32(src, input.length).set(input);
  e.f32(dst, outLength + 16).fill(0);
  e.f32(dst + outLength * 4, Math.min(4, Math.floor(((-outLength * 4) & 63) / 4))).fill(3);
  run(src, dst);
  const kept = e.f32(src, input.length).slice();
  const out = e.f32(dst, outLength).slice();
  expect(e.f32(guard, 16)).toEqual(new Float32Array(16).fill(7));
  for (const v of e.f32(dst + outLength * 4, Math.min(4, Math.floor(((-outLength * 4) & 63) / 4)))) expect(v).toBe(3);
  for (const p of [src, dst, guard]) e.free(p);
  return { out, kept };
};
/** Largest difference, relative to the root mean square of what is expected. */
const relative = (a: ArrayLike<number>, b: ArrayLike<number>) => {
  let worst = 0;
  let squares = 0;
  for (let i = 0; i < b.length; i++) {
    worst = Math.max(worst, Number.isNaN(a[i]) ? Infinity : Math.abs(a[i] - b[i]));
    squares += b[i] ** 2;
  }
  return squares === 0 ? worst : worst / Math.sqrt(squares / b.length);
};

test("the plain twin is the defining sum, for smooth, prime and large prime lengths", () => {
  for (const n of [1, 2, 3, 4, 6, 7, 12, 15, 16, 61, 67, 97, 2 * 67]) {
    const x = noise(2 * n, n);
    for (const inverse of [false, true]) {
      const out = new Float64Array(2 * n);
      twin.fft(x, out, [n], [0], inverse, 1);
      for (let k = 0; k < n; k++) {
        let re = 0;
        let im = 0;
        for (let t = 0; t < n; t++) {
          const a = ((inverse ? 2 : -2) * Math.PI * ((k * t) % n)) / n;
          re += x[2 * t] * Math.cos(a) - x[2 * t + 1] * Math.sin(a);
          im += x[2 * t] * Math.sin(a) + x[2 * t + 1] * Math.cos(a);
        }
        expect(out[2 * k]).toBeCloseTo(re, 10);
        expect(out[2 * k + 1]).toBeCloseTo(im, 10);
      }
    }
  }
});

test("the transform along the middle of any three axes equals its twin for every length from 0 to 130 and some large ones", () => {
  const e = engines[0];
  const lengths = [...Array(131).keys(), 144, 256, 243, 251, 480, 512, 509, 1000, 1024, 2048, 2310];
  for (const n of lengths)
    for (const inner of n > 300 ? [1, 9] : n % 3 === 0 ? [1, 3, 8] : n % 3 === 1 ? [1, 2, 11] : [4, 5, 16]) {
      const outer = n > 300 ? 2 : 3;
      const shape = [outer, n, inner];
      const x = noise(2 * product(shape), 31 * n + inner);
      const inverse = (n + inner) % 2 === 1;
      const expected = new Float64Array(x.length);
      twin.fft(x, expected, shape, [1], inverse, 0.5);
      const scale = inverse ? "backward" : "forward";
      const { out, kept } = withMemory(e, x, x.length, (src, dst) => fft(e, src, dst, shape, { axes: [1], inverse, normalisation: scale }));
      expect(kept).toEqual(x);
      // f32 errors grow like √log n; the convolution of large primes costs three transforms.
      expect(
        relative(
          out,
          expected.map((v) => (2 * v) / Math.max(n, 1)),
        ),
        `length ${n}, inner ${inner}, inverse ${inverse}`,
      ).toBeLessThan(3e-6);
    }
});

test("transforms over several axes equal the twin, in place or not, with the same bits for 1, 2 and 3 threads", () => {
  const side = fc.integer({ min: 1, max: 20 });
  fc.assert(
    fc.property(
      fc.array(side, { minLength: 1, maxLength: 4 }).filter((s) => product(s) < 3000),
      fc.integer({ min: 0, max: 15 }),
      fc.boolean(),
      fc.constantFrom("backward", "ortho", "forward") as fc.Arbitrary<"backward" | "ortho" | "forward">,
      fc.integer(),
      (shape, mask, inverse, normalisation, seed) => {
        const axes = shape.map((_, i) => i).filter((i) => mask & (1 << i));
        const x = noise(2 * product(shape), seed);
        const points = product(axes.map((a) => shape[a]));
        const scale = normalisation === "ortho" ? points ** -0.5 : (normalisation === "backward") === inverse ? 1 / points : 1;
        const expected = new Float64Array(x.length);
        twin.fft(x, expected, shape, axes, inverse, scale);
        const run = (e: Engine) => withMemory(e, x, x.length, (src, dst) => fft(e, src, dst, shape, { axes, inverse, normalisation })).out;
        const results = engines.map(run);
        expect(relative(results[0], expected)).toBeLessThan(2e-6);
        expect(results[1]).toEqual(results[0]);
        expect(results[2]).toEqual(results[0]);
        expect(relative(run(plain), expected)).toBeLessThan(2e-6);
        const e = engines[0];
        const inPlace = withMemory(e, x, 1, (src) => fft(e, src, src, shape, { axes, inverse, normalisation })).kept;
        expect(inPlace).toEqual(results[0]);
      },
    ),
    { numRuns: 150 },
  );
});

test("planes that fit the cache are transformed row- and column-wise at once with the same result", () => {
  for (const shape of [
    [8, 16, 32],
    [9, 12, 3],
    [8, 7, 67],
    [2, 5, 24, 40],
  ]) {
    const x = noise(2 * product(shape), 5);
    const expected = new Float64Array(x.length);
    const axes = shape.map((_, i) => i);
    twin.fft(x, expected, shape, axes, false, 1);
    const results = [...engines, alone].map((e) => withMemory(e, x, x.length, (src, dst) => fft(e, src, dst, shape)).out);
    expect(relative(results[0], expected)).toBeLessThan(3e-6);
    for (const r of results) expect(r).toEqual(results[0]);
  }
});

test("the real transform is the half spectrum of the complex one and its inverse brings the numbers back", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 2 }),
      fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constantFrom(64, 67, 74, 134, 128)),
      fc.integer(),
      (outer, n, seed) => {
        const shape = [...outer, n];
        const axes = shape.map((_, i) => i);
        const x = noise(product(shape), seed);
        const bins = product(outer) * 2 * (Math.floor(n / 2) + 1);
        const expected = new Float64Array(bins);
        twin.rfft(x, expected, shape, axes, 1);
        const results = engines.map((e) => withMemory(e, x, bins, (src, dst) => rfft(e, src, dst, shape)).out);
        expect(relative(results[0], expected)).toBeLessThan(3e-6);
        expect(results[1]).toEqual(results[0]);
        const back = engines.map((e) => withMemory(e, results[0], x.length, (src, dst) => irfft(e, src, dst, shape)));
        expect(back[0].kept).toEqual(results[0]);
        expect(relative(back[0].out, x)).toBeLessThan(3e-6);
        expect(back[2].out).toEqual(back[0].out);
        // Any half spectrum, not only one of real numbers, has the twin's inverse.
        const any = noise(bins, seed + 1);
        const inverse = new Float64Array(x.length);
        twin.irfft(any, inverse, shape, axes, 1 / product(shape));
        expect(relative(withMemory(engines[0], any, x.length, (src, dst) => irfft(engines[0], src, dst, shape)).out, inverse)).toBeLessThan(
          3e-6,
        );
      },
    ),
    { numRuns: 120 },
  );
});

test("the tables of all lengths can be given back", () => {
  const e = new Engine({ threads: 1 });
  const before = e.memoryUse.used;
  withMemory(e, noise(2 * 67, 1), 2 * 67, (src, dst) => fft(e, src, dst, [67]));
  clearFftPlans(e);
  expect(e.memoryUse.used - before).toBeLessThan(64 * 1024); // the thread workspace stays
});

test("axes that do not exist or come twice are refused with the axes that would do", () => {
  expect(() => fft(plain, 0, 0, [2, 3], { axes: [2] })).toThrow("different axes from -2 to 1");
  expect(() => fft(plain, 0, 0, [2, 3], { axes: [0, -2] })).toThrow("different axes");
  expect(() => rfft(plain, 0, 0, [2, 3], { axes: [0] })).toThrow("must be the array's last");
});
