import { describe, expect, test } from "vitest";
import { seeded } from "../../core/random.js";
import { jacobianDeterminant } from "../../evaluation/index.js";
import { grid, type Image, image } from "../../image/index.js";
import { randomNormal, Tensor } from "../../tensor/index.js";
import { register } from "../register.js";
import { LandmarkDistance } from "./landmarkDistance.js";
import { landmarkPull, voxelPairs } from "./landmarkPull.js";
import { landmarkPairs } from "./landmarkTerm.js";

const n = 64;
const g = grid({ size: [n, n] });
/** A plateau that fills most of the picture: nothing to see inside it. */
const plateau: Image = image(
  Float32Array.from({ length: n * n }, (_, k) => {
    const r = Math.hypot((k % n) - 31.5, Math.floor(k / n) - 31.5);
    return 1 / (1 + Math.exp(2 * (r - 28)));
  }),
  g,
);
const fixedPoints = [
  [24, 24],
  [40, 24],
  [24, 40],
  [40, 40],
  [32, 32],
];
const shifts = [
  [3, 0],
  [0, 3],
  [0, -3],
  [-3, 0],
  [2, 2],
];
const movingPoints = fixedPoints.map((p, k) => p.map((v, i) => v + shifts[k][i]));
const points = (rows: number[][]) => Tensor.from(Float64Array.from(rows.flat()), [rows.length, 2]);
const left = (y: { apply(p: Tensor): Tensor }, to = movingPoints) => {
  const off = y.apply(points(fixedPoints)).sub(points(to)).data;
  return to.map((_, k) => Math.hypot(off[2 * k], off[2 * k + 1])).reduce((a, b) => a + b, 0) / to.length;
};

describe("landmarks inside a picture without texture", () => {
  test.each([
    ["bspline", { preset: "bspline", metric: "ssd" }],
    ["displacement", { transform: "displacement", metric: "ssd", alpha: 0.01 }],
    ["velocity", { preset: "svf", metric: "ssd", alpha: 0.01 }],
    ["diffeo", { preset: "diffeo", metric: "ssd" }],
    ["lddmm", { preset: "lddmm", metric: "ssd", lddmm: { alpha: 1e-5 } }],
  ] as const)("are followed by %s, which leaves them where they are without", async (_, options) => {
    const o = { ...options, init: "identity", levels: [2, 1] } as const;
    const alone = await register(plateau, plateau, o);
    expect(left(alone.transform)).toBeGreaterThan(2.5);
    const { transform } = await register(plateau, plateau, { ...o, fixedPoints, movingPoints, pointsWeight: 100 });
    expect(left(transform)).toBeLessThan(0.75); // of 3 pixels: smoothness and the rim hold against them
    expect(jacobianDeterminant(transform.displacement(g).data, g).reduce((a, b) => Math.min(a, b))).toBeGreaterThan(0);
  });
  test("count less the less they weigh", async () => {
    const at = async (pointsWeight: number) =>
      left(
        (await register(plateau, plateau, { preset: "bspline", metric: "ssd", init: "identity", fixedPoints, movingPoints, pointsWeight }))
          .transform,
      );
    const [light, heavy] = [await at(0.1), await at(100)];
    expect(light).toBeGreaterThan(2 * heavy);
  });
  test("without partners find them first, in any order", async () => {
    const grown = (p: readonly number[]) => p.map((v) => 32 + 1.08 * (v - 32));
    const cloud = Array.from({ length: 60 }, (_, k) => [14 + ((k * 37) % 36) + 0.3 * (k % 7), 14 + ((k * 23) % 37) + 0.2 * (k % 5)]);
    const other = cloud.map(grown).reverse();
    const { transform } = await register(plateau, plateau, {
      ...{ preset: "bspline", metric: "ssd", init: "identity" },
      ...{ fixedPoints: cloud, movingPoints: other, pointsPaired: false, pointsWeight: 100 },
    });
    const to = fixedPoints.map(grown);
    expect(left(transform, to)).toBeLessThan(0.5 * left({ apply: (p) => p }, to));
  });
});

describe("the landmark term", () => {
  const oblique = grid({ size: [9, 8], spacing: [1.5, 2], origin: [3, -1], direction: [0.8, -0.6, 0.6, 0.8] });
  const map = { matrix: [1.1, 0.1, -0.2, 0.9], offset: [1, 2] };
  const pairs = landmarkPairs(
    [
      [6, 5],
      [4, 9],
    ],
    [
      [8, 6],
      [5, 9.5],
    ],
    2,
    3,
    2,
  );
  if (!pairs) throw new Error("no pairs");
  const term = new LandmarkDistance(pairs, map, oblique);
  const u = randomNormal([2, 8, 9], seeded(1), "f64");
  test("is ½ c mean |A(f + u(f)) − m|², and its slope is that", () => {
    const still = term.value(Tensor.zeros([2, 8, 9])).item();
    // A f + b − m by hand: (1.1·6 + 0.1·5 + 1 − 8, −0.2·6 + 0.9·5 + 2 − 6) = (0.1, −0.7); (0.3, 0.2)... c = 2/9
    const byHand = [
      [1.1 * 6 + 0.1 * 5 + 1 - 8, -0.2 * 6 + 0.9 * 5 + 2 - 6],
      [1.1 * 4 + 0.1 * 9 + 1 - 5, -0.2 * 4 + 0.9 * 9 + 2 - 9.5],
    ];
    expect(still).toBeCloseTo((0.5 * (2 / 9) * byHand.flat().reduce((s, v) => s + v * v, 0)) / 2, 6);
    const low = u.cast("f32");
    const h = 1e-2;
    const along = randomNormal([2, 8, 9], seeded(2));
    const slope = (term.value(low.add(along.mul(h))).item() - term.value(low.sub(along.mul(h))).item()) / (2 * h);
    const curvature = term.curvatureTimes(along).innerProduct(low).item() + slopeAtZero(along);
    expect(slope).toBeCloseTo(curvature, 4); // quadratic: ∇L(u) = ∇L(0) + ∇²L u
    function slopeAtZero(w: Tensor): number {
      return (term.value(w.mul(h)).item() - term.value(w.mul(-h)).item()) / (2 * h);
    }
  });
  test("met in the middle pulls both halves down its own slope", () => {
    const size = [2, 8, 9];
    const on = voxelPairs(pairs, map, oblique);
    const [a, b] = [3, 4].map((seed) => randomNormal(size, seeded(seed)).mul(0.05));
    const force = Tensor.zeros(size);
    const value = landmarkPull(on, a, b, force);
    expect(value).toBeGreaterThan(0);
    // u₂ by δ, u₁ by −δ for a constant δ: their slope is the sum of the forces.
    const h = 1e-2;
    const moved = (s: number) => landmarkPull(on, a.sub(s), b.add(s), Tensor.zeros(size));
    const slope = (moved(h) - moved(-h)) / (2 * h);
    expect(slope / force.sum().item()).toBeCloseTo(1, 1); // slopes of the halves are of the order 0.05
  });
});
