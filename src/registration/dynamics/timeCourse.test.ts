import { describe, expect, test } from "vitest";
import { seeded } from "../../core/random.js";
import { exponential, exponentialModel, gammaModel, gammaVariate, t1, tofts, toftsModel } from "./curves.js";
import { constant, free, lowRank } from "./projection.js";
import { VariableProjection } from "./separable.js";
import { checkedTimes, squaredResidual } from "./timeCourse.js";

/** Pixels' curves as frames: frames[t][i] = curves[i](t). */
const framesOf = (times: readonly number[], curves: readonly ((t: number) => number)[]) =>
  times.map((t) => Float64Array.from(curves, (c) => c(t)));
const even = (n: number, step = 1) => Array.from({ length: n }, (_, k) => k * step);

describe("variable projection", () => {
  test("the residual is orthogonal to every function of the fit", () => {
    const random = seeded(5);
    const times = even(14, 0.7);
    const input = times.map((t) => t * Math.exp(-t));
    for (const model of [exponentialModel(), gammaModel(), toftsModel({ input })]) {
      const projection = new VariableProjection(model, times);
      for (let trial = 0; trial < 5; trial++) {
        const y = times.map(() => random.normal());
        const value = projection.fit(y);
        const left = y.map((v, t) => v - projection.predicted[t]);
        expect(left.reduce((s, r) => s + r * r, 0)).toBeCloseTo(value, 10);
        const phi = new Float64Array(model.linear * times.length);
        model.basis(times, projection.beta, phi);
        for (let j = 0; j < model.linear; j++) {
          const column = phi.subarray(j * times.length, (j + 1) * times.length);
          const inner = left.reduce((s, r, t) => s + r * column[t], 0);
          expect(Math.abs(inner)).toBeLessThan(1e-9 * Math.hypot(...column) * Math.hypot(...y)); // f64, sums of 14 terms, a factor for the condition of Φ
        }
        // The coefficients are those of the prediction.
        for (let t = 0; t < times.length; t++) {
          const s = Array.from({ length: model.linear }, (_, j) => projection.coefficients[j] * phi[j * times.length + t]);
          expect(s.reduce((a, b) => a + b, 0)).toBeCloseTo(projection.predicted[t], 6);
        }
      }
    }
  });
  test("a fit is never worse than the best node of its grid, and noise does not move it below", () => {
    const random = seeded(6);
    const times = even(12);
    for (let trial = 0; trial < 5; trial++) {
      const y = times.map((t) => 3 - 2 * Math.exp(-t / 4) + 0.3 * random.normal());
      const nodes = new VariableProjection(exponentialModel(), times, 0).fit(y);
      expect(new VariableProjection(exponentialModel(), times).fit(y)).toBeLessThanOrEqual(nodes * (1 + 1e-12));
    }
  });
});

