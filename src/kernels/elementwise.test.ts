import * as fc from "fast-check";
import { afterAll, expect, test, vi } from "vitest";
import { broadcastShapes, broadcastStrides, type Shape, sizeOf } from "../core/shape.js";
import { call, constant, type Expression, elementwise, input, scalar } from "./elementwise.js";
import { Engine } from "./engine.js";
import { binary, unary } from "./reference/elementwise.js";
import { stridedCopy } from "./reference/strided.js";
import type { ElementwiseFunction } from "./vectorMath.js";

const engines = [1, 2, 3].map((threads) => new Engine({ threads }));
const plain = new Engine({ deterministic: true, threads: 1 });
const alone = new Engine({ shared: false });
afterAll(() => {
  for (const e of engines) e.close();
});

const noise = (n: number, seed: number) => {
  let s = seed >>> 0;
  return Float32Array.from({ length: n }, () => ((s = (Math.imul(s, 1664525) + 1013904223) >>> 0) >>> 8) / 2 ** 23 - 1);
};
const run = (e: Engine, expression: Expression, arrays: readonly Float32Array[], shapes: readonly Shape[], options = {}) => {
  const shape = shapes.reduce((a, b) => broadcastShapes(a, b));
  const n = sizeOf(shape);
  const at = arrays.map((a) => e.allocate(a.length * 4));
  const out = e.allocate(n * 4 + 64);
  arrays.forEach((a, k) => {
    e.f32(at[k], a.length).set(a);
  });
  e.f32(out, n + 16).fill(7);
  const sum = elementwise(
    e,
    expression,
    at.map((pointer, k) => ({ pointer, shape: shapes[k] })),
    shape,
    out,
    options,
  );
  const values = e.f32(out, n).slice();
  expect(e.f32(out + 4 * n, 16)).toEqual(new Float32Array(16).fill(7)); // nothing is written behind the result
  for (const p of [...at, out]) e.free(p);
  return { values, sum };
};

/** Units in the last place of the float nearest to `right` between it and `got`. */
const ulps = (got: number, right: number) => {
  const nearest = Math.fround(right);
  if (Object.is(got, nearest) || got === nearest || (Number.isNaN(got) && Number.isNaN(nearest))) return 0;
  if (!Number.isFinite(nearest)) return Math.abs(got) > 3.4e38 && Math.sign(got) === Math.sign(nearest) ? 1 : Infinity;
  const size = Math.max(2 ** -126, 2 ** Math.floor(Math.log2(Math.abs(nearest))));
  return Math.abs(got - right) / (size * 2 ** -23);
};
/** All magnitudes, both signs, and the edges. */
const everywhere = (() => {
  const values: number[] = [
    0,
    -0,
    1,
    -1,
    0.5,
    -0.5,
    1.5,
    2.5,
    -2.5,
    Infinity,
    -Infinity,
    Number.NaN,
    2 ** -149,
    -(2 ** -149),
    2 ** -126,
    3.4028234663852886e38,
    -3.4028234663852886e38,
    88.7,
    88.73,
    -87.3,
    -87.4,
    -103,
    -104,
    0.49999997,
  ];
  const bits = new Uint32Array(1);
  const asFloat = new Float32Array(bits.buffer);
  for (let k = 0; k < 2 ** 14; k++) {
    bits[0] = Math.imul(k, 0x9e3779b1) >>> 0;
    values.push(asFloat[0]);
  }
  for (const scale of [1, 2, 10, 100]) values.push(...noise(4096, scale).map((v) => v * scale));
  return Float32Array.from(values);
})();

const bounds: Partial<Record<keyof typeof unary, number>> = {
  tan: 3.5,
  sinh: 3,
  cosh: 3,
  tanh: 3,
  sigmoid: 3,
  log1p: 2.5,
  asin: 2.5,
  acos: 2.5,
  erf: 2.5,
};
test.each(Object.keys(unary) as (keyof typeof unary)[])(
  "%s is right to a few units in the last place everywhere, infinities and NaN included",
  (name) => {
    for (const e of [engines[0], plain]) {
      const { values } = run(e, call(name, input(0)), [everywhere], [[everywhere.length]]);
      let worst = 0;
      let at = 0;
      everywhere.forEach((x, i) => {
        if (/^(sin|cos|tan)$/.test(name) && Math.abs(x) > 2 ** 30) {
          expect(values[i]).toBeNaN(); // neighbouring floats are 64 apart: refused, not guessed
          return;
        }
        const d = ulps(values[i], unary[name](x));
        if (!(d <= worst)) {
          worst = d;
          at = x;
        }
      });
      expect(worst, `${name}(${at}) in the ${e.build} build`).toBeLessThanOrEqual(bounds[name] ?? 2);
    }
  },
);

