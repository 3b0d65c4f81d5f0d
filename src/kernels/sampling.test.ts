import * as fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { Engine } from "./engine.js";
import * as twin from "./reference/sampling.js";
import * as kernel from "./sampling.js";

const engines = [
  new Engine({ threads: 1 }),
  new Engine({ threads: 2 }),
  new Engine({ threads: 3 }),
  new Engine({ deterministic: true, threads: 1 }),
  new Engine({ deterministic: true, shared: false }),
];
afterAll(() => {
  for (const e of engines) e.close();
});

function generator(seed: number): () => number {
  let s = seed >>> 0;
  return () => ((s = (Math.imul(s, 1664525) + 1013904223) >>> 0) >>> 8) / 2 ** 24;
}

/** Run `work` on every engine with the inputs copied in; equal bits for any number of threads; returns the outputs of the first. */
function everywhere(
  inputs: readonly Float32Array[],
  outputs: readonly number[],
  work: (e: Engine, inputs: number[], outputs: number[]) => void,
): Float32Array[] {
  const results = engines.map((e) => {
    const at = inputs.map((a) => e.allocate(a.length * 4));
    const to = outputs.map((n) => e.allocate(n * 4));
    inputs.forEach((a, k) => {
      e.f32(at[k], a.length).set(a);
    });
    outputs.forEach((n, k) => {
      e.f32(to[k], n).fill(0);
    });
    work(e, at, to);
    const out = outputs.map((n, k) => e.f32(to[k], n).slice());
    for (const p of [...at, ...to]) e.free(p);
    return out;
  });
  expect(results[1]).toEqual(results[0]);
  expect(results[2]).toEqual(results[0]);
  expect(results[4]).toEqual(results[3]);
  return [results[0], results[3]].reduce((a, b) => {
    a.forEach((x, k) => {
      close(x, b[k], 1e-4); // plain and relaxed SIMD differ by roundings
    });
    return a;
  });
}
function close(a: ArrayLike<number>, b: ArrayLike<number>, tolerance: number): void {
  expect(a.length).toBe(b.length);
  for (let i = 0; i < a.length; i++)
    if (!(Math.abs(a[i] - b[i]) <= tolerance * (1 + Math.abs(b[i])))) expect(`${i}: ${a[i]}`).toBe(`${i}: ${b[i]}`);
}

const side = fc.integer({ min: 1, max: 7 });
const cases = fc.record({
  seed: fc.integer(),
  size: fc.oneof(fc.tuple(side, side, side), fc.tuple(side, side)),
  out: fc.tuple(fc.integer({ min: 0, max: 6 }), side, side),
  channels: fc.integer({ min: 1, max: 3 }),
  border: fc.constantFrom("clamp" as const, "constant" as const),
  kind: fc.constantFrom("field", "base", "affine", "points"),
});
type Case = typeof cases extends fc.Arbitrary<infer T> ? T : never;

/**
 * Random numbers for a case. Coordinates keep a distance of at least 1/64 from integers, where linear derivatives jump and where
 * f32 and f64 may take different cells, except in a quarter of them, which fall outside the image or on its border.
 */
function setUp({ seed, size, out, channels, kind }: Case) {
  const random = generator(seed);
  const d = size.length;
  const outSize = out.slice(3 - d);
  const n = outSize.reduce((a, b) => a * b, 1);
  const voxels = size.reduce((a, b) => a * b, 1);
  const image = Float32Array.from({ length: channels * voxels }, () => 2 * random() - 1);
  const place = () => Math.floor(12 * random() - 3) + (1 + Math.floor(30 * random())) / 32;
  const base =
    kind === "base" || kind === "affine"
      ? Array.from({ length: d * (d + 1) }, (_, k) => (k % (d + 1) === d ? place() : Math.round(2 * random() - 1)))
      : undefined;
  const u = Float32Array.from({ length: d * n }, kind === "base" ? () => Math.floor(3 * random() - 1) : place);
  const h = Float32Array.from({ length: d * n }, () => 2 * random() - 1);
  const k = Float32Array.from({ length: d * n }, () => 2 * random() - 1);
  const g = Float32Array.from({ length: channels * n }, () => 2 * random() - 1);
  const positions = <T>(data: T): twin.Positions<T> =>
    kind === "points" ? { points: data, count: n } : kind === "affine" ? { size: outSize, base } : { field: data, size: outSize, base };
  return { d, n, voxels, image, u, h, k, g, positions };
}

