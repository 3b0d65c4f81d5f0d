import * as fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { Engine } from "./engine.js";
import * as twin from "./reference/stereo.js";
import * as fast from "./stereo.js";

const engines = [
  new Engine({ threads: 1 }),
  new Engine({ threads: 2 }),
  new Engine({ threads: 3 }),
  new Engine({ deterministic: true, shared: false }),
];
afterAll(() => {
  for (const e of engines) e.close();
});
const penalties = { small: 7, large: 60, fall: 9 };

function compare(H: number, W: number, count: number, first: number, seed: number): void {
  const random = seeded(seed);
  const size = { H, W };
  const n = H * W;
  // Few values: equal neighbours are the awkward ones.
  const [left, right] = [0, 1].map(() => Float32Array.from({ length: n }, () => Math.round(4 * random.uniform())));
  const cost = twin.censusCost(twin.census(left, size), twin.census(right, size), size, { count, first, outside: fast.outsideCost });
  const sums = twin.sgmSums(cost, left, size, count, penalties);
  const want = twin.sgmWinner(sums, size, { count, first });
  const found = engines.map((e) => {
    const at = [4 * n, 4 * n, 8 * n, 8 * n, n * count, 4 * n * count, 4 * n, 4 * n].map((bytes) => e.allocate(bytes));
    e.f32(at[0], n).set(left);
    e.f32(at[1], n).set(right);
    fast.census(e, at[0], at[2], size);
    fast.census(e, at[1], at[3], size);
    fast.censusCost(e, at[2], at[3], at[4], size, { count, first });
    fast.sgmSweeps(e, at[4], at[0], at[5], size, count, penalties);
    fast.sgmWinner(e, at[5], at[6], at[7], size, { count, first });
    const bytes = [...new Uint8Array(e.memory.buffer, at[4], n * count)];
    const volumes = new Int16Array(e.memory.buffer, at[5], 2 * n * count);
    const added = Array.from({ length: n * count }, (_, k) => volumes[k] + volumes[n * count + k]);
    const out = { bytes, added, winner: [...e.f32(at[6], n)], check: [...e.f32(at[7], n)] };
    for (const p of at) e.free(p);
    return out;
  });
  for (const f of found) {
    expect(f.bytes).toEqual(cost);
    expect(f.added).toEqual([...sums]);
    expect(f.check).toEqual([...want.check]);
    expect(f.winner.reduce((w, v, k) => Math.max(w, Math.abs(v - want.out[k])), 0)).toBeLessThan(1e-5); // one f32 division
  }
}

test("semi-global matching equals its plain definition to the last bit, for any size and number of threads", () => {
  const side = fc.integer({ min: 1, max: 21 });
  fc.assert(fc.property(side, side, fc.constantFrom(16, 32), fc.integer({ min: -9, max: 9 }), fc.integer(), compare), {
    numRuns: 25,
    seed: 3,
  });
  compare(125, 140, 16, 0, 1); // several slabs, a sweep in two calls
});

test("census does not mind any change of brightness that keeps the order", () => {
  const random = seeded(9);
  const size = { H: 12, W: 17 };
  const image = Array.from({ length: 204 }, () => random.uniform());
  expect(
    twin.census(
      image.map((v) => Math.exp(3 * v) - 7),
      size,
    ),
  ).toEqual(twin.census(image, size));
});
