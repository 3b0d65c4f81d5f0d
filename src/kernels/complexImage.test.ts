import { afterAll, describe, expect, test } from "vitest";
import { seeded } from "../core/random.js";
import * as kernels from "./complexImage.js";
import { Engine } from "./engine.js";
import * as twin from "./reference/complexImage.js";

const engines = [
  new Engine({ threads: 1 }),
  new Engine({ threads: 3 }),
  new Engine({ deterministic: true }),
  new Engine({ shared: false }),
];
afterAll(() => {
  for (const e of engines) e.close();
});
const numbers = (n: number, seed: number) => {
  const random = seeded(seed);
  return Float32Array.from({ length: n }, () => random.normal());
};
/** Runs a kernel on copies of the inputs; one output of `size` floats with a guard behind it. */
function run(
  e: Engine,
  inputs: readonly Float32Array[],
  size: number,
  fn: (e: Engine, out: number, ...at: number[]) => unknown,
): { out: Float32Array; sum: unknown } {
  const at = inputs.map((x) => {
    const p = e.allocate(4 * x.length + 4);
    e.f32(p, x.length).set(x);
    return p;
  });
  const o = e.allocate(4 * size + 8);
  e.f32(o, size + 2).fill(7);
  const sum = fn(e, o, ...at);
  const all = Float32Array.from(e.f32(o, size + 2));
  for (const p of [...at, o]) e.free(p);
  expect([...all.slice(size)]).toEqual([7, 7]); // nothing is written past the end
  return { out: all.slice(0, size), sum };
}
const near = (a: ArrayLike<number>, b: ArrayLike<number>) => {
  expect(a.length).toBe(b.length);
  for (let i = 0; i < a.length; i++) expect(Math.abs(a[i] - b[i])).toBeLessThan(1e-5 * (1 + Math.abs(b[i]))); // f32 sums of few terms
};
const sizes: readonly (readonly [number, number])[] = [
  [1, 1],
  [1, 2],
  [2, 1],
  [3, 5],
  [8, 6],
  [70, 131],
];

describe.each(sizes)("complex images of %i × %i", (h, w) => {
  const n = h * w;
  const [x, u, b] = [numbers(2 * n, 1), numbers(2 * n, 2), numbers(2 * n, 3)];
  const [p, maps] = [numbers(4 * n, 4), numbers(6 * n, 5)];
  const check = (
    inputs: readonly Float32Array[],
    size: number,
    kernel: (e: Engine, out: number, ...at: number[]) => unknown,
    reference: (out: Float64Array) => unknown,
  ) => {
    const expected = new Float64Array(size);
    const sum = reference(expected);
    const first = run(engines[0], inputs, size, kernel);
    for (const e of engines) {
      const found = run(e, inputs, size, kernel);
      near(found.out, expected);
      if (typeof sum === "number") expect(Math.abs((found.sum as number) - sum)).toBeLessThan(1e-5 * (1 + sum));
    }
    expect(run(engines[1], inputs, size, kernel)).toEqual(first); // the same bits on three threads
  };
  test("spread to coils and gathered from them", () => {
    check(
      [maps, x],
      6 * n,
      (e, o, m, a) => kernels.coilSpread(e, m, a, o, 3, n),
      (o) => twin.coilSpread(maps, x, o, 3, n),
    );
    check(
      [maps, numbers(6 * n, 6)],
      2 * n,
      (e, o, m, y) => kernels.coilGather(e, m, y, o, 3, n),
      (o) => twin.coilGather(maps, numbers(6 * n, 6), o, 3, n),
    );
  });
  test("shrunk", () => {
    check(
      [x],
      2 * n,
      (e, o, z) => kernels.complexShrink(e, z, o, 0.8, n),
      (o) => twin.complexShrink(x, o, 0.8, n),
    );
  });
  test("the two halves of a total variation step", () => {
    check(
      [x, p, b],
      2 * n,
      (e, o, i, q, c) => kernels.tvPull(e, i, q, c, o, 0.3, h, w),
      (o) => twin.tvPull(x, p, b, o, 0.3, h, w),
    );
    check(
      [u, x, p],
      4 * n,
      (e, o, i, j, q) => kernels.tvPush(e, i, j, q, o, 0.7, 1.1, h, w),
      (o) => twin.tvPush(u, x, p, o, 0.7, 1.1, h, w),
    );
  });
});
