import * as fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { type ConvolutionShape, convolution, convolutionInput, convolutionWeights, type Triple } from "./conv.js";
import { Engine } from "./engine.js";
import * as twin from "./reference/conv.js";

const engines = [
  ...[1, 2, 3].map((threads) => new Engine({ threads })),
  new Engine({ threads: 2, deterministic: true }),
  new Engine({ shared: false }),
];
afterAll(() => {
  for (const e of engines) e.close();
});

const random = (seed: number) => {
  let s = seed >>> 0;
  return () => ((s = (Math.imul(s, 1664525) + 1013904223) >>> 0) >>> 8) / 2 ** 24 - 0.5;
};
const volume = (t: Triple) => t[0] * t[1] * t[2];
const lengths = (s: ConvolutionShape) => ({
  x: s.batch * s.inputs * volume(s.size),
  w: (s.outputs * s.inputs * volume(s.kernel)) / s.groups,
  g: s.batch * s.outputs * volume(s.outputSize),
});

/** Puts two arrays into the engine, runs, takes the result out; NaN in the result's memory shows what was never written. */
const run = (e: Engine, a: Float32Array, b: Float32Array, n: number, kernel: (p: number, q: number, r: number) => void) => {
  const [p, q, r] = [a.length, b.length, n].map((length) => e.allocate(length * 4));
  e.f32(p, a.length).set(a);
  e.f32(q, b.length).set(b);
  e.f32(r, n).fill(Number.NaN);
  kernel(p, q, r);
  const out = e.f32(r, n).slice();
  for (const at of [p, q, r]) e.free(at);
  return out;
};

/** Largest difference relative to the largest value: f32 sums of up to 10³ terms of one size. */
const difference = (a: Float32Array, b: Float64Array) => {
  let most = 0;
  let scale = 1e-30;
  for (let i = 0; i < b.length; i++) {
    most = Math.max(most, Number.isNaN(a[i]) ? Number.POSITIVE_INFINITY : Math.abs(a[i] - b[i]));
    scale = Math.max(scale, Math.abs(b[i]));
  }
  return most / Math.max(1, scale);
};

function check(s: ConvolutionShape, seed: number): void {
  const next = random(seed);
  const n = lengths(s);
  const [x, w, g] = [n.x, n.w, n.g].map((length) => Float32Array.from({ length }, next));
  const cases = [
    { a: x, b: w, n: n.g, kernel: convolution, plain: twin.convolution },
    { a: g, b: w, n: n.x, kernel: convolutionInput, plain: twin.convolutionInput },
    { a: x, b: g, n: n.w, kernel: convolutionWeights, plain: twin.convolutionWeights },
  ];
  for (const c of cases) {
    const expected = new Float64Array(c.n);
    c.plain(c.a, c.b, expected, s);
    const results = engines.map((e) => run(e, c.a, c.b, c.n, (p, q, r) => c.kernel(e, p, q, r, s)));
    for (const result of results) expect(difference(result, expected)).toBeLessThan(2e-6);
    expect(results[1]).toEqual(results[0]);
    expect(results[2]).toEqual(results[0]);
    expect(results[4]).toEqual(results[0]);
  }
}

const axis = fc
  .record({
    size: fc.integer({ min: 1, max: 13 }),
    kernel: fc.integer({ min: 1, max: 4 }),
    stride: fc.integer({ min: 1, max: 3 }),
    dilation: fc.integer({ min: 1, max: 3 }),
    before: fc.integer({ min: 0, max: 4 }),
    after: fc.integer({ min: 0, max: 4 }),
  })
  .map((a) => ({ ...a, output: Math.floor((a.size + a.before + a.after - (a.kernel - 1) * a.dilation - 1) / a.stride) + 1 }))
  .filter((a) => a.output > 0);
const wide = axis.map((a) => ({
  ...a,
  size: 3 * a.size,
  output: Math.floor((3 * a.size + a.before + a.after - (a.kernel - 1) * a.dilation - 1) / a.stride) + 1,
}));
const flat = fc.constant({ size: 1, kernel: 1, stride: 1, dilation: 1, before: 0, after: 0, output: 1 });
const shape = fc
  .record({
    z: fc.oneof(flat, axis),
    y: fc.oneof(flat, axis),
    x: fc.oneof(axis, wide),
    batch: fc.integer({ min: 1, max: 3 }),
    groups: fc.integer({ min: 1, max: 3 }),
    inputs: fc.integer({ min: 1, max: 6 }),
    outputs: fc.integer({ min: 1, max: 6 }),
  })
  .map(({ z, y, x, batch, groups, inputs, outputs }): ConvolutionShape => {
    const triple = (key: keyof typeof x): Triple => [z[key], y[key], x[key]];
    return {
      batch,
      groups,
      inputs: groups * inputs,
      outputs: groups * outputs,
      size: triple("size"),
      outputSize: triple("output"),
      kernel: triple("kernel"),
      stride: triple("stride"),
      padding: triple("before"),
      dilation: triple("dilation"),
    };
  });

