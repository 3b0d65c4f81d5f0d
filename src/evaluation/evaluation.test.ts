import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  correlation,
  dice,
  distanceTransform,
  fieldMap,
  inverseConsistency,
  jacobianDeterminant,
  jacobianSummary,
  type Lattice,
  labelSurfaceDistance,
  latticePoints,
  mae,
  psnr,
  quantile,
  rmse,
  sampleCount,
  ssim,
  surfaceDistance,
  targetRegistrationError,
} from "./index.js";

const plain = (...size: number[]): Lattice => ({ size, spacing: size.map(() => 1) });

describe("dice", () => {
  test("is twice the overlap over the sum of the sizes, label by label", () => {
    const { labels, mean } = dice([1, 1, 1, 2, 0, 0], [1, 1, 2, 2, 0, 3]);
    expect(labels.map((r) => [r.label, r.dice])).toEqual([
      [1, (2 * 2) / 5],
      [2, (2 * 1) / 3],
    ]);
    expect(mean).toBeCloseTo((0.8 + 2 / 3) / 2, 12);
  });
  test("counts the labels asked for, also those that are nowhere or only in one map", () =>
    expect(dice([1, 0], [1, 2], { labels: [1, 2, 9] }).labels.map((r) => r.dice)).toEqual([1, 0, 1]));
  test("two maps of unlike length are an error that says so", () => expect(() => dice([1], [1, 2])).toThrow(/1 and 2 values/));
});

describe("distance transform", () => {
  test("equals the brute-force minimum on random sets with unequal spacing", () =>
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 3 }),
        fc.infiniteStream(fc.integer({ min: 0, max: 4 })),
        (size, stream) => {
          const grid = { size, spacing: size.map((_, k) => [0.5, 2, 1.25][k]) };
          const n = sampleCount(grid);
          const set = Array.from({ length: n }, () => (stream.next().value === 0 ? 1 : 0));
          const points = latticePoints(grid);
          const d = size.length;
          const fast = distanceTransform(set, grid);
          for (let i = 0; i < n; i++) {
            let best = Number.POSITIVE_INFINITY;
            for (let j = 0; j < n; j++) {
              if (!set[j]) continue;
              let s = 0;
              for (let k = 0; k < d; k++) s += (points[i * d + k] - points[j * d + k]) ** 2;
              best = Math.min(best, Math.sqrt(s));
            }
            if (best === Number.POSITIVE_INFINITY) expect(fast[i]).toBe(best);
            else expect(fast[i]).toBeCloseTo(best, 9);
          }
        },
      ),
      { numRuns: 60 },
    ));
});

describe("surface distance", () => {
  const cube = (from: number, to: number, n = 12) => {
    const out = new Uint8Array(n * n * n);
    for (let z = from; z < to; z++) for (let y = from; y < to; y++) for (let x = from; x < to; x++) out[(z * n + y) * n + x] = 1;
    return out;
  };
  test("is zero between a region and itself", () =>
    expect(surfaceDistance(cube(3, 8), cube(3, 8), plain(12, 12, 12))).toEqual({ hd95: 0, hausdorff: 0, mean: 0 }));
  test("of two single voxels is their distance in millimetres", () => {
    const grid = { size: [9, 9], spacing: [2, 0.5] };
    const a = new Uint8Array(81);
    const b = new Uint8Array(81);
    a[9 * 1 + 1] = 1;
    b[9 * 7 + 5] = 1; // 4 columns of 2 mm, 6 rows of 0.5 mm
    expect(surfaceDistance(a, b, grid).hd95).toBeCloseTo(Math.hypot(8, 3), 12);
  });
  test("of a cube and the same cube one voxel larger on every side is at most √3, and one on the faces", () => {
    const s = surfaceDistance(cube(4, 8), cube(3, 9), plain(12, 12, 12));
    expect(s.hausdorff).toBeCloseTo(Math.sqrt(3), 12); // corner to corner
    expect(s.hd95).toBeGreaterThanOrEqual(1);
  });
  test("takes the larger of the two directed percentiles, so it does not mind a swap", () => {
    const a = cube(2, 5);
    const b = cube(4, 9);
    const forth = surfaceDistance(a, b, plain(12, 12, 12));
    const back = surfaceDistance(b, a, plain(12, 12, 12));
    expect([forth.hd95, forth.hausdorff]).toEqual([back.hd95, back.hausdorff]);
    expect(forth.mean).toBeCloseTo(back.mean, 12); // the same terms in another order
  });
  test("without a region there is no distance", () => expect(labelSurfaceDistance([1, 0], [1, 0], 5, plain(2)).hd95).toBeNaN());
});