test.each(Object.keys(binary) as (keyof typeof binary)[])(
  "%s of two arrays is right to two units in the last place, special values included",
  (name) => {
    const special = [0, -0, 1, -1, 2, -2, 3, -3, 0.5, -0.5, 1e-40, -1e-40, 1e30, -1e30, Infinity, -Infinity, Number.NaN, 16777217, 1e10];
    const a = [
      ...special.flatMap((x) => special.map(() => x)),
      ...noise(3000, 1).map((v) => 4 * v),
      ...noise(999, 2).map((v) => Math.abs(v) * 40),
    ];
    const b = [...special.flatMap(() => special), ...noise(3000, 3).map((v) => 4 * v), ...noise(999, 4).map((v) => v * 20)];
    const [x, y] = [Float32Array.from(a), Float32Array.from(b)];
    for (const e of [engines[0], plain]) {
      const { values } = run(e, call(name, input(0), input(1)), [x, y], [[x.length], [x.length]]);
      x.forEach((u, i) => {
        expect(ulps(values[i], binary[name](u, y[i])), `${name}(${u}, ${y[i]}) = ${values[i]} in the ${e.build} build`).toBeLessThanOrEqual(
          2.5,
        );
      });
    }
  },
);

test("operands are stretched as broadcasting says, for any shapes up to five axes, with the same bits for 1, 2 and 3 threads", () => {
  const axis = fc.tuple(fc.integer({ min: 0, max: 6 }), fc.boolean(), fc.boolean());
  fc.assert(
    fc.property(fc.array(axis, { maxLength: 5 }), fc.nat(3), fc.nat(3), fc.integer(), (axes, dropA, dropB, seed) => {
      const a = axes.map(([n, one]) => (one ? 1 : n)).slice(Math.min(dropA, axes.length));
      const b = axes.map(([n, , one]) => (one ? 1 : n)).slice(Math.min(dropB, axes.length));
      const shape = broadcastShapes(a, b);
      const [x, y] = [noise(sizeOf(a), seed), noise(sizeOf(b), seed + 1)];
      const stretch = (v: Float32Array, s: Shape) => {
        const out = new Float32Array(sizeOf(shape));
        stridedCopy(v, 0, broadcastStrides(s, shape), out, 0, broadcastStrides(shape, shape), shape);
        return out;
      };
      const [u, v] = [stretch(x, a), stretch(y, b)];
      const expected = u.map((p, i) => Math.fround(p - v[i]));
      const results = [...engines, plain, alone].map((e) => run(e, call("sub", input(0), input(1)), [x, y], [a, b], { sum: true }));
      for (const { values, sum } of results) {
        expect(values).toEqual(expected);
        expect(sum).toBeCloseTo(
          expected.reduce((s, p) => s + p, 0),
          4,
        );
        expect(sum).toBe(results[0].sum);
      }
    }),
    { numRuns: 300 },
  );
});

test("a formula with shared nodes, scalars and a condition is computed in one pass as it would be step by step", () => {
  const n = 100003;
  const x = noise(n, 5);
  const y = noise(n, 6);
  const t = call("exp", call("mul", input(0), scalar(0)));
  const formula = call("select", call("less", input(1), constant(0)), t, call("add", call("mul", t, t), scalar(1)));
  const results = [...engines, plain].map((e) => run(e, formula, [x, y], [[n], [n]], { scalars: [0.5, 3], sum: true }));
  let sum = 0;
  for (let i = 0; i < n; i++) {
    const s = Math.exp(0.5 * x[i]);
    const right = y[i] < 0 ? s : s * s + 3;
    sum += right;
    expect(Math.abs(results[0].values[i] - right)).toBeLessThan(2e-6); // f32, values below 8
  }
  for (const r of results) expect(Math.abs(r.sum / sum - 1)).toBeLessThan(1e-7); // partial sums of 64 floats, then f64
  expect(results[1]).toEqual(results[0]);
  expect(results[2]).toEqual(results[0]);
});

test("the sum alone needs no output, and new scalars need no new code", () => {
  const e = engines[1];
  const n = 12345;
  const p = e.allocate(4 * n);
  e.f32(p, n).fill(2);
  const formula: Expression = call("mul" as ElementwiseFunction, input(0), scalar(0));
  const compile = vi.spyOn(e, "compile");
  expect(elementwise(e, formula, [{ pointer: p, shape: [n] }], [n], undefined, { scalars: [3], sum: true })).toBe(6 * n);
  expect(elementwise(e, formula, [{ pointer: p, shape: [n] }], [n], undefined, { scalars: [5], sum: true })).toBe(10 * n);
  expect(compile).toHaveBeenCalledTimes(1);
  e.free(p);
});

test("what an element becomes does not depend on its neighbours, though unusual ones send their group the long way", () => {
  const n = everywhere.length;
  const calm = everywhere.map((v) => (Math.abs(v) < 80 && Math.abs(v) > 1e-30 ? v : 1));
  const mixed = everywhere.map((_, i) => (i % 4 === 1 ? everywhere[i] : calm[i]));
  for (const name of ["exp", "log", "log1p", "sigmoid", "cosh", "erf"] as const)
    for (const e of [engines[0], plain]) {
      const [alone, among] = [calm, mixed].map((x) => run(e, call(name, input(0)), [x], [[n]]).values);
      for (let i = 0; i < n; i++) if (i % 4 !== 1) expect(Object.is(among[i], alone[i]), `${name}(${calm[i]})`).toBe(true);
    }
});