test("convolution and both adjoints equal their plain twins for any kernel, stride, padding, dilation, groups; 1, 2, 3 threads give the same bits", () => {
  fc.assert(
    fc.property(shape, fc.integer(), (s, seed) => check(s, seed)),
    { numRuns: 120, seed: 7 },
  );
});

const plain = { batch: 1, groups: 1, stride: [1, 1, 1], dilation: [1, 1, 1] } as const;
test("wide layers cross channel blocks, weight strips and position blocks without losing a term", () => {
  check(
    { ...plain, batch: 2, inputs: 70, outputs: 21, size: [1, 23, 29], outputSize: [1, 23, 29], kernel: [1, 3, 3], padding: [0, 1, 1] },
    1,
  );
  check({ ...plain, inputs: 33, outputs: 6, size: [7, 9, 11], outputSize: [7, 9, 11], kernel: [3, 3, 3], padding: [1, 1, 1] }, 2);
  check({ ...plain, batch: 3, inputs: 40, outputs: 9, size: [4, 9, 13], outputSize: [4, 9, 13], kernel: [1, 1, 1], padding: [0, 0, 0] }, 3);
  check(
    {
      ...plain,
      inputs: 2,
      outputs: 3,
      size: [1, 40, 50],
      outputSize: [1, 20, 25],
      kernel: [1, 7, 7],
      padding: [0, 3, 3],
      stride: [1, 2, 2],
    },
    4,
  );
});

test("layers of few outputs, depthwise ones among them, cut rows at any width", () => {
  check({ ...plain, inputs: 5, outputs: 3, size: [1, 7, 37], outputSize: [1, 7, 37], kernel: [1, 3, 5], padding: [0, 1, 2] }, 1);
  check({ ...plain, groups: 6, inputs: 6, outputs: 6, size: [3, 7, 16], outputSize: [3, 7, 16], kernel: [3, 3, 3], padding: [1, 1, 1] }, 2);
  check({ ...plain, inputs: 1, outputs: 2, size: [1, 9, 40], outputSize: [1, 7, 11], kernel: [1, 3, 30], padding: [0, 0, 0] }, 3);
  check(
    {
      ...plain,
      inputs: 2,
      outputs: 1,
      size: [1, 3, 5],
      outputSize: [1, 3, 26],
      kernel: [1, 3, 2],
      padding: [0, 1, 11],
      dilation: [1, 1, 3],
    },
    4,
  );
});

test("nothing in, nothing or zeros out", () => {
  const s: ConvolutionShape = {
    ...plain,
    inputs: 2,
    outputs: 3,
    size: [1, 4, 4],
    outputSize: [1, 4, 4],
    kernel: [1, 3, 3],
    padding: [0, 1, 1],
  };
  check({ ...s, batch: 0 }, 1);
  check({ ...s, inputs: 0 }, 1);
  check({ ...s, outputs: 0 }, 1);
  check({ ...s, size: [1, 0, 4] }, 1);
});

test("a number outside the image never leaks in, not even NaN beside a row", () => {
  // Two images side by side: the second is NaN everywhere.
  const e = engines[0];
  const s: ConvolutionShape = {
    ...plain,
    inputs: 1,
    outputs: 1,
    size: [1, 3, 5],
    outputSize: [1, 3, 5],
    kernel: [1, 3, 3],
    padding: [0, 1, 1],
  };
  const x = new Float32Array(45).fill(Number.NaN);
  x.fill(1, 15, 30);
  const out = run(e, x, new Float32Array(9).fill(1), 15, (p, q, r) => convolution(e, p + 60, q, r, s));
  expect([...out]).toEqual([4, 6, 6, 6, 4, 6, 9, 9, 9, 6, 4, 6, 6, 6, 4]);
});

test("a channel of NaN spoils its own weights' gradient and no other", () => {
  const e = engines[0];
  const s: ConvolutionShape = {
    ...plain,
    inputs: 3,
    outputs: 1,
    size: [1, 3, 5],
    outputSize: [1, 3, 5],
    kernel: [1, 3, 3],
    padding: [0, 1, 1],
  };
  const x = new Float32Array(45).fill(Number.NaN);
  x.fill(1, 15, 30);
  const gw = run(e, x, new Float32Array(15).fill(1), 27, (p, q, r) => convolutionWeights(e, p, q, r, s));
  expect([...gw.slice(9, 18)]).toEqual([8, 10, 8, 12, 15, 12, 8, 10, 8]);
  expect([...gw.slice(0, 9), ...gw.slice(18)].every(Number.isNaN)).toBe(true);
});