test("linear sampling and its first derivatives equal their plain twins for fields, affine maps and points, any size and border", () => {
  fc.assert(
    fc.property(cases, (c) => {
      const { size, channels, border } = c;
      const { d, n, image, u, h, g, positions } = setUp(c);
      const rule = { border, fill: 0.25 };
      const expected = [channels * n, n, d * n, channels * n, channels * n, channels * d * n].map((m) => new Float64Array(m));
      twin.sample("linear", image, channels, size, positions(u), [], expected[0], rule, expected[1]);
      twin.sampleGradient("linear", image, channels, size, positions(u), g, [], expected[2], rule);
      twin.sample("linear", image, channels, size, positions(u), [h], expected[3], rule);
      twin.sampleBoth("linear", image, channels, size, positions(u), expected[4], expected[5], rule);
      const lengths = expected.map((x) => x.length);
      const results = everywhere([image, u, h, g], lengths, (e, [im, us, hs, gs], out) => {
        const at = { at: im, channels, size };
        kernel.sample(e, "linear", at, positions(us), [], out[0], { ...rule, inside: out[1] });
        kernel.sampleGradient(e, "linear", at, positions(us), gs, [], out[2], rule);
        kernel.sample(e, "linear", at, positions(us), [hs], out[3], rule);
        kernel.sampleBoth(e, "linear", at, positions(us), out[4], out[5], rule);
      });
      results.forEach((r, k) => {
        close(r, expected[k], 2e-5); // f32; coordinates below 2⁴, sums of at most 8 × 3 terms of size 1
      });
    }),
    { numRuns: 150 },
  );
});

test("more points than one row of the kernel are sampled, the last row being short", () => {
  const random = generator(3);
  const n = 2 * 1024 + 3;
  const image = Float32Array.from({ length: 5 * 6 * 7 }, random);
  const points = Float32Array.from({ length: 3 * n }, () => 7 * random() - 1);
  const g = Float32Array.from({ length: n }, random);
  const expected = [new Float64Array(n), new Float64Array(3 * n)];
  const positions = <T>(data: T): twin.Positions<T> => ({ points: data, count: n });
  twin.sample("linear", image, 1, [5, 6, 7], positions(points), [], expected[0]);
  twin.sampleGradient("linear", image, 1, [5, 6, 7], positions(points), g, [], expected[1]);
  const results = everywhere([image, points, g], [n, 3 * n], (e, [im, p, gs], out) => {
    const at = { at: im, channels: 1, size: [5, 6, 7] };
    kernel.sample(e, "linear", at, positions(p), [], out[0]);
    kernel.sampleGradient(e, "linear", at, positions(p), gs, [], out[1]);
  });
  close(results[0], expected[0], 1e-5); // f32
  close(results[1], expected[1], 1e-5);
});

test("a position outside, NaN included, keeps the border value and has no derivative along the axis that left", () => {
  const u = Float32Array.from([-5, Number.NaN, 9, 0, 0, 0]); // x of three pixels, then y
  const image = Float32Array.from([1, 2, 4]);
  const [value, gradient, filled, inside] = everywhere([image, u, new Float32Array(3).fill(1)], [3, 6, 3, 3], (e, [im, us, g], out) => {
    const at = { at: im, channels: 1, size: [1, 3] };
    kernel.sample(e, "linear", at, { field: us, size: [1, 3] }, [], out[0]);
    kernel.sampleGradient(e, "linear", at, { field: us, size: [1, 3] }, g, [], out[1]);
    kernel.sample(e, "linear", at, { field: us, size: [1, 3] }, [], out[2], { border: "constant", fill: 7, inside: out[3] });
  });
  expect([...value]).toEqual([1, 1, 4]);
  expect([...gradient]).toEqual([0, 0, 0, 0, 0, 0]);
  expect([...filled]).toEqual([7, 7, 7]);
  expect([...inside]).toEqual([0, 0, 0]);
});

