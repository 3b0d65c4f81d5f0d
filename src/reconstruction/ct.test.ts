import { describe, expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { ellipses } from "../image/index.js";
import { type Fan, radonOperator } from "../operators/index.js";
import { bm3d, noPrior, plugAndPlay, tikhonov, totalVariation } from "../priors/index.js";
import { randomNormal, Tensor } from "../tensor/index.js";
import { centreOfRotation, fbp, photonWeights, reconstructCt, sinogramNoise, viewWeights } from "./index.js";

const every = (count: number, span = 180) => Float64Array.from({ length: count }, (_, k) => (k * span) / count);
const n = 64;
const truth = ellipses(n);
const angles = every(90);
const sinogram = radonOperator({ angles, detectors: n }).apply(truth);
/** Root mean square error over the disc that every view sees. */
function error(image: Tensor): number {
  const [a, b] = [image.data, truth.data];
  let [sum, count] = [0, 0];
  for (let k = 0; k < n * n; k++) {
    if (Math.hypot((k % n) - n / 2, Math.floor(k / n) - n / 2) > 0.95 * (n / 2)) continue;
    sum += (a[k] - b[k]) ** 2;
    count++;
  }
  return Math.sqrt(sum / count);
}

describe("filtered back-projection", () => {
  test("brings back the phantom from parallel views, in its own units", () => {
    expect(error(fbp(sinogram, { angles, detectors: n }))).toBeLessThan(0.08); // rims of one sample
    expect(error(fbp(sinogram, { angles, detectors: n, filter: "hann" }))).toBeLessThan(0.13);
  });
  test.each([
    ["flat", { source: 120, detector: 60, shape: "flat" }],
    ["arc", { source: 120, detector: 60, shape: "arc" }],
  ] as const)("and from a whole turn of a fan, %s detector", (_, fan: Fan) => {
    const o = { size: [n, n] as const, angles: every(180, 360), detectors: 140, binWidth: 1, centre: 70, fan };
    expect(error(fbp(radonOperator(o).apply(truth), o))).toBeLessThan(0.08);
  });
  test("order and turns of the views do not matter, nor a detector that is off centre", () => {
    const order = Array.from(angles, (_, k) => (k * 37) % 90);
    const shuffled = order.map((k) => angles[k] + (k % 2 ? 180 : 0));
    const o = { size: [n, n] as const, angles: shuffled, detectors: 80, centre: 44.5 };
    const other = fbp(radonOperator(o).apply(truth), o);
    expect(error(other)).toBeLessThan(0.08);
  });
  test("an axis between the samples is put where it was", () => {
    const o = { size: [n, n] as const, angles, detectors: 80, centre: 39.75, axis: [n / 2 - 0.25, n / 2 + 1.5] as const };
    const there = radonOperator(o).apply(truth);
    expect(error(fbp(there, o))).toBeLessThan(0.08);
    expect(error(fbp(there, { ...o, axis: undefined }))).toBeGreaterThan(0.1);
    const whole = 150;
    const fan = { ...o, angles: every(180, 360), detectors: whole, centre: 75, fan: { source: 120, detector: 60 } };
    expect(error(fbp(radonOperator(fan).apply(truth), fan))).toBeLessThan(0.08);
  });
  test("views stand for the angles around them; a gap stands for nothing", () => {
    const w = viewWeights([0, 10, 20, 30], 180); // 30 to 180 is a gap
    for (const v of w) expect(v).toBeCloseTo((10 * Math.PI) / 180, 12);
    expect(viewWeights(every(12), 180).reduce((a, b) => a + b)).toBeCloseTo(Math.PI, 12);
  });
  test("refuses what does not fit", () => {
    expect(() => fbp(sinogram, { angles: every(89), detectors: n })).toThrow(/89 angles/);
    expect(() => fbp(sinogram, { angles, detectors: n, filter: "hanning" as never })).toThrow(/no filter/);
  });
});

test("the centre of rotation is found from the moments of the views", () => {
  const o = { size: [n, n] as const, angles, detectors: 80, centre: 42.7 };
  expect(centreOfRotation(radonOperator(o).apply(truth), angles)).toBeCloseTo(42.7, 1);
});
describe("a network in place of a prior", () => {
  const network = (y: Tensor, g: { readonly size: readonly [number, number] }) =>
    fbp(y, { angles, detectors: n })
      .sub(0.1)
      .reshape(...g.size);
  test("sees the sinogram and its geometry, and its picture is kept from below 0", async () => {
    const r = await reconstructCt({ sinogram, angles, network });
    expect(r.solver).toBe("learned");
    expect(r.lambda).toBe(0);
    expect(r.image.min().item()).toBe(0);
    const free = await reconstructCt({ sinogram, angles, network, nonNegative: false });
    expect(free.image.min().item()).toBeLessThan(-0.05);
  });
  test("has no λ, and answers for the size of its picture", async () => {
    await expect(reconstructCt({ sinogram, angles, network, lambda: 1 })).rejects.toThrow(/no lambda/);
    await expect(reconstructCt({ sinogram, angles, network: () => Tensor.zeros([3, 3]) })).rejects.toThrow(/3 × 3|\[3, 3\]|3×3/);
  });
});
test("the noise of a sinogram is seen through its structure", () => {
  const noisy = sinogram.add(randomNormal([90, n], seeded(3)).mul(0.5));
  expect(sinogramNoise(noisy)).toBeGreaterThan(0.4);
  expect(sinogramNoise(noisy)).toBeLessThan(0.8); // the phantom's thin skull adds to it
});

describe("reconstruction", () => {
  const few = every(20);
  const y = radonOperator({ angles: few, detectors: n })
    .apply(truth)
    .add(randomNormal([20, n], seeded(4)).mul(0.1));
  test("total variation from few views: the gap is certified, and no nearby picture is better", async () => {
    const r = await reconstructCt({ sinogram: y, angles: few, lambda: 0.3, tolerance: 1e-3, iterations: 400 });
    expect(r).toMatchObject({ status: "ok", stop: "converged", solver: "pdhg" });
    expect(r.gap as number).toBeLessThanOrEqual(1e-3 * r.objective);
    expect(error(r.image)).toBeLessThan(0.5 * error(fbp(y, { angles: few, detectors: n })));
    // By its definition, and against pictures nearby.
    const a = radonOperator({ angles: few, detectors: n });
    const objective = (x: Tensor) => {
      const v = x.data;
      let tv = 0;
      for (let k = 0; k < n * n; k++) tv += Math.hypot(k + n < n * n ? v[k + n] - v[k] : 0, k % n < n - 1 ? v[k + 1] - v[k] : 0);
      return 0.5 * a.apply(x).sub(y).square().sum().item() + 0.3 * tv;
    };
    expect(objective(r.image) / r.objective).toBeCloseTo(1, 4);
    for (const seed of [1, 2, 3])
      expect(objective(r.image.add(randomNormal([n, n], seeded(seed)).mul(1e-3)).maximum(0))).toBeGreaterThan(
        r.objective - (r.gap as number),
      );
  });
  test("weights: the gap is certified, no nearby picture is better, and equal ones change nothing", async () => {
    const w = Tensor.from(
      Float32Array.from({ length: y.size }, (_, k) => 0.1 + ((k * 7) % 10) / 5),
      y.shape,
    );
    const r = await reconstructCt({ sinogram: y, angles: few, weights: w.mul(5), lambda: 0.3, tolerance: 1e-3, iterations: 600 });
    expect(r).toMatchObject({ status: "ok", stop: "converged" });
    expect(r.gap as number).toBeLessThanOrEqual(1e-3 * r.objective);
    const a = radonOperator({ angles: few, detectors: n });
    const one = w.div(w.mean());
    const objective = (x: Tensor) => 0.5 * a.apply(x).sub(y).square().mul(one).sum().item() + 0.3 * totalVariation().value(x).item();
    expect(objective(r.image) / r.objective).toBeCloseTo(1, 4);
    for (const seed of [1, 2, 3])
      expect(objective(r.image.add(randomNormal([n, n], seeded(seed)).mul(1e-3)).maximum(0))).toBeGreaterThan(
        r.objective - (r.gap as number),
      );
    const plain = await reconstructCt({ sinogram: y, angles: few, lambda: 0.3, tolerance: 1e-3, iterations: 400 });
    const equal = await reconstructCt({
      sinogram: y,
      angles: few,
      weights: Tensor.full(y.shape, 3),
      lambda: 0.3,
      tolerance: 1e-3,
      iterations: 400,
    });
    // Both are within their gaps of the one minimum.
    expect(Math.abs(equal.objective - plain.objective)).toBeLessThanOrEqual(1e-3 * plain.objective);
  });
  test("photons: where few arrive rays count less, and the picture is better for it", async () => {
    const dense = truth.mul(12);
    const many = every(45);
    const clean = radonOperator({ angles: many, detectors: n }).apply(dense);
    const attenuation = 6.5 / clean.max().item();
    // The deviation of −log of counts of 10⁴ photons in the open beam.
    const noise = clean
      .mul(attenuation / 2)
      .exp()
      .mul(0.01 / attenuation);
    const noisy = clean.add(noise.mul(randomNormal(clean.shape, seeded(4))));
    const weights = photonWeights(noisy, attenuation);
    expect(weights.max().item()).toBe(1);
    const off = async (o: object) =>
      Math.min(
        ...(await Promise.all(
          [0.5, 2, 8].map(async (lambda) => {
            const r = await reconstructCt({ sinogram: noisy, angles: many, lambda, tolerance: 5e-3, iterations: 300, ...o });
            return r.image.sub(dense).norm().item();
          }),
        )),
      );
    expect(await off({ weights })).toBeLessThan(0.9 * (await off({}))); // the best λ of each
  });
  test("weights that are none are refused", async () => {
    const o = { sinogram: y, angles: few };
    await expect(reconstructCt({ ...o, weights: Tensor.ones([2, 3]) })).rejects.toThrow(/one for each ray/);
    await expect(reconstructCt({ ...o, weights: Tensor.zeros(y.shape) })).rejects.toThrow(/not a positive number/);
    await expect(reconstructCt({ ...o, weights: Tensor.ones(y.shape), prior: tikhonov() })).rejects.toThrow(/total variation/);
    expect(() => photonWeights(y, -1)).toThrow(/attenuation is -1/);
  });
  test("algebraic methods come nearer to the data than filtered back-projection, and stay above 0", async () => {
    const misfit = async (solver: "fbp" | "sirt" | "sart" | "cgls") => {
      const r = await reconstructCt({ sinogram: y, angles: few, prior: noPrior(), solver, iterations: 60 });
      if (solver === "sirt" || solver === "sart") expect(r.image.min().item()).toBeGreaterThanOrEqual(0);
      return r.residual.norm().item();
    };
    const plain = await misfit("fbp");
    for (const solver of ["sirt", "sart", "cgls"] as const) expect(await misfit(solver)).toBeLessThan(plain);
  });
  test("other priors go through restore", async () => {
    const r = await reconstructCt({ sinogram: y, angles: few, prior: tikhonov(), lambda: 1 });
    expect(r.solver).toBe("restore");
    expect(error(r.image)).toBeLessThan(0.1);
  });
  test("a denoiser plugs in, its λ the variance of the noise, whatever the units of picture and data", async () => {
    const few = every(30);
    const y = radonOperator({ angles: few, detectors: n }).apply(truth);
    const noisy = y.add(randomNormal(y.shape, seeded(2)).mul(0.3));
    const plain = await reconstructCt({ sinogram: noisy, angles: few, prior: noPrior() });
    const prior = plugAndPlay(bm3d());
    const plugged = await reconstructCt({ sinogram: noisy, angles: few, prior });
    expect(Math.sqrt(plugged.lambda)).toBeCloseTo(plugged.noise, 6);
    expect(error(plugged.image)).toBeLessThan(0.7 * error(plain.image));
    const larger = await reconstructCt({ sinogram: noisy.mul(50), angles: few, prior });
    expect(error(larger.image.div(50))).toBeCloseTo(error(plugged.image), 3);
  });
  test("bad input is said in a sentence", async () => {
    await expect(reconstructCt({ sinogram: y, angles: every(19) })).rejects.toThrow(/19 angles came for a sinogram of 20 views/);
    await expect(reconstructCt({ sinogram: y, angles: every(64) })).rejects.toThrow(/transposed/);
    await expect(reconstructCt({ sinogram: y.mul(Number.NaN), angles: few })).rejects.toThrow(/NaN/);
    await expect(reconstructCt({ sinogram: Tensor.zeros([4]), angles: few })).rejects.toThrow(/\[views, detectors\]/);
    await expect(reconstructCt({ sinogram: y, angles: few, lambda: -1 })).rejects.toThrow(/λ/);
    await expect(reconstructCt({ sinogram: y, angles: few, solver: "sirt", prior: tikhonov() })).rejects.toThrow(/knows no prior/);
  });
});