describe("models of brightness over time find the parameters that made a series", () => {
  test("exponential", () => {
    const times = even(12, 0.5);
    const truth = [
      [10, 5, 0.8],
      [3, -2, 2.2],
    ];
    const { maps, predicted } = exponential().fit(
      framesOf(
        times,
        truth.map(
          ([a, b, tau]) =>
            (t) =>
              a + b * Math.exp(-t / tau),
        ),
      ),
      times,
    );
    for (const [i, [a, b, tau]] of truth.entries()) {
      expect(maps.offset[i]).toBeCloseTo(a, 4);
      expect(maps.amplitude[i]).toBeCloseTo(b, 4);
      expect(maps.tau[i]).toBeCloseTo(tau, 4);
      expect(predicted[3][i]).toBeCloseTo(a + b * Math.exp(-times[3] / tau), 4);
    }
  });
  test("T1 after inversion, from magnitudes and with readout pulses; after saturation, from signed values", () => {
    const times = [100, 180, 260, 1100, 1180, 1260, 2100, 3100];
    const recovery = (a: number, b: number, star: number) => (t: number) => a - b * Math.exp(-t / star);
    const truth = [
      [100, 190, 1000],
      [80, 155, 600],
      [60, 110, 250],
    ];
    const curves = truth.map(([a, b, star]) => recovery(a, b, star));
    const inverted = t1().fit(
      framesOf(
        times,
        curves.map((c) => (t) => Math.abs(c(t))),
      ),
      times,
    );
    const saturated = t1({ kind: "saturation" }).fit(framesOf(times, curves), times);
    for (const [i, [a, b, star]] of truth.entries()) {
      expect(inverted.maps.t1[i] / (star * (b / a - 1))).toBeCloseTo(1, 3);
      expect(saturated.maps.t1[i] / star).toBeCloseTo(1, 4);
      for (const [t, p] of inverted.predicted.entries()) expect(p[i]).toBeCloseTo(Math.abs(curves[i](times[t])), 3); // magnitudes stay magnitudes
    }
  });
  test("gamma variate", () => {
    const times = even(30);
    const shape = (base: number, height: number, arrival: number, width: number, alpha: number) => (t: number) => {
      const x = (t - arrival) / width;
      return x > 0 ? base + height * x ** alpha * Math.exp(alpha * (1 - x)) : base;
    };
    const truth = [
      [20, 60, 4.3, 6, 2],
      [50, -15, 8, 4, 3],
    ] as const;
    const { maps } = gammaVariate().fit(
      framesOf(
        times,
        truth.map(([base, height, arrival, width, alpha]) => shape(base, height, arrival, width, alpha)),
      ),
      times,
    );
    for (const [i, [base, height, arrival, width, alpha]] of truth.entries()) {
      expect(maps.baseline[i]).toBeCloseTo(base, 1);
      expect(maps.amplitude[i] / height).toBeCloseTo(1, 1);
      expect(maps.arrival[i] + maps.timeToPeak[i]).toBeCloseTo(arrival + width, 1); // the peak; arrival and shape trade against each other
      expect(maps.shape[i] / alpha).toBeGreaterThan(0.5);
    }
  });
  test("Tofts, the convolution exact for an input that is linear between frames", () => {
    const times = even(40, 0.25);
    const input = times.map((t) => (t < 1 ? 0 : Math.min(1, t - 1) * 5));
    // a = 5 min(1, t − 1) for t ≥ 1: its convolution with exp(−k t) in closed form.
    const ramp = (s: number, k: number) => (s > 0 ? (5 / k) * (s - (1 - Math.exp(-k * s)) / k) : 0);
    const truth = [
      [30, 0.1, 0.4, 0.9],
      [12, 0.02, 0.15, 0.3],
    ];
    const a = (t: number) => (t < 1 ? 0 : Math.min(1, t - 1) * 5);
    const curves = truth.map(
      ([base, vp, k, kep]) =>
        (t: number) =>
          base + vp * a(t) + k * (ramp(t - 1, kep) - ramp(t - 2, kep)),
    );
    const { maps } = tofts({ input }).fit(framesOf(times, curves), times);
    for (const [i, [base, vp, k, kep]] of truth.entries()) {
      expect(maps.baseline[i]).toBeCloseTo(base, 3);
      expect(maps.vp[i]).toBeCloseTo(vp, 3);
      expect(maps.ktrans[i]).toBeCloseTo(k, 3);
      expect(maps.kep[i]).toBeCloseTo(kep, 2);
      expect(maps.ve[i]).toBeCloseTo(k / kep, 2);
    }
  });
  test("low rank: a series of as many courses is explained wholly, and predictions are a projection", () => {
    const random = seeded(2);
    const times = even(9);
    const courses = [(t: number) => Math.exp(-t / 3), (t: number) => t / 9];
    const weights = Array.from({ length: 40 }, () => [random.normal(), random.normal(), random.normal()]);
    const frames = framesOf(
      times,
      weights.map(
        ([m, a, b]) =>
          (t) =>
            m + a * courses[0](t) + b * courses[1](t),
      ),
    );
    const whole = lowRank().fit(frames, times);
    expect(squaredResidual(frames, whole.predicted).rms).toBeLessThan(1e-6); // predictions are f32
    const one = lowRank({ components: 1 });
    const { predicted } = one.fit(frames, times);
    expect(squaredResidual(predicted, one.fit(predicted, times).predicted).rms).toBeLessThan(1e-6);
    expect(Object.keys(whole.maps)).toEqual(["mean", "component1", "component2"]);
  });
  test("free: straight lines pass unchanged, at uneven times too; a larger λ leaves smoother curves further from the data", () => {
    const random = seeded(3);
    const times = [0, 1, 1.5, 4, 7, 7.5, 9];
    const lines = framesOf(
      times,
      Array.from({ length: 10 }, () => {
        const [a, b] = [random.normal(), random.normal()];
        return (t: number) => a + b * t;
      }),
    );
    expect(squaredResidual(lines, free({ lambda: 100 }).fit(lines, times).predicted).rms).toBeLessThan(1e-6);
    const noise = times.map(() => Float64Array.from({ length: 200 }, () => random.normal()));
    const left = [0.01, 1, 100].map((lambda) => squaredResidual(noise, free({ lambda }).fit(noise, times).predicted).rms);
    expect(left[0]).toBeLessThan(left[1]);
    expect(left[1]).toBeLessThan(left[2]);
    // Noise alone: cross-validation smooths it away to nearly the lines, two of the seven freedoms.
    const auto = squaredResidual(noise, free().fit(noise, times).predicted).rms;
    expect(auto).toBeGreaterThan(0.9 * Math.sqrt(5 / 7));
  });
  test("no dynamics: the mean over time, for every frame", () => {
    const frames = [Float64Array.of(1, 5), Float64Array.of(3, 5)];
    expect(Array.from(constant().fit(frames, [0, 1]).predicted[0])).toEqual([2, 5]);
  });
});

test("times: missing where physics needs them, too few, not finite, all the same: one sentence each", () => {
  expect(() => checkedTimes(t1(), undefined, 8)).toThrow(/times are missing/);
  expect(checkedTimes(lowRank(), undefined, 3)).toEqual([0, 1, 2]);
  expect(() => checkedTimes(t1(), [1, 2], 8)).toThrow(/2 times came for 8 frames/);
  expect(() => checkedTimes(t1(), [1, Number.NaN, 3, 4], 4)).toThrow(/frame 1/);
  expect(() => checkedTimes(t1(), [1, 1, 1, 1, 1], 5)).toThrow(/different times/);
  expect(() => lowRank({ components: 0 })).toThrow(/components/);
  expect(() => free({ lambda: -1 })).toThrow(/positive/);
  expect(() => tofts({ input: [0, 0] })).toThrow(/not all 0/);
  expect(() => tofts({ input: [1, 2] }).fit([[1], [2], [3]], [0, 1, 2])).toThrow(/2 values for 3 frames/);
});