test("composition of displacement fields equals its plain twin", () => {
  fc.assert(
    fc.property(cases, (c) => {
      const { d, n, voxels, u } = setUp(c);
      const random = generator(c.seed + 1);
      const outSize = c.out.slice(3 - d);
      const field = Float32Array.from({ length: d * voxels }, () => 4 * random() - 2);
      const expected = new Float64Array(d * n);
      const factor = c.seed % 2 ? 1 : -0.4;
      twin.composeFields(field, c.size, u, outSize, expected, factor);
      const [result] = everywhere([field, u], [d * n], (e, [a, b], [out]) => kernel.composeFields(e, a, c.size, b, outSize, out, factor));
      close(result, expected, 2e-5); // f32
    }),
    { numRuns: 60 },
  );
});

test("nearest, linear and cubic sampling, derivatives up to the third, and their adjoints equal the plain twins", () => {
  fc.assert(
    fc.property(
      cases,
      fc.constantFrom("nearest" as const, "linear" as const, "cubic" as const),
      fc.integer({ min: 0, max: 3 }),
      (c, kind, m) => {
        const { size, channels, border } = c;
        const { d, n, voxels, image, u, h, k, g, positions } = setUp(c);
        const rule = { border, fill: 0.25 };
        const pairs = (d * (d + 1)) / 2;
        const lengths = [channels * n, n, d * n, channels * n, channels * d * n, channels * pairs * n, channels * voxels];
        const expected = lengths.map((x) => new Float64Array(x));
        const h3 = [h, k, h].slice(0, m);
        const h2 = [k, h].slice(0, Math.min(2, m));
        twin.sample(kind, image, channels, size, positions(u), h3, expected[0], rule, expected[1]);
        twin.sampleGradient(kind, image, channels, size, positions(u), g, h2, expected[2], rule);
        twin.sampleBoth(kind, image, channels, size, positions(u), expected[3], expected[4], rule);
        twin.sampleHessian(kind, image, channels, size, positions(u), expected[5], rule);
        twin.splat(kind, g, channels, size, positions(u), h3, expected[6], rule);
        const results = everywhere([image, u, h, k, g], lengths, (e, [im, us, hs, ks, gs], out) => {
          const at = { at: im, channels, size };
          kernel.sample(e, kind, at, positions(us), [hs, ks, hs].slice(0, m), out[0], { ...rule, inside: out[1] });
          kernel.sampleGradient(e, kind, at, positions(us), gs, [ks, hs].slice(0, Math.min(2, m)), out[2], rule);
          kernel.sampleBoth(e, kind, at, positions(us), out[3], out[4], rule);
          kernel.sampleHessian(e, kind, at, positions(us), out[5], rule);
          kernel.splat(e, kind, gs, { at: out[6], channels, size }, positions(us), [hs, ks, hs].slice(0, m), rule);
        });
        results.forEach((r, j) => {
          if (j !== 1 || m === 0) close(r, expected[j], 2e-4); // f32; third derivatives sum 27 × 64 terms of size up to 3
        });
      },
    ),
    { numRuns: 150 },
  );
});

test("splatting adds every voxel's terms in the order of the positions, over many planes and rows", () => {
  const random = generator(5);
  const size = [40, 9, 11];
  const n = size[0] * size[1] * size[2];
  const u = Float32Array.from({ length: 3 * n }, () => 8 * random() - 4);
  const g = Float32Array.from({ length: n }, random);
  for (const kind of ["linear", "cubic"] as const) {
    const expected = new Float64Array(n);
    twin.splat(kind, g, 1, size, { field: u, size }, [], expected);
    const [result] = everywhere([u, g], [n], (e, [us, gs], [out]) =>
      kernel.splat(e, kind, gs, { at: out, channels: 1, size }, { field: us, size }, []),
    );
    close(result, expected, 1e-5); // f32
  }
});

