import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ArgumentError } from "../../core/errors.js";
import { seeded } from "../../core/random.js";
import type { AffineMap } from "../../image/grid.js";
import { rotation2, rotationFromVector } from "../../image/matrix.js";
import { Tensor } from "../../tensor/index.js";
import { alignPairs } from "./pairs.js";
import { type Cloud, mapped } from "./pointSet.js";

const cloud = (n: number, d: 2 | 3, seed = 1): Cloud => {
  const random = seeded(seed);
  return { dimension: d, count: n, points: Float64Array.from({ length: n * d }, () => 50 * random.normal()) };
};
const turn = (d: number, v: readonly number[]) => (d === 2 ? rotation2(v[0]) : rotationFromVector(v));
const distance = (a: AffineMap, b: AffineMap) =>
  Math.max(...a.matrix.map((v, i) => 100 * Math.abs(v - b.matrix[i])), ...a.offset.map((v, i) => Math.abs(v - b.offset[i])));
const vector = fc.array(fc.double({ min: -1.7, max: 1.7, noNaN: true }), { minLength: 3, maxLength: 3 });

describe("paired points", () => {
  for (const d of [2, 3] as const)
    test(`${d}-D: a rigid map, a similarity and an affine map are found exactly`, () =>
      fc.assert(
        fc.property(vector, vector, fc.integer({ min: 0, max: 99 }), (w, t, seed) => {
          const f = cloud(6, d, seed);
          const rigid = { matrix: turn(d, w), offset: t.slice(0, d).map((v) => 30 * v) };
          const similar = { ...rigid, matrix: rigid.matrix.map((v) => v * Math.exp(t[0])) };
          const affine = { ...rigid, matrix: rigid.matrix.map((v, i) => v + 0.3 * Math.sin(i + seed)) };
          // 1e-9 mm: f64 rounding of coordinates of 10² through one eigenproblem; nearly flat sets lose a few digits more
          expect(distance(alignPairs(f, mapped(f, rigid), { model: "rigid" }).map, rigid)).toBeLessThan(1e-8);
          expect(distance(alignPairs(f, mapped(f, similar), { model: "similarity" }).map, similar)).toBeLessThan(1e-8);
          expect(distance(alignPairs(f, mapped(f, affine), { model: "affine" }).map, affine)).toBeLessThan(1e-6);
        }),
        { numRuns: 60 },
      ));

  test("moving the moving points rigidly moves the answer along", () => {
    const [f, m] = [cloud(12, 3, 2), cloud(12, 3, 3)];
    const q = { matrix: rotationFromVector([0.4, -1.1, 0.3]), offset: [5, 6, 7] };
    for (const model of ["rigid", "similarity", "affine"] as const) {
      const expected = mapped(mapped(f, alignPairs(f, m, { model }).map), q);
      const got = mapped(f, alignPairs(f, mapped(m, q), { model }).map);
      for (let i = 0; i < 36; i++) expect(got.points[i]).toBeCloseTo(expected.points[i], 9);
    }
  });

  test("the answer is the least of its family: small changes of it cost more", () => {
    const [f, m] = [cloud(10, 3, 4), cloud(10, 3, 5)];
    const cost = (map: AffineMap) => mapped(f, map).points.reduce((s, v, i) => s + (v - m.points[i]) ** 2, 0);
    const random = seeded(6);
    const rigid = alignPairs(f, m).map;
    const affine = alignPairs(f, m, { model: "affine" }).map;
    for (let k = 0; k < 20; k++) {
      const small = {
        matrix: rotationFromVector([0, 0, 0].map(() => 0.01 * random.normal())),
        offset: [0, 0, 0].map(() => 0.1 * random.normal()),
      };
      const nudged = {
        matrix: alignPairs(f, mapped(mapped(f, rigid), small)).map.matrix,
        offset: rigid.offset.map((v, i) => v + small.offset[i]),
      };
      expect(cost(nudged)).toBeGreaterThan(cost(rigid));
      expect(cost({ ...affine, matrix: affine.matrix.map((v) => v + 0.01 * random.normal()) })).toBeGreaterThan(cost(affine));
    }
  });

  test("a mirror image is met by a rotation, never by a reflection", () => {
    const f = cloud(9, 3, 7);
    const mirrored = mapped(f, { matrix: [-1, 0, 0, 0, 1, 0, 0, 0, 1], offset: [0, 0, 0] });
    const a = alignPairs(f, mirrored).map.matrix;
    const det = a[0] * (a[4] * a[8] - a[5] * a[7]) - a[1] * (a[3] * a[8] - a[5] * a[6]) + a[2] * (a[3] * a[7] - a[4] * a[6]);
    expect(det).toBeCloseTo(1, 12);
  });

  test("points in a plane determine a rigid map in 3-D", () => {
    const flat = cloud(5, 3, 8);
    for (let i = 0; i < 5; i++) flat.points[3 * i + 2] = 4;
    const q = { matrix: rotationFromVector([2.5, 0.3, -0.8]), offset: [1, 2, 3] };
    expect(distance(alignPairs(flat, mapped(flat, q)).map, q)).toBeLessThan(1e-8);
  });

  test("a weight of 2 counts like a pair given twice, a weight of 0 like none", () => {
    const [f, m] = [cloud(4, 2, 9), cloud(4, 2, 10)];
    const rows = (c: Cloud, index: number[]) => index.map((i) => Array.from(c.points.subarray(2 * i, 2 * i + 2)));
    const twice = [0, 1, 1, 2];
    for (const model of ["translation", "rigid", "similarity", "affine"] as const)
      expect(
        distance(alignPairs(f, m, { model, weights: [1, 2, 1, 0] }).map, alignPairs(rows(f, twice), rows(m, twice), { model }).map),
      ).toBeLessThan(1e-9);
  });

  test("the transform is one: tensors in, tensors out, with an inverse", () => {
    const f = Tensor.from(Float64Array.of(0, 0, 1, 0, 0, 1), [3, 2]);
    const m = Tensor.from(Float64Array.of(5, 5, 5, 6, 4, 5), [3, 2]); // a quarter turn and (5, 5)
    const y = alignPairs(f, m);
    expect(Array.from(y.apply(f).data)).toEqual([5, 5, 5, 6, 4, 5].map((v) => expect.closeTo(v, 12)));
    expect(Array.from(y.inverse().apply(m).data)).toEqual([0, 0, 1, 0, 0, 1].map((v) => expect.closeTo(v, 12)));
  });

  test("bad input gets one sentence", () => {
    const three = [
      [0, 0],
      [1, 0],
      [0, 1],
    ];
    const say = (run: () => unknown) => {
      try {
        run();
      } catch (error) {
        expect(error).toBeInstanceOf(ArgumentError);
        return (error as Error).message;
      }
      return "no error";
    };
    expect(say(() => alignPairs(three, three.slice(1)))).toMatch(/3 fixed points and 2 moving points are no pairs/);
    expect(
      say(() =>
        alignPairs(three, [
          [0, 0, 0],
          [1, 0, 0],
          [0, 1, 0],
        ]),
      ),
    ).toMatch(/fixed points are 2-D and moving points 3-D/);
    expect(
      say(() =>
        alignPairs(three, [
          [0, 0],
          [1, Number.NaN],
          [0, 1],
        ]),
      ),
    ).toMatch(/point 1 has y = NaN/);
    expect(say(() => alignPairs([[1], [2]], three))).toMatch(/dimension 1/);
    expect(say(() => alignPairs([], three))).toMatch(/no points/);
    expect(
      say(() =>
        alignPairs(
          [
            [0, 0],
            [1, 1],
            [2, 2],
          ],
          three,
          { model: "affine" },
        ),
      ),
    ).toMatch(/on a line/);
    expect(
      say(() =>
        alignPairs(
          [
            [1, 1],
            [1, 1],
          ],
          [
            [2, 2],
            [2, 2],
          ],
        ),
      ),
    ).toMatch(/on one spot/);
    expect(
      say(() =>
        alignPairs(
          [
            [0, 0, 0],
            [1, 1, 1],
            [2, 2, 2],
          ],
          [
            [0, 0, 0],
            [1, 1, 1],
            [2, 2, 2],
          ],
        ),
      ),
    ).toMatch(/on a line/);
    expect(say(() => alignPairs(three, three, { weights: [1, -1, 1] }))).toMatch(/weight 1 is -1/);
    expect(say(() => alignPairs(three, three, { weights: [0, 0, 0] }))).toMatch(/all weights are 0/);
    expect(say(() => alignPairs(three, three, { model: "bent" as "rigid" }))).toMatch(/no model bent/);
  });
});
