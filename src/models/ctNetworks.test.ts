import { describe, expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { scope } from "../core/scope.js";
import { inPrecision } from "../nn/index.js";
import { radonOperator } from "../operators/index.js";
import { fbp, reconstructCt } from "../reconstruction/index.js";
import { randomNormal, randomUniform, Tensor } from "../tensor/index.js";
import { leavesOf, withLeaves } from "../tensor/variables.js";
import { scalarised, taylorFirst } from "../testing/laws.js";
import {
  axisOfHalves,
  ctPostFilter,
  ctPrimalDual,
  ctScanner,
  ellipsePhantom,
  halved,
  loadModel,
  movedSlice,
  networkSlice,
  photographMap,
  simulatedViews,
  trainModel,
} from "./index.js";

const n = 32;
const angles = Array.from({ length: 12 }, (_, k) => 15 * k);
const axis = axisOfHalves(n);
const geometry = { angles, detectors: n, centre: axis, axis: [axis, axis] } as const;
const fine = (seed: number) => ellipsePhantom(2 * n, seeded(seed));
const fineRays = radonOperator({ angles, detectors: 2 * n });
const sinogramOf = (map: Float32Array, seed = 1) => Tensor.from(simulatedViews(map, fineRays, seeded(seed)), [1, angles.length, n]);
const rms = (t: Tensor) => t.square().mean().sqrt().item();

describe("simulated measurements", () => {
  test("are line integrals of the halved picture about the axis of halves, with the noise of 10⁵ photons", () => {
    const map = fine(3);
    const truth = Tensor.from(halved(map, 2 * n), [n, n]);
    const y = sinogramOf(map).reshape(angles.length, n);
    const exact = radonOperator(geometry).apply(truth);
    const noise = exact.mul(0.028).exp().div(1e5).sqrt().div(0.028);
    // Halved pictures have lost some of their rims: that is as large as this noise.
    const misfit = (t: Tensor) => rms(t.sub(y).div(noise));
    expect(misfit(exact)).toBeLessThan(4);
    expect(misfit(radonOperator({ angles, detectors: n }).apply(truth))).toBeGreaterThan(2 * misfit(exact));
    // Twice the same, other photons: the differences have √2 of the noise.
    const other = sinogramOf(map, 2).reshape(angles.length, n);
    expect(rms(y.sub(other).div(noise)) / Math.SQRT2).toBeCloseTo(1, 0);
  });
  test("begin from maps that are nowhere negative, empty outside a circle, and the same for the same seed", () => {
    const picture = { name: "p", width: 40, height: 30, values: Float32Array.from({ length: 1200 }, (_, i) => (i % 7) / 7) };
    const slice = { name: "s", width: n, height: n, values: halved(fine(1), 2 * n) };
    const makers = [
      (seed: number) => ellipsePhantom(n, seeded(seed)),
      (seed: number) => photographMap(picture, n, seeded(seed)),
      (seed: number) => movedSlice(slice, n, seeded(seed)),
    ];
    for (const make of makers) {
      const map = make(5);
      expect(Math.min(...map)).toBeGreaterThanOrEqual(0);
      expect(Math.max(...map)).toBeGreaterThan(0.5);
      expect([map[0], map[n - 1], map[n * n - 1]]).toEqual([0, 0, 0]);
      expect(make(5)).toEqual(map);
      expect(make(6)).not.toEqual(map);
    }
  });
});

describe("the unrolled primal–dual network", () => {
  const scanner = ctScanner(geometry);
  const views = scanner.measured(sinogramOf(fine(3)));
  test("begins as steps of half the way to the data, from filtered back-projection", () => {
    const x = ctPrimalDual({ random: seeded(1), steps: 2 }).forward(views);
    const step = (z: Tensor) => z.add(views.back(views.data.sub(views.apply(z))).mul(0.5));
    expect(rms(x.sub(step(step(views.start))))).toBeLessThan(1e-5);
    const direct = fbp(views.data.reshape(angles.length, n), { ...geometry, filter: "hann" });
    expect(rms(views.start.reshape(n, n).sub(direct))).toBe(0);
  });
  test("its steps are along A*H with A*HA about the identity: they neither grow nor stand still", () => {
    const x = Tensor.from(halved(fine(4), 2 * n), [1, 1, n, n]);
    const ratio = rms(views.back(views.apply(x))) / rms(x);
    expect(ratio).toBeGreaterThan(0.5);
    expect(ratio).toBeLessThan(1.1);
  });
  test("its gradients, through the operator, are those of differences: for data, start and weights", () => {
    const small = { angles: [0, 40, 80, 130], detectors: 8 };
    const { measured } = ctScanner(small);
    const random = seeded(3);
    const y = randomNormal([1, 1, 4, 8], random, "f64").mul(3);
    const start = randomNormal([1, 1, 8, 8], random, "f64");
    const { apply, back } = measured(Tensor.zeros([1, 4, 8]));
    const model = inPrecision(ctPrimalDual({ random: seeded(1), steps: 2, features: 4, memory: 2 }), "f64");
    const weights = leavesOf(model.parameters).map((p) => p.add(randomUniform(p.shape, 0.02, 0.1, random, "f64")));
    const f = (data: Tensor, first: Tensor, ...ws: Tensor[]) =>
      model.with(withLeaves(model.parameters, ws)).forward({ data, start: first, apply, back });
    const all = [y, start, ...weights];
    const { order, remainders } = scope(() => taylorFirst(scalarised(f, all, seeded(4)), all, seeded(5), 1e-4));
    expect(order, `remainders ${remainders}`).toBeGreaterThan(1.8);
  });
  test("one network serves several geometries and odd sizes", () => {
    const model = ctPrimalDual({ random: seeded(1), features: 4, steps: 1 });
    for (const [detectors, count] of [
      [15, 7],
      [24, 3],
    ]) {
      const other = ctScanner({ angles: angles.slice(0, count), detectors });
      expect(model.forward(other.measured(Tensor.ones([2, count, detectors]))).shape).toEqual([2, 1, detectors, detectors]);
    }
  });
  test("what does not fit is refused", () => {
    expect(() => ctPrimalDual({ random: seeded(1), steps: 0 })).toThrow(/0 steps/);
    expect(() => ctPrimalDual({ random: seeded(1) }).forward({ ...views, data: Tensor.zeros([1, 2, 12, n]) })).toThrow(
      /expected \[n, 1, views, bins\]/,
    );
  });
});

test("the post-filter begins as filtered back-projection, and reconstructCt runs it", async () => {
  const model = ctPostFilter({ random: seeded(1), features: 4 });
  const sinogram = sinogramOf(fine(3)).reshape(angles.length, n);
  const r = await reconstructCt({ ...geometry, sinogram, network: networkSlice(model) });
  const direct = fbp(sinogram, { ...geometry, filter: "hann" }).maximum(0);
  expect(rms(r.image.sub(direct))).toBeLessThan(1e-6);
  await expect(loadModel("ct-post-filter", { weights: new Uint8Array(3) })).rejects.toThrow(/safetensors/);
});

test("some tens of steps of the recipe halve the error of filtered back-projection on ellipses it has not seen", async () => {
  const pictures = [7, 8].map((seed) => ({ name: `e${seed}`, width: n, height: n, values: halved(fine(seed), 2 * n) }));
  const { model } = await trainModel("ct-primal-dual", { pictures, steps: 60, every: 30, patch: n, features: 12, depth: 3 });
  const many = Array.from({ length: 30 }, (_, k) => 6 * k);
  const rays = radonOperator({ angles: many, detectors: 2 * n });
  const other = { ...geometry, angles: many };
  for (const seed of [31, 32]) {
    const map = ellipsePhantom(2 * n, seeded(seed));
    const truth = Tensor.from(halved(map, 2 * n), [n, n]);
    const sinogram = Tensor.from(simulatedViews(map, rays, seeded(seed)), [30, n]);
    const { image } = await reconstructCt({ ...other, sinogram, network: networkSlice(model as ReturnType<typeof ctPrimalDual>) });
    expect(rms(image.sub(truth))).toBeLessThan(0.5 * rms(fbp(sinogram, { ...other, filter: "hann" }).sub(truth)));
  }
});
