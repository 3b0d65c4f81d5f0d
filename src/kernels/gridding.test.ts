import { afterAll, describe, expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { Engine } from "./engine.js";
import * as kernels from "./gridding.js";
import * as twin from "./reference/gridding.js";
import { temporary } from "./temporary.js";

const engines = [
  new Engine({ threads: 1 }),
  new Engine({ threads: 2 }),
  new Engine({ threads: 3 }),
  new Engine({ deterministic: true }),
  new Engine({ shared: false }),
];
afterAll(() => {
  for (const e of engines) e.close();
});
const normals = (n: number, seed: number) => {
  const random = seeded(seed);
  return Float32Array.from({ length: n }, () => random.normal());
};

describe.each([
  [[1, 1], [8, 6], 3],
  [[2, 3], [6, 8], 1],
  [[9, 6], [18, 12], 0],
  [[16, 16], [32, 32], 200],
  [[31, 40], [64, 80], 3000],
] as const)("gridding of %j on a lattice %j, %d samples", (size, lattice, m) => {
  const random = seeded(3);
  // Some beyond the lattice's end: it has none.
  const coordinates = Float64Array.from({ length: 2 * m }, (_, k) => (random.uniform() - 0.5) * 1.2 * size[1 - (k & 1)]);
  const t = twin.gridTable(coordinates, size, lattice);
  const [ay, ax] = [normals(size[0], 1), normals(size[1], 2)];
  const n = 2 * size[0] * size[1];
  const N = 2 * lattice[0] * lattice[1];
  const [x, z, y] = [normals(n, 4), normals(N, 5), normals(2 * m, 6)];
  const run = (e: Engine) =>
    temporary(e, (reserve) => {
      const put = (v: ArrayLike<number>) => {
        const at = reserve(4 * v.length);
        e.f32(at, v.length).set(v);
        return at;
      };
      const whole = (v: Int32Array) => {
        const at = reserve(4 * v.length);
        e.i32(at, v.length).set(v);
        return at;
      };
      const p = {
        taps: put(kernels.gridTaps(t)),
        places: whole(t.places),
        index: whole(t.index),
        first: whole(t.first),
        samples: m,
        lattice,
      };
      const [px, pz, py, pay, pax] = [x, z, y, ay, ax].map(put);
      const out = [N, n, 2 * m, N].map((k) => reserve(4 * k));
      kernels.gridPlace(e, px, pay, pax, out[0], 1, size, lattice);
      kernels.gridCrop(e, pz, pay, pax, out[1], 1, size, lattice);
      kernels.gridGather(e, pz, p, out[2]);
      kernels.gridSpread(e, py, p, out[3]);
      return [N, n, 2 * m, N].map((k, i) => e.f32(out[i], k).slice());
    });
  const expected = [twin.gridPlace(x, ay, ax, lattice), twin.gridCrop(z, ay, ax, lattice), twin.gridGather(z, t), twin.gridSpread(y, t)];
  test("the kernels agree with their twins; equal bits for any number of threads", () => {
    const found = engines.map(run);
    for (const f of found)
      f.forEach((v, i) => {
        expect(v.length).toBe(expected[i].length);
        // f32 sums of up to some hundred terms of order 1
        expect(v.reduce((worst, a, k) => Math.max(worst, Math.abs(a - expected[i][k]) / (1 + Math.abs(expected[i][k]))), 0)).toBeLessThan(
          2e-5,
        );
      });
    for (const f of found.slice(1, 3)) expect(f).toEqual(found[0]);
  });
});
