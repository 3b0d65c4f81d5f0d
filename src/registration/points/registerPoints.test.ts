import { describe, expect, test } from "vitest";
import { AbortedError, ArgumentError } from "../../core/errors.js";
import { seeded } from "../../core/random.js";
import { type AffineMap, identityMap } from "../../image/grid.js";
import { rotation2, rotationFromVector } from "../../image/matrix.js";
import { Tensor } from "../../tensor/index.js";
import type { AffineTransform, Transform } from "../../transforms/index.js";
import { nearest, spread } from "./neighbours.js";
import { type Cloud, mapped } from "./pointSet.js";
import { registerPoints } from "./registerPoints.js";

const cloud = (n: number, d: 2 | 3, seed = 1, sides = [120, 80, 100]): Cloud => {
  const random = seeded(seed);
  return { dimension: d, count: n, points: Float64Array.from({ length: n * d }, (_, i) => sides[i % d] * random.uniform()) };
};
const rows = (c: Cloud) => Array.from({ length: c.count }, (_, i) => Array.from(c.points.subarray(i * c.dimension, (i + 1) * c.dimension)));
const shuffled = (c: Cloud, seed = 5): Cloud => {
  const random = seeded(seed);
  const keyed = rows(c).map((p) => ({ p, key: random.uniform() }));
  return { ...c, points: Float64Array.from(keyed.sort((a, b) => a.key - b.key).flatMap(({ p }) => p)) };
};
const joined = (a: Cloud, b: Cloud): Cloud => ({ ...a, count: a.count + b.count, points: Float64Array.of(...a.points, ...b.points) });
const distance = (a: AffineMap, b: AffineMap) =>
  Math.max(...a.matrix.map((v, i) => 100 * Math.abs(v - b.matrix[i])), ...a.offset.map((v, i) => Math.abs(v - b.offset[i])));
const mapOf = (t: Transform) => (t as AffineTransform).map;
const through = (t: Transform, c: Cloud) => t.apply(Tensor.from(c.points, [c.count, c.dimension])).data;
const apart = (a: ArrayLike<number>, b: ArrayLike<number>, d: number) => {
  let s = 0;
  for (let i = 0; i < a.length; i += d) s += Math.hypot(...Array.from({ length: d }, (_, k) => a[i + k] - b[i + k]));
  return s / (a.length / d);
};
/** A smooth bend of some 8 mm. */
const bent = (c: Cloud): Cloud => ({
  ...c,
  points: c.points.map((v, i) => {
    const k = i % c.dimension;
    const other = c.points[i - k + ((k + 1) % c.dimension)];
    return v + 8 * Math.sin(other / 30 + k);
  }),
});

describe("clouds, linear models", () => {
  for (const d of [2, 3] as const)
    test(`${d}-D: a turned copy in another order is met exactly, whatever the angle`, () => {
      const f = cloud(120, d, 3);
      for (const angle of [0.2, 1.3, 2.9]) {
        const q = {
          matrix: d === 2 ? rotation2(angle) : rotationFromVector([0.5 * angle, -0.7 * angle, 0.5 * angle]),
          offset: [40, -9, 12].slice(0, d),
        };
        const { transform, status, matched } = registerPoints(f, shuffled(mapped(f, q)), { model: "rigid" });
        expect(distance(mapOf(transform), q)).toBeLessThan(1e-4); // the deviation ends at 1e-7 of the size
        expect([status, matched > 0.8]).toEqual(["ok", true]);
      }
    });

  test("an affine copy is met exactly", () => {
    const f = cloud(150, 3, 4);
    const q = { matrix: [1.1, 0.1, 0, -0.05, 0.9, 0.1, 0, 0.08, 1.05], offset: [5, 6, 7] };
    expect(distance(mapOf(registerPoints(f, shuffled(mapped(f, q)), { model: "affine" }).transform), q)).toBeLessThan(1e-3);
  });

  test("a third of the points without partner on either side and noise do not lead a rigid motion astray", () => {
    const f = cloud(200, 3, 6);
    const random = seeded(7);
    const q = { matrix: rotationFromVector([0.2, 0.1, -0.3]), offset: [10, -4, 3] };
    const noisy = mapped(f, q);
    const m = { ...noisy, points: noisy.points.map((v) => v + 0.3 * random.normal()) };
    const { transform } = registerPoints(joined(f, cloud(100, 3, 8)), shuffled(joined(m, mapped(cloud(100, 3, 9), q))), {
      model: "rigid",
      outliers: 0.3,
    });
    expect(apart(through(transform, f), noisy.points, 3)).toBeLessThan(0.3); // noise of 0.3 over √200 pairs, and chance partners
  });

  test("moving the moving cloud rigidly moves the answer along", () => {
    const f = cloud(100, 2, 10);
    const m = shuffled(bent(f));
    const q = { matrix: rotation2(0.8), offset: [30, 40] };
    const a = mapped(f, mapOf(registerPoints(f, m, { model: "rigid" }).transform));
    const b = mapped(f, mapOf(registerPoints(f, mapped(m, q), { model: "rigid" }).transform));
    expect(apart(mapped(a, q).points, b.points, 2)).toBeLessThan(0.05); // both stop when the deviation settles to 1e-6; the last steps are slow
  });
});

