import { describe, expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { randomNormal, randomUniform, Tensor } from "../tensor/index.js";
import { checkAdjoint, checkLinear } from "../testing/operatorLaws.js";
import { densityCompensation, fourierOperator, nonCartesianOperator, nufftOperator, radialTrajectory, spiralTrajectory } from "./index.js";

/** The definition. */
function direct(x: Tensor, k: Tensor): Float64Array {
  const [h, w] = x.shape;
  const [values, q] = [Float64Array.from(x.data), Float64Array.from(k.data)];
  const m = q.length / 2;
  const out = new Float64Array(2 * m);
  for (let s = 0; s < m; s++)
    for (let j = 0; j < h; j++)
      for (let i = 0; i < w; i++) {
        const angle = -2 * Math.PI * ((q[2 * s] * (i - (w >> 1))) / w + (q[2 * s + 1] * (j - (h >> 1))) / h);
        const [c, d] = [Math.cos(angle), Math.sin(angle)];
        const [re, im] = [values[2 * (j * w + i)], values[2 * (j * w + i) + 1]];
        out[2 * s] += (c * re - d * im) / Math.sqrt(h * w);
        out[2 * s + 1] += (c * im + d * re) / Math.sqrt(h * w);
      }
  return out;
}
const off = (a: ArrayLike<number>, b: ArrayLike<number>) => {
  let [e, s] = [0, 0];
  for (let i = 0; i < b.length; i++) {
    e += (a[i] - b[i]) ** 2;
    s += b[i] ** 2;
  }
  return Math.sqrt(e / s);
};
/** Anywhere, also beyond the edge of k-space. */
const anywhere = (m: number, [h, w]: readonly [number, number]) =>
  randomUniform([m, 2], -0.6, 0.6, seeded(7)).mul(Tensor.from([w, h], [1, 2]));

describe.each([[[16, 16]], [[15, 22]], [[7, 9]], [[2, 3]], [[1, 1]]] as const)("non-uniform transform of %j", (shape) => {
  const k = anywhere(60, shape);
  test("it is the sum, within 2e-5", () => {
    const x = randomNormal([...shape], seeded(1), "c64");
    expect(off(nufftOperator(shape, k).apply(x).data, direct(x, k))).toBeLessThan(2e-5);
    expect(off(nufftOperator(shape, k, { type: "c128" }).apply(x.cast("c128")).data, direct(x, k))).toBeLessThan(2e-5);
  });
  test.each(["c64", "c128"] as const)("the adjoint is the transpose, %s, with coils and weights too", (type) => {
    const weights = randomUniform([60], 0.5, 2, seeded(3));
    const maps = randomNormal([3, ...shape], seeded(4), type);
    for (const a of [nufftOperator(shape, k, { type }), nonCartesianOperator(shape, k, { type, maps, weights })]) {
      expect(checkAdjoint(a)).toBeLessThan(type === "c64" ? 1e-6 : 1e-13);
      expect(checkLinear(a)).toBeLessThan(type === "c64" ? 1e-6 : 1e-13);
    }
  });
});

test("on whole frequencies it is the centred unitary transform", () => {
  const x = randomNormal([12, 10], seeded(2), "c64");
  const k = Float32Array.from({ length: 240 }, (_, i) => (i % 2 === 0 ? ((i >> 1) % 10) - 5 : Math.floor((i >> 1) / 10) - 6));
  const found = nufftOperator([12, 10], Tensor.from(k, [120, 2])).apply(x);
  expect(off(found.data, fourierOperator([12, 10]).apply(x).data)).toBeLessThan(2e-5);
});
test("density compensation gives lattice points the weight 1 and radial samples their distance from the centre", () => {
  const k = Float32Array.from({ length: 2 * 24 * 24 }, (_, i) => (i % 2 === 0 ? ((i >> 1) % 24) - 12 : Math.floor((i >> 1) / 24) - 12));
  for (const v of densityCompensation([24, 24], Tensor.from(k, [576, 2])).data) expect(v).toBeCloseTo(1, 2);
  // n samples on a diameter, a cycle apart, and enough spokes: π r / spokes each.
  const radial = densityCompensation([32, 32], radialTrajectory(32, 60, { samples: 32 }), 40).data.slice(0, 32);
  for (const r of [6, 10, 14]) expect(radial[16 + r] / ((Math.PI * r) / 60)).toBeCloseTo(1, 0.7);
});
test("a compensated adjoint shows the image: radial and spiral", () => {
  const shape = [48, 48] as const;
  const disc = Tensor.from(
    Float32Array.from({ length: 2 * 48 * 48 }, (_, i) => {
      const [y, x] = [Math.floor((i >> 1) / 48) - 24, ((i >> 1) % 48) - 24];
      return i % 2 === 0 ? Math.exp(-(x * x + y * y) / 60) : 0;
    }),
    [48, 48],
    "c64",
  );
  for (const k of [radialTrajectory(48, 76), spiralTrajectory(48, 4, 2400)]) {
    const a = nufftOperator(shape, k);
    const back = a.adjoint(a.apply(disc).mul(densityCompensation(shape, k)));
    expect(back.sub(disc).norm().item() / disc.norm().item()).toBeLessThan(0.03);
  }
});
test("what is no trajectory is said", () => {
  expect(() => nufftOperator([8, 8], Tensor.zeros([5, 3]))).toThrow(/kx, ky/);
  expect(() => nufftOperator([8, 8], Tensor.full([5, 2], Number.NaN))).toThrow(/finite/);
  expect(() => nufftOperator([8, 8], Tensor.zeros([5, 2]), { weights: Tensor.ones([4]) })).toThrow(/5 samples/);
});