describe("target registration error", () => {
  test("is the distance of partners", () => {
    const e = targetRegistrationError([0, 0, 3, 4], [0, 0, 0, 0], 2);
    expect([e.mean, e.median, e.max, e.rms, ...e.each]).toEqual([2.5, 2.5, 5, Math.sqrt(12.5), 0, 5]);
  });
  test("lists of unlike length and empty lists are errors", () => {
    expect(() => targetRegistrationError([0, 0], [0, 0, 1, 1], 2)).toThrow(/1 and 2 points/);
    expect(() => targetRegistrationError([], [], 2)).toThrow(/no points/);
  });
});

describe("jacobian determinant", () => {
  const field = (grid: Lattice, u: (p: Float64Array) => number[]) => {
    const d = grid.size.length;
    const n = sampleCount(grid);
    const p = latticePoints(grid);
    const out = new Float64Array(d * n);
    for (let i = 0; i < n; i++) for (const [c, v] of u(p.subarray(i * d, i * d + d)).entries()) out[c * n + i] = v;
    return out;
  };
  test("of an affine map is its determinant, on any grid", () => {
    const c = Math.cos(0.3);
    const s = Math.sin(0.3);
    const grid = { size: [5, 4, 3], spacing: [0.7, 2, 1.1], origin: [10, -3, 5], direction: [c, -s, 0, s, c, 0, 0, 0, -1] };
    const a = [1.2, 0.1, 0, -0.3, 0.9, 0.2, 0.05, 0, 1.5];
    const u = field(grid, ([x, y, z]) => [0, 1, 2].map((r) => a[3 * r] * x + a[3 * r + 1] * y + a[3 * r + 2] * z - [x, y, z][r] + 3));
    const det = 1.2 * (0.9 * 1.5 - 0.2 * 0) - 0.1 * (-0.3 * 1.5 - 0.2 * 0.05) + 0;
    for (const j of jacobianDeterminant(u, grid)) expect(j).toBeCloseTo(det, 5); // f32 result
  });
  test("a reflection is folded everywhere, the identity nowhere, and a uniform scaling has no spread", () => {
    const grid = plain(6, 6);
    const mirrored = jacobianSummary(
      jacobianDeterminant(
        field(grid, ([x]) => [-2 * x, 0]),
        grid,
      ),
    );
    expect(mirrored.folded).toBe(1);
    const same = jacobianSummary(jacobianDeterminant(new Float64Array(72), grid));
    expect([same.folded, same.min, same.max, same.sdLog]).toEqual([0, 1, 1, 0]);
    const scaled = jacobianSummary(
      jacobianDeterminant(
        field(grid, ([x, y]) => [x, y]),
        grid,
      ),
    );
    expect(scaled.mean).toBeCloseTo(4, 6);
    expect(scaled.sdLog).toBeCloseTo(0, 6);
  });
  test("sdLog is the standard deviation of the logarithm", () => expect(jacobianSummary([Math.E, 1 / Math.E]).sdLog).toBeCloseTo(1, 12));
  test("a mask chooses the points that count", () => expect(jacobianSummary([-1, 1, 1], [0, 1, 1]).folded).toBe(0));
});

describe("inverse consistency", () => {
  const grid = { size: [8, 7], spacing: [2, 0.5], origin: [1, 2] };
  test("is zero for a map and its exact inverse", () => {
    const shift = (sign: number) => (p: Float64Array) => p.map((v, i) => v + sign * (i % 2 === 0 ? 3 : -1));
    expect(inverseConsistency(shift(1), shift(-1), grid).mean).toBeCloseTo(0, 12);
  });
  test("measures in voxels, not millimetres", () => {
    const r = inverseConsistency(
      (p) => p.map((v, i) => v + (i % 2 === 0 ? 1 : 0)),
      (p) => p,
      grid,
    );
    expect(r.mean).toBeCloseTo(0.5, 12); // 1 mm is half a voxel of 2 mm
    expect(r.count).toBe(6 * 5);
  });
  test("a displacement field is followed linearly between its samples and undefined outside", () => {
    const u = new Float64Array(2 * 56);
    for (let y = 0; y < 7; y++) for (let x = 0; x < 8; x++) u[y * 8 + x] = 0.25 * x;
    const map = fieldMap(u, grid);
    expect(Array.from(map(Float64Array.of(1 + 3, 2 + 1)))).toEqual([1 + 3 + 0.375, 3]);
    expect(map(Float64Array.of(-50, 2))[0]).toBeNaN();
  });
});

