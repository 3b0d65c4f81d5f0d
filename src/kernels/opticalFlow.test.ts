import * as fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { Engine } from "./engine.js";
import * as fast from "./opticalFlow.js";
import * as twin from "./reference/opticalFlow.js";

const engines = [
  new Engine({ threads: 1 }),
  new Engine({ threads: 2 }),
  new Engine({ threads: 3 }),
  new Engine({ deterministic: true, shared: false }),
];
afterAll(() => {
  for (const e of engines) e.close();
});

/** Everything the kernels make of one pair of pictures and a flow. */
function kernels(e: Engine, d: ReturnType<typeof draw>): number[][] {
  const { H, W, channels, robust, zeta, to } = d;
  const size = { H, W };
  const n = H * W;
  const held: number[] = [];
  const block = (length: number, data?: ArrayLike<number>) => {
    const at = e.allocate(4 * length);
    held.push(at);
    const values = e.f32(at, length);
    if (data) values.set(data);
    else values.fill(0);
    return at;
  };
  const [first, second, terms] = [block(n * channels, d.first), block(n * channels, d.second), block(8 * n * channels, d.terms)];
  const [u0, v0, u, v, edges] = [d.u0, d.v0, d.u, d.v, d.edges].map((a) => block(n, a));
  const [mean, difference, inside, slopeX, slopeY] = [n * channels, n * channels, n, n * channels, n * channels].map((k) => block(k));
  const [penalty, median, median3, resized] = [n, n, n, channels * to.H * to.W].map((k) => block(k));
  const unknowns = block(fast.boardBytes(size, fast.unknownPlanes) / 4);
  const system = block(fast.boardBytes(size, fast.systemPlanes) / 4);
  fast.flowWarp(e, { first, second, u, v, mean, difference, inside }, channels, size);
  fast.flowSlope(e, first, slopeX, channels, size, 0);
  fast.flowSlope(e, first, slopeY, channels, size, 1);
  fast.flowPenalty(e, u, v, edges, penalty, size, { strength: 0.7, epsilon: 0.1, robust });
  const data = { brightness: 0.5, gradient: d.gradient, zeta, epsilon: 0.1, robust };
  fast.flowSystem(e, { terms, inside, u0, v0, u, v, penalty, out: system }, channels, size, data);
  fast.flowMedian(e, u, median, 1, size, 2);
  fast.flowMedian(e, u, median3, 1, size, 1);
  fast.flowResize(e, first, resized, channels, size, to, 1.5);
  const out = [mean, difference].map((p) => [...e.f32(p, n * channels)]);
  out.push([...e.f32(inside, n)], ...[slopeX, slopeY].map((p) => [...e.f32(p, n * channels)]), [...e.f32(penalty, n)]);
  out.push([...e.f32(median, n)], [...e.f32(median3, n)], [...e.f32(resized, channels * to.H * to.W)]);
  fast.flowSplit(e, u, v, unknowns, size);
  fast.flowRelax(e, unknowns, system, size, 1.6, 3);
  fast.flowJoin(e, unknowns, u, v, size);
  out.push([...e.f32(u, n)], [...e.f32(v, n)]);
  for (const at of held) e.free(at);
  return out;
}
function plain(d: ReturnType<typeof draw>): number[][] {
  const { H, W, channels, robust, zeta, to } = d;
  const size = { H, W };
  const { mean, difference, inside } = twin.flowWarp(d.first, d.second, d.u, d.v, channels, size);
  const penalty = twin.flowPenalty(d.u, d.v, d.edges, size, { strength: 0.7, epsilon: 0.1, robust });
  const data = { brightness: 0.5, gradient: d.gradient, zeta, epsilon: 0.1, robust };
  const system = twin.flowSystem({ ...d, inside, penalty }, channels, size, data);
  const [u, v] = [Float64Array.from(d.u), Float64Array.from(d.v)];
  const out = [mean, difference, inside, twin.flowSlope(d.first, channels, size, 0), twin.flowSlope(d.first, channels, size, 1), penalty];
  out.push(twin.flowMedian(d.u, 1, size, 2), twin.flowMedian(d.u, 1, size, 1), twin.flowResize(d.first, channels, size, to, 1.5));
  twin.flowRelax(u, v, system, size, 1.6, 3);
  return [...out, u, v].map((a) => [...a]);
}
function draw(H: number, W: number, channels: number, seed: number, o: { robust: boolean; zeta?: number; gradient: number }) {
  const random = seeded(seed);
  const n = H * W;
  const some = (length: number, scale = 1) => Float32Array.from({ length }, () => scale * random.normal());
  return {
    ...{ H, W, channels, ...o, to: { H: Math.ceil(0.7 * H), W: Math.ceil(0.6 * W) } },
    ...{ first: some(n * channels), second: some(n * channels), terms: some(8 * n * channels) },
    ...{ u0: some(n), v0: some(n), u: some(n, 1.5), v: some(n, 1.5), edges: some(n).map(Math.abs) },
  };
}
function compare(d: ReturnType<typeof draw>): void {
  const want = plain(d);
  const found = engines.map((e) => kernels(e, d));
  expect(found[1]).toEqual(found[0]);
  expect(found[2]).toEqual(found[0]);
  for (const f of [found[0], found[3]])
    for (const [k, values] of want.entries()) {
      const worst = values.reduce((w, x, i) => Math.max(w, Math.abs(x - f[k][i])), 0);
      expect(worst, `output ${k} of ${d.H}×${d.W}×${d.channels}`).toBeLessThan(2e-4); // f32; the solved systems amplify by about 50
    }
}

test("the kernels of optical flow equal their plain definitions for any size, with the same bits for any number of threads", () => {
  const side = fc.integer({ min: 1, max: 19 });
  const kind = fc.record({
    robust: fc.boolean(),
    zeta: fc.constantFrom(undefined, 0.3),
    gradient: fc.constantFrom(0, 1.5),
  });
  fc.assert(
    fc.property(side, side, fc.constantFrom(1, 3), fc.integer(), kind, (H, W, channels, seed, o) => compare(draw(H, W, channels, seed, o))),
    { numRuns: 60, seed: 5 },
  );
  compare(draw(90, 131, 1, 3, { robust: true, zeta: 0.1, gradient: 1 })); // several slabs
});