describe("clouds, deformable", () => {
  const f = cloud(250, 3, 11);
  const m = bent(f);
  for (const method of ["beliefs", "drift"] as const)
    test(`a smooth bend of 8 mm is found by ${method}`, () => {
      const { transform, status, warped } = registerPoints(f, shuffled(m), { method });
      expect(status).toBe("ok");
      expect(apart(f.points, m.points, 3)).toBeGreaterThan(8);
      expect(apart(warped.points, m.points, 3)).toBeLessThan(1); // the kernel field stays a little stiffer than the sine
      expect(apart(through(transform.inverse(), m), f.points, 3)).toBeLessThan(1.2);
    });

  test("a good third of the points without partner on either side leave the bend to be found", () => {
    const many = joined(f, cloud(150, 3, 12));
    const others = shuffled(joined(m, cloud(150, 3, 13)));
    const { transform } = registerPoints(many, others);
    expect(apart(through(transform, f), m.points, 3)).toBeLessThan(2); // a quarter of the way that has to be gone
  });

  test("the order of the points changes nothing", () => {
    const a = registerPoints(f, m);
    const b = registerPoints(shuffled(f, 21), shuffled(m, 22));
    expect(apart(through(a.transform, f), through(b.transform, f), 3)).toBeLessThan(1e-3); // sums in another order, f32 field
  });

  test("places in space and units do not matter", () => {
    const q = { matrix: [10, 0, 0, 0, 10, 0, 0, 0, 10], offset: [1000, -2000, 300] };
    const a = registerPoints(f, m).warped;
    const b = registerPoints(mapped(f, q), mapped(m, q)).warped;
    expect(apart(mapped(a, q).points, b.points, 3) / 10).toBeLessThan(1e-2);
  });

  test("in the plane as well", () => {
    const flat = cloud(150, 2, 14);
    const target = bent(flat);
    expect(apart(registerPoints(flat, shuffled(target)).warped.points, target.points, 2)).toBeLessThan(1.5);
  });

  test("points given twice are no trouble", () => {
    const twice = joined(f, f);
    expect(apart(through(registerPoints(twice, joined(m, m)).transform, f), m.points, 3)).toBeLessThan(1.5);
  });
});

describe("pairs", () => {
  test("rigid in closed form, deformable with a smooth field that comes closer", () => {
    const f = cloud(60, 3, 15);
    const m = bent(f);
    const rigid = registerPoints(f, m, { paired: true });
    const free = registerPoints(f, m, { paired: true, model: "deformable" });
    expect(rigid.model).toBe("rigid");
    expect(free.after).toBeLessThan(rigid.after / 3);
    expect(free.matched).toBe(1);
    const back = free.transform.inverse();
    expect(apart(through(back, m), f.points, 3)).toBeLessThan(free.after + 0.5);
  });
});

describe("bad input", () => {
  const f = cloud(20, 3, 16);
  const say = (run: () => unknown) => {
    try {
      run();
    } catch (error) {
      expect(error).toBeInstanceOf(ArgumentError);
      return (error as Error).message;
    }
    return "no error";
  };
  test("gets one sentence", () => {
    expect(say(() => registerPoints(f, rows(f).slice(0, 2)))).toMatch(/moving: 2 points; at least 3 are needed/);
    expect(say(() => registerPoints(f, cloud(20, 2)))).toMatch(/3-D and moving points 2-D/);
    expect(say(() => registerPoints(f, rows(f).slice(1), { paired: true }))).toMatch(/20 fixed points and 19 moving points are no pairs/);
    expect(
      say(() =>
        registerPoints(
          f,
          rows(f).map((p, i) => (i === 4 ? [1, 2, Number.NaN] : p)),
        ),
      ),
    ).toMatch(/point 4 has z = NaN/);
    expect(
      say(() =>
        registerPoints(
          f,
          rows(f).map(() => [1, 2, 3]),
        ),
      ),
    ).toMatch(/all moving points are on one spot/);
    expect(say(() => registerPoints(f, f, { model: "bent" as "rigid" }))).toMatch(/no model bent/);
    expect(say(() => registerPoints(f, f, { method: "magic" as "drift" }))).toMatch(/no method magic/);
    expect(say(() => registerPoints(f, f, { outliers: 1 }))).toMatch(/outliers is 1/);
    expect(
      say(() =>
        registerPoints(f, [
          [1, 2, 3],
          [1, 2],
          [3, 4, 5],
        ]),
      ),
    ).toMatch(/point 1 has 2 coordinates/);
  });
  test("a signal stops it", () => {
    expect(() => registerPoints(f, f, { signal: AbortSignal.abort() })).toThrow(AbortedError);
  });
});

describe("neighbours", () => {
  test("the k-d tree finds what looking at all points finds", () => {
    const c = cloud(300, 3, 17);
    const q = cloud(50, 3, 18);
    const { index, distance: far } = nearest(c, q, 7, 30);
    for (let i = 0; i < q.count; i++) {
      const all = rows(c)
        .map((p, j) => ({ j, r: Math.hypot(...p.map((v, a) => v - q.points[3 * i + a])) }))
        .filter(({ r }) => r <= 30)
        .sort((a, b) => a.r - b.r)
        .slice(0, 7);
      expect(Array.from(index.subarray(7 * i, 7 * i + 7)).filter((j) => j >= 0)).toEqual(all.map(({ j }) => j));
      all.forEach(({ r }, k) => {
        expect(far[7 * i + k]).toBeCloseTo(r, 10);
      });
    }
  });
  test("spread takes no point twice and does not mind the order", () => {
    const c = cloud(100, 2, 19);
    const sorted = (s: Cloud) => rows(s).map(String).sort();
    const taken = sorted(spread(c, 30));
    expect(new Set(taken).size).toBe(30);
    expect(sorted(spread(shuffled(c), 30))).toEqual(taken);
    expect(spread(mapped(c, { ...identityMap(2), matrix: [0, 0, 0, 0] }), 5).count).toBe(1); // copies of one point
  });
});
