import { afterAll, describe, expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { Engine } from "./engine.js";
import { parallelAdjoint, raysAdjoint, raysForward, uploadRays } from "./rays.js";
import * as twin from "./reference/rays.js";
import { temporary } from "./temporary.js";

const engines = [new Engine({ threads: 1 }), new Engine({ threads: 2 }), new Engine({ threads: 3 })];
const others = [new Engine({ deterministic: true }), new Engine({ shared: false })];
afterAll(() => {
  for (const e of [...engines, ...others]) e.close();
});

/** Rays of any slope up to 1, some outside the picture. */
function someRays(alongY: number, alongX: number, size: readonly [number, number], seed: number): twin.Rays {
  const random = seeded(seed);
  const order = Array.from({ length: alongY + alongX }, (_, k) => k).sort((p, q) => ((p * 7919) % 31) - ((q * 7919) % 31) || p - q);
  const list = (count: number, from: number, n: number) => ({
    a: Float32Array.from({ length: count }, () => (random.uniform() * 2 - 0.5) * n),
    b: Float32Array.from({ length: count }, (_, k) => (k % 5 === 0 ? 0 : random.uniform() * 2 - 1)),
    w: Float32Array.from({ length: count }, () => 1 + random.uniform()),
    index: Int32Array.from(order.slice(from, from + count)),
  });
  return { alongY: list(alongY, 0, size[1]), alongX: list(alongX, alongY, size[0]), count: alongY + alongX };
}
/** Both directions on one engine. */
function run(e: Engine, size: readonly [number, number], rays: twin.Rays, picture: ArrayLike<number>, data: ArrayLike<number>) {
  return temporary(e, (reserve) => {
    const pointers = uploadRays(e, rays, reserve);
    const [p, q] = [reserve(4 * picture.length), reserve(4 * data.length)];
    const [fp, fq] = [reserve(4 * data.length), reserve(4 * picture.length)];
    e.f32(p, picture.length).set(picture);
    e.f32(q, data.length).set(data);
    raysForward(e, p, size, pointers, fp);
    raysAdjoint(e, q, size, pointers, fq);
    return { forward: e.f32(fp, data.length).slice(), adjoint: e.f32(fq, picture.length).slice() };
  });
}

describe("rays", () => {
  test.each([
    [[16, 16], 20, 21],
    [[13, 7], 5, 3],
    [[40, 61], 33, 18],
    [[1, 1], 3, 2],
    [[2, 1], 1, 0],
    [[2, 3], 0, 4],
    [[0, 4], 2, 2],
  ] as const)("agree with the twin: picture %j, %d rays along y, %d along x; equal bits for any number of threads", (size, ny, nx) => {
    const rays = someRays(ny, nx, size, 3);
    const random = seeded(5);
    const picture = Float32Array.from({ length: size[0] * size[1] }, () => random.normal());
    const data = Float32Array.from({ length: rays.count }, () => random.normal());
    const [forward, adjoint] = [twin.raysForward(picture, size, rays), twin.raysAdjoint(data, size, rays)];
    if (picture.length === 0) return expect(run(engines[0], size, rays, picture, data).adjoint.length).toBe(0);
    for (const e of [...engines, ...others]) {
      const found = run(e, size, rays, picture, data);
      // f32: places are rounded to 1e-5 of a sample, sums have some hundred terms of order one.
      found.forward.forEach((v, k) => expect(Math.abs(v - forward[k])).toBeLessThan(2e-3));
      found.adjoint.forEach((v, k) => expect(Math.abs(v - adjoint[k])).toBeLessThan(2e-3));
    }
    const [one, two, three] = engines.map((e) => run(e, size, rays, picture, data));
    expect(two).toEqual(one);
    expect(three).toEqual(one);
  });

  test.each([
    [[16, 16], 16, 1],
    [[9, 22], 30, 1],
    [[20, 5], 9, 2.5],
    [[17, 15], 64, 0.3],
    [[1, 1], 2, 1],
  ] as const)(
    "parallel rays, picture %j, %d bins of %d samples: the adjoint from the picture's side is the transpose",
    (size, bins, width) => {
      const [rows, columns] = size;
      const degrees = [0, 17, 45, 60, 90, 135, 151, 180];
      const [rays, table] = parallel(degrees, size, bins, width);
      const random = seeded(6);
      const data = Float32Array.from({ length: rays.count }, () => random.normal());
      const expected = twin.raysAdjoint(data, size, rays);
      const pairs = Math.ceil(1 / Math.min(...degrees.map((_, v) => table[5 * v + 3])) - 1e-9);
      const found = [...engines, ...others].map((e) =>
        temporary(e, (reserve) => {
          const [q, t, out] = [reserve(4 * data.length), reserve(4 * table.length), reserve(4 * rows * columns)];
          e.f32(q, data.length).set(data);
          e.f32(t, table.length).set(table);
          parallelAdjoint(e, q, size, { table: t, views: degrees.length, bins, pairs }, out);
          return e.f32(out, rows * columns).slice();
        }),
      );
      for (const f of found) f.forEach((v, k) => expect(Math.abs(v - expected[k])).toBeLessThan(2e-4));
      expect(found[1]).toEqual(found[0]);
      expect(found[2]).toEqual(found[0]);
    },
  );
});

/** Parallel rays by the book, and what the fast adjoint is told of them. */
function parallel(
  degrees: readonly number[],
  [rows, columns]: readonly [number, number],
  bins: number,
  width: number,
): [twin.Rays, number[]] {
  const lists = { alongY: { a: [], b: [], w: [], index: [] }, alongX: { a: [], b: [], w: [], index: [] } } as Record<
    "alongY" | "alongX",
    Record<"a" | "b" | "w" | "index", number[]>
  >;
  const table: number[] = [];
  const [cx, cy, middle] = [columns >> 1, rows >> 1, bins >> 1];
  degrees.forEach((degree, view) => {
    const [c, s] = [Math.cos((degree * Math.PI) / 180), Math.sin((degree * Math.PI) / 180)];
    const m = Math.max(Math.abs(c), Math.abs(s));
    table.push(middle + (cy * s - cx * c) / width, c / width, -s / width, width / m, 1 / m);
    for (let j = 0; j < bins; j++) {
      const t = (j - middle) * width; // x c − y s = t
      const list = Math.abs(c) >= Math.abs(s) ? lists.alongY : lists.alongX;
      const y = list === lists.alongY;
      list.a.push(y ? (t - cy * s) / c + cx : (-cx * c - t) / s + cy);
      list.b.push(y ? s / c : c / s);
      list.w.push(1 / m);
      list.index.push(view * bins + j);
    }
  });
  return [{ ...lists, count: degrees.length * bins }, table];
}
