import { expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { image } from "../image/index.js";
import { inPrecision, type Layer, parameterCount } from "../nn/index.js";
import { grad, Tensor, valueAndGrad } from "../tensor/index.js";
import { project } from "../vision/planar.js";
import {
  cornersOfMaps,
  type HomographySteps,
  homographyByNetwork,
  homographyNetwork,
  mapsOfCorners,
  type PatchPairs,
  patchPair,
  pixelHomography,
  planesOf,
  recipes,
  type TrainingPicture,
  warpPatches,
} from "./index.js";

/** A smooth picture full of blobs, 0 to 1. */
function blobs(width: number, height: number, seed = 1): TrainingPicture {
  const random = seeded(seed);
  const list = Array.from({ length: Math.round((width * height) / 150) }, () => ({
    x: width * random.uniform(),
    y: height * random.uniform(),
    s: 2 + 4 * random.uniform(),
    a: random.uniform() - 0.5,
  }));
  const values = Float32Array.from({ length: width * height }, (_, i) => {
    const [x, y] = [i % width, Math.floor(i / width)];
    let v = 0.5;
    for (const b of list) {
      const r = ((x - b.x) ** 2 + (y - b.y) ** 2) / (2 * b.s ** 2);
      if (r < 12) v += b.a * Math.exp(-r);
    }
    return Math.min(1, Math.max(0, v));
  });
  return { name: `blobs ${seed}`, width, height, values };
}
const moves = [3, -2, -1, 4, 2, 2, -4, 1];
const moved = (dtype: "f32" | "f64" = "f32") => Tensor.from(Float64Array.from(moves), [1, 4, 2], dtype);

test("moves of four corners and maps say the same, and the map in pixels takes each corner to where it moved", () => {
  const maps = mapsOfCorners(moved("f64"), 64);
  const back = cornersOfMaps(maps, 64);
  for (const [i, v] of moves.entries()) expect(back.data[i]).toBeCloseTo(v, 9);
  const h = pixelHomography(maps.data, 64);
  for (const [k, [x, y]] of [
    [0, 0],
    [63, 0],
    [63, 63],
    [0, 63],
  ].entries()) {
    const [u, v] = project(h, x, y);
    expect(u - x).toBeCloseTo(moves[2 * k], 9);
    expect(v - y).toBeCloseTo(moves[2 * k + 1], 9);
  }
});

test("a photometric loss has the derivatives of its differences through warp and tensor DLT", () => {
  const { values } = blobs(32, 32);
  const moving = Tensor.from(Float64Array.from(values), [1, 1, 32, 32]);
  const fixed = warpPatches(moving, mapsOfCorners(moved("f64").mul(0.5), 32));
  const loss = (corners: Tensor) =>
    warpPatches(moving, mapsOfCorners(corners, 32)).sub(fixed).slice([0, 0, 6, 6], [1, 1, 26, 26]).square().sum();
  const at = Tensor.from(Float64Array.of(0.31, 0.12, -0.23, 0.4, 0.17, -0.36, 0.28, 0.11), [1, 4, 2]);
  const slope = grad(loss)(at);
  for (let k = 0; k < 8; k++) {
    const h = 1e-6; // small enough to stay within the cells of linear interpolation
    const shift = (sign: number) =>
      Tensor.from(
        Float64Array.from(at.data, (v, i) => v + (i === k ? sign * h : 0)),
        [1, 4, 2],
      );
    const difference = (loss(shift(1)).item() - loss(shift(-1)).item()) / (2 * h);
    expect(Math.abs(slope.data[k] - difference)).toBeLessThan(1e-5 * (1 + Math.abs(difference)));
  }
});

test("derivatives reach the weights through matching, weighted least squares and the corners", () => {
  const model = inPrecision(homographyNetwork({ random: seeded(2), features: 4 }) as Layer<PatchPairs, HomographySteps>, "f64") as Layer<
    PatchPairs,
    HomographySteps
  >;
  const sizes = planesOf(blobs(110, 110), 64);
  const pair = patchPair(sizes, 64, seeded(5), { disturb: false, reach: 0.05 });
  const patches = {
    fixed: pair.fixed.cast("f64").reshape(1, 1, 64, 64),
    moving: pair.moving.cast("f64").reshape(1, 1, 64, 64),
    steps: ["coarse"] as const,
  };
  for (const name of ["coarse.1.weight", "first.0.weight", "head.4.bias", "scales.log"]) {
    const loss = (w: Tensor) =>
      cornersOfMaps(
        model
          .with({ ...model.parameters, [name]: w })
          .forward(patches)
          .maps.reshape(1, 3, 3),
        64,
      )
        .square()
        .sum();
    const w = model.parameters[name];
    const slope = grad(loss)(w);
    const random = seeded(9);
    const way = Tensor.from(
      Float64Array.from({ length: w.size }, () => random.normal()),
      w.shape,
    );
    const h = 1e-5;
    const difference = (loss(w.add(way.mul(h))).item() - loss(w.sub(way.mul(h))).item()) / (2 * h);
    const along = slope.mul(way).sum().item();
    expect(Math.abs(along)).toBeGreaterThan(0);
    expect(Math.abs(along - difference)).toBeLessThan(1e-4 * (1e-3 + Math.abs(difference))); // a rectifier may bend between the two
  }
});

test("gain and offset of either picture change nothing, and equal pictures have the identity", () => {
  const model = homographyNetwork({ random: seeded(1), features: 8 });
  const { values } = blobs(64, 64, 3);
  const a = Tensor.from(values, [1, 1, 64, 64]);
  const sizes = planesOf(blobs(110, 110), 64);
  const { fixed, moving } = patchPair(sizes, 64, seeded(1), { disturb: false, reach: 0.05 });
  const [f, m] = [fixed, moving].map((t) => t.reshape(1, 1, 64, 64));
  const one = cornersOfMaps(model.forward({ fixed: f, moving: m, steps: ["coarse"] }).maps.reshape(1, 3, 3), 64).data;
  const other = cornersOfMaps(
    model.forward({ fixed: f.mul(3).add(0.2), moving: m.mul(0.5), steps: ["coarse"] }).maps.reshape(1, 3, 3),
    64,
  ).data;
  for (const k of one.keys()) expect(other[k]).toBeCloseTo(one[k], 1); // 1e-5 is added to each variance
  const still = cornersOfMaps(
    model
      .forward({ fixed: a, moving: a, steps: ["coarse", "fine"] })
      .maps.slice([0, 1], [1, 2])
      .reshape(1, 3, 3),
    64,
  );
  expect(Math.max(...Array.from(still.data, Math.abs))).toBeLessThan(4); // of places 8 apart, untrained
  expect(parameterCount(homographyNetwork({ random: seeded(1) }))).toBeLessThan(300_000);
});

test("patches of other sizes than multiples of 64 are refused in words", () => {
  const model = homographyNetwork({ random: seeded(1), features: 4 });
  const x = Tensor.zeros([1, 1, 40, 40]);
  expect(() => model.forward({ fixed: x, moving: x })).toThrow(/multiple of 64/);
});

test("a training pair shows the picture at H p, and its corners move by what is said", () => {
  const picture = blobs(140, 120, 4);
  const { fixed, moving, corners } = patchPair(planesOf(picture, 64), 64, seeded(8), { disturb: false });
  const warped = warpPatches(moving.reshape(1, 1, 64, 64), mapsOfCorners(corners.reshape(1, 4, 2), 64));
  const seen = warpPatches(Tensor.ones([1, 1, 64, 64]), mapsOfCorners(corners.reshape(1, 4, 2), 64)).data;
  let [worst, count] = [0, 0];
  for (const [k, v] of seen.entries())
    if (v > 0.999) {
      worst = Math.max(worst, Math.abs(warped.data[k] - fixed.data[k]));
      count++;
    }
  expect(count).toBeGreaterThan(1000);
  expect(worst).toBeLessThan(1e-3); // f32 coordinates on a smooth picture
});

test.each(["homography", "homography-unsupervised"] as const)(
  "a step of training %s has a finite loss with derivatives for every weight",
  async (name) => {
    const plan = await recipes[name].plan([blobs(100, 100, 5)], [blobs(100, 100, 6)], { batch: 2, patch: 64, features: 4 });
    const batch = plan.data(seeded(1), 0);
    const names = Object.keys(plan.model.parameters);
    const loss = (...weights: Tensor[]) =>
      plan.loss(plan.model.with(Object.fromEntries(names.map((n, i) => [n, weights[i]]))) as typeof plan.model, batch, undefined as never);
    const { value, gradients } = valueAndGrad(loss)(...Object.values(plan.model.parameters));
    expect(Number.isFinite(value.item())).toBe(true);
    for (const [i, n] of names.entries()) {
      expect(gradients[i].data.every(Number.isFinite), n).toBe(true);
      // The last convolution of the head begins at 0, and hides what is before it in the head from the loss.
      if (!n.startsWith("head")) expect(gradients[i].norm().item(), n).toBeGreaterThan(0);
    }
  },
);

test("Lucas–Kanade after the network makes its word exact where the pictures differ little", () => {
  const picture = blobs(200, 200, 7);
  const model = homographyNetwork({ random: seeded(1) });
  const { fixed, moving, corners } = patchPair([{ ...picture }], 128, seeded(3), { disturb: false, reach: 0.02 });
  const [a, b] = [fixed, moving].map((t) => image(t.data.slice() as Float32Array, { size: [128, 128] }));
  const r = homographyByNetwork(model, a, b);
  expect(r.status).toBe("ok");
  expect(r.polished).toBe(true);
  for (const [k, [x, y]] of [
    [0, 0],
    [127, 0],
    [127, 127],
    [0, 127],
  ].entries()) {
    const [u, v] = project(r.h, x, y);
    expect(Math.hypot(u - x - corners.data[2 * k], v - y - corners.data[2 * k + 1])).toBeLessThan(0.01); // no noise, and a smooth picture
  }
  expect(r.steps).toHaveLength(5);
  const alone = homographyByNetwork(model, a, b, { refine: "none" });
  expect(Array.from(alone.h)).toEqual(Array.from(alone.steps[4]));
});