test("cubic sampling of prefiltered coefficients gives the samples back; the adjoint prefilter is the transpose; both equal their twins", () => {
  fc.assert(
    fc.property(
      fc.integer(),
      fc.constantFrom<number[]>([1, 1, 1], [2, 3, 5], [1, 2, 70], [66, 2, 1], [3, 65, 67], [1, 9], [4, 1]),
      fc.integer({ min: 1, max: 2 }),
      (seed, size, channels) => {
        const random = generator(seed);
        const voxels = size.reduce((a, b) => a * b, 1);
        const a = Float32Array.from({ length: channels * voxels }, () => 2 * random() - 1);
        const b = Float32Array.from({ length: channels * voxels }, () => 2 * random() - 1);
        const expected = Float64Array.from(a);
        const transposed = Float64Array.from(b);
        twin.bsplinePrefilter(expected, channels, size);
        twin.bsplinePrefilter(transposed, channels, size, true);
        const dot = (x: ArrayLike<number>, y: ArrayLike<number>) => Array.from(x).reduce((s, v, i) => s + v * y[i], 0);
        expect(dot(expected, b)).toBeCloseTo(dot(a, transposed), 9);
        const [coefficients, adjoint, back] = everywhere([a, b], [a.length, a.length, a.length], (e, [p, q], out) => {
          e.f32(out[0], a.length).set(e.f32(p, a.length));
          e.f32(out[1], a.length).set(e.f32(q, a.length));
          kernel.bsplinePrefilter(e, out[0], channels, size);
          kernel.bsplinePrefilter(e, out[1], channels, size, true);
          kernel.sample(e, "cubic", { at: out[0], channels, size }, { size }, [], out[2]);
        });
        close(coefficients, expected, 2e-5); // f32, a filter of gain 3 in each axis
        close(adjoint, transposed, 2e-5);
        close(back, a, 2e-5);
      },
    ),
    { numRuns: 30 },
  );
});

test("away from the borders, where four positions go together, cubic and nearest sampling equal their twins too", () => {
  for (const [size, outSize] of [
    [
      [9, 11, 12],
      [3, 5, 13],
    ],
    [
      [11, 40],
      [6, 31],
    ],
  ])
    for (const kind of ["cubic", "nearest"] as const)
      for (const points of [false, true]) {
        const random = generator(9);
        const d = size.length;
        const n = outSize.reduce((a, b) => a * b, 1);
        const image = Float32Array.from({ length: 2 * size.reduce((a, b) => a * b, 1) }, () => 2 * random() - 1);
        const g = Float32Array.from({ length: 2 * n }, () => 2 * random() - 1);
        // Nine in ten positions are deep inside; thirty-seconds, so that f32 and f64 round to the same nearest voxel.
        const place = (a: number) =>
          (random() < 0.03 ? -1 : 1 + Math.floor(random() * (size[d - 1 - a] - 3))) + (2 * Math.floor(random() * 16) + 1) / 32;
        const base = Array.from({ length: d * (d + 1) }, () => 0);
        const u = points
          ? Float32Array.from({ length: d * n }, (_, k) => place(k % d))
          : Float32Array.from({ length: d * n }, (_, k) => place(Math.floor(k / n)));
        const positions = <T>(data: T): twin.Positions<T> => (points ? { points: data, count: n } : { field: data, size: outSize, base });
        const lengths = [2 * n, d * n, 2 * n, 2 * d * n, n];
        const expected = lengths.map((m) => new Float64Array(m));
        twin.sample(kind, image, 2, size, positions(u), [], expected[0], {}, expected[4]);
        twin.sampleGradient(kind, image, 2, size, positions(u), g, [], expected[1]);
        twin.sampleBoth(kind, image, 2, size, positions(u), expected[2], expected[3]);
        const results = everywhere([image, u, g], lengths, (e, [im, us, gs], out) => {
          const at = { at: im, channels: 2, size };
          kernel.sample(e, kind, at, positions(us), [], out[0], { inside: out[4] });
          kernel.sampleGradient(e, kind, at, positions(us), gs, [], out[1]);
          kernel.sampleBoth(e, kind, at, positions(us), out[2], out[3]);
        });
        results.forEach((r, k) => {
          close(r, expected[k], 2e-5); // f32
        });
      }
});
