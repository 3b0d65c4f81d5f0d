import * as fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { Engine } from "./engine.js";
import { type NgfOptions, ngf, ngfChannelCount, ngfSlopes } from "./ngf.js";
import type { Size3 } from "./reference/gaussian.js";
import { difference } from "./reference/lines.js";
import * as twin from "./reference/ngf.js";

const engines = [new Engine({ threads: 1 }), new Engine({ threads: 2 }), new Engine({ threads: 3 })];
const plain = new Engine({ deterministic: true, threads: 2 });
const unshared = new Engine({ shared: false });
afterAll(() => {
  for (const e of [...engines, plain, unshared]) e.close();
});

const noise = (length: number, seed: number) => {
  let s = seed >>> 0;
  return Float32Array.from({ length }, () => ((s = (Math.imul(s, 1664525) + 1013904223) >>> 0) >>> 8) / 2 ** 24 - 0.5);
};
const blockOf = (e: Engine, x: Float32Array) => {
  const p = e.allocate(4 * x.length);
  e.f32(p, x.length).set(x);
  return p;
};
function run(e: Engine, x: Float32Array, g: Float32Array, volumes: number, size: Size3, o: NgfOptions) {
  const d = o.planar ? 2 : 3;
  const [p, q] = [blockOf(e, x), blockOf(e, g)];
  const [channels, slopes] = [g.length, d * x.length].map((n) => {
    const at = e.allocate(4 * n + 4);
    e.f32(at, n + 1).fill(7);
    return { at, n };
  });
  ngf(e, p, channels.at, volumes, size, o);
  ngfSlopes(e, p, q, slopes.at, volumes, size, o);
  const out = [channels, slopes].map(({ at, n }) => {
    expect(e.f32(at, n + 1)[n]).toBe(7); // nothing written past the end
    return e.f32(at, n).slice();
  });
  for (const at of [p, q, channels.at, slopes.at]) e.free(at);
  return out;
}

test("normalised gradients and their pull-back equal the plain twin for any size, with equal bits for 1, 2 and 3 threads", () => {
  const side = fc.integer({ min: 1, max: 12 });
  fc.assert(
    fc.property(
      fc.tuple(side, side, fc.integer({ min: 1, max: 40 })),
      fc.integer({ min: 0, max: 2 }),
      fc.boolean(),
      fc.integer(),
      (size, volumes, planar, seed) => {
        const o = { edge: 0.3, spacing: [1.5, 1, 0.8] as Size3, planar };
        const n = size[0] * size[1] * size[2];
        const K = ngfChannelCount(o);
        const x = noise(volumes * n, seed);
        const g = noise(volumes * n * K, seed + 1);
        const of = (v: number) => x.subarray(v * n, (v + 1) * n);
        const list = Array.from({ length: volumes }, (_, v) => v);
        const channels = list.flatMap((v) => [...twin.ngf(of(v), size, o)]);
        const pulled = list.flatMap((v) => [...twin.ngfGradient(of(v), g.subarray(v * n * K, (v + 1) * n * K), size, o)]);
        const results = [...engines, plain, unshared].map((e) => run(e, x, g, volumes, size, o));
        for (const [first, slopes] of results) {
          expect(first.reduce((most, v, i) => Math.max(most, Math.abs(v - channels[i])), 0)).toBeLessThan(1e-5); // f32: a quotient below √2
          // The kernel ends at the slopes; their differences are another kernel's.
          const total = new Float64Array(x.length);
          const [D, H, W] = size;
          for (const [a, lines] of [
            { outer: volumes * D * H, n: W, inner: 1 },
            { outer: volumes * D, n: H, inner: W },
            { outer: volumes, n: D, inner: H * W },
          ]
            .slice(0, planar ? 2 : 3)
            .entries()) {
            const part = new Float64Array(x.length);
            difference(slopes.subarray(a * x.length, (a + 1) * x.length), part, lines, "central", o.spacing[2 - a], true);
            for (let i = 0; i < total.length; i++) total[i] += part[i];
          }
          expect(total.reduce((most, v, i) => Math.max(most, Math.abs(v - pulled[i])), 0)).toBeLessThan(5e-5); // f32: a few terms of up to 10
        }
        expect(results[1]).toEqual(results[0]);
        expect(results[2]).toEqual(results[0]);
      },
    ),
    { numRuns: 60 },
  );
});

test("a ramp has one direction everywhere, of a length that tells how far it stands above the edge parameter", () => {
  const ramp = Float64Array.from({ length: 20 }, (_, i) => 3 * (i % 5));
  const y = twin.ngf(ramp, [1, 4, 5], { edge: 4, spacing: [1, 1, 1], planar: true });
  for (let i = 0; i < 20; i++) expect([y[i], y[20 + i], y[40 + i]]).toEqual([9 / 25, 0, 0]); // 3² / (3² + 4²)
});