describe("image errors", () => {
  test("rmse, mae and psnr of known differences", () => {
    expect(rmse([0, 0, 0, 0], [1, 1, 1, 3])).toBeCloseTo(Math.sqrt(3), 12);
    expect(mae([0, 0, 0, 0], [1, 1, 1, 3])).toBe(1.5);
    expect(psnr([0, 0], [0.1, 0.1])).toBeCloseTo(20, 10);
    expect(psnr([0, 0], [0.1, 0.1], { peak: 10 })).toBeCloseTo(40, 10);
    expect(psnr([1], [1])).toBe(Number.POSITIVE_INFINITY);
    expect(rmse([0, 9], [1, 0], [1, 0])).toBe(1);
  });
  test("correlation is ±1 for linear relations whatever the offset, 0 for a constant", () => {
    const a = Array.from({ length: 50 }, (_, i) => Math.sin(i));
    expect(
      correlation(
        a,
        a.map((v) => 3 * v + 1e4),
      ),
    ).toBeCloseTo(1, 9); // f64 with an offset of 10⁴
    expect(
      correlation(
        a,
        a.map((v) => -v),
      ),
    ).toBeCloseTo(-1, 12);
    expect(
      correlation(
        a,
        a.map(() => 5),
      ),
    ).toBe(0);
  });
  test("quantile interpolates between order statistics", () => {
    expect(quantile([3, 1, 2], 0.5)).toBe(2);
    expect(quantile([0, 10], 0.95)).toBeCloseTo(9.5, 12);
    expect(quantile([], 0.5)).toBeNaN();
  });
});

describe("ssim", () => {
  const picture = (f: (x: number, y: number) => number) => Float64Array.from({ length: 20 * 16 }, (_, i) => f(i % 20, Math.floor(i / 20)));
  test("is one for equal images", () => {
    const a = picture((x, y) => Math.sin(x) * Math.cos(y));
    expect(ssim(a, a, plain(20, 16))).toBeCloseTo(1, 12);
  });
  test("of two constants a, b is (2ab + C₁) / (a² + b² + C₁)", () =>
    expect(
      ssim(
        picture(() => 0.5),
        picture(() => 0.25),
        plain(20, 16),
      ),
    ).toBeCloseTo((2 * 0.125 + 1e-4) / (0.25 + 0.0625 + 1e-4), 9));
  test("equals the window sums written out at one pixel", () => {
    const a = picture((x, y) => ((x * 7 + y * 3) % 11) / 11).slice(0, 20 * 11);
    const b = picture((x, y) => ((x * 5 + y * 2) % 13) / 13).slice(0, 20 * 11);
    const crop = (v: Float64Array) => Float64Array.from({ length: 121 }, (_, i) => v[Math.floor(i / 11) * 20 + (i % 11)]);
    const w = Array.from({ length: 121 }, (_, i) => Math.exp(-((Math.floor(i / 11) - 5) ** 2 + ((i % 11) - 5) ** 2) / 4.5));
    const total = w.reduce((s, v) => s + v, 0);
    const e = (f: (i: number) => number) => w.reduce((s, v, i) => s + (v / total) * f(i), 0);
    const x = crop(a);
    const y = crop(b);
    const [mx, my] = [e((i) => x[i]), e((i) => y[i])];
    const vx = e((i) => (x[i] - mx) ** 2);
    const vy = e((i) => (y[i] - my) ** 2);
    const c = e((i) => (x[i] - mx) * (y[i] - my));
    const expected = ((2 * mx * my + 1e-4) * (2 * c + 9e-4)) / ((mx * mx + my * my + 1e-4) * (vx + vy + 9e-4));
    expect(ssim(x, y, plain(11, 11))).toBeCloseTo(expected, 10);
  });
  test("asks for 11 samples per axis", () => expect(() => ssim([1], [1], plain(1, 1))).toThrow(/11 samples/));
});
